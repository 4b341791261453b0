"""What was known: a client as of an instant or a position of the log, and the rows it had then.

Known at an instant is what had been received by then: within one client the instants of receipt
never go back, so it is a beginning of the client's history (handbook §1). Known at a position is
what this system had recorded up to it, in whole transactions: nobody ever saw half of one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime

from domain.streams import Stream
from processors.ports import Clock, EventLog
from projections.kernel import Projection, Row, Scope
from schemas.envelope import Recorded

KnownAt = int | datetime
"""A position of the log, or an instant (UTC)."""

Wanted = Callable[[Stream], Callable[[Scope], bool]]
"""Of a client in a state, which rows a read needs; the others are not derived."""


class KnownInFuture(Exception):
    """Nobody knows yet what will be known: the instant or position is not reached."""


class NotKnownThen(Exception):
    """There was nothing of this client at that moment: its history begins later."""


def is_known_by(recorded: Recorded, known_at: KnownAt) -> bool:
    """Whether an event belongs to what was known."""
    if isinstance(known_at, int):
        return recorded.position <= known_at
    return recorded.cause.received_at <= known_at


def version_known(log: EventLog, stream_id: str, known_at: KnownAt) -> int:
    """The version that a client or payee had at that moment; 0 before its first event."""

    def event(version: int) -> Recorded | None:
        return next(iter(log.history(stream_id, version - 1, 1)), None)

    def is_known(version: int) -> bool:
        found = event(version)
        return found is not None and is_known_by(found, known_at)

    known, ahead = 0, 1  # a few looks at single events, however long the history
    while is_known(ahead):
        known, ahead = ahead, ahead * 2
    while ahead - known > 1:
        middle = (known + ahead) // 2
        known, ahead = (middle, ahead) if is_known(middle) else (known, middle)
    last = event(known) if known else None
    if last is not None and last.cause.index < last.cause.count:
        return known - last.cause.index
    return known


class Knowledge:
    """Clients as they were known, with the rows that the projections had of them.

    Nothing is remembered from one reading to the next: what is read is what is stored now.
    """

    def __init__(self, log: EventLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock

    def require_past(self, known_at: KnownAt) -> None:
        """Return if that moment has come. Raises ``KnownInFuture``."""
        reached: KnownAt = self._log.head() if isinstance(known_at, int) else self._clock.now()
        if known_at > reached:  # type: ignore[operator]  # both are of one kind
            raise KnownInFuture

    def version(self, client_id: str, known_at: KnownAt) -> int:
        """The version known then. Raises ``KnownInFuture`` or ``NotKnownThen``."""
        self.require_past(known_at)
        version = version_known(self._log, client_id, known_at)
        if version == 0:
            raise NotKnownThen
        return version

    def rows(
        self,
        projections: Collection[Projection],
        client_id: str,
        version: int,
        wanted: Wanted = lambda state: lambda scope: True,
    ) -> Iterator[Row]:
        """The rows that these projections had when the client was at this version.

        What the state says is derived from the state, which a snapshot makes quick to have; what
        single events say, from those events.
        """
        state = self._log.load({client_id: version})[client_id]
        is_wanted = wanted(state)
        for projection in projections:
            for scope in projection.scopes(state):
                if is_wanted(scope):
                    yield from projection.rows(state, scope, None)
            yield from self._facts(projection, state, is_wanted)

    def _facts(
        self, projection: Projection, state: Stream, is_wanted: Callable[[Scope], bool]
    ) -> Iterator[Row]:
        last: dict[Scope, Recorded] = {}
        for recorded in self._telling(projection, state):
            for scope in projection.touched(state, recorded):
                if scope[0] not in projection.derived and is_wanted(scope):
                    last[scope] = recorded
        for scope, recorded in last.items():
            yield from projection.rows(state, scope, recorded)

    def _telling(self, projection: Projection, state: Stream) -> Iterable[Recorded]:
        """The events that write a projection's rows by themselves."""
        if projection.facts is None:
            return self._log.history(state.client_id, 0, state.version, state.version)
        if not projection.facts:
            return ()
        types = [event.type for event in projection.facts]
        return self._log.selected(state.client_id, types, state.version)
