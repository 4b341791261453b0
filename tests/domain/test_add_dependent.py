"""Add a dependent (handbook §3)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from domain.client.add_dependent import AddDependent, DependentAdded
from domain.client.approve_exception import ApproveException
from domain.client.reinstate_member import ReinstateMember
from domain.client.remove_dependent import RemoveDependent
from domain.client.remove_subscriber import RemoveSubscriber
from domain.client.state import PersonName
from tests.domain.families import (
    ANNA,
    BEN,
    BEN_SPOUSE,
    CLEO,
    CLEO_CHILD,
    DORA,
    DORA_CHILD,
    EVAN,
    EVAN_SPOUSE,
    add_anna,
    add_to_anna,
    anna_with,
    covered,
    periods,
    person,
)
from tests.domain.given import OPENED, given, group

FEBRUARY = date(2026, 2, 1)


def test_a_dependent_is_covered_from_the_day_named() -> None:
    """A spouse has no last day of their own."""
    story = (
        anna_with()
        .when(add_to_anna(BEN_SPOUSE, FEBRUARY))
        .then(
            DependentAdded(
                member_id=BEN,
                subscriber_id=ANNA,
                relationship="spouse",
                name=PersonName(first="Given", last="Family"),
                birth_date=date(1989, 11, 2),
                first_day=FEBRUARY,
            )
        )
    )
    assert covered(story, BEN) == [(FEBRUARY, None)]


def test_the_example_decides() -> None:
    """What the documentation shows is accepted: a newborn, within 61 days."""
    command = AddDependent.model_validate(AddDependent.example)
    anna_with().when(command, received_on=date(2026, 4, 22)).is_accepted()


def test_a_change_in_the_middle_of_a_month_is_not_moved() -> None:
    """Only changes of plan and division wait for the 1st of the next month (§4)."""
    story = anna_with().and_given(add_to_anna(BEN_SPOUSE, date(2026, 1, 20)))
    assert covered(story, BEN) == [(date(2026, 1, 20), None)]


def test_the_same_again_is_no_event() -> None:
    """Also after the subscriber's removal and reinstatement."""
    story = anna_with().and_given(add_to_anna(BEN_SPOUSE, FEBRUARY))
    story.when(add_to_anna(BEN_SPOUSE, FEBRUARY)).then_nothing()
    gone = story.and_given(RemoveSubscriber(member_id=ANNA, last_day=date(2026, 3, 31)))
    gone.when(add_to_anna(BEN_SPOUSE, FEBRUARY)).then_nothing()
    back = gone.and_given(ReinstateMember(member_id=ANNA, effective_on=date(2026, 4, 1)))
    back.when(add_to_anna(BEN_SPOUSE, FEBRUARY)).then_nothing()


def test_who_is_covered_already_is_refused() -> None:
    """From another day, or as somebody else's dependent."""
    story = anna_with(BEN_SPOUSE)
    story.when(add_to_anna(BEN_SPOUSE, FEBRUARY)).refused("already_covered", saying=BEN)
    other = story.and_given(add_anna(member_id=EVAN, birth_date=date(1988, 8, 8)))
    other.when(add_to_anna(EVAN_SPOUSE, FEBRUARY)).refused("already_covered", saying=EVAN)


def test_a_removed_dependent_is_not_added_already() -> None:
    """The same addition again does not undo the removal."""
    gone = anna_with(BEN_SPOUSE).and_given(RemoveDependent(member_id=BEN, last_day=FEBRUARY))
    gone.when(add_to_anna(BEN_SPOUSE, OPENED)).refused("already_covered")


def test_the_subscriber_must_be_covered_on_that_day() -> None:
    """Known, a subscriber, and covered on the first day."""
    story = anna_with(BEN_SPOUSE, on=FEBRUARY)
    story.when(add_to_anna(CLEO_CHILD, date(2026, 1, 31))).refused("subscriber_not_covered")
    gone = story.and_given(RemoveSubscriber(member_id=ANNA, last_day=date(2026, 2, 28)))
    gone.when(add_to_anna(CLEO_CHILD, date(2026, 3, 1))).refused("subscriber_not_covered")
    story.when(add_to_anna(CLEO_CHILD, FEBRUARY, subscriber_id=EVAN)).refused("member_unknown")
    story.when(add_to_anna(CLEO_CHILD, FEBRUARY, subscriber_id=BEN)).refused("not_a_subscriber")


