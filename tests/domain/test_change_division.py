"""Change division (handbook §3, and §4 for the day it takes effect)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from domain.client.add_subgroup import AddSubgroup
from domain.client.approve_exception import ApproveException
from domain.client.change_division import ChangeDivision, DivisionChanged
from domain.client.change_plan import ChangePlan, PlanChanged
from domain.client.coverage import spans_of
from domain.client.order_id_card import IdCardOffered
from domain.client.remove_subscriber import RemoveSubscriber
from tests.domain.families import ANNA, BEN, BEN_SPOUSE, anna_with
from tests.domain.given import OPENED, Story, group, individual

FEBRUARY, MARCH = date(2026, 2, 1), date(2026, 3, 1)


def to(subgroup_id: str, on: date, plan_id: str | None = None) -> ChangeDivision:
    """Anna's family belongs to the division from that day."""
    return ChangeDivision(member_id=ANNA, subgroup_id=subgroup_id, effective_on=on, plan_id=plan_id)


def divisions(story: Story, member_id: str = ANNA) -> list[tuple[date, str]]:
    """The member's divisions, each with its first day."""
    member = story.client.members[member_id]
    return [(span.first_day, span.subgroup_id) for span in spans_of(story.client, member)]


def test_the_whole_family_moves() -> None:
    """The card stays right: none is offered."""
    story = (
        anna_with(BEN_SPOUSE)
        .when(to("WEST", FEBRUARY))
        .then(
            DivisionChanged(
                member_id=ANNA, subgroup_id="WEST", first_day=FEBRUARY, dependent_ids=(BEN,)
            )
        )
    )
    assert divisions(story, BEN) == [(OPENED, "MAIN"), (FEBRUARY, "WEST")]


def test_the_example_decides() -> None:
    """What the documentation shows is accepted."""
    command = ChangeDivision.model_validate(ChangeDivision.example)
    anna_with().when(command, received_on=date(2026, 3, 10)).is_accepted()


def test_the_division_already_held_is_no_event() -> None:
    """Also with the plan already held there."""
    story = anna_with()
    story.when(to("MAIN", FEBRUARY)).then_nothing()
    moved = story.and_given(to("WEST", FEBRUARY, "BRONZE"))
    moved.when(to("WEST", FEBRUARY, "BRONZE")).then_nothing()
    moved.when(to("WEST", MARCH)).then_nothing()


def test_a_change_replaces_those_recorded_for_later() -> None:
    """It sets what holds from its date on."""
    story = anna_with().and_given(to("WEST", MARCH))
    assert divisions(story.and_given(to("MAIN", FEBRUARY))) == [(OPENED, "MAIN")]
    assert divisions(story.and_given(to("WEST", FEBRUARY)))[1:] == [(FEBRUARY, "WEST")]


def test_a_change_in_the_middle_of_a_month_waits_for_the_first() -> None:
    """Except where days are billed."""
    whole = anna_with().and_given(to("WEST", date(2026, 2, 10)))
    assert divisions(whole)[1] == (MARCH, "WEST")
    by_day = anna_with(client=group(rule="daily")).and_given(to("WEST", date(2026, 2, 10)))
    assert divisions(by_day)[1] == (date(2026, 2, 10), "WEST")


def test_only_groups_have_divisions() -> None:
    """An individual account is one household."""
    story = anna_with(client=individual(), subgroup_id=None)
    story.when(to("WEST", FEBRUARY)).refused("groups_only")


def test_the_division_must_exist_on_that_day() -> None:
    """Known to the client, and begun."""
    story = anna_with()
    story.when(to("EAST", FEBRUARY)).refused("subgroup_unknown", saying="EAST")
    east = AddSubgroup(subgroup_id="EAST", name="East", effective_on=MARCH)
    story.and_given(east).when(to("EAST", FEBRUARY)).refused("before_subgroup_effective")


