"""Elect COBRA (handbook §3)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from domain.client.change_plan import ChangePlan
from domain.client.coverage import spans_of
from domain.client.elect_cobra import CobraElected, ElectCobra
from domain.client.reinstate_member import ReinstateMember
from domain.client.remove_dependent import RemoveDependent
from domain.client.remove_subscriber import RemoveSubscriber
from domain.client.state import CobraEvent
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
    add_anna,
    add_to_anna,
    anna_with,
    covered,
    person,
)
from tests.domain.given import OPENED, Story, individual

JANUARY_END, FEBRUARY = date(2026, 1, 31), date(2026, 2, 1)
FEBRUARY_END, MARCH_END = date(2026, 2, 28), date(2026, 3, 31)
EIGHTEEN_MONTHS = date(2027, 7, 31)
ELECT = ElectCobra(member_id=ANNA, event="termination")


def anna_gone(story: Story, last_day: date = JANUARY_END) -> Story:
    """Anna's last covered day has been recorded."""
    return story.and_given(RemoveSubscriber(member_id=ANNA, last_day=last_day))


def test_the_subscriber_goes_on_with_the_dependents_covered_on_the_last_day() -> None:
    """Cleo had left before; nothing is uncovered in between."""
    story = anna_with(BEN_SPOUSE, CLEO_CHILD).and_given(
        RemoveDependent(member_id=CLEO, last_day=date(2026, 1, 15))
    )
    elected = (
        anna_gone(story)
        .when(ELECT)
        .then(
            CobraElected(
                member_id=ANNA,
                event="termination",
                first_day=FEBRUARY,
                last_day=EIGHTEEN_MONTHS,
                dependent_ids=(BEN,),
            )
        )
    )
    for member_id in (ANNA, BEN):
        member = elected.client.members[member_id]
        spans = spans_of(elected.client, member)
        assert [(s.first_day, s.last_day, s.cobra) for s in spans] == [
            (OPENED, JANUARY_END, None),
            (FEBRUARY, EIGHTEEN_MONTHS, "termination"),
        ]
    assert covered(elected, CLEO) == [(OPENED, date(2026, 1, 15))]


def test_the_example_decides() -> None:
    """What the documentation shows is accepted."""
    anna_gone(anna_with()).when(ElectCobra.model_validate(ElectCobra.example)).is_accepted()


@pytest.mark.parametrize(
    ("event", "last_day"),
    [
        ("termination", date(2027, 7, 31)),
        ("disability", date(2028, 6, 30)),
        ("dependent_event", date(2029, 1, 31)),
    ],
)
def test_how_long_it_lasts_at_most(event: CobraEvent, last_day: date) -> None:
    """18, 29 or 36 months."""
    story = anna_gone(anna_with()).and_given(ElectCobra(member_id=ANNA, event=event))
    assert covered(story, ANNA) == [(OPENED, last_day)]


def test_it_goes_on_from_the_middle_of_a_month() -> None:
    """Without a gap, and for as many months."""
    story = anna_gone(anna_with(), date(2026, 1, 14)).and_given(ELECT)
    assert story.client.families[ANNA].cobra[0].first_day == date(2026, 1, 15)
    assert covered(story, ANNA) == [(OPENED, date(2027, 7, 14))]


@pytest.mark.parametrize(
    ("last_covered", "last_day"),
    [
        (date(2026, 1, 30), date(2027, 7, 30)),
        (date(2026, 2, 28), date(2027, 8, 31)),
        (date(2026, 3, 30), date(2027, 9, 30)),
        (date(2026, 8, 29), date(2028, 2, 29)),
        (date(2026, 8, 31), date(2028, 2, 29)),
    ],
)
def test_it_loses_no_day_to_a_shorter_month(last_covered: date, last_day: date) -> None:
    """18 months from 31 March end with September, which has no 31st."""
    gone = anna_with().and_given(
        RemoveSubscriber(member_id=ANNA, last_day=last_covered), received_on=last_covered
    )
    assert covered(gone.and_given(ELECT), ANNA) == [(OPENED, last_day)]


@pytest.mark.parametrize(("days", "code"), [(60, None), (61, "cobra_too_late")])
def test_it_is_elected_within_60_days(days: int, code: str | None) -> None:
    """Counted from the last covered day to the day received."""
    answer = anna_gone(anna_with()).when(ELECT, received_on=JANUARY_END + timedelta(days=days))
    answer.refused(code, saying="2026-01-31") if code else answer.is_accepted()


def test_it_may_be_elected_ahead_of_the_last_day() -> None:
    """As far as any change: 90 days."""
    story = anna_gone(anna_with(), OPENED + timedelta(days=89))
    story.when(ELECT).is_accepted()
    anna_gone(anna_with(), OPENED + timedelta(days=90)).when(ELECT).refused("too_far_ahead")


def test_only_a_removed_subscriber_of_a_group_may() -> None:
    """Not who is covered, nor a dependent, nor an individual account."""
    story = anna_with(BEN_SPOUSE)
    story.when(ELECT).refused("not_removed")
    ben = ElectCobra(member_id=BEN, event="dependent_event")
    anna_gone(story).when(ben).refused("not_a_subscriber")
    household = anna_with(client=individual(), subgroup_id=None)
    anna_gone(household).when(ELECT).refused("cobra_groups_only")


def test_there_is_nothing_to_continue_without_coverage_or_client() -> None:
    """Cancelled from inception, or the whole client terminated."""
    anna_gone(anna_with(), date(2025, 12, 31)).when(ELECT).refused("not_removed")
    ended = anna_with().and_given(TerminateClient(last_day=JANUARY_END))
    ended.when(ELECT).refused("client_terminated")