def test_a_subscriber_who_was_a_dependent_on_that_day_held_no_coverage() -> None:
    """Nobody can be covered through a dependent."""
    story = anna_with(BEN_SPOUSE).and_given(
        RemoveDependent(member_id=BEN, last_day=date(2026, 1, 31)),
        add_anna(member_id=BEN, birth_date=date(1989, 11, 2), on=FEBRUARY),
    )
    early = add_to_anna(CLEO_CHILD, date(2026, 1, 15), subscriber_id=BEN)
    story.when(early).refused("subscriber_not_covered", saying=BEN)


def test_a_dependent_ends_with_a_subscriber_whose_end_is_known() -> None:
    """Covered only while the subscriber is; and again when that removal is undone."""
    gone = anna_with().and_given(RemoveSubscriber(member_id=ANNA, last_day=date(2026, 3, 31)))
    joined = gone.and_given(add_to_anna(BEN_SPOUSE, FEBRUARY))
    assert covered(joined, BEN) == [(FEBRUARY, date(2026, 3, 31))]
    back = joined.and_given(ReinstateMember(member_id=ANNA, effective_on=date(2026, 4, 1)))
    assert covered(back, BEN) == [(FEBRUARY, None)]


@pytest.mark.parametrize("partner", ["spouse", "domestic_partner"])
def test_one_spouse_or_partner_at_a_time(partner: str) -> None:
    """A second one may join after the first one's last day, not on it."""
    evan = person(EVAN, partner, date(1988, 8, 8))
    married = anna_with(BEN_SPOUSE)
    married.when(add_to_anna(evan, FEBRUARY)).refused("one_partner_at_a_time", saying=BEN)
    apart = married.and_given(RemoveDependent(member_id=BEN, last_day=FEBRUARY))
    apart.when(add_to_anna(evan, FEBRUARY)).refused("one_partner_at_a_time")
    apart.when(add_to_anna(evan, date(2026, 2, 2))).is_accepted()


def test_a_partner_may_become_the_spouse() -> None:
    """Ended as the one, added as the other; the earlier period keeps what it was."""
    partner = person(BEN, "domestic_partner", date(1989, 11, 2))
    story = anna_with(partner).and_given(
        RemoveDependent(member_id=BEN, last_day=date(2026, 1, 31)),
        add_to_anna(BEN_SPOUSE, FEBRUARY),
    )
    assert [period.relationship for period in periods(story, BEN)] == ["domestic_partner", None]
    assert story.client.members[BEN].relationship == "spouse"


def test_a_child_is_covered_through_the_month_of_the_26th_birthday() -> None:
    """And may join until its last day."""
    story = anna_with()
    joined = story.and_given(add_to_anna(DORA_CHILD, FEBRUARY))
    assert covered(joined, DORA) == [(FEBRUARY, date(2026, 5, 31))]
    assert periods(joined, DORA)[0].age_out
    in_may = date(2026, 5, 1)
    story.when(add_to_anna(DORA_CHILD, date(2026, 5, 31)), received_on=in_may).is_accepted()
    story.when(add_to_anna(DORA_CHILD, date(2026, 6, 1)), received_on=in_may).refused(
        "child_over_age", saying="2026-06-01"
    )


def test_a_child_born_on_29_february_has_the_26th_birthday_on_1_march() -> None:
    """26 years after a leap year there is no 29 February: covered through March."""
    story = anna_with(person(DORA, "child", date(2000, 2, 29)))
    assert covered(story, DORA) == [(OPENED, date(2026, 3, 31))]


BORN = date(2026, 2, 20)
NEWBORN = person(CLEO, "child", BORN)


@pytest.mark.parametrize("reason", ["birth", None])
@pytest.mark.parametrize(("days", "code"), [(61, None), (62, "retro_limit_exceeded")])
def test_a_newborn_may_be_reported_within_61_days(
    reason: str | None, days: int, code: str | None
) -> None:
    """Covered from the birth, whether the sender calls it so or not."""
    answer = anna_with().when(
        add_to_anna(NEWBORN, BORN, reason=reason), received_on=BORN + timedelta(days=days)
    )
    if code:
        answer.refused(code)
    else:
        assert covered(answer.is_accepted(), CLEO)[0][0] == BORN


