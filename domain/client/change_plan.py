"""Change plan: "From that date the whole family wants the other plan."

To a plan offered on that date to the subgroup the family is in then. It sets what holds from its
date on, and replaces changes recorded before for later dates (handbook §3). Where months are billed
whole, a change dated after the 1st takes effect on the 1st of the next month (§4). Within 31 days
back. A new card is offered to everyone covered.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar, Literal

from domain.client.account_days import require_within_account
from domain.client.coverage import find_subscriber, people_of, require_covered, shifted
from domain.client.inputs import Day
from domain.client.lookup import find_plan, is_covered_from
from domain.client.offers import require_offered
from domain.client.order_id_card import offer_card
from domain.client.state import Client, Family, PlanFrom
from domain.client.timeline import changes_after, in_force, set_from
from domain.client.timeliness import check_timely, spend_exception
from domain.kernel import Cause, Command, Context, Event
from domain.types import Code, MemberId


class PlanChanged(Event, frozen=True, kw_only=True):
    """A family has another plan from a day on."""

    type: ClassVar[str] = "plan_changed"
    member_id: str
    """The subscriber."""
    plan_id: str
    first_day: date
    dependent_ids: tuple[str, ...] = ()
    """The dependents who move along."""
    exception: str | None = None
    """The transaction that approved an exception to the time limit, spent by this."""

    def evolve(self, client: Client, cause: Cause) -> None:
        family = client.families[self.member_id]
        set_from(family.plans, PlanFrom(self.first_day, self.plan_id, cause.transaction_id))
        spend_exception(client, self.member_id, self.exception)

    def members(self) -> Sequence[str]:
        return (self.member_id, *self.dependent_ids)

    def takes_effect_on(self) -> date:
        return self.first_day

    def premium_changes_from(self) -> date:
        return self.first_day


class ChangePlan(Command):
    """Move a subscriber's family to another plan."""

    sent_by: ClassVar = "broker"
    title: ClassVar = "Change plan"
    example: ClassVar = {
        "type": "change_plan",
        "member_id": "10000000001",
        "plan_id": "GOLD",
        "effective_on": "2026-04-01",
    }

    type: Literal["change_plan"] = "change_plan"
    member_id: MemberId
    """The subscriber: the whole family moves."""
    plan_id: Code
    effective_on: Day

    def members(self) -> Sequence[str]:
        return (self.member_id,)

    def decide(self, client: Client, context: Context) -> list[Event]:
        subscriber = find_subscriber(client, self.member_id)
        family = client.families[self.member_id]
        find_plan(client, self.plan_id)
        first_day = shifted(client, self.effective_on)
        require_within_account(client, first_day)
        require_covered(subscriber, first_day)
        if holds_plan(family, self.plan_id, first_day):
            return []
        _require_offered_from(client, family, self.plan_id, first_day)
        exception = check_timely(client, context, self.type, self.member_id, self.effective_on)
        return plan_changed(client, family, self.plan_id, first_day, exception)


def holds_plan(family: Family, plan_id: str, day: date) -> bool:
    """Whether the family has that plan from the day on, and no change is recorded for later."""
    current = in_force(family.plans, day)
    return (
        current is not None and current.plan_id == plan_id and not changes_after(family.plans, day)
    )


def plan_changed(
    client: Client, family: Family, plan_id: str, first_day: date, exception: str | None = None
) -> list[Event]:
    """The family's move to another plan, and the cards it offers to everyone covered from then."""
    moving = movers(client, family, first_day)
    changed = PlanChanged(
        member_id=family.subscriber_id,
        plan_id=plan_id,
        first_day=first_day,
        dependent_ids=tuple(moving[1:]),
        exception=exception,
    )
    before = in_force(family.plans, first_day)
    if before is not None and before.plan_id == plan_id:
        # It only takes back a change that was recorded for later: the card stays right.
        return [changed]
    cards = [
        event
        for member_id in moving
        for event in offer_card(client.members[member_id], "plan_change", first_day)
    ]
    return [changed, *cards]


def movers(client: Client, family: Family, day: date) -> list[str]:
    """Who moves with the family on a day: the subscriber first, then the dependents covered."""
    return [
        member.member_id
        for member in people_of(client, family)
        if member.subscriber_id == family.subscriber_id and is_covered_from(member, day)
    ]


def _require_offered_from(client: Client, family: Family, plan_id: str, first_day: date) -> None:
    """The plan holds from the day on: in the subgroup of that day, and in those that follow."""
    current = in_force(family.divisions, first_day) or family.divisions[0]
    require_offered(client, plan_id, current.subgroup_id, first_day)
    for division in family.divisions:
        if division.first_day > first_day:
            require_offered(client, plan_id, division.subgroup_id, division.first_day)
