"""Why a line of an invoice says what it says (handbook §5).

A line of the month itself is what the member cost as known at the run. A line of an earlier month
is what that month costs as known at the run, less all that was billed for it before, with the
transaction that made the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from domain.client.account import Change
from domain.client.explaining import explain_charge
from domain.client.produce_invoice import InvoiceAdjustment, InvoiceLine, InvoiceProduced
from domain.client.sources import Sources
from domain.client.state import Client
from domain.explanation import Explanation, facts, month_text
from domain.money import dollars


class Produced(NamedTuple):
    """An invoice and the transaction of its run."""

    invoice: InvoiceProduced
    transaction_id: str


def line_of(invoice: InvoiceProduced, number: int) -> InvoiceLine | InvoiceAdjustment | None:
    """The line of that number, from 1: the month's lines, then adjustments. None beyond them."""
    if not 0 < number <= len(invoice.lines) + len(invoice.adjustments):
        return None
    if number <= len(invoice.lines):
        return invoice.lines[number - 1]
    return invoice.adjustments[number - len(invoice.lines) - 1]


def explain_line(
    client: Client,
    sources: Sources,
    produced: Produced,
    number: int,
    earlier: Sequence[Produced],
) -> Explanation:
    """Why a line of an invoice is what it is.

    ``client`` and ``sources`` are as they were before the run, ``earlier`` the invoices before it
    that may bill the line's month. ``line_of`` must know the number.
    """
    line = line_of(produced.invoice, number)
    assert line is not None
    if isinstance(line, InvoiceAdjustment):
        return _adjustment(client, sources, produced, number, line, earlier)
    invoice = produced.invoice
    return Explanation(
        label=f"Line {number} of the invoice of {month_text(invoice.month)}: member "
        f"{line.member_id}, {dollars(line.cents)}.",
        cents=line.cents,
        rule="§5",
        facts=facts(invoice=invoice.month, line=number, run_on=invoice.run_on),
        transactions=(produced.transaction_id,),
        children=(
            explain_charge(client, sources, line.subscriber_id, line.member_id, invoice.month),
        ),
    )


# ── An earlier month ───────────────────────────────────────────────────────────────────────────


def _adjustment(
    client: Client,
    sources: Sources,
    produced: Produced,
    number: int,
    line: InvoiceAdjustment,
    earlier: Sequence[Produced],
) -> Explanation:
    invoice, month = produced.invoice, month_text(line.month)
    change = next(c for c in invoice.changes if c.transaction_id == line.transaction_id)
    cost = explain_charge(client, sources, line.subscriber_id, line.member_id, line.month)
    return Explanation(
        label=f"Line {number} of the invoice of {month_text(invoice.month)}: member "
        f"{line.member_id}, {dollars(line.cents)}: as known at the run {month} costs "
        f"{dollars(cost.cents or 0)}, and {dollars(line.billed_before_cents)} had been billed.",
        cents=line.cents,
        rule="§5",
        facts=facts(invoice=invoice.month, line=number, run_on=invoice.run_on, month=line.month),
        transactions=(produced.transaction_id,),
        children=(
            _reason(change, line),
            cost,
            _billed_before(line, earlier),
            *_paid_already(line),
        ),
    )


def _reason(change: Change, line: InvoiceAdjustment) -> Explanation:
    """What made the difference, in words."""
    what = change.transaction_type.replace("_", " ")
    dated = "" if change.effective_on is None else f", effective {change.effective_on}"
    about = ""
    if change.member_id not in (None, line.member_id):
        about = f"; it is about member {change.member_id}, and what others cost follows from it"
    return Explanation(
        label=f"The difference was made by: {what}, received {change.received_on}{dated}{about}.",
        facts=facts(
            type=change.transaction_type,
            received_on=change.received_on,
            effective_on=change.effective_on,
            member=change.member_id,
        ),
        transactions=(change.transaction_id,),
    )


def _billed_before(line: InvoiceAdjustment, earlier: Sequence[Produced]) -> Explanation:
    lines = tuple(billed_lines(earlier, (line.subscriber_id, line.member_id), line.month))
    no_line = "" if lines else ": no earlier invoice has a line for it"
    return Explanation(
        label=f"Billed before for {month_text(line.month)}: {dollars(line.billed_before_cents)}"
        f"{no_line}.",
        cents=line.billed_before_cents,
        children=lines,
    )


def billed_lines(
    invoices: Iterable[Produced], charge: tuple[str, str], month: date
) -> Iterator[Explanation]:
    """The lines that bill a charge (subscriber id, member id) for a month, invoice by invoice."""
    for invoice, transaction_id in invoices:
        for number, cents in _lines_for(invoice, charge, month):
            yield Explanation(
                label=f"Line {number} of the invoice of {month_text(invoice.month)}: "
                f"{dollars(cents)}.",
                cents=cents,
                facts=facts(invoice=invoice.month, line=number, run_on=invoice.run_on),
                transactions=(transaction_id,),
            )


def _lines_for(
    invoice: InvoiceProduced, charge: tuple[str, str], month: date
) -> Iterator[tuple[int, int]]:
    """(number, cents) of an invoice's lines for a charge."""
    if invoice.month == month:
        for number, current in enumerate(invoice.lines, start=1):
            if (current.subscriber_id, current.member_id) == charge:
                yield number, current.cents
    for number, adjusted in enumerate(invoice.adjustments, start=len(invoice.lines) + 1):
        same = (adjusted.subscriber_id, adjusted.member_id) == charge
        if same and adjusted.month == month:
            yield number, adjusted.cents


def _paid_already(line: InvoiceAdjustment) -> Iterator[Explanation]:
    """What happens to the part of a reversed charge that had been paid (§5)."""
    if line.taken_cents:
        yield Explanation(
            label=f"{dollars(line.taken_cents)} of it had been paid: that is posted negatively for "
            f"{month_text(line.month)} and becomes funds.",
            cents=-line.taken_cents,
            rule="§5",
        )
