"""Why a member's month costs what it costs: rate, age, tier, free children, COBRA, part months."""

from __future__ import annotations

from datetime import date

import pytest

from domain.client.add_dependent import DependentIn
from domain.client.remove_subscriber import RemoveSubscriber
from domain.client.state import PartMonthRule
from tests.domain.bills import APRIL, FEBRUARY, JANUARY, MARCH, MAY
from tests.domain.explained import (
    KIDS,
    adds_up,
    billed,
    line_number,
    opened,
    sentences,
    step,
    steps,
    tell,
    why,
)
from tests.domain.families import (
    ANNA,
    BEN_SPOUSE,
    CLEO_CHILD,
    add_anna,
    person,
)
from tests.domain.given import OPENED

# ── By member ──────────────────────────────────────────────────────────────────────────────────


def test_a_line_is_told_from_the_figure_down_to_rate_age_and_rule() -> None:
    """Each step with the transactions that made it so: t1 opened, t3 offered, t5 added, t6 ran."""
    history = opened()
    tell(history, add_anna(), OPENED)
    billed(history, JANUARY)
    tree = why(history, JANUARY, 1)
    in_area = "for age 21 in rating area 2,"
    assert sentences(tree) == [
        "Line 1 of the invoice of January 2026: member 10000000001, 598.08. t6",
        "  Member 10000000001 costs 598.08 in January 2026.",
        "    Plan GOLD in subgroup MAIN: 598.08. t5",
        "      Covered from 2026-01-01. t5",
        "      480.00 × 1.246, rounded half up to the cent, is 598.08 a month.",
        f"        The base rate of plan GOLD, {in_area} is 480.00 from 2026-01-01 on. t3",
        "        Age 38 on 2026-01-01, the start of the plan year: factor 1.246. t5 t1",
        "      Rule full_month: any covered day bills the month in full: 598.08. t1",
    ]
    assert tree.cents == 598_08
    adds_up(tree)


def test_a_premium_is_rounded_half_up_to_the_cent() -> None:
    """101.00 × 0.765 is 77.265."""
    history = opened(gold="101.00")
    tell(history, add_anna(KIDS[3]), OPENED)
    billed(history, JANUARY)
    tree = why(history, JANUARY, 2)
    assert "101.00 × 0.765, rounded half up to the cent, is 77.27 a month" in str(sentences(tree))
    adds_up(tree)


def test_the_age_is_taken_on_the_first_day_of_coverage_where_that_is_later() -> None:
    """Anna joins on her 39th birthday, in the middle of the plan year."""
    history = opened()
    tell(history, add_anna(on=date(2026, 5, 20)), date(2026, 5, 20))
    billed(history, JANUARY, FEBRUARY, MARCH, APRIL, MAY)
    age = step(why(history, MAY, 1), "Age ")
    assert sentences(age) == [
        "Age 39 on 2026-05-20, the first day of the unbroken coverage: factor 1.262. t5"
    ]


def test_a_renewal_takes_the_age_anew_and_brings_its_own_rate() -> None:
    """From June: t7 renewed, so the plan year and the rate are its."""
    history = opened()
    tell(history, add_anna(), OPENED)
    billed(history, JANUARY)
    rates = {"GOLD": {"base": "500.00"}, "SILVER": {"base": "430.00"}}
    renewed = tell(history, "renew_client", date(2026, 4, 1), effective_on="2026-06-01",
                   rates=rates)  # fmt: skip
    billed(history, FEBRUARY, MARCH, APRIL, MAY, date(2026, 6, 1))
    before, after = why(history, MAY, 1), why(history, date(2026, 6, 1), 1)
    assert step(before, "Age ").label.startswith("Age 38 on 2026-01-01, the start of the plan year")
    assert step(after, "Age ").label.startswith("Age 39 on 2026-06-01, the start of the plan year")
    assert step(after, "Age ").transactions == ("t5", renewed)
    assert step(after, "base rate").label.endswith("is 500.00 from 2026-06-01 on.")
    assert step(after, "base rate").transactions == (renewed,)


