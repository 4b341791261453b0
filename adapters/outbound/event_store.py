"""The log on PostgreSQL, on the eventsourcing library's recorder and mapper.

What is added to the recorder: positions without gaps, a recorded instant for each event, receipts
in the same database transaction, and reads for a whole batch of commands in one round trip. What is
kept: its table, its columns, its order, and above all its EXCLUSIVE lock, which makes the log's
order the order of commits, so that who follows the log by position misses nothing. (Its database
functions are never enabled: they skip that lock.)
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg
from eventsourcing.persistence import (
    IntegrityError,
    InterfaceError,
    JSONTranscoder,
    Mapper,
    OperationalError,
    StoredEvent,
)
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow, tuple_row

from adapters.outbound import whole_histories
from adapters.outbound.arrays import BigintArray, ByteaArray, TextArray
from adapters.outbound.log_announcements import LogAnnouncements
from domain.client.state import Client
from domain.streams import Stream, new_stream
from processors.ports import (
    SNAPSHOT_STRIDE_EVENTS,
    LogRead,
    LogUnavailable,
    NewEvent,
    NewReceipt,
    ReceiptRow,
    Snapshot,
    VersionConflict,
)
from processors.proof_ports import StoredReceipt
from processors.replay_ports import Share, StreamSize
from schemas.envelope import LogEntry, Recorded, encode, topic_of
from schemas.snapshots import FORM, decode_client

_COLUMNS = "originator_id, originator_version, topic, state, notification_id, recorded_at"

_APPEND = f"SELECT append_to_log({', '.join(['%b'] * 15)})"
_HEAD = "SELECT coalesce(max(notification_id), 0) FROM stored_events"
_READ_RECEIPTS = (
    "SELECT transaction_id, content_hash, body FROM receipts WHERE transaction_id = ANY(%s)"
)
_READ_WHOLE_RECEIPTS = """
SELECT transaction_id, sender, key, client_id, content_hash, body, recorded_at
FROM receipts WHERE transaction_id = ANY(%s)
"""
_READ_NEWER = f"""
SELECT {_COLUMNS} FROM unnest(%s::text[], %s::bigint[]) AS k (id, after_version)
CROSS JOIN LATERAL (
    SELECT * FROM stored_events
    WHERE originator_id = k.id AND originator_version > k.after_version
) e
ORDER BY originator_id, originator_version
"""
_READ_UP_TO = f"""
SELECT {_COLUMNS} FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS k (id, after, up_to)
CROSS JOIN LATERAL (
    SELECT * FROM stored_events
    WHERE originator_id = k.id AND originator_version > k.after AND originator_version <= k.up_to
) e
ORDER BY originator_id, originator_version
"""
_READ_SNAPSHOTS = """
SELECT s.client_id, s.state FROM unnest(%s::text[], %s::bigint[]) AS k (id, up_to)
CROSS JOIN LATERAL (
    SELECT * FROM snapshots
    WHERE client_id = k.id AND version <= k.up_to AND form = %s
    ORDER BY version DESC LIMIT 1
) s
"""
_FOLLOW = f"""
SELECT {_COLUMNS} FROM (
    SELECT *, sum(octet_length(state)) OVER (ORDER BY notification_id) - octet_length(state)
              AS bytes_before
    FROM (
        SELECT * FROM stored_events WHERE notification_id > %s ORDER BY notification_id LIMIT %s
    ) page
) e
WHERE bytes_before < %s ORDER BY notification_id
"""
_FOLLOW_BYTES = 4_000_000
"""An invoice of 20,000 members has a megabyte, and thirty times that as rows: a batch of thousands
of events must not be thousands of those."""
_HISTORY = f"""
SELECT {_COLUMNS} FROM stored_events
WHERE originator_id = %s AND originator_version > %s AND originator_version <= %s
ORDER BY originator_version LIMIT %s
"""
_SELECTED = f"""
SELECT {_COLUMNS} FROM stored_events
WHERE originator_id = %s AND originator_version <= %s
  AND split_part(topic, '.v', 1) = ANY(%s)
