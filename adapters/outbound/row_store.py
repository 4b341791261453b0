"""Rows of projections on PostgreSQL: one schema for each projection, rows and position together."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from adapters.outbound.positions_sql import (
    FORGET,
    MADE,
    MARK_ALL,
    MARKS,
    PARK,
    PARKED_OF,
    bookmark,
    json_of,
)
from adapters.outbound.row_sql import drop_sql, fingerprint, schema_sql, table_sql
from processors.ports import (
    Bookmark,
    NotLevel,
    ParkedClient,
    RowsRejected,
    RowsUnavailable,
    TablesReplaced,
)
from processors.replay_ports import Moment
from processors.verification import digest_of
from projections.kernel import Changes, Projection, Row

_OPTIONS = " ".join(
    f"-c {setting}"
    for setting in (
        "timezone=UTC",
        # Position and rows are in one transaction and derive from the durable log: what a crash of
        # the database takes away is applied again, so no reader needs to wait for the disk.
        "synchronous_commit=off",
        # A worker that stalls must not hold the position against the one that takes over.
        "lock_timeout=5s",
        "idle_in_transaction_session_timeout=10s",
        # Touched scopes are few beside the table: always by its primary key, also when the plan
        # was made while the table was empty.
        "plan_cache_mode=force_generic_plan",
        "enable_seqscan=off",
        "enable_hashjoin=off",
        "enable_mergejoin=off",
        "jit=off",
    )
)
_CONNECT_TIMEOUT_SECONDS = 5
_IDLE_CONNECTIONS = 4
_PIPELINE_BYTES_MAX = 16_000

_MOVE = """
WITH moved AS (
    UPDATE partition_positions kept SET position = %s, writes = writes + 1
    WHERE projection = %s AND partition = %s AND position = %s AND writes = %s
      AND EXISTS (SELECT FROM projections WHERE projection = kept.projection AND fingerprint = %s)
    RETURNING 1
)
SELECT 1 / count(*) FROM moved
"""
"""Locks a partition's row; fails, with all that follows, if another worker has moved it."""
_RELEASE = "DELETE FROM parked_clients WHERE projection = %s AND client_id = ANY(%s)"
_PARKED = f"""
SELECT {", ".join(ParkedClient.__struct_fields__)} FROM parked_clients
WHERE projection = coalesce(%s, projection) ORDER BY parked_at, projection, client_id
"""
_REQUEST_RETRY = """
UPDATE parked_clients SET retry_requested = true WHERE projection = %s AND client_id = %s
"""
_FINGERPRINT = "SELECT fingerprint FROM projections WHERE projection = %s"
_PARTITIONS = "SELECT partitions FROM partitioning"
_LEVELS = """
SELECT projection, min(position), max(position), max(writes)
FROM partition_positions GROUP BY projection
"""

_Statement = tuple[str, tuple[Any, ...]]
"""SQL and its parameters, each with a length."""


