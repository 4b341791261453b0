"""Finding what a transaction names in the client, or refusing it by name."""

from __future__ import annotations

from datetime import date

from domain.client.state import HOUSEHOLD, Client, Member, Plan, Subgroup
from domain.kernel import Refusal

MEMBER_UNKNOWN = Refusal("member_unknown", "The client has no member {member_id}.")
SUBGROUP_UNKNOWN = Refusal("subgroup_unknown", "The client has no subgroup {subgroup_id}.")
SUBGROUP_MISSING = Refusal(
    "subgroup_missing", "Every subscriber of a group belongs to a subgroup: name it."
)
PLAN_UNKNOWN = Refusal("plan_unknown", "Plan {plan_id} is not offered to the client.")


def find_member(client: Client, member_id: str) -> Member:
    """The member; refused if there never was such a one."""
    member = client.members.get(member_id)
    if member is None:
        raise MEMBER_UNKNOWN.because(member_id=member_id)
    return member


def find_plan(client: Client, plan_id: str) -> Plan:
    """The plan; refused if it was never offered to any part of the client."""
    plan = client.plans.get(plan_id)
    if plan is None:
        raise PLAN_UNKNOWN.because(plan_id=plan_id)
    return plan


def find_subgroup(client: Client, subgroup_id: str | None) -> Subgroup:
    """The subgroup named; an individual account's household if, as usual there, none is."""
    if subgroup_id is None:
        if client.is_group:
            raise SUBGROUP_MISSING.because()
        subgroup_id = HOUSEHOLD
    subgroup = client.subgroups.get(subgroup_id)
    if subgroup is None:
        raise SUBGROUP_UNKNOWN.because(subgroup_id=subgroup_id)
    return subgroup


def is_covered_from(member: Member, day: date) -> bool:
    """Whether the member has coverage on that day or on a later one."""
    return any(
        period.last_day is None or period.last_day >= max(day, period.first_day)
        for period in member.periods
    )
