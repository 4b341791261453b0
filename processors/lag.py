"""How far each projection is behind the log, told honestly.

Measured against the log's own head, so that a projector that died shows as lag. Parked clients are
told apart: they don't hold up anyone else, and age until they are released.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from processors.ports import Clock, EventLog, RowStore


class Lag(msgspec.Struct, frozen=True):
    """How far one projection is behind."""

    projection: str
    position: int
    """Everything up to here in the log is applied, but for what waits behind parked clients."""
    head: int
    """The log's newest position."""
    events_behind: int
    seconds_behind: float
    """Since the oldest event that is not applied was recorded; 0 when all are."""
    parked_clients: int
    parked_seconds: float
    """Since the first of the parked clients was parked; 0 if none is."""


def measure_lag(
    log: EventLog, rows: RowStore, projections: Iterable[str], clock: Clock
) -> list[Lag]:
    """The lag of each projection now.

    Raises ``LogUnavailable`` or ``RowsUnavailable``: what cannot be measured is not called 0.
    """
    head = log.head()  # before the positions: what is appended meanwhile belongs to the next look
    parked = rows.parked()
    lags = []
    for projection in projections:
        position = rows.position(projection)
        oldest = log.recorded_at(position + 1) if position < head else None
        now = clock.now()
        waiting = [client.parked_at for client in parked if client.projection == projection]
        lags.append(
            Lag(
                projection=projection,
                position=position,
                head=max(head, position),
                events_behind=max(0, head - position),
                seconds_behind=max(0.0, (now - oldest).total_seconds()) if oldest else 0.0,
                parked_clients=len(waiting),
                parked_seconds=max(0.0, (now - min(waiting)).total_seconds()) if waiting else 0.0,
            )
        )
    return lags
