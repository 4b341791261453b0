"""Produce an invoice: "The run bills this client for the month."

It has a line for each covered member (by tier: subscriber) of the month, and one for each member
and earlier month that costs more or less than was billed, with the transaction behind it. What came
before the run in the client's history is in it. A produced invoice never changes (handbook §5), so
all of it is recorded: lines, adjustments, totals, and the postings that follow.

Months are invoiced one after the other, from the first that is administered here. After the
client's end there is an invoice only where an earlier month still has to be put right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import ClassVar, Literal

from msgspec import Struct
from msgspec.structs import replace

from domain.client import posting
from domain.client.account import Account, Change, Due, Posting
from domain.client.account_days import require_first_of_month
from domain.client.billing import (
    charged_or_nothing,
    charges_of,
    families_in_order,
    first_billed_month,
)
from domain.client.inputs import Day
from domain.client.month_runs import value_in, with_value
from domain.client.state import Client, Tier
from domain.client.timeliness import require_not_too_far_ahead
from domain.dates import add_months
from domain.kernel import Cause, Command, Context, Event, Refusal

BEFORE_FIRST_MONTH = Refusal(
    "before_first_month", "The first month that is billed here is {first}: {month} is before it."
)
MONTH_SKIPPED = Refusal(
    "month_skipped", "The next month to be invoiced is {expected}: {month} would skip it."
)
INVOICE_OUT_OF_ORDER = Refusal(
    "invoice_out_of_order", "{latest} has been invoiced already: {month} is before it."
)
RUN_OUT_OF_ORDER = Refusal(
    "run_out_of_order", "A run was made on {latest} already: {run_on} is before it."
)
RUN_IN_FUTURE = Refusal("run_in_future", "The run's date {run_on} has not come yet.")
CLIENT_ENDED = Refusal(
    "client_ended",
    "The client's last covered day is {terminated_on}, and no earlier month has to be put right.",
)


class InvoiceLine(Struct, frozen=True, array_like=True):
    """What a member (by tier: a subscriber) is billed for the invoice's month, also if 0.00."""

    subscriber_id: str
    member_id: str
    plan_id: str
    subgroup_id: str
    cents: int
    tier: Tier | None = None


class InvoiceAdjustment(Struct, frozen=True, omit_defaults=True):
    """The difference between what a member and earlier month costs and what was billed for it."""

    month: date
    subscriber_id: str
    member_id: str
    plan_id: str
    subgroup_id: str
    cents: int
    billed_before_cents: int
    """All that was billed for the member and month before this invoice."""
    transaction_id: str
    """The last transaction that changed the cost; described in the invoice's changes."""
    taken_cents: int = 0
    """Of a negative difference: the part that had been paid, posted negatively (§5)."""
    tier: Tier | None = None


class InvoiceProduced(Event, frozen=True, kw_only=True):
    """A client was billed for a month."""

    type: ClassVar[str] = "invoice_produced"
    month: date
    run_on: date
    due_on: date
    prior_balance_cents: int
    """Unpaid charges less unused credit before the run."""
    current_cents: int
    adjustments_cents: int
    total_cents: int
    """Below zero: nothing is due, the rest is credit carried forward."""
    lines: tuple[InvoiceLine, ...]
    """In order of subscriber id and member id."""
    adjustments: tuple[InvoiceAdjustment, ...] = ()
    """In order of subscriber id, member id and month."""
    changes: tuple[Change, ...] = ()
    """The transactions that the adjustments name."""
    postings: tuple[Posting, ...] = ()
    """What the run posts: first what it takes back, then what funds at hand pay, by month."""

    def evolve(self, client: Client, cause: Cause) -> None:
        account = client.account
        _bill(account, self.month, self.lines, self.adjustments)
        for posted in self.postings:
            if posted.cents > 0:
                posting.pay(account, posted.coverage_month, posted.cents)
            else:
                posting.take(account, posted.coverage_month, -posted.cents)
            posting.note(account, posted, cause.transaction_id, self.run_on)
        account.invoiced = with_value(account.invoiced, self.month, 1)
        account.last_run_on = self.run_on
        account.due, account.changes = {}, {}

    def takes_effect_on(self) -> date:
        return self.month


class ProduceInvoice(Command):
    """Bill a client for a coverage month."""

    sent_by: ClassVar = "carrier"
    title: ClassVar = "Produce an invoice"
    example: ClassVar = {"type": "produce_invoice", "month": "2026-04-01", "run_on": "2026-03-15"}

    type: Literal["produce_invoice"] = "produce_invoice"
    month: Day
    """The 1st of the coverage month."""
    run_on: Day | None = None
    """The date of the run, on which its postings count; the day of receipt if not stated."""

    def asks_effect_on(self) -> date:
        return self.month

    def decide(self, client: Client, context: Context) -> list[Event]:
        run_on = self.run_on or context.received_on
        require_first_of_month(self.month)
        if value_in(client.account.invoiced, self.month):
            return []
        _require_next(client, self.month)
        _require_run_day(client.account, run_on, context)
        require_not_too_far_ahead(context, self.month)
        lines = tuple(_lines(client, self.month))
        adjustments = tuple(_adjustments(client))
        named = {adjustment.transaction_id for adjustment in adjustments}
        changes = client.account.changes.values()
        prior_balance_cents = client.account.balance_cents
        current_cents = sum(line.cents for line in lines)
        adjustments_cents = sum(adjustment.cents for adjustment in adjustments)
        return [
            InvoiceProduced(
                month=self.month,
                run_on=run_on,
                due_on=self.month,
                prior_balance_cents=prior_balance_cents,
                current_cents=current_cents,
                adjustments_cents=adjustments_cents,
                total_cents=prior_balance_cents + current_cents + adjustments_cents,
                lines=lines,
                adjustments=adjustments,
                changes=tuple(change for change in changes if change.transaction_id in named),
                postings=tuple(_postings(client.account, self.month, lines, adjustments)),
            )
        ]


