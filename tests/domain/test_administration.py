"""Who administers a client, whom to call, and what is refused with the right route."""

from __future__ import annotations

from datetime import date

import pytest

from domain.client.administration import (
    administered_by,
    administered_here_from,
    billing_contact,
    check_administration,
)
from domain.client.approve_exception import ApproveException
from domain.client.state import Client, Segment
from domain.kernel import Actor, Command, Refused
from tests.domain.examples import like_example
from tests.domain.given import CARRIER, PORTAL, group, individual

FEED = Actor(sender="exchange", role="carrier", permissions=frozenset({"exchange_feed"}))
ACCOUNT = (
    "open_client",
    "add_subgroup",
    "offer_plan",
    "assign_agent_of_record",
    "set_commission_terms",
    "renew_client",
)
MEMBERSHIP = (
    "add_subscriber",
    "add_dependent",
    "change_name",
    "change_plan",
    "correct_birth_date",
    "order_id_card",
    "reinstate_member",
)
ENDINGS = ("remove_subscriber", "remove_dependent", "terminate_client")
TODAY = date(2026, 2, 10)


class Stub(Command):
    """Any action, by its name and effective date only."""

    type: str
    effective_on: date | None = None


def command(action: str, effective_on: date | None = None) -> Command:
    """A transaction of that type, holding from that day."""
    return Stub(type=action, effective_on=effective_on)


def refusal(client: Client, asked: Command, actor: Actor, on: date = TODAY) -> tuple[str, str]:
    """The code and sentence of the refusal; empty if there is none."""
    try:
        check_administration(client, asked, actor, on)
    except Refused as refused:
        return refused.code, refused.sentence
    return "", ""


def older_group(*renewals: date, segment: Segment = "small_group") -> Client:
    """A group of 2015 with these renewals."""
    client = group(segment, opened=date(2015, 3, 1))
    client.plan_years.extend(renewals)
    return client


@pytest.mark.parametrize("segment", ["large_group", "solo", "exchange_direct", "exchange"])
@pytest.mark.parametrize("opened", [date(2015, 3, 1), date(2026, 1, 1)])
def test_some_segments_are_always_administered_here(segment: Segment, opened: date) -> None:
    """However long they have been clients; the exchange's but for the end of coverage."""
    client = individual(segment, opened=opened)
    assert administered_by(client, date(2020, 1, 1)) == "here"
    assert administered_here_from(client) == opened


def test_medicare_advantage_is_administered_in_evolve() -> None:
    """On any day."""
    client = individual("medicare_advantage")
    assert administered_by(client, TODAY) == "Evolve"
    assert administered_here_from(client) is None


@pytest.mark.parametrize("segment", ["small_group", "ffs"])
@pytest.mark.parametrize(
    ("plan_years", "here_from"),
    [
        ([date(2015, 3, 1)], None),
        ([date(2015, 3, 1), date(2024, 3, 1)], None),
        ([date(2015, 3, 1), date(2024, 5, 1), date(2025, 5, 1)], date(2025, 5, 1)),
        ([date(2015, 3, 1), date(2024, 6, 1), date(2025, 6, 1)], date(2024, 6, 1)),
        ([date(2024, 5, 31)], None),
    ],
)
def test_a_small_group_comes_over_at_its_first_renewal_from_june_2024(
    segment: Segment, plan_years: list[date], here_from: date | None
) -> None:
    """Before that day, and while there was no such renewal, CBIA administers it."""
    client = group(segment, opened=plan_years[0])
    client.plan_years = plan_years
    assert administered_here_from(client) == here_from
    assert administered_by(client, date(2024, 5, 31)) == "CBIA"
    if here_from is None:
        assert administered_by(client, date(2030, 1, 1)) == "CBIA"
    else:
        assert administered_by(client, here_from) == "here"
        assert administered_by(client, date.fromordinal(here_from.toordinal() - 1)) == "CBIA"


def test_a_group_that_was_new_from_june_2024_is_ours_from_the_start() -> None:
    """Nobody is sent to CBIA, not even before its effective date."""
    client = group(opened=date(2024, 6, 1))
    assert administered_by(client, date(2024, 5, 1)) == "here"
    assert refusal(client, command("order_id_card"), PORTAL, date(2024, 5, 20)) == ("", "")


@pytest.mark.parametrize("action", MEMBERSHIP + ENDINGS)
@pytest.mark.parametrize("actor", [PORTAL, CARRIER])
def test_a_group_at_cbia_has_its_changes_made_there(action: str, actor: Actor) -> None:
    """Whoever asks."""
    code, sentence = refusal(older_group(), command(action, TODAY), actor)
    assert code == "administered_elsewhere"
    assert "CBIA" in sentence


def test_the_date_of_effect_decides_and_else_the_day_of_receipt() -> None:
    """Enrolments for the renewal come before it; what holds before it is CBIA's."""
    client = older_group(date(2026, 3, 1))
    may = date(2026, 3, 1)
    assert refusal(client, command("add_subscriber", may), PORTAL) == ("", "")
    early = command("add_subscriber", date(2026, 2, 28))
    assert refusal(client, early, PORTAL, on=may)[0] == "administered_elsewhere"
    assert refusal(client, command("order_id_card"), PORTAL)[0] == "administered_elsewhere"
    assert refusal(client, command("order_id_card"), PORTAL, on=may) == ("", "")


