"""A projection's tables made anew beside those that serve, on PostgreSQL.

They are in a schema of their own, ``<name>__next``, until they are switched: then that schema gets
the projection's name, and the old one is ``<name>__old`` until it is dropped.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import msgspec
import psycopg
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from adapters.outbound.positions_sql import (
    FORGET,
    MADE,
    MARK_ALL,
    MARKS,
    PARK,
    bookmark,
    json_of,
)
from adapters.outbound.rebuild_compare import compare
from adapters.outbound.row_sql import fingerprint, table_sql
from processors.ports import ParkedClient, RowsRejected, RowsUnavailable
from processors.rebuild import Compared, RebuildRefused, RebuildShare, RebuildState
from projections.kernel import Projection, Row

_OPTIONS = "-c timezone=UTC -c synchronous_commit=off -c jit=off -c maintenance_work_mem=256MB"
_TABLES_AT_ONCE = 2
_READERS_SECONDS = 10.0
"""So long a switch waits for those who began to read before it."""
_LOOK_SECONDS = 0.01

_STATE = """
SELECT state, head, started_at, fingerprint FROM rebuilds WHERE projection = %s
"""
_SHARES = """
SELECT share, after_stream, streams, events, is_done FROM rebuild_shares
WHERE projection = %s ORDER BY share
"""
_BEGIN = """
INSERT INTO rebuilds (projection, fingerprint, head, state, started_at)
VALUES (%s, %s, %s, 'filling', %s)
"""
_BEGIN_SHARES = """
INSERT INTO rebuild_shares SELECT %s, generate_series(0, %s - 1), '', 0, 0, false
"""
_FILLED = """
UPDATE rebuild_shares SET after_stream = %s, streams = %s, events = %s, is_done = %s
WHERE projection = %s AND share = %s AND (after_stream, events, is_done) = (%s, %s, false)
"""
_BUILT = "UPDATE rebuilds SET state = 'built' WHERE projection = %s"
_HAS_KEY = """
SELECT EXISTS (SELECT FROM pg_index WHERE indrelid = %s::regclass AND indisprimary)
"""
_TWICE = """
SELECT DISTINCT client_id FROM (
    SELECT client_id, count(*) OVER (PARTITION BY {}) AS times FROM {}
) keys WHERE times > 1
"""
_FIRST_EVENTS = """
SELECT originator_id, notification_id FROM stored_events
WHERE originator_id = ANY(%s) AND originator_version = 1
"""
_LOCK_MARKS = MARKS.rstrip() + " FOR UPDATE\n"
_OLDER_READERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND backend_type = 'client backend' AND backend_xmin IS NOT NULL AND xact_start < %s
"""
_MOVE_MARKS = """
UPDATE partition_positions AS served
SET position = beside.position, writes = greatest(served.writes, beside.writes) + 1
FROM partition_positions AS beside
WHERE served.projection = %s AND beside.projection = %s AND beside.partition = served.partition
"""
_MOVE_PARKED = "UPDATE parked_clients SET projection = %s WHERE projection = %s"
_SWITCHED = """
UPDATE rebuilds SET state = 'switched', switched_at = clock_timestamp() WHERE projection = %s
"""

_Connection = psycopg.Connection[TupleRow]


