"""The rows of commissions: what clients' postings earned, payees, and their statements.

A row's ``client_id`` is the stream it comes from: a client's id, or a payee's stream. The lines of
a statement are not marked: they are those of the payee with a position after the statement's first
and up to its last, so that nothing recorded later can be on it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

from domain.types import PersonalText
from projections.kernel import Row


class CommissionLineRow(Row, frozen=True, kw_only=True):
    """A payee's part of what a client, coverage month and posting earned or lost."""

    table: ClassVar[str] = "commission_line"
    key: ClassVar[tuple[str, ...]] = ("client_id", "position", "number", "payee_id")
    scope: ClassVar[tuple[str, ...]] = ("client_id", "position")
    indexes: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("payee_id", "position"),
        ("client_id", "coverage_month"),
    )

    client_id: str
    position: int
    """Place in the log of the settlement: it decides on which statement the line is."""
    number: int
    """Of the line in the settlement, from 1."""
    payee_id: str
    statement_month: date
    """The month that was settled; the statement may be a later one."""
    coverage_month: date
    posted_on: date
    posted_cents: int
    subscriber_months: int
    terms_kind: str
    rate: str
    terms_transaction_id: str
    agent_transaction_id: str
    producer_id: str
    commission_cents: int
    """Of all payees together."""
    share_cents: int
    """This payee's."""
    takes_back_from: date | None
    """As settled: the latest month settled that paid on the coverage month, to whomever."""
    posting_transaction_id: str
    transaction_id: str


class SettlementRow(Row, frozen=True, kw_only=True):
    """How far a client's postings are settled: all before it, dated before its month."""

    table: ClassVar[str] = "settlement"
    key: ClassVar[tuple[str, ...]] = ("client_id",)
    scope: ClassVar[tuple[str, ...]] = ("client_id",)

    client_id: str
    statement_month: date
    position: int


class StatementRow(Row, frozen=True, kw_only=True):
    """A payee's statement of a month."""

    table: ClassVar[str] = "statement"
    key: ClassVar[tuple[str, ...]] = ("client_id", "month")
    scope: ClassVar[tuple[str, ...]] = ("client_id", "month")
    indexes: ClassVar[tuple[tuple[str, ...], ...]] = (("payee_id", "through_position"),)

    client_id: str
    month: date
    payee_id: str
    run_on: date
    after_position: int
    """Its lines are those after this position …"""
    through_position: int
    """… up to and with this one."""
    line_count: int
    lines_cents: int
    brought_forward_cents: int
    paid_cents: int
    carried_cents: int
    pay_by: str
    account_ending: PersonalText | None
    position: int
    recorded_at: datetime


class PayeeRow(Row, frozen=True, kw_only=True):
    """A registered payee, and how it is paid now. One that is not registered is paid by check."""

    table: ClassVar[str] = "payee"
    key: ClassVar[tuple[str, ...]] = ("client_id",)
    scope: ClassVar[tuple[str, ...]] = ("client_id",)
    indexes: ClassVar[tuple[tuple[str, ...], ...]] = (("payee_id",),)

    client_id: str
    payee_id: str
    kind: str
    principal_id: str
    """The producer who sees its statements by right: a producer's is itself."""
    pay_by: str
    account_ending: PersonalText | None
    is_registered: bool


class PrincipalRow(Row, frozen=True, kw_only=True):
    """Who was the principal from a position of the log on.

    Readers whom an earlier principal let in are out as soon as another one is registered.
    """

    table: ClassVar[str] = "principal"
    key: ClassVar[tuple[str, ...]] = ("client_id", "position")
    scope: ClassVar[tuple[str, ...]] = ("client_id", "position")

    client_id: str
    position: int
    principal_id: str


class PayeeReaderRow(Row, frozen=True, kw_only=True):
    """Someone whom the payee let see its statements, and did not shut out since."""

    table: ClassVar[str] = "payee_reader"
    key: ClassVar[tuple[str, ...]] = ("client_id", "reader_id")
    scope: ClassVar[tuple[str, ...]] = ("client_id", "reader_id")

    client_id: str
    reader_id: str
    payee_id: str
    position: int
    """When that was: it counts while the principal is the one of then."""
