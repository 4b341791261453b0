"""Explaining lines: from the figure down to the rules, the transactions and who sent them.

Who may read the invoice or the statement may read why its lines are what they are.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from adapters.inbound import http_billing_reads, http_commission_reads
from adapters.inbound.authentication import Reader
from adapters.inbound.describing import answers
from adapters.inbound.explanations import explained_commission_line, explained_invoice_line
from adapters.inbound.http_billing_reads import BILLED, OF_INVOICE
from adapters.inbound.http_commission_reads import APPLIED, OF_PAYEE, PathPayee
from adapters.inbound.http_edge import only_known_parameters
from adapters.inbound.http_reads import PathClient, json_answer
from adapters.outbound.explanation_views import ExplanationView
from adapters.services import Services

router = APIRouter(dependencies=[Depends(only_known_parameters)])

NUMBER_MAX = 2**31 - 1
PathNumber = Annotated[int, Path(ge=1, le=NUMBER_MAX, description="The line's `number`.")]


@router.get(
    "/v1/clients/{client_id}/invoices/{month}/lines/{number}/explain",
    dependencies=BILLED,
    responses=answers(ExplanationView, *OF_INVOICE, "line_not_found"),
    tags=["billing"],
)
def explain_invoice_line(
    request: Request,
    client_id: PathClient,
    month: http_billing_reads.PathMonth,
    number: PathNumber,
    actor: Reader,
) -> Response:
    """Why a line is what it is: rate, age, rules, what was billed before, and who sent what."""
    services: Services = request.app.state.services
    viewer = actor.producer_id
    return json_answer(explained_invoice_line(services, client_id, month, number, viewer))


@router.get(
    "/v1/payees/{payee_id}/statements/{month}/lines/{transaction_id}/{number}/explain",
    dependencies=APPLIED,
    responses=answers(ExplanationView, *OF_PAYEE, "statement_not_found", "line_not_found"),
    tags=["commissions"],
)
def explain_commission_line(
    request: Request,
    payee_id: PathPayee,
    month: http_commission_reads.PathMonth,
    transaction_id: Annotated[
        str, Path(pattern="^[0-9a-f]{32}$", description="The line's `transaction_id`.")
    ],
    number: PathNumber,
    actor: Reader,
) -> Response:
    """Why a line is what it is: posting, terms, agent of record, share, and who sent what."""
    services: Services = request.app.state.services
    viewer = actor.producer_id
    return json_answer(
        explained_commission_line(services, payee_id, month, transaction_id, number, viewer)
    )
