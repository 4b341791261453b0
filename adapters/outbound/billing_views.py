"""What readers get of bills and commissions; amounts, dates and instants as in ``views.py``."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from adapters.outbound.views import Count, Money, View
from domain.client.state import Tier
from domain.types import PersonalText

# ── Invoices ───────────────────────────────────────────────────────────────────────────────────


class InvoiceSummary(View, frozen=True, kw_only=True):
    """An invoice without its lines."""

    client_id: str
    month: date
    """The 1st of the coverage month; with the client it names the invoice."""
    run_on: date
    due_on: date
    prior_balance: Money
    """Unpaid charges less unused credit before it."""
    current: Money
    adjustments: Money
    total: Money
    due: Money
    """The total, or 0.00 if that is below zero …"""
    credit_carried: Money
    """… and then the rest."""
    line_count: Count
    adjustment_count: Count
    subscriber_count: Count
    transaction_id: str
    """The run's transaction for this client."""
    recorded_at: datetime


class InvoiceLineView(View, frozen=True, kw_only=True):
    """A line of an invoice."""

    number: int
    """From 1: the current month's lines in order of subscriber and member, then adjustments."""
    kind: Literal["current", "adjustment"]
    month: date
    subscriber_id: str
    member_id: str
    member_name: PersonalText | None
    """As the book has it today; null if the member is no longer known there."""
    relationship: str | None
    plan_id: str
    subgroup_id: str
    tier: Tier | None
    amount: Money
    billed_before: Money | None
    """Of an adjustment: all that was billed for the member and month before."""
    reason: str | None
    """Of an adjustment: the type of the transaction behind it, such as ``remove_subscriber`` …"""
    reason_text: str | None
    """… and that in words, with its dates, such as "Subscriber removed, received 2026-05-10"."""
    transaction_id: str | None
    """… and the transaction itself."""


class InvoiceView(View, frozen=True, kw_only=True):
    """An invoice with its lines: all of them, or the first page."""

    summary: InvoiceSummary
    client_name: PersonalText
    billing_contact: str
    """Whom to call about it (handbook §2)."""
    lines: list[InvoiceLineView]
    next: str | None = None
    """The cursor of the page of lines that follows, if there is one."""


class OpenItem(View, frozen=True, kw_only=True):
    """A charge that is not fully paid."""

    month: date
    subscriber_id: str
    member_id: str
    member_name: PersonalText | None
    open: Money


class PostingView(View, frozen=True, kw_only=True):
    """Premium posted for a coverage month by a payment or a run, or taken back."""

    coverage_month: date
    posted_on: date
    amount: Money
    source: Literal["payment", "credit", "bounced", "run"]
    transaction_id: str
    """The payment or run …"""
    number: int
    """… and from 1 within it: together they name the posting."""


class FundsView(View, frozen=True, kw_only=True):
    """A payment, credit, refund or bounced payment."""

    kind: Literal["payment", "credit", "refund", "bounced"]
    amount: Money
    """Negative for refunds and bounced payments."""
    paid_on: date
    reference: str | None
    transaction_id: str
    payment: str | None
    """Of a bounced payment: the transaction that had posted it."""
    recorded_at: datetime


class AccountView(View, frozen=True, kw_only=True):
    """What a client was billed, has paid and owes: the billing tab."""

    client_id: str
    billed: Money
    posted: Money
    open: Money
    """billed = posted + open."""
    payments: Money
    credit: Money
    """payments = posted + credit."""
    balance: Money
    """open - credit."""
    billed_through: date | None
    next_month: date | None
    """The next month to be invoiced; null while another administers the client."""
    last_run_on: date | None
    billing_contact: str


# ── Pages, newest first unless said otherwise; ``next`` is null on the last one ────────────────


class BillingTab(View, frozen=True, kw_only=True):
    """What a client was billed and owes, with its latest invoices."""

    account: AccountView
    invoices: list[InvoiceSummary]


