"""Explanations as pages: a figure, what it follows from, and the transactions behind each step.

A premium and a balance may be explained as they were known at a version of the client.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from adapters.inbound.auditing import shows
from adapters.inbound.explanations import (
    explained_commission_line,
    explained_invoice_line,
    explained_posting,
)
from adapters.inbound.http_billing_reads import PathMonth
from adapters.inbound.http_explain import PathNumber
from adapters.inbound.http_reads import PathClient, PathMember
from adapters.inbound.http_transaction_reads import VERSION_MAX
from adapters.inbound.pages.rendering import page
from adapters.inbound.pages.routes import PathTransaction, services_of
from adapters.inbound.pages.signing_in import OF_PAGES, PageReader, PageRoute
from adapters.inbound.pages.timeline import moment_at, transaction_title
from adapters.outbound.explanation_views import ExplanationView, explanation_view
from adapters.outbound.reading import NotFound
from domain.types import Code
from processors.explaining import Explainer

router = APIRouter(
    prefix="/audit/explain",
    include_in_schema=False,
    route_class=PageRoute,
    dependencies=OF_PAGES,
)

AtVersion = Annotated[int | None, Query(ge=1, le=VERSION_MAX)]


@router.get("/clients/{client_id}/members/{member_id}/premium/{month}")
def explain_audit_premium(
    request: Request, client_id: PathClient, member_id: PathMember, month: PathMonth,
    key: PageReader, version: AtVersion = None,
) -> Response:  # fmt: skip
    """What a member costs in a month, and why."""
    services = services_of(request)
    moment = moment_at(services, client_id, version, None)
    explained = Explainer(services.log).premium(client_id, member_id, month, moment.version)
    if explained is None:
        raise NotFound
    return _told(client_id, explanation_view(explained), moment.name)


@router.get("/clients/{client_id}/balance")
def explain_audit_balance(
    request: Request, client_id: PathClient, key: PageReader, version: AtVersion = None
) -> Response:
    """Why a client owes what it owes."""
    services = services_of(request)
    moment = moment_at(services, client_id, version, None)
    explained = Explainer(services.log).balance(client_id, moment.version)
    return _told(client_id, explanation_view(explained), moment.name)


@router.get("/clients/{client_id}/invoices/{month}/lines/{number}")
def explain_audit_invoice_line(
    request: Request, client_id: PathClient, month: PathMonth, number: PathNumber, key: PageReader
) -> Response:
    """Why a line of an invoice is what it is."""
    services = services_of(request)
    return _told(client_id, explained_invoice_line(services, client_id, month, number, None))


@router.get("/clients/{client_id}/postings/{transaction_id}/{number}")
def explain_audit_posting(
    request: Request, client_id: PathClient, transaction_id: PathTransaction, number: PathNumber,
    key: PageReader,
) -> Response:  # fmt: skip
    """Why a posting is what it is."""
    services = services_of(request)
    return _told(client_id, explained_posting(services, client_id, transaction_id, number, None))


@router.get("/payees/{payee_id}/statements/{month}/lines/{transaction_id}/{number}")
def explain_audit_commission_line(
    request: Request, payee_id: Code, month: PathMonth, transaction_id: PathTransaction,
    number: PathNumber, key: PageReader,
) -> Response:  # fmt: skip
    """Why a line of a statement is what it is."""
    services = services_of(request)
    client_id, explained = explained_commission_line(
        services, payee_id, month, transaction_id, number, None
    )
    shows(request, [client_id])
    return _told(client_id, explained)


def _told(client_id: str, explained: ExplanationView, known: str | None = None) -> Response:
    """``known`` says at which moment, where that was chosen."""
    return page(
        "explanation.html",
        client_id=client_id,
        explained=explained,
        known=known,
        transaction_title=transaction_title,
    )
