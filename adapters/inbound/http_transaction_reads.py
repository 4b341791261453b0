"""Reads of transactions and of a client's raw history, as far as the reader may see them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from adapters.inbound.applied import applied_in
from adapters.inbound.auditing import shows
from adapters.inbound.authentication import Reader, key_for
from adapters.inbound.describing import KEYED, READS, answers
from adapters.inbound.histories import history_event
from adapters.inbound.http_edge import only_known_parameters
from adapters.inbound.http_reads import (
    Cursor,
    Limit,
    PathClient,
    PathMember,
    PathProducer,
    json_answer,
    require_own_book,
    today_of,
)
from adapters.inbound.payees import require_may_see
from adapters.inbound.progress import progress_of
from adapters.outbound.reading import NotFound
from adapters.outbound.transaction_reads import StatusFilter, TransactionFilter
from adapters.outbound.views import History, Transactions, TransactionView
from adapters.services import Services
from domain.client.inputs import Day
from domain.dates import CARRIER_ZONE
from domain.kernel import Actor
from domain.payee.state import Payee
from domain.streams import new_stream
from domain.types import Code
from processors.receipts import Receipt

router = APIRouter(tags=["transactions"], dependencies=[Depends(only_known_parameters)])

_applied = [Depends(applied_in("book_of_business", "transactions"))]


class Wanted:
    """The query parameters of lists of transactions."""

    def __init__(
        self,
        type: Annotated[Code | None, Query(description="Such as `add_dependent`.")] = None,
        status: Annotated[StatusFilter | None, Query()] = None,
        sender: Annotated[Code | None, Query()] = None,
        received_from: Annotated[Day | None, Query(description="First day of receipt.")] = None,
        received_to: Annotated[Day | None, Query(description="Last day of receipt.")] = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> None:
        self.filters = TransactionFilter(
            type=type,
            status=status,
            sender=sender,
            received_from=_midnight(received_from, 0),
            received_before=_midnight(received_to, 1),
        )
        self.cursor = cursor
        self.limit = limit


WantedHere = Annotated[Wanted, Depends()]


def _midnight(day: date | None, days_later: int) -> datetime | None:
    """The instant a day begins where the carrier is."""
    if day is None:
        return None
    return datetime.combine(day + timedelta(days=days_later), time(), CARRIER_ZONE)


@router.get(
    "/v1/clients/{client_id}/transactions",
    dependencies=_applied,
    responses=answers(Transactions, *READS),
)
def read_client_transactions(
    request: Request, client_id: PathClient, actor: Reader, wanted: WantedHere
) -> Response:
    """A client's transactions, newest first."""
    return _of_client(request, actor, wanted, client_id)


@router.get(
    "/v1/clients/{client_id}/members/{member_id}/transactions",
    dependencies=_applied,
    responses=answers(Transactions, *READS),
)
def read_member_transactions(
    request: Request,
    client_id: PathClient,
    member_id: PathMember,
    actor: Reader,
    wanted: WantedHere,
) -> Response:
    """The transactions that are about one member, newest first."""
    return _of_client(request, actor, wanted, client_id, member_id)


@router.get(
    "/v1/producers/{producer_id}/transactions",
    dependencies=_applied,
    responses=answers(Transactions, *READS),
)
def read_book_transactions(
    request: Request, producer_id: PathProducer, actor: Reader, wanted: WantedHere
) -> Response:
    """The transactions of a producer's whole book of today, newest first."""
    require_own_book(actor, producer_id)
    services: Services = request.app.state.services
    filters = replace(wanted.filters, book_of=producer_id, on=today_of(services))
    page = services.transactions.page(filters, progress_of(services), wanted.cursor, wanted.limit)
    shows(request, (item.client_id for item in page.items))
    return json_answer(page)


def _of_client(
    request: Request, actor: Actor, wanted: Wanted, client_id: str, member_id: str | None = None
) -> Response:
    services: Services = request.app.state.services
    today = today_of(services)
    if actor.producer_id is not None:
        services.reads.require_visible(client_id, actor.producer_id, today)
    filters = replace(wanted.filters, client_id=client_id, member_id=member_id)
    page = services.transactions.page(filters, progress_of(services), wanted.cursor, wanted.limit)
    if not page.items:  # a client that was never opened may still have refused transactions
        services.reads.require_visible(client_id, actor.producer_id, today)
    return json_answer(page)


@router.get(
    "/v1/transactions/{transaction_id}",
    dependencies=_applied,
    responses=answers(TransactionView, *READS),
)
def read_transaction(
    request: Request,
    transaction_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$")],
    actor: Reader,
) -> Response:
    """A transaction and what came of it; one that caused no event is known by its receipt."""
    services: Services = request.app.state.services
    try:
        view = services.transactions.one(transaction_id, progress_of(services))
    except NotFound:
        view = known_by_receipt(services, transaction_id)
    if actor.producer_id is not None:
        _require_visible(services, view.client_id, actor)
    shows(request, [view.client_id])
    return json_answer(view)


def _require_visible(services: Services, stream_id: str, actor: Actor) -> None:
    """Return if the portal may see the client or payee; else raise ``NotFound``."""
    stream = new_stream(stream_id)
    if isinstance(stream, Payee):
        require_may_see(services.log, stream.payee_id, actor)
    else:
        services.reads.require_visible(stream_id, actor.producer_id, today_of(services))


def known_by_receipt(services: Services, transaction_id: str) -> TransactionView:
    """A transaction that no projection shows: it caused no event, or is not applied yet."""
    stored = services.log.receipt(transaction_id)
    if stored is None:
        raise NotFound
    receipt = msgspec.json.decode(stored.body, type=Receipt)
    nothing_to_apply = receipt.status == "accepted" and not receipt.events
    return TransactionView(
        transaction_id=receipt.transaction_id,
        client_id=receipt.client_id,
        type=receipt.type,
        status="completed" if nothing_to_apply else receipt.status,
        overdue=False,
        code=receipt.code,
        sentence=receipt.sentence,
        effective_on=receipt.effective_on,
        takes_effect_on=receipt.takes_effect_on,
        received_at=receipt.received_at,
        recorded_at=receipt.recorded_at,
        position=receipt.position,
        client_version=receipt.client_version,
        event_count=len(receipt.events),
        sender=None,
        role=None,
        producer_id=None,
        correlation_id=None,
        fulfilment=None,
    )


# ── The raw history ────────────────────────────────────────────────────────────────────────────

VERSION_MAX = 2**62


@router.get(
    "/v1/clients/{client_id}/history",
    dependencies=[Depends(key_for("auditor", "carrier"))],
    responses=answers(History, *KEYED, "not_found", "invalid_request"),
    tags=["audit"],
)
def read_history(
    request: Request,
    client_id: PathClient,
    after_version: Annotated[int, Query(ge=0, le=VERSION_MAX)] = 0,
    limit: Limit = 100,
) -> Response:
    """A client's history as it is stored, oldest first: each event with its cause."""
    services: Services = request.app.state.services
    events = services.log.history(client_id, after_version, limit + 1)
    if not events and not (after_version and services.log.history(client_id, 0, 1)):
        raise NotFound
    items = [history_event(recorded) for recorded in events[:limit]]
    following = items[-1].version if len(events) > limit else None
    return json_answer(History(client_id=client_id, items=items, next_after_version=following))
