"""Keeps a projection's rows up with the log: follow, apply, again.

Batches take what is there and never linger. What a batch comes to is said in ``applying.py``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from processors.applying import BATCH_EVENTS, MEMBERS_LIMIT, Applier, TakenOver, kind_of, place_of
from processors.ports import Clock, EventLog, RowStore, TablesReplaced
from processors.tallies import Distribution
from projections.kernel import Projection

_IDLE_SECONDS = 0.5
"""How often a projector without events looks for requests to retry, and whether it is to stop."""
_BACKOFF_SECONDS = (0.05, 5.0)
_STANDBY_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class Projector:
    """One projection, followed by one thread.

    ``applied`` is called with each position that has become visible in the rows.
    """

    def __init__(
        self,
        projection: Projection,
        log: EventLog,
        rows: RowStore,
        clock: Clock,
        applied: Callable[[int], None] = lambda position: None,
        batch_events: int = BATCH_EVENTS,
        members_limit: int = MEMBERS_LIMIT,
    ) -> None:
        self._log = log
        self._batch_events = batch_events
        self._applier = Applier(projection, log, rows, clock, applied, batch_events, members_limit)

    @property
    def batches(self) -> Distribution:
        """Events applied in one transaction, so far."""
        return self._applier.batches

    def run(self, stop: threading.Event) -> None:
        """Keep the rows up with the log until ``stop`` is set.

        While the log or the row store is away it tries again for ever, at most some seconds
        apart. When another worker has taken over it stands by, and goes on if that one is gone;
        it ends if that one is of a version of the program with other tables.
        """
        name = self._applier.projection.name
        failures = 0
        is_first = True
        while not stop.is_set():
            try:
                self.start(remake=is_first)
                is_first = False
                _log.info(
                    "projector.started", projection=name, position=self._applier.stands.position
                )
                while not stop.is_set():
                    if not self.step():
                        self._log.wait(self._applier.stands.position, _IDLE_SECONDS)
                    failures = 0
            except TakenOver:
                _log.warning(
                    "projector.taken_over", projection=name, position=self._applier.stands.position
                )
                stop.wait(_STANDBY_SECONDS)
            except TablesReplaced:
                _log.error("projector.replaced", projection=name)
                return
            except Exception as error:  # noqa: BLE001  # nobody else would start this thread again
                pause = min(_BACKOFF_SECONDS[0] * 2**failures, _BACKOFF_SECONDS[1])
                failures = min(failures + 1, 16)
                _log.warning(
                    "projector.interrupted",
                    projection=name,
                    position=self._applier.stands.position,
                    error=kind_of(error),
                    where=place_of(error),
                    seconds=pause,
                )
                stop.wait(pause)

    def start(self, remake: bool = True) -> int:
        """Begin, or begin again, from what is stored; returns the position (``Applier.start``)."""
        return self._applier.start(remake).position

    def step(self) -> bool:
        """Apply a batch, and try a parked client whose time has come; false if there was neither.

        Raises ``TakenOver``, ``LogUnavailable`` or ``RowsUnavailable``.
        """
        stands = self._applier.stands
        events = self._log.follow(stands.position, self._batch_events)
        if events:
            self._applier.apply(events, stands.at(events[-1].position))
        return self._applier.retry_due() or bool(events)
