"""The rows of invoices, charges and payments: one class, one table; one field, one column.

What left the house (invoices, their lines, postings, payments) is one row for each fact and never
changes. The account and what is open are as the newest event left them.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

from projections.kernel import Row


class AccountRow(Row, frozen=True, kw_only=True):
    """What a client was billed, has paid and owes; and what the next run needs to know."""

    table: ClassVar[str] = "account"
    key: ClassVar[tuple[str, ...]] = ("client_id",)
    scope: ClassVar[tuple[str, ...]] = ("client_id",)

    client_id: str
    billed_cents: int
    posted_cents: int
    open_cents: int
    """billed = posted + open (handbook §5)."""
    funds_cents: int
    """Payments and credits, less refunds and what bounced."""
    credit_cents: int
    """funds = posted + credit; negative where refunded money bounced."""
    balance_cents: int
    """open - credit."""
    first_month: date | None
    """The first month that is billed here; None while another administers the client (§2)."""
    billed_through: date | None
    """The last month that has an invoice."""
    next_month: date | None
    """The next month to be invoiced; None where ``first_month`` is."""
    ends_on: date | None
    """The client's last covered day, once terminated."""
    has_changes: bool
    """An earlier month costs more or less than was billed: the next invoice says so."""
    last_run_on: date | None


class InvoiceRow(Row, frozen=True, kw_only=True):
    """A produced invoice: its totals."""

    table: ClassVar[str] = "invoice"
    key: ClassVar[tuple[str, ...]] = ("client_id", "month")
    scope: ClassVar[tuple[str, ...]] = ("client_id", "month")

    client_id: str
    month: date
    """The coverage month's 1st."""
    run_on: date
    due_on: date
    prior_balance_cents: int
    current_cents: int
    adjustments_cents: int
    total_cents: int
    """Below zero: nothing is due, the rest is credit carried forward."""
    line_count: int
    """Lines of the month itself: numbers 1 to this one …"""
    adjustment_count: int
    """… and lines of earlier months: the numbers that follow."""
    subscriber_count: int
    """Subscribers with a line of the month itself."""
    position: int
    """In the log, of the event."""
    client_version: int
    transaction_id: str
    """The run's transaction for this client."""
    recorded_at: datetime


class InvoiceLineRow(Row, frozen=True, kw_only=True):
    """A line of an invoice: of the month itself, or the difference of an earlier month."""

    table: ClassVar[str] = "invoice_line"
    key: ClassVar[tuple[str, ...]] = ("client_id", "invoice_month", "number")
    scope: ClassVar[tuple[str, ...]] = ("client_id", "invoice_month")

    client_id: str
    invoice_month: date
    number: int
    """From 1, in the invoice's order; adjustments after the month's own lines."""
    kind: str
    """``current`` or ``adjustment``."""
    month: date
    """The coverage month that is billed."""
    subscriber_id: str
    member_id: str
    plan_id: str
    subgroup_id: str
    tier: str | None
    cents: int
    billed_before_cents: int | None
    """Of an adjustment: all that was billed for the member and month before this invoice."""
    taken_cents: int | None
    """Of an adjustment: the part that had been paid and is posted negatively."""
    cause_transaction_id: str | None
    """Of an adjustment: the transaction that changed the cost, …"""
    cause_type: str | None
    cause_received_on: date | None
    cause_effective_on: date | None
    """… the effective date it asked for, if its kind has one, …"""
    cause_member_id: str | None
    """… and the first member it is about: what others pay may follow from it."""


class OpenChargeRow(Row, frozen=True, kw_only=True):
    """What is unpaid of what a member (by tier: a subscriber) was billed for a coverage month."""

    table: ClassVar[str] = "open_charge"
    key: ClassVar[tuple[str, ...]] = ("client_id", "month", "subscriber_id", "member_id")
    scope: ClassVar[tuple[str, ...]] = ("client_id", "month")

    client_id: str
    month: date
    subscriber_id: str
    member_id: str
    open_cents: int


class PostingRow(Row, frozen=True, kw_only=True):
    """Premium posted for a coverage month by one payment or run, or taken back."""

    table: ClassVar[str] = "posting"
    key: ClassVar[tuple[str, ...]] = ("client_id", "position", "number")
    scope: ClassVar[tuple[str, ...]] = ("client_id", "position")

    client_id: str
    position: int
    """In the log, of the payment or run."""
    number: int
    """From 1, within it."""
    coverage_month: date
    posted_on: date
    cents: int
    """Negative for what is taken back."""
    subscriber_months: int
    """How many subscriber-months it made fully posted, or no longer so (§6)."""
    source: str
    """``payment``, ``credit``, ``bounced`` or ``run``."""
    transaction_id: str


class FundsRow(Row, frozen=True, kw_only=True):
    """A payment, a credit, a refund, or a payment that bounced."""

    table: ClassVar[str] = "funds"
    key: ClassVar[tuple[str, ...]] = ("client_id", "position")
    scope: ClassVar[tuple[str, ...]] = ("client_id", "position")

    client_id: str
    position: int
    kind: str
    """``payment``, ``credit``, ``refund`` or ``bounced``."""
    cents: int
    """Negative for a refund, and for what bounced."""
    paid_on: date
    reference: str | None
    """The sender's own, such as a check number."""
    transaction_id: str
    payment: str | None
    """Of what bounced: the transaction that had posted it."""
    recorded_at: datetime