"""
_NAMING = "AND EXISTS (SELECT FROM unnest(%s::bytea[]) AS name WHERE position(name IN state) > 0)"
_SAVE_SNAPSHOT = """
INSERT INTO snapshots (client_id, version, form, state) VALUES (%s, %s, %s, %s)
ON CONFLICT (client_id, version) DO UPDATE SET form = excluded.form, state = excluded.state
"""
_PRUNE_SNAPSHOTS = """
DELETE FROM snapshots s WHERE client_id = %(client)s AND version < (
    SELECT min(version) FROM (
        SELECT version FROM snapshots WHERE client_id = %(client)s
        ORDER BY version DESC LIMIT 2) newest)
AND (form <> %(form)s OR EXISTS (
    SELECT FROM snapshots earlier WHERE earlier.client_id = s.client_id
      AND earlier.form = s.form AND earlier.version < s.version
      AND earlier.version / %(stride)s = s.version / %(stride)s))
"""
_NO_LIMIT = 2**62


_Row = tuple[str, int, str, bytes, int, datetime]
"""The values of ``_COLUMNS``."""


def _entry(row: _Row) -> LogEntry:
    client_id, version, topic, state, position, recorded_at = row
    return LogEntry(position, client_id, version, recorded_at, topic, state)


class ClientEventMapper(Mapper[str]):
    """Stores events under stable names and versions instead of Python paths (decision 4)."""

    def __init__(self) -> None:
        super().__init__(JSONTranscoder())

    # A NewEvent stands where the library has an event that knows its own id.
    def to_stored_event(self, domain_event: NewEvent) -> StoredEvent:  # type: ignore[override]
        """An event to append, as the library's recorder takes it."""
        return StoredEvent(
            originator_id=domain_event.client_id,
            originator_version=domain_event.version,
            topic=topic_of(domain_event.event),
            state=encode(domain_event.cause, domain_event.event),
        )

    def to_recorded(self, row: _Row) -> Recorded:
        """A row of the log as an event in its current version."""
        return _entry(row).read()


class ClientEventRecorder(PostgresApplicationRecorder):
    """The library's recorder with gap-free positions, recorded instants and receipts."""

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        receipts: Sequence[NewReceipt] = (),
        relied: Mapping[str, int] | None = None,
        recorded_at: datetime | None = None,
        **_: Any,
    ) -> Sequence[int]:
        """Events and receipts in one statement under the library's lock; returns positions.

        Not retried here, unlike in the library: after a connection is lost it is not known whether
        the commit took effect, and the caller finds out by its receipts.
        """
        relied = relied or {}
        with self.datastore.get_connection() as conn:
            cursor = conn.cursor(row_factory=tuple_row)
            cursor.execute(
                _APPEND,
                (
                    recorded_at,
                    # The library's ids are text or UUID; ours are text.
                    TextArray(e.originator_id for e in stored_events),  # type: ignore[misc]
                    BigintArray(e.originator_version for e in stored_events),
                    TextArray(e.topic for e in stored_events),
                    ByteaArray(e.state for e in stored_events),
                    TextArray(relied),
                    BigintArray(relied.values()),
                    TextArray(r.transaction_id for r in receipts),
                    TextArray(r.sender for r in receipts),
                    TextArray(r.key for r in receipts),
                    TextArray(r.client_id for r in receipts),
                    ByteaArray(r.content_hash for r in receipts),
                    ByteaArray(r.head for r in receipts),
                    BigintArray(r.event_index for r in receipts),
                    BigintArray(r.position for r in receipts),
                ),
                prepare=True,
            )
            row = cursor.fetchone()
        assert row is not None
        return range(row[0], row[0] + len(stored_events))


