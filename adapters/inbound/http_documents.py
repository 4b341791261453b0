"""Invoices and commission statements as PDF, for those who may read them as JSON."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from adapters.inbound import http_billing_reads, http_commission_reads
from adapters.inbound.as_of import BILLS, BOOK, Known, seen
from adapters.inbound.auditing import shows
from adapters.inbound.authentication import Reader
from adapters.inbound.describing import problems
from adapters.inbound.documents.invoice_pdf import invoice_pdf
from adapters.inbound.documents.statement_pdf import statement_pdf
from adapters.inbound.http_billing_reads import AS_KNOWN, BILLED
from adapters.inbound.http_commission_reads import APPLIED, OF_PAYEE, PathPayee
from adapters.inbound.http_edge import only_known_parameters
from adapters.inbound.http_reads import PathClient, today_of
from adapters.outbound.rows_wanted import of_invoice
from adapters.services import Services

router = APIRouter(dependencies=[Depends(only_known_parameters)])


class PdfAnswer(Response):
    """A document to keep."""

    media_type = "application/pdf"


def _pdf(content: bytes, name: str) -> PdfAnswer:
    return PdfAnswer(content, headers={"Content-Disposition": f'attachment; filename="{name}.pdf"'})


def _answers(what: str, *codes: str) -> dict[Any, Any]:
    schema = {"type": "string", "format": "binary"}
    content = {PdfAnswer.media_type: {"schema": schema}}
    return {200: {"description": what, "content": content}} | problems(*codes)


@router.get(
    "/v1/clients/{client_id}/invoices/{month}/pdf",
    dependencies=BILLED,
    response_class=PdfAnswer,
    responses=_answers("The invoice, US Letter.", *AS_KNOWN),
    tags=["billing"],
)
def read_invoice_pdf(
    request: Request, client_id: PathClient, month: http_billing_reads.PathMonth, actor: Reader,
    known_at: Known,
) -> Response:  # fmt: skip
    """An invoice as the client gets it: summary, charges by subscriber, changes with reasons."""
    services: Services = request.app.state.services
    see = seen(services, client_id, actor.producer_id, known_at, [BOOK, BILLS], of_invoice(month))
    invoice = see.invoices.invoice(client_id, month, see.viewer, see.today)
    document = invoice_pdf(invoice, see.today, known_at.known_at)
    return _pdf(document, f"invoice-{client_id}-{month:%Y-%m}")


@router.get(
    "/v1/payees/{payee_id}/statements/{month}/pdf",
    dependencies=APPLIED,
    response_class=PdfAnswer,
    responses=_answers("The statement, US Letter.", *OF_PAYEE, "statement_not_found"),
    tags=["commissions"],
)
def read_statement_pdf(
    request: Request, payee_id: PathPayee, month: http_commission_reads.PathMonth, actor: Reader
) -> Response:
    """A commission statement as the payee gets it: what is paid, and every line by client."""
    services: Services = request.app.state.services
    statement = services.commissions.statement(payee_id, month, actor.producer_id)
    shows(request, (line.client_id for line in statement.lines))
    name = f"statement-{payee_id}-{month:%Y-%m}"
    return _pdf(statement_pdf(statement, today_of(services)), name)
