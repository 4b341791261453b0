"""Add a subscriber (handbook §3)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from domain.client.add_dependent import DependentAdded
from domain.client.add_subscriber import AddSubscriber, SubscriberAdded
from domain.client.approve_exception import ApproveException
from domain.client.change_plan import ChangePlan
from domain.client.coverage import spans_of
from domain.client.elect_cobra import ElectCobra
from domain.client.remove_dependent import RemoveDependent
from domain.client.remove_subscriber import RemoveSubscriber
from domain.client.state import HOUSEHOLD, PersonName
from domain.client.terminate_client import TerminateClient
from tests.domain.families import (
    ANNA,
    BEN,
    BEN_SPOUSE,
    CLEO,
    CLEO_CHILD,
    DORA,
    DORA_CHILD,
    EVAN_SPOUSE,
    add_anna,
    anna_with,
    covered,
    person,
)
from tests.domain.given import OPENED, given, group, individual


def test_a_subscriber_is_covered_with_the_dependents_brought_along() -> None:
    """One event each, the subscriber's first; a child's carries the last day its age allows."""
    story = (
        given(client=group())
        .when(add_anna(DORA_CHILD))
        .then(
            SubscriberAdded(
                member_id=ANNA,
                subgroup_id="MAIN",
                plan_id="GOLD",
                name=PersonName(first="Anna", last="Family"),
                birth_date=date(1987, 5, 20),
                first_day=OPENED,
            ),
            DependentAdded(
                member_id=DORA,
                subscriber_id=ANNA,
                relationship="child",
                name=PersonName(first="Given", last="Family"),
                birth_date=date(2000, 5, 17),
                first_day=OPENED,
                age_limit=date(2026, 5, 31),
            ),
        )
    )
    assert covered(story, ANNA) == [(OPENED, None)]
    assert covered(story, DORA) == [(OPENED, date(2026, 5, 31))]
    assert story.client.families[ANNA].member_ids == [ANNA, DORA]


def test_the_example_decides() -> None:
    """What the documentation shows is accepted."""
    command = AddSubscriber.model_validate(AddSubscriber.example)
    given(client=group()).when(command, received_on=date(2026, 3, 4)).is_accepted()


def test_the_same_again_is_no_event() -> None:
    """A second portal sends what holds already."""
    anna_with(BEN_SPOUSE, DORA_CHILD).when(add_anna(BEN_SPOUSE, DORA_CHILD)).then_nothing()


@pytest.mark.parametrize(
    "other",
    [
        add_anna(BEN_SPOUSE, plan_id="SILVER"),
        add_anna(BEN_SPOUSE, subgroup_id="WEST"),
        add_anna(BEN_SPOUSE, on=date(2026, 1, 2)),
        add_anna(BEN_SPOUSE, name={"first": "Anne", "last": "Family"}),
        add_anna(BEN_SPOUSE, contact={"email": "anna@example.com"}),
        add_anna(BEN_SPOUSE, CLEO_CHILD),
        add_anna(person(BEN, "domestic_partner", date(1989, 11, 2))),
    ],
)
def test_nearly_the_same_is_refused(other: AddSubscriber) -> None:
    """Who is covered can't be added in another way."""
    anna_with(BEN_SPOUSE).when(other).refused("already_covered", saying=ANNA)


def test_the_same_again_is_refused_once_it_does_not_hold() -> None:
    """Another first day, or an end that has been recorded since."""
    story = anna_with()
    story.when(add_anna(on=date(2026, 1, 2))).refused("already_covered")
    gone = story.and_given(RemoveSubscriber(member_id=ANNA, last_day=date(2026, 3, 31)))
    gone.when(add_anna()).refused("already_covered")


def test_the_same_again_after_a_change_of_plan_is_refused() -> None:
    """What was asked at first does not hold any more."""
    change = ChangePlan(member_id=ANNA, plan_id="SILVER", effective_on=date(2026, 2, 1))
    anna_with().and_given(change).when(add_anna()).refused("already_covered")