def test_the_same_again_is_no_event_and_another_is_refused() -> None:
    """Also when the day it began is stated."""
    story = anna_gone(anna_with()).and_given(ELECT)
    story.when(ELECT).then_nothing()
    story.when(
        ElectCobra(member_id=ANNA, event="termination", effective_on=FEBRUARY)
    ).then_nothing()
    other = ElectCobra(member_id=ANNA, event="disability")
    story.when(other).refused("cobra_already_elected", saying="2026-02-01")


def test_a_day_that_would_leave_a_gap_is_refused() -> None:
    """If stated, it is the day after the last covered one."""
    late = ElectCobra(member_id=ANNA, event="termination", effective_on=date(2026, 3, 1))
    anna_gone(anna_with()).when(late).refused("cobra_leaves_gap", saying="2026-02-01")


def test_it_can_be_ended_but_not_elected_twice() -> None:
    """A removal ends it early; undone, it goes on to its limit."""
    story = anna_gone(anna_with(BEN_SPOUSE)).and_given(ELECT)
    gone = anna_gone(story, MARCH_END)
    assert covered(gone, ANNA) == covered(gone, BEN) == [(OPENED, MARCH_END)]
    gone.when(ELECT).refused("cobra_already_elected")
    back = gone.and_given(ReinstateMember(member_id=ANNA, effective_on=date(2026, 4, 1)))
    assert covered(back, BEN) == [(OPENED, EIGHTEEN_MONTHS)]
    back.when(ELECT).then_nothing()


def test_a_removal_from_before_it_began_makes_it_void() -> None:
    """It may be elected anew, from the day after the right last day."""
    story = anna_gone(anna_with(BEN_SPOUSE)).and_given(ELECT)
    earlier = anna_gone(story, date(2026, 1, 15))
    assert covered(earlier, BEN) == [(OPENED, date(2026, 1, 15))]
    anew = earlier.and_given(ELECT)
    assert [cobra.first_day for cobra in anew.client.families[ANNA].cobra] == [date(2026, 1, 16)]
    assert covered(anew, BEN) == [(OPENED, date(2027, 7, 15))]


def test_a_replaced_removal_does_not_end_it() -> None:
    """Only the earlier of two counted, and that is what COBRA follows."""
    story = anna_gone(anna_gone(anna_with(), MARCH_END), JANUARY_END).and_given(ELECT)
    assert covered(story, ANNA) == [(OPENED, EIGHTEEN_MONTHS)]


def test_a_dependent_of_a_later_first_day_stays_out() -> None:
    """Not covered on the last day: not continued."""
    story = anna_with().and_given(add_to_anna(CLEO_CHILD, date(2026, 3, 1)))
    elected = anna_gone(story).and_given(ELECT)
    assert covered(elected, CLEO) == []
    # … but may be added to the continuation.
    later = elected.and_given(add_to_anna(CLEO_CHILD, date(2026, 3, 1)))
    assert covered(later, CLEO) == [(date(2026, 3, 1), EIGHTEEN_MONTHS)]


def test_an_own_end_on_the_last_day_stays_one() -> None:
    """A removal of the dependent, or the age limit."""
    old_enough = person(DORA, "child", date(2000, 1, 10))
    story = anna_with(BEN_SPOUSE, old_enough).and_given(
        RemoveDependent(member_id=BEN, last_day=JANUARY_END)
    )
    elected = anna_gone(story).when(ELECT)
    assert isinstance(elected.events[0], CobraElected)
    assert elected.events[0].dependent_ids == ()


def test_the_client_ends_it_too() -> None:
    """A group that is terminated has no COBRA either."""
    story = anna_gone(anna_with(DORA_CHILD)).and_given(
        ELECT, TerminateClient(last_day=FEBRUARY_END)
    )
    assert covered(story, ANNA) == covered(story, DORA) == [(OPENED, FEBRUARY_END)]


def test_a_plan_can_be_changed_in_it() -> None:
    """It is coverage like any other."""
    change = ChangePlan(member_id=ANNA, plan_id="SILVER", effective_on=date(2026, 3, 1))
    story = anna_gone(anna_with()).and_given(ELECT, change)
    spans = spans_of(story.client, story.client.members[ANNA])
    assert [(span.plan_id, span.cobra) for span in spans] == [
        ("GOLD", None),
        ("GOLD", "termination"),
        ("SILVER", "termination"),
    ]


def test_it_may_follow_a_return_that_was_cancelled() -> None:
    """The period it continues is the last one with coverage."""
    story = anna_gone(anna_with(BEN_SPOUSE)).and_given(
        add_anna(BEN_SPOUSE, on=date(2026, 3, 1)),
        RemoveSubscriber(member_id=ANNA, last_day=FEBRUARY_END),
        ELECT,
    )
    assert covered(story, ANNA) == covered(story, BEN) == [(OPENED, EIGHTEEN_MONTHS)]
    return_again = ReinstateMember(member_id=ANNA, effective_on=date(2026, 3, 1))
    story.when(return_again).refused("not_removed")


def test_a_dependent_covered_elsewhere_by_then_stays_there() -> None:
    """Covered on the last day, but not in this family."""
    evan = add_anna(member_id=EVAN, birth_date=date(1988, 8, 8))
    story = anna_with(CLEO_CHILD).and_given(
        evan,
        RemoveDependent(member_id=CLEO, last_day=date(2026, 1, 15)),
        add_to_anna(CLEO_CHILD, date(2026, 1, 16), subscriber_id=EVAN),
    )
    elected = anna_gone(story).when(ELECT)
    assert isinstance(elected.events[0], CobraElected)
    assert elected.events[0].dependent_ids == ()