def test_an_ending_is_about_the_days_after_the_last_covered_one() -> None:
    """Who was enrolled for the renewal can be cancelled from inception."""
    client = older_group(date(2026, 3, 1))
    assert refusal(client, command("remove_subscriber", date(2026, 2, 28)), PORTAL) == ("", "")
    earlier = command("remove_subscriber", date(2026, 2, 27))
    assert refusal(client, earlier, PORTAL)[0] == "administered_elsewhere"


@pytest.mark.parametrize(
    ("transaction_type", "last_day", "code"),
    [
        ("remove_subscriber", date(2026, 2, 28), ""),
        ("remove_dependent", date(2026, 2, 28), ""),
        ("remove_subscriber", date(2026, 2, 27), "administered_elsewhere"),
        ("add_subscriber", date(2026, 2, 28), "administered_elsewhere"),
    ],
)
def test_an_exception_is_approved_where_its_change_is_made(
    transaction_type: str, last_day: date, code: str
) -> None:
    """So a late cancellation from inception can be let through too."""
    approve = like_example(
        ApproveException, transaction_type=transaction_type, effective_on=last_day
    )
    assert refusal(older_group(date(2026, 3, 1)), approve, CARRIER)[0] == code


def test_the_route_to_cbia_names_the_day_that_it_is_about() -> None:
    """A group that has renewed with us is not told that it has not."""
    client = older_group(date(2026, 3, 1))
    _, sentence = refusal(client, command("add_subscriber", date(2026, 2, 28)), CARRIER)
    assert sentence == (
        "The group is not yet with us on 2026-02-28: this change is made with CBIA, not here."
    )


@pytest.mark.parametrize("action", ACCOUNT)
def test_the_carrier_describes_every_account_here(action: str) -> None:
    """Also one that another administers: how else would it become ours, or be in a book?"""
    for client in (older_group(), individual("medicare_advantage"), individual("exchange")):
        assert refusal(client, command(action, TODAY), CARRIER) == ("", "")


@pytest.mark.parametrize("action", MEMBERSHIP + ENDINGS)
@pytest.mark.parametrize("actor", [PORTAL, CARRIER, FEED])
def test_medicare_advantage_is_changed_in_evolve(action: str, actor: Actor) -> None:
    """Every change, whoever asks."""
    code, sentence = refusal(individual("medicare_advantage"), command(action, TODAY), actor)
    assert code == "administered_elsewhere"
    assert "Evolve" in sentence


@pytest.mark.parametrize("action", ENDINGS)
def test_coverage_of_the_exchange_ends_at_access_health_ct(action: str) -> None:
    """Unless the exchange's own feed says so."""
    client = individual("exchange")
    for actor in (PORTAL, CARRIER):
        code, sentence = refusal(client, command(action, TODAY), actor)
        assert code == "administered_elsewhere"
        assert "Access Health CT" in sentence
    assert refusal(client, command(action, TODAY), FEED) == ("", "")


@pytest.mark.parametrize("action", MEMBERSHIP)
def test_other_changes_of_the_exchange_are_made_here(action: str) -> None:
    """By brokers and the carrier alike."""
    for actor in (PORTAL, CARRIER):
        assert refusal(individual("exchange"), command(action, TODAY), actor) == ("", "")


@pytest.mark.parametrize("action", ENDINGS)
def test_ending_solo_coverage_is_the_members_own_act(action: str) -> None:
    """A broker is told so; carrier staff may do it on the member's behalf."""
    code, sentence = refusal(individual("solo"), command(action, TODAY), PORTAL)
    assert code == "member_ends_coverage"
    assert "member portal" in sentence
    assert refusal(individual("solo"), command(action, TODAY), CARRIER) == ("", "")


def test_brokers_end_coverage_of_other_segments() -> None:
    """Groups and exchange-direct accounts have no such rule."""
    for client in (group(), group("large_group"), individual("exchange_direct")):
        for action in ENDINGS[:2]:
            assert refusal(client, command(action, TODAY), PORTAL) == ("", "")


@pytest.mark.parametrize(
    ("segment", "contact"),
    [
        ("solo", "800-333-1733"),
        ("exchange_direct", "800-333-1733"),
        ("exchange", "800-333-1733"),
        ("medicare_advantage", "800-333-1733"),
        ("small_group", "866-204-3132"),
        ("ffs", "866-204-3132"),
        ("large_group", "the group's account manager"),
    ],
)
def test_each_segment_has_its_billing_contact(segment: Segment, contact: str) -> None:
    """As the handbook lists them."""
    assert billing_contact(individual(segment), TODAY) == contact


def test_a_large_group_calls_its_account_manager() -> None:
    """By name, where one is recorded."""
    client = group("large_group")
    client.account_manager = "Pat Quinn"
    assert billing_contact(client, TODAY) == "Pat Quinn"


def test_a_group_calls_cbia_until_it_comes_over() -> None:
    """From the day of the transition on it calls here."""
    client = older_group(date(2026, 3, 1))
    assert billing_contact(client, date(2026, 2, 28)) == "CBIA"
    assert billing_contact(client, date(2026, 3, 1)) == "866-204-3132"