def test_an_age_is_by_the_birth_date_that_was_told_last() -> None:
    """The correction is named in place of the addition."""
    history = opened()
    tell(history, add_anna(), OPENED)
    corrected = tell(history, "correct_birth_date", date(2026, 1, 5), member_id=ANNA,
                     birth_date="1985-05-20")  # fmt: skip
    billed(history, JANUARY)
    age = step(why(history, JANUARY, 1), "Age ")
    assert (age.label[:6], age.transactions) == ("Age 40", (corrected, "t1"))


def test_who_returns_is_aged_by_the_first_addition_and_by_the_return() -> None:
    """The birth date was told when Anna first came; her coverage began anew when she returned."""
    history = opened()
    first = tell(history, add_anna(), OPENED)
    removal = RemoveSubscriber(member_id=ANNA, last_day=date(2026, 1, 31))
    tell(history, removal, date(2026, 1, 20))
    again = tell(history, add_anna(on=MARCH), date(2026, 2, 20))
    billed(history, JANUARY, FEBRUARY, MARCH)
    age = step(why(history, MARCH, 1), "Age ")
    assert age.label.startswith("Age 38 on 2026-03-01, the first day of the unbroken coverage")
    assert age.transactions == (first, again)


# ── Three children pay ─────────────────────────────────────────────────────────────────────────


def test_a_child_that_pays_nothing_is_told_who_pays() -> None:
    """The three oldest, in order of age; twins would be in order of member id."""
    history = opened()
    tell(history, add_anna(*KIDS), OPENED)
    billed(history, JANUARY)
    tree = why(history, JANUARY, line_number(history, JANUARY, KIDS[3].member_id))
    free = step(tree, "only the 3 oldest pay")
    assert free.label == (
        "Of the children under 21 in a family only the 3 oldest pay, and this one, age 11, is not "
        "one of them: 0.00 a month."
    )
    assert [line for child in free.children for line in sentences(child)] == [
        "Child 20000000001, age 17, pays. t5",
        "Child 20000000002, age 15, pays. t5",
        "Child 20000000003, age 13, pays. t5",
    ]
    assert tree.cents == 0
    adds_up(tree)


def test_of_twins_the_one_with_the_lower_member_id_is_among_the_oldest() -> None:
    """Cleo and another child of her age: the fourth is the twin with the higher id."""
    twins = [person(f"3000000000{n}", "child", date(2014, 9, 9)) for n in (1, 2)]
    history = opened()
    tell(history, add_anna(*twins, *KIDS[:2]), OPENED)
    billed(history, JANUARY)
    tree = why(history, JANUARY, line_number(history, JANUARY, "30000000002"))
    payers = [child.label.split(",")[0] for child in step(tree, "3 oldest").children]
    assert payers == ["Child 20000000001", "Child 20000000002", "Child 30000000001"]


def test_a_child_that_pays_where_another_does_not_is_told_why() -> None:
    """And its parents are not: they would pay anyway."""
    history = opened()
    tell(history, add_anna(*KIDS), OPENED)
    billed(history, JANUARY)
    tree = why(history, JANUARY, line_number(history, JANUARY, KIDS[0].member_id))
    oldest = step(tree, "One of the 3 oldest of 4 children under 21: they pay, the others do not.")
    assert len(oldest.children) == 3
    anna = why(history, JANUARY, line_number(history, JANUARY, ANNA))
    assert not [each for each in steps(anna) if "oldest" in each.label]


def test_where_all_children_pay_nobody_is_told_of_the_rule() -> None:
    """Three do."""
    history = opened()
    tell(history, add_anna(*KIDS[:3]), OPENED)
    billed(history, JANUARY)
    child = why(history, JANUARY, line_number(history, JANUARY, KIDS[0].member_id))
    assert not [each for each in steps(child) if "oldest" in each.label]


# ── By tier, and COBRA ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("dependents", "tier", "dollars", "who"),
    [
        ([], "EMP", "500.00", ["Subscriber"]),
        ([BEN_SPOUSE], "ESP", "1000.00", ["Subscriber", "Spouse"]),
        ([CLEO_CHILD], "ECH", "900.00", ["Subscriber", "Child"]),
        ([BEN_SPOUSE, CLEO_CHILD], "FAM", "1500.00", ["Subscriber", "Spouse", "Child"]),
    ],
)
def test_a_tier_is_told_by_who_has_a_billed_day(
    dependents: list[DependentIn], tier: str, dollars: str, who: list[str]
) -> None:
    """One composite premium; each of the family is named by id."""
    history = opened(segment="large_group")
    tell(history, add_anna(*dependents), OPENED)
    billed(history, JANUARY)
    tree = why(history, JANUARY, 1)
    told = step(tree, "Tier ")
    assert told.label == f"Tier {tier} of plan GOLD is {dollars} a month from 2026-01-01 on."
    assert [child.label.split()[0] for child in told.children] == who
    assert all(child.transactions == ("t5",) for child in told.children)
    adds_up(tree)


