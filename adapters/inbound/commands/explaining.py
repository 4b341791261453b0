"""Commands that explain a line of an invoice or of a commission statement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from adapters.inbound.commands.opening import AsJson, reading
from adapters.inbound.commands.printing import show
from adapters.inbound.commands.reading import ClientArgument
from adapters.inbound.commands.statements import PayeeArgument, month_of
from adapters.inbound.explanations import explained_commission_line, explained_invoice_line
from adapters.outbound.explanation_views import CitedTransaction, ExplanationView

explain = typer.Typer(
    help="Say why a line of an invoice or statement is what it is.", no_args_is_help=True
)

MonthArgument = Annotated[str, typer.Argument(metavar="MONTH", help="Such as 2026-04.")]
NumberArgument = Annotated[int, typer.Argument(metavar="LINE", min=1, help="The line's number.")]
_INDENT = "  "


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
    """
    asked = month_of(month)
    with reading(context) as services:
        _show(explained_invoice_line(services, client_id, asked, number, None), as_json)


@explain.command()
def commission(
    context: typer.Context,
    payee: PayeeArgument,
    month: MonthArgument,
    transaction_id: Annotated[
        str, typer.Argument(metavar="TRANSACTION", help="The line's transaction id.")
    ],
    number: NumberArgument,
    as_json: AsJson = False,
) -> None:
    """Explain a line of a statement: posting, terms, agent of record, share, who sent what.

    \b
    ofrecord statement A-10 2026-05 --json      (its lines have transaction_id and number)
    ofrecord explain commission A-10 2026-05 4f0c8d1e2b3a49586776a1b2c3d4e5f6 1
    """
    asked = month_of(month)
    with reading(context) as services:
        found = explained_commission_line(services, payee, asked, transaction_id, number, None)
        _show(found, as_json)


def _show(view: ExplanationView, as_json: bool) -> None:
    if as_json:
        show(view, as_json)
        return
    for line in _lines(view, ""):
        typer.echo(line)


def _lines(view: ExplanationView, indent: str) -> Iterator[str]:
    """The tree as text: a step, the transactions behind it, what it follows from, further in."""
    yield indent + view.label
    for transaction in view.transactions:
        yield f"{indent}{_INDENT}← {_sent(transaction)}"
    for child in view.children:
        yield from _lines(child, indent + _INDENT)


def _sent(transaction: CitedTransaction) -> str:
    named = f" for {transaction.producer_id}" if transaction.producer_id else ""
    return (
        f"{transaction.type} by {transaction.sender} ({transaction.role}){named}, received "
        f"{transaction.received_at.isoformat(' ', 'seconds')}, position {transaction.position}, "
        f"transaction {transaction.transaction_id}"
    )
