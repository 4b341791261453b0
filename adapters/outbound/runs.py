"""The record of runs on PostgreSQL, and the accounts that a billing run reads."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import psycopg
from psycopg.rows import DictRow, class_row, dict_row
from psycopg_pool import ConnectionPool

from adapters.outbound.reading import Reading, ReadsUnavailable, reading
from processors.billing_run import BillingAccount
from processors.ports import RowsUnavailable
from processors.runs import (
    Begun,
    KnownKey,
    Run,
    RunKind,
    RunRequest,
    RunState,
    Tally,
    run_to_continue,
)

_COLUMNS = (
    "run_id, number, kind, month, run_on, clients, received_at, started_by, state, reason,"
    " attempt, tally::text AS tally, started_at, attempted_at, updated_at, finished_at"
)
_INSERT = f"""
INSERT INTO runs (run_id, kind, month, run_on, clients, received_at, started_by, state, attempt,
                  tally, started_at, attempted_at, updated_at)
VALUES (%(run_id)s, %(kind)s, %(month)s, %(run_on)s, %(clients)s, %(received_at)s, %(started_by)s,
        'running', 1, %(tally)s, %(now)s, %(now)s, %(now)s)
RETURNING {_COLUMNS}
"""
_CONTINUE = f"""
UPDATE runs SET state = 'running', reason = NULL, attempt = attempt + 1, tally = %(tally)s,
                attempted_at = %(now)s, updated_at = %(now)s, finished_at = NULL
WHERE run_id = %(run_id)s RETURNING {_COLUMNS}
"""
_GIVE_UP = """
UPDATE runs SET state = 'interrupted', reason = 'lost', finished_at = updated_at
WHERE run_id = %s AND state = 'running'
"""
_SAVE = """
UPDATE runs SET tally = %(tally)s, updated_at = %(now)s
WHERE run_id = %(run_id)s AND attempt = %(attempt)s AND state = 'running'
"""
_FINISH = """
UPDATE runs SET tally = %(tally)s, updated_at = %(now)s, finished_at = %(now)s,
                state = %(state)s, reason = %(reason)s
