"""Explaining figures: down to the rules, the transactions and who sent them.

Who may read a figure may read why it is what it is.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from adapters.inbound import http_billing_reads, http_commission_reads
from adapters.inbound.applied import applied_in
from adapters.inbound.auditing import shows
from adapters.inbound.authentication import Reader
from adapters.inbound.describing import READS, answers
from adapters.inbound.explanations import (
    explained_balance,
    explained_commission_line,
    explained_invoice_line,
    explained_posting,
    explained_premium,
)
from adapters.inbound.http_billing_reads import BILLED, OF_INVOICE
from adapters.inbound.http_commission_reads import APPLIED, OF_PAYEE, PathPayee
from adapters.inbound.http_edge import only_known_parameters
from adapters.inbound.http_reads import PathClient, PathMember, json_answer
from adapters.outbound.explanation_views import ExplanationView
from adapters.services import Services

router = APIRouter(dependencies=[Depends(only_known_parameters)])

NUMBER_MAX = 2**31 - 1
PathNumber = Annotated[int, Path(ge=1, le=NUMBER_MAX, description="Its `number`.")]
PathTransaction = Annotated[
    str, Path(pattern="^[0-9a-f]{32}$", description="Its `transaction_id`.")
]


@router.get(
    "/v1/clients/{client_id}/members/{member_id}/premium/{month}/explain",
    dependencies=[Depends(applied_in("book_of_business"))],
    responses=answers(ExplanationView, *READS),
    tags=["reads"],
)
def explain_premium(
    request: Request,
    client_id: PathClient,
    member_id: PathMember,
    month: http_billing_reads.PathMonth,
    actor: Reader,
) -> Response:
    """What a member costs in a month, and why; 0.00 where nothing is billed."""
    services: Services = request.app.state.services
    viewer = actor.producer_id
    return json_answer(explained_premium(services, client_id, member_id, month, viewer))


@router.get(
    "/v1/clients/{client_id}/balance/explain",
    dependencies=BILLED,
    responses=answers(ExplanationView, *READS),
    tags=["billing"],
)
def explain_balance(request: Request, client_id: PathClient, actor: Reader) -> Response:
    """Why a client owes what it owes: by invoice, payment and coverage month."""
    services: Services = request.app.state.services
    return json_answer(explained_balance(services, client_id, actor.producer_id))


@router.get(
    "/v1/clients/{client_id}/postings/{transaction_id}/{number}/explain",
    dependencies=BILLED,
    responses=answers(ExplanationView, *READS, "posting_not_found"),
    tags=["billing"],
)
def explain_posting(
    request: Request,
    client_id: PathClient,
    transaction_id: PathTransaction,
    number: PathNumber,
    actor: Reader,
) -> Response:
    """Why a posting is what it is: the funds, the charges they paid or opened, what is credit."""
    services: Services = request.app.state.services
    viewer = actor.producer_id
    return json_answer(explained_posting(services, client_id, transaction_id, number, viewer))


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
    transaction_id: PathTransaction,
    number: PathNumber,
    actor: Reader,
) -> Response:
    """Why a line is what it is: posting, terms, agent of record, share, and who sent what."""
    services: Services = request.app.state.services
    viewer = actor.producer_id
    client_id, explained = explained_commission_line(
        services, payee_id, month, transaction_id, number, viewer
    )
    shows(request, [client_id])
    return json_answer(explained)
