"""Premium of a family: the worked example, and the cases that are easy to get wrong."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from domain.client.premium import PremiumSpan, monthly_charges, premium_spans
from domain.client.state import (
    Client,
    Cobra,
    DivisionFrom,
    Family,
    Member,
    PartMonthRule,
    Period,
    PersonName,
    PlanFrom,
    Rate,
    RateFrom,
    Relationship,
)
from tests.domain.given import group

JANUARY = date(2026, 1, 1)


def family_of(
    client: Client,
    *people: tuple[Relationship, date],
    first_day: date = JANUARY,
    last_day: date | None = None,
) -> Family:
    """A family in SILVER and division MAIN, all covered on the same days."""
    family = Family("", [], [PlanFrom(first_day, "SILVER", "t1")], [])
    family.divisions.append(DivisionFrom(first_day, "MAIN", "t1"))
    for relationship, birth_date in people:
        member_id = f"{len(client.members) + 1:011d}"
        family.subscriber_id = family.subscriber_id or member_id
        family.member_ids.append(member_id)
        client.members[member_id] = Member(
            member_id,
            family.subscriber_id,
            relationship,
            PersonName(first="A", last="B"),
            birth_date,
            [Period(first_day, "t1", last_day)],
        )
    client.families[family.subscriber_id] = family
    return family


def end(client: Client, member_id: str, last_day: date) -> None:
    """The member's coverage ends on a day."""
    period = client.members[member_id].periods.pop()
    client.members[member_id].periods.append(Period(period.first_day, "t1", last_day, "t2"))


def billed(client: Client, family: Family, month: date) -> list[int]:
    """The billed cents of a month, one number for each charge."""
    return [charge.billed_cents for charge in monthly_charges(client, family, month)]


H1: tuple[tuple[Relationship, date], ...] = (
    ("subscriber", date(1987, 5, 20)),
    ("spouse", date(1989, 11, 2)),
    ("child", date(2010, 3, 4)),
    ("child", date(2012, 7, 19)),
    ("child", date(2015, 9, 9)),
    ("child", date(2021, 6, 30)),
)


def test_the_invoice_of_the_worked_example() -> None:
    """Harbor Bakery's January 2026 adds up to 5,107.68 (§9)."""
    client = group("small_group", "wash")
    h1 = family_of(client, *H1)
    h2 = family_of(client, ("subscriber", date(1999, 8, 14)))
    h3 = family_of(client, ("subscriber", date(1967, 2, 1)), ("spouse", date(1970, 12, 24)))
    assert billed(client, h1, JANUARY) == [598_08, 590_40, 399_84, 367_20, 367_20, 0]
    assert billed(client, h2, JANUARY) == [491_52]
    assert billed(client, h3, JANUARY) == [1223_04, 1070_40]
    assert sum(sum(billed(client, family, JANUARY)) for family in (h1, h2, h3)) == 5107_68


def test_a_spouse_covered_from_9_february_is_billed_for_february_under_wash() -> None:
    """H2's spouse in the worked example: 503.04 for February (§9)."""
    client = group("small_group", "wash")
    family = family_of(client, ("subscriber", date(1999, 8, 14)), ("spouse", date(1998, 4, 2)))
    spouse = family.member_ids[1]
    client.members[spouse].periods = [Period(date(2026, 2, 9), "t2")]
    assert billed(client, family, JANUARY) == [491_52]
    assert billed(client, family, date(2026, 2, 1)) == [491_52, 503_04]


@pytest.mark.parametrize(
    ("rule", "april", "may"),
    [
        # The eldest child ends on 10 April: the fourth moves up when that child has no billed day.
        ("full_month", [399_84, 367_20, 367_20, 0], [367_20, 367_20, 367_20]),
        ("wash", [367_20, 367_20, 367_20], [367_20, 367_20, 367_20]),
        ("daily", [133_28, 367_20, 367_20, 0], [367_20, 367_20, 367_20]),
    ],
)
def test_the_next_child_moves_up_from_the_first_month_without_a_billed_day(
    rule: PartMonthRule, april: list[int], may: list[int]
) -> None:
    """The same removal moves the fourth child up earlier under wash (§4)."""
    client = group("small_group", rule)
    family = family_of(client, *H1)
    end(client, family.member_ids[2], date(2026, 4, 10))
    assert billed(client, family, date(2026, 4, 1))[2:] == april
    assert billed(client, family, date(2026, 5, 1))[2:] == may