def test_cobra_pays_102_percent_of_the_premium() -> None:
    """598.08 × 1.02 is 610.0416: by whom it was elected, above what it is a percent of."""
    history = opened()
    tell(history, add_anna(), OPENED)
    removal = RemoveSubscriber(member_id=ANNA, last_day=date(2026, 1, 31))
    tell(history, removal, date(2026, 1, 20))
    elected = tell(history, "elect_cobra", date(2026, 1, 25), member_id=ANNA,
                   effective_on="2026-02-01", event="termination")  # fmt: skip
    billed(history, JANUARY, FEBRUARY)
    tree = why(history, FEBRUARY, 1)
    cobra = step(tree, "COBRA")
    assert cobra.label == (
        "COBRA continuation: 102 % of 598.08, rounded half up to the cent, is 610.04 a month."
    )
    assert cobra.transactions == (elected,)
    assert cobra.children[0].label.startswith("480.00 × 1.246")
    adds_up(tree)
    assert not [each for each in steps(why(history, JANUARY, 1)) if "COBRA" in each.label]


# ── Part months ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("full_month", "any covered day bills the month in full: 598.08."),
        ("wash", "does not end before the 16th, otherwise not at all: 598.08."),
        ("daily", "rounded half up to the cent: 598.08 × 21 ÷ 31 = 405.15."),
    ],
)
def test_the_rule_for_part_months_is_told(rule: PartMonthRule, said: str) -> None:
    """Anna joins on 11 January; the client was opened with its rule."""
    history = opened(rule)
    tell(history, add_anna(on=date(2026, 1, 11)), date(2026, 1, 11))
    billed(history, JANUARY)
    tree = why(history, JANUARY, 1)
    told = step(tree, f"Rule {rule}")
    assert told.label.endswith(said)
    assert told.transactions == ("t1",)
    adds_up(tree)


def test_a_month_in_two_plans_is_told_in_two_parts() -> None:
    """Ten days of SILVER between days of GOLD: each part by its own rate, days and transactions."""
    history = opened("daily")
    tell(history, add_anna(), OPENED)
    to_silver = tell(history, "change_plan", OPENED, member_id=ANNA, plan_id="SILVER",
                     effective_on="2026-01-11")  # fmt: skip
    billed(history, JANUARY)
    tree = why(history, JANUARY, 1)
    parts = [each for each in steps(tree) if each.label.startswith("Plan ")]
    assert [part.label for part in parts] == [
        "Plan GOLD in subgroup MAIN: 192.93.",  # 598.08 × 10 ÷ 31
        "Plan SILVER in subgroup MAIN: 346.07.",  # 510.86 × 21 ÷ 31
    ]
    assert [part.transactions for part in parts] == [("t5",), (to_silver, "t5")]
    assert (step(parts[1], "base rate").transactions, tree.cents) == (("t4",), 539_00)
    adds_up(tree)


def test_a_plan_that_is_returned_to_within_the_month_is_one_part() -> None:
    """GOLD to the 10th and from the 21st: 21 days; SILVER between: 10."""
    history = opened("daily")
    tell(history, add_anna(), OPENED)
    for plan_id, day in (("SILVER", "2026-01-11"), ("GOLD", "2026-01-21")):
        tell(history, "change_plan", OPENED, member_id=ANNA, plan_id=plan_id, effective_on=day)
    billed(history, JANUARY)
    tree = why(history, JANUARY, 1)
    parts = [each for each in steps(tree) if each.label.startswith("Plan ")]
    assert [part.label for part in parts] == [
        "Plan SILVER in subgroup MAIN: 164.79.",  # 510.86 × 10 ÷ 31
        "Plan GOLD in subgroup MAIN: 405.15.",  # 598.08 × 21 ÷ 31
    ]
    assert [part.transactions for part in parts] == [("t6", "t5"), ("t5", "t7")]
    adds_up(tree)
