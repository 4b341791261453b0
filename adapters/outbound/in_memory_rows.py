"""Rows of projections in memory: for trying things out and for fast tests and replays."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from processors.ports import (
    Bookmark,
    Mark,
    NotLevel,
    ParkedClient,
    RowsRejected,
    TablesReplaced,
)
from processors.replay_ports import Moment
from processors.verification import digest_of
from projections.kernel import Changes, Projection, Row, Scope

_Declaration = tuple[int, tuple[type[Row], ...]]


@dataclass(slots=True)
class _Tables:
    """A projection's rows by scope, and the positions they reflect."""

    declaration: _Declaration
    stands: Bookmark
    scopes: dict[Scope, Sequence[Row]] = field(default_factory=dict)
    parked: dict[str, ParkedClient] = field(default_factory=dict)


class InMemoryRowStore:
    """``RowStore`` without durability. Safe for several threads."""

    def __init__(self) -> None:
        self._projections: dict[str, _Tables] = {}
        self._partitions = 1
        self._lock = threading.Lock()

    def close(self) -> None:
        """Nothing to give back."""

    def prepare(self, projection: Projection, remake: bool = True) -> Bookmark:
        with self._lock:
            tables = self._projections.get(projection.name)
            declaration = _declaration(projection)
            if tables is not None and tables.declaration != declaration and not remake:
                raise TablesReplaced
            if tables is None or tables.declaration != declaration:
                stands = self._all_at(0, tables.stands.writes + 1 if tables else 0)
                tables = self._projections[projection.name] = _Tables(declaration, stands)
            return tables.stands

    def partitions(self) -> int:
        return self._partitions

    def divide(self, partitions: int) -> None:
        with self._lock:
            if partitions == self._partitions:
                return
            for tables in self._projections.values():
                if len({mark.position for mark in tables.stands.marks.values()}) > 1:
                    raise NotLevel
            self._partitions = partitions
            for tables in self._projections.values():
                tables.stands = self._all_at(tables.stands.position, tables.stands.writes + 1)

    def position(self, projection: str) -> int:
        return min(self.positions(projection).values(), default=0)

    def positions(self, projection: str) -> Mapping[int, int]:
        with self._lock:
            tables = self._projections.get(projection)
            marks = tables.stands.marks if tables else {}
            return {partition: mark.position for partition, mark in marks.items()}

    def write(
        self,
        projection: Projection,
        changes: Changes,
        expected: Bookmark,
        reached: Bookmark,
        parked: Collection[ParkedClient] = (),
        released: Collection[str] = (),
    ) -> Bookmark | None:
        with self._lock:
            tables = self._projections[projection.name]
            marks = dict(tables.stands.marks)
            is_newest = all(marks.get(n) == mark for n, mark in expected.marks.items())
            if not is_newest or tables.declaration != _declaration(projection):
                return None
            for rows in changes.scopes.values():
                _check(rows)
            for scope, rows in changes.scopes.items():
                if rows:
                    tables.scopes[scope] = tuple(rows)
                else:
                    tables.scopes.pop(scope, None)
            for client in parked:
                known = tables.parked.get(client.client_id, client)
                tables.parked[client.client_id] = msgspec.structs.replace(
                    client, parked_at=known.parked_at
                )
            for client_id in released:
                tables.parked.pop(client_id, None)
            after = expected.written(reached)
            tables.stands = Bookmark(marks | dict(after.marks))
            return after

    def parked(self, projection: str | None = None) -> Sequence[ParkedClient]:
        with self._lock:
            found = [
                client
                for name, tables in self._projections.items()
                if projection in (None, name)
                for client in tables.parked.values()
            ]
        return sorted(found, key=lambda c: (c.parked_at, c.projection, c.client_id))

    def request_retry(self, projection: str, client_id: str) -> bool:
        with self._lock:
            tables = self._projections.get(projection)
            client = tables.parked.get(client_id) if tables else None
            if tables is None or client is None:
                return False
            tables.parked[client_id] = msgspec.structs.replace(client, retry_requested=True)
            return True

    def rows(self, projection: Projection) -> Iterator[Row]:
        with self._lock:
            held = list(self._projections[projection.name].scopes.values())
        for rows in held:
            yield from rows

    def moment(self, projection: Projection, client_ids: Collection[str]) -> Moment:
        with self._lock:
            tables = self._projections[projection.name]
            if tables.declaration != _declaration(projection):
                raise TablesReplaced
            held = [row for rows in tables.scopes.values() for row in rows]
            parked = {c: tables.parked[c] for c in client_ids if c in tables.parked}
            stands = tables.stands
        ids = set(client_ids)
        return Moment(stands, parked, [row for row in held if _client_of(row) in ids])

    def shown(self, projection: Projection, after: str, limit: int) -> Sequence[str]:
        ids = {_client_of(row) for row in self.rows(projection)}
        return sorted((each for each in ids if each > after), key=str.encode)[:limit]

    def digest(self, projection: Projection) -> Mapping[str, str]:
        return digest_of(self.rows(projection))

    def _all_at(self, position: int, writes: int) -> Bookmark:
        return Bookmark(dict.fromkeys(range(self._partitions), Mark(position, writes)))


def _client_of(row: Row) -> str:
    client_id: str = row.client_id  # type: ignore[attr-defined]  # every row has one
    return client_id


def _declaration(projection: Projection) -> _Declaration:
    return projection.revision, projection.tables


def _check(rows: Sequence[Row]) -> None:
    """Refuse what PostgreSQL would refuse."""
    keys = {tuple(getattr(row, column) for column in row.key) for row in rows}
    if len(keys) < len(rows):
        raise RowsRejected("CardinalityViolation")
    for row in rows:
        for value in msgspec.structs.astuple(row):
            if not _fits(value):
                raise RowsRejected("DataError")


def _fits(value: Any) -> bool:
    if isinstance(value, int):
        return bool(-(2**63) <= value < 2**63)
    return not (isinstance(value, str) and "\0" in value)
