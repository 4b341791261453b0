"""Changes of months already billed: each difference once, in cents, with what caused it (§5).

January to March 2026 have been billed; a change is received; April's invoice puts them right.
Anna (38) costs 598.08 a month, Ben (36) 590.40, a child under 15 367.20.
"""

from __future__ import annotations

from datetime import date

import pytest

from domain.client.add_dependent import DependentIn
from domain.client.change_division import ChangeDivision
from domain.client.change_plan import ChangePlan
from domain.client.correct_birth_date import CorrectBirthDate
from domain.client.elect_cobra import ElectCobra
from domain.client.reinstate_member import ReinstateMember
from domain.client.remove_dependent import RemoveDependent
from domain.client.remove_subscriber import RemoveSubscriber
from domain.client.state import Client, PartMonthRule, Rate, RateFrom
from domain.client.terminate_client import TerminateClient
from tests.domain.bills import (
    APRIL,
    FEBRUARY,
    JANUARY,
    MARCH,
    MAY,
    Corrected,
    billed,
    corrections,
    invoice,
)
from tests.domain.families import (
    ANNA,
    BEN,
    BEN_SPOUSE,
    CLEO,
    CLEO_CHILD,
    EVAN,
    add_anna,
    add_to_anna,
    anna_with,
    person,
)
from tests.domain.given import OPENED, Story, given, group
from tests.domain.test_renew_client import RATES, renewing

EARLY_MARCH = date(2026, 3, 5)
LATE_FEBRUARY = date(2026, 2, 20)
"""After the run for March: so January, too, is at most 60 days back."""
RULES: tuple[PartMonthRule, ...] = ("full_month", "wash", "daily")
TWO, THREE, FOUR, BABY = (f"1000000001{number}" for number in range(2, 6))


def a_quarter(*dependents: DependentIn, client: Client | None = None) -> Story:
    """Anna and these dependents, billed for January to March."""
    return billed(anna_with(*dependents, client=client), JANUARY, FEBRUARY, MARCH)


def in_group(rule: PartMonthRule) -> Client:
    """The ready-made group under a rule."""
    return group(rule=rule)


# ── Who comes ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rule", "first_day", "february"),
    [
        ("full_month", 10, "590.40"),
        ("full_month", 28, "590.40"),
        ("wash", 15, "590.40"),
        ("wash", 16, None),
        ("daily", 10, "400.63"),  # 19 of 28 days
    ],
)
def test_a_dependent_added_late(rule: PartMonthRule, first_day: int, february: str | None) -> None:
    """Each month since, as the part-month rule bills the first."""
    joins = add_to_anna(BEN_SPOUSE, date(2026, 2, first_day))
    story = a_quarter(client=in_group(rule)).and_given(joins, received_on=EARLY_MARCH)
    expected = [Corrected(MARCH, BEN, "590.40", "add_dependent")]
    if february:
        expected.insert(0, Corrected(FEBRUARY, BEN, february, "add_dependent"))
    assert corrections(invoice(story, APRIL)) == expected


@pytest.mark.parametrize(
    ("rule", "february"), [("full_month", "367.20"), ("wash", None), ("daily", "118.03")]
)
def test_a_newborn_is_billed_from_birth(rule: PartMonthRule, february: str | None) -> None:
    """Born on 20 February: nine days of 28 under ``daily``, none under ``wash``."""
    baby = person(BABY, "child", date(2026, 2, 20))
    joins = add_to_anna(baby, date(2026, 2, 20))
    story = a_quarter(client=in_group(rule)).and_given(joins, received_on=EARLY_MARCH)
    expected = [Corrected(MARCH, BABY, "367.20", "add_dependent")]
    if february:
        expected.insert(0, Corrected(FEBRUARY, BABY, february, "add_dependent"))
    assert corrections(invoice(story, APRIL)) == expected


def test_a_family_added_late_names_its_subscriber() -> None:
    """Of a transaction that adds several, the first says what it was about."""
    story = given(client=group())
    story = billed(story, JANUARY, FEBRUARY)
    story = story.and_given(add_anna(BEN_SPOUSE), received_on=date(2026, 1, 31))
    produced = invoice(story, MARCH)
    assert corrections(produced) == [
        Corrected(month, member, dollars, "add_subscriber")
        for month in (JANUARY, FEBRUARY)
        for member, dollars in ((ANNA, "598.08"), (BEN, "590.40"))
    ]
    (change,) = produced.changes
    assert (change.member_id, change.effective_on) == (ANNA, OPENED)


