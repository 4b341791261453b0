"""Assign an agent of record: whose letter, which licence, from when, and never oneself."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.client.access import agent_on
from domain.client.assign_agent_of_record import AgentOfRecordAssigned, AssignAgentOfRecord
from domain.client.renew_client import ClientRenewed
from domain.client.state import Share
from domain.kernel import Actor
from tests.domain.examples import like_example
from tests.domain.given import PORTAL, given, group

RECEIVED = date(2026, 1, 15)


def assigning(**changes: Any) -> AssignAgentOfRecord:
    """The assignment of P2 with a letter of 2025-12-10, changed."""
    return like_example(AssignAgentOfRecord, **changes)


def test_an_assignment_holds_from_the_1st_after_receipt() -> None:
    """All that was attested is in the event, the licence number in nine digits."""
    story = (
        given(client=group())
        .when(assigning(), received_on=RECEIVED)
        .then(
            AgentOfRecordAssigned(
                first_day=date(2026, 2, 1),
                producer_id="P2",
                agency_id="A2",
                payee="agency",
                shares=(Share("A2", 7000), Share("P2", 3000)),
                licence_number="002345678",
                licensed_states=("CT", "MA"),
                letter_received_on=date(2025, 12, 10),
            )
        )
    )
    agents = [agent_on(story.client, day) for day in (date(2026, 1, 31), date(2026, 2, 1))]
    assert [agent and agent.producer_id for agent in agents] == [None, "P2"]


@pytest.mark.parametrize(
    ("received_on", "first_day"),
    [
        (date(2026, 1, 1), date(2026, 2, 1)),
        (date(2026, 1, 31), date(2026, 2, 1)),
        (date(2026, 12, 31), date(2027, 1, 1)),
    ],
)
def test_receipt_on_a_1st_waits_for_the_next(received_on: date, first_day: date) -> None:
    """It is always the month after the one of receipt."""
    answer = given(client=group()).when(assigning(), received_on=received_on)
    assert answer.events[0].takes_effect_on() == first_day


def test_a_change_needs_the_clients_letter() -> None:
    """Received by the day of receipt at the latest."""
    story = given(client=group())
    for letter in (None, "2026-01-16"):
        story.when(assigning(letter_received_on=letter), received_on=RECEIVED).refused(
            "letter_missing"
        )
    story.when(assigning(letter_received_on="2026-01-15"), received_on=RECEIVED).is_accepted()


@pytest.mark.parametrize(
    "changes",
    [
        {"appointed": False},
        {"licensed_states": ["MA", "NY"]},
        {"licensed_states": []},
    ],
)
def test_a_producer_is_licensed_in_the_clients_state_and_appointed(
    changes: dict[str, Any],
) -> None:
    """Otherwise the carrier cannot pay the producer, so nobody is assigned."""
    given(client=group()).when(assigning(**changes), received_on=RECEIVED).refused(
        "producer_not_appointed", saying="P2"
    )


def test_a_licence_number_that_is_none_is_refused() -> None:
    """The rule itself is tested with the licence numbers."""
    given(client=group()).when(assigning(licence_number="12345678"), received_on=RECEIVED).refused(
        "licence_number_invalid"
    )


@pytest.mark.parametrize(
    ("effective_on", "received_on", "first_day"),
    [
        (date(2026, 1, 1), date(2026, 1, 15), date(2027, 1, 1)),
        (date(2026, 1, 1), date(2026, 1, 1), date(2027, 1, 1)),
        (date(2026, 1, 1), date(2027, 1, 1), date(2028, 1, 1)),
        (date(2026, 1, 1), date(2025, 11, 20), date(2026, 1, 1)),
        (date(2026, 1, 15), date(2025, 11, 20), date(2026, 2, 1)),
        (date(2020, 7, 1), date(2026, 1, 15), date(2026, 7, 1)),
    ],
)
def test_a_large_group_without_a_producer_gets_one_at_its_next_renewal(
    effective_on: date, received_on: date, first_day: date
) -> None:
    """Twelve months after a plan year's start; before the first one, when that starts."""
    story = given(client=group("large_group", opened=effective_on))
    answer = story.when(assigning(letter_received_on="2025-11-10"), received_on=received_on)
    assert answer.is_accepted()
    assert answer.events[0].takes_effect_on() == first_day


