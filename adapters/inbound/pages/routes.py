"""The pages for auditors: a client on both axes, its transactions opened, figures explained.

Everything is a GET that a form or a link makes; the script beside it only saves a click. Addresses
carry ids and moments, never a name or a key. Every page that shows a client leaves its record, as
every read does.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BeforeValidator, Field, StringConstraints

from adapters.inbound.as_of import AsOf, seen_book
from adapters.inbound.auditing import shows
from adapters.inbound.changes import KnownBefore, changes_between
from adapters.inbound.http_billing_reads import PathMonth
from adapters.inbound.http_changes import TO_BEFORE_FROM, moment_in
from adapters.inbound.http_proofs import not_proven_told
from adapters.inbound.http_reads import PathClient, today_of
from adapters.inbound.http_transaction_reads import VERSION_MAX
from adapters.inbound.pages import words
from adapters.inbound.pages.opened import opened
from adapters.inbound.pages.rendering import ASSETS, attachment, page
from adapters.inbound.pages.signing_in import (
    OF_PAGES,
    SIGNED_IN,
    PageAuditor,
    PageReader,
    PageRoute,
)
from adapters.inbound.pages.timeline import (
    moment_at,
    timeline_of,
    transaction_title,
    truth_of,
    versions_around,
)
from adapters.inbound.problems import Problem
from adapters.inbound.proofs import NotProven, checkpoint_of, proof_of_event
from adapters.outbound.access_reads import AccessFilter
from adapters.services import Services
from domain.client.inputs import Day
from domain.types import ClientId, Code
from schemas.notes import parse_checkpoint, parse_note

router = APIRouter(
    prefix="/audit", include_in_schema=False, route_class=PageRoute, dependencies=OF_PAGES
)
beside = APIRouter(prefix="/audit", include_in_schema=False, route_class=PageRoute)
"""What is below the address of the pages, and no page; its last route answers all that is left."""

_ROWS = 50


def _none_if_empty(value: object) -> object:
    """A field of a form that was left empty was not filled in."""
    return None if value == "" else value


_optional = BeforeValidator(_none_if_empty)
# What holds of a value stands with its own type: None, for what was left empty, has no length.
_CursorText = Annotated[str, StringConstraints(max_length=400)]
_Moment = Annotated[str, StringConstraints(max_length=40)]
_Version = Annotated[int, Field(ge=1, le=VERSION_MAX)]
Cursor = Annotated[_CursorText | None, _optional, Query()]
TrueOn = Annotated[Day | None, _optional, Query()]
MomentText = Annotated[_Moment | None, _optional, Query()]
Version = Annotated[_Version | None, _optional, Query()]
PathTransaction = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]


def services_of(request: Request) -> Services:
    """What the pages are made of."""
    services: Services = request.app.state.services
    return services


# ── Finding ────────────────────────────────────────────────────────────────────────────────────


@router.get("")
def audit_index(
    request: Request, client_id: Annotated[ClientId | None, _optional, Query()] = None
) -> Response:
    """Where to begin: a client, a producer's book, the newest checkpoint."""
    if client_id is not None:
        return RedirectResponse(f"/audit/clients/{client_id}", 303)
    services = services_of(request)
    try:
        checkpoint = checkpoint_of(services.proofs, None)
        head, made_at = parse_checkpoint(parse_note(checkpoint.note).text), checkpoint.made_at
    except NotProven:
        head, made_at = None, None
    is_auditor = request.state.key.role == "auditor"
    return page("index.html", head=head, made_at=made_at, is_auditor=is_auditor)


@router.get("/book")
def read_audit_book(
    request: Request, key: PageReader,
    producer_id: Annotated[Code, Query()],
    true_on: TrueOn = None, known_at: MomentText = None, cursor: Cursor = None,
) -> Response:  # fmt: skip
    """A producer's book of business on a day, as known at a moment."""
    services = services_of(request)
    as_of = AsOf(true_on, None if known_at is None else moment_in("known_at", known_at))
    reads = seen_book(services, producer_id, as_of, cursor=cursor, clients_max=_ROWS + 1)
    book = reads.book(producer_id, as_of.day(services), cursor=cursor, limit=_ROWS)
    shows(request, (line.client_id for line in book.items))
    return page("book.html", book=book, true_on=true_on, known_at=known_at)


# ── A client ───────────────────────────────────────────────────────────────────────────────────


