"""Rating: the rules of handbook §4, and the figures of its worked example."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.client.state import PartMonthRule
from domain.dates import days_in_month
from domain.rating import (
    age_factor_thousandths,
    billed_months,
    cobra_cents,
    free_children,
    member_premium_cents,
    part_month_cents,
    rating_age,
    tier_of,
)

HANDBOOK_FACTORS = """0–14 .765; 15 .833; 16 .859; 17 .885; 18 .913; 19 .941; 20 .970;
21–24 1.000; 25 1.004; 26 1.024; 27 1.048; 28 1.087; 29 1.119; 30 1.135; 31 1.159; 32 1.183;
33 1.198; 34 1.214; 35 1.222; 36 1.230; 37 1.238; 38 1.246; 39 1.262; 40 1.278; 41 1.302;
42 1.325; 43 1.357; 44 1.397; 45 1.444; 46 1.500; 47 1.563; 48 1.635; 49 1.706; 50 1.786;
51 1.865; 52 1.952; 53 2.040; 54 2.135; 55 2.230; 56 2.333; 57 2.437; 58 2.548; 59 2.603;
60 2.714; 61 2.810; 62 2.873; 63 2.952"""


def handbook_factor(age: int) -> Decimal:
    """The factor for an age, read from the handbook's own words."""
    for entry in HANDBOOK_FACTORS.split(";"):
        ages, factor = entry.split()
        first, _, last = ages.partition("–")
        if int(first) <= age <= int(last or first):
            return Decimal(factor)
    return Decimal("3.000")


@pytest.mark.parametrize("age", range(111))
def test_each_age_has_the_factor_of_the_handbook(age: int) -> None:
    """Every age, and everyone of 64 and over."""
    assert age_factor_thousandths(age) == handbook_factor(age) * 1000


@pytest.mark.parametrize(
    ("birth", "dollars"),
    [
        (date(1987, 5, 20), "598.08"),
        (date(1989, 11, 2), "590.40"),
        (date(2010, 3, 4), "399.84"),
        (date(2012, 7, 19), "367.20"),
        (date(2015, 9, 9), "367.20"),
        (date(1999, 8, 14), "491.52"),
        (date(1967, 2, 1), "1223.04"),
        (date(1970, 12, 24), "1070.40"),
    ],
)
def test_the_worked_example_is_rated_to_the_cent(birth: date, dollars: str) -> None:
    """Harbor Bakery's people in SILVER at 480.00, plan year from 2026-01-01 (§9)."""
    age = rating_age(birth, date(2026, 1, 1), date(2026, 1, 1))
    assert member_premium_cents(480_00, age) == int(Decimal(dollars) * 100)


def test_the_fourth_child_of_the_worked_example_is_free() -> None:
    """Of H1's four children the youngest pays nothing (§9)."""
    births = [date(2010, 3, 4), date(2012, 7, 19), date(2015, 9, 9), date(2021, 6, 30)]
    assert free_children([(birth, str(n)) for n, birth in enumerate(births)]) == {"3"}


def test_twins_pay_in_order_of_member_id() -> None:
    """Of twins who compete for the third place, the lower member id pays."""
    twins = [(date(2015, 1, 1), "00000000009"), (date(2015, 1, 1), "00000000002")]
    older = [(date(2010, 1, 1), "00000000008"), (date(2011, 1, 1), "00000000007")]
    assert free_children(twins + older) == {"00000000009"}


@given(st.lists(st.tuples(st.dates(), st.from_regex(r"[0-9]{3}", fullmatch=True)), unique=True))
def test_never_more_than_three_children_pay_and_no_payer_is_younger(
    children: list[tuple[date, str]],
) -> None:
    """All but three are free, and each who is free comes after each who pays."""
    children = list({member_id: (birth, member_id) for birth, member_id in children}.values())
    free = free_children(children)
    paying = [child for child in children if child[1] not in free]
    assert len(paying) == min(3, len(children))
    assert all(payer < child for payer in paying for child in children if child[1] in free)


