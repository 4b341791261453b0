"""What a process counts of its own work, for whoever watches it: plain numbers, cheap to keep.

One thread writes each of them, without a lock; any thread may read, at any moment. How they are
shown is the adapters' business.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal

Outcome = Literal["accepted", "refused", "repeated", "key_reused", "unavailable", "failed"]

_COMMAND_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_COMMANDS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_EVENTS = (1, 10, 50, 100, 250, 500, 1_000, 2_000)


class Distribution:
    """How many values there were up to each bound, and beyond the last."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """By the first bound that a value does not exceed; those beyond all bounds at the end."""
        self.total: float = 0
        """Of all values."""

    def note(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class CommandTally:
    """What became of the commands that were submitted."""

    def __init__(self) -> None:
        self.outcomes: dict[tuple[str, Outcome], int] = {}
        """By the command's type and its outcome."""
        self.seconds = Distribution(_COMMAND_SECONDS)
        """From submitting to the answer."""
        self.batches = Distribution(_COMMANDS)
        """Commands that shared an append."""

    def note(self, command_type: str, outcome: Outcome, seconds: float) -> None:
        """Count a command that is answered now."""
        key = (command_type, outcome)
        self.outcomes[key] = self.outcomes.get(key, 0) + 1
        self.seconds.note(seconds)


def event_batches() -> Distribution:
    """For the number of events that a projection applied in one transaction."""
    return Distribution(_EVENTS)


class Pulse:
    """Whether a loop goes on, and whether it can do its work: said by the loop, now and then."""

    def __init__(self) -> None:
        self._went_on_at = time.monotonic()
        self._worked_at: float | None = None

    def beat(self) -> None:
        """The loop goes on; perhaps it cannot work."""
        self._went_on_at = time.monotonic()

    def worked(self) -> None:
        """The loop has done its work, or has found that there is none."""
        self._went_on_at = self._worked_at = time.monotonic()

    def goes_on(self, within_seconds: float) -> bool:
        """Whether it went on lately; a loop that has just been made counts as going on."""
        return time.monotonic() - self._went_on_at <= within_seconds

    def works(self, within_seconds: float) -> bool:
        """Whether it was able to work lately."""
        return self._worked_at is not None and time.monotonic() - self._worked_at <= within_seconds