# ── Who leaves and returns ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rule", "last_day", "february"),
    [
        ("full_month", 1, None),
        ("wash", 15, "-590.40"),
        ("wash", 16, None),
        ("daily", 10, "-379.54"),  # 590.40 less 10 of 28 days, 210.86
    ],
)
def test_a_dependent_removed_late(rule: PartMonthRule, last_day: int, february: str | None) -> None:
    """Each month since is taken back, the first one in part as the rule says."""
    leaves = RemoveDependent(member_id=BEN, last_day=date(2026, 2, last_day))
    story = a_quarter(BEN_SPOUSE, client=in_group(rule)).and_given(leaves, received_on=EARLY_MARCH)
    expected = [Corrected(MARCH, BEN, "-590.40", "remove_dependent")]
    if february:
        expected.insert(0, Corrected(FEBRUARY, BEN, february, "remove_dependent"))
    assert corrections(invoice(story, APRIL)) == expected


def test_an_earlier_removal_replaces_one_that_was_billed() -> None:
    """What the first one took back is not taken back again."""
    first = RemoveDependent(member_id=BEN, last_day=date(2026, 2, 28))
    story = a_quarter(BEN_SPOUSE).and_given(first, received_on=EARLY_MARCH)
    produced = invoice(story, APRIL)
    assert corrections(produced) == [Corrected(MARCH, BEN, "-590.40", "remove_dependent")]
    again = RemoveDependent(member_id=BEN, last_day=date(2026, 1, 31))
    story = billed(story, APRIL).and_given(again, received_on=date(2026, 3, 20))
    produced = invoice(story, MAY)
    assert corrections(produced) == [Corrected(FEBRUARY, BEN, "-590.40", "remove_dependent")]


def test_each_month_names_the_last_transaction_that_changed_it() -> None:
    """Two removals before one run: March is the first's, February the second's."""
    story = a_quarter(BEN_SPOUSE).and_given(
        RemoveDependent(member_id=BEN, last_day=date(2026, 2, 28)),
        RemoveDependent(member_id=BEN, last_day=date(2026, 1, 31)),
        received_on=EARLY_MARCH,
    )
    produced = invoice(story, APRIL)
    named = {each.month: each.transaction_id for each in produced.adjustments}
    assert named == {FEBRUARY: f"t{story.sent}", MARCH: f"t{story.sent - 1}"}


def test_a_cancellation_from_inception_takes_everything_back() -> None:
    """The whole family, every month."""
    leaves = RemoveSubscriber(member_id=ANNA, last_day=date(2025, 12, 31))
    story = a_quarter(BEN_SPOUSE).and_given(leaves, received_on=LATE_FEBRUARY)
    produced = invoice(story, APRIL)
    assert corrections(produced) == [
        Corrected(month, member, dollars, "remove_subscriber")
        for month in (JANUARY, FEBRUARY, MARCH)
        for member, dollars in ((ANNA, "-598.08"), (BEN, "-590.40"))
    ]
    assert not produced.lines


def test_who_was_added_and_cancelled_between_two_runs_is_never_billed() -> None:
    """Nothing was billed for them, so nothing is taken back."""
    story = a_quarter().and_given(
        add_to_anna(BEN_SPOUSE, date(2026, 2, 10)),
        RemoveDependent(member_id=BEN, last_day=date(2026, 2, 9)),
        received_on=EARLY_MARCH,
    )
    produced = invoice(story, APRIL)
    assert corrections(produced) == []
    assert produced.total_cents == 4 * 598_08


def test_a_reinstatement_brings_back_what_was_taken() -> None:
    """Also the month that was billed without the member."""
    leaves = RemoveDependent(member_id=BEN, last_day=date(2026, 1, 31))
    story = a_quarter(BEN_SPOUSE).and_given(leaves, received_on=LATE_FEBRUARY)
    returns = ReinstateMember(member_id=BEN, effective_on=FEBRUARY)
    at_once = story.and_given(returns, received_on=EARLY_MARCH)
    assert corrections(invoice(at_once, APRIL)) == []
    later = billed(story, APRIL).and_given(returns, received_on=date(2026, 3, 20))
    assert corrections(invoice(later, MAY)) == [
        Corrected(month, BEN, "590.40", "reinstate_member") for month in (FEBRUARY, MARCH, APRIL)
    ]


