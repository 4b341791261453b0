"""Order an ID card: "Send this member a new card."

For a member with coverage today or in future, one order at a time; it stays open until the card is
confirmed as mailed (handbook §3). A change of name or plan offers a card: then only the order is
missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar, Literal

from domain.client.lookup import find_member, is_covered_from
from domain.client.state import CardOrder, CardReason, Client, Member
from domain.kernel import Cause, Command, Context, Event, Refusal
from domain.types import MemberId

NOT_COVERED = Refusal(
    "member_not_covered", "Member {member_id} has no coverage on {day} or later: no card is due."
)
CARD_ALREADY_ORDERED = Refusal(
    "card_already_ordered",
    "A card for member {member_id} was ordered on {day} and is not mailed yet.",
)


class IdCardOffered(Event, frozen=True, kw_only=True):
    """Something on the member's ID card changed: a new one is due, for whoever orders it."""

    type: ClassVar[str] = "id_card_offered"
    member_id: str
    reason: CardReason

    def evolve(self, client: Client, cause: Cause) -> None:
        client.members[self.member_id].card_offer = self.reason

    def members(self) -> Sequence[str]:
        return (self.member_id,)


class IdCardOrdered(Event, frozen=True, kw_only=True):
    """An ID card is to be made and mailed; the transaction is completed when it was."""

    type: ClassVar[str] = "id_card_ordered"
    member_id: str
    reason: CardReason
    ordered_on: date

    def evolve(self, client: Client, cause: Cause) -> None:
        member = client.members[self.member_id]
        member.open_card = CardOrder(cause.transaction_id, self.reason, self.ordered_on)
        member.card_offer = None

    def members(self) -> Sequence[str]:
        return (self.member_id,)


class OrderIdCard(Command):
    """Order an ID card for a member."""

    sent_by: ClassVar = "broker"
    title: ClassVar = "Order an ID card"
    example: ClassVar = {"type": "order_id_card", "member_id": "10000000001", "reason": "lost"}

    type: Literal["order_id_card"] = "order_id_card"
    member_id: MemberId
    reason: CardReason

    def members(self) -> Sequence[str]:
        return (self.member_id,)

    def decide(self, client: Client, context: Context) -> list[Event]:
        member = find_member(client, self.member_id)
        if member.open_card is not None:
            raise CARD_ALREADY_ORDERED.because(
                member_id=self.member_id, day=member.open_card.ordered_on
            )
        if not is_covered_from(member, context.received_on):
            raise NOT_COVERED.because(member_id=self.member_id, day=context.received_on)
        return [
            IdCardOrdered(
                member_id=self.member_id, reason=self.reason, ordered_on=context.received_on
            )
        ]


def offer_card(member: Member, reason: CardReason, on: date) -> list[Event]:
    """The offer of a new card that a change brings along: to a covered member, and once."""
    if member.card_offer == reason or not is_covered_from(member, on):
        return []
    return [IdCardOffered(member_id=member.member_id, reason=reason)]
