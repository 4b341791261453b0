"""Reinstate a member (handbook §3)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from domain.client.approve_exception import ApproveException
from domain.client.change_plan import ChangePlan
from domain.client.coverage import spans_of
from domain.client.elect_cobra import ElectCobra
from domain.client.reinstate_member import MemberReinstated, ReinstateMember
from domain.client.remove_dependent import RemoveDependent
from domain.client.remove_subscriber import RemoveSubscriber
from domain.client.terminate_client import TerminateClient
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
)
from tests.domain.given import OPENED, Story, group

FEBRUARY, MARCH, APRIL = date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1)
JANUARY_END, FEBRUARY_END, MARCH_END = date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)


def remove(member_id: str, last_day: date) -> RemoveSubscriber | RemoveDependent:
    """The removal of Anna, or of one of her dependents."""
    action = RemoveSubscriber if member_id == ANNA else RemoveDependent
    return action(member_id=member_id, last_day=last_day)


def reinstate(member_id: str, on: date) -> ReinstateMember:
    """The member goes on from that day."""
    return ReinstateMember(member_id=member_id, effective_on=on)


def coverage(story: Story) -> dict[str, list[tuple[date, date | None]]]:
    """Everyone's periods of coverage."""
    return {member_id: covered(story, member_id) for member_id in story.client.members}


def test_a_subscriber_comes_back_with_those_who_ended_on_the_same_removal() -> None:
    """Ben had been removed before: he stays removed."""
    story = anna_with(BEN_SPOUSE, CLEO_CHILD).and_given(remove(BEN, JANUARY_END))
    gone = story.and_given(remove(ANNA, MARCH_END))
    back = gone.when(reinstate(ANNA, APRIL)).then(
        MemberReinstated(
            member_id=ANNA,
            subscriber_id=ANNA,
            first_day=APRIL,
            removal="t3",
            dependent_ids=(CLEO,),
        )
    )
    assert coverage(back) == coverage(story)


def test_the_example_decides() -> None:
    """What the documentation shows is accepted."""
    gone = anna_with().and_given(remove(ANNA, MARCH_END))
    gone.when(ReinstateMember.model_validate(ReinstateMember.example)).is_accepted()


def test_a_dependent_removed_on_the_same_day_but_before_stays_removed() -> None:
    """It was another removal."""
    story = anna_with(BEN_SPOUSE).and_given(remove(BEN, MARCH_END), remove(ANNA, MARCH_END))
    assert periods(story, BEN)[0].ended_by == "t2"
    back = story.and_given(reinstate(ANNA, APRIL))
    assert covered(back, ANNA) == [(OPENED, None)]
    assert covered(back, BEN) == [(OPENED, MARCH_END)]


def test_a_dependent_cancelled_before_the_subscriber_was_stays_cancelled() -> None:
    """The event does not name him: he does not come back."""
    story = anna_with(BEN_SPOUSE).and_given(
        remove(BEN, date(2025, 12, 15)), remove(ANNA, date(2025, 12, 1))
    )
    back = story.when(reinstate(ANNA, OPENED)).then(
        MemberReinstated(member_id=ANNA, subscriber_id=ANNA, first_day=OPENED, removal="t3")
    )
    assert covered(back, BEN) == []


def test_the_same_again_is_no_event() -> None:
    """Until coverage ends again."""
    gone = anna_with().and_given(remove(ANNA, MARCH_END))
    back = gone.and_given(reinstate(ANNA, APRIL))
    back.when(reinstate(ANNA, APRIL)).then_nothing()
    again = back.and_given(remove(ANNA, MARCH_END))
    assert again.when(reinstate(ANNA, APRIL)).events
    later = back.and_given(remove(ANNA, date(2026, 4, 1)))
    later.when(reinstate(ANNA, APRIL)).refused("not_first_uncovered_day")
    ended = back.and_given(TerminateClient(last_day=MARCH_END))
    ended.when(reinstate(ANNA, APRIL)).refused("not_removed")


@pytest.mark.parametrize("day", [MARCH_END, date(2026, 4, 2)])
def test_there_is_no_gap_and_no_overlap(day: date) -> None:
    """It takes effect on the first uncovered day, which the sentence names."""
    gone = anna_with().and_given(remove(ANNA, MARCH_END))
    gone.when(reinstate(ANNA, day)).refused("not_first_uncovered_day", saying="2026-04-01")


