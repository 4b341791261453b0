"""Who may see a client and send what to it."""

from __future__ import annotations

from datetime import date

import pytest

from domain.catalog import COMMANDS
from domain.client.access import agent_on, check_access, may_see
from domain.client.assign_agent_of_record import AssignAgentOfRecord
from domain.client.change_address import ChangeAddress
from domain.client.open_client import OpenClient
from domain.client.order_id_card import OrderIdCard
from domain.client.state import AgentFrom, Client, Share
from domain.kernel import Actor, Command, Refused
from tests.domain.examples import like_example
from tests.domain.given import CARRIER, PORTAL, group, individual

P2 = Actor(sender="portal-2", role="portal", producer_id="P2")
NOBODY = Actor(sender="portal-3", role="portal")
AUDITOR = Actor(sender="auditor-1", role="auditor")
OPERATIONS = Actor(sender="operations-1", role="operations")
JANUARY, JUNE = date(2026, 1, 31), date(2026, 6, 1)
CARD = like_example(OrderIdCard)
OPENING = like_example(OpenClient)


def agent(first_day: date, producer_id: str) -> AgentFrom:
    """A producer from a day on."""
    return AgentFrom(
        first_day=first_day,
        producer_id=producer_id,
        agency_id="A1",
        payee="agency",
        shares=(Share("A1", 10_000),),
        licence_number="001234567",
        transaction_id="t0",
    )


def served() -> Client:
    """A group that P1 serves from 2026-01-01 and P2 from 2026-06-01."""
    client = group()
    client.agents = [agent(date(2026, 1, 1), "P1"), agent(JUNE, "P2")]
    return client


def answer(client: Client, command: Command, actor: Actor, on: date = JANUARY) -> str:
    """The code of the refusal; empty if there is none."""
    try:
        check_access(client, command, actor, on)
    except Refused as refused:
        return refused.code
    return ""


def test_the_agent_of_record_is_that_of_the_day() -> None:
    """None before the first, then each until the next."""
    days = (date(2025, 12, 31), date(2026, 1, 1), date(2026, 5, 31), JUNE)
    agents = [agent_on(served(), day) for day in days]
    assert [each and each.producer_id for each in agents] == [None, "P1", "P1", "P2"]


def test_a_portal_acts_for_the_agent_of_record_on_the_day_of_receipt() -> None:
    """The former one loses the client at that date, the next one gets it."""
    may = date(2026, 5, 31)
    assert answer(served(), CARD, PORTAL, may) == ""
    assert answer(served(), CARD, P2, may) == "not_agent_of_record"
    assert answer(served(), CARD, PORTAL, JUNE) == "not_agent_of_record"
    assert answer(served(), CARD, P2, JUNE) == ""


def test_a_portal_without_a_producer_sees_nobody() -> None:
    """Not even a client that has no agent of record."""
    assert answer(served(), CARD, NOBODY) == "not_agent_of_record"
    assert answer(group(), CARD, NOBODY) == "not_agent_of_record"


@pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))
def test_an_outsider_is_answered_alike_whatever_is_asked(command: type[Command]) -> None:
    """Hidden before anything else, so that no refusal tells that there is such a client."""
    asked = command.model_validate(command.example)
    for client in (served(), individual("medicare_advantage")):
        assert answer(client, asked, P2) == "not_agent_of_record"
    assert answer(Client(client_id="C2"), asked, P2) == "client_not_found"


@pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))
def test_a_portal_sends_brokers_actions_only(command: type[Command]) -> None:
    """And hands a client over; all else is the carrier's, who may send everything."""
    asked = command.model_validate(command.example)
    may = command.sent_by == "broker" or command is AssignAgentOfRecord
    assert answer(served(), asked, PORTAL) == ("" if may else "carrier_only")
    assert answer(served(), asked, CARRIER) == ""


@pytest.mark.parametrize("actor", [AUDITOR, OPERATIONS])
@pytest.mark.parametrize("client", [served(), Client(client_id="C2")], ids=["open", "unknown"])
def test_auditors_and_operations_send_nothing(actor: Actor, client: Client) -> None:
    """They read."""
    assert answer(client, CARD, actor) == "may_not_send"
    assert answer(client, OPENING, actor) == "may_not_send"


def test_only_opening_needs_no_open_client() -> None:
    """By the carrier; whether one is open already is for the opening itself to see."""
    unknown = Client(client_id="C2")
    assert answer(unknown, OPENING, CARRIER) == ""
    assert answer(served(), OPENING, CARRIER) == ""
    for actor in (CARRIER, PORTAL):
        assert answer(unknown, like_example(ChangeAddress), actor) == "client_not_found"


def test_who_administers_the_client_is_checked_too() -> None:
    """For a sender who may see it."""
    client = individual("medicare_advantage")
    client.agents = [agent(date(2026, 1, 1), "P1")]
    assert answer(client, CARD, PORTAL) == "administered_elsewhere"
    assert answer(client, CARD, CARRIER) == "administered_elsewhere"


def test_who_may_see_a_client() -> None:
    """The carrier, auditors, and portals of the agent of record; operations see no people."""
    seen_by = {actor.sender: may_see(served(), actor, JANUARY) for actor in (CARRIER, AUDITOR)}
    assert all(seen_by.values())
    assert may_see(served(), PORTAL, JANUARY)
    assert not any(may_see(served(), actor, JANUARY) for actor in (P2, NOBODY, OPERATIONS))
