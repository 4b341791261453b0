"""Change division: "From that date the family is billed in another subgroup."

Groups only. The subgroup must exist on that date, and the family's plan be offered in it; where it
is not, the transaction names the plan to take there, as neither could move first. It sets what
holds from its date on, and replaces changes recorded before for later dates (handbook §3). Where
months are billed whole, a change dated after the 1st takes effect on the 1st of the next month
(§4). Within 31 days back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar, Literal

from domain.client.account_days import require_within_account
from domain.client.add_subgroup import GROUPS_ONLY
from domain.client.change_plan import holds_plan, movers, plan_changed
from domain.client.coverage import find_subscriber, require_covered, shifted
from domain.client.inputs import Day
from domain.client.offers import find_subgroup_on, require_offered
from domain.client.state import Client, DivisionFrom, Family
from domain.client.timeline import changes_after, in_force, set_from
from domain.client.timeliness import check_timely, spend_exception
from domain.kernel import Cause, Command, Context, Event
from domain.types import Code, MemberId


class DivisionChanged(Event, frozen=True, kw_only=True):
    """A family belongs to another subgroup from a day on."""

    type: ClassVar[str] = "division_changed"
    member_id: str
    """The subscriber."""
    subgroup_id: str
    first_day: date
    dependent_ids: tuple[str, ...] = ()
    """The dependents who move along."""
    exception: str | None = None
    """The transaction that approved an exception to the time limit, spent by this."""

    def evolve(self, client: Client, cause: Cause) -> None:
        entry = DivisionFrom(self.first_day, self.subgroup_id, cause.transaction_id)
        set_from(client.families[self.member_id].divisions, entry)
        spend_exception(client, self.member_id, self.exception)

    def members(self) -> Sequence[str]:
        return (self.member_id, *self.dependent_ids)

    def takes_effect_on(self) -> date:
        return self.first_day

    def premium_changes_from(self) -> date:
        return self.first_day


class ChangeDivision(Command):
    """Move a subscriber's family to another subgroup."""

    sent_by: ClassVar = "broker"
    title: ClassVar = "Change division"
    example: ClassVar = {
        "type": "change_division",
        "member_id": "10000000001",
        "subgroup_id": "WEST",
        "effective_on": "2026-04-01",
    }

    type: Literal["change_division"] = "change_division"
    member_id: MemberId
    """The subscriber: the whole family moves."""
    subgroup_id: Code
    plan_id: Code | None = None
    """The plan to take there; left out, the family keeps its own."""
    effective_on: Day

    def members(self) -> Sequence[str]:
        return (self.member_id,)

    def decide(self, client: Client, context: Context) -> list[Event]:
        if not client.is_group:
            raise GROUPS_ONLY.because()
        subscriber = find_subscriber(client, self.member_id)
        family = client.families[self.member_id]
        first_day = shifted(client, self.effective_on)
        require_within_account(client, first_day)
        require_covered(subscriber, first_day)
        subgroup_id = find_subgroup_on(client, self.subgroup_id, first_day).subgroup_id
        takes_plan = self.plan_id is not None and not holds_plan(family, self.plan_id, first_day)
        moves = not _holds_division(family, subgroup_id, first_day)
        if not moves and not takes_plan:
            return []
        self._require_offered(client, family, first_day)
        exception = check_timely(client, context, self.type, self.member_id, self.effective_on)
        events: list[Event] = []
        if moves:
            events.append(
                DivisionChanged(
                    member_id=self.member_id,
                    subgroup_id=subgroup_id,
                    first_day=first_day,
                    dependent_ids=tuple(movers(client, family, first_day)[1:]),
                    exception=exception,
                )
            )
        if self.plan_id is not None and takes_plan:
            events += plan_changed(
                client, family, self.plan_id, first_day, None if moves else exception
            )
        return events

    def _require_offered(self, client: Client, family: Family, first_day: date) -> None:
        """The plan named, or each that the family has from the day on, must be on offer."""
        if self.plan_id is not None:
            require_offered(client, self.plan_id, self.subgroup_id, first_day)
            return
        current = in_force(family.plans, first_day) or family.plans[0]
        require_offered(client, current.plan_id, self.subgroup_id, first_day)
        for plan in family.plans:
            if plan.first_day > first_day:
                require_offered(client, plan.plan_id, self.subgroup_id, plan.first_day)


def _holds_division(family: Family, subgroup_id: str, day: date) -> bool:
    current = in_force(family.divisions, day)
    return (
        current is not None
        and current.subgroup_id == subgroup_id
        and not changes_after(family.divisions, day)
    )
