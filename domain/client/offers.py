"""Which plan a subgroup may choose on which day."""

from __future__ import annotations

from datetime import date

from domain.client.lookup import find_plan, find_subgroup
from domain.client.offer_plan import BEFORE_SUBGROUP
from domain.client.state import Client, Subgroup
from domain.client.timeline import in_force
from domain.kernel import Refusal

PLAN_NOT_OFFERED = Refusal(
    "plan_not_offered", "Plan {plan_id} is not offered to subgroup {subgroup_id} on {day}."
)


def find_subgroup_on(client: Client, subgroup_id: str | None, day: date) -> Subgroup:
    """The subgroup that people may belong to on the day, or a refusal."""
    subgroup = find_subgroup(client, subgroup_id)
    if day < subgroup.effective_on:
        raise BEFORE_SUBGROUP.because(
            subgroup_id=subgroup.subgroup_id, effective_on=subgroup.effective_on, day=day
        )
    return subgroup


def require_offered(client: Client, plan_id: str, subgroup_id: str, day: date) -> None:
    """Refuse a plan that the subgroup may not choose on the day."""
    offer = in_force(find_plan(client, plan_id).offers.get(subgroup_id, ()), day)
    if offer is None or (offer.last_day is not None and offer.last_day < day):
        raise PLAN_NOT_OFFERED.because(plan_id=plan_id, subgroup_id=subgroup_id, day=day)
