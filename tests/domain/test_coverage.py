"""Reading coverage: spans, days, and the days that rules give."""

from __future__ import annotations

from datetime import date

import pytest

from domain.client.change_division import ChangeDivision
from domain.client.change_plan import ChangePlan
from domain.client.coverage import (
    Span,
    age_limit,
    covered_on,
    period_on,
    periods_in,
    spans_of,
    unbroken_since,
)
from domain.client.remove_dependent import RemoveDependent
from domain.client.remove_subscriber import RemoveSubscriber
from tests.domain.families import ANNA, BEN, BEN_SPOUSE, add_anna, anna_with, periods
from tests.domain.given import OPENED


def test_a_span_ends_where_plan_or_division_changes() -> None:
    """Changes after the member's last day cut nothing; before the first one, neither."""
    story = anna_with(BEN_SPOUSE).and_given(
        ChangePlan(member_id=ANNA, plan_id="SILVER", effective_on=date(2026, 2, 1)),
        ChangeDivision(member_id=ANNA, subgroup_id="WEST", effective_on=date(2026, 3, 1)),
        RemoveDependent(member_id=BEN, last_day=date(2026, 2, 28)),
    )
    assert spans_of(story.client, story.client.members[BEN]) == [
        Span(OPENED, date(2026, 1, 31), "GOLD", "MAIN", ANNA, "spouse", None),
        Span(date(2026, 2, 1), date(2026, 2, 28), "SILVER", "MAIN", ANNA, "spouse", None),
    ]


def test_the_first_and_last_covered_days_are_covered() -> None:
    """The days beside them are not."""
    story = anna_with().and_given(RemoveSubscriber(member_id=ANNA, last_day=date(2026, 1, 31)))
    anna = story.client.members[ANNA]
    assert covered_on(anna, OPENED)
    assert covered_on(anna, date(2026, 1, 31))
    assert not covered_on(anna, date(2025, 12, 31))
    assert period_on(anna, date(2026, 2, 1)) is None


@pytest.mark.parametrize(
    ("returns_on", "since"),
    [(date(2026, 2, 1), OPENED), (date(2026, 2, 2), date(2026, 2, 2))],
)
def test_coverage_is_unbroken_where_periods_adjoin(returns_on: date, since: date) -> None:
    """One uncovered day breaks it: age is taken anew (§4)."""
    story = anna_with().and_given(
        RemoveSubscriber(member_id=ANNA, last_day=date(2026, 1, 31)), add_anna(on=returns_on)
    )
    latest = periods(story, ANNA)[-1]
    assert unbroken_since(story.client.members[ANNA], latest) == since


def test_a_members_periods_are_told_apart_by_family() -> None:
    """A former dependent who holds coverage of his own now."""
    story = anna_with(BEN_SPOUSE).and_given(
        RemoveDependent(member_id=BEN, last_day=date(2026, 1, 31)),
        add_anna(member_id=BEN, birth_date=date(1989, 11, 2), on=date(2026, 2, 1)),
    )
    ben = story.client.members[BEN]
    assert [period.first_day for period in periods_in(ben, ANNA)] == [OPENED]
    assert [period.first_day for period in periods_in(ben, BEN)] == [date(2026, 2, 1)]


@pytest.mark.parametrize(
    ("birth_date", "last_day"),
    [
        (date(2000, 2, 1), date(2026, 2, 28)),
        (date(2000, 2, 28), date(2026, 2, 28)),
        (date(2000, 2, 29), date(2026, 3, 31)),
        (date(1998, 2, 3), date(2024, 2, 29)),
        (date(2000, 12, 31), date(2026, 12, 31)),
    ],
)
def test_the_age_limit_is_the_end_of_the_month_of_the_26th_birthday(
    birth_date: date, last_day: date
) -> None:
    """A birthday on 29 February is kept on 1 March in other years."""
    assert age_limit(birth_date) == last_day