def test_an_unknown_subgroup_or_plan_is_refused() -> None:
    """They must exist, and a group's subscriber must name the subgroup."""
    story = given(client=group())
    story.when(add_anna(subgroup_id="EAST")).refused("subgroup_unknown", saying="EAST")
    story.when(add_anna(subgroup_id=None)).refused("subgroup_missing")
    story.when(add_anna(plan_id="TIN")).refused("plan_unknown", saying="TIN")


def test_a_plan_that_the_subgroup_is_not_offered_is_refused() -> None:
    """BRONZE is for WEST only."""
    story = given(client=group())
    story.when(add_anna(plan_id="BRONZE")).refused("plan_not_offered", saying="MAIN")
    story.when(add_anna(plan_id="BRONZE", subgroup_id="WEST")).is_accepted()


def test_a_subgroup_that_begins_later_is_refused() -> None:
    """It must exist on the first covered day."""
    client = group(opened=date(2026, 2, 1))
    client.effective_on = OPENED
    given(client=client).when(add_anna()).refused("before_subgroup_effective")


def test_an_individual_account_has_its_household() -> None:
    """Its subscriber names no subgroup."""
    story = given(client=individual()).when(add_anna(subgroup_id=None)).is_accepted()
    assert story.client.families[ANNA].divisions[0].subgroup_id == HOUSEHOLD


def test_nobody_is_covered_outside_the_clients_own_time() -> None:
    """Not before its effective date, not after it is terminated; and only until then."""
    story = given(client=group())
    story.when(add_anna(on=OPENED - timedelta(days=1))).refused("before_client_effective")
    ending = story.and_given(TerminateClient(last_day=date(2026, 1, 31)))
    ending.when(add_anna(on=date(2026, 2, 1))).refused("client_terminated")
    joined = ending.when(add_anna()).is_accepted()
    assert covered(joined, ANNA) == [(OPENED, date(2026, 1, 31))]


def test_dependents_join_all_or_none() -> None:
    """One child over age keeps the family out."""
    too_old = person(CLEO, "child", date(1999, 12, 31))
    story = given(client=group()).when(add_anna(BEN_SPOUSE, too_old)).refused("child_over_age")
    assert story.client.members == {}


def test_two_partners_or_one_id_for_two_people_are_refused() -> None:
    """One spouse or partner at a time; an id is one person's."""
    story = given(client=group())
    story.when(add_anna(BEN_SPOUSE, EVAN_SPOUSE)).refused("one_partner_at_a_time")
    story.when(add_anna(BEN_SPOUSE, BEN_SPOUSE)).refused("member_named_twice", saying=BEN)
    twice = person(ANNA, "child", date(2010, 1, 1))
    story.when(add_anna(twice)).refused("member_named_twice", saying=ANNA)


def test_who_is_not_yet_born_is_refused() -> None:
    """Nobody is covered before their birth."""
    unborn = add_anna(birth_date=OPENED + timedelta(days=1))
    given(client=group()).when(unborn).refused("not_yet_born")


@pytest.mark.parametrize(("days", "code"), [(31, None), (32, "retro_limit_exceeded")])
def test_an_addition_may_come_31_days_late(days: int, code: str | None) -> None:
    """Counted from the first covered day to the day received."""
    answer = given(client=group()).when(add_anna(), received_on=OPENED + timedelta(days=days))
    answer.refused(code) if code else answer.is_accepted()


@pytest.mark.parametrize(("days", "code"), [(90, None), (91, "too_far_ahead")])
def test_an_addition_may_come_90_days_ahead(days: int, code: str | None) -> None:
    """Counted from the day received to the first covered day."""
    answer = given(client=group()).when(add_anna(), received_on=OPENED - timedelta(days=days))
    answer.refused(code) if code else answer.is_accepted()


def test_an_approved_exception_lets_one_late_addition_through() -> None:
    """Of that member from that date; it is spent by it, and the event names it."""
    late = date(2026, 3, 1)
    approve = ApproveException(
        member_id=ANNA,
        transaction_type="add_subscriber",
        effective_on=OPENED,
        reason="The form was lost.",
    )
    approved = given(approve, client=group(), received_on=late)
    approved.when(add_anna(on=date(2026, 1, 2))).refused("retro_limit_exceeded")
    answer = approved.when(add_anna())
    assert isinstance(answer.events[0], SubscriberAdded)
    assert answer.events[0].exception == "t1"
    assert answer.is_accepted().client.exceptions == {}


