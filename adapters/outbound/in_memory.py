"""The log in memory: for trying things out and for fast tests, held to PostgreSQL's contract.

Events are kept as the bytes that PostgreSQL would keep, so that what cannot be stored cannot be
stored here either.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from zlib import crc32

from domain.client.state import Client
from domain.streams import Stream, new_stream
from processors.ports import (
    SNAPSHOT_STRIDE_EVENTS,
    LogRead,
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


class InMemoryEventLog:
    """``EventLog`` without durability. Safe for several threads."""

    def __init__(self) -> None:
        self._entries: list[LogEntry] = []
        self._by_client: dict[str, list[int]] = defaultdict(list)
        self._receipts: dict[str, StoredReceipt] = {}
        self._snapshots: dict[str, list[Snapshot]] = defaultdict(list)
        self._changed = threading.Condition()

    def close(self) -> None:
        """Nothing to give back."""

    def read(self, transaction_ids: Sequence[str], known: Mapping[str, int | None]) -> LogRead:
        with self._changed:
            snapshots: dict[str, Client] = {}
            events: list[Recorded] = []
            for client_id, version in known.items():
                head = len(self._by_client[client_id])
                newest = self._snapshot(client_id, head) if version is None else None
                if newest is not None:
                    snapshots[client_id] = newest
                after = version or (newest.version if newest else 0)
                events += self._events_of(client_id, after, head)
            found = {t: _row_of(self._receipts[t]) for t in transaction_ids if t in self._receipts}
            return LogRead(found, snapshots, events)

    def append(
        self,
        events: Sequence[NewEvent],
        receipts: Sequence[NewReceipt],
        recorded_at: datetime,
        relied: Mapping[str, int],
    ) -> int:
        with self._changed:
            self._check(events, receipts, relied)
            head = len(self._entries)
            for place, new in enumerate(events, start=1):
                self._by_client[new.client_id].append(head + place - 1)
                state = encode(new.cause, new.event)
                topic = topic_of(new.event)
                self._entries.append(
                    LogEntry(head + place, new.client_id, new.version, recorded_at, topic, state)
                )
            for receipt in receipts:
                index = receipt.event_index
                position = receipt.position if index is None else head + index
                body = receipt.head + b',"position":%d}' % position
                self._receipts[receipt.transaction_id] = StoredReceipt(
                    *(receipt.transaction_id, receipt.sender, receipt.key, receipt.client_id),
                    *(receipt.content_hash, body, recorded_at),
                )
            self._changed.notify_all()
            return head + 1 if events else head

    def follow(self, after: int, limit: int) -> Sequence[Recorded]:
        return [entry.read() for entry in self.entries(after, limit)]

    def entries(self, after: int, limit: int) -> Sequence[LogEntry]:
        with self._changed:
            return self._entries[after : after + limit]

    def history(
        self, client_id: str, after_version: int, limit: int, up_to_version: int | None = None
    ) -> Sequence[Recorded]:
        with self._changed:
            up_to = len(self._by_client[client_id]) if up_to_version is None else up_to_version
            return self._events_of(client_id, after_version, min(up_to, after_version + limit))

    def selected(
        self,
        client_id: str,
        types: Collection[str],
        up_to_version: int,
        naming: Collection[str] | None = None,
    ) -> Sequence[Recorded]:
        with self._changed:
            entries = [self._entries[i] for i in self._by_client[client_id][:up_to_version]]
        wanted = [b'"%s"' % name.encode() for name in naming or ()]
        return [
            entry.read()
            for entry in entries
            if entry.topic.rpartition(".v")[0] in types
            and (naming is None or any(name in entry.state for name in wanted))
        ]

    def streams(self, after: str, limit: int, share: Share) -> Sequence[StreamSize]:
        with self._changed:
            found = [
                StreamSize(stream_id, len(places))
                for stream_id, places in sorted(self._by_client.items())
                if stream_id > after
                and places
                and crc32(stream_id.encode()) % share.of == share.number
            ]
        return found[:limit]

    def histories(self, up_to: Mapping[str, int]) -> Iterator[Recorded]:
        for stream_id, position in up_to.items():
            for recorded in self.history(stream_id, 0, len(self._entries)):
                if recorded.position <= position:
                    yield recorded

    def known(self, stream_ids: Collection[str]) -> Collection[str]:
        with self._changed:
            return [stream_id for stream_id in stream_ids if self._by_client.get(stream_id)]

    def missing(self, up_to: int) -> int:
        return max(0, up_to - len(self._entries))

    def load(self, up_to: Mapping[str, int]) -> Mapping[str, Stream]:
        clients: dict[str, Stream] = {}
        with self._changed:
            for client_id, version in up_to.items():
                client = self._snapshot(client_id, version) or new_stream(client_id)
                for recorded in self._events_of(client_id, client.version, version):
                    recorded.evolve(client)
                clients[client_id] = client
        return clients

    def receipt(self, transaction_id: str) -> ReceiptRow | None:
        found = self._receipts.get(transaction_id)
        return _row_of(found) if found else None

    def stored_receipts(self, transaction_ids: Collection[str]) -> Mapping[str, StoredReceipt]:
        return {t: self._receipts[t] for t in set(transaction_ids) if t in self._receipts}

    def head(self) -> int:
        return len(self._entries)

    def recorded_at(self, position: int) -> datetime | None:
        return (
            self._entries[position - 1].recorded_at if 0 < position <= len(self._entries) else None
        )

    def wait(self, after: int, timeout_seconds: float) -> bool:
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            while len(self._entries) <= after:
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    return False
                self._changed.wait(remaining)
            return True

    def save_snapshot(self, snapshot: Snapshot) -> None:
        with self._changed:
            kept = {s.version: s for s in self._snapshots[snapshot.client_id]}
            kept[snapshot.version] = snapshot
            versions = sorted(kept)
            first: dict[int, int] = {}
            for version in versions:
                if kept[version].form == snapshot.form:
                    first.setdefault(version // SNAPSHOT_STRIDE_EVENTS, version)
            stay = {*first.values(), *versions[-2:]}
            self._snapshots[snapshot.client_id] = [kept[v] for v in versions if v in stay]

    def _check(
        self,
        events: Sequence[NewEvent],
        receipts: Sequence[NewReceipt],
        relied: Mapping[str, int],
    ) -> None:
        if any(len(self._by_client[client_id]) > version for client_id, version in relied.items()):
            raise VersionConflict
        next_version = {e.client_id: len(self._by_client[e.client_id]) + 1 for e in events}
        for event in events:
            if event.version != next_version[event.client_id]:
                raise VersionConflict
            next_version[event.client_id] += 1
        if any(receipt.transaction_id in self._receipts for receipt in receipts):
            raise VersionConflict

    def _events_of(self, client_id: str, after: int, up_to: int) -> list[Recorded]:
        return [self._entries[i].read() for i in self._by_client[client_id][after:up_to]]

    def _snapshot(self, client_id: str, up_to: int) -> Client | None:
        for snapshot in reversed(self._snapshots[client_id]):
            if snapshot.version <= up_to and snapshot.form == FORM:
                return decode_client(snapshot.state)
        return None


def _row_of(receipt: StoredReceipt) -> ReceiptRow:
    return ReceiptRow(receipt.transaction_id, receipt.content_hash, receipt.body)
