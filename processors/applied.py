"""What the projections have applied, as runs need to know it: all of the log as it is now."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from processors.ports import EventLog, RowStore
from processors.run_service import RunAtWork, RunBroken

_WAIT_SLICE_SECONDS = 0.5
_PARKED_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Applied:
    """Waits until projections show the log as it is now."""

    log: EventLog
    rows: RowStore
    wait: Callable[[int, float, Sequence[str]], bool]
    """See ``EmbeddedProjectors.wait_or_project``."""
    patience_seconds: float = 120.0
    """So long a projection may stand still, while there is work, before a run gives up."""

    def all_of_the_log(self, at_work: RunAtWork, projections: Sequence[str]) -> int:
        """Wait until the projections have applied the log as it is now; its position.

        Returns sooner if the run is to stop. Raises ``RunBroken`` where one stands still.
        """
        head = self.log.head()
        reached, patience = -1, time.monotonic() + self.patience_seconds
        while not self.wait(head, _WAIT_SLICE_SECONDS, projections) and at_work.goes_on():
            now, position = time.monotonic(), sum(map(self.rows.position, projections))
            if position > reached:
                reached, patience = position, now + self.patience_seconds
            elif now > patience:
                raise RunBroken("projection_stands_still")
        return head

    def parked(self, projection: str) -> Sequence[str]:
        """The ids of what a projection could not apply: its rows lack what waits there."""
        return [parked.client_id for parked in self.rows.parked(projection)]

    def require_none_parked(self, projections: Sequence[str]) -> None:
        """Raises ``RunBroken`` where something is parked, and names the first ones."""
        for projection in projections:
            if parked := self.parked(projection):
                named = ", ".join(parked[:_PARKED_SHOWN])
                more = len(parked) - _PARKED_SHOWN
                rest = f" and {more} more" if more > 0 else ""
                raise RunBroken(f"parked in the projection {projection}: {named}{rest}")