class PostgresEventLog:
    """``EventLog`` on PostgreSQL. Safe for several threads, and for several processes at once."""

    def __init__(self, database_url: str, *, pool_size: int = 4) -> None:
        self._datastore = _datastore(database_url, pool_size)
        self._mapper = ClientEventMapper()
        self._recorder = ClientEventRecorder(self._datastore)
        self._announcements = LogAnnouncements(database_url, self.head)

    def close(self) -> None:
        """Give back every connection."""
        self._announcements.close()
        self._datastore.close()

    def read(self, transaction_ids: Sequence[str], known: Mapping[str, int | None]) -> LogRead:
        cold = {client_id: _NO_LIMIT for client_id, version in known.items() if version is None}
        with _reachable(), self._datastore.get_connection() as conn:
            snapshots = self._snapshots(conn, cold) if cold else {}
            after = {
                client_id: version
                if version is not None
                else (snapshots[client_id].version if client_id in snapshots else 0)
                for client_id, version in known.items()
            }
            with conn.cursor(binary=True, row_factory=tuple_row) as curs:
                curs.execute(_READ_RECEIPTS, (list(transaction_ids),), prepare=True)
                receipts = {row[0]: ReceiptRow(*row) for row in curs.fetchall()}
                curs.execute(_READ_NEWER, (list(after), list(after.values())), prepare=True)
                return LogRead(receipts, snapshots, self._recorded(curs))

    def append(
        self,
        events: Sequence[NewEvent],
        receipts: Sequence[NewReceipt],
        recorded_at: datetime,
        relied: Mapping[str, int],
    ) -> int:
        stored = [self._mapper.to_stored_event(event) for event in events]
        with _reachable():
            try:
                positions = self._recorder.insert_events(
                    stored, receipts=receipts, relied=relied, recorded_at=recorded_at
                )
            except IntegrityError as error:
                raise VersionConflict from error
        if not positions:
            return self.head()
        self._announcements.grown_to(positions[-1])
        return positions[0]

    def follow(self, after: int, limit: int) -> Sequence[Recorded]:
        return [entry.read() for entry in self.entries(after, limit)]

    def entries(self, after: int, limit: int) -> Sequence[LogEntry]:
        return [_entry(row) for row in self._rows(_FOLLOW, (after, limit, _FOLLOW_BYTES))]

    def history(
        self, client_id: str, after_version: int, limit: int, up_to_version: int | None = None
    ) -> Sequence[Recorded]:
        up_to = _NO_LIMIT if up_to_version is None else up_to_version
        return self._select(_HISTORY, (client_id, after_version, up_to, limit))

    def selected(
        self,
        client_id: str,
        types: Collection[str],
        up_to_version: int,
        naming: Collection[str] | None = None,
    ) -> Sequence[Recorded]:
        query, facts = _SELECTED, [client_id, up_to_version, list(types)]
        if naming is not None:
            query += _NAMING
            facts.append([b'"%s"' % name.encode() for name in naming])
        return self._select(query + " ORDER BY originator_version", tuple(facts))

    def streams(self, after: str, limit: int, share: Share) -> Sequence[StreamSize]:
        return whole_histories.streams(self._rows, after, limit, share)

    def histories(self, up_to: Mapping[str, int]) -> Iterator[Recorded]:
        return whole_histories.histories(self._rows, up_to)

    def known(self, stream_ids: Collection[str]) -> Collection[str]:
        return whole_histories.known(self._rows, stream_ids)

    def missing(self, up_to: int) -> int:
        return whole_histories.missing(self._rows, up_to)

    def load(self, up_to: Mapping[str, int]) -> Mapping[str, Stream]:
        with _reachable(), self._datastore.get_connection() as conn:
            clients: dict[str, Stream] = {**self._snapshots(conn, up_to)}
            for client_id in up_to:
                clients.setdefault(client_id, new_stream(client_id))
            with conn.cursor(binary=True, row_factory=tuple_row) as curs:
                after = [clients[client_id].version for client_id in up_to]
                curs.execute(_READ_UP_TO, (list(up_to), after, list(up_to.values())), prepare=True)
                for recorded in self._recorded(curs):
                    recorded.evolve(clients[recorded.client_id])
        return clients

    def receipt(self, transaction_id: str) -> ReceiptRow | None:
        return self.read([transaction_id], {}).receipts.get(transaction_id)

    def stored_receipts(self, transaction_ids: Collection[str]) -> Mapping[str, StoredReceipt]:
        rows = self._rows(_READ_WHOLE_RECEIPTS, (TextArray(transaction_ids),))
        return {row[0]: StoredReceipt(*row) for row in rows}

    def head(self) -> int:
        row = self._one(_HEAD, ())
        assert row is not None
        return int(row[0])

    def recorded_at(self, position: int) -> datetime | None:
        row = self._one(
            "SELECT recorded_at FROM stored_events WHERE notification_id = %s", (position,)
        )
        return row[0] if row else None

    def wait(self, after: int, timeout_seconds: float) -> bool:
        return self._announcements.wait(after, timeout_seconds)

    def save_snapshot(self, snapshot: Snapshot) -> None:
        with _reachable(), self._datastore.transaction(commit=True) as curs:
            curs.execute(
                _SAVE_SNAPSHOT,
                (snapshot.client_id, snapshot.version, snapshot.form, snapshot.state),
            )
            curs.execute(
                _PRUNE_SNAPSHOTS,
                {
                    "client": snapshot.client_id,
                    "form": snapshot.form,
                    "stride": SNAPSHOT_STRIDE_EVENTS,
                },
            )

    def _snapshots(
        self, conn: psycopg.Connection[Any], up_to: Mapping[str, int]
    ) -> dict[str, Client]:
        with conn.cursor(binary=True, row_factory=tuple_row) as curs:
            curs.execute(_READ_SNAPSHOTS, (list(up_to), list(up_to.values()), FORM), prepare=True)
            return {client_id: decode_client(state) for client_id, state in curs.fetchall()}

    def _recorded(self, curs: psycopg.Cursor[TupleRow]) -> list[Recorded]:
        return [self._mapper.to_recorded(row) for row in curs.fetchall()]

    def _select(self, statement: str, values: tuple[Any, ...]) -> list[Recorded]:
        return [self._mapper.to_recorded(row) for row in self._rows(statement, values)]

    def _rows(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        with (
            _reachable(),
            self._datastore.get_connection() as conn,
            conn.cursor(binary=True, row_factory=tuple_row) as curs,
        ):
            curs.execute(statement, values, prepare=True)
            return curs.fetchall()

    def _one(self, statement: str, values: tuple[Any, ...]) -> TupleRow | None:
        with (
            _reachable(),
            self._datastore.get_connection() as conn,
            conn.cursor(binary=True, row_factory=tuple_row) as curs,
        ):
            curs.execute(statement, values, prepare=True)
            return curs.fetchone()


@contextlib.contextmanager
def _reachable() -> Iterator[None]:
    """Every way in which a database can be away, as ``LogUnavailable``."""
    try:
        yield
    except (InterfaceError, OperationalError) as error:
        raise LogUnavailable(type(error).__name__) from error


def _datastore(database_url: str, pool_size: int) -> PostgresDatastore:
    known = conninfo_to_dict(database_url)
    datastore = PostgresDatastore(
        dbname=str(known.pop("dbname", "")),
        host=str(known.pop("host", "")),
        port=str(known.pop("port", "") or 5432),
        user=str(known.pop("user", "")),
        password=str(known.pop("password", "") or ""),
        pool_size=pool_size,
        max_overflow=pool_size,
        originator_id_type="text",
        idle_in_transaction_session_timeout=10,
    )
    assert isinstance(datastore.pool.kwargs, dict)
    datastore.pool.kwargs.update(known)  # sslmode and the like
    datastore.pool.kwargs["options"] = f"{known.get('options') or ''} -c lock_timeout=5s"
    return datastore
