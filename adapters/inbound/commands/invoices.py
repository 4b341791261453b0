"""Commands that read what clients are billed: an invoice, the list, the balance, what is open."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
import typer

from adapters.inbound.as_of import BILLS, BOOK, seen
from adapters.inbound.commands.moments import KnownAt, TrueOn, as_of
from adapters.inbound.commands.opening import SAID_NO, AsJson, fail, reading
from adapters.inbound.commands.printing import PdfFile, show, write_document
from adapters.inbound.commands.reading import ClientArgument, Cursor, Limit
from adapters.inbound.documents.invoice_pdf import invoice_pdf
from adapters.inbound.http_billing_reads import month_in
from adapters.inbound.problems import PROBLEMS
from adapters.outbound.billing_reads import InvoiceNotFound, InvoiceNotShown
from adapters.outbound.billing_views import InvoiceLineView, InvoiceSummary, InvoiceView
from adapters.outbound.rows_wanted import OF_ACCOUNT, OF_OPEN_ITEMS, of_invoice
from domain.dates import carrier_date
from domain.types import PersonalText


def invoice(
    context: typer.Context,
    client_id: ClientArgument,
    month: Annotated[
        str, typer.Argument(metavar="MONTH", help="The coverage month, such as 2026-04.")
    ],
    pdf: PdfFile = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,
) -> None:
    """Show an invoice with all its lines, and why earlier months are billed again.

    \b
    ofrecord invoice harbor-bakery 2026-04
    ofrecord invoice harbor-bakery 2026-06 --json
    ofrecord invoice harbor-bakery 2026-06 --pdf invoice.pdf
    """
    if pdf is not None and as_json:
        raise typer.BadParameter("Either --pdf or --json.")
    try:
        first_day = month_in(month)
    except ValueError:
        raise typer.BadParameter("A month is written 2026-04.", param_hint="MONTH") from None
    asked = as_of(None, known_at)
    with reading(context) as services:
        today = carrier_date(services.clock.now())
        see = seen(services, client_id, None, asked, [BOOK, BILLS], of_invoice(first_day))
        try:
            found = see.invoices.invoice(client_id, first_day, None, today)
        except InvoiceNotFound:
            raise fail(PROBLEMS["invoice_not_found"][1], SAID_NO) from None
        except InvoiceNotShown:
            raise fail(PROBLEMS["invoice_not_shown"][1], SAID_NO) from None
        if pdf is not None:
            write_document(invoice_pdf(found, today, asked.known_at), pdf)
        else:
            show(found if as_json else _printed(found), as_json)


def invoices(
    context: typer.Context,
    client_id: ClientArgument,
    limit: Limit = 50,
    cursor: Cursor = None,
    true_on: TrueOn = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,
) -> None:
    """List a client's invoices of the last 24 months, newest first.

    \b
    ofrecord invoices harbor-bakery
    ofrecord invoices harbor-bakery --true-on 2026-03-01
    """
    asked = as_of(true_on, known_at)
    with reading(context) as services:
        see = seen(services, client_id, None, asked, [BOOK, BILLS], OF_ACCOUNT)
        page = see.invoices.invoices(
            client_id, None, see.today, true_on=asked.true_on, cursor=cursor, limit=limit
        )
        show(page, as_json)


def balance(
    context: typer.Context,
    client_id: ClientArgument,
    true_on: TrueOn = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,
) -> None:
    """Show what a client was billed, has paid, and owes or has as credit.

    \b
    ofrecord balance harbor-bakery
    ofrecord balance harbor-bakery --true-on 2026-04-10 --known-at 2026-05-01T00:00:00Z
    """
    asked = as_of(true_on, known_at)
    with reading(context) as services:
        see = seen(services, client_id, None, asked, [BOOK, BILLS], OF_ACCOUNT)
        show(see.invoices.account(client_id, None, see.today, true_on=asked.true_on), as_json)


def open_items(
    context: typer.Context,
    client_id: ClientArgument,
    limit: Limit = 100,
    cursor: Cursor = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,
) -> None:
    """List what a client has not paid, in the order in which payments will pay it.

    \b
    ofrecord open-items harbor-bakery
    ofrecord open-items harbor-bakery --known-at 2026-04-20T00:00:00Z
    """
    asked = as_of(None, known_at)
    with reading(context) as services:
        see = seen(services, client_id, None, asked, [BOOK, BILLS], OF_OPEN_ITEMS)
        page = see.invoices.open_items(client_id, None, see.today, cursor=cursor, limit=limit)
        show(page, as_json)


# ── For people ─────────────────────────────────────────────────────────────────────────────────


class PrintedLine(msgspec.Struct):
    """A line of an invoice, as far as it is of use on a screen."""

    number: int
    month: date
    subscriber_id: str
    member_id: str
    name: PersonalText | None
    plan_id: str
    subgroup_id: str
    tier: str | None
    amount: str
    reason: str | None


class PrintedInvoice(msgspec.Struct):
    """An invoice for people."""

    client: PersonalText
    billing_contact: str
    invoice: InvoiceSummary
    lines: list[PrintedLine]


def _printed(view: InvoiceView) -> PrintedInvoice:
    lines = [_line(line) for line in view.lines]
    return PrintedInvoice(view.client_name, view.billing_contact, view.summary, lines)


def _line(line: InvoiceLineView) -> PrintedLine:
    return PrintedLine(
        number=line.number,
        month=line.month,
        subscriber_id=line.subscriber_id,
        member_id=line.member_id,
        name=line.member_name,
        plan_id=line.plan_id,
        subgroup_id=line.subgroup_id,
        tier=line.tier,
        amount=line.amount,
        reason=line.reason_text,
    )
