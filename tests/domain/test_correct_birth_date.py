"""Correct a birth date (handbook §3)."""

from __future__ import annotations

from datetime import date

from domain.client.correct_birth_date import BirthDateCorrected, CorrectBirthDate
from domain.client.elect_cobra import ElectCobra
from domain.client.reinstate_member import ReinstateMember
from domain.client.remove_dependent import RemoveDependent
from domain.client.remove_subscriber import RemoveSubscriber
from tests.domain.families import (
    ANNA,
    BEN,
    BEN_SPOUSE,
    DORA,
    DORA_CHILD,
    add_anna,
    anna_with,
    covered,
    periods,
)
from tests.domain.given import OPENED

MAY_END = date(2026, 5, 31)


def dora_was_born(day: date) -> CorrectBirthDate:
    """Dora's right birth date."""
    return CorrectBirthDate(member_id=DORA, birth_date=day)


def test_a_subscriber_was_born_on_another_day() -> None:
    """Coverage stays as it is."""
    story = (
        anna_with()
        .when(CorrectBirthDate(member_id=ANNA, birth_date=date(1987, 5, 2)))
        .then(
            BirthDateCorrected(
                member_id=ANNA, birth_date=date(1987, 5, 2), age_limit=date(2013, 5, 31)
            )
        )
    )
    assert story.client.members[ANNA].birth_date == date(1987, 5, 2)
    assert covered(story, ANNA) == [(OPENED, None)]


def test_the_example_decides() -> None:
    """What the documentation shows is accepted."""
    command = CorrectBirthDate.model_validate(CorrectBirthDate.example)
    assert anna_with().when(command).events


def test_the_birth_date_already_known_is_no_event() -> None:
    """Nothing to correct."""
    story = anna_with(DORA_CHILD)
    story.when(dora_was_born(date(2000, 5, 17))).then_nothing()


def test_there_is_no_time_limit() -> None:
    """Years later it still can be put right."""
    story = anna_with(DORA_CHILD)
    late = story.and_given(dora_was_born(date(2000, 7, 17)), received_on=date(2031, 1, 1))
    assert covered(late, DORA) == [(OPENED, date(2026, 7, 31))]


def test_a_childs_last_day_moves_with_it() -> None:
    """Both ways; a spouse has none."""
    story = anna_with(BEN_SPOUSE, DORA_CHILD)
    younger = story.and_given(dora_was_born(date(2001, 5, 17)))
    assert covered(younger, DORA) == [(OPENED, date(2027, 5, 31))]
    assert periods(younger, DORA)[0].age_out
    older = story.and_given(dora_was_born(date(2000, 1, 17)))
    assert covered(older, DORA) == [(OPENED, date(2026, 1, 31))]
    ben = story.and_given(CorrectBirthDate(member_id=BEN, birth_date=date(1999, 1, 1)))
    assert covered(ben, BEN) == [(OPENED, None)]


def test_a_removal_is_not_moved() -> None:
    """It ends coverage earlier than age does; then age does earlier than the removal."""
    story = anna_with(DORA_CHILD).and_given(
        RemoveDependent(member_id=DORA, last_day=date(2026, 3, 31))
    )
    younger = story.and_given(dora_was_born(date(2001, 5, 17)))
    assert covered(younger, DORA) == [(OPENED, date(2026, 3, 31))]
    older = story.and_given(dora_was_born(date(2000, 2, 17)))
    assert covered(older, DORA) == [(OPENED, date(2026, 2, 28))]
    # The removal still stands behind the age limit.
    right = older.and_given(dora_was_born(date(2000, 5, 17)))
    assert covered(right, DORA) == [(OPENED, date(2026, 3, 31))]


def test_a_child_who_was_too_old_at_first_was_never_covered() -> None:
    """And is covered again if that correction was the mistake."""
    story = anna_with(DORA_CHILD).and_given(dora_was_born(date(1999, 12, 31)))
    assert covered(story, DORA) == []
    right = story.and_given(dora_was_born(date(2000, 5, 17)))
    assert covered(right, DORA) == [(OPENED, MAY_END)]


def test_a_corrected_child_comes_back_with_the_subscriber() -> None:
    """The age limit in force after the reinstatement is that of the right birth date."""
    story = anna_with(DORA_CHILD).and_given(
        RemoveSubscriber(member_id=ANNA, last_day=date(2026, 1, 31)),
        dora_was_born(date(2000, 7, 17)),
        ReinstateMember(member_id=ANNA, effective_on=date(2026, 2, 1)),
    )
    assert covered(story, DORA) == [(OPENED, date(2026, 7, 31))]


def test_a_child_who_has_coverage_of_her_own_does_not_get_it_twice() -> None:
    """The correction can't bring back what has been followed by other coverage."""
    dora_hired = add_anna(member_id=DORA, birth_date=date(2000, 5, 17), on=date(2026, 6, 1))
    story = anna_with(DORA_CHILD).and_given(dora_hired, received_on=date(2026, 5, 1))
    younger = story.and_given(dora_was_born(date(2001, 5, 17)))
    assert covered(younger, DORA) == [(OPENED, MAY_END), (date(2026, 6, 1), None)]


def test_nobody_is_born_after_being_covered_or_in_future() -> None:
    """The sentence tells no birth date."""
    story = anna_with(DORA_CHILD)
    answer = story.when(dora_was_born(date(2026, 1, 2)), received_on=date(2026, 2, 1))
    answer.refused("not_yet_born", saying="2026-01-01")
    cancelled = story.and_given(RemoveDependent(member_id=DORA, last_day=date(2025, 12, 31)))
    cancelled.when(dora_was_born(date(2026, 1, 2))).refused("not_yet_born")
    story.when(CorrectBirthDate(member_id=BEN, birth_date=OPENED)).refused("member_unknown")


def test_the_limit_of_cobra_and_of_age_both_count() -> None:
    """A child goes on in COBRA until age ends it."""
    story = anna_with(DORA_CHILD).and_given(
        RemoveSubscriber(member_id=ANNA, last_day=date(2026, 1, 31)),
        ElectCobra(member_id=ANNA, event="termination"),
    )
    assert covered(story, DORA) == [(OPENED, MAY_END)]
    younger = story.and_given(dora_was_born(date(2005, 5, 17)))
    assert covered(younger, DORA) == [(OPENED, date(2027, 7, 31))]
