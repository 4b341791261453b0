"""Premium against a reference that looks at every day of every month.

In decimal arithmetic and with none of the code under test, over families whose coverage, plan,
division, COBRA, rates and plan years change at random.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.client.premium import monthly_charges, premium_spans
from domain.client.state import (
    Client,
    Cobra,
    DivisionFrom,
    Family,
    Member,
    PartMonthRule,
    Period,
    PlanFrom,
    Rate,
    RateFrom,
    Relationship,
    Segment,
    Tier,
)
from domain.dates import add_months, days_in_month, first_of_month, last_of_month
from tests.domain.given import group
from tests.domain.test_premium import family_of
from tests.domain.test_rating import handbook_factor

FIRST, LAST = date(2024, 1, 1), date(2027, 12, 1)
PLANS = ("GOLD", "SILVER", "BRONZE")
days = st.dates(FIRST, last_of_month(LAST))
months = days.map(first_of_month)


@st.composite
def families(draw: st.DrawFn) -> tuple[Client, Family]:
    """A client with one family, whose coverage, plan, division and rates change at random."""
    segment: Segment = draw(st.sampled_from(["small_group", "large_group"]))
    rule: PartMonthRule = draw(st.sampled_from(["full_month", "wash", "daily"]))
    client = group(segment, rule, FIRST)
    renewals = sorted(draw(st.sets(months.filter(lambda day: day > FIRST), max_size=3)))
    client.plan_years += renewals
    for plan_id in PLANS:
        rated_anew = draw(st.sets(months.filter(lambda day: day > FIRST), max_size=1))
        client.plans[plan_id].rates = [
            RateFrom(day, draw(rates(segment)), "t0")
            for day in sorted({FIRST, *renewals, *rated_anew})
        ]
    births = draw(st.lists(st.dates(date(1960, 1, 1), date(2007, 1, 1)), min_size=2, max_size=2))
    people: list[tuple[Relationship, date]] = [("subscriber", births[0])]
    if draw(st.booleans()):
        people.append(("spouse", births[1]))
    # Few birth dates, so that there are twins and children around 21.
    for birth in draw(st.lists(st.sampled_from(CHILD_BIRTHS), max_size=5)):
        people.append(("child", birth))
    family = family_of(client, *people)
    for member_id in family.member_ids:
        client.members[member_id].periods = draw(periods())
    changes = draw(st.lists(days, unique=True, max_size=2).map(sorted))
    family.plans = [PlanFrom(d, draw(st.sampled_from(PLANS)), "t1") for d in [FIRST, *changes]]
    moves = draw(st.lists(days, unique=True, max_size=2).map(sorted))
    family.divisions = [
        DivisionFrom(d, draw(st.sampled_from(["MAIN", "WEST"])), "t1") for d in [FIRST, *moves]
    ]
    if draw(st.booleans()):
        start = draw(days)
        stop = start + timedelta(days=draw(st.integers(0, 40)))
        family.cobra = [Cobra("termination", start, stop, "t1")]
    return client, family


CHILD_BIRTHS = [date(2004, 2, 29), date(2004, 5, 1), date(2010, 1, 1), date(2016, 8, 9)]


def rates(segment: Segment) -> st.SearchStrategy[Rate]:
    """A base rate, or rates by tier."""
    if segment != "large_group":
        return st.integers(1, 90_000).map(lambda cents: Rate(base_cents=cents))
    return st.integers(1, 90_000).map(
        lambda cents: Rate(
            tier_cents={"EMP": cents, "ESP": 2 * cents, "ECH": cents + 1, "FAM": 3 * cents}
        )
    )


@st.composite
def periods(draw: st.DrawFn) -> list[Period]:
    """Up to two periods of coverage, which may adjoin; the first may be in another family."""
    bounds = sorted(draw(st.sets(days, max_size=4)))
    if len(bounds) < 3:
        return [Period(bounds[0], "t1", max(bounds[1:], default=None))] if bounds else []
    if draw(st.booleans()):
        bounds[2] = bounds[1] + timedelta(days=1)
    elsewhere = draw(st.sampled_from([None, None, "99999999999"]))
    return [
        Period(bounds[0], "t1", bounds[1], subscriber_id=elsewhere),
        Period(bounds[2], "t2", bounds[3] if len(bounds) == 4 else None),
    ]


def days_of_change(client: Client, family: Family) -> list[date]:
    """Days on which something begins or ends: the months they are in are the interesting ones."""
    found = [entry.first_day for entry in family.plans + family.divisions] + client.plan_years
    for member_id in family.member_ids:
        for period in client.members[member_id].periods:
            found += [period.first_day, period.last_day or LAST]
    for cobra in family.cobra:
        found += [cobra.first_day, cobra.last_day]
    return found


def half_up(amount: Decimal) -> int:
    """A whole number of cents."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def billed_days(client: Client, member: Member, month: date) -> list[date]:
    """The days of the month on which the member is covered in the family, if the rule bills them.

    Starting on or before the 15th and not ending before the 16th is being covered on both.
    """
    covered = [
        day
        for day in (month + timedelta(days=n) for n in range(days_in_month(month)))
        if any(
            period.first_day <= day <= (period.last_day or date.max)
            for period in member.periods
            if period.subscriber_id in (None, member.subscriber_id)
        )
    ]
    if client.part_month_rule != "wash":
        return covered
    if {month.replace(day=15), month.replace(day=16)} - set(covered):
        return []
    first = last = month.replace(day=15)
    while first - timedelta(days=1) in covered:
        first -= timedelta(days=1)
    while last + timedelta(days=1) in covered:
        last += timedelta(days=1)
    return [day for day in covered if first <= day <= last]


