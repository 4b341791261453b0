"""How far each projection is behind the log, told honestly.

Measured against the log's own head, so that a relay or a projector that died shows as lag. Parked
clients are told apart: they don't hold up anyone else, and age until they are released.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from processors.partitions import partition_of
from processors.ports import Clock, EventLog, ParkedClient, RowStore

Stage = Literal["projector", "relay", "worker"]


class Lag(msgspec.Struct, frozen=True):
    """How far one projection is behind, in one partition of the clients."""

    projection: str
    position: int
    """Everything up to here in the log is applied, but for what waits behind parked clients."""
    head: int
    """The log's newest position."""
    events_behind: int
    """Positions of the log, of whichever partition's events."""
    seconds_behind: float
    """Since the oldest event that is not applied was recorded; 0 when all are."""
    parked_clients: int
    parked_seconds: float
    """Since the first of the parked clients was parked; 0 if none is."""
    partition: int = 0
    held_by: Stage | None = None
    """Whose turn it is: the embedded projector's; or, over a topic, the relay's while it has not
    passed on what is missing, else the worker's. Null when caught up."""


class Standing(msgspec.Struct, frozen=True):
    """Where everything that follows the log stands."""

    head: int
    """The log's newest position."""
    lags: Sequence[Lag]
    relayed: int | None
    """How far the log was passed on to the topic; None where there is none."""
    relay_delay_seconds: float
    """Since the oldest event that was not passed on was recorded; 0 when all are."""


def measure_standing(
    log: EventLog,
    rows: RowStore,
    projections: Iterable[str],
    clock: Clock,
    relayed: int | None = None,
) -> Standing:
    """Where everything stands now; as ``measure_lag``."""
    head = log.head()
    since = None if relayed is None or relayed >= head else log.recorded_at(relayed + 1)
    lags = measure_lag(log, rows, projections, clock, relayed)
    return Standing(head, lags, relayed, _seconds(since, clock.now()))


def measure_lag(
    log: EventLog,
    rows: RowStore,
    projections: Iterable[str],
    clock: Clock,
    relayed: int | None = None,
) -> list[Lag]:
    """The lag of each projection now, partition by partition.

    ``relayed`` is how far the log was passed on to the topic; None where there is none.
    Raises ``LogUnavailable`` or ``RowsUnavailable``: what cannot be measured is not called 0.
    """
    head = log.head()  # before the positions: what is appended meanwhile belongs to the next look
    parked = rows.parked()
    instants: dict[int, datetime | None] = {}
    lags = []
    for projection in projections:
        positions = rows.positions(projection) or {0: 0}
        for partition, position in positions.items():
            if position < head and position not in instants:
                instants[position] = log.recorded_at(position + 1)
            now = clock.now()
            waiting = _waiting(parked, projection, partition, len(positions))
            lags.append(
                Lag(
                    projection=projection,
                    position=position,
                    head=max(head, position),
                    events_behind=max(0, head - position),
                    seconds_behind=_seconds(instants.get(position), now),
                    parked_clients=len(waiting),
                    parked_seconds=_seconds(min(waiting, default=None), now),
                    partition=partition,
                    held_by=_stage(position, relayed) if position < head else None,
                )
            )
    return lags


def _waiting(
    parked: Sequence[ParkedClient], projection: str, partition: int, partitions: int
) -> list[datetime]:
    """Since when clients of a partition are parked."""
    return [
        client.parked_at
        for client in parked
        if client.projection == projection
        and partition_of(client.client_id, partitions) == partition
    ]


def _stage(position: int, relayed: int | None) -> Stage:
    if relayed is None:
        return "projector"
    return "relay" if position >= relayed else "worker"


def _seconds(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