@pytest.mark.parametrize(
    ("segment", "february"), [("small_group", "11.96"), ("large_group", "10.00")]
)
def test_cobra_costs_102_percent_since_coverage_would_have_ended(
    segment: str, february: str
) -> None:
    """598.08 becomes 610.04; the tier EMP 510.00."""
    client = group("large_group" if segment == "large_group" else "small_group")
    leaves = RemoveSubscriber(member_id=ANNA, last_day=date(2026, 1, 31))
    goes_on = ElectCobra(member_id=ANNA, event="termination")
    story = a_quarter(client=client).and_given(leaves, goes_on, received_on=LATE_FEBRUARY)
    assert corrections(invoice(story, APRIL)) == [
        Corrected(month, ANNA, february, "elect_cobra") for month in (FEBRUARY, MARCH)
    ]


# ── What changes ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rule", "february"), [("full_month", None), ("wash", None), ("daily", "-49.84")]
)
def test_a_change_of_plan(rule: PartMonthRule, february: str | None) -> None:
    """To SILVER at 400.00 on 15 February: under ``daily`` half a month of each, else from March."""
    client = in_group(rule)
    client.plans["SILVER"].rates = [RateFrom(OPENED, Rate(base_cents=400_00), "t0")]
    change = ChangePlan(member_id=ANNA, plan_id="SILVER", effective_on=date(2026, 2, 15))
    story = a_quarter(client=client).and_given(change, received_on=EARLY_MARCH)
    expected = [Corrected(MARCH, ANNA, "-99.68", "change_plan")]
    if february:
        expected.insert(0, Corrected(FEBRUARY, ANNA, february, "change_plan"))
    assert corrections(invoice(story, APRIL)) == expected


@pytest.mark.parametrize("rule", RULES)
def test_a_change_of_division_costs_nothing(rule: PartMonthRule) -> None:
    """Only the next line is another division's."""
    change = ChangeDivision(member_id=ANNA, subgroup_id="WEST", effective_on=date(2026, 2, 10))
    story = a_quarter(client=in_group(rule)).and_given(change, received_on=EARLY_MARCH)
    produced = invoice(story, APRIL)
    assert corrections(produced) == []
    assert [line.subgroup_id for line in produced.lines] == ["WEST"]


def test_a_corrected_birth_date_bills_every_month_anew() -> None:
    """Ten years older: 48, at 784.80."""
    correction = CorrectBirthDate(member_id=ANNA, birth_date=date(1977, 5, 20))
    story = a_quarter().and_given(correction, received_on=EARLY_MARCH)
    assert corrections(invoice(story, APRIL)) == [
        Corrected(month, ANNA, "186.72", "correct_birth_date")
        for month in (JANUARY, FEBRUARY, MARCH)
    ]


def test_a_corrected_birth_date_moves_a_childs_end() -> None:
    """26 in January: the child was not covered in February and March, and was of another age."""
    child = person(CLEO, "child", date(2001, 1, 9))  # 24 on 1 January: factor 1.000
    correction = CorrectBirthDate(member_id=CLEO, birth_date=date(2000, 1, 9))  # 25: 1.004
    story = a_quarter(child).and_given(correction, received_on=EARLY_MARCH)
    assert corrections(invoice(story, APRIL)) == [
        Corrected(JANUARY, CLEO, "1.92", "correct_birth_date"),
        Corrected(FEBRUARY, CLEO, "-480.00", "correct_birth_date"),
        Corrected(MARCH, CLEO, "-480.00", "correct_birth_date"),
    ]


def test_a_renewal_recorded_late_and_then_corrected() -> None:
    """GOLD from March at 505.00 (629.23), and then at 506.00 (630.48)."""
    story = a_quarter().and_given(renewing("2026-03-01"), received_on=EARLY_MARCH)
    produced = invoice(story, APRIL)
    assert corrections(produced) == [Corrected(MARCH, ANNA, "31.15", "renew_client")]
    assert [change.member_id for change in produced.changes] == [None]
    dearer = renewing("2026-03-01", rates={**RATES, "GOLD": {"base": "506.00"}})
    story = billed(story, APRIL).and_given(dearer, received_on=date(2026, 3, 20))
    assert corrections(invoice(story, MAY)) == [
        Corrected(month, ANNA, "1.25", "renew_client") for month in (MARCH, APRIL)
    ]


