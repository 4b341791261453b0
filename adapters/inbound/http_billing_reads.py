"""Reads of what clients are billed and pay: the billing tab, invoices, open items, payments.

Who may read a client may read its billing (handbook §6). An invoice's PDF is a route of its own.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import BeforeValidator, WithJsonSchema

from adapters.inbound.applied import applied_in
from adapters.inbound.as_of import BILLS, BOOK, AsOfAsked, Known, seen
from adapters.inbound.authentication import Reader
from adapters.inbound.describing import AS_OF, READS, answers
from adapters.inbound.http_edge import only_known_parameters
from adapters.inbound.http_reads import Cursor, Limit, PathClient, json_answer, today_of
from adapters.outbound.billing_reads import LineKind
from adapters.outbound.billing_views import (
    BillingTab,
    InvoiceLines,
    Invoices,
    InvoiceView,
    OpenItems,
    Payments,
    Postings,
)
from adapters.outbound.rows_wanted import OF_ACCOUNT, OF_OPEN_ITEMS, of_invoice
from adapters.services import Services
from domain.types import MemberId

router = APIRouter(tags=["billing"], dependencies=[Depends(only_known_parameters)])

BILLED = [Depends(applied_in("invoices", "book_of_business"))]
"""Dependencies of reads of billing: ``after`` waits for the bills, and for who may see them."""
OF_INVOICE = (*READS, "invoice_not_found", "invoice_not_shown")
"""Problems of the reads of one invoice."""
AS_KNOWN = (*OF_INVOICE, "not_known_then", "known_in_future")
"""Of those that can be read as of another moment."""
_MONTH_FORM = r"^[0-9]{4}-(0[1-9]|1[0-2])(-01)?$"


def month_in(text: object) -> date:
    """The 1st of a month written ``2026-04`` or ``2026-04-01``; ``ValueError`` for all else."""
    written = str(text)
    if len(written) != len("2026-04") and not (len(written) == 10 and written.endswith("-01")):
        raise ValueError("a month is written 2026-04")
    try:
        return date.fromisoformat(f"{written[:7]}-01")
    except ValueError:
        raise ValueError("a month is written 2026-04") from None


PathMonth = Annotated[
    date,
    BeforeValidator(month_in),
    WithJsonSchema({"type": "string", "pattern": _MONTH_FORM}),
    Path(description="The coverage month, such as `2026-04`."),
]


# ── The account ────────────────────────────────────────────────────────────────────────────────


@router.get(
    "/v1/clients/{client_id}/billing", dependencies=BILLED, responses=answers(BillingTab, *AS_OF)
)
def read_billing(
    request: Request, client_id: PathClient, actor: Reader, as_of: AsOfAsked
) -> Response:
    """The billing tab: what the client was billed, has paid and owes, and its latest invoices."""
    services: Services = request.app.state.services
    see = seen(services, client_id, actor.producer_id, as_of, [BOOK, BILLS], OF_ACCOUNT)
    tab = see.invoices.tab(client_id, see.viewer, see.today, true_on=as_of.true_on)
    return json_answer(tab)


# ── Invoices ───────────────────────────────────────────────────────────────────────────────────


@router.get(
    "/v1/clients/{client_id}/invoices", dependencies=BILLED, responses=answers(Invoices, *AS_OF)
)
def read_invoices(
    request: Request, client_id: PathClient, actor: Reader, as_of: AsOfAsked,
    cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """A client's invoices of the last 24 months, newest first."""
    services: Services = request.app.state.services
    see = seen(services, client_id, actor.producer_id, as_of, [BOOK, BILLS], OF_ACCOUNT)
    page = see.invoices.invoices(
        client_id, see.viewer, see.today, true_on=as_of.true_on, cursor=cursor, limit=limit
    )
    return json_answer(page)


@router.get(
    "/v1/clients/{client_id}/invoices/{month}",
    dependencies=BILLED,
    responses=answers(InvoiceView, *AS_KNOWN),
)
def read_invoice(
    request: Request, client_id: PathClient, month: PathMonth, actor: Reader, known_at: Known,
    limit: Limit = 500,
) -> Response:  # fmt: skip
    """An invoice with its first lines; `next` is a cursor of its `/lines`."""
    services: Services = request.app.state.services
    see = seen(services, client_id, actor.producer_id, known_at, [BOOK, BILLS], of_invoice(month))
    return json_answer(see.invoices.invoice(client_id, month, see.viewer, see.today, limit=limit))


@router.get(
    "/v1/clients/{client_id}/invoices/{month}/lines",
    dependencies=BILLED,
    responses=answers(InvoiceLines, *AS_KNOWN),
)
def read_invoice_lines(
    request: Request,
    client_id: PathClient,
    month: PathMonth,
    actor: Reader,
    known_at: Known,
    kind: Annotated[
        LineKind | None, Query(description="The month's own lines, or those of earlier months.")
    ] = None,
    subscriber_id: Annotated[MemberId | None, Query(description="Of this family.")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """An invoice's lines: the month's own by subscriber and member, then earlier months'."""
    services: Services = request.app.state.services
    see = seen(services, client_id, actor.producer_id, known_at, [BOOK, BILLS], of_invoice(month))
    page = see.invoices.lines(
        client_id,
        month,
        see.viewer,
        see.today,
        kind=kind,
        subscriber_id=subscriber_id,
        cursor=cursor,
        limit=limit,
    )
    return json_answer(page)


# ── What is open, and what was paid ────────────────────────────────────────────────────────────


@router.get(
    "/v1/clients/{client_id}/open-items", dependencies=BILLED, responses=answers(OpenItems, *AS_OF)
)
def read_open_items(
    request: Request,
    client_id: PathClient,
    actor: Reader,
    known_at: Known,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """What is unpaid, in the order in which payments will pay it."""
    services: Services = request.app.state.services
    see = seen(services, client_id, actor.producer_id, known_at, [BOOK, BILLS], OF_OPEN_ITEMS)
    page = see.invoices.open_items(client_id, see.viewer, see.today, cursor=cursor, limit=limit)
    return json_answer(page)


@router.get(
    "/v1/clients/{client_id}/postings", dependencies=BILLED, responses=answers(Postings, *READS)
)
def read_postings(
    request: Request,
    client_id: PathClient,
    actor: Reader,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """What payments and runs posted, or took back, by coverage month; newest first."""
    services: Services = request.app.state.services
    viewer, today = actor.producer_id, today_of(services)
    page = services.invoices.postings(client_id, viewer, today, cursor=cursor, limit=limit)
    return json_answer(page)


@router.get(
    "/v1/clients/{client_id}/payments", dependencies=BILLED, responses=answers(Payments, *READS)
)
def read_payments(
    request: Request,
    client_id: PathClient,
    actor: Reader,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Payments, credits, refunds and what bounced in the last 24 months; newest first."""
    services: Services = request.app.state.services
    viewer, today = actor.producer_id, today_of(services)
    page = services.invoices.payments(client_id, viewer, today, cursor=cursor, limit=limit)
    return json_answer(page)
