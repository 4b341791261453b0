"""A history folded again: the rows that projections make of one client or payee.

The fold is the projections' own, so what is read as of an earlier moment, rebuilt, or compared with
the live rows comes from the code that wrote those.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from domain.streams import Stream, new_stream
from projections.kernel import Changes, Projection, Scope
from schemas.envelope import HistoryDamaged, Recorded, Unreadable


class StreamReplay:
    """One client's or payee's events, folded in order for some projections at once.

    ``state`` is what the events continue; left out, they are the stream's first.
    """

    def __init__(
        self, projections: Sequence[Projection], stream_id: str, state: Stream | None = None
    ) -> None:
        self.version = state.version if state else 0
        self._projections = projections
        self._folds_state = any(projection.needs_client for projection in projections)
        self._state = state or new_stream(stream_id)
        self._touched: Mapping[str, dict[Scope, Recorded]] = {
            projection.name: {} for projection in projections
        }

    def apply(self, recorded: Recorded) -> None:
        """Fold the next event in. Raises ``HistoryDamaged`` if it is another, or unreadable."""
        if recorded.version != self.version + 1:
            raise HistoryDamaged(f"Version {self.version + 1} is missing.")
        if isinstance(recorded.event, Unreadable):
            raise HistoryDamaged(f"An event stored as {recorded.event.topic!r} cannot be read.")
        if self._folds_state:
            recorded.evolve(self._state)
        self.version = recorded.version
        for projection in self._projections:
            touched = self._touched[projection.name]
            for scope in projection.touched(self._state_for(projection), recorded):
                touched[scope] = recorded

    def take(self, projection: Projection) -> Changes:
        """The rows of every scope that was touched since they were last taken."""
        touched = self._touched[projection.name]
        state = self._state_for(projection)
        changes = Changes(
            {scope: projection.rows(state, scope, recorded) for scope, recorded in touched.items()}
        )
        touched.clear()
        return changes

    def _state_for(self, projection: Projection) -> Stream | None:
        return self._state if projection.needs_client else None


def replayed(projection: Projection, stream_id: str, history: Iterable[Recorded]) -> Changes:
    """All rows that a projection has of a client or payee after its history, by scope.

    Raises ``HistoryDamaged``.
    """
    replay = StreamReplay([projection], stream_id)
    for recorded in history:
        replay.apply(recorded)
    return replay.take(projection)