class PostgresRebuildStore:
    """``RebuildStore`` on PostgreSQL. Safe for several threads and processes."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url

    @contextlib.contextmanager
    def alone(self, projection: str) -> Iterator[bool]:
        """The lock is the connection's: it goes with the process, however that ends."""
        with self._connection() as conn:
            row = conn.execute(
                "SELECT pg_try_advisory_lock(hashtext(%s))", (f"rebuild {projection}",)
            ).fetchone()
            assert row is not None
            yield bool(row[0])

    def begin(
        self, projection: Projection, beside: Projection, head: int, shares: int, now: datetime
    ) -> RebuildState:
        found = self.state(projection, beside)
        if found is None:
            self._make(projection, beside, head, shares, now)
            found = self.state(projection, beside)
            assert found is not None
        if found.state == "switched":
            raise RebuildRefused(
                f"The tables of before the last switch are kept as {_old(projection)}: "
                f"`ofrecord rebuild drop {projection.name}` drops them."
            )
        if not found.is_of_this_program:
            raise RebuildRefused(
                f"Another version of this program began to rebuild {projection.name}: "
                f"`ofrecord rebuild drop {projection.name}` drops what it made."
            )
        return found

    def state(self, projection: Projection, beside: Projection) -> RebuildState | None:
        with self._connection() as conn:
            row = conn.execute(_STATE, (projection.name,)).fetchone()
            if row is None:
                return None
            shares = [RebuildShare(*share) for share in conn.execute(_SHARES, (projection.name,))]
        state, head, started_at, made_for = row
        is_ours = made_for == fingerprint(beside)
        return RebuildState(projection.name, state, head, started_at, is_ours, shares)

    def fill(
        self,
        projection: Projection,
        beside: Projection,
        before: RebuildShare,
        after: RebuildShare,
        rows: Iterable[Row],
        parked: Collection[ParkedClient],
    ) -> bool:
        by_table: dict[type[Row], list[Row]] = {}
        for row in rows:
            by_table.setdefault(type(row), []).append(row)
        reached = (after.after_stream, after.streams, after.events, after.is_done)
        stood = (projection.name, before.number, before.after_stream, before.events)
        with self._connection() as conn, conn.transaction():
            if conn.execute(_FILLED, (*reached, *stood)).rowcount != 1:
                return False
            for row_type, of_table in by_table.items():
                copy = table_sql(beside.name, row_type).copy
                with conn.cursor() as cursor, cursor.copy(copy) as copying:
                    for row in of_table:
                        copying.write_row(msgspec.structs.astuple(row))
            if parked:
                conn.execute(PARK, (json_of(parked),))
        return True

    def complete(self, projection: Projection, beside: Projection, now: datetime) -> None:
        with ThreadPoolExecutor(_TABLES_AT_ONCE) as pool:
            for done in [
                pool.submit(self._complete_table, beside, row_type, now)
                for row_type in beside.tables
            ]:
                done.result()
        with self._connection() as conn, conn.transaction():
            found = conn.execute(_STATE, (projection.name,)).fetchone()
            assert found is not None
            conn.execute(MARK_ALL, (beside.name, found[1], 0))
            conn.execute(_BUILT, (projection.name,))

    def compare(
        self, projection: Projection, beside: Projection, clients: Collection[str] | None
    ) -> Compared:
        with self._connection() as conn, conn.transaction():
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            old = bookmark(conn.execute(MARKS, (projection.name,)).fetchall())
            new = bookmark(conn.execute(MARKS, (beside.name,)).fetchall())
            return Compared(compare(conn, projection.name, beside.name, clients), old, new)

    def switch(
        self, projection: Projection, beside: Projection, catch_up: Callable[[int], int]
    ) -> None:
        name = projection.name
        with self._connection() as conn, conn.transaction():
            conn.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (name,))
            stands = bookmark(conn.execute(_LOCK_MARKS, (name,)).fetchall())
            reached = catch_up(max((mark.position for mark in stands.marks.values()), default=0))
            self._wait_for_readers(conn)
            new = bookmark(conn.execute(_LOCK_MARKS, (beside.name,)).fetchall())
            assert new.marks.keys() == stands.marks.keys(), (new, stands)
            # The old ones may be ahead of a log whose end was cut off.
            assert all(
                new.marks[n].position >= min(mark.position, reached)
                for n, mark in stands.marks.items()
            )
            for before, after in ((name, _old(projection)), (beside.name, name)):
                rename = SQL("ALTER SCHEMA {} RENAME TO {}")
                conn.execute(rename.format(Identifier(before), Identifier(after)))
            conn.execute(_MOVE_MARKS, (name, beside.name))
            conn.execute("DELETE FROM parked_clients WHERE projection = %s", (name,))
            conn.execute(_MOVE_PARKED, (name, beside.name))
            conn.execute(FORGET, (beside.name,))
            made_for = "UPDATE projections SET fingerprint = %s WHERE projection = %s"
            conn.execute(made_for, (fingerprint(projection), name))
            conn.execute(_SWITCHED, (name,))

    def drop(self, projection: Projection, beside: Projection) -> None:
        with self._connection() as conn, conn.transaction():
            found = conn.execute(_STATE, (projection.name,)).fetchone()
            if found is None:
                return
            schema = _old(projection) if found[0] == "switched" else beside.name
            conn.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(schema)))
            conn.execute(FORGET, (beside.name,))
            conn.execute("DELETE FROM rebuilds WHERE projection = %s", (projection.name,))

    def _make(
        self, projection: Projection, beside: Projection, head: int, shares: int, now: datetime
    ) -> None:
        with self._connection() as conn, conn.transaction():
            conn.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (projection.name,))
            if not conn.execute(MARKS, (projection.name,)).fetchall():
                raise RebuildRefused(
                    f"There are no tables of {projection.name} yet: `ofrecord serve` makes them."
                )
            conn.execute(SQL("CREATE SCHEMA {}").format(Identifier(beside.name)))
            for row_type in beside.tables:
                conn.execute(table_sql(beside.name, row_type).create_bare)
            conn.execute(MADE, (beside.name, fingerprint(beside)))
            conn.execute(_BEGIN, (projection.name, fingerprint(beside), head, now))
            conn.execute(_BEGIN_SHARES, (projection.name, shares))

    def _complete_table(self, beside: Projection, row_type: type[Row], now: datetime) -> None:
        """Make what the bare table lacks, unless that was done before a crash."""
        table = Identifier(beside.name, row_type.table)
        with self._connection() as conn:
            name = table.as_string(conn)
            row = conn.execute(_HAS_KEY, (name,)).fetchone()
            assert row is not None
            key, *indexes = table_sql(beside.name, row_type).complete
            if not row[0]:
                self._make_key(conn, beside, row_type, (*indexes, key), now)
            conn.execute(SQL("VACUUM (ANALYZE) {}").format(table))  # as if it had grown by and by

    def _make_key(
        self,
        conn: _Connection,
        beside: Projection,
        row_type: type[Row],
        statements: Sequence[str],
        now: datetime,
    ) -> None:
        """Make key and indexes; clients whose rows have one key twice are parked."""
        while True:
            try:
                with conn.transaction():
                    for statement in statements:
                        conn.execute(statement)
            except psycopg.errors.UniqueViolation as error:
                _park_those_with_a_key_twice(conn, beside, row_type, type(error).__name__, now)
            else:
                return

    def _wait_for_readers(self, conn: _Connection) -> None:
        """Wait for those who began to read before the new tables were as far as the old ones: to
        the statements that are still to come in their transactions, these would look older.
        """
        row = conn.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        deadline = time.monotonic() + _READERS_SECONDS
        while conn.execute(_OLDER_READERS, row).fetchone() != (0,):
            if time.monotonic() > deadline:
                raise RebuildRefused(
                    "Somebody has been reading in one transaction of the database for too long: "
                    "nothing is switched. Try again when that has ended."
                )
            time.sleep(_LOOK_SECONDS)
            conn.execute("SELECT pg_stat_clear_snapshot()")  # a transaction looks but once, else

    @contextlib.contextmanager
    def _connection(self) -> Iterator[_Connection]:
        try:
            with psycopg.connect(self._database_url, autocommit=True, options=_OPTIONS) as conn:
                yield conn
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise RowsRejected(type(error).__name__) from None  # the cause's text quotes the data
        except psycopg.Error as error:
            raise RowsUnavailable(type(error).__name__) from None


def _park_those_with_a_key_twice(
    conn: _Connection, beside: Projection, row_type: type[Row], error: str, now: datetime
) -> None:
    key = SQL(", ").join(map(Identifier, row_type.key))
    twice = SQL(_TWICE).format(key, Identifier(beside.name, row_type.table))
    with conn.transaction():
        ids = [client_id for (client_id,) in conn.execute(twice)]
        assert ids, error
        for table in beside.tables:
            gone = SQL("DELETE FROM {} WHERE client_id = ANY(%s)")
            conn.execute(gone.format(Identifier(beside.name, table.table)), (ids,))
        parked = [
            ParkedClient(beside.name, client_id, position, 1, error, now)
            for client_id, position in conn.execute(_FIRST_EVENTS, (ids,))
        ]
        conn.execute(PARK, (json_of(parked),))


def _old(projection: Projection) -> str:
    return f"{projection.name}__old"
