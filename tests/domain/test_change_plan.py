"""Change plan (handbook §3, and §4 for the day it takes effect)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from domain.client.approve_exception import ApproveException
from domain.client.change_division import ChangeDivision
from domain.client.change_plan import ChangePlan, PlanChanged
from domain.client.coverage import spans_of
from domain.client.order_id_card import IdCardOffered, OrderIdCard
from domain.client.remove_dependent import RemoveDependent
from domain.client.remove_subscriber import RemoveSubscriber
from domain.client.state import Client, PartMonthRule
from domain.client.terminate_client import TerminateClient
from tests.domain.families import ANNA, BEN, BEN_SPOUSE, CLEO, CLEO_CHILD, EVAN, add_anna, anna_with
from tests.domain.given import OPENED, Story, group

FEBRUARY, MARCH = date(2026, 2, 1), date(2026, 3, 1)


def to(plan_id: str, on: date) -> ChangePlan:
    """Anna's family takes the plan from that day."""
    return ChangePlan(member_id=ANNA, plan_id=plan_id, effective_on=on)


def plans(story: Story, member_id: str = ANNA) -> list[tuple[date, str]]:
    """The member's plans, each with its first day."""
    member = story.client.members[member_id]
    return [(span.first_day, span.plan_id) for span in spans_of(story.client, member)]


def test_the_whole_family_moves_and_is_offered_cards() -> None:
    """Whoever is covered from then; who has left stays out of it."""
    story = anna_with(BEN_SPOUSE, CLEO_CHILD).and_given(
        RemoveDependent(member_id=BEN, last_day=date(2026, 1, 31))
    )
    moved = story.when(to("SILVER", FEBRUARY)).then(
        PlanChanged(member_id=ANNA, plan_id="SILVER", first_day=FEBRUARY, dependent_ids=(CLEO,)),
        IdCardOffered(member_id=ANNA, reason="plan_change"),
        IdCardOffered(member_id=CLEO, reason="plan_change"),
    )
    assert plans(moved, CLEO) == [(OPENED, "GOLD"), (FEBRUARY, "SILVER")]
    assert plans(moved, BEN) == [(OPENED, "GOLD")]


def test_who_has_left_for_another_family_does_not_move_along() -> None:
    """Ben has coverage of his own."""
    story = anna_with(BEN_SPOUSE).and_given(
        RemoveDependent(member_id=BEN, last_day=date(2026, 1, 31)),
        add_anna(member_id=BEN, birth_date=date(1989, 11, 2), on=FEBRUARY),
    )
    story.when(to("SILVER", FEBRUARY)).then(
        PlanChanged(member_id=ANNA, plan_id="SILVER", first_day=FEBRUARY),
        IdCardOffered(member_id=ANNA, reason="plan_change"),
    )


def test_an_approved_exception_lets_one_late_change_through() -> None:
    """It is spent by it; one approved for another day is kept."""
    kept, spent = (
        ApproveException(
            member_id=ANNA, transaction_type="change_plan", effective_on=day, reason="Our error."
        )
        for day in (OPENED, FEBRUARY)
    )
    story = anna_with().and_given(kept, spent, received_on=date(2026, 8, 1))
    story.when(to("SILVER", MARCH)).refused("retro_limit_exceeded")
    after = story.and_given(to("SILVER", FEBRUARY))
    assert [each.effective_on for each in after.client.exceptions[ANNA]] == [OPENED]


def test_the_example_decides() -> None:
    """What the documentation shows is accepted."""
    command = ChangePlan.model_validate(ChangePlan.example)
    story = anna_with(plan_id="SILVER")
    story.when(command, received_on=date(2026, 3, 10)).is_accepted()


def test_the_plan_already_held_is_no_event() -> None:
    """Also when the change itself is sent again."""
    story = anna_with()
    story.when(to("GOLD", FEBRUARY)).then_nothing()
    story.and_given(to("SILVER", FEBRUARY)).when(to("SILVER", FEBRUARY)).then_nothing()
    story.and_given(to("SILVER", FEBRUARY)).when(to("SILVER", MARCH)).then_nothing()


def test_a_change_replaces_those_recorded_for_later() -> None:
    """It sets what holds from its date on."""
    story = anna_with().and_given(to("SILVER", MARCH))
    earlier = story.and_given(to("SILVER", FEBRUARY))
    assert plans(earlier) == [(OPENED, "GOLD"), (FEBRUARY, "SILVER")]


def test_the_plan_held_until_a_later_change_takes_that_change_back() -> None:
    """Recorded, but the card is right as it is."""
    card = OrderIdCard(member_id=ANNA, reason="plan_change")
    story = anna_with().and_given(to("SILVER", MARCH), card)
    back = story.when(to("GOLD", FEBRUARY)).then(
        PlanChanged(member_id=ANNA, plan_id="GOLD", first_day=FEBRUARY)
    )
    assert plans(back) == [(OPENED, "GOLD")]


