"""Approve an exception: "Let this one change through although it comes too late, because …"

Carrier staff allow one kind of change, for one member, from one date, past its time limit
(handbook §3). The change that uses it spends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar, Literal

from domain.client.inputs import Day
from domain.client.state import ApprovedException, Client
from domain.kernel import Cause, Command, Context, Event
from domain.types import MemberId, PersonalText

LimitedAction = Literal[
    "add_subscriber",
    "add_dependent",
    "remove_subscriber",
    "remove_dependent",
    "reinstate_member",
    "change_plan",
    "change_division",
]
"""The actions that a time limit can stop."""


class ExceptionApproved(Event, frozen=True, kw_only=True):
    """One change of a member may come past its time limit."""

    type: ClassVar[str] = "exception_approved"
    member_id: str
    transaction_type: LimitedAction
    effective_on: date
    reason: PersonalText

    def evolve(self, client: Client, cause: Cause) -> None:
        client.exceptions.setdefault(self.member_id, []).append(
            ApprovedException(
                self.transaction_type, self.effective_on, cause.transaction_id, self.reason
            )
        )

    def members(self) -> Sequence[str]:
        return (self.member_id,)

    def takes_effect_on(self) -> date:
        return self.effective_on


class ApproveException(Command):
    """Approve one change past its time limit."""

    sent_by: ClassVar = "carrier"
    title: ClassVar = "Approve an exception"
    example: ClassVar = {
        "type": "approve_exception",
        "member_id": "10000000001",
        "transaction_type": "remove_subscriber",
        "effective_on": "2025-12-31",
        "reason": "The employer's notice was lost in the mail.",
    }

    type: Literal["approve_exception"] = "approve_exception"
    member_id: MemberId
    """Also of a person who is still to be added."""
    transaction_type: LimitedAction
    effective_on: Day
    """As the change will state it: its effective date, or its last covered day."""
    reason: PersonalText

    def members(self) -> Sequence[str]:
        return (self.member_id,)

    def decide(self, client: Client, context: Context) -> list[Event]:
        approved = client.exceptions.get(self.member_id, ())
        wanted = (self.transaction_type, self.effective_on)
        if any((each.transaction_type, each.effective_on) == wanted for each in approved):
            return []
        return [
            ExceptionApproved(
                member_id=self.member_id,
                transaction_type=self.transaction_type,
                effective_on=self.effective_on,
                reason=self.reason,
            )
        ]
