"""Commands that explain a figure: a premium, a balance, a posting, a line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

import msgspec
import typer

from adapters.inbound.commands.opening import SAID_NO, AsJson, fail, reading
from adapters.inbound.commands.printing import show, table
from adapters.inbound.commands.reading import ClientArgument
from adapters.inbound.commands.recording import shows
from adapters.inbound.commands.statements import PayeeArgument, month_of
from adapters.inbound.explanations import (
    LineNotFound,
    PostingNotFound,
    explained_balance,
    explained_commission_line,
    explained_invoice_line,
    explained_posting,
    explained_premium,
)
from adapters.inbound.http_edge import problem_for
from adapters.outbound.billing_reads import InvoiceNotFound, InvoiceNotShown
from adapters.outbound.commission_reads import PayeeNotFound, StatementNotFound
from adapters.outbound.explanation_views import CitedTransaction, ExplanationView
from adapters.services import Services

explain = typer.Typer(help="Say why a figure is what it is.", no_args_is_help=True)

MonthArgument = Annotated[str, typer.Argument(metavar="MONTH", help="Such as 2026-04.")]
NumberArgument = Annotated[int, typer.Argument(metavar="LINE", min=1, help="The line's number.")]
TransactionArgument = Annotated[
    str, typer.Argument(metavar="TRANSACTION", help="Its transaction id.")
]
_MISSING = (
    *(InvoiceNotFound, InvoiceNotShown, PayeeNotFound),
    *(StatementNotFound, LineNotFound, PostingNotFound),
)
_INDENT = "  "


@explain.command()
def premium(
    context: typer.Context,
    client_id: ClientArgument,
    member_id: Annotated[str, typer.Argument(metavar="MEMBER", help="11 digits.")],
    month: MonthArgument,
    as_json: AsJson = False,
) -> None:
    """Explain what a member costs in a month: rate, age, tier, part month, who sent what.

    \b
    ofrecord explain premium harbor-bakery 20260100010 2026-02
    """
    asked = month_of(month)
    with _answering(context) as services:
        _show(explained_premium(services, client_id, member_id, asked, None), as_json)


@explain.command()
def balance(context: typer.Context, client_id: ClientArgument, as_json: AsJson = False) -> None:
    """Explain what a client owes: by invoice, payment and coverage month.

    \b
    ofrecord explain balance harbor-bakery
    """
    with _answering(context) as services:
        _show(explained_balance(services, client_id, None), as_json)


@explain.command()
def posting(
    context: typer.Context,
    client_id: ClientArgument,
    transaction_id: TransactionArgument,
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="Its number, from 1.")],
    as_json: AsJson = False,
) -> None:
    """Explain a posting of a payment or run: the funds, and the charges they paid or opened.

    \b
    ofrecord explain balance harbor-bakery      (names the transactions that posted)
    ofrecord explain posting harbor-bakery 4f0c8d1e2b3a49586776a1b2c3d4e5f6 1
    """
    with _answering(context) as services:
        found = explained_posting(services, client_id, transaction_id, number, None)
        _show(found, as_json)


@explain.command()
def invoice(
    context: typer.Context,
    client_id: ClientArgument,
    month: MonthArgument,
    number: NumberArgument,
    as_json: AsJson = False,
) -> None:
    """Explain a line of an invoice: rate, age, rules, what was billed before, who sent what.

    \b
    ofrecord explain invoice harbor-bakery 2026-04 8
    ofrecord explain invoice harbor-bakery 2026-06 7 --json

    `ofrecord invoice` shows the numbers of the lines.
    """
    asked = month_of(month)
    with _answering(context) as services:
        _show(explained_invoice_line(services, client_id, asked, number, None), as_json)


@explain.command()
def commission(
    context: typer.Context,
    payee: PayeeArgument,
    month: MonthArgument,
    transaction_id: TransactionArgument,
    number: NumberArgument,
    as_json: AsJson = False,
) -> None:
    """Explain a line of a statement: posting, terms, agent of record, share, who sent what.

    \b
    ofrecord statement A-10 2026-05 --json      (its lines have transaction_id and number)
    ofrecord explain commission A-10 2026-05 4f0c8d1e2b3a49586776a1b2c3d4e5f6 1
    """
    asked = month_of(month)
    with _answering(context) as services:
        client_id, found = explained_commission_line(
            services, payee, asked, transaction_id, number, None
        )
        shows(context, [client_id])
        _show(found, as_json)


@contextmanager
def _answering(context: typer.Context) -> Iterator[Services]:
    """The system, and a sentence that says what is not there, or is shown no more."""
    with reading(context) as services:
        try:
            yield services
        except _MISSING as missing:
            raise fail(problem_for(missing).detail, SAID_NO) from None


# ── For people ─────────────────────────────────────────────────────────────────────────────────


class PrintedTransaction(msgspec.Struct):
    """A transaction behind a figure, with the number by which the steps name it."""

    no: str
    type: str
    sender: str
    role: str
    producer_id: str | None
    received_at: datetime
    position: int
    transaction_id: str


def _show(view: ExplanationView, as_json: bool) -> None:
    if as_json:
        show(view, as_json)
        return
    numbered: dict[str, PrintedTransaction] = {}
    for line in [*_lines(view, "", numbered), "", "Transactions"]:
        typer.echo(line)
    for line in table(list(numbered.values()), _INDENT):
        typer.echo(line)


def _lines(
    view: ExplanationView, indent: str, numbered: dict[str, PrintedTransaction]
) -> Iterator[str]:
    """The tree as text: a step with its rule's section and the numbers of its transactions."""
    told = []
    for cited in view.transactions:
        printed = numbered.setdefault(cited.transaction_id, _printed(cited, len(numbered) + 1))
        told.append(printed.no)
    rule = [] if view.rule is None else [view.rule]
    yield " ".join([indent + view.label, *rule, *told])
    for child in view.children:
        yield from _lines(child, indent + _INDENT, numbered)


def _printed(cited: CitedTransaction, number: int) -> PrintedTransaction:
    return PrintedTransaction(
        no=f"[{number}]",
        type=cited.type,
        sender=cited.sender,
        role=cited.role,
        producer_id=cited.producer_id,
        received_at=cited.received_at,
        position=cited.position,
        transaction_id=cited.transaction_id,
    )
