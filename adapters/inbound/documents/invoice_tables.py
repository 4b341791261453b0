"""The tables of an invoice: current charges, adjustments, and what each division's part is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import chain, groupby

from adapters.inbound.documents.paper import BODY_WIDTH, TEXT, Paper
from adapters.inbound.documents.table import Column, Row, Table
from adapters.inbound.documents.wording import (
    cents_of,
    counted,
    in_words,
    month,
    short_month,
    usd,
    with_short_days,
)
from adapters.outbound.billing_views import InvoiceLineView, InvoiceSummary

_NAME_UNKNOWN = "(not in the book any more)"
_INDENT = 10.0


# ── Current charges ────────────────────────────────────────────────────────────────────────────

_BY_MEMBER = (
    Column("Member", 162),
    Column("Member id", 62),
    Column("Relationship", 72),
    Column("Plan", 94),
    Column("Amount", 64, is_amount=True),
    Column("Subscriber total", 74, is_amount=True),
)
_BY_TIER = (
    Column("Subscriber", 218),
    Column("Member id", 78),
    Column("Plan", 104),
    Column("Tier", 50),
    Column("Amount", 78, is_amount=True),
)
_TIERS = (
    "Tiers: EMP the subscriber alone, ESP with spouse or partner, ECH with children, FAM with both."
)


def current_charges(paper: Paper, summary: InvoiceSummary, lines: list[InvoiceLineView]) -> None:
    """A row for each line, the families of a division together, with their totals."""
    title = f"Current charges, {month(summary.month)}"
    if not lines:
        paper.section(title, TEXT.leading)
        paper.paragraph("Nobody is covered in this month.")
        return
    by_tier = all(line.tier is not None for line in lines)
    columns = _BY_TIER if by_tier else _BY_MEMBER
    table = Table(paper, columns, title, _TIERS if by_tier else "")
    divisions = groupby(sorted(lines, key=_place), key=lambda line: line.subgroup_id)
    parts = [(division, _families(part)) for division, part in divisions]
    for number, (division, families) in enumerate(parts, start=1):
        totals = []
        if len(parts) > 1:
            table.band(f"Division {division}")
            people = counted(len(families), "subscriber")
            label = f"Division {division}, {people}"
            totals = [_total(label, chain.from_iterable(families), columns)]
        if number == len(parts):
            totals.append(_total(title, lines, columns))
        table.group([_family_rows(family, by_tier) for family in families], totals)


def _place(line: InvoiceLineView) -> tuple[str, str, int]:
    return line.subgroup_id, line.subscriber_id, line.number


def _families(lines: Iterable[InvoiceLineView]) -> list[list[InvoiceLineView]]:
    """The lines of each subscriber, the subscriber's own first."""
    return [
        sorted(family, key=lambda line: line.member_id != line.subscriber_id)
        for _, family in groupby(lines, key=lambda line: line.subscriber_id)
    ]


def _family_rows(family: list[InvoiceLineView], by_tier: bool) -> list[Row]:
    rows = []
    for number, line in enumerate(family, start=1):
        is_last = number == len(family)
        amount, total = usd(cents_of(line.amount)), usd(_sum(family)) if is_last else ""
        if by_tier:
            figures: tuple[str, ...] = (line.plan_id, line.tier or "", amount)
        else:
            figures = (_relationship(line), line.plan_id, amount, total)
        cells = (_name(line), line.member_id, *figures)
        is_subscriber = line.member_id == line.subscriber_id
        rows.append(Row(cells, indent=0 if is_subscriber else _INDENT, is_last=is_last))
    return rows


def _name(line: InvoiceLineView) -> str:
    return line.member_name or _NAME_UNKNOWN


def _relationship(line: InvoiceLineView) -> str:
    if line.member_id == line.subscriber_id:
        return "Subscriber"
    return in_words(line.relationship or "")


def _sum(lines: Iterable[InvoiceLineView]) -> int:
    """In cents."""
    return sum(cents_of(line.amount) for line in lines)


def _total(label: str, lines: Iterable[InvoiceLineView], columns: tuple[Column, ...]) -> Row:
    """A sum in the last column."""
    empty = ("",) * (len(columns) - 2)
    return Row((label, *empty, usd(_sum(lines))), is_total=True)


# ── Adjustments ────────────────────────────────────────────────────────────────────────────────

_ADJUSTED = (
    Column("Month", 46),
    Column("Member", 128),
    Column("Member id", 62),
    Column("Plan", 94),
    Column("Billed before", 64, is_amount=True),
    Column("Correct charge", 66, is_amount=True),
    Column("Adjustment", 68, is_amount=True),
)


def changes_of(lines: list[InvoiceLineView]) -> list[list[InvoiceLineView]]:
    """Adjustments by the change behind them, in the order in which the changes first appear."""
    changes: dict[tuple[str | None, str | None], list[InvoiceLineView]] = defaultdict(list)
    for line in lines:
        changes[line.transaction_id, line.reason_text].append(line)
    return list(changes.values())


def adjustments(paper: Paper, lines: list[InvoiceLineView]) -> None:
    """A row for each adjusted member and month, those of a change together under its reason."""
    title = "Adjustments of earlier months"
    if not lines:
        paper.section(title, TEXT.leading)
        paper.paragraph("There are none.")
        return
    table = Table(paper, _ADJUSTED, title)
    changes = changes_of(lines)
    for number, change in enumerate(changes, start=1):
        table.band(_reason(change[0]), _transaction(change[0]))
        members = groupby(change, key=lambda line: line.member_id)
        totals = [_total("Subtotal of this change", change, _ADJUSTED)]
        if number == len(changes):
            totals.append(_total(title, lines, _ADJUSTED))
        table.group([[_adjusted_row(line) for line in months] for _, months in members], totals)


def _reason(line: InvoiceLineView) -> str:
    return with_short_days(line.reason_text or in_words(line.reason or "changed"))


def _transaction(line: InvoiceLineView) -> str:
    return f"Transaction {line.transaction_id}" if line.transaction_id else ""


def _adjusted_row(line: InvoiceLineView) -> Row:
    before, change = cents_of(line.billed_before or "0.00"), cents_of(line.amount)
    plan = line.plan_id if line.tier is None else f"{line.plan_id} {line.tier}"
    name = _name(line)
    amounts = (usd(before), usd(before + change), usd(change))
    return Row((short_month(line.month), name, line.member_id, plan, *amounts))


# ── Divisions ──────────────────────────────────────────────────────────────────────────────────

_DIVIDED = (
    Column("Division", BODY_WIDTH - 3 * 100),
    Column("Current charges", 100, is_amount=True),
    Column("Adjustments", 100, is_amount=True),
    Column("Together", 100, is_amount=True),
)


def division_totals(
    paper: Paper, current: list[InvoiceLineView], changed: list[InvoiceLineView]
) -> None:
    """Each division's part, where there are several: for those who share the cost out."""
    parts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for column, lines in enumerate((current, changed)):
        for line in lines:
            parts[line.subgroup_id][column] += cents_of(line.amount)
    if len(parts) < 2:
        return
    table = Table(paper, _DIVIDED, "Charges and adjustments by division")
    rows = [[_division_row(division, *parts[division])] for division in sorted(parts)]
    together = _division_row("All divisions", *map(sum, zip(*parts.values(), strict=True)))
    table.group(rows, [Row(together.cells, is_total=True)])


def _division_row(label: str, current: int, changed: int) -> Row:
    return Row((label, usd(current), usd(changed), usd(current + changed)))