@router.get("/clients/{client_id}")
def read_audit_client(
    request: Request, client_id: PathClient, key: PageReader,
    true_on: TrueOn = None, known_at: MomentText = None, version: Version = None,
    cursor: Cursor = None, people: Cursor = None,
) -> Response:  # fmt: skip
    """What was true of a client on a day, as known at a moment, and the transactions known then."""
    services = services_of(request)
    asked = None if known_at is None else moment_in("known_at", known_at)
    moment = moment_at(services, client_id, version, asked)
    as_of = AsOf(true_on, moment.known_at)
    return page(
        "client.html",
        client_id=client_id,
        moment=moment,
        known_at=known_at,
        true_on=true_on,
        on=as_of.day(services),
        cursor=cursor,
        versions=versions_around(services, client_id, moment),
        truth=truth_of(services, client_id, as_of, people),
        timeline=timeline_of(services, client_id, moment, cursor),
        proven=services.proofs.newest(),
    )


@router.get("/clients/{client_id}/transactions/{transaction_id}")
def read_audit_transaction(
    request: Request, client_id: PathClient, transaction_id: PathTransaction, key: PageReader
) -> Response:
    """A transaction: who sent it, its events, what they changed and cost, and their proof."""
    found = opened(services_of(request), client_id, transaction_id)
    return page(
        "transaction.html",
        client_id=client_id,
        opened=found,
        title=transaction_title(found.transaction.type),
        table_name=words.table_name,
        is_told=words.is_told,
    )


@router.get("/clients/{client_id}/changes")
def read_audit_changes(
    request: Request, client_id: PathClient, key: PageReader,
    known_from: Annotated[_Moment, Query(alias="from")],
    known_to: Annotated[_Moment | None, _optional, Query(alias="to")] = None,
    cursor: Cursor = None,
) -> Response:  # fmt: skip
    """What changed between two knowings, each row before and after, with its causes."""
    services = services_of(request)
    first = moment_in("from", known_from)
    last = None if known_to is None else moment_in("to", known_to)
    try:
        changes = changes_between(services, client_id, None, first, last, cursor, _ROWS)
    except KnownBefore:
        raise Problem("invalid_request", errors=[TO_BEFORE_FROM]) from None
    return page(
        "changes.html",
        client_id=client_id,
        changes=changes,
        known_from=known_from,
        known_to=known_to,
        cursor=cursor,
        transaction_title=transaction_title,
        table_name=words.table_name,
        is_told=words.is_told,
    )


@router.get("/clients/{client_id}/invoices/{month}")
def read_audit_invoice(
    request: Request,
    client_id: PathClient,
    month: PathMonth,
    key: PageReader,
    cursor: Cursor = None,
) -> Response:
    """An invoice's lines, each with its explanation."""
    services = services_of(request)
    today = today_of(services)
    invoice = services.invoices.invoice(client_id, month, None, today, limit=1)
    lines = services.invoices.lines(client_id, month, None, today, cursor=cursor, limit=_ROWS)
    return page("invoice.html", client_id=client_id, invoice=invoice, lines=lines, cursor=cursor)


# ── Proof, and who read ────────────────────────────────────────────────────────────────────────


@router.get("/proofs/{position}")
def audit_proof(request: Request, position: Annotated[int, Path(ge=1, le=VERSION_MAX)]) -> Response:
    """The proof of an event, as a file that an offline verifier reads."""
    services = services_of(request)
    with not_proven_told():
        text = proof_of_event(services.log, services.proofs, position, None)
    return attachment(text, f"{position}.tlog-proof")


@router.get("/checkpoint")
def audit_checkpoint(request: Request) -> Response:
    """The newest checkpoint, as a file."""
    with not_proven_told():
        checkpoint = checkpoint_of(services_of(request).proofs, None)
    return attachment(checkpoint.note, f"{checkpoint.size}.checkpoint")


@router.get("/accesses")
def read_audit_accesses(
    request: Request, key: PageAuditor,
    client_id: Annotated[ClientId | None, _optional, Query()] = None,
    cursor: Cursor = None,
) -> Response:  # fmt: skip
    """Who read whose personal data, newest first; for auditors alone."""
    wanted = AccessFilter(client_id=client_id)
    if client_id is not None:
        shows(request, [client_id])
    found = services_of(request).access_reads.page(wanted, cursor, _ROWS)
    return page("accesses.html", accesses=found, client_id=client_id, cursor=cursor)


# ── Beside the pages ───────────────────────────────────────────────────────────────────────────


@beside.get("/", dependencies=SIGNED_IN)
def audit_slash(request: Request) -> Response:
    """The first page's address with a slash behind it leads there."""
    query = request.url.query
    return RedirectResponse(f"/audit?{query}" if query else "/audit", 308)


@beside.get("/assets/{digest}/{name}")
def audit_asset(digest: str, name: str) -> Response:
    """The style and the script."""
    asset = ASSETS.get(f"/audit/assets/{digest}/{name}")
    if asset is None:
        raise Problem("not_found")
    return asset.response()


@beside.get("/{rest:path}", dependencies=SIGNED_IN)
def audit_nothing(rest: str) -> Response:
    """Any other address below this one: a page says that there is nothing."""
    raise Problem("not_found")
