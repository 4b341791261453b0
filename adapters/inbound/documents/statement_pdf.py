"""A payee's commission statement as a PDF: its lines by client, and what is paid of them."""

from __future__ import annotations

from datetime import date
from itertools import groupby

from adapters.inbound.documents.letter_head import figure, letter_head, sums
from adapters.inbound.documents.paper import CARRIER, TEXT, About, Paper
from adapters.inbound.documents.table import Column, Row, Table
from adapters.inbound.documents.wording import (
    cents_of,
    counted,
    day,
    month,
    short_day,
    short_month,
    usd,
)
from adapters.outbound.billing_views import CommissionLineView, StatementSummary, StatementView

_COLUMNS = (
    Column("Coverage month", 62),
    Column("Posted on", 62),
    Column("Premium posted", 78, is_amount=True),
    Column("Subscriber-months", 58, is_amount=True),
    Column("", 12),
    Column("Rate", 108),
    Column("Commission", 74, is_amount=True),
    Column("Your share", 74, is_amount=True),
)


def statement_pdf(statement: StatementView, on: date) -> bytes:
    """The statement as its payee gets it; the same statement and day give the same bytes.

    Amounts are the recorded ones; ``on`` is the day whose names the clients bear in it.
    """
    summary = statement.summary
    reference = f"{summary.payee_id} {summary.month:%Y-%m}"
    paper = Paper(
        About(
            title=f"Commission statement {reference}",
            subject=f"Commission, statement of {month(summary.month)}",
            running=f"{CARRIER} – Commission statement {reference}",
            foot=f"Names as of {day(on)}",
            on=on,
        )
    )
    facts = (
        ("Statement of", month(summary.month)),
        ("Statement date", day(summary.run_on)),
        ("Reference", reference),
        ("Paid by", _paid_by(summary)),
    )
    name = statement.payee_name or summary.payee_id
    id_line = f"Payee {summary.payee_id}" if statement.payee_name else ""
    letter_head(paper, "Commission statement", "Payee", name, id_line, facts)
    _payment(paper, summary)
    sums(paper, "Summary", _summary_rows(summary))
    _lines(paper, statement.lines)
    return paper.pdf()


def _paid_by(summary: StatementSummary) -> str:
    if summary.pay_by == "check":
        return "Check"
    return f"EFT ending {summary.account_ending}" if summary.account_ending else "EFT"


def _payment(paper: Paper, summary: StatementSummary) -> None:
    carried = cents_of(summary.carried_forward)
    if carried:
        note = f"Nothing is paid: {usd(carried)} is carried forward to the next statement."
    elif not cents_of(summary.paid):
        note = "Nothing is paid."
    elif summary.pay_by == "check":
        note = "Paid by check."
    elif summary.account_ending:
        note = f"Paid by EFT to the account ending {summary.account_ending}."
    else:
        note = "Paid by EFT."
    figure(paper, "Paid", usd(cents_of(summary.paid)), note)


def _summary_rows(summary: StatementSummary) -> list[tuple[str, str, str, bool]]:
    total = cents_of(summary.lines_total)
    forward = cents_of(summary.brought_forward)
    return [
        ("Commission of this statement", counted(summary.line_count, "line"), usd(total), False),
        ("Brought forward", "What earlier negative statements left", usd(forward), False),
        ("Total", "", usd(total + forward), True),
        ("Paid", "", usd(cents_of(summary.paid)), True),
        ("Carried forward", "", usd(cents_of(summary.carried_forward)), False),
    ]


def _lines(paper: Paper, lines: list[CommissionLineView]) -> None:
    title = "Commission by client and coverage month"
    if not lines:
        paper.section(title, TEXT.leading)
        paper.paragraph("Nothing was posted that this payee earns on.")
        return
    note = "Commission is earned on posted premium; “your share” is your part of it."
    table = Table(paper, _COLUMNS, title, note)
    ordered = sorted(lines, key=_place)
    clients = [list(part) for _, part in groupby(ordered, key=lambda line: line.client_id)]
    for number, client in enumerate(clients, start=1):
        name = client[0].client_name
        table.band(f"{name} ({client[0].client_id})" if name else client[0].client_id)
        totals = [_total("Client", client)]
        if number == len(clients):
            totals.append(_total("All clients", lines))
        table.group([_line_rows(line) for line in client], totals)


def _place(line: CommissionLineView) -> tuple[str, date, date, str, int]:
    return (
        *(line.client_id, line.coverage_month, line.posted_on),
        *(line.transaction_id, line.number),
    )


def _line_rows(line: CommissionLineView) -> list[Row]:
    cells = (
        short_month(line.coverage_month),
        short_day(line.posted_on),
        usd(cents_of(line.posted)),
        f"{line.subscriber_months:,}",
        "",
        line.rate,
        usd(cents_of(line.commission)),
        usd(cents_of(line.share)),
    )
    rows = [Row(cells)]
    if line.takes_back_from is not None:
        text = f"Takes back from the statement of {month(line.takes_back_from)}"
        rows.append(Row((text,), is_note=True, indent=10))
    return rows


def _total(label: str, lines: list[CommissionLineView]) -> Row:
    posted = sum(cents_of(line.posted) for line in lines)
    commission = sum(cents_of(line.commission) for line in lines)
    share = sum(cents_of(line.share) for line in lines)
    amounts = (usd(posted), "", "", "", usd(commission), usd(share))
    return Row((label, "", *amounts), is_total=True)
