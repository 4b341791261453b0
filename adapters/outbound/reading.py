"""How reads reach the database: a pool of read-only connections, one moment for each read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from typing import Any, Protocol

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from projections.catalog import PROJECTIONS

READ_SETTINGS = (
    "timezone=UTC",
    # Every read is a page or one client: always by an index, also while there are no
    # statistics of a table that has grown in the last minute.
    "enable_seqscan=off",
    "enable_hashjoin=off",
    "enable_mergejoin=off",
    "jit=off",
)
# A statement names its tables without their schema: here they are the live ones, on a connection
# of ``scratch.py`` those of an earlier moment.
_SCHEMAS = ",".join((*(projection.name for projection in PROJECTIONS), "public"))
_OPTIONS = " ".join(f"-c {setting}" for setting in (*READ_SETTINGS, f"search_path={_SCHEMAS}"))

Reading = psycopg.Connection[DictRow]

HOLDS = "({0}.first_day <= %(on)s AND ({0}.last_day IS NULL OR {0}.last_day >= %(on)s))"
"""SQL: the span of this alias holds on the day."""


POOL_WAIT_SECONDS = 3.0
"""So long a request waits for a connection."""
POOL_RECONNECT_SECONDS = 0.5
"""So long a pool tries by itself to connect. The next request tries anew, at once: a pool that went
on by itself would try ever more rarely, and stay away long after the database has come back."""


class NotFound(Exception):
    """There is no such thing, or the viewer may not see it."""


class ReadsUnavailable(Exception):
    """The database cannot be reached now, or a projection's tables are not made yet."""


def read_pool(database_url: str, max_size: int = 8) -> ConnectionPool[Reading]:
    """A pool of connections for reads: what one read sees is one moment of the database."""

    def configure(conn: psycopg.Connection[Any]) -> None:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        conn.read_only = True
        # A rebuilt projection has new tables: no statement may be tied to the old ones.
        conn.prepare_threshold = None

    return ConnectionPool(
        database_url,
        connection_class=psycopg.Connection[DictRow],
        kwargs={"row_factory": dict_row, "options": _OPTIONS},
        min_size=1,
        max_size=max_size,
        timeout=POOL_WAIT_SECONDS,
        reconnect_timeout=POOL_RECONNECT_SECONDS,
        configure=configure,
        check=ConnectionPool.check_connection,
        name="reads",
        open=True,
    )


class Connections(Protocol):
    """What reads read from: the pool of the live rows, or rows of an earlier moment."""

    def connection(self) -> AbstractContextManager[Reading]:
        """A connection for one read."""
        ...


@contextmanager
def reading(pool: Connections) -> Iterator[Reading]:
    """A connection for one read. Raises ``ReadsUnavailable``."""
    try:
        with pool.connection() as conn:
            yield conn
    except (
        psycopg.OperationalError,
        psycopg.errors.UndefinedTable,
        psycopg.errors.InvalidSchemaName,
    ) as error:
        raise ReadsUnavailable(type(error).__name__) from None


def require_visible(conn: Reading, client_id: str, viewer: str | None, on: date) -> None:
    """Return if there is such a client and the viewer may see it; else raise ``NotFound``.

    A producer sees a client while it is the agent of record (handbook §3); ``None`` sees all.
    """
    query = _IS_THERE if viewer is None else _SEEN_BY
    facts = {"client": client_id, "viewer": viewer, "on": on}
    if conn.execute(query, facts).fetchone() is None:
        raise NotFound


_IS_THERE = "SELECT 1 FROM client WHERE client_id = %(client)s"
_SEEN_BY = f"""
SELECT 1 FROM agent a
WHERE a.client_id = %(client)s AND a.producer_id = %(viewer)s AND {HOLDS.format("a")}
"""
