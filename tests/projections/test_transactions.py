"""The transactions: one row each, with the position of its last event, found under its members."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from domain.kernel import TransactionRefused
from projections.book_of_business import BookOfBusiness
from projections.catalog import PROJECTIONS
from projections.commissions import Commissions
from projections.invoices import Invoices
from projections.transactions import (
    FulfilmentRow,
    TransactionMemberRow,
    TransactionRow,
    Transactions,
)
from tests.projections.histories import History, project, rows_of
from tests.projections.random_histories import command
from tests.projections.test_book_of_business import (
    ANNA,
    ANNA_JOINS,
    BEN,
    CARL,
    bakery,
    send,
)

__all__ = ["bakery"]  # a fixture, used by name

JULY = date(2026, 7, 1)


def transaction(history: History, number: int = -1) -> TransactionRow:
    """The row of one of a history's transactions, by default of the latest."""
    rows = rows_of(project(Transactions(), history.events), TransactionRow)
    return sorted(rows, key=lambda row: row.position)[number]


def under(history: History, member_id: str) -> list[str]:
    """The types of the transactions that are found under a member."""
    table = project(Transactions(), history.events)
    types = {row.transaction_id: row.type for row in rows_of(table, TransactionRow)}
    found = rows_of(table, TransactionMemberRow)
    return [types[row.transaction_id] for row in found if row.member_id == member_id]


def fulfilments(history: History) -> list[FulfilmentRow]:
    """All that is, or was, to be mailed."""
    return rows_of(project(Transactions(), history.events), FulfilmentRow)


def test_a_transaction_of_several_events_is_one_row_with_the_position_of_its_last(
    bakery: History,
) -> None:
    """Position and version are those that a reader has to wait for."""
    last = bakery.events[-1]
    assert last.cause.count == 3
    assert transaction(bakery) == TransactionRow(
        transaction_id=last.cause.transaction_id,
        client_id="C1",
        position=last.position,
        client_version=last.version,
        type="add_subscriber",
        outcome="accepted",
        code=None,
        sentence=None,
        sender="portal-1",
        role="portal",
        producer_id="P1",
        idempotency_key=last.cause.key,
        correlation_id=None,
        effective_on=date(2026, 1, 1),
        takes_effect_on=date(2026, 1, 1),
        received_at=datetime(2026, 1, 1, 17, tzinfo=UTC),
        recorded_at=datetime(2026, 1, 1, 17, 0, 1, tzinfo=UTC),
        event_count=3,
        needs_fulfilment=False,
    )


def test_a_transaction_is_found_once_under_each_member_it_is_about(bakery: History) -> None:
    """Also under those who only have part in one of its events, at the position of the last."""
    send(bakery, {"type": "remove_dependent", "member_id": CARL, "last_day": "2026-01-31"})
    assert under(bakery, ANNA) == ["add_subscriber", "remove_dependent"]
    assert under(bakery, BEN) == ["add_subscriber"]
    assert under(bakery, CARL) == ["add_subscriber", "remove_dependent"]


def test_a_change_shows_the_date_asked_for_and_the_one_it_holds_from(bakery: History) -> None:
    """Under ``full_month`` a change of plan on the 10th waits for the next 1st (§4)."""
    moved = {"type": "change_plan", "member_id": ANNA, "plan_id": "GOLD"}
    send(bakery, {**moved, "effective_on": "2026-02-10"})
    row = transaction(bakery)
    assert (row.effective_on, row.takes_effect_on) == (date(2026, 2, 10), date(2026, 3, 1))


def test_a_refusal_is_shown_with_its_code_and_sentence(bakery: History) -> None:
    """Who tried what, and the rule that said no."""
    late = {"type": "remove_subscriber", "member_id": ANNA, "last_day": "2026-01-31"}
    (refused,) = bakery.send(command(late), JULY)
    assert isinstance(refused, TransactionRefused)
    row = transaction(bakery)
    assert (row.type, row.outcome) == ("remove_subscriber", "refused")
    assert (row.code, row.sentence) == ("retro_limit_exceeded", refused.sentence)


def test_a_repeat_leaves_no_row(bakery: History) -> None:
    """What already holds causes no event, so the history has nothing to show."""
    before = transaction(bakery)
    send(bakery, ANNA_JOINS)
    assert transaction(bakery) == before


def test_an_ordered_card_is_open_until_it_is_confirmed(bakery: History) -> None:
    """The order needs fulfilment; the confirmation closes it, and needs none itself."""
    send(bakery, {"type": "order_id_card", "member_id": BEN, "reason": "lost"})
    ordered = transaction(bakery)
    opened = FulfilmentRow(
        transaction_id=ordered.transaction_id,
        client_id="C1",
        member_id=BEN,
        kind="id_card",
        confirmed_at=None,
    )
    assert ordered.needs_fulfilment
    assert fulfilments(bakery) == [opened]
    send(bakery, {"type": "confirm_id_card", "member_id": BEN}, on=JULY)
    (closed,) = fulfilments(bakery)
    assert closed.transaction_id == ordered.transaction_id
    assert closed.confirmed_at == datetime(2026, 7, 1, 17, 0, 1, tzinfo=UTC)
    assert not transaction(bakery).needs_fulfilment


def test_an_offered_card_needs_no_fulfilment(bakery: History) -> None:
    """A change of name offers a card; nothing is mailed until someone orders it."""
    renamed: dict[str, Any] = {"type": "change_name", "member_id": BEN}
    send(bakery, {**renamed, "name": {"first": "Benn", "last": "B"}})
    assert transaction(bakery).event_count == 2
    assert not transaction(bakery).needs_fulfilment
    assert fulfilments(bakery) == []


def test_the_catalog_names_each_projection_once() -> None:
    """Names are schemas of the database, and of the positions."""
    assert [projection.name for projection in PROJECTIONS] == [
        BookOfBusiness.name,
        Transactions.name,
        Invoices.name,
        Commissions.name,
    ]
