"""What every member and month of a client costs as known now, from scratch (handbook §2, §4)."""

from __future__ import annotations

from datetime import date

import msgspec

from domain.client.state import Client, Family
from tests.domain.premium_by_days import ByDays, FamilyMonth

Key = tuple[date, str, str]
"""(month, subscriber id, member id): the order in which charges are paid (§5)."""

_TRANSITION = date(2024, 6, 1)
_MOST_REMEMBERED = 50_000
_remembered: dict[tuple[bytes, date], dict[str, ByDays]] = {}
"""By all facts that a family's premium depends on: the same facts cost the same."""


def first_month_here(client: Client) -> date:
    """The first month billed here: of small groups and FFS, that of the first plan year that
    starts on or after 2024-06-01 (§2)."""
    starts = [client.effective_on]
    if client.segment in ("small_group", "ffs"):
        starts = sorted(day for day in client.plan_years if day >= _TRANSITION)
    return starts[0].replace(day=1)


def months_between(first: date, last: date) -> list[date]:
    """The 1sts of all months from the first to the last one."""
    months = []
    while first <= last:
        months.append(first)
        first = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return months


def costs(client: Client, through: date) -> dict[Key, ByDays]:
    """What everyone costs in each month, from the first that is billed here to the given one."""
    found: dict[Key, ByDays] = {}
    for family in client.families.values():
        facts = _facts(client, family)
        for month in months_between(first_month_here(client), through):
            if (facts, month) not in _remembered:
                _remember(facts, month, FamilyMonth(client, family, month).costs())
            for member_id, cost in _remembered[facts, month].items():
                found[month, family.subscriber_id, member_id] = cost
    return found


def _remember(facts: bytes, month: date, cost: dict[str, ByDays]) -> None:
    if len(_remembered) >= _MOST_REMEMBERED:
        _remembered.clear()
    _remembered[facts, month] = cost


def _facts(client: Client, family: Family) -> bytes:
    people = [client.members[member_id] for member_id in family.member_ids]
    return msgspec.msgpack.encode(
        [
            [client.segment, client.part_month_rule, client.effective_on, client.plan_years],
            {plan_id: plan.rates for plan_id, plan in client.plans.items()},
            family,
            [(m.birth_date, m.subscriber_id, m.relationship, m.periods) for m in people],
        ]
    )
