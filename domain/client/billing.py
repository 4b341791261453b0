"""What a run bills: a month's charges, and the first month that is billed here (handbook §5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from domain.client.administration import administered_here_from
from domain.client.premium import monthly_charges
from domain.client.state import Client, Family, Tier
from domain.client.timeline import in_force
from domain.dates import first_of_month, last_of_month


class Charged(NamedTuple):
    """What a member (by tier: a subscriber) is charged for a month, its parts together."""

    cents: int
    plan_id: str
    subgroup_id: str
    tier: Tier | None
    """Plan, subgroup and tier are those of the month's last part."""


def first_billed_month(client: Client) -> date | None:
    """The first month this system bills the client for; None while it is administered elsewhere."""
    first_day = administered_here_from(client)
    return None if first_day is None else first_of_month(first_day)


def charges_of(client: Client, family: Family, month: date) -> dict[str, Charged]:
    """The charges of a family for a month by member, in order of member id."""
    charged: dict[str, Charged] = {}
    for part in monthly_charges(client, family, month):
        before = charged[part.member_id].cents if part.member_id in charged else 0
        charged[part.member_id] = Charged(
            before + part.billed_cents, part.plan_id, part.subgroup_id, part.tier
        )
    return charged


def charged_or_nothing(client: Client, family: Family, member_id: str, month: date) -> Charged:
    """As ``charges_of``; nothing, by the family's plan of the month, for who is not billed."""
    charged = charges_of(client, family, month).get(member_id)
    if charged is not None:
        return charged
    day = last_of_month(month)
    plan = in_force(family.plans, day) or family.plans[0]
    division = in_force(family.divisions, day) or family.divisions[0]
    return Charged(0, plan.plan_id, division.subgroup_id, None)


def families_in_order(client: Client) -> Iterator[Family]:
    """In the order of an invoice's lines: by subscriber id."""
    return (client.families[subscriber_id] for subscriber_id in sorted(client.families))
