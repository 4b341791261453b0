"""Remove a subscriber (handbook §3)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from domain.client.approve_exception import ApproveException
from domain.client.remove_dependent import RemoveDependent
from domain.client.remove_subscriber import RemoveSubscriber, SubscriberRemoved
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
    anna_with,
    covered,
    periods,
)
from tests.domain.given import OPENED

JANUARY_END, FEBRUARY_END, MARCH_END = date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)


def remove_anna(last_day: date) -> RemoveSubscriber:
    """Anna's last covered day is that one."""
    return RemoveSubscriber(member_id=ANNA, last_day=last_day)


def test_every_dependent_ends_on_the_same_day() -> None:
    """The event names those whom it ends."""
    story = (
        anna_with(BEN_SPOUSE, CLEO_CHILD)
        .when(remove_anna(MARCH_END))
        .then(SubscriberRemoved(member_id=ANNA, last_day=MARCH_END, dependent_ids=(BEN, CLEO)))
    )
    for member_id in (ANNA, BEN, CLEO):
        assert covered(story, member_id) == [(OPENED, MARCH_END)]
        assert periods(story, member_id)[0].ended_by == "t2"


def test_the_example_decides() -> None:
    """What the documentation shows is accepted."""
    anna_with().when(RemoveSubscriber.model_validate(RemoveSubscriber.example)).is_accepted()


def test_dependents_who_end_earlier_keep_their_end() -> None:
    """One was removed before, one is too old by then: the event names neither."""
    story = anna_with(BEN_SPOUSE, DORA_CHILD).and_given(
        RemoveDependent(member_id=BEN, last_day=JANUARY_END)
    )
    gone = story.when(remove_anna(date(2026, 5, 31)), received_on=date(2026, 5, 1)).then(
        SubscriberRemoved(member_id=ANNA, last_day=date(2026, 5, 31))
    )
    assert covered(gone, BEN) == [(OPENED, JANUARY_END)]
    assert covered(gone, DORA) == [(OPENED, date(2026, 5, 31))]


def test_a_last_day_before_the_first_covered_day_cancels_from_inception() -> None:
    """There never was any coverage, and the same again is no event."""
    story = anna_with(BEN_SPOUSE).and_given(remove_anna(date(2025, 12, 31)))
    assert covered(story, ANNA) == covered(story, BEN) == []
    story.when(remove_anna(date(2025, 12, 31))).then_nothing()
    story.when(remove_anna(date(2025, 12, 1))).then_nothing()
    story.when(remove_anna(OPENED)).refused("already_removed", saying="2025-12-31")


def test_who_was_cancelled_from_inception_may_be_added_again() -> None:
    """On the very same day, even."""
    story = anna_with(BEN_SPOUSE).and_given(remove_anna(date(2025, 12, 31)), add_anna())
    assert covered(story, ANNA) == [(OPENED, None)]
    assert covered(story, BEN) == []


def test_an_earlier_removal_replaces_a_later_one() -> None:
    """The dependents move along; the history has both."""
    story = anna_with(BEN_SPOUSE).and_given(remove_anna(MARCH_END))
    earlier = story.when(remove_anna(FEBRUARY_END)).then(
        SubscriberRemoved(member_id=ANNA, last_day=FEBRUARY_END, dependent_ids=(BEN,))
    )
    assert covered(earlier, ANNA) == covered(earlier, BEN) == [(OPENED, FEBRUARY_END)]
    assert periods(earlier, ANNA)[0].ended_by == "t3"


def test_a_later_removal_is_refused_and_the_same_one_is_no_event() -> None:
    """The sentence says when coverage ends."""
    story = anna_with().and_given(remove_anna(FEBRUARY_END))
    story.when(remove_anna(MARCH_END)).refused("already_removed", saying="2026-02-28")
    story.when(remove_anna(FEBRUARY_END)).then_nothing()


def test_only_a_subscriber_is_removed_so() -> None:
    """A dependent, or somebody unknown, is refused."""
    story = anna_with(BEN_SPOUSE)
    story.when(RemoveSubscriber(member_id=BEN, last_day=MARCH_END)).refused("not_a_subscriber")
    story.when(RemoveSubscriber(member_id=EVAN, last_day=MARCH_END)).refused("member_unknown")


@pytest.mark.parametrize(("days", "code"), [(60, None), (61, "retro_limit_exceeded")])
def test_a_removal_may_come_60_days_late(days: int, code: str | None) -> None:
    """Counted from the last covered day to the day received."""
    answer = anna_with().when(
        remove_anna(JANUARY_END), received_on=JANUARY_END + timedelta(days=days)
    )
    answer.refused(code, saying="2026-01-31") if code else answer.is_accepted()


@pytest.mark.parametrize(("days", "code"), [(90, None), (91, "too_far_ahead")])
def test_a_removal_may_come_90_days_ahead(days: int, code: str | None) -> None:
    """Counted from the day received to the last covered day."""
    answer = anna_with().when(remove_anna(OPENED + timedelta(days=days)))
    answer.refused(code) if code else answer.is_accepted()


def test_an_approved_exception_lets_one_late_removal_through() -> None:
    """Of that kind, member and last covered day; it is spent by it."""
    approve = ApproveException(
        member_id=ANNA,
        transaction_type="remove_subscriber",
        effective_on=JANUARY_END,
        reason="The employer's letter was lost.",
    )
    story = anna_with().and_given(approve, received_on=date(2026, 6, 15))
    story.when(remove_anna(date(2026, 1, 30))).refused("retro_limit_exceeded")
    after = story.when(remove_anna(JANUARY_END)).then(
        SubscriberRemoved(member_id=ANNA, last_day=JANUARY_END, exception="t2")
    )
    assert after.client.exceptions == {}


def test_a_removal_too_late_to_come_again_still_holds() -> None:
    """What holds already needs no exception."""
    story = anna_with().and_given(remove_anna(JANUARY_END))
    story.when(remove_anna(JANUARY_END), received_on=date(2026, 12, 1)).then_nothing()


def test_after_the_clients_end_there_is_nobody_to_remove() -> None:
    """Everyone's coverage ends with the client's; an earlier removal still counts."""
    story = anna_with().and_given(TerminateClient(last_day=FEBRUARY_END))
    story.when(remove_anna(MARCH_END)).refused("already_removed", saying="2026-02-28")
    story.when(remove_anna(FEBRUARY_END)).then_nothing()
    assert covered(story.and_given(remove_anna(JANUARY_END)), ANNA) == [(OPENED, JANUARY_END)]


def test_a_removal_ends_everything_after_its_last_day() -> None:
    """Who had returned after a gap did not; a day in the gap takes back only the return."""
    returned = anna_with().and_given(remove_anna(FEBRUARY_END), add_anna(on=date(2026, 3, 15)))
    in_gap = returned.and_given(remove_anna(date(2026, 3, 10)))
    assert covered(in_gap, ANNA) == [(OPENED, FEBRUARY_END)]
    in_gap.when(remove_anna(date(2026, 3, 10))).then_nothing()
    in_gap.when(remove_anna(date(2026, 3, 11))).refused("already_removed")
    before = returned.and_given(remove_anna(JANUARY_END))
    assert covered(before, ANNA) == [(OPENED, JANUARY_END)]
