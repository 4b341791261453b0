"""Reads of clients, members and books, as far as the reader may see them.

A portal sees what today's agent of record sees; auditors and the carrier see everything. Endpoints
are plain functions: FastAPI runs them in its threads, one database connection each.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import Response, StreamingResponse

from adapters.inbound.applied import applied_in
from adapters.inbound.as_of import BOOK, AsOfAsked, roster_of, seen, seen_book
from adapters.inbound.auditing import shows
from adapters.inbound.authentication import Reader
from adapters.inbound.describing import AS_OF, BOOK_AS_OF, answers
from adapters.inbound.http_edge import only_known_parameters
from adapters.outbound.reading import NotFound
from adapters.outbound.rows_wanted import OF_CENSUS, OF_CLIENT, of_member
from adapters.outbound.views import (
    Book,
    BookSummary,
    Census,
    ClientView,
    MemberView,
    Roster,
    RosterLine,
)
from adapters.services import Services
from domain.client.state import Segment
from domain.dates import carrier_date
from domain.kernel import Actor
from domain.types import ClientId, Code, MemberId

router = APIRouter(tags=["reads"], dependencies=[Depends(only_known_parameters)])

_CSV = {"text/csv": {"schema": {"type": "string"}}}
_book = [Depends(applied_in("book_of_business"))]

PathClient = Annotated[ClientId, Path()]
PathMember = Annotated[MemberId, Path()]
PathProducer = Annotated[Code, Path()]
Cursor = Annotated[str | None, Query(max_length=400, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=500, description="Rows of a page.")]


def json_answer(view: Any) -> Response:
    """A view as JSON."""
    return Response(msgspec.json.encode(view), media_type="application/json")


def today_of(services: Services) -> date:
    """Today, where the carrier is."""
    return carrier_date(services.clock.now())


# ── Clients and their people ───────────────────────────────────────────────────────────────────


@router.get("/v1/clients/{client_id}", dependencies=_book, responses=answers(ClientView, *AS_OF))
def read_client(
    request: Request, client_id: PathClient, actor: Reader, as_of: AsOfAsked
) -> Response:
    """A client: subgroups, plans and rates, agents of record, who administers it, whom to call."""
    services: Services = request.app.state.services
    see = seen(services, client_id, actor.producer_id, as_of, [BOOK], OF_CLIENT)
    return json_answer(see.reads.client(client_id, see.viewer, see.on, seen_on=see.today))


@router.get(
    "/v1/clients/{client_id}/roster",
    dependencies=_book,
    responses=answers(Roster, *AS_OF, also=_CSV),
)
def read_roster(
    request: Request,
    client_id: PathClient,
    actor: Reader,
    as_of: AsOfAsked,
    cursor: Cursor = None,
    limit: Limit = 100,
    format: Annotated[
        Literal["json", "csv"] | None, Query(description="`csv` (or `Accept: text/csv`): all.")
    ] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """Who is covered on a day, family by family; as CSV, all of them at once."""
    services: Services = request.app.state.services
    as_csv = format == "csv" or (format is None and "text/csv" in accept)
    roster = roster_of(
        services,
        client_id,
        actor.producer_id,
        as_of,
        cursor=None if as_csv else cursor,
        limit=None if as_csv else limit,
    )
    if not as_csv:
        return json_answer(roster)
    name = f'attachment; filename="roster-{client_id}-{roster.on}.csv"'
    lines = csv_lines(roster.items)
    return StreamingResponse(lines, media_type="text/csv", headers={"Content-Disposition": name})


def csv_lines(lines: list[RosterLine]) -> Iterator[str]:
    """A roster as CSV, its first line the names of the columns."""
    columns = RosterLine.__struct_fields__
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for number, line in enumerate(lines, start=1):
        writer.writerow(_cell(getattr(line, column)) for column in columns)
        if number % 500 == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _cell(value: object) -> str:
    """A value as text that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


@router.get(
    "/v1/clients/{client_id}/census",
    dependencies=_book,
    responses=answers(Census, *AS_OF),
)
def read_census(
    request: Request, client_id: PathClient, actor: Reader, as_of: AsOfAsked
) -> Response:
    """Who is covered on a day, in numbers only."""
    services: Services = request.app.state.services
    see = seen(services, client_id, actor.producer_id, as_of, [BOOK], OF_CENSUS)
    return json_answer(see.reads.census(client_id, see.viewer, see.on, seen_on=see.today))


@router.get(
    "/v1/clients/{client_id}/members/{member_id}",
    dependencies=_book,
    responses=answers(MemberView, *AS_OF),
)
def read_member(
    request: Request,
    client_id: PathClient,
    member_id: PathMember,
    actor: Reader,
    as_of: AsOfAsked,
) -> Response:
    """A member with every coverage span and the premium of the day's month."""
    services: Services = request.app.state.services
    see = seen(services, client_id, actor.producer_id, as_of, [BOOK], of_member(member_id))
    view = see.reads.member(client_id, member_id, see.viewer, see.on, seen_on=see.today)
    return json_answer(view)


# ── A producer's book ──────────────────────────────────────────────────────────────────────────


def require_own_book(actor: Actor, producer_id: str) -> None:
    """Return if the reader may see this producer's book; else raise ``NotFound``."""
    if actor.producer_id not in (None, producer_id):
        raise NotFound


@router.get(
    "/v1/producers/{producer_id}/book",
    dependencies=_book,
    responses=answers(Book, *BOOK_AS_OF),
)
def read_book(
    request: Request,
    producer_id: PathProducer,
    actor: Reader,
    as_of: AsOfAsked,
    segment: Annotated[Segment | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """A producer's book of business, by segment."""
    require_own_book(actor, producer_id)
    services: Services = request.app.state.services
    reads = seen_book(services, producer_id, as_of, segment, cursor, clients_max=limit + 1)
    on = as_of.day(services)
    book = reads.book(producer_id, on, segment=segment, cursor=cursor, limit=limit)
    shows(request, (line.client_id for line in book.items))
    return json_answer(book)


@router.get(
    "/v1/producers/{producer_id}/book/summary",
    dependencies=_book,
    responses=answers(BookSummary, *BOOK_AS_OF),
)
def read_book_summary(
    request: Request, producer_id: PathProducer, actor: Reader, as_of: AsOfAsked
) -> Response:
    """How many clients of each segment are in a producer's book."""
    require_own_book(actor, producer_id)
    services: Services = request.app.state.services
    reads = seen_book(services, producer_id, as_of)
    return json_answer(reads.book_summary(producer_id, as_of.day(services)))
