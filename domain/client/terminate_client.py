"""Terminate a client: "The account ends; nobody is covered after the last day of that month."

Ends everyone on that day, and cancels from inception who would have begun later (handbook §3).
The carrier's own act, so only its future is limited. An earlier end replaces one recorded before.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

from domain.client.account_days import require_last_of_month
from domain.client.inputs import Day
from domain.client.periods import settle
from domain.client.state import Client
from domain.client.timeliness import require_not_too_far_ahead
from domain.kernel import Cause, Command, Context, Event, Refusal

ALREADY_TERMINATED = Refusal(
    "already_terminated", "The client's last covered day is {terminated_on} already."
)


class ClientTerminated(Event, frozen=True, kw_only=True):
    """Nobody is covered after the last day."""

    type: ClassVar[str] = "client_terminated"
    last_day: date

    def evolve(self, client: Client, cause: Cause) -> None:
        client.terminated_on = self.last_day
        client.terminated_by = cause.transaction_id
        for member in client.members.values():
            settle(client, member)

    def takes_effect_on(self) -> date:
        return self.last_day

    def premium_changes_from(self) -> date:
        return self.last_day


class TerminateClient(Command):
    """End a client's account."""

    sent_by: ClassVar = "carrier"
    title: ClassVar = "Terminate a client"
    example: ClassVar = {"type": "terminate_client", "last_day": "2026-03-31"}

    type: Literal["terminate_client"] = "terminate_client"
    last_day: Day

    def asks_effect_on(self) -> date:
        return self.last_day

    def decide(self, client: Client, context: Context) -> list[Event]:
        require_last_of_month(self.last_day)
        terminated_on = client.terminated_on
        if terminated_on == self.last_day:
            return []
        if terminated_on is not None and terminated_on < self.last_day:
            raise ALREADY_TERMINATED.because(terminated_on=terminated_on)
        require_not_too_far_ahead(context, self.last_day)
        return [ClientTerminated(last_day=self.last_day)]