# ── Which month, and when ──────────────────────────────────────────────────────────────────────


def _require_next(client: Client, month: date) -> None:
    account = client.account
    first = first_billed_month(client)
    assert first is not None, "administered elsewhere: refused before"
    if month < first:
        raise BEFORE_FIRST_MONTH.because(first=first, month=month)
    latest = account.billed_through
    if latest is not None and month < latest:
        raise INVOICE_OUT_OF_ORDER.because(latest=latest, month=month)
    expected = first if latest is None else add_months(latest, 1)
    ended_on = client.terminated_on
    if month > expected and (ended_on is None or ended_on >= expected):
        raise MONTH_SKIPPED.because(expected=expected, month=month)
    if ended_on is not None and ended_on < month and not account.due:
        raise CLIENT_ENDED.because(terminated_on=ended_on)


def _require_run_day(account: Account, run_on: date, context: Context) -> None:
    if run_on > context.received_on:
        raise RUN_IN_FUTURE.because(run_on=run_on)
    if account.last_run_on is not None and run_on < account.last_run_on:
        raise RUN_OUT_OF_ORDER.because(latest=account.last_run_on, run_on=run_on)


# ── What is billed ─────────────────────────────────────────────────────────────────────────────


def _lines(client: Client, month: date) -> Iterator[InvoiceLine]:
    for family in families_in_order(client):
        for member_id, charged in charges_of(client, family, month).items():
            yield InvoiceLine(
                family.subscriber_id,
                member_id,
                charged.plan_id,
                charged.subgroup_id,
                charged.cents,
                charged.tier,
            )


def _adjustments(client: Client) -> Iterator[InvoiceAdjustment]:
    for subscriber_id, of_family in sorted(client.account.due.items()):
        for member_id, months in sorted(of_family.items()):
            for month, due in sorted(months.items()):
                yield _adjustment(client, subscriber_id, member_id, month, due)


def _adjustment(
    client: Client, subscriber_id: str, member_id: str, month: date, due: Due
) -> InvoiceAdjustment:
    account = client.account
    charged = charged_or_nothing(client, client.families[subscriber_id], member_id, month)
    billed = posting.billed_cents(account, subscriber_id, member_id, month)
    reversed_cents = max(0, billed - due.cents)
    open_cents = posting.open_cents(account, subscriber_id, member_id, month)
    return InvoiceAdjustment(
        month=month,
        subscriber_id=subscriber_id,
        member_id=member_id,
        plan_id=charged.plan_id,
        subgroup_id=charged.subgroup_id,
        cents=due.cents - billed,
        billed_before_cents=billed,
        transaction_id=due.transaction_id,
        taken_cents=max(0, reversed_cents - open_cents),
        tier=charged.tier,
    )


# ── What it does to the account ────────────────────────────────────────────────────────────────


def _bill(
    account: Account,
    month: date,
    lines: Sequence[InvoiceLine],
    adjustments: Sequence[InvoiceAdjustment],
) -> tuple[dict[date, int], dict[date, int]]:
    """Enter what is billed; by month, the subscriber-months that adjustments gained and lost."""
    for adjusted in adjustments:
        charge = account, adjusted.subscriber_id, adjusted.member_id, adjusted.month
        if adjusted.cents > 0:
            posting.charge(*charge, adjusted.cents)
        else:
            posting.reverse(*charge, -adjusted.cents, adjusted.taken_cents)
    gained: dict[date, int] = {}
    lost: dict[date, int] = {}
    for subscriber_id, of_month in {(a.subscriber_id, a.month): None for a in adjustments}:
        if posting.is_newly_void(account, subscriber_id, of_month):
            lost[of_month] = lost.get(of_month, 0) + 1
        elif posting.is_newly_earned(account, subscriber_id, of_month):
            gained[of_month] = gained.get(of_month, 0) + 1
    for line in lines:
        posting.charge(account, line.subscriber_id, line.member_id, month, line.cents)
    return gained, lost


def _postings(
    account: Account,
    month: date,
    lines: Sequence[InvoiceLine],
    adjustments: Sequence[InvoiceAdjustment],
) -> Iterator[Posting]:
    if account.credit_cents <= 0 and not adjustments:
        return
    tried = posting.fork(account)
    gained, lost = _bill(tried, month, lines, adjustments)
    taken = dict.fromkeys(lost, 0)
    for adjusted in adjustments:
        if adjusted.taken_cents:
            taken[adjusted.month] = taken.get(adjusted.month, 0) + adjusted.taken_cents
    for of_month, cents in sorted(taken.items()):
        posting.take(tried, of_month, cents)
        yield Posting(of_month, -cents, -lost.get(of_month, 0))
    paid = {posted.coverage_month: posted for posted in posting.spend(tried)}
    for of_month in sorted(paid.keys() | gained.keys()):
        posted = paid.get(of_month, Posting(of_month, 0))
        more = gained.get(of_month, 0)
        yield replace(posted, subscriber_months=posted.subscriber_months + more)