def test_a_large_groups_renewal_already_recorded_is_its_next() -> None:
    """Also when it does not come twelve months after the one before."""
    renewed = ClientRenewed(first_day=date(2026, 4, 1), rates={})
    story = given(renewed, client=group("large_group"))
    answer = story.when(assigning(), received_on=RECEIVED)
    assert answer.is_accepted()
    assert answer.events[0].takes_effect_on() == date(2026, 4, 1)


def test_a_large_group_with_a_producer_changes_on_the_next_1st() -> None:
    """Only the first producer waits for the renewal."""
    story = given(
        assigning(letter_received_on="2025-11-10"),
        client=group("large_group"),
        received_on=date(2025, 11, 20),
    )
    other = story.when(assigning(producer_id="P3"), received_on=RECEIVED)
    assert other.is_accepted()
    assert other.events[0].takes_effect_on() == date(2026, 2, 1)


def test_a_producer_cannot_assign_themselves_but_may_hand_the_client_over() -> None:
    """Neither as the one in charge, nor anew; for another it is like the carrier's act."""
    story = given(client=group())
    story.when(assigning(producer_id="P1"), received_on=RECEIVED, actor=PORTAL).refused(
        "self_assignment", saying="P1"
    )
    story.when(assigning(producer_id="P2"), received_on=RECEIVED, actor=PORTAL).is_accepted()
    carrier = Actor(sender="carrier-1", role="carrier", producer_id="P1")
    story.when(assigning(producer_id="P1"), received_on=RECEIVED, actor=carrier).is_accepted()


def test_assigning_the_same_again_changes_nothing() -> None:
    """Months later as well; another share is a change."""
    story = given(assigning(), client=group(), received_on=RECEIVED)
    story.when(assigning()).then_nothing()
    story.when(assigning(), received_on=date(2026, 5, 20)).then_nothing()
    story.when(assigning(shares=[]), received_on=date(2026, 5, 20)).is_accepted()


def test_the_last_letter_received_in_a_month_decides() -> None:
    """Two assignments for the same 1st: the later one replaces the earlier."""
    story = given(assigning(), assigning(producer_id="P3"), client=group(), received_on=RECEIVED)
    assert [agent.producer_id for agent in story.client.agents] == ["P3"]
    story.when(assigning(), received_on=RECEIVED).is_accepted()


@pytest.mark.parametrize(
    ("payee", "payee_id"), [("agency", "A2"), ("producer", "P2")], ids=["agency", "producer"]
)
def test_without_shares_the_payee_has_all(payee: str, payee_id: str) -> None:
    """The agency, or the producer if paid directly."""
    story = given(assigning(payee=payee, shares=[]), client=group(), received_on=RECEIVED)
    assert story.client.agents[0].shares == (Share(payee_id, 10_000),)


@pytest.mark.parametrize(
    ("percents", "total"), [(["70", "29.99"], "99.99"), (["70", "30.50"], "100.50"), (["1"], "1")]
)
def test_shares_add_up_to_all_of_it(percents: list[str], total: str) -> None:
    """Not a hundredth of a percent is left over or missing."""
    shares = [{"payee_id": f"X{at}", "percent": each} for at, each in enumerate(percents)]
    given(client=group()).when(assigning(shares=shares), received_on=RECEIVED).refused(
        "shares_do_not_add_up", saying=total
    )


def test_nobody_is_assigned_to_a_client_after_its_end() -> None:
    """There would be nothing to serve."""
    client = group()
    client.terminated_on = date(2026, 1, 31)
    given(client=client).when(assigning(), received_on=RECEIVED).refused("client_terminated")
