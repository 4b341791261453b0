"""Commands that read commissions: a payee's statements, one of them, and the years' totals."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from adapters.inbound.commands.opening import AsJson, reading
from adapters.inbound.commands.printing import PdfFile, show, write_document
from adapters.inbound.commands.reading import Cursor, Limit
from adapters.inbound.commands.recording import shows
from adapters.inbound.documents.statement_pdf import statement_pdf
from adapters.inbound.http_billing_reads import month_in
from adapters.inbound.statement_csv import statement_csv
from domain.dates import carrier_date

PayeeArgument = Annotated[str, typer.Argument(metavar="PAYEE", help="An agency or producer id.")]


def statement(
    context: typer.Context,
    payee: PayeeArgument,
    month: Annotated[str, typer.Argument(metavar="MONTH", help="Such as 2026-05.")],
    as_csv: Annotated[bool, typer.Option("--csv", help="Its lines, for a spreadsheet.")] = False,
    pdf: PdfFile = None,
    as_json: AsJson = False,
) -> None:
    """Show a payee's commission statement of a month, with all its lines.

    \b
    ofrecord statement A-10 2026-05
    ofrecord statement A-10 2026-05 --csv > statement.csv
    ofrecord statement A-10 2026-05 --pdf statement.pdf
    """
    if as_csv + as_json + (pdf is not None) > 1:
        raise typer.BadParameter("One of --csv, --pdf and --json.")
    asked = month_of(month)
    with reading(context) as services:
        found = services.commissions.statement(payee, asked, None)
        shows(context, (line.client_id for line in found.lines))
        if pdf is not None:
            write_document(statement_pdf(found, carrier_date(services.clock.now())), pdf)
            return
        if not as_csv:
            show(found, as_json)
            return
        for part in statement_csv(found.lines):
            typer.echo(part, nl=False)


def statements(
    context: typer.Context,
    payee: PayeeArgument,
    totals: Annotated[bool, typer.Option("--totals", help="Only the totals by year.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List a payee's commission statements, newest first.

    \b
    ofrecord statements A-10
    ofrecord statements A-10 --totals
    """
    with reading(context) as services:
        if totals:
            show(services.commissions.yearly_totals(payee, None), as_json)
        else:
            show(services.commissions.statements(payee, None, cursor, limit), as_json)


def month_of(text: str) -> date:
    """The month that an argument names, by its 1st."""
    try:
        return month_in(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