def test_a_later_change_leaves_the_earlier_one() -> None:
    """Both hold, each in its time."""
    story = anna_with().and_given(to("SILVER", FEBRUARY), to("GOLD", MARCH))
    assert plans(story) == [(OPENED, "GOLD"), (FEBRUARY, "SILVER"), (MARCH, "GOLD")]


@pytest.mark.parametrize(
    ("rule", "asked", "takes_effect"),
    [
        ("full_month", date(2026, 2, 2), MARCH),
        ("wash", date(2026, 2, 28), MARCH),
        ("wash", FEBRUARY, FEBRUARY),
        ("daily", date(2026, 2, 2), date(2026, 2, 2)),
    ],
)
def test_when_a_change_takes_effect(rule: PartMonthRule, asked: date, takes_effect: date) -> None:
    """After the 1st it waits for the next 1st, except where days are billed."""
    answer = anna_with(client=group(rule=rule)).when(to("SILVER", asked))
    assert plans(answer.is_accepted())[1] == (takes_effect, "SILVER")
    assert answer.events[0].takes_effect_on() == takes_effect


def test_the_plan_must_be_offered_to_the_subgroup() -> None:
    """To the one the family is in then, and through any move recorded for later."""
    story = anna_with()
    story.when(to("BRONZE", FEBRUARY)).refused("plan_not_offered", saying="MAIN")
    story.when(to("TIN", FEBRUARY)).refused("plan_unknown")
    moving = story.and_given(ChangeDivision(member_id=ANNA, subgroup_id="WEST", effective_on=MARCH))
    moving.when(to("BRONZE", FEBRUARY)).refused("plan_not_offered", saying="2026-02-01")
    moving.when(to("BRONZE", MARCH)).is_accepted()
    west = anna_with(subgroup_id="WEST").and_given(
        ChangeDivision(member_id=ANNA, subgroup_id="MAIN", effective_on=MARCH)
    )
    west.when(to("BRONZE", FEBRUARY)).refused("plan_not_offered", saying="2026-03-01")


def test_an_offer_that_has_ended_does_not_count() -> None:
    """Whoever holds the plan keeps it; nobody may choose it any more."""
    client = _with_silver_offered_until(FEBRUARY)
    anna_with(client=client).when(to("SILVER", FEBRUARY)).is_accepted()
    anna_with(client=client).when(to("SILVER", MARCH)).refused("plan_not_offered")


def test_the_subscriber_must_be_covered_when_it_takes_effect() -> None:
    """Not before the first day, nor after the last one; and a subscriber."""
    story = anna_with(BEN_SPOUSE, on=FEBRUARY).and_given(
        RemoveSubscriber(member_id=ANNA, last_day=date(2026, 3, 31))
    )
    story.when(to("SILVER", OPENED)).refused("subscriber_not_covered")
    story.when(to("SILVER", date(2026, 3, 10))).refused(
        "subscriber_not_covered", saying="2026-04-01"
    )
    for_ben = ChangePlan(member_id=BEN, plan_id="SILVER", effective_on=FEBRUARY)
    story.when(for_ben).refused("not_a_subscriber")
    for_evan = ChangePlan(member_id=EVAN, plan_id="SILVER", effective_on=FEBRUARY)
    story.when(for_evan).refused("member_unknown")


def test_no_change_takes_effect_after_the_clients_end() -> None:
    """Not even one asked for an earlier day that waits for the 1st."""
    story = anna_with().and_given(TerminateClient(last_day=date(2026, 2, 28)))
    story.when(to("SILVER", date(2026, 2, 2))).refused("client_terminated")


@pytest.mark.parametrize(("days", "code"), [(31, None), (32, "retro_limit_exceeded")])
def test_a_change_may_come_31_days_late(days: int, code: str | None) -> None:
    """Counted from the date asked for, not from the 1st it waits for."""
    asked = date(2026, 2, 2)
    answer = anna_with().when(to("SILVER", asked), received_on=asked + timedelta(days=days))
    answer.refused(code) if code else answer.is_accepted()


def test_a_change_may_come_90_days_ahead() -> None:
    """Not 91."""
    story = anna_with()
    story.when(to("SILVER", OPENED + timedelta(days=91))).refused("too_far_ahead")
    story.when(to("SILVER", OPENED + timedelta(days=90))).is_accepted()


def _with_silver_offered_until(last_day: date) -> Client:
    client = group()
    for offers in client.plans["SILVER"].offers.values():
        offers[0] = type(offers[0])(OPENED, last_day, "t0")
    return client
