"""Any part of the history applied again: to be looked at, passed on, or put into tables of its own.

Nothing here changes what the system shows: the log is read, and what it is applied to is a screen,
a file, or a scratch projection with a name of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

import msgspec

from domain.kernel import Cause
from processors.differences import Change, differences
from processors.ports import EventLog
from processors.replaying import StreamReplay
from projections.kernel import Changes, Projection, Row, Scope
from schemas.envelope import Recorded

_EVENTS_AT_ONCE = 2_000


class Part(msgspec.Struct, frozen=True):
    """Which events: all that fulfil each of these."""

    streams: Collection[str] | None = None
    """Of these clients and payees; None: of all."""
    types: Collection[str] | None = None
    """Of transactions of these types; None: of all."""
    after: int = 0
    """After this position …"""
    up_to: int | None = None
    """… up to and with this one; None: the log's end."""
    since: datetime | None = None
    """Recorded at this instant or later …"""
    until: datetime | None = None
    """… and before this one."""

    def has(self, recorded: Recorded) -> bool:
        """Whether an event is of this part, but for its position."""
        return (
            (self.streams is None or recorded.client_id in self.streams)
            and (self.types is None or recorded.cause.transaction_type in self.types)
            and (self.since is None or recorded.recorded_at >= self.since)
            and (self.until is None or recorded.recorded_at < self.until)
        )


class Looked(NamedTuple):
    """Events of the part, and how far the log was read for them."""

    events: Sequence[Recorded]
    position: int


def part_of(log: EventLog, part: Part) -> Iterator[Looked]:
    """The events of a part, in the order of the log, some at a time."""
    last = log.head() if part.up_to is None else min(part.up_to, log.head())
    if part.streams is not None and len(part.streams) == 1:
        yield from _of_stream(log, part, next(iter(part.streams)), last)
        return
    at = part.after
    while at < last and (events := log.follow(at, _EVENTS_AT_ONCE)):
        at = events[-1].position
        wanted = [each for each in events if each.position <= last and part.has(each)]
        yield Looked(wanted, min(at, last))


def _of_stream(log: EventLog, part: Part, stream_id: str, last: int) -> Iterator[Looked]:
    version = 0
    while events := log.history(stream_id, version, _EVENTS_AT_ONCE):
        version = events[-1].version
        wanted = [each for each in events if part.after < each.position <= last and part.has(each)]
        yield Looked(wanted, min(events[-1].position, last))
        if events[-1].position >= last:
            return


# ── Step by step ───────────────────────────────────────────────────────────────────────────────


class Step(msgspec.Struct, frozen=True):
    """A transaction of one client or payee, and what it changed in the rows."""

    events: Sequence[Recorded]
    changes: Mapping[str, Sequence[Change]]
    """By projection, those in which it changed anything."""

    @property
    def cause(self) -> Cause:
        """Of all its events."""
        return self.events[0].cause


def steps(
    projections: Sequence[Projection], stream_id: str, history: Iterable[Recorded]
) -> Iterator[Step]:
    """Each transaction of a whole history, with what it changed."""
    replay = StreamReplay(projections, stream_id)
    shown: dict[str, dict[Scope, Sequence[Row]]] = {each.name: {} for each in projections}
    for _, of_transaction in groupby(history, lambda recorded: recorded.cause.transaction_id):
        events = list(of_transaction)
        for recorded in events:
            replay.apply(recorded)
        changes = {
            projection.name: changed
            for projection in projections
            if (changed := _changed(replay, projection, shown[projection.name]))
        }
        yield Step(events, changes)


def _changed(
    replay: StreamReplay, projection: Projection, shown: dict[Scope, Sequence[Row]]
) -> list[Change]:
    """What the scopes touched since the last step show otherwise than before."""
    taken = replay.take(projection).scopes
    before = [row for scope in taken for row in shown.get(scope, ())]
    shown.update(taken)
    return differences(before, [row for rows in taken.values() for row in rows])


# ── Into rows ──────────────────────────────────────────────────────────────────────────────────


def rows_of_part(
    projection: Projection, stream_id: str, history: Iterable[Recorded], part: Part
) -> tuple[int, Changes]:
    """How many events of a whole history are of a part, and the rows that these touched.

    What came before the part, or lies between, is folded in too: rows rest on all of it.
    """
    replay, touched, count = StreamReplay([projection], stream_id), Changes({}), 0
    for recorded in history:
        replay.apply(recorded)
        is_of_part = recorded.position > part.after and part.has(recorded)
        count += is_of_part
        changes = replay.take(projection)
        if is_of_part:
            touched.scopes.update(changes.scopes)
    return count, touched