def test_who_was_not_removed_is_refused() -> None:
    """Never removed; or ended by age, by the client, or by another's removal alone."""
    story = anna_with(DORA_CHILD)
    story.when(reinstate(ANNA, APRIL)).refused("not_removed", saying=ANNA)
    story.when(reinstate(BEN, APRIL)).refused("member_unknown")
    story.when(reinstate(DORA, date(2026, 6, 1)), received_on=APRIL).refused("not_removed")
    ended = story.and_given(TerminateClient(last_day=FEBRUARY_END))
    ended.when(reinstate(ANNA, MARCH)).refused("not_removed")


def test_an_earlier_removal_that_was_replaced_stands_again() -> None:
    """As if the last one had not been; and can be undone in turn."""
    first = anna_with(BEN_SPOUSE).and_given(remove(ANNA, MARCH_END))
    second = first.and_given(remove(ANNA, JANUARY_END))
    back = second.and_given(reinstate(ANNA, FEBRUARY))
    assert coverage(back) == coverage(first)
    back.when(reinstate(ANNA, FEBRUARY)).then_nothing()
    wholly = back.and_given(reinstate(ANNA, APRIL))
    assert covered(wholly, ANNA) == covered(wholly, BEN) == [(OPENED, None)]


def test_a_cancellation_from_inception_is_undone_from_the_first_day() -> None:
    """The first uncovered day is the first covered one."""
    story = anna_with(BEN_SPOUSE)
    gone = story.and_given(remove(ANNA, date(2025, 12, 1)))
    gone.when(reinstate(ANNA, date(2025, 12, 2))).refused(
        "not_first_uncovered_day", saying="2026-01-01"
    )
    assert coverage(gone.and_given(reinstate(ANNA, OPENED))) == coverage(story)


def test_a_dependent_comes_back_alone() -> None:
    """Undoing the dependent's own removal."""
    story = anna_with(BEN_SPOUSE, CLEO_CHILD)
    gone = story.and_given(remove(BEN, MARCH_END))
    back = gone.when(reinstate(BEN, APRIL)).then(
        MemberReinstated(member_id=BEN, subscriber_id=ANNA, first_day=APRIL, removal="t2")
    )
    assert coverage(back) == coverage(story)


def test_a_dependent_who_ended_with_the_subscriber_waits_for_the_subscriber() -> None:
    """Covered only while the subscriber is."""
    story = anna_with(BEN_SPOUSE).and_given(remove(ANNA, MARCH_END))
    story.when(reinstate(BEN, APRIL)).refused("subscriber_not_covered", saying=ANNA)


def test_a_dependent_removed_before_the_subscriber_comes_back_until_the_subscribers_end() -> None:
    """And goes on when the subscriber's removal is undone as well."""
    story = anna_with(BEN_SPOUSE).and_given(remove(BEN, JANUARY_END), remove(ANNA, MARCH_END))
    back = story.and_given(reinstate(BEN, FEBRUARY))
    assert covered(back, BEN) == [(OPENED, MARCH_END)]
    both = back.and_given(reinstate(ANNA, APRIL))
    assert covered(both, BEN) == [(OPENED, None)]


def test_a_dependents_removal_for_later_stands_behind_the_subscribers() -> None:
    """Undoing the subscriber's brings it to light again."""
    story = anna_with(BEN_SPOUSE).and_given(remove(BEN, MARCH_END))
    gone = story.and_given(remove(ANNA, JANUARY_END))
    gone.when(reinstate(BEN, FEBRUARY)).refused("subscriber_not_covered")
    assert coverage(gone.and_given(reinstate(ANNA, FEBRUARY))) == coverage(story)


def test_a_spouse_does_not_come_back_beside_another() -> None:
    """One at a time."""
    story = anna_with(BEN_SPOUSE).and_given(
        remove(BEN, JANUARY_END), add_to_anna(EVAN_SPOUSE, FEBRUARY)
    )
    story.when(reinstate(BEN, FEBRUARY)).refused("one_partner_at_a_time", saying=EVAN)
    alone = story.and_given(remove(EVAN, JANUARY_END))
    alone.when(reinstate(BEN, FEBRUARY)).is_accepted()
    # Back only until the day that was recorded before: there is no overlap.
    earlier = story.and_given(remove(BEN, date(2026, 1, 10)), reinstate(BEN, date(2026, 1, 11)))
    assert covered(earlier, BEN) == [(OPENED, JANUARY_END)]


