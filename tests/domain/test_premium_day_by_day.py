"""Premium against a reference that looks at every day of every month (``premium_by_days.py``).

Over families whose coverage, plan, division, COBRA, rates and plan years change at random.
"""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.client.premium import monthly_charges, premium_spans
from domain.client.state import (
    Client,
    Cobra,
    DivisionFrom,
    Family,
    PartMonthRule,
    Period,
    PlanFrom,
    Rate,
    RateFrom,
    Relationship,
    Segment,
)
from domain.dates import add_months, first_of_month, last_of_month
from tests.domain.given import group
from tests.domain.premium_by_days import FamilyMonth
from tests.domain.test_premium import family_of

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
        by_days = FamilyMonth(client, family, month)
        which = max if client.part_month_rule == "daily" else min
        expected = {
            member_id: by_days.premium(member_id, which(by_days.billed[member_id]))
            for member_id in by_days.costs()
        }
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
    totals: dict[str, int] = {}
    for charge in monthly_charges(client, family, month):
        totals[charge.member_id] = totals.get(charge.member_id, 0) + charge.billed_cents
    expected = FamilyMonth(client, family, month).costs()
    assert totals == {member_id: cost.cents for member_id, cost in expected.items()}


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
