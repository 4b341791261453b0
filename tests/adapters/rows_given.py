"""Rows given to the tests of reads, as the projections would have written them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, TypeVar

import msgspec

from adapters.outbound.row_store import PostgresRowStore
from projections.book_of_business import BookOfBusiness
from projections.book_rows import (
    AgentRow,
    ClientRow,
    CoverageRow,
    MemberRow,
    PremiumRow,
)
from projections.kernel import Changes, Projection, Row, Scope
from projections.transactions import TransactionRow, Transactions

R = TypeVar("R", bound=Row)


BOOK = BookOfBusiness()
TRANSACTIONS = Transactions()


def give(store: PostgresRowStore, projection: Projection, position: int, *rows: Row) -> None:
    """Write rows, each in a scope of its own kind, and move the projection to a position."""
    before = store.prepare(projection)
    scopes: dict[Scope, list[Row]] = {}
    for row in rows:
        values = tuple(getattr(row, name) for name in row.scope)
        scopes.setdefault((type(row), values), []).append(row)
    assert store.write(projection, Changes(dict(scopes)), before, before.at(position))


def _with(row: R, changes: dict[str, Any]) -> R:
    return msgspec.structs.replace(row, **changes)


def a_client(client_id: str = "C1", **changes: Any) -> ClientRow:
    """A small group, effective 2026-01-01."""
    row = ClientRow(
        client_id=client_id,
        name=f"Client {client_id}",
        segment="small_group",
        state="CT",
        rating_area=5,
        part_month_rule="wash",
        is_group=True,
        effective_on=date(2026, 1, 1),
        plan_year_start=date(2026, 1, 1),
        administered_here_from=date(2026, 1, 1),
        terminated_on=None,
        account_manager=None,
    )
    return _with(row, changes)


def an_agent(client_id: str = "C1", producer_id: str = "P1", **changes: Any) -> AgentRow:
    """Agent of record from 2026-01-01, without an end."""
    row = AgentRow(
        client_id=client_id,
        first_day=date(2026, 1, 1),
        last_day=None,
        producer_id=producer_id,
        agency_id="A1",
        payee="agency",
        segment="small_group",
        client_name=f"Client {client_id}",
    )
    return _with(row, changes)


def a_member(member_id: str, subscriber_id: str | None = None, **changes: Any) -> MemberRow:
    """A member of client C1 born in 1990; a subscriber unless a subscriber is named."""
    row = MemberRow(
        client_id="C1",
        member_id=member_id,
        subscriber_id=subscriber_id or member_id,
        relationship="subscriber" if subscriber_id is None else "spouse",
        first_name="Ada",
        middle_name=None,
        last_name="Moor",
        birth_date=date(1990, 5, 20),
        address_line1="1 Elm St",
        address_line2=None,
        city="Mystic",
        state="CT",
        zip="06355",
        email=None,
        phone=None,
        first_day=date(2026, 1, 1),
        last_day=None,
        card_offer=None,
        card_ordered_on=None,
    )
    return _with(row, changes)


def a_span(member_id: str, subscriber_id: str | None = None, **changes: Any) -> CoverageRow:
    """Covered from 2026-01-01 in SILVER, subgroup MAIN."""
    row = CoverageRow(
        client_id="C1",
        member_id=member_id,
        first_day=date(2026, 1, 1),
        last_day=None,
        plan_id="SILVER",
        subgroup_id="MAIN",
        subscriber_id=subscriber_id or member_id,
        relationship="subscriber" if subscriber_id is None else "spouse",
        cobra_event=None,
    )
    return _with(row, changes)


def a_premium(
    member_id: str, subscriber_id: str | None = None, monthly_cents: int = 48_000, **changes: Any
) -> PremiumRow:
    """480.00 a month from January 2026."""
    row = PremiumRow(
        client_id="C1",
        subscriber_id=subscriber_id or member_id,
        member_id=member_id,
        first_month=date(2026, 1, 1),
        last_month=None,
        monthly_cents=monthly_cents,
        plan_id="SILVER",
        subgroup_id="MAIN",
        tier=None,
    )
    return _with(row, changes)


def a_transaction(position: int, **changes: Any) -> TransactionRow:
    """An accepted change of address of client C1, received at noon on 2026-03-01."""
    row = TransactionRow(
        transaction_id=f"{position:032x}",
        client_id="C1",
        position=position,
        client_version=position,
        type="change_address",
        outcome="accepted",
        code=None,
        sentence=None,
        sender="portal-one",
        role="portal",
        producer_id="P1",
        idempotency_key=f"k{position}",
        correlation_id=None,
        effective_on=date(2026, 3, 1),
        takes_effect_on=None,
        received_at=datetime(2026, 3, 1, 17, tzinfo=UTC),
        recorded_at=datetime(2026, 3, 1, 17, tzinfo=UTC),
        event_count=1,
        needs_fulfilment=False,
    )
    return _with(row, changes)