def test_a_child_of_21_pays_beside_three_younger_ones() -> None:
    """Only children under 21 are counted among the three."""
    client = group()
    births = [date(2004, 6, 1), date(2010, 1, 1), date(2012, 1, 1), date(2014, 1, 1)]
    family = family_of(
        client, ("subscriber", date(1980, 1, 1)), *[("child", birth) for birth in births]
    )
    assert billed(client, family, JANUARY)[1:] == [480_00, 412_32, 367_20, 367_20]


def test_age_moves_on_only_with_the_plan_year() -> None:
    """A birthday in March shows at the renewal in July, not before."""
    client = group()
    client.plan_years.append(date(2026, 7, 1))
    family = family_of(client, ("subscriber", date(1996, 3, 10)))
    assert premium_spans(client, family) == [
        PremiumSpan("00000000001", JANUARY, date(2026, 6, 1), 537_12, "SILVER", "MAIN", None),
        PremiumSpan("00000000001", date(2026, 7, 1), None, 544_80, "SILVER", "MAIN", None),
    ]


def test_a_change_of_division_alone_costs_nothing_under_daily() -> None:
    """100.03 in two parts must not round to another amount than the month in full."""
    client = group("small_group", "daily")
    client.plans["SILVER"].rates = [RateFrom(JANUARY, Rate(base_cents=100_03), "t0")]
    family = family_of(client, ("subscriber", date(2003, 1, 1)))
    for day in range(2, 31):
        family.divisions = [
            DivisionFrom(JANUARY, "MAIN", "t1"),
            DivisionFrom(date(2026, 1, day), "WEST", "t2"),
        ]
        charges = monthly_charges(client, family, JANUARY)
        assert [(charge.billed_cents, charge.subgroup_id) for charge in charges] == [
            (100_03, "WEST")
        ]


def test_a_change_of_plan_within_the_month_is_billed_by_days_under_daily() -> None:
    """Nine days of SILVER, 22 of GOLD, each part rounded."""
    client = group("small_group", "daily")
    client.plans["GOLD"].rates = [RateFrom(JANUARY, Rate(base_cents=620_00), "t0")]
    family = family_of(client, ("subscriber", date(2003, 1, 1)))
    family.plans.append(PlanFrom(date(2026, 1, 10), "GOLD", "t2"))
    assert billed(client, family, JANUARY) == [139_35, 440_00]
    assert premium_spans(client, family) == [
        PremiumSpan("00000000001", JANUARY, None, 620_00, "GOLD", "MAIN", None)
    ]


def test_a_change_of_plan_on_the_last_day_of_the_month_is_billed_for_that_day_under_daily() -> None:
    """Thirty days of SILVER, one of GOLD."""
    client = group("small_group", "daily")
    client.plans["GOLD"].rates = [RateFrom(JANUARY, Rate(base_cents=620_00), "t0")]
    family = family_of(client, ("subscriber", date(2003, 1, 1)))
    family.plans.append(PlanFrom(date(2026, 1, 31), "GOLD", "t2"))
    assert billed(client, family, JANUARY) == [464_52, 20_00]


def test_a_plan_gone_back_to_within_the_month_is_named_last_under_daily() -> None:
    """Ten days of GOLD between 9 and 12 of SILVER: the family ends the month in SILVER."""
    client = group("small_group", "daily")
    client.plans["GOLD"].rates = [RateFrom(JANUARY, Rate(base_cents=620_00), "t0")]
    family = family_of(client, ("subscriber", date(2003, 1, 1)))
    family.plans.append(PlanFrom(date(2026, 1, 10), "GOLD", "t2"))
    family.plans.append(PlanFrom(date(2026, 1, 20), "SILVER", "t3"))
    charges = monthly_charges(client, family, JANUARY)
    assert [(charge.plan_id, charge.billed_cents) for charge in charges] == [
        ("GOLD", 200_00),
        ("SILVER", 325_16),
    ]


