"""Clients and payees kept in memory between commands: deciding rarely reads a whole history."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from domain.streams import Stream, new_stream, weight
from processors.ports import LogRead


@dataclass(slots=True)
class Entry:
    """A client or payee, and the version of its newest snapshot."""

    client: Stream
    snapshot_version: int


class ClientCache:
    """The clients and payees used last, bounded by how many members they have together.

    Clients handed out by ``evolving`` are unconfirmed until the append has succeeded; unconfirmed
    ones are forgotten, for they hold what never happened.
    """

    def __init__(self, members_limit: int = 250_000) -> None:
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._weights: dict[str, int] = {}
        self._weight = 0
        self._limit = members_limit
        self._unconfirmed: set[str] = set()

    def known_versions(self, client_ids: Iterable[str]) -> dict[str, int | None]:
        """The version known of each client; None for one that must be loaded."""
        known: dict[str, int | None] = {}
        for client_id in client_ids:
            entry = self._entries.get(client_id)
            known[client_id] = entry.client.version if entry else None
        self._make_room(keep=known)
        return known

    def refresh(self, read: LogRead) -> None:
        """Take in what a look at the log has found."""
        for client_id, client in read.snapshots.items():
            self._entries[client_id] = Entry(client, client.version)
        for recorded in read.events:
            recorded.evolve(self._entry(recorded.client_id).client)
        for client_id in {*read.snapshots, *(recorded.client_id for recorded in read.events)}:
            self._used(client_id)

    def evolving(self, client_id: str) -> Stream:
        """The client or payee to decide on and to evolve."""
        self._unconfirmed.add(client_id)
        return self._entry(client_id).client

    def relied_on(self, appended: Collection[str]) -> dict[str, int]:
        """The versions that decisions rest on which append nothing to their client."""
        return {
            client_id: self._entries[client_id].client.version
            for client_id in self._unconfirmed
            if client_id not in appended
        }

    def confirm(self, positions: Mapping[str, int]) -> list[Entry]:
        """What was decided is in the log; returns the clients that have a new newest event."""
        for client_id in self._unconfirmed:
            self._used(client_id)
        self._unconfirmed.clear()
        for client_id, position in positions.items():
            self._entries[client_id].client.position = position
        return [self._entries[client_id] for client_id in positions]

    def forget_unconfirmed(self) -> None:
        """Drop clients that were evolved by events which are not in the log."""
        for client_id in self._unconfirmed:
            self._drop(client_id)
        self._unconfirmed.clear()

    def _used(self, client_id: str) -> None:
        self._entries.move_to_end(client_id)
        weighs = weight(self._entries[client_id].client)
        self._weight += weighs - self._weights.get(client_id, 0)
        self._weights[client_id] = weighs

    def _entry(self, client_id: str) -> Entry:
        entry = self._entries.get(client_id)
        if entry is None:
            entry = self._entries[client_id] = Entry(new_stream(client_id), 0)
        return entry

    def _drop(self, client_id: str) -> None:
        self._entries.pop(client_id, None)
        self._weight -= self._weights.pop(client_id, 0)

    def _make_room(self, keep: dict[str, int | None]) -> None:
        while self._weight > self._limit:
            oldest = next((c for c in self._entries if c not in keep), None)
            if oldest is None:
                return
            self._drop(oldest)
