"""A projection built anew beside the one that serves, compared with it, and put in its place.

First whole histories are folded, each stream once to its last rows, by as many workers as there are
shares, up to where the log stood at the beginning; into tables without a key, which gets made at
the end. From there on the log is followed as ever (``applying.py``), until the new rows stand where
the old ones stand. A client whose events cannot be folded is parked, as ever.

Where it broke off it goes on: how far a share is, is stored with the rows that it wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from domain.kernel import Event
from domain.streams import Stream
from processors.applying import Applier, TakenOver, kind_of, place_of
from processors.ports import (
    Bookmark,
    Clock,
    LogUnavailable,
    ParkedClient,
    RowsRejected,
    RowStore,
    RowsUnavailable,
)
from processors.replay_ports import Share, StreamSize, WholeLog
from processors.replaying import StreamReplay
from processors.stream_chunks import stream_chunks
from projections.kernel import Projection, Row, Scope
from schemas.envelope import Recorded

_FOLLOW_EVENTS = 2_000
_COMPARISONS_MAX = 10
"""So often what moved while it was compared is compared again."""

# ── What is kept of a rebuild ──────────────────────────────────────────────────────────────────


class RebuildShare(msgspec.Struct, frozen=True):
    """How far one worker is."""

    number: int
    after_stream: str
    streams: int
    events: int
    is_done: bool


class RebuildState(msgspec.Struct, frozen=True):
    """How far a rebuild is."""

    projection: str
    state: Literal["filling", "built", "switched"]
    """Built: the tables have their keys, and follow the log when they are told to. Switched: they
    serve, and the old ones are kept."""
    head: int
    """Whole histories are folded up to here."""
    started_at: datetime
    is_of_this_program: bool
    """Whether the tables are as this program declares them."""
    shares: Sequence[RebuildShare]

    @property
    def events(self) -> int:
        """How many of the events up to ``head`` are folded."""
        return sum(share.events for share in self.shares)


class RowDifference(msgspec.Struct, frozen=True):
    """A row that the old tables and the new ones have otherwise: where; no values."""

    kind: Literal["only_old", "only_new", "differs"]
    table: str
    client_id: str
    key: dict[str, Any]
    columns: Sequence[str] = ()


class Comparison(msgspec.Struct):
    """Old and new tables, compared in the columns that both have."""

    differences: list[RowDifference] = msgspec.field(default_factory=list)
    not_comparable: list[str] = msgspec.field(default_factory=list)
    """Tables and columns that only one side has: the declaration was changed."""
    is_cut: bool = False
    """There are more differences than are listed."""


class Compared(NamedTuple):
    """A comparison, and where both sides stood at that moment."""

    comparison: Comparison
    old: Bookmark
    new: Bookmark


class RebuildRefused(Exception):
    """It cannot be done as things are; the text says why, and what to do."""


class RebuildStore(Protocol):
    """The tables beside. Every method may raise ``RowsUnavailable``."""

    def alone(self, projection: str) -> AbstractContextManager[bool]:
        """Whether nobody else works on this rebuild, and none shall as long as this is open."""
        ...

    def begin(
        self, projection: Projection, beside: Projection, head: int, shares: int, now: datetime
    ) -> RebuildState:
        """Make bare tables, or find those of a rebuild that was broken off.

        Raises ``RebuildRefused``.
        """
        ...

    def state(self, projection: Projection, beside: Projection) -> RebuildState | None:
        """How far the rebuild of a projection is; None if there is none."""
        ...

    def fill(
        self,
        projection: Projection,
        beside: Projection,
        before: RebuildShare,
        after: RebuildShare,
        rows: Iterable[Row],
        parked: Collection[ParkedClient],
    ) -> bool:
        """Add rows, and where the share is then, in one transaction; false if another did.

        Raises ``RowsRejected``.
        """
        ...

    def complete(self, projection: Projection, beside: Projection, now: datetime) -> None:
        """Make keys and indexes, and let the tables stand at the rebuild's head."""
        ...

    def compare(
        self, projection: Projection, beside: Projection, clients: Collection[str] | None
    ) -> Compared:
        """Compare all rows, or those of some clients, at one moment."""
        ...

    def switch(
        self, projection: Projection, beside: Projection, catch_up: Callable[[int], int]
    ) -> None:
        """Put the new tables in the place of the old, in one transaction.

        ``catch_up`` is called while the old ones stand still, with where that is, and returns how
        far the new ones got. Raises ``RebuildRefused`` if readers hold on to the old ones for too
        long.
        """
        ...

    def drop(self, projection: Projection, beside: Projection) -> None:
        """Drop the old tables after a switch, or the new ones before it, and forget the rebuild."""
        ...