def age(client: Client, member: Member, month: date, day: date) -> int:
    """On the later of plan-year start and first day of the unbroken coverage that the day is in."""
    plan_year = max([d for d in client.plan_years if d <= month], default=client.effective_on)
    began = day
    while previous := [p for p in member.periods if p.first_day < began <= _day_after(p)]:
        began = previous[0].first_day
    on, birth = max(plan_year, began), member.birth_date
    return sum(1 for year in range(birth.year + 1, on.year + 1) if birthday(birth, year) <= on)


def _day_after(period: Period) -> date:
    return date.max if period.last_day is None else period.last_day + timedelta(days=1)


def birthday(birth: date, year: int) -> date:
    """In a year without 29 February, such a birthday is on 1 March."""
    if (birth.month, birth.day) == (2, 29) and days_in_month(date(year, 2, 1)) == 28:
        return date(year, 3, 1)
    return birth.replace(year=year)


def full_premium(client: Client, family: Family, member: Member, month: date, day: date) -> int:
    """The full monthly premium of a member as things stand on a day of a month."""
    plan_id = [entry for entry in family.plans if entry.first_day <= day][-1].plan_id
    rate = [e for e in client.plans[plan_id].rates if e.first_day <= day][-1].rate
    with_us = [client.members[m] for m in family.member_ids]
    with_us = [other for other in with_us if billed_days(client, other, month)]
    if rate.tier_cents is not None:
        there = {other.relationship for other in with_us} - {"subscriber"}
        tiers: list[Tier] = ["EMP", "ESP", "ECH", "FAM"]
        cents = rate.tier_cents[tiers[("spouse" in there) + 2 * ("child" in there)]]
    else:
        assert rate.base_cents is not None
        rated = age(client, member, month, day)
        cents = half_up(rate.base_cents * handbook_factor(rated))
        children = sorted(
            (other.birth_date, other.member_id)
            for other in with_us
            if other.relationship == "child"
            and any(age(client, other, month, d) < 21 for d in billed_days(client, other, month))
        )
        if (member.birth_date, member.member_id) in children[3:]:
            cents = 0
    if any(cobra.first_day <= day <= cobra.last_day for cobra in family.cobra):
        cents = half_up(cents * Decimal("1.02"))
    return cents


def payers(client: Client, family: Family) -> Iterator[Member]:
    """Who has lines: every member, or the subscriber alone."""
    for member_id in sorted(family.member_ids):
        if client.segment != "large_group" or member_id == family.subscriber_id:
            yield client.members[member_id]


@settings(max_examples=150, deadline=None)
@given(families())
def test_premium_spans_say_for_every_month_what_the_plain_way_says(
    case: tuple[Client, Family],
) -> None:
    """Expanded month by month, spans are the premium reckoned day by day, and never overlap."""
    client, family = case
    spans = premium_spans(client, family)
    month = add_months(FIRST, -2)
    while month <= add_months(LAST, 3):
        there = [s for s in spans if s.first_month <= month <= (s.last_month or date.max)]
        expected = {}
        for member in payers(client, family):
            covered = billed_days(client, member, month)
            if covered:
                day = covered[-1] if client.part_month_rule == "daily" else covered[0]
                expected[member.member_id] = full_premium(client, family, member, month, day)
        assert {span.member_id: span.monthly_cents for span in there} == expected
        assert len(there) == len(expected)
        month = add_months(month, 1)


@settings(max_examples=150, deadline=None)
@given(families(), st.data())
def test_charges_of_a_month_are_those_reckoned_day_by_day(
    case: tuple[Client, Family], data: st.DataObject
) -> None:
    """Each member is billed the days in each plan and price, each rounded; or the month in full."""
    client, family = case
    month = first_of_month(data.draw(st.sampled_from(days_of_change(client, family))))
    expected = {}
    for member in payers(client, family):
        covered = billed_days(client, member, month)
        if client.part_month_rule != "daily":
            if covered:
                premium = full_premium(client, family, member, month, covered[0])
                expected[member.member_id] = premium
            continue
        by_price: dict[tuple[str, int], int] = {}
        for day in covered:
            plan_id = [entry for entry in family.plans if entry.first_day <= day][-1].plan_id
            price = plan_id, full_premium(client, family, member, month, day)
            by_price[price] = by_price.get(price, 0) + 1
        if covered:
            expected[member.member_id] = sum(
                half_up(Decimal(cents * count) / days_in_month(month))
                for (_, cents), count in by_price.items()
            )
    totals: dict[str, int] = {}
    for charge in monthly_charges(client, family, month):
        totals[charge.member_id] = totals.get(charge.member_id, 0) + charge.billed_cents
    assert totals == expected


@settings(max_examples=60, deadline=None)
@given(families())
def test_neighbouring_spans_differ(case: tuple[Client, Family]) -> None:
    """Runs are as long as they can be: no two that meet are alike."""
    spans = premium_spans(*case)
    nowhere = {"first_month": FIRST, "last_month": None}
    for span in spans:
        for other in spans:
            if span.last_month and other.first_month == add_months(span.last_month, 1):
                assert replace(span, **nowhere) != replace(other, **nowhere)