def test_a_client_ended_late_gets_everything_back_that_is_after_its_end() -> None:
    """April's invoice has no line of April, only March taken back."""
    story = a_quarter().and_given(
        TerminateClient(last_day=date(2026, 2, 28)), received_on=EARLY_MARCH
    )
    produced = invoice(story, APRIL)
    assert corrections(produced) == [Corrected(MARCH, ANNA, "-598.08", "terminate_client")]
    assert not produced.lines


# ── What follows for others of the family ──────────────────────────────────────────────────────

_YOUNGER = [
    person(member_id, "child", date(year, 6, 30))
    for member_id, year in ((TWO, 2012), (THREE, 2015), (FOUR, 2021))
]


def test_the_next_child_pays_and_names_the_removal_of_another() -> None:
    """Cleo, the eldest of four, leaves: the fourth moves up."""
    leaves = RemoveDependent(member_id=CLEO, last_day=date(2026, 1, 31))
    story = a_quarter(CLEO_CHILD, *_YOUNGER).and_given(leaves, received_on=LATE_FEBRUARY)
    produced = invoice(story, APRIL)
    assert corrections(produced) == [
        Corrected(month, member, dollars, "remove_dependent")
        for month in (FEBRUARY, MARCH)
        for member, dollars in ((CLEO, "-399.84"), (FOUR, "367.20"))
    ]
    assert [change.member_id for change in produced.changes] == [CLEO]


def test_the_youngest_child_gets_free_when_an_older_one_joins() -> None:
    """What the fourth paid as third is taken back."""
    joins = add_to_anna(CLEO_CHILD, date(2026, 2, 10))
    story = a_quarter(*_YOUNGER).and_given(joins, received_on=EARLY_MARCH)
    assert corrections(invoice(story, APRIL)) == [
        Corrected(month, member, dollars, "add_dependent")
        for month in (FEBRUARY, MARCH)
        for member, dollars in ((CLEO, "399.84"), (FOUR, "-367.20"))
    ]


def test_a_birth_moves_the_subscribers_tier() -> None:
    """From ESP to FAM; the line is the subscriber's, and names the newborn."""
    baby = person(BABY, "child", date(2026, 2, 20))
    story = a_quarter(BEN_SPOUSE, client=group("large_group"))
    story = story.and_given(add_to_anna(baby, date(2026, 2, 20)), received_on=EARLY_MARCH)
    produced = invoice(story, APRIL)
    assert corrections(produced) == [
        Corrected(month, ANNA, "500.00", "add_dependent") for month in (FEBRUARY, MARCH)
    ]
    assert [change.member_id for change in produced.changes] == [BABY]
    assert [(line.member_id, line.tier, line.cents) for line in produced.lines] == [
        (ANNA, "FAM", 1500_00)
    ]


def test_a_member_who_moved_to_another_family_is_put_right_in_both() -> None:
    """Ben leaves Anna's family and joins as a subscriber: each family has its own charges."""
    leaves = RemoveDependent(member_id=BEN, last_day=date(2026, 2, 28))
    joins = add_anna(member_id=BEN, birth_date=date(1989, 11, 2), on=MARCH, address=None)
    story = a_quarter(BEN_SPOUSE).and_given(leaves, joins, received_on=EARLY_MARCH)
    produced = invoice(story, APRIL)
    assert [(each.subscriber_id, each.cents) for each in produced.adjustments] == [
        (ANNA, -590_40),
        (BEN, 590_40),
    ]
    wrong = CorrectBirthDate(member_id=BEN, birth_date=date(1979, 11, 2))  # 46: 720.00
    story = billed(story, APRIL).and_given(wrong, received_on=date(2026, 3, 20))
    assert [
        (each.subscriber_id, each.month, each.cents) for each in invoice(story, MAY).adjustments
    ] == [
        (ANNA, JANUARY, 129_60),
        (ANNA, FEBRUARY, 129_60),
        (BEN, MARCH, 129_60),
        (BEN, APRIL, 129_60),
    ]


def test_another_subscribers_change_touches_no_one_else() -> None:
    """Evan joins late: only he is billed for it."""
    joins = add_anna(member_id=EVAN, birth_date=date(1988, 8, 8), on=FEBRUARY)  # 37: 594.24
    story = a_quarter(BEN_SPOUSE).and_given(joins, received_on=date(2026, 3, 1))
    assert corrections(invoice(story, APRIL)) == [
        Corrected(month, EVAN, "594.24", "add_subscriber") for month in (FEBRUARY, MARCH)
    ]
