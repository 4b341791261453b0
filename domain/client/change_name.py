"""Change a name: "The member is called this now."

A new name on the ID card makes a new card due: one is offered along with the change (handbook §3).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar, Literal

from domain.client.inputs import Day, NameIn
from domain.client.lookup import find_member
from domain.client.order_id_card import offer_card
from domain.client.personal_change import holds_already
from domain.client.state import Client, PersonName
from domain.client.timeliness import require_not_too_far_ahead
from domain.kernel import Cause, Command, Context, Event
from domain.types import MemberId


class NameChanged(Event, frozen=True, kw_only=True):
    """A member has another name from a day on."""

    type: ClassVar[str] = "name_changed"
    member_id: str
    name: PersonName
    effective_on: date

    def evolve(self, client: Client, cause: Cause) -> None:
        member = client.members[self.member_id]
        member.name = self.name
        member.name_from = self.effective_on

    def members(self) -> Sequence[str]:
        return (self.member_id,)

    def takes_effect_on(self) -> date:
        return self.effective_on


class ChangeName(Command):
    """Change a member's name."""

    sent_by: ClassVar = "broker"
    title: ClassVar = "Change a name"
    example: ClassVar = {
        "type": "change_name",
        "member_id": "10000000001",
        "name": {"first": "Anna", "middle": "B", "last": "Rivera-Stone"},
    }

    type: Literal["change_name"] = "change_name"
    member_id: MemberId
    name: NameIn
    effective_on: Day | None = None
    """From when it holds; the day of receipt unless stated."""

    def members(self) -> Sequence[str]:
        return (self.member_id,)

    def decide(self, client: Client, context: Context) -> list[Event]:
        member = find_member(client, self.member_id)
        effective_on = self.effective_on or context.received_on
        name = self.name.value()
        if name == member.name and holds_already(member.name_from, effective_on):
            return []
        require_not_too_far_ahead(context, effective_on)
        changed = NameChanged(member_id=self.member_id, name=name, effective_on=effective_on)
        return [changed, *offer_card(member, "name_change", context.received_on)]
