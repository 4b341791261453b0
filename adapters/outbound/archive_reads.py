"""The log at one moment, for an archive: one transaction, REPEATABLE READ, on one connection.

It is read as it is stored, row by row, and nothing is required of it: of a log that was altered by
hand an archive is wanted, too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from psycopg.rows import TupleRow

from adapters.outbound.arrays import TextArray
from adapters.outbound.proof_store import PostgresProofStore
from domain.payee.state import stream_id
from processors.archive_format import ArchivedEvent, ArchivedReceipt
from processors.archiving import Selection
from processors.ports import LogUnavailable
from processors.proof_ports import ProofStore
from schemas.leaves import cause_of

_PAGE_ROWS = 500
"""Of an ordinary log that is a third of a megabyte; of the largest invoices, some hundred."""
_INSTANT = """coalesce(
    to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), recorded_at::text)"""
_EVENTS = (
    f"SELECT notification_id, originator_id, originator_version, topic, {_INSTANT}, state"
    " FROM stored_events WHERE {} ORDER BY notification_id"
)
_RECEIPTS = (
    f"SELECT transaction_id, sender, key, client_id, {_INSTANT}, content_hash, body FROM receipts r"
)
_REMEMBERED = "CREATE TEMPORARY TABLE archived (transaction_id text) ON COMMIT DROP"
_OTHERS = f"""
{_RECEIPTS}
WHERE NOT EXISTS (SELECT FROM archived a WHERE a.transaction_id = r.transaction_id)
  AND (%(streams)s::text[] IS NULL OR client_id = ANY(%(streams)s))
  AND recorded_at >= coalesce(%(since)s::timestamptz, '-infinity')
  AND recorded_at < coalesce(%(until)s::timestamptz, 'infinity')
ORDER BY recorded_at, transaction_id
"""
_BETWEEN = """
SELECT min(notification_id), max(notification_id) FROM stored_events
WHERE recorded_at >= coalesce(%s::timestamptz, '-infinity')
  AND recorded_at < coalesce(%s::timestamptz, 'infinity')
"""
_ASSIGNED = """
SELECT originator_id, state FROM stored_events
WHERE topic LIKE 'agent\\_of\\_record\\_assigned.v%%' AND position(%b::bytea IN state) > 0
ORDER BY notification_id
"""


class PostgresLogMoment:
    """``LogMoment`` on a connection, whose transactions must be REPEATABLE READ."""

    def __init__(self, conn: psycopg.Connection[TupleRow]) -> None:
        conn.execute(_REMEMBERED)
        self._conn = conn
        pool: Any = _Held(conn)
        self._proofs = PostgresProofStore(pool)

    @property
    def proofs(self) -> ProofStore:
        return self._proofs

    def head(self) -> int:
        return int(self._one("SELECT coalesce(max(notification_id), 0) FROM stored_events")[0])

    def count(self, selection: Selection) -> int:
        where, facts = _where(selection)
        return int(self._one(f"SELECT count(*) FROM stored_events WHERE {where}", facts)[0])

    def events(self, selection: Selection) -> Iterator[Sequence[ArchivedEvent]]:
        where, facts = _where(selection)
        for page in self._pages(_EVENTS.format(where), facts):
            yield [
                ArchivedEvent(position, client_id, version, topic, recorded_at, state)
                for position, client_id, version, topic, recorded_at, state in page
            ]

    def receipts(self, transaction_ids: Collection[str]) -> Sequence[ArchivedReceipt]:
        with _reachable(), self._conn.cursor(binary=True) as cursor:
            self._remember(cursor, transaction_ids)
            known = TextArray(_storable(transaction_ids))
            cursor.execute(f"{_RECEIPTS} WHERE transaction_id = ANY(%s)", (known,))
            found = {row[0]: ArchivedReceipt(*row) for row in cursor}
        return [found[each] for each in transaction_ids if each in found]

    def other_receipts(
        self,
        streams: Collection[str] | None,
        since: datetime | None,
        until: datetime | None,
        through: int,
    ) -> Iterator[Sequence[ArchivedReceipt]]:
        with _reachable(), self._conn.cursor() as cursor:
            for page in self.events(Selection(first=through + 1)):
                self._remember(cursor, [cause_of(event.state).transaction_id for event in page])
            cursor.execute("ANALYZE archived")
        named = None if streams is None else list(streams)
        for rows in self._pages(_OTHERS, {"streams": named, "since": since, "until": until}):
            yield [ArchivedReceipt(*row) for row in rows]

    def streams_of_producer(self, producer_id: str) -> Sequence[str]:
        served: dict[str, None] = {}
        with _reachable(), self._conn.cursor(binary=True) as cursor:
            for client_id, state in cursor.execute(_ASSIGNED, (b'"%b"' % producer_id.encode(),)):
                named, paid = _named(state, producer_id)
                served |= dict.fromkeys([client_id] if named else [])
                served |= dict.fromkeys([stream_id(producer_id)] if paid else [])
        return list(served)

    def positions_between(
        self, since: datetime | None, until: datetime | None
    ) -> tuple[int, int] | None:
        first, last = self._one(_BETWEEN, (since, until))
        return None if first is None else (first, last)

    def _remember(self, cursor: psycopg.Cursor[TupleRow], transaction_ids: Collection[str]) -> None:
        with cursor.copy("COPY archived FROM STDIN") as copy:
            for transaction_id in _storable(transaction_ids):
                copy.write_row((transaction_id,))

    def _pages(self, query: str, facts: Any) -> Iterator[list[TupleRow]]:
        with _reachable(), self._conn.cursor("archive", binary=True) as cursor:
            cursor.execute(query, facts)
            while page := cursor.fetchmany(_PAGE_ROWS):
                yield page

    def _one(self, query: str, facts: Any = ()) -> TupleRow:
        with _reachable():
            row = self._conn.execute(query, facts).fetchone()
        assert row is not None
        return row


class _Held:
    """What a store takes for a pool: always this connection, in the transaction that it is in."""

    def __init__(self, conn: psycopg.Connection[TupleRow]) -> None:
        self._conn = conn

    def connection(self) -> contextlib.nullcontext[psycopg.Connection[TupleRow]]:
        return contextlib.nullcontext(self._conn)


def _where(selection: Selection) -> tuple[str, dict[str, Any]]:
    said = {
        "originator_id = ANY(%(streams)s)": selection.streams,
        "notification_id >= %(first)s": selection.first,
        "notification_id <= %(last)s": selection.last,
    }
    streams = None if selection.streams is None else list(selection.streams)
    facts = {"streams": streams, "first": selection.first, "last": selection.last}
    return " AND ".join(
        ["true", *(part for part, value in said.items() if value is not None)]
    ), facts


class _Share(msgspec.Struct):
    payee_id: str


class _Assigned(msgspec.Struct):
    producer_id: str
    shares: list[_Share] = []


class _State(msgspec.Struct):
    data: _Assigned


def _named(state: bytes, producer_id: str) -> tuple[bool, bool]:
    """Whether an assignment makes this producer agent of record, and whether it pays it.

    One that cannot be read names it somewhere: it goes along.
    """
    try:
        data = msgspec.json.decode(state, type=_State).data
    except (msgspec.DecodeError, UnicodeDecodeError):
        return True, False
    return data.producer_id == producer_id, producer_id in [each.payee_id for each in data.shares]


def _storable(transaction_ids: Collection[str]) -> list[str]:
    """Those that the database can have: a text in it has no NUL."""
    return [each for each in transaction_ids if "\0" not in each]


@contextlib.contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except psycopg.OperationalError as error:
        raise LogUnavailable(type(error).__name__) from error