def test_a_dependent_covered_elsewhere_since_comes_back_until_then() -> None:
    """Nobody is covered twice."""
    evans_wife = add_anna(member_id=EVAN, birth_date=date(1988, 8, 8))
    to_evan = add_to_anna(CLEO_CHILD, MARCH, subscriber_id=EVAN)
    story = anna_with(CLEO_CHILD).and_given(evans_wife, remove(ANNA, JANUARY_END), to_evan)
    back = story.and_given(reinstate(ANNA, FEBRUARY))
    limit = date(2036, 3, 31)
    assert covered(back, CLEO) == [(OPENED, FEBRUARY_END), (MARCH, limit)]
    spans = spans_of(back.client, back.client.members[CLEO])
    assert [span.subscriber_id for span in spans] == [ANNA, EVAN]


def test_undoing_a_removal_closes_the_gap_before_a_return() -> None:
    """The last removal is that of the first period: both periods adjoin then."""
    story = anna_with(BEN_SPOUSE).and_given(
        remove(ANNA, JANUARY_END), add_anna(on=MARCH, plan_id="SILVER")
    )
    back = story.and_given(reinstate(ANNA, FEBRUARY))
    assert covered(back, ANNA) == [(OPENED, FEBRUARY_END), (MARCH, None)]
    assert covered(back, BEN) == [(OPENED, FEBRUARY_END)], "he was not brought along again"


def test_what_was_recorded_for_later_holds_again() -> None:
    """A change of plan that the removal had made pointless."""
    story = anna_with().and_given(
        ChangePlan(member_id=ANNA, plan_id="SILVER", effective_on=APRIL),
        remove(ANNA, JANUARY_END),
        reinstate(ANNA, FEBRUARY),
    )
    spans = spans_of(story.client, story.client.members[ANNA])
    assert [(span.first_day, span.plan_id) for span in spans] == [
        (OPENED, "GOLD"),
        (APRIL, "SILVER"),
    ]


def test_coverage_comes_back_until_the_clients_end() -> None:
    """Terminated since: everyone ends then."""
    story = anna_with().and_given(
        remove(ANNA, JANUARY_END),
        TerminateClient(last_day=MARCH_END),
        reinstate(ANNA, FEBRUARY),
    )
    assert covered(story, ANNA) == [(OPENED, MARCH_END)]


def test_a_removal_from_cobra_is_undone_into_cobra() -> None:
    """The one before it is done with: COBRA has followed it."""
    elected = anna_with(BEN_SPOUSE).and_given(
        remove(ANNA, JANUARY_END), ElectCobra(member_id=ANNA, event="termination")
    )
    elected.when(reinstate(ANNA, FEBRUARY)).refused("not_removed")
    gone = elected.and_given(remove(ANNA, MARCH_END))
    assert coverage(gone.and_given(reinstate(ANNA, APRIL))) == coverage(elected)


@pytest.mark.parametrize(("days", "code"), [(60, None), (61, "retro_limit_exceeded")])
def test_a_reinstatement_may_come_60_days_late(days: int, code: str | None) -> None:
    """As late as a removal."""
    gone = anna_with().and_given(remove(ANNA, JANUARY_END))
    answer = gone.when(reinstate(ANNA, FEBRUARY), received_on=FEBRUARY + timedelta(days=days))
    answer.refused(code) if code else answer.is_accepted()


def test_an_approved_exception_lets_one_late_reinstatement_through() -> None:
    """It is spent by it."""
    approve = ApproveException(
        member_id=ANNA,
        transaction_type="reinstate_member",
        effective_on=FEBRUARY,
        reason="The wrong Anna was removed.",
    )
    gone = anna_with(client=group()).and_given(remove(ANNA, JANUARY_END))
    story = gone.and_given(approve, received_on=date(2026, 9, 1))
    back = story.when(reinstate(ANNA, FEBRUARY)).is_accepted()
    assert back.client.exceptions == {}
