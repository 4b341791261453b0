"""The book of business: what each kind of event shows, and how little it touches."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from typing import Any

import pytest

from domain.client.renew_client import ClientRenewed
from domain.client.state import Client
from domain.kernel import Cause
from projections.book_of_business import BookOfBusiness
from projections.book_rows import (
    AgentRow,
    ClientRow,
    CoverageRow,
    MemberRow,
    OfferRow,
    PremiumRow,
    RateRow,
    SubgroupRow,
)
from projections.kernel import Row
from schemas.envelope import Recorded
from tests.domain.given import group
from tests.domain.test_premium import family_of
from tests.projections.histories import History, Rows, project, rows_of
from tests.projections.random_histories import command

OPENED = date(2026, 1, 1)
NOON = datetime(2026, 6, 1, 17, tzinfo=UTC)
ANNA, BEN, CARL = "10000000001", "10000000002", "10000000003"
ADDRESS = {"line1": "1 Quay St", "city": "Mystic", "state": "CT", "zip": "06355"}


def person(member_id: str, born: str, **more: Any) -> dict[str, Any]:
    """A person as a portal writes one."""
    return {"member_id": member_id, "name": {"first": "A", "last": "B"}, "birth_date": born, **more}


ANNA_JOINS = {
    "type": "add_subscriber",
    **person(ANNA, "1987-05-20", address=ADDRESS),
    "subgroup_id": "MAIN",
    "plan_id": "SILVER",
    "effective_on": "2026-01-01",
    "dependents": [
        person(BEN, "1989-11-02", relationship="spouse"),
        person(CARL, "2010-03-04", relationship="child", address={**ADDRESS, "city": "Avon"}),
    ],
}


@pytest.fixture
def bakery() -> History:
    """A small group under ``full_month`` in which Anna is covered with Ben and Carl."""
    history = History()
    send(
        history,
        {
            "type": "open_client",
            "name": "Harbor Bakery",
            "segment": "small_group",
            "county": "New London",
            "part_month_rule": "full_month",
            "effective_on": "2026-01-01",
            "full_time_employees": "7",
            "part_time_hours": "260",
        },
        {"type": "add_subgroup", "subgroup_id": "MAIN", "name": "M", "effective_on": "2026-01-01"},
        offered("SILVER", "480.00"),
        offered("GOLD", "620.00"),
        ANNA_JOINS,
    )
    return history


def offered(plan_id: str, base: str) -> dict[str, Any]:
    """A plan offered to MAIN from the start."""
    named = {"plan_id": plan_id, "name": plan_id.title(), "subgroup_id": "MAIN"}
    return {"type": "offer_plan", **named, "effective_on": "2026-01-01", "rate": {"base": base}}


def send(history: History, *commands: dict[str, Any], on: date = OPENED) -> None:
    """Send commands that are accepted."""
    for facts in commands:
        history.accept(command(facts), on)


def touched_by(history: History, facts: dict[str, Any], on: date = OPENED) -> set[tuple[str, ...]]:
    """The scopes, as (table, ids after the client's …), that a command's events touch."""
    before = len(history.events)
    send(history, facts, on=on)
    return {
        (row_type.table, *ids[1:])
        for recorded in history.events[before:]
        for row_type, ids in BookOfBusiness().touched(history.clients["C1"], recorded)
    }


def show(history: History, row_type: type[Row], *fields: str) -> list[tuple[Any, ...]]:
    """Some fields of all rows of a table."""
    rows = rows_of(project(BookOfBusiness(), history.events), row_type)
    return [tuple(getattr(row, name) for name in fields) for row in rows]


def test_a_client_is_shown_with_its_subgroups_offers_and_rates(bakery: History) -> None:
    """What the carrier described."""
    table = project(BookOfBusiness(), bakery.events)
    assert rows_of(table, ClientRow) == [
        ClientRow(
            client_id="C1",
            name="Harbor Bakery",
            segment="small_group",
            state="CT",
            rating_area=6,
            part_month_rule="full_month",
            is_group=True,
            effective_on=OPENED,
            plan_year_start=OPENED,
            administered_here_from=OPENED,
            terminated_on=None,
            account_manager=None,
        )
    ]
    assert show(bakery, SubgroupRow, "subgroup_id", "name") == [("MAIN", "M")]
    assert show(bakery, OfferRow, "plan_id", "subgroup_id", "first_day", "plan_name") == [
        ("GOLD", "MAIN", OPENED, "Gold"),
        ("SILVER", "MAIN", OPENED, "Silver"),
    ]
    assert show(bakery, RateRow, "plan_id", "tier", "monthly_cents") == [
        ("GOLD", "", 620_00),
        ("SILVER", "", 480_00),
    ]


def test_members_are_shown_with_coverage_and_premium(bakery: History) -> None:
    """The premiums are those of the handbook's worked example (§9)."""
    assert show(bakery, MemberRow, "member_id", "relationship", "city") == [
        (ANNA, "subscriber", "Mystic"),
        (BEN, "spouse", "Mystic"),
        (CARL, "child", "Avon"),
    ]
    assert show(bakery, CoverageRow, "member_id", "first_day", "last_day", "plan_id")[:2] == [
        (ANNA, OPENED, None, "SILVER"),
        (BEN, OPENED, None, "SILVER"),
    ]
    assert show(bakery, PremiumRow, "member_id", "first_month", "last_month", "monthly_cents") == [
        (ANNA, OPENED, None, 598_08),
        (BEN, OPENED, None, 590_40),
        (CARL, OPENED, date(2036, 3, 1), 399_84),
    ]


def test_a_childs_coverage_and_premium_end_with_the_26th_birthday(bakery: History) -> None:
    """Known from the start: nothing needs to happen on that day."""
    assert show(bakery, CoverageRow, "member_id", "last_day")[2] == (CARL, date(2036, 3, 31))
    born = {"type": "correct_birth_date", "member_id": CARL, "birth_date": "2000-05-06"}
    send(bakery, born)
    assert show(bakery, CoverageRow, "last_day")[2] == (date(2026, 5, 31),)
    assert show(bakery, PremiumRow, "last_month", "monthly_cents")[2] == (date(2026, 5, 1), 481_92)


def test_an_address_touches_the_member_and_who_lives_there(bakery: History) -> None:
    """Ben has no address of his own, Carl has; nobody's coverage or premium is looked at."""
    moved = {"type": "change_address", "address": {**ADDRESS, "city": "Essex"}}
    assert touched_by(bakery, {**moved, "member_id": ANNA}) == {("member", ANNA), ("member", BEN)}
    assert show(bakery, MemberRow, "city") == [("Essex",), ("Essex",), ("Avon",)]
    assert touched_by(bakery, {**moved, "member_id": CARL}) == {("member", CARL)}


@pytest.mark.parametrize(
    "facts",
    [
        {"type": "change_name", "name": {"first": "Ann", "last": "B"}},
        {"type": "change_contact", "email": "a@b.org", "phone": None},
        {"type": "order_id_card", "reason": "lost"},
    ],
    ids=lambda facts: str(facts["type"]),
)
def test_what_is_only_about_a_person_touches_only_the_person(
    bakery: History, facts: dict[str, Any]
) -> None:
    """A name, contact points, cards: one row."""
    assert touched_by(bakery, {**facts, "member_id": BEN}) == {("member", BEN)}


def test_terms_and_exceptions_touch_nothing(bakery: History) -> None:
    """The book does not show them."""
    terms = {"kind": "percent", "percent": "4"}
    assert not touched_by(
        bakery, {"type": "set_commission_terms", "effective_on": "2026-02-01", "terms": terms}
    )
    assert not touched_by(
        bakery,
        {
            "type": "approve_exception",
            "member_id": ANNA,
            "transaction_type": "remove_subscriber",
            "effective_on": "2025-12-31",
            "reason": "Late notice.",
        },
    )


def test_a_removal_touches_the_family_and_nobody_else(bakery: History) -> None:
    """Three people, one family's premium."""
    send(bakery, {**ANNA_JOINS, **person("10000000009", "1990-01-01"), "dependents": []})
    gone = {"type": "remove_subscriber", "member_id": ANNA, "last_day": "2026-02-10"}
    assert touched_by(bakery, gone) == {
        ("premium", ANNA),
        *((table, member) for table in ("member", "coverage") for member in (ANNA, BEN, CARL)),
    }
    assert show(bakery, PremiumRow, "subscriber_id", "last_month")[0] == (ANNA, date(2026, 2, 1))


def test_a_corrected_birth_date_touches_the_premium_of_a_former_family_too(
    bakery: History,
) -> None:
    """Carl was Anna's child in January, and has coverage of his own since."""
    send(bakery, {"type": "remove_dependent", "member_id": CARL, "last_day": "2026-01-31"})
    send(
        bakery,
        {
            **ANNA_JOINS,
            **person(CARL, "2010-03-04"),
            "effective_on": "2026-02-01",
            "dependents": [],
        },
    )
    born = {"type": "correct_birth_date", "member_id": CARL, "birth_date": "2000-05-06"}
    assert touched_by(bakery, born) == {
        *((table, CARL) for table in ("member", "coverage", "premium")),
        ("premium", ANNA),
    }
    assert show(bakery, CoverageRow, "member_id", "subscriber_id", "relationship")[2:] == [
        (CARL, ANNA, "child"),
        (CARL, CARL, "subscriber"),
    ]


def test_a_card_is_offered_ordered_and_mailed(bakery: History) -> None:
    """The member's row says what is due and what is on its way."""
    send(
        bakery,
        {"type": "change_name", "member_id": BEN, "name": {"first": "Benn", "last": "B"}},
    )
    assert show(bakery, MemberRow, "card_offer", "card_ordered_on")[1] == ("name_change", None)
    send(bakery, {"type": "order_id_card", "member_id": BEN, "reason": "name_change"})
    assert show(bakery, MemberRow, "card_offer", "card_ordered_on")[1] == (None, OPENED)
    send(bakery, {"type": "confirm_id_card", "member_id": BEN})
    assert show(bakery, MemberRow, "card_offer", "card_ordered_on")[1] == (None, None)


def test_an_agent_of_record_ends_the_day_before_the_next_begins(bakery: History) -> None:
    """A producer's book is found by agent, segment and client."""
    for producer_id, on in (("P1", OPENED), ("P2", date(2026, 3, 10))):
        send(
            bakery,
            {
                "type": "assign_agent_of_record",
                "producer_id": producer_id,
                "agency_id": "A1",
                "payee": "agency",
                "appointed": True,
                "licence_number": "123456789",
                "licensed_states": ["CT"],
                "letter_received_on": "2026-01-01",
            },
            on=on,
        )
    assert show(bakery, AgentRow, "producer_id", "first_day", "last_day", "segment") == [
        ("P1", date(2026, 2, 1), date(2026, 3, 31), "small_group"),
        ("P2", date(2026, 4, 1), None, "small_group"),
    ]


def test_a_renewal_rates_every_family_anew(bakery: History) -> None:
    """From the plan year's start, at its rates and at the ages then."""
    rates = {"SILVER": {"base": "500.00"}, "GOLD": {"base": "640.00"}}
    renewed = {"type": "renew_client", "effective_on": "2026-07-01", "rates": rates}
    assert ("premium", ANNA) in touched_by(bakery, renewed, on=date(2026, 6, 1))
    assert show(bakery, ClientRow, "plan_year_start") == [(date(2026, 7, 1),)]
    assert show(bakery, PremiumRow, "first_month", "last_month", "monthly_cents")[:2] == [
        (OPENED, date(2026, 6, 1), 598_08),
        (date(2026, 7, 1), None, 631_00),  # 39 years old by then: 1.262
    ]


def test_elected_cobra_is_a_span_of_its_own_at_102_percent(bakery: History) -> None:
    """Without a gap, and not for longer than it may."""
    send(bakery, {"type": "remove_subscriber", "member_id": ANNA, "last_day": "2026-03-31"})
    send(
        bakery,
        {"type": "elect_cobra", "member_id": ANNA, "event": "termination"},
        on=date(2026, 4, 2),
    )
    assert show(bakery, CoverageRow, "first_day", "last_day", "cobra_event")[:2] == [
        (OPENED, date(2026, 3, 31), None),
        (date(2026, 4, 1), date(2027, 9, 30), "termination"),
    ]
    assert show(bakery, PremiumRow, "first_month", "last_month", "monthly_cents")[:2] == [
        (OPENED, date(2026, 3, 1), 598_08),
        (date(2026, 4, 1), date(2027, 9, 1), 610_04),
    ]


def test_a_terminated_client_covers_nobody_after_its_last_day(bakery: History) -> None:
    """Everyone's coverage and premium end."""
    send(bakery, {"type": "terminate_client", "last_day": "2026-02-28"})
    assert show(bakery, ClientRow, "terminated_on") == [(date(2026, 2, 28),)]
    assert set(show(bakery, CoverageRow, "last_day")) == {(date(2026, 2, 28),)}
    assert set(show(bakery, MemberRow, "last_day")) == {(date(2026, 2, 28),)}
    assert set(show(bakery, PremiumRow, "last_month")) == {(date(2026, 2, 1),)}


def test_a_renewal_of_a_large_group_takes_linear_work() -> None:
    """Ten times the families take ten times the work, counted in function calls, not in time."""

    def calls(families: int) -> int:
        client = group()
        for _ in range(families):
            family_of(client, ("subscriber", date(1987, 5, 20)), ("child", date(2015, 9, 9)))
        renewed = ClientRenewed(first_day=date(2026, 7, 1), rates={})
        cause = Cause("t1", "renew_client", "carrier-1", "carrier", "key-1", NOON)
        recorded = Recorded(1, client.client_id, 1, NOON, cause, renewed)
        counted = 0

        def count(*_: object) -> None:
            nonlocal counted
            counted += 1

        sys.setprofile(count)
        rows = project_from(client, recorded)
        sys.setprofile(None)
        assert len(rows_of(rows, PremiumRow)) == 2 * families + families
        return counted

    assert calls(500) < 10.5 * calls(50)


def project_from(client: Client, recorded: Recorded) -> Rows:
    """The rows that one more event touches."""
    recorded.evolve(client)
    book = BookOfBusiness()
    return {scope: book.rows(client, scope, recorded) for scope in book.touched(client, recorded)}
