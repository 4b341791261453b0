"""Explaining figures for the doors: who may see a figure sees why it is what it is, too."""

from __future__ import annotations

from datetime import date

from adapters.outbound.billing_reads import shown_since
from adapters.outbound.explanation_views import ExplanationView, explanation_view
from adapters.outbound.paging import cursor_of
from adapters.outbound.reading import NotFound
from adapters.services import Services
from domain.dates import carrier_date
from processors.explaining import Explainer


class LineNotFound(NotFound):
    """The invoice or statement has no such line."""


class PostingNotFound(NotFound):
    """The client has no such posting, or it is for a month older than what is shown."""


def explained_premium(
    services: Services, client_id: str, member_id: str, month: date, viewer: str | None
) -> ExplanationView:
    """What a member costs in a month, and why. Raises ``NotFound``."""
    today = carrier_date(services.clock.now())
    services.reads.member(client_id, member_id, viewer, today)  # whether they may be seen
    explained = Explainer(services.log).premium(client_id, member_id, month)
    if explained is None:
        raise NotFound
    return explanation_view(explained)


def explained_posting(
    services: Services, client_id: str, transaction_id: str, number: int, viewer: str | None
) -> ExplanationView:
    """Why a posting is what it is; transaction and number are the posting's own.

    Raises ``NotFound`` and ``PostingNotFound``.
    """
    today = carrier_date(services.clock.now())
    services.invoices.account(client_id, viewer, today)  # whether it may be seen
    explainer = Explainer(services.log)
    found = explainer.posting_made(transaction_id, number)
    if found is None:
        raise PostingNotFound
    made, posting = found
    if made.client_id != client_id or posting.coverage_month < shown_since(today):
        raise PostingNotFound
    return explanation_view(explainer.posting(made, number))


def explained_balance(services: Services, client_id: str, viewer: str | None) -> ExplanationView:
    """Why a client owes what it owes. Raises ``NotFound``."""
    today = carrier_date(services.clock.now())
    services.invoices.account(client_id, viewer, today)  # whether it may be seen
    return explanation_view(Explainer(services.log).balance(client_id))


def explained_invoice_line(
    services: Services, client_id: str, month: date, number: int, viewer: str | None
) -> ExplanationView:
    """Why a line of an invoice is what it is. Lines are numbered as the invoice shows them.

    Raises what the read of the invoice raises, and ``LineNotFound``.
    """
    today = carrier_date(services.clock.now())
    invoice = services.invoices.invoice(client_id, month, viewer, today, limit=1)
    explained = Explainer(services.log).invoice_line(invoice.summary.transaction_id, number)
    if explained is None:
        raise LineNotFound
    return explanation_view(explained)


def explained_commission_line(
    services: Services,
    payee_id: str,
    month: date,
    transaction_id: str,
    number: int,
    viewer: str | None,
) -> tuple[str, ExplanationView]:
    """Why a line of a statement is what it is, after the client that it is of; transaction and
    number are the line's own.

    Raises what the read of the statement raises, and ``LineNotFound``.
    """
    services.commissions.statement(payee_id, month, viewer, limit=1)  # whether it may be seen
    explainer = Explainer(services.log)
    found = explainer.settled_line(transaction_id, number)
    if found is None:
        raise LineNotFound
    settled, line = found
    days = line.coverage_month.isoformat(), line.posted_on.isoformat()
    just_before = cursor_of(settled.client_id, *days, settled.position, number - 1)
    statement = services.commissions.statement(payee_id, month, viewer, cursor=just_before, limit=1)
    shown = next(iter(statement.lines), None)
    if shown is None or (shown.transaction_id, shown.number) != (transaction_id, number):
        raise LineNotFound
    explained = explainer.commission_share(settled, number, payee_id, shown.takes_back_from)
    if explained is None:
        raise LineNotFound
    return settled.client_id, explanation_view(explained)
