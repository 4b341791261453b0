"""Remove a dependent (handbook §3)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from domain.client.approve_exception import ApproveException
from domain.client.correct_birth_date import CorrectBirthDate
from domain.client.remove_dependent import DependentRemoved, RemoveDependent
from domain.client.remove_subscriber import RemoveSubscriber
from tests.domain.families import (
    ANNA,
    BEN,
    BEN_SPOUSE,
    CLEO,
    CLEO_CHILD,
    DORA,
    DORA_CHILD,
    add_anna,
    anna_with,
    covered,
    periods,
)
from tests.domain.given import OPENED

JANUARY_END, FEBRUARY_END, MARCH_END = date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)


def remove_ben(last_day: date) -> RemoveDependent:
    """Ben's last covered day is that one."""
    return RemoveDependent(member_id=BEN, last_day=last_day)


def test_only_the_dependent_ends() -> None:
    """The rest of the family stays."""
    story = (
        anna_with(BEN_SPOUSE, CLEO_CHILD)
        .when(remove_ben(MARCH_END))
        .then(DependentRemoved(member_id=BEN, subscriber_id=ANNA, last_day=MARCH_END))
    )
    assert covered(story, BEN) == [(OPENED, MARCH_END)]
    assert covered(story, ANNA) == [(OPENED, None)]
    assert covered(story, CLEO)[0][1] == date(2036, 3, 31), "her age limit"


def test_the_example_decides() -> None:
    """What the documentation shows is accepted."""
    story = anna_with(BEN_SPOUSE)
    story.when(RemoveDependent.model_validate(RemoveDependent.example)).is_accepted()


def test_a_last_day_before_the_first_covered_day_cancels_from_inception() -> None:
    """There never was any coverage, and the same again is no event."""
    story = anna_with(BEN_SPOUSE).and_given(remove_ben(date(2025, 12, 31)))
    assert covered(story, BEN) == []
    story.when(remove_ben(date(2025, 12, 31))).then_nothing()


def test_a_removal_on_the_day_that_age_ends_coverage_is_kept() -> None:
    """It still stands when a corrected birth date would let coverage go on (§3)."""
    age_limit = date(2026, 5, 31)
    removal = RemoveDependent(member_id=DORA, last_day=age_limit)
    story = anna_with(DORA_CHILD).when(removal, received_on=date(2026, 4, 1)).is_accepted()
    story.when(removal).then_nothing()
    corrected = CorrectBirthDate(member_id=DORA, birth_date=date(2000, 8, 17))
    assert covered(story.and_given(corrected), DORA) == [(OPENED, age_limit)]


def test_who_was_cancelled_with_a_subscriber_who_then_returned_has_nothing_to_remove() -> None:
    """The return made the cancellation final for who was not brought along."""
    story = anna_with(BEN_SPOUSE).and_given(
        RemoveSubscriber(member_id=ANNA, last_day=date(2025, 12, 31)), add_anna()
    )
    story.when(remove_ben(MARCH_END)).then_nothing()


def test_an_earlier_removal_replaces_a_later_one_which_is_refused() -> None:
    """The same one again is no event."""
    story = anna_with(BEN_SPOUSE).and_given(remove_ben(MARCH_END), remove_ben(FEBRUARY_END))
    assert covered(story, BEN) == [(OPENED, FEBRUARY_END)]
    assert periods(story, BEN)[0].ended_by == "t3"
    story.when(remove_ben(MARCH_END)).refused("already_removed", saying="2026-02-28")
    story.when(remove_ben(FEBRUARY_END)).then_nothing()


def test_a_dependent_who_ended_with_the_subscriber_may_have_ended_earlier() -> None:
    """Not later, as the coverage ended with the subscriber's."""
    story = anna_with(BEN_SPOUSE).and_given(RemoveSubscriber(member_id=ANNA, last_day=FEBRUARY_END))
    story.when(remove_ben(MARCH_END)).refused("already_removed")
    story.when(remove_ben(FEBRUARY_END)).then_nothing()
    assert covered(story.and_given(remove_ben(JANUARY_END)), BEN) == [(OPENED, JANUARY_END)]


def test_a_child_is_removed_before_its_age_ends_it() -> None:
    """The age limit ends it on 31 May at the latest."""
    story = anna_with(DORA_CHILD)
    remove = RemoveDependent(member_id=DORA, last_day=date(2026, 3, 31))
    gone = story.and_given(remove)
    assert covered(gone, DORA) == [(OPENED, date(2026, 3, 31))]
    assert not periods(gone, DORA)[0].age_out
    late = RemoveDependent(member_id=DORA, last_day=date(2026, 6, 30))
    story.when(late, received_on=date(2026, 5, 1)).refused("already_removed", saying="2026-05-31")


def test_only_a_dependent_is_removed_so() -> None:
    """A subscriber, or somebody unknown, is refused."""
    story = anna_with()
    story.when(RemoveDependent(member_id=ANNA, last_day=MARCH_END)).refused("not_a_dependent")
    story.when(remove_ben(MARCH_END)).refused("member_unknown")


@pytest.mark.parametrize(("days", "code"), [(60, None), (61, "retro_limit_exceeded")])
def test_a_removal_may_come_60_days_late(days: int, code: str | None) -> None:
    """Counted from the last covered day to the day received."""
    answer = anna_with(BEN_SPOUSE).when(
        remove_ben(JANUARY_END), received_on=JANUARY_END + timedelta(days=days)
    )
    answer.refused(code) if code else answer.is_accepted()


def test_an_approved_exception_lets_one_late_removal_through() -> None:
    """It is spent by it."""
    approve = ApproveException(
        member_id=BEN,
        transaction_type="remove_dependent",
        effective_on=JANUARY_END,
        reason="The decree came late.",
    )
    story = anna_with(BEN_SPOUSE).and_given(approve, received_on=date(2026, 8, 1))
    after = story.when(remove_ben(JANUARY_END)).then(
        DependentRemoved(member_id=BEN, subscriber_id=ANNA, last_day=JANUARY_END, exception="t2")
    )
    assert after.client.exceptions == {}


def test_a_removal_may_come_90_days_ahead() -> None:
    """Not 91."""
    story = anna_with(BEN_SPOUSE)
    story.when(remove_ben(OPENED + timedelta(days=91))).refused("too_far_ahead")
    story.when(remove_ben(OPENED + timedelta(days=90))).is_accepted()