def test_a_timely_addition_does_not_spend_the_exception() -> None:
    """It is kept for the change that needs it."""
    approve = ApproveException(
        member_id=ANNA, transaction_type="add_subscriber", effective_on=OPENED, reason="Lost."
    )
    story = given(approve, add_anna(), client=group())
    assert len(story.client.exceptions[ANNA]) == 1


def test_a_former_subscriber_returns_after_a_gap() -> None:
    """A second period, with the plan chosen now; dependents only if brought along again."""
    gone = anna_with(BEN_SPOUSE, CLEO_CHILD).and_given(
        RemoveSubscriber(member_id=ANNA, last_day=date(2026, 3, 31))
    )
    back = gone.and_given(
        add_anna(BEN_SPOUSE, on=date(2026, 5, 1), plan_id="SILVER"), received_on=date(2026, 4, 20)
    )
    first, second = (OPENED, date(2026, 3, 31)), (date(2026, 5, 1), None)
    assert covered(back, ANNA) == covered(back, BEN) == [first, second]
    assert covered(back, CLEO) == [first]
    spans = spans_of(back.client, back.client.members[BEN])
    assert [span.plan_id for span in spans] == ["GOLD", "SILVER"]


def test_a_return_may_follow_without_a_gap_but_not_overlap() -> None:
    """The first day is after the last covered one."""
    gone = anna_with().and_given(RemoveSubscriber(member_id=ANNA, last_day=date(2026, 1, 31)))
    gone.when(add_anna(on=date(2026, 1, 31))).refused("already_covered")
    back = gone.and_given(add_anna(on=date(2026, 2, 1)))
    assert len(spans_of(back.client, back.client.members[ANNA])) == 1, "one span: no gap"


def test_an_id_is_not_given_to_somebody_else() -> None:
    """A returning member's birth date must be the one known."""
    gone = anna_with().and_given(RemoveSubscriber(member_id=ANNA, last_day=date(2026, 1, 31)))
    other = add_anna(on=date(2026, 2, 1), birth_date=date(1990, 1, 1))
    gone.when(other).refused("birth_date_disagrees", saying=ANNA)


def test_a_former_dependent_returns_as_a_subscriber() -> None:
    """The coverage in the former family stays there: its plan and subscriber remain."""
    story = anna_with(BEN_SPOUSE).and_given(
        RemoveDependent(member_id=BEN, last_day=date(2026, 1, 31)),
        add_anna(
            member_id=BEN,
            birth_date=date(1989, 11, 2),
            on=date(2026, 2, 1),
            plan_id="BRONZE",
            subgroup_id="WEST",
        ),
    )
    spans = spans_of(story.client, story.client.members[BEN])
    assert [(s.subscriber_id, s.relationship, s.plan_id) for s in spans] == [
        (ANNA, "spouse", "GOLD"),
        (BEN, "subscriber", "BRONZE"),
    ]
    # What then happens to the former family does not touch him.
    gone = story.and_given(RemoveSubscriber(member_id=ANNA, last_day=date(2025, 12, 31)))
    assert covered(gone, BEN) == [(date(2026, 2, 1), None)]


def test_who_is_hired_again_after_cobra_is_not_in_cobra() -> None:
    """The longest duration of the continuation ends with it."""
    story = anna_with().and_given(
        RemoveSubscriber(member_id=ANNA, last_day=date(2026, 1, 31)),
        ElectCobra(member_id=ANNA, event="termination"),
        RemoveSubscriber(member_id=ANNA, last_day=date(2026, 2, 28)),
        add_anna(on=date(2026, 3, 1)),
    )
    spans = spans_of(story.client, story.client.members[ANNA])
    assert [span.cobra for span in spans] == [None, "termination", None]
    assert story.client.families[ANNA].cobra[0].last_day == date(2026, 2, 28)
