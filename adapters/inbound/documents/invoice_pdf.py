"""An invoice as a PDF: summary, current charges by subscriber, adjustments with their reasons."""

from __future__ import annotations

from datetime import date

from adapters.inbound.documents.invoice_tables import (
    adjustments,
    changes_of,
    current_charges,
    division_totals,
)
from adapters.inbound.documents.letter_head import figure, letter_head, sums
from adapters.inbound.documents.paper import CARRIER, About, Paper
from adapters.inbound.documents.wording import cents_of, counted, day, month, usd
from adapters.outbound.billing_views import InvoiceLineView, InvoiceSummary, InvoiceView
from processors.knowing import KnownAt


def invoice_pdf(invoice: InvoiceView, on: date, known_at: KnownAt | None = None) -> bytes:
    """The invoice as its client gets it; the same invoice and day give the same bytes.

    Amounts are the recorded ones; members bear the names of the day ``on``, or of an earlier
    moment if that is what was read.
    """
    summary = invoice.summary
    current = [line for line in invoice.lines if line.kind == "current"]
    changed = [line for line in invoice.lines if line.kind == "adjustment"]
    reference = f"{summary.client_id} {summary.month:%Y-%m}"
    paper = Paper(
        About(
            title=f"Invoice {reference}",
            subject=f"Premium for {month(summary.month)}",
            running=f"{CARRIER} – Invoice {reference}",
            foot=f"Names as of {day(on)}" if known_at is None else _known(known_at),
            on=on,
        )
    )
    facts = (
        ("Coverage month", month(summary.month)),
        ("Invoice date", day(summary.run_on)),
        ("Due date", day(summary.due_on)),
        ("Reference", reference),
    )
    letter_head(
        paper, "Invoice", "Bill to", invoice.client_name, f"Client {summary.client_id}", facts
    )
    _amount_due(paper, summary)
    sums(paper, "Summary", _summary_rows(summary, current, changed))
    _paying(paper, invoice, reference)
    current_charges(paper, summary, current)
    adjustments(paper, changed)
    division_totals(paper, current, changed)
    return paper.pdf()


def _known(known_at: KnownAt) -> str:
    if isinstance(known_at, int):
        return f"As known at position {known_at}"
    return f"As known at {known_at.replace(tzinfo=None).isoformat(' ')} UTC"


def _amount_due(paper: Paper, summary: InvoiceSummary) -> None:
    credit = cents_of(summary.credit_carried)
    if cents_of(summary.due):
        note = f"Please pay by {day(summary.due_on)}."
    elif credit:
        note = f"Nothing is to be paid. A credit of {usd(credit)} is carried forward."
    else:
        note = "Nothing is to be paid."
    figure(paper, "Amount due", usd(cents_of(summary.due)), note)


def _summary_rows(
    summary: InvoiceSummary, current: list[InvoiceLineView], changed: list[InvoiceLineView]
) -> list[tuple[str, str, str, bool]]:
    people = counted(len({line.subscriber_id for line in current}), "subscriber")
    lines = counted(len(current), "line")
    corrected = (
        f"{counted(len(changed), 'line')} from {counted(len(changes_of(changed)), 'change')}"
        if changed
        else "None"
    )
    rows = [
        (
            "Prior balance",
            "Unpaid charges less unused credit, before this invoice",
            summary.prior_balance,
            False,
        ),
        (f"Current charges, {month(summary.month)}", f"{people}, {lines}", summary.current, False),
        ("Adjustments of earlier months", corrected, summary.adjustments, False),
        ("Total", "", summary.total, True),
        ("Amount due", "", summary.due, True),
        ("Credit carried forward", "", summary.credit_carried, False),
    ]
    return [(label, note, usd(cents_of(amount)), bold) for label, note, amount, bold in rows]


def _paying(paper: Paper, invoice: InvoiceView, reference: str) -> None:
    summary = invoice.summary
    paper.section("Paying this invoice", 60)
    if cents_of(summary.due):
        paper.paragraph(
            f"Please pay {CARRIER} by check or EFT, and give the reference {reference}."
        )
        paper.paragraph("Pay the amount invoiced, also if there have been changes since.")
    paper.paragraph(
        f"Changes that came after {day(summary.run_on)}, when this invoice was made, are on the "
        "next one."
    )
    paper.paragraph(f"Questions about billing: {invoice.billing_contact}")