WHERE run_id = %(run_id)s AND attempt = %(attempt)s AND state = 'running'
"""
_PAGE = f"""
SELECT {_COLUMNS} FROM runs
WHERE kind = coalesce(%(kind)s, kind) AND number < coalesce(%(before)s, number + 1)
ORDER BY number DESC LIMIT %(limit)s
"""
_NEWEST = f"""
SELECT {_COLUMNS} FROM runs WHERE kind = %s AND month = %s ORDER BY number DESC LIMIT 1
"""
_OF_KEY = "SELECT run_id, content_hash FROM run_keys WHERE started_by = %s AND key = %s"
_KEEP_KEY = "INSERT INTO run_keys VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"


class PostgresRuns:
    """``RunStore`` on PostgreSQL. ``pool`` gives read-write connections."""

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        self._pool = pool

    def begin(self, request: RunRequest, run_on: date, now: datetime) -> Begun:
        with self._cursor() as cursor:
            # One asks after the other; heartbeats of runs at work wait for a moment.
            cursor.execute("LOCK TABLE runs IN SHARE ROW EXCLUSIVE MODE")
            newest = _one(cursor.execute(_NEWEST, (request.kind, request.month)).fetchone())
            begun = run_to_continue(request, _known(cursor, request), newest, now)
            if begun is None or begun.is_ours:
                if newest is not None:
                    cursor.execute(_GIVE_UP, (newest.run_id,))
                begun = Begun(_take(cursor, request, run_on, now, begun), is_ours=True)
            if request.key is not None:
                kept = (request.started_by, request.key, request.content_hash, begun.run.run_id)
                cursor.execute(_KEEP_KEY, kept)
            return begun

    def save(self, run: Run, tally: Tally, now: datetime) -> bool:
        return self._update(_SAVE, run, tally, now)

    def finish(
        self, run: Run, tally: Tally, state: RunState, reason: str | None, now: datetime
    ) -> bool:
        return self._update(_FINISH, run, tally, now, state=state, reason=reason)

    def find(self, run_id: str) -> Run | None:
        with self._cursor() as cursor:
            return _find(cursor, run_id)

    def page(self, kind: RunKind | None, before: int | None, limit: int) -> Sequence[Run]:
        facts = {"kind": kind, "before": before, "limit": limit}
        with self._cursor() as cursor:
            return [_run(row) for row in cursor.execute(_PAGE, facts)]

    def _update(self, statement: str, run: Run, tally: Tally, now: datetime, **more: Any) -> bool:
        facts = {"run_id": run.run_id, "attempt": run.attempt, "now": now, "tally": _json(tally)}
        with self._cursor() as cursor:
            return cursor.execute(statement, facts | more).rowcount == 1

    @contextmanager
    def _cursor(self) -> Iterator[psycopg.Cursor[DictRow]]:
        """One transaction."""
        try:
            with self._pool.connection() as conn, conn.cursor(row_factory=dict_row) as cursor:
                yield cursor
        except psycopg.OperationalError as error:
            raise RowsUnavailable(type(error).__name__) from None


def _known(cursor: psycopg.Cursor[DictRow], request: RunRequest) -> KnownKey | None:
    if request.key is None:
        return None
    row = cursor.execute(_OF_KEY, (request.started_by, request.key)).fetchone()
    run = row and _find(cursor, row["run_id"])
    return KnownKey(run, bytes(row["content_hash"])) if row and run else None


def _find(cursor: psycopg.Cursor[DictRow], run_id: str) -> Run | None:
    query = f"SELECT {_COLUMNS} FROM runs WHERE run_id = %s"
    return _one(cursor.execute(query, (run_id,)).fetchone())


def _take(
    cursor: psycopg.Cursor[DictRow],
    request: RunRequest,
    run_on: date,
    now: datetime,
    begun: Begun | None,
) -> Run:
    """Record a new run, or a further attempt at one."""
    facts: dict[str, Any] = {"now": now, "tally": _json(Tally())}
    if begun is not None:
        row = cursor.execute(_CONTINUE, facts | {"run_id": begun.run.run_id}).fetchone()
    else:
        facts |= {name: getattr(request, name) for name in ("kind", "month", "started_by")}
        facts |= {"run_id": uuid.uuid4().hex, "run_on": request.run_on or run_on}
        facts |= {"clients": request.clients and list(request.clients)}
        facts |= {"received_at": request.received_at}
        row = cursor.execute(_INSERT, facts).fetchone()
    assert row is not None, "returned by the statement"
    return _run(row)


def _one(row: DictRow | None) -> Run | None:
    return None if row is None else _run(row)


def _run(row: DictRow) -> Run:
    instants = {
        name: value.astimezone(UTC) for name, value in row.items() if isinstance(value, datetime)
    }
    tally = msgspec.json.decode(row["tally"], type=Tally)
    clients = None if row["clients"] is None else tuple(row["clients"])
    return Run(**row | instants | {"tally": tally, "clients": clients})


def _json(tally: Tally) -> str:
    return msgspec.json.encode(tally).decode()


# ── What a billing run reads ───────────────────────────────────────────────────────────────────

_ACCOUNT = f"SELECT {', '.join(BillingAccount.__struct_fields__)} FROM account"


class BillingAccountReads:
    """``BillingAccounts`` on the rows of the projection ``invoices``. ``pool`` is for reads."""

    def __init__(self, pool: ConnectionPool[Reading]) -> None:
        self._pool = pool

    def after(self, client_id: str, limit: int) -> Sequence[BillingAccount]:
        query = f"{_ACCOUNT} WHERE client_id > %s ORDER BY client_id LIMIT %s"
        return self._fetch(query, client_id, limit)

    def of(self, client_ids: Sequence[str]) -> Sequence[BillingAccount]:
        return self._fetch(f"{_ACCOUNT} WHERE client_id = ANY(%s) ORDER BY 1", list(client_ids))

    def _fetch(self, query: str, *facts: object) -> list[BillingAccount]:
        try:
            with (
                reading(self._pool) as conn,
                conn.cursor(row_factory=class_row(BillingAccount)) as cursor,
            ):
                return cursor.execute(query, facts).fetchall()
        except ReadsUnavailable as error:
            raise RowsUnavailable(str(error)) from None