@pytest.mark.parametrize(("days", "code"), [(61, None), (62, "retro_limit_exceeded")])
def test_an_adopted_child_may_be_reported_within_61_days(days: int, code: str | None) -> None:
    """Covered from the day of the adoption, which is the effective date."""
    answer = anna_with().when(
        add_to_anna(CLEO_CHILD, FEBRUARY, reason="adoption"),
        received_on=FEBRUARY + timedelta(days=days),
    )
    answer.refused(code) if code else answer.is_accepted()


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (add_to_anna(NEWBORN, BORN, reason="birth"), "birth"),
        (add_to_anna(NEWBORN, BORN), "birth"),
        (add_to_anna(CLEO_CHILD, FEBRUARY, reason="adoption"), "adoption"),
        (add_to_anna(CLEO_CHILD, FEBRUARY), None),
        (add_to_anna(BEN_SPOUSE, FEBRUARY), None),
    ],
)
def test_history_says_why_a_child_had_more_time(command: AddDependent, reason: str | None) -> None:
    """Whoever explains a late addition afterwards finds the birth or adoption in the event."""
    (added,) = anna_with().when(command, received_on=BORN).events
    assert isinstance(added, DependentAdded)
    assert added.reason == reason


@pytest.mark.parametrize(("days", "code"), [(31, None), (32, "retro_limit_exceeded")])
def test_other_dependents_may_be_reported_within_31_days(days: int, code: str | None) -> None:
    """Also a child who is not new to the family."""
    answer = anna_with().when(
        add_to_anna(CLEO_CHILD, FEBRUARY), received_on=FEBRUARY + timedelta(days=days)
    )
    answer.refused(code) if code else answer.is_accepted()


def test_a_birth_or_adoption_is_a_childs_and_on_that_day() -> None:
    """A newborn is covered from the birth, not from later; and the sentence tells no birth date."""
    story = anna_with()
    late = story.when(add_to_anna(NEWBORN, date(2026, 3, 1), reason="birth"), received_on=BORN)
    late.refused("newborn_from_birth", saying="2026-03-01")
    assert late.refusal is not None
    assert str(BORN) not in late.refusal.sentence
    story.when(add_to_anna(BEN_SPOUSE, FEBRUARY, reason="adoption")).refused("reason_needs_child")


def test_an_approved_exception_is_the_dependents_own() -> None:
    """Approved for Ben, it lets nobody else through."""
    approve = ApproveException(
        member_id=BEN,
        transaction_type="add_dependent",
        effective_on=OPENED,
        reason="The certificate came late.",
    )
    story = anna_with().and_given(approve, received_on=date(2026, 6, 1))
    story.when(add_to_anna(CLEO_CHILD, OPENED)).refused("retro_limit_exceeded")
    after = story.when(add_to_anna(BEN_SPOUSE, OPENED)).is_accepted()
    assert after.client.exceptions == {}


def test_who_was_removed_may_come_back_after_a_gap() -> None:
    """A second period; the removal of the first one is done with."""
    story = anna_with(BEN_SPOUSE).and_given(
        RemoveDependent(member_id=BEN, last_day=date(2026, 1, 31)),
        add_to_anna(BEN_SPOUSE, date(2026, 3, 1)),
    )
    assert covered(story, BEN) == [(OPENED, date(2026, 1, 31)), (date(2026, 3, 1), None)]


def test_a_returning_dependent_is_the_same_person() -> None:
    """The birth date must be the one known."""
    gone = anna_with(BEN_SPOUSE).and_given(RemoveDependent(member_id=BEN, last_day=FEBRUARY))
    other = person(BEN, "spouse", date(1991, 1, 1))
    gone.when(add_to_anna(other, date(2026, 3, 1))).refused("birth_date_disagrees")


def test_nobody_is_covered_outside_the_clients_own_time() -> None:
    """The client's effective date comes before the subscriber's coverage."""
    given(add_anna(), client=group()).when(
        add_to_anna(BEN_SPOUSE, OPENED - timedelta(days=1))
    ).refused("before_client_effective")