@given(st.integers(0, 10**7), st.integers(0, 110))
def test_premium_by_member_is_base_times_factor_half_up(base_cents: int, age: int) -> None:
    """As decimal arithmetic on the handbook's factors gives."""
    exact = base_cents * handbook_factor(age)
    assert member_premium_cents(base_cents, age) == int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def test_age_is_taken_on_the_later_of_plan_year_start_and_first_day_of_coverage() -> None:
    """A birthday between the two counts only if coverage began after it."""
    birth = date(1996, 3, 10)
    assert rating_age(birth, date(2026, 1, 1), date(2025, 4, 1)) == 29
    assert rating_age(birth, date(2026, 1, 1), date(2026, 3, 9)) == 29
    assert rating_age(birth, date(2026, 1, 1), date(2026, 3, 10)) == 30


def test_tiers_follow_who_is_covered_with_the_subscriber() -> None:
    """Alone, with a partner, with children, with both."""
    tiers = [tier_of(partner, child) for partner in (False, True) for child in (False, True)]
    assert tiers == ["EMP", "ECH", "ESP", "FAM"]


@pytest.mark.parametrize(("monthly", "continued"), [(48025, 48986), (25, 26), (24, 24), (75, 77)])
def test_cobra_is_102_percent_rounded_half_up(monthly: int, continued: int) -> None:
    """0.25 becomes 0.255, so 0.26: rounded before any part month."""
    assert cobra_cents(monthly) == continued


def test_cobra_is_rounded_before_the_part_month() -> None:
    """0.25 becomes 0.26, and 26 of 30 days of that are 0.23; rounded at the end it were 0.22."""
    assert part_month_cents("daily", cobra_cents(25), date(2026, 4, 1), 26) == 23


@pytest.mark.parametrize(
    ("rule", "first", "last", "months"),
    [
        ("full_month", date(2026, 1, 31), date(2026, 3, 1), (1, 3)),
        ("daily", date(2026, 1, 31), date(2026, 3, 1), (1, 3)),
        ("wash", date(2026, 1, 15), date(2026, 3, 16), (1, 3)),
        ("wash", date(2026, 1, 16), date(2026, 3, 15), (2, 2)),
        ("wash", date(2026, 1, 15), date(2026, 1, 16), (1, 1)),
        ("wash", date(2026, 1, 1), date(2026, 1, 15), None),
        ("wash", date(2026, 1, 16), date(2026, 1, 31), None),
        ("wash", date(2026, 1, 16), date(2026, 2, 15), None),
        ("full_month", date(2026, 2, 1), date(2026, 1, 31), None),
    ],
)
def test_billed_months_follow_the_clients_rule(
    rule: PartMonthRule, first: date, last: date, months: tuple[int, int] | None
) -> None:
    """Any day counts, or from the 15th and to the 16th; cancelled coverage bills nothing."""
    billed = billed_months(rule, first, last)
    if months is None:
        assert billed is None
    else:
        assert billed == (date(2026, months[0], 1), date(2026, months[1], 1))


@pytest.mark.parametrize("rule", ["full_month", "wash", "daily"])
def test_open_ended_coverage_is_billed_for_ever(rule: PartMonthRule) -> None:
    """No last month while there is no last day."""
    assert billed_months(rule, date(2026, 1, 1), None) == (date(2026, 1, 1), None)


@given(st.integers(0, 10**7), st.dates(date(2024, 1, 1), date(2028, 12, 31)), st.data())
def test_a_part_month_is_the_rounded_share_of_its_days(
    monthly: int, day: date, data: st.DataObject
) -> None:
    """Under daily the covered days' share, half up; under the other rules the month in full."""
    month, length = day.replace(day=1), days_in_month(day)
    covered = data.draw(st.integers(1, length))
    share = Decimal(monthly * covered) / length
    assert part_month_cents("daily", monthly, month, covered) == int(
        share.quantize(Decimal(1), ROUND_HALF_UP)
    )
    assert part_month_cents("daily", monthly, month, length) == monthly
    assert part_month_cents("wash", monthly, month, covered) == monthly
    assert part_month_cents("full_month", monthly, month, covered) == monthly
