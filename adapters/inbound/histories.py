"""Events of a client's history as readers get them."""

from __future__ import annotations

import msgspec

from adapters.outbound.views import HistoryEvent
from schemas.envelope import Recorded


def history_event(recorded: Recorded) -> HistoryEvent:
    """The event with its cause and everything in it."""
    return HistoryEvent(
        position=recorded.position,
        version=recorded.version,
        recorded_at=recorded.recorded_at,
        type=recorded.event.type,
        type_version=recorded.event.version,
        cause=recorded.cause,
        data=msgspec.to_builtins(recorded.event),
    )