@pytest.mark.parametrize("rule", ["full_month", "wash"])
def test_a_return_within_the_month_does_not_bill_it_twice(rule: PartMonthRule) -> None:
    """Gone on the 4th, back on the 12th in a dearer plan: one month, at the first billed price."""
    client = group("small_group", rule)
    client.plans["GOLD"].rates = [RateFrom(JANUARY, Rate(base_cents=620_00), "t0")]
    family = family_of(client, ("subscriber", date(2003, 1, 1)), last_day=date(2026, 3, 4))
    member = client.members[family.subscriber_id]
    member.periods.append(Period(date(2026, 3, 12), "t3"))
    family.plans.append(PlanFrom(date(2026, 3, 12), "GOLD", "t3"))
    first_billed = {"full_month": 480_00, "wash": 620_00}[rule]
    assert billed(client, family, date(2026, 3, 1)) == [first_billed]
    assert billed(client, family, date(2026, 4, 1)) == [620_00]


def test_coverage_that_adjoins_is_unbroken_under_wash() -> None:
    """Removed on the 15th and back on the 16th: nothing ended, so the month is billed."""
    client = group("small_group", "wash")
    family = family_of(client, ("subscriber", date(1999, 8, 14)), last_day=date(2026, 3, 15))
    client.members[family.subscriber_id].periods.append(Period(date(2026, 3, 16), "t3"))
    assert billed(client, family, date(2026, 3, 1)) == [491_52]


def test_age_is_that_of_the_first_day_of_unbroken_coverage_also_in_a_former_family() -> None:
    """A child who becomes a subscriber at 26 goes on at 25, the age at which coverage began."""
    client = group()
    family = family_of(client, ("subscriber", date(2000, 6, 1)), first_day=date(2026, 7, 1))
    member = client.members[family.subscriber_id]
    childhood = Period(JANUARY, "t0", date(2026, 6, 30), "t1", subscriber_id="2")
    member.periods.insert(0, replace(childhood, relationship="child"))
    assert billed(client, family, date(2026, 7, 1)) == [481_92]
    member.periods[0] = replace(member.periods[0], last_day=date(2026, 6, 29))
    assert billed(client, family, date(2026, 7, 1)) == [491_52]


def test_cobra_begins_in_the_month_after_a_removal_within_the_month_under_wash() -> None:
    """The month is billed once, as it was on its first day; the next one at 102 %."""
    client = group("small_group", "wash")
    family = family_of(client, ("subscriber", date(1999, 8, 14)), last_day=date(2026, 9, 10))
    family.cobra.append(Cobra("termination", date(2026, 3, 11), date(2027, 9, 10), "t3"))
    assert billed(client, family, date(2026, 3, 1)) == [491_52]
    assert billed(client, family, date(2026, 4, 1)) == [501_35]


def test_cobra_ends_within_the_month_under_daily_when_its_holder_is_hired_again() -> None:
    """Ten days at 102 %, 21 at the plain premium, each part rounded."""
    client = group("small_group", "daily")
    family = family_of(client, ("subscriber", date(1999, 8, 14)), last_day=date(2026, 3, 10))
    client.members[family.subscriber_id].periods.append(Period(date(2026, 3, 11), "t4"))
    family.cobra.append(Cobra("termination", date(2026, 2, 1), date(2026, 3, 10), "t3"))
    assert billed(client, family, date(2026, 3, 1)) == [161_73, 332_97]


def test_a_large_group_has_one_line_for_each_subscriber() -> None:
    """The tier follows the family from month to month."""
    client = group("large_group")
    family = family_of(
        client,
        ("subscriber", date(1980, 1, 1)),
        ("domestic_partner", date(1981, 1, 1)),
        ("child", date(2015, 1, 1)),
    )
    end(client, family.member_ids[1], date(2026, 2, 10))
    end(client, family.member_ids[2], date(2026, 4, 30))
    spans = premium_spans(client, family)
    assert [(span.tier, span.monthly_cents, span.first_month.month) for span in spans] == [
        ("FAM", 1500_00, 1),
        ("ECH", 900_00, 3),
        ("EMP", 500_00, 5),
    ]
    assert {span.member_id for span in spans} == {family.subscriber_id}


def test_who_was_cancelled_from_inception_costs_nothing() -> None:
    """No coverage, no charge and no span."""
    client = group()
    family = family_of(
        client, ("subscriber", date(1980, 1, 1)), last_day=JANUARY - timedelta(days=1)
    )
    assert monthly_charges(client, family, JANUARY) == []
    assert premium_spans(client, family) == []
