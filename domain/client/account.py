"""What a client was billed and has paid: the part of its state that invoices and payments move.

A *charge* is what a member (by tier: a subscriber) was billed for one coverage month, all lines
together. At any moment each charge is ``billed = posted + open``, and the client's funds are
``posted + credit`` (handbook §5). Amounts are integer cents, months are their first days.

Kept small for groups of any size and age: what was billed is kept as runs of equal months, and what
is open only while it is open.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from msgspec import Struct, field

from domain.client.month_runs import MonthRun

PaymentKind = Literal["payment", "credit"]


# ── Values shared by events and state ──────────────────────────────────────────────────────────


class Change(Struct, frozen=True, omit_defaults=True):
    """A transaction that changed what months already billed cost: the reason of an adjustment."""

    transaction_id: str
    transaction_type: str
    received_on: date
    effective_on: date | None = None
    """The effective date asked for, if its kind has one."""
    member_id: str | None = None
    """The first member it is about; what others pay may follow from it."""


class Posting(Struct, frozen=True, omit_defaults=True):
    """Premium posted for one coverage month by one payment or run, or taken back (handbook §5)."""

    coverage_month: date
    cents: int
    """Negative for what is taken back."""
    subscriber_months: int = 0
    """How many subscriber-months it made fully posted; negative: so many no longer are (§6)."""
    through: tuple[str, str] | None = None
    """(subscriber id, member id) of the last charge it reached, in line order (taken back by a
    bounced payment: in reverse order). None for what adjustments take back: they say it
    themselves."""


# ── The state ──────────────────────────────────────────────────────────────────────────────────


class Due(Struct, frozen=True):
    """What a charge of a month already billed costs as known now, where that differs."""

    cents: int
    transaction_id: str
    """The last transaction that changed it."""


class Funds(Struct, frozen=True, omit_defaults=True):
    """A payment or a credit that was posted."""

    kind: PaymentKind
    cents: int
    paid_on: date
    bounced_by: str | None = None
    """The transaction that took it back."""


class Unsettled(Struct, frozen=True):
    """A posting on which no commission was settled yet."""

    transaction_id: str
    """The payment or the run that posted it."""
    posted_on: date
    coverage_month: date
    cents: int
    subscriber_months: int
    year_before_cents: int
    """The premium posted before it in the calendar year of ``posted_on``."""


class Account(Struct):
    """What a client has been billed, has paid, and owes."""

    invoiced: list[MonthRun] = field(default_factory=list)
    """The months that have an invoice (value 1)."""
    last_run_on: date | None = None
    billed: dict[str, dict[str, list[MonthRun]]] = field(default_factory=dict)
    """By subscriber and member: the cents billed so far for each month, all lines together."""
    due: dict[str, dict[str, dict[date, Due]]] = field(default_factory=dict)
    """By subscriber, member and month: where the cost as known now is not what was billed."""
    changes: dict[str, Change] = field(default_factory=dict)
    """By transaction: those that ``due`` may name."""
    open: dict[date, dict[str, dict[str, int]]] = field(default_factory=dict)
    """By coverage month, subscriber and member: the unpaid part of a charge, where there is one."""
    earned: dict[str, list[MonthRun]] = field(default_factory=dict)
    """By subscriber: months (value 1) that were fully posted, and not taken back since (§6)."""
    posted: dict[date, int] = field(default_factory=dict)
    """By coverage month: the premium posted, less what was taken back."""
    posted_in_year: dict[int, int] = field(default_factory=dict)
    """By calendar year of the posting: the same."""
    billed_cents: int = 0
    posted_cents: int = 0
    funds_cents: int = 0
    """Payments and credits, less refunds and what bounced."""
    funds: dict[str, Funds] = field(default_factory=dict)
    """By transaction: every payment and credit."""
    unsettled: list[Unsettled] = field(default_factory=list)
    """In the order posted."""
    settled_through: date | None = None
    """The last statement month for which commission was settled."""
    paid_by_statement: dict[date, date] = field(default_factory=dict)
    """By coverage month: the latest statement month that paid commission on it."""

    @property
    def billed_through(self) -> date | None:
        """The last month that has an invoice; None before the first."""
        return self.invoiced[-1].last_month if self.invoiced else None

    @property
    def open_cents(self) -> int:
        """What is billed and not posted: charges billed = posted + open."""
        return self.billed_cents - self.posted_cents

    @property
    def credit_cents(self) -> int:
        """Funds left over: payments = posted + credit.

        Negative where a payment bounced whose money had been refunded: it is owed like a charge.
        """
        return self.funds_cents - self.posted_cents

    @property
    def balance_cents(self) -> int:
        """What the client owes: unpaid charges less unused credit."""
        return self.billed_cents - self.funds_cents