def test_the_familys_plans_must_be_offered_there() -> None:
    """The one of that day, and those recorded for later."""
    west = anna_with(subgroup_id="WEST")
    bronze = ChangePlan(member_id=ANNA, plan_id="BRONZE", effective_on=MARCH)
    later = west.and_given(bronze)
    later.when(to("MAIN", FEBRUARY)).refused("plan_not_offered", saying="2026-03-01")
    later.when(to("MAIN", date(2026, 4, 1))).refused("plan_not_offered", saying="BRONZE")
    west.when(to("MAIN", FEBRUARY)).is_accepted()


def test_a_plan_may_be_taken_there() -> None:
    """Where neither the division nor the plan could change first: the cards are offered, too."""
    story = anna_with(BEN_SPOUSE)
    moved = story.when(to("WEST", FEBRUARY, "BRONZE")).then(
        DivisionChanged(
            member_id=ANNA, subgroup_id="WEST", first_day=FEBRUARY, dependent_ids=(BEN,)
        ),
        PlanChanged(member_id=ANNA, plan_id="BRONZE", first_day=FEBRUARY, dependent_ids=(BEN,)),
        IdCardOffered(member_id=ANNA, reason="plan_change"),
        IdCardOffered(member_id=BEN, reason="plan_change"),
    )
    moved.when(to("MAIN", MARCH)).refused("plan_not_offered")
    moved.when(to("MAIN", MARCH, "BRONZE")).refused("plan_not_offered")
    moved.when(to("MAIN", MARCH, "GOLD")).is_accepted()


def test_an_approved_exception_lets_one_late_change_through() -> None:
    """One for both the division and the plan: the first event spends it."""
    approve = ApproveException(
        member_id=ANNA,
        transaction_type="change_division",
        effective_on=FEBRUARY,
        reason="The form was lost.",
    )
    story = anna_with().and_given(approve, received_on=date(2026, 8, 1))
    moved = story.when(to("WEST", FEBRUARY, "BRONZE")).then(
        DivisionChanged(member_id=ANNA, subgroup_id="WEST", first_day=FEBRUARY, exception="t2"),
        PlanChanged(member_id=ANNA, plan_id="BRONZE", first_day=FEBRUARY),
        IdCardOffered(member_id=ANNA, reason="plan_change"),
    )
    assert moved.client.exceptions == {}
    in_west = anna_with(subgroup_id="WEST").and_given(approve, received_on=date(2026, 8, 1))
    only_plan = in_west.when(to("WEST", FEBRUARY, "BRONZE")).then(
        PlanChanged(member_id=ANNA, plan_id="BRONZE", first_day=FEBRUARY, exception="t2"),
        IdCardOffered(member_id=ANNA, reason="plan_change"),
    )
    assert only_plan.client.exceptions == {}


def test_the_subscriber_must_be_covered_when_it_takes_effect() -> None:
    """And be a subscriber."""
    story = anna_with(BEN_SPOUSE).and_given(
        RemoveSubscriber(member_id=ANNA, last_day=date(2026, 2, 28))
    )
    story.when(to("WEST", date(2026, 2, 2))).refused("subscriber_not_covered", saying="2026-03-01")
    for_ben = ChangeDivision(member_id=BEN, subgroup_id="WEST", effective_on=FEBRUARY)
    story.when(for_ben).refused("not_a_subscriber")


@pytest.mark.parametrize(("days", "code"), [(31, None), (32, "retro_limit_exceeded")])
def test_a_change_may_come_31_days_late(days: int, code: str | None) -> None:
    """As late as a change of plan."""
    answer = anna_with().when(to("WEST", FEBRUARY), received_on=FEBRUARY + timedelta(days=days))
    answer.refused(code) if code else answer.is_accepted()


def test_a_change_may_come_90_days_ahead() -> None:
    """Not 91."""
    story = anna_with()
    story.when(to("WEST", OPENED + timedelta(days=91))).refused("too_far_ahead")
    story.when(to("WEST", OPENED + timedelta(days=90))).is_accepted()
