"""Rows of an earlier moment, where the statements that read the live rows find them.

A connection of its own pool has empty temporary tables like those of the projections. A read puts
the rows it needs there, reads, and leaves nothing: they are emptied when its transaction ends. So
what was known once is read by the very SQL that reads what is known now.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager

import msgspec
import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from adapters.outbound.reading import (
    POOL_RECONNECT_SECONDS,
    POOL_WAIT_SECONDS,
    READ_SETTINGS,
    Reading,
    reading,
)
from adapters.outbound.row_sql import table_sql
from projections.kernel import Projection, Row

_TEMPORARY = "pg_temp"
_SETTINGS = (
    *READ_SETTINGS,
    f"search_path={_TEMPORARY},public",
    "temp_buffers=128MB",  # taken as needed: the rows of 20,000 members stay out of files
)
_OPTIONS = " ".join(f"-c {setting}" for setting in _SETTINGS)
_CONNECTIONS_MAX = 4
_ROWS_AT_ONCE = 5_000

_encoder = msgspec.json.Encoder()


def scratch_pool(database_url: str) -> ConnectionPool[Reading]:
    """Connections whose statements find temporary tables only."""
    return ConnectionPool(
        database_url,
        connection_class=psycopg.Connection[DictRow],
        kwargs={"row_factory": dict_row, "options": _OPTIONS},
        min_size=0,
        max_size=_CONNECTIONS_MAX,
        timeout=POOL_WAIT_SECONDS,
        reconnect_timeout=POOL_RECONNECT_SECONDS,
        check=ConnectionPool.check_connection,
        name="scratch",
        open=True,
    )


class Scratch:
    """One read's rows of some projections; stands where the reads have the pool of the live rows.

    They are derived when the read begins.
    """

    def __init__(
        self,
        pool: ConnectionPool[Reading],
        projections: Collection[Projection],
        rows: Callable[[], Iterable[Row]],
    ) -> None:
        self._pool = pool
        self._projections = projections
        self._rows = rows

    @contextmanager
    def connection(self) -> Iterator[Reading]:
        """A connection on which these rows are all there is."""
        with reading(self._pool) as conn:
            for projection in self._projections:
                _make_tables(conn, projection)
            with conn.pipeline():  # rows are put in while the next are derived
                _fill(conn, self._rows())
            yield conn


def _make_tables(conn: Reading, projection: Projection) -> None:
    """As a connection's first read of the projection needs them; later ones find them."""
    first = f"{_TEMPORARY}.{projection.tables[0].table}"
    found = conn.execute("SELECT to_regclass(%s) AS made", (first,)).fetchone()
    if found is not None and found["made"] is not None:
        return
    for row_type in projection.tables:
        table, *indexes = table_sql(_TEMPORARY, row_type).create
        for statement in (f"{table} ON COMMIT DELETE ROWS", *indexes):
            conn.execute(statement)


def _fill(conn: Reading, rows: Iterable[Row]) -> None:
    waiting: dict[type[Row], list[Row]] = {}
    for row in rows:
        of_table = waiting.setdefault(type(row), [])
        of_table.append(row)
        if len(of_table) == _ROWS_AT_ONCE:
            _insert(conn, type(row), waiting.pop(type(row)))
    for row_type, of_table in waiting.items():
        _insert(conn, row_type, of_table)


def _insert(conn: Reading, row_type: type[Row], rows: list[Row]) -> None:
    conn.execute(table_sql(_TEMPORARY, row_type).upsert, (_encoder.encode(rows).decode(),))
