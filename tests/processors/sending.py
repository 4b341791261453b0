"""What tests send to a command processor, and a log between the two that can be made to fail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

from domain.catalog import COMMANDS
from domain.kernel import Actor
from processors.command_processor import CommandProcessor
from processors.ports import EventLog, LogUnavailable, NewEvent, NewReceipt, VersionConflict
from processors.receipts import Answer, Submission

CARRIER = Actor("carrier-1", "carrier")
NOON = datetime(2026, 1, 5, 17, tzinfo=UTC)


class SetClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.instant = NOON

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.instant


class Faulty:
    """A log whose next appends fail as told: ``before`` or ``after`` they took effect."""

    def __init__(self, log: EventLog, faults: Sequence[str] = ()) -> None:
        self._log = log
        self.faults = list(faults)

    def append(
        self,
        events: Sequence[NewEvent],
        receipts: Sequence[NewReceipt],
        recorded_at: datetime,
        relied: Mapping[str, int],
    ) -> int:
        """Append, or fail."""
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "before":
            raise LogUnavailable("before")
        if fault == "race":
            raise VersionConflict
        first = self._log.append(events, receipts, recorded_at, relied)
        if fault == "after":
            raise LogUnavailable("after")
        return first

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def opening(client_id: str = "C1", key: str = "open", actor: Actor = CARRIER) -> Submission:
    """A group is opened."""
    command = COMMANDS["open_client"].model_validate(COMMANDS["open_client"].example)
    return Submission(actor, client_id, key, command)


def subgroup(
    number: int,
    key: str = "",
    client_id: str = "C1",
    actor: Actor = CARRIER,
    received_at: datetime | None = None,
) -> Submission:
    """A subgroup of its own for each number: always possible, an event each."""
    command = COMMANDS["add_subgroup"].model_validate(
        {
            "type": "add_subgroup",
            "subgroup_id": f"S{number}",
            "name": f"Shop {number}",
            "effective_on": "2026-01-01",
        }
    )
    return Submission(actor, client_id, key or f"key-{number}", command, received_at)


def impossible(key: str) -> Submission:
    """Refused: there is such a subgroup, with another name."""
    taken = subgroup(1).command.model_copy(update={"name": "Another"})
    return Submission(CARRIER, "C1", key, taken)


def submit_many(
    processor: CommandProcessor, submissions: Iterable[Submission]
) -> list[Future[Answer]]:
    """Submit several; they are decided in this order."""
    return [processor.submit(submission) for submission in submissions]


def send(processor: CommandProcessor, *submissions: Submission) -> list[Answer]:
    """Submit at once, and wait for all answers."""
    return [future.result(timeout=30) for future in submit_many(processor, submissions)]


def versions(log: EventLog, client_id: str = "C1") -> list[int]:
    """The versions of a client's history."""
    return [recorded.version for recorded in log.history(client_id, 0, 10_000)]
