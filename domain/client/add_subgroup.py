"""Add a subgroup: "Bill and report these people of the group apart from the others."

Only a group has subgroups (divisions); every subscriber belongs to one (handbook §1).
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

from domain.client.account_days import require_within_account
from domain.client.inputs import Day, Label
from domain.client.state import Client, Subgroup
from domain.client.timeliness import require_not_too_far_ahead
from domain.kernel import Cause, Command, Context, Event, Refusal
from domain.types import Code

GROUPS_ONLY = Refusal("groups_only", "An individual account has no subgroups.")
SUBGROUP_EXISTS = Refusal(
    "subgroup_exists", "There is a subgroup {subgroup_id} already, with other facts."
)


class SubgroupAdded(Event, frozen=True, kw_only=True):
    """A group has a subgroup from a day on."""

    type: ClassVar[str] = "subgroup_added"
    subgroup_id: str
    name: str
    effective_on: date

    def evolve(self, client: Client, cause: Cause) -> None:
        client.subgroups[self.subgroup_id] = Subgroup(
            self.subgroup_id, self.name, self.effective_on, cause.transaction_id
        )

    def takes_effect_on(self) -> date:
        return self.effective_on


class AddSubgroup(Command):
    """Add a subgroup to a group."""

    sent_by: ClassVar = "carrier"
    title: ClassVar = "Add a subgroup"
    example: ClassVar = {
        "type": "add_subgroup",
        "subgroup_id": "EAST",
        "name": "East Side shop",
        "effective_on": "2026-01-01",
    }

    type: Literal["add_subgroup"] = "add_subgroup"
    subgroup_id: Code
    name: Label
    effective_on: Day

    def decide(self, client: Client, context: Context) -> list[Event]:
        if not client.is_group:
            raise GROUPS_ONLY.because()
        known = client.subgroups.get(self.subgroup_id)
        if known is not None:
            if (known.name, known.effective_on) != (self.name, self.effective_on):
                raise SUBGROUP_EXISTS.because(subgroup_id=self.subgroup_id)
            return []
        require_within_account(client, self.effective_on)
        require_not_too_far_ahead(context, self.effective_on)
        return [
            SubgroupAdded(
                subgroup_id=self.subgroup_id, name=self.name, effective_on=self.effective_on
            )
        ]
