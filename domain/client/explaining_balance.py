"""Why a client owes what it owes: billed − posted = open, payments − posted = credit (§5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from msgspec.structs import replace

from domain.client.bookings import Booked, source_of
from domain.client.listing import Entry, in_years
from domain.client.produce_invoice import InvoiceProduced
from domain.explanation import Explanation, facts, month_text
from domain.money import dollars


def explain_balance(client_id: str, booked: Sequence[Booked]) -> Explanation:
    """What is open less what is credit, down to invoices and payments.

    ``booked`` is everything that moved the account, in order.
    """
    billed, funds, posted = _billed(booked), _funds(booked), _posted(booked)
    open_charges = _open(booked, billed, posted)
    credit = _credit(funds, posted)
    open_cents, credit_cents = open_charges.cents or 0, credit.cents or 0
    cents = open_cents - credit_cents
    return Explanation(
        label=f"Balance of client {client_id}: {dollars(open_cents)} open less "
        f"{dollars(credit_cents)} credit is {dollars(cents)}.",
        cents=cents,
        rule="§5",
        facts=facts(client=client_id),
        children=(open_charges, credit),
    )


def _open(booked: Sequence[Booked], billed: Explanation, posted: Explanation) -> Explanation:
    cents = (billed.cents or 0) - (posted.cents or 0)
    return Explanation(
        label=f"Open: {dollars(billed.cents or 0)} billed less {dollars(posted.cents or 0)} posted "
        f"is {dollars(cents)}.",
        cents=cents,
        rule="§5",
        children=(billed, posted, _by_month(booked, cents)),
    )


def _credit(funds: Explanation, posted: Explanation) -> Explanation:
    cents = (funds.cents or 0) - (posted.cents or 0)
    owed = ", which is owed like a charge: refunded money bounced" if cents < 0 else ""
    return Explanation(
        label=f"Credit: {dollars(funds.cents or 0)} of funds less {dollars(posted.cents or 0)} "
        f"posted is {dollars(cents)}{owed}.",
        cents=cents,
        rule="§5",
        children=(funds, replace(posted, label=f"Posted, as above: {dollars(posted.cents or 0)}.",
                                 children=())),
    )  # fmt: skip


# ── The three sums ─────────────────────────────────────────────────────────────────────────────


def _billed(booked: Sequence[Booked]) -> Explanation:
    def told(each: Booked) -> Explanation:
        event = each.event
        assert isinstance(event, InvoiceProduced)
        adjustments = f" and adjustments {dollars(event.adjustments_cents)}"
        return Explanation(
            label=f"The invoice of {month_text(event.month)}, of {event.run_on}: current "
            f"{dollars(event.current_cents)}{adjustments if event.adjustments else ''} come to "
            f"{dollars(each.billed_cents)}.",
            cents=each.billed_cents,
            facts=facts(invoice=event.month, lines=len(event.lines) + len(event.adjustments)),
            transactions=(each.transaction_id,),
        )

    invoices = [each for each in booked if isinstance(each.event, InvoiceProduced)]
    cents = sum(each.billed_cents for each in invoices)
    return _sum("Billed, by invoice", cents, invoices, told)


def _funds(booked: Sequence[Booked]) -> Explanation:
    def told(each: Booked) -> Explanation:
        source = source_of(each.event)
        return Explanation(
            label=f"{source[:1].upper()}{source[1:]} of {each.booked_on}: "
            f"{dollars(each.funds_cents)}.",
            cents=each.funds_cents,
            transactions=(each.transaction_id,),
        )

    moved = [each for each in booked if each.funds_cents]
    cents = sum(each.funds_cents for each in moved)
    title = "Funds: payments and credits, less refunds and what bounced"
    return _sum(title, cents, moved, told)


def _posted(booked: Sequence[Booked]) -> Explanation:
    def told(each: Booked) -> Explanation:
        return Explanation(
            label=f"Posted by {source_of(each.event)} on {each.booked_on}, "
            f"{_counted(len(each.postings))}: {dollars(each.posted_cents)}.",
            cents=each.posted_cents,
            facts=facts(postings=len(each.postings)),
            transactions=(each.transaction_id,),
        )

    posting = [each for each in booked if each.postings]
    cents = sum(each.posted_cents for each in posting)
    return _sum("Posted, by payment and run", cents, posting, told)


def _counted(postings: int) -> str:
    return "1 posting" if postings == 1 else f"{postings} postings"


def _sum(
    title: str, cents: int, booked: Sequence[Booked], told: Callable[[Booked], Explanation]
) -> Explanation:
    entries = [Entry(each.booked_on, told(each)) for each in booked]
    return Explanation(
        label=f"{title}: {dollars(cents)}.",
        cents=cents,
        facts=facts(count=len(entries)),
        children=tuple(in_years(entries)),
    )


# ── By coverage month ──────────────────────────────────────────────────────────────────────────


def _by_month(booked: Sequence[Booked], open_cents: int) -> Explanation:
    """The same once more by the months that it is for: only those with something open."""
    billed, posted = _of_months(booked)
    entries = [
        Entry(
            month,
            Explanation(
                label=f"Of {month_text(month)}: {dollars(billed.get(month, 0))} billed less "
                f"{dollars(posted.get(month, 0))} posted is {dollars(cents)}.",
                cents=cents,
                facts=facts(coverage_month=month),
            ),
        )
        for month in sorted(billed.keys() | posted.keys())
        if (cents := billed.get(month, 0) - posted.get(month, 0))
    ]
    return Explanation(
        label=f"The same by coverage month: {dollars(open_cents)}.",
        cents=open_cents,
        children=tuple(in_years(entries)),
    )


def _of_months(booked: Sequence[Booked]) -> tuple[dict[date, int], dict[date, int]]:
    """Cents by coverage month: billed, and posted."""
    billed: dict[date, int] = {}
    posted: dict[date, int] = {}
    for each in booked:
        event = each.event
        if isinstance(event, InvoiceProduced):
            billed[event.month] = billed.get(event.month, 0) + event.current_cents
            for adjusted in event.adjustments:
                billed[adjusted.month] = billed.get(adjusted.month, 0) + adjusted.cents
        for posting in each.postings:
            month = posting.coverage_month
            posted[month] = posted.get(month, 0) + posting.cents
    return billed, posted