class Beside:
    """A projection under another name: the same fold, in tables of its own."""

    def __init__(self, projection: Projection, name: str) -> None:
        self.name = name
        self.revision: int = projection.revision
        self.tables: tuple[type[Row], ...] = projection.tables
        self.needs_client: bool = projection.needs_client
        self.derived: tuple[type[Row], ...] = projection.derived
        self.facts: tuple[type[Event], ...] | None = projection.facts
        self.scopes: Callable[[Stream], Iterable[Scope]] = projection.scopes
        self.touched: Callable[[Stream | None, Recorded], Iterable[Scope]] = projection.touched
        self.rows: Callable[[Stream | None, Scope, Recorded | None], Sequence[Row]] = (
            projection.rows
        )


# ── The rebuild ────────────────────────────────────────────────────────────────────────────────


class Rebuild:
    """The rebuild of one projection; its workers have one each."""

    def __init__(
        self,
        projection: Projection,
        log: WholeLog,
        rows: RowStore,
        store: RebuildStore,
        clock: Clock,
    ) -> None:
        self._projection = projection
        self._beside: Projection = Beside(projection, f"{projection.name}__next")
        self._log = log
        self._rows = rows
        self._store = store
        self._clock = clock
        self._applier = Applier(self._beside, log, rows, clock)

    @property
    def state(self) -> RebuildState | None:
        """How far it is; None if it was not begun."""
        return self._store.state(self._projection, self._beside)

    def alone(self) -> AbstractContextManager[bool]:
        """See ``RebuildStore.alone``."""
        return self._store.alone(self._projection.name)

    def begin(self, shares: int) -> RebuildState:
        """Begin, or find what was begun. Raises ``RebuildRefused``."""
        return self._store.begin(
            self._projection, self._beside, self._log.head(), shares, self._clock.now()
        )

    def fill(self, number: int) -> Iterator[RebuildShare]:
        """Fold the streams of a share, from where it is; says after each handful how far it is.

        Raises ``TakenOver`` if another worker does the same.
        """
        state = self.state
        assert state is not None
        at = state.shares[number]
        share = Share(number, len(state.shares))
        for chunk in () if at.is_done else stream_chunks(self._log, share, at.after_stream):
            at = self._fill_chunk(state.head, at, chunk)
            yield at
        if not at.is_done:
            yield self._write(at, msgspec.structs.replace(at, is_done=True), [], [])

    def complete(self) -> None:
        """Give the tables their keys."""
        self._store.complete(self._projection, self._beside, self._clock.now())

    def catch_up(self, position: int | None = None) -> int:
        """Follow the log up to a position, or to its present head; returns where the rows are."""
        to = self._log.head() if position is None else position
        if not self._applier.stands.marks:
            self._applier.start(remake=False)
        while self._applier.retry_due():
            pass
        while (stands := self._applier.stands).position < to:
            events = self._log.follow(stands.position, _FOLLOW_EVENTS)
            if not events:
                break
            self._applier.apply(events, stands.at(events[-1].position))
        return self._applier.stands.position

    def compare(self) -> Comparison:
        """How the new rows differ from the old, where both reflect the same of a client."""
        self.catch_up()
        compared = self._store.compare(self._projection, self._beside, None)
        result = compared.comparison
        for _ in range(_COMPARISONS_MAX):
            moved = self._moved(compared)
            unsettled = {each.client_id for each in result.differences} & moved
            if not unsettled:
                return result
            self.catch_up()
            compared = self._store.compare(self._projection, self._beside, unsettled)
            settled = [each for each in result.differences if each.client_id not in unsettled]
            result.differences = settled + compared.comparison.differences
        return result

    def switch(self) -> None:
        """Let the new tables serve; whoever follows the log goes on with them by themselves.

        Raises ``RebuildRefused``.
        """
        self.catch_up()
        self._store.switch(self._projection, self._beside, self.catch_up)

    def drop(self) -> None:
        """Drop what does not serve."""
        self._store.drop(self._projection, self._beside)

    def _moved(self, compared: Compared) -> set[str]:
        """Whose events one side has applied and the other has not."""
        positions = [
            mark.position for side in (compared.old, compared.new) for mark in side.marks.values()
        ]
        at, last = min(positions), max(positions)
        moved: set[str] = set()
        while at < last and (entries := self._log.entries(at, _FOLLOW_EVENTS)):
            moved.update(entry.client_id for entry in entries if entry.position <= last)
            at = entries[-1].position
        return moved

    # ── Whole histories ────────────────────────────────────────────────────────────────────────

    def _fill_chunk(self, head: int, at: RebuildShare, chunk: Sequence[StreamSize]) -> RebuildShare:
        folded = self._fold([each.stream_id for each in chunk], head)
        try:
            return self._write_folded(at, folded, chunk[-1].stream_id)
        except RowsRejected:
            pass
        for each in folded:
            try:
                at = self._write_folded(at, [each], each.stream_id)
            except RowsRejected as error:
                parked = self._parked(each.first, error)
                at = self._write_folded(at, [each._replace(rows=[], parked=parked)], each.stream_id)
        return self._write_folded(at, [], chunk[-1].stream_id)

    def _fold(self, stream_ids: Sequence[str], head: int) -> list[_Folded]:
        histories = self._log.histories(dict.fromkeys(stream_ids, head))
        return [
            self._fold_stream(stream_id, history)
            for stream_id, history in groupby(histories, attrgetter("client_id"))
        ]

    def _fold_stream(self, stream_id: str, history: Iterator[Recorded]) -> _Folded:
        """The stream's rows; or, where it cannot be folded, its first event as a parked client's:
        whoever follows the log finds out then which event it is that cannot.
        """
        replay = StreamReplay([self._beside], stream_id)
        first: Recorded | None = None
        events, failure = 0, None
        for recorded in history:
            first = first or recorded
            events += 1
            try:
                if failure is None:
                    replay.apply(recorded)
            except (LogUnavailable, RowsUnavailable):
                raise
            except Exception as error:  # noqa: BLE001  # any failure of a fold is that client's alone
                failure = error
        assert first is not None
        try:
            changes = replay.take(self._beside) if failure is None else None
        except Exception as error:  # noqa: BLE001  # as above
            changes, failure = None, error
        if changes is None:
            assert failure is not None
            return _Folded(stream_id, events, [], first, self._parked(first, failure))
        rows = [row for of_scope in changes.scopes.values() for row in of_scope]
        return _Folded(stream_id, events, rows, first, None)

    def _parked(self, first: Recorded, error: Exception) -> ParkedClient:
        return ParkedClient(
            projection=self._beside.name,
            client_id=first.client_id,
            position=first.position,
            version=first.version,
            error=f"{kind_of(error)} at {place_of(error)}",
            parked_at=self._clock.now(),
        )

    def _write_folded(
        self, at: RebuildShare, folded: Sequence[_Folded], through: str
    ) -> RebuildShare:
        after = RebuildShare(
            number=at.number,
            after_stream=through,
            streams=at.streams + len(folded),
            events=at.events + sum(each.events for each in folded),
            is_done=False,
        )
        rows = [row for each in folded for row in each.rows]
        return self._write(at, after, rows, [each.parked for each in folded if each.parked])

    def _write(
        self,
        before: RebuildShare,
        after: RebuildShare,
        rows: Sequence[Row],
        parked: Sequence[ParkedClient],
    ) -> RebuildShare:
        if not self._store.fill(self._projection, self._beside, before, after, rows, parked):
            raise TakenOver
        return after


class _Folded(NamedTuple):
    """What one stream comes to."""

    stream_id: str
    events: int
    rows: Sequence[Row]
    first: Recorded
    parked: ParkedClient | None
