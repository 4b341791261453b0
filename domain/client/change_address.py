"""Change an address: "The member lives here now."

A dependent without an address of their own lives at the subscriber's, and moves along with it;
stating one gives the dependent their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar, Literal

from domain.client.inputs import AddressIn, Day
from domain.client.lookup import find_member
from domain.client.personal_change import holds_already
from domain.client.state import Address, Client
from domain.client.timeliness import require_not_too_far_ahead
from domain.kernel import Cause, Command, Context, Event
from domain.types import MemberId


class AddressChanged(Event, frozen=True, kw_only=True):
    """A member has another address from a day on."""

    type: ClassVar[str] = "address_changed"
    member_id: str
    address: Address
    effective_on: date

    def evolve(self, client: Client, cause: Cause) -> None:
        member = client.members[self.member_id]
        member.address = self.address
        member.address_from = self.effective_on

    def members(self) -> Sequence[str]:
        return (self.member_id,)

    def takes_effect_on(self) -> date:
        return self.effective_on


class ChangeAddress(Command):
    """Change a member's address."""

    sent_by: ClassVar = "broker"
    title: ClassVar = "Change an address"
    example: ClassVar = {
        "type": "change_address",
        "member_id": "10000000001",
        "address": {
            "line1": "12 Water Street",
            "city": "Mystic",
            "state": "CT",
            "zip": "06355",
        },
    }

    type: Literal["change_address"] = "change_address"
    member_id: MemberId
    address: AddressIn
    effective_on: Day | None = None
    """From when it holds; the day of receipt unless stated."""

    def members(self) -> Sequence[str]:
        return (self.member_id,)

    def decide(self, client: Client, context: Context) -> list[Event]:
        member = find_member(client, self.member_id)
        lives_as = member if member.address else client.members[member.subscriber_id]
        effective_on = self.effective_on or context.received_on
        address = self.address.value()
        if address == lives_as.address and holds_already(lives_as.address_from, effective_on):
            return []
        require_not_too_far_ahead(context, effective_on)
        return [
            AddressChanged(member_id=self.member_id, address=address, effective_on=effective_on)
        ]
