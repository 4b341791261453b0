"""Change contact points: "The member is reached at this e-mail address and this phone number."

Both are stated, so that nothing is lost by leaving it out: null means that there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar, Literal

from domain.client.inputs import Day, EmailText, PhoneText
from domain.client.lookup import find_member
from domain.client.personal_change import holds_already
from domain.client.state import Client, ContactPoints
from domain.client.timeliness import require_not_too_far_ahead
from domain.kernel import Cause, Command, Context, Event
from domain.types import MemberId


class ContactChanged(Event, frozen=True, kw_only=True):
    """A member has other contact points from a day on."""

    type: ClassVar[str] = "contact_changed"
    member_id: str
    contact: ContactPoints
    effective_on: date

    def evolve(self, client: Client, cause: Cause) -> None:
        member = client.members[self.member_id]
        member.contact = self.contact
        member.contact_from = self.effective_on

    def members(self) -> Sequence[str]:
        return (self.member_id,)

    def takes_effect_on(self) -> date:
        return self.effective_on


class ChangeContact(Command):
    """Change how a member is reached."""

    sent_by: ClassVar = "broker"
    title: ClassVar = "Change contact points"
    example: ClassVar = {
        "type": "change_contact",
        "member_id": "10000000001",
        "email": "anna@example.org",
        "phone": "860-555-0142",
    }

    type: Literal["change_contact"] = "change_contact"
    member_id: MemberId
    email: EmailText | None
    phone: PhoneText | None
    effective_on: Day | None = None
    """From when it holds; the day of receipt unless stated."""

    def members(self) -> Sequence[str]:
        return (self.member_id,)

    def decide(self, client: Client, context: Context) -> list[Event]:
        member = find_member(client, self.member_id)
        effective_on = self.effective_on or context.received_on
        contact = ContactPoints(email=self.email, phone=self.phone)
        held = member.contact or ContactPoints()
        if contact == held and holds_already(member.contact_from, effective_on):
            return []
        require_not_too_far_ahead(context, effective_on)
        return [
            ContactChanged(member_id=self.member_id, contact=contact, effective_on=effective_on)
        ]