class Invoices(View, frozen=True, kw_only=True):
    """A page of a client's invoices of the last 24 months."""

    client_id: str
    items: list[InvoiceSummary]
    next: str | None


class InvoiceLines(View, frozen=True, kw_only=True):
    """A page of an invoice's lines, in the invoice's order."""

    client_id: str
    month: date
    items: list[InvoiceLineView]
    next: str | None


class OpenItems(View, frozen=True, kw_only=True):
    """A page of what is unpaid, in the order in which payments will pay it (handbook §5)."""

    client_id: str
    items: list[OpenItem]
    next: str | None


class Postings(View, frozen=True, kw_only=True):
    """A page of the postings for coverage months of the last 24 months."""

    client_id: str
    items: list[PostingView]
    next: str | None


class Payments(View, frozen=True, kw_only=True):
    """A page of the payments, credits, refunds and bounced payments of the last 24 months."""

    client_id: str
    items: list[FundsView]
    next: str | None


# ── Commissions ────────────────────────────────────────────────────────────────────────────────


class CommissionLineView(View, frozen=True, kw_only=True):
    """A payee's part of what a client, coverage month and posting earned or lost."""

    client_id: str
    client_name: PersonalText | None
    coverage_month: date
    posted_on: date
    posted: Money
    subscriber_months: int
    rate: str
    """The percent, the dollars a subscriber-month, or the percents of the bands."""
    commission: Money
    """Of all payees together."""
    share: Money
    """This payee's."""
    takes_back_from: date | None
    """Of what is taken back: the month of the latest statement that paid on the coverage month."""
    posting: str
    """The transaction that posted."""
    transaction_id: str
    """The transaction that settled it."""
    number: int
    """With that transaction and the payee it names the line."""


class StatementSummary(View, frozen=True, kw_only=True):
    """A payee's statement without its lines."""

    payee_id: str
    month: date
    run_on: date
    line_count: Count
    lines_total: Money
    brought_forward: Money
    """What earlier negative statements left, 0.00 or negative."""
    paid: Money
    carried_forward: Money
    pay_by: Literal["check", "eft"]
    account_ending: PersonalText | None
    recorded_at: datetime


class StatementView(View, frozen=True, kw_only=True):
    """A payee's statement with its lines: all of them, or a page."""

    summary: StatementSummary
    payee_name: str | None
    lines: list[CommissionLineView]
    """By client, coverage month and day of the posting."""
    next: str | None = None
    """The cursor of the page of lines that follows, if there is one."""


class Statements(View, frozen=True, kw_only=True):
    """A page of a payee's statements, newest first."""

    payee_id: str
    items: list[StatementSummary]
    next: str | None


class PayeeView(View, frozen=True, kw_only=True):
    """Whom the carrier pays commission to, and how."""

    payee_id: str
    kind: Literal["agency", "producer"] | None
    """Null while it is not registered: it is then paid by check."""
    principal_id: str | None
    """The producer who sees its statements by right."""
    readers: list[str]
    """Whom else the payee lets see them."""
    pay_by: Literal["check", "eft"]
    account_ending: PersonalText | None
    latest_statement: date | None
    """Its month."""
    carried_forward: Money
    """What its statements leave to the next: 0.00 or negative."""
    unpaid_lines: Count
    """Lines on no statement yet …"""
    unpaid: Money
    """… and what they come to."""


class Payees(View, frozen=True, kw_only=True):
    """A page of payees, by id."""

    items: list[PayeeView]
    next: str | None


class YearlyTotal(View, frozen=True, kw_only=True):
    """What a payee was paid in a calendar year of statements."""

    payee_id: str
    year: int
    statements: Count
    lines_total: Money
    paid: Money


class YearlyTotals(View, frozen=True, kw_only=True):
    """What a payee was paid, year by year, newest first."""

    payee_id: str
    items: list[YearlyTotal]
