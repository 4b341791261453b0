"""What must hold of the money at any moment (handbook §5, §6; invariant I5), to the cent.

Checked on the rows as they are shown and on the state as it is folded: each is added up from its
parts, so that a wrong total shows even where rows and replay agree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TypeVar

import msgspec

from domain.client.state import Client
from domain.streams import Stream
from projections.commission_rows import CommissionLineRow, StatementRow
from projections.invoice_rows import (
    AccountRow,
    FundsRow,
    InvoiceLineRow,
    InvoiceRow,
    OpenChargeRow,
    PostingRow,
)
from projections.kernel import Row

_R = TypeVar("_R", bound=Row)

Broken = tuple[str, str]
"""The table an identity is about, and what of it does not add up."""


def wrong_invoices(stream: Stream, rows: Sequence[Row]) -> Iterator[Broken]:
    """What does not add up of a client's charges, funds and invoices."""
    if not isinstance(stream, Client):
        return
    account = stream.account
    if account.open_cents != sum(
        cents
        for by_subscriber in account.open.values()
        for charges in by_subscriber.values()
        for cents in charges.values()
    ):
        yield AccountRow.table, "of the replay: what is open is not the sum of the open charges"
    if account.posted_cents != sum(account.posted.values()):
        yield AccountRow.table, "of the replay: what is posted is not the sum of its months"
    for shown in _of(AccountRow, rows):
        yield from _wrong_account(shown, rows)
    lines: dict[date, list[InvoiceLineRow]] = defaultdict(list)
    for line in _of(InvoiceLineRow, rows):
        lines[line.invoice_month].append(line)
    for invoice in _of(InvoiceRow, rows):
        yield from _wrong_invoice(invoice, lines[invoice.month])


def _wrong_account(account: AccountRow, rows: Sequence[Row]) -> Iterator[Broken]:
    invoiced = sum(i.current_cents + i.adjustments_cents for i in _of(InvoiceRow, rows))
    still_open = sum(charge.open_cents for charge in _of(OpenChargeRow, rows))
    posted = sum(posting.cents for posting in _of(PostingRow, rows))
    moved = sum(funds.cents for funds in _of(FundsRow, rows))
    a = account
    sums = (
        ("billed = posted + open", a.billed_cents, a.posted_cents + a.open_cents),
        ("funds = posted + credit", a.funds_cents, a.posted_cents + a.credit_cents),
        ("balance = open - credit", a.balance_cents, a.open_cents - a.credit_cents),
        ("billed = the invoices", a.billed_cents, invoiced),
        ("open = the open charges", a.open_cents, still_open),
        ("posted = the postings", a.posted_cents, posted),
        ("funds = what moved them", a.funds_cents, moved),
    )
    for identity, whole, parts in sums:
        if whole != parts:
            yield AccountRow.table, f"{identity} does not hold"


def _wrong_invoice(invoice: InvoiceRow, lines: Sequence[InvoiceLineRow]) -> Iterator[Broken]:
    month = f"{invoice.month:%Y-%m}"
    for kind, count, cents in (
        ("current", invoice.line_count, invoice.current_cents),
        ("adjustment", invoice.adjustment_count, invoice.adjustments_cents),
    ):
        of_kind = [line.cents for line in lines if line.kind == kind]
        if (len(of_kind), sum(of_kind)) != (count, cents):
            yield InvoiceRow.table, f"{month}: its {kind} lines are not its total"
    parts = invoice.prior_balance_cents + invoice.current_cents + invoice.adjustments_cents
    if invoice.total_cents != parts:
        yield (
            InvoiceRow.table,
            f"{month}: its total is not the sum of its parts",
        )


def wrong_commission_lines(_stream: Stream, rows: Sequence[Row]) -> Iterator[Broken]:
    """Commission lines whose shares are not their whole."""
    shares: dict[tuple[int, int], list[CommissionLineRow]] = defaultdict(list)
    for line in _of(CommissionLineRow, rows):
        shares[line.position, line.number].append(line)
    for (position, number), of_line in shares.items():
        whole = {line.commission_cents for line in of_line}
        if whole != {sum(line.share_cents for line in of_line)}:
            told = f"line {number} of position {position}: its shares are not its commission"
            yield CommissionLineRow.table, told


WRONG: Mapping[str, Callable[[Stream, Sequence[Row]], Iterable[Broken]]] = {
    "invoices": wrong_invoices,
    "commissions": wrong_commission_lines,
}
"""By projection: what does not add up of one client or payee."""


class _Statement(msgspec.Struct, frozen=True):
    stream_id: str
    payee_id: str
    month: date
    after: int
    through: int
    count: int
    cents: int


class StatementsLedger(msgspec.Struct):
    """Statements, and the lines of all clients that they must be the sums of."""

    lines: dict[str, list[tuple[int, int]]] = msgspec.field(default_factory=dict)
    """By payee: position and cents of each line."""
    statements: list[_Statement] = msgspec.field(default_factory=list)

    def note(self, rows: Iterable[Row]) -> None:
        """Take what is of commission among rows that are shown."""
        for row in rows:
            if isinstance(row, CommissionLineRow):
                self.lines.setdefault(row.payee_id, []).append((row.position, row.share_cents))
            elif isinstance(row, StatementRow):
                self.statements.append(
                    _Statement(
                        row.client_id, row.payee_id, row.month, row.after_position,
                        row.through_position, row.line_count, row.lines_cents,
                    )
                )  # fmt: skip

    def add(self, other: StatementsLedger) -> None:
        """Take what another worker noted."""
        for payee_id, lines in other.lines.items():
            self.lines.setdefault(payee_id, []).extend(lines)
        self.statements += other.statements

    def wrong(self, through: int) -> Iterator[tuple[str, Broken]]:
        """By payee's stream: statements up to a position that are not the sum of their lines."""
        for said in self.statements:
            if said.through > through:
                continue  # lines of it may have come after they were looked for
            cents = [
                cents
                for position, cents in self.lines.get(said.payee_id, ())
                if said.after < position <= said.through
            ]
            if (len(cents), sum(cents)) != (said.count, said.cents):
                told = f"{said.month:%Y-%m}: the statement is not the sum of its lines"
                yield said.stream_id, (StatementRow.table, told)


def _of(table: type[_R], rows: Iterable[Row]) -> Iterator[_R]:
    return (row for row in rows if isinstance(row, table))
