"""What coverage costs: the rules of handbook §4 as pure functions. Amounts are integer cents.

Premium for a month is found in three steps, each rounded half up to the cent before the next:
the monthly premium by member or by tier, 102 % of it in COBRA continuation, and the part of the
month that is billed.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Final

from domain.client.state import PartMonthRule, Tier
from domain.dates import add_months, age_on, days_in_month, first_of_month, first_of_next_month
from domain.money import half_up

AGE_FACTORS_THOUSANDTHS: Final[tuple[int, ...]] = (
    *([765] * 15),
    *(833, 859, 885, 913, 941, 970),  # 15 to 20
    *(1000, 1000, 1000, 1000, 1004, 1024, 1048, 1087, 1119),  # 21 to 29
    *(1135, 1159, 1183, 1198, 1214, 1222, 1230, 1238, 1246, 1262),  # 30 to 39
    *(1278, 1302, 1325, 1357, 1397, 1444, 1500, 1563, 1635, 1706),  # 40 to 49
    *(1786, 1865, 1952, 2040, 2135, 2230, 2333, 2437, 2548, 2603),  # 50 to 59
    *(2714, 2810, 2873, 2952, 3000),  # 60 to 64 and over
)
"""Federal default age factors by age, the last one for everyone older (§4)."""

CHILD_RATED_BELOW_AGE: Final = 21
PAYING_CHILDREN: Final = 3
COBRA_PERCENT: Final = 102
WASH_START_LATEST: Final = 15
WASH_END_EARLIEST: Final = 16

_OLDEST_FACTOR_AGE: Final = len(AGE_FACTORS_THOUSANDTHS) - 1


# ── Monthly premium ────────────────────────────────────────────────────────────────────────────


def rating_age(birth_date: date, plan_year_start: date, unbroken_from: date) -> int:
    """The age that premium is rated at: on the later of both days (§4)."""
    return age_on(birth_date, max(plan_year_start, unbroken_from))


def age_factor_thousandths(age: int) -> int:
    """The age factor × 1,000; a child insured before its birth date is entered counts as 0."""
    return AGE_FACTORS_THOUSANDTHS[min(max(age, 0), _OLDEST_FACTOR_AGE)]


def member_premium_cents(base_cents: int, age: int) -> int:
    """By member: base rate (age 21, client's rating area) × age factor."""
    return half_up(base_cents * age_factor_thousandths(age), 1000)


def free_children(children: Collection[tuple[date, str]]) -> frozenset[str]:
    """Of a family's children under 21 billed in a month, all but the three oldest: they pay 0.

    Children are (birth date, member id); twins count in order of member id. Their member ids.
    """
    if len(children) <= PAYING_CHILDREN:
        return frozenset()
    return frozenset(member_id for _, member_id in sorted(children)[PAYING_CHILDREN:])


def tier_of(has_partner: bool, has_children: bool) -> Tier:
    """By tier (large group): who has a billed day in the month beside the subscriber."""
    if has_partner:
        return "FAM" if has_children else "ESP"
    return "ECH" if has_children else "EMP"


def cobra_cents(monthly_cents: int) -> int:
    """COBRA continuation pays 102 % of the monthly premium, rounded before any part month."""
    return half_up(monthly_cents * COBRA_PERCENT, 100)


# ── Part months ────────────────────────────────────────────────────────────────────────────────


def billed_months(
    rule: PartMonthRule, first_day: date, last_day: date | None
) -> tuple[date, date | None] | None:
    """The first and last month (as 1sts) in which unbroken coverage has a billed day.

    The last is None while coverage is open-ended; None for all if no month is billed.
    """
    first_month = first_of_month(first_day)
    last_month = None if last_day is None else first_of_month(last_day)
    if rule == "wash":
        if first_day.day > WASH_START_LATEST:
            first_month = first_of_next_month(first_day)
        if last_day is not None and last_month is not None and last_day.day < WASH_END_EARLIEST:
            last_month = add_months(last_month, -1)
    if last_month is not None and last_month < first_month:
        return None
    return first_month, last_month


def part_month_cents(
    rule: PartMonthRule, monthly_cents: int, month: date, covered_days: int
) -> int:
    """What is billed for a month that has a billed day, from its full (rounded) premium."""
    if rule != "daily":
        return monthly_cents
    return half_up(monthly_cents * covered_days, days_in_month(month))