class PostgresRowStore:
    """``RowStore`` on PostgreSQL. Safe for several threads; each call uses a connection alone."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._idle: deque[psycopg.Connection[TupleRow]] = deque()

    def close(self) -> None:
        """Give the connections back."""
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().close()

    def prepare(self, projection: Projection, remake: bool = True) -> Bookmark:
        with self._connection() as conn, conn.transaction():
            name = projection.name
            conn.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (name,))
            made = conn.execute(_FINGERPRINT, (name,)).fetchone()
            stands = bookmark(conn.execute(MARKS, (name,)).fetchall())
            if made is not None and made[0] == fingerprint(projection):
                return stands
            if made is not None and not remake:
                raise TablesReplaced
            if made is not None:  # else a schema of that name is not ours: CREATE fails
                conn.execute(drop_sql(projection))
                conn.execute(FORGET, (name,))
            for statement in schema_sql(projection):
                conn.execute(statement)
            conn.execute(MADE, (name, fingerprint(projection)))
            writes = stands.writes + 1 if made is not None else 0
            return bookmark(conn.execute(MARK_ALL, (name, 0, writes)).fetchall())

    def partitions(self) -> int:
        with self._connection() as conn:
            return _partitions(conn)

    def divide(self, partitions: int) -> None:
        with self._connection() as conn, conn.transaction():
            conn.execute("LOCK TABLE partition_positions IN EXCLUSIVE MODE")
            if partitions == _partitions(conn):
                return
            levels = conn.execute(_LEVELS).fetchall()
            if any(least != most for _, least, most, _ in levels):
                raise NotLevel
            conn.execute("UPDATE partitioning SET partitions = %s", (partitions,))
            conn.execute("DELETE FROM partition_positions")
            for projection, position, _, writes in levels:
                conn.execute(MARK_ALL, (projection, position, writes + 1))

    def position(self, projection: str) -> int:
        return min(self.positions(projection).values(), default=0)

    def positions(self, projection: str) -> Mapping[int, int]:
        with self._connection() as conn:
            return {row[0]: row[1] for row in conn.execute(MARKS, (projection,))}

    def write(
        self,
        projection: Projection,
        changes: Changes,
        expected: Bookmark,
        reached: Bookmark,
        parked: Collection[ParkedClient] = (),
        released: Collection[str] = (),
    ) -> Bookmark | None:
        name = projection.name
        statements = _write_statements(projection, changes)
        if parked:
            statements.append((PARK, (json_of(parked),)))
        if released:
            statements.append((_RELEASE, (name, list(released))))
        made_for = fingerprint(projection)
        moves = [
            (
                reached.marks[partition].position,
                name,
                partition,
                mark.position,
                mark.writes,
                made_for,
            )
            for partition, mark in expected.marks.items()
        ]
        with self._connection() as conn:
            try:
                with _one_transaction(conn, statements):
                    for move in moves:
                        conn.execute(_MOVE, move)
                    for statement, parameters in statements:
                        conn.execute(statement, parameters)
            except psycopg.errors.DivisionByZero:
                return None
        return expected.written(reached)

    def parked(self, projection: str | None = None) -> Sequence[ParkedClient]:
        with self._connection() as conn:
            return [ParkedClient(*row) for row in conn.execute(_PARKED, (projection,))]

    def request_retry(self, projection: str, client_id: str) -> bool:
        with self._connection() as conn:
            return conn.execute(_REQUEST_RETRY, (projection, client_id)).rowcount == 1

    def rows(self, projection: Projection) -> Iterator[Row]:
        for row_type in projection.tables:
            select = table_sql(projection.name, row_type).select
            with (
                self._connection() as conn,
                conn.transaction(),
                conn.cursor(name="rows", binary=True) as cursor,
            ):
                cursor.itersize = 5000
                yield from _rows_of(row_type, cursor.execute(select))

    def moment(self, projection: Projection, client_ids: Collection[str]) -> Moment:
        name, ids = projection.name, list(client_ids)
        rows: list[Row] = []
        with self._connection() as conn, conn.transaction():
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            if conn.execute(_FINGERPRINT, (name,)).fetchone() != (fingerprint(projection),):
                raise TablesReplaced
            stands = bookmark(conn.execute(MARKS, (name,)).fetchall())
            parked = [ParkedClient(*row) for row in conn.execute(PARKED_OF, (name, ids))]
            for row_type in projection.tables:
                select = table_sql(name, row_type).select_of
                with conn.cursor(binary=True) as cursor:
                    rows += _rows_of(row_type, cursor.execute(select, (ids,)))
        return Moment(stands, {client.client_id: client for client in parked}, rows)

    def shown(self, projection: Projection, after: str, limit: int) -> Sequence[str]:
        found: set[str] = set()
        with self._connection() as conn:
            for row_type in projection.tables:
                select = table_sql(projection.name, row_type).select_ids
                found.update(row[0] for row in conn.execute(select, (after, limit)))
        return sorted(found, key=str.encode)[:limit]

    def digest(self, projection: Projection) -> Mapping[str, str]:
        return digest_of(self.rows(projection))

    @contextlib.contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[TupleRow]]:
        try:
            conn = self._idle_or_new()
            try:
                yield conn
            finally:
                if conn.closed or conn.broken or len(self._idle) >= _IDLE_CONNECTIONS:
                    conn.close()
                else:
                    self._idle.append(conn)
        except (
            psycopg.DataError,
            psycopg.IntegrityError,
            psycopg.errors.CardinalityViolation,
        ) as e:
            raise RowsRejected(type(e).__name__) from None  # the cause's text quotes the data
        except psycopg.Error as error:
            raise RowsUnavailable(type(error).__name__) from None

    def _idle_or_new(self) -> psycopg.Connection[TupleRow]:
        with contextlib.suppress(IndexError):  # another thread may take the last one meanwhile
            return self._idle.pop()
        return self._connect()

    def _connect(self) -> psycopg.Connection[TupleRow]:
        return psycopg.connect(
            self._database_url,
            autocommit=True,
            prepare_threshold=0,
            options=_OPTIONS,
            connect_timeout=_CONNECT_TIMEOUT_SECONDS,
        )


def _rows_of(row_type: type[Row], found: Iterable[TupleRow]) -> Iterator[Row]:
    fields = row_type.__struct_fields__
    return (row_type(**dict(zip(fields, values, strict=True))) for values in found)


def _partitions(conn: psycopg.Connection[TupleRow]) -> int:
    row = conn.execute(_PARTITIONS).fetchone()
    assert row is not None, "migration 5 puts it there"
    return int(row[0])


@contextlib.contextmanager
def _one_transaction(
    conn: psycopg.Connection[TupleRow], statements: Sequence[_Statement]
) -> Iterator[None]:
    """If they are small, a pipeline: a transaction by itself, in one round trip with its commit.

    Large ones go one by one: psycopg waits for ever for the answers to a pipeline of which the
    socket did not take all at once.
    """
    size = sum(len(p) for _, parameters in statements for p in parameters)
    if size > _PIPELINE_BYTES_MAX:
        with conn.transaction():
            yield
        return
    with conn.pipeline():
        try:
            yield
        except BaseException:
            conn.close()  # leaving the pipeline would commit what was sent so far
            raise


def _write_statements(projection: Projection, changes: Changes) -> list[_Statement]:
    rows: dict[type[Row], list[Row]] = {}
    scopes: dict[type[Row], list[dict[str, Any]]] = {}
    for (row_type, values), of_scope in changes.scopes.items():
        rows.setdefault(row_type, []).extend(of_scope)
        if not of_scope or row_type.scope != row_type.key:
            scopes.setdefault(row_type, []).append(dict(zip(row_type.scope, values, strict=True)))
    statements: list[_Statement] = []
    for row_type, given in rows.items():
        sql = table_sql(projection.name, row_type)
        if row_type in scopes:
            statements.append((sql.replace, (json_of(given), json_of(scopes[row_type]))))
        else:
            statements.append((sql.upsert, (json_of(given),)))
    return statements
