"""Confirm an ID card: "The card that was ordered for this member is in the mail."

Closes the order, which completes its transaction (handbook §3).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar, Literal

from domain.client.lookup import find_member
from domain.client.state import Client
from domain.kernel import Cause, Command, Context, Event, Refusal
from domain.types import MemberId

NO_CARD_ORDERED = Refusal("no_card_ordered", "No ID card was ordered for member {member_id}.")


class IdCardConfirmed(Event, frozen=True, kw_only=True):
    """The ID card ordered by a transaction was mailed."""

    type: ClassVar[str] = "id_card_confirmed"
    member_id: str
    order_transaction_id: str
    mailed_on: date

    def evolve(self, client: Client, cause: Cause) -> None:
        member = client.members[self.member_id]
        member.open_card = None
        member.card_mailed_on = self.mailed_on

    def members(self) -> Sequence[str]:
        return (self.member_id,)


class ConfirmIdCard(Command):
    """Confirm that a member's ID card was mailed."""

    sent_by: ClassVar = "carrier"
    title: ClassVar = "Confirm an ID card"
    example: ClassVar = {"type": "confirm_id_card", "member_id": "10000000001"}

    type: Literal["confirm_id_card"] = "confirm_id_card"
    member_id: MemberId

    def members(self) -> Sequence[str]:
        return (self.member_id,)

    def decide(self, client: Client, context: Context) -> list[Event]:
        member = find_member(client, self.member_id)
        if member.open_card is None:
            if member.card_mailed_on is None:
                raise NO_CARD_ORDERED.because(member_id=self.member_id)
            return []
        return [
            IdCardConfirmed(
                member_id=self.member_id,
                order_transaction_id=member.open_card.transaction_id,
                mailed_on=context.received_on,
            )
        ]
