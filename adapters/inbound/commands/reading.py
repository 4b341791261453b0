"""Commands that read: the book, clients, members, transactions, histories, rosters."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import msgspec
import typer

from adapters.inbound.commands.opening import AsJson, reading
from adapters.inbound.commands.printing import show
from adapters.inbound.histories import history_event
from adapters.inbound.http_reads import csv_lines
from adapters.inbound.progress import progress_of
from adapters.outbound.reading import NotFound
from adapters.outbound.transaction_reads import StatusFilter, TransactionFilter
from domain.client.state import Segment
from domain.dates import carrier_date
from schemas.envelope import Recorded

ClientArgument = Annotated[str, typer.Argument(metavar="CLIENT", help="A client id.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="Rows of a page.")]
Cursor = Annotated[str | None, typer.Option(help="“next” of the page before.")]
On = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="The day to read; today if left out."),
]


def book(
    context: typer.Context,
    producer: Annotated[str, typer.Argument(metavar="PRODUCER", help="A producer id.")],
    segment: Annotated[Segment | None, typer.Option(help="Only clients of this segment.")] = None,
    summary: Annotated[bool, typer.Option("--summary", help="Only the numbers.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """Show a producer's book of business today, by segment.

    \b
    ofrecord book P-100
    ofrecord book P-007 --segment small_group --limit 10
    ofrecord book P-007 --summary --json
    """
    with reading(context) as services:
        today = carrier_date(services.clock.now())
        if summary:
            show(services.reads.book_summary(producer, today), as_json)
        else:
            page = services.reads.book(producer, today, segment=segment, cursor=cursor, limit=limit)
            show(page, as_json)


def client(context: typer.Context, client_id: ClientArgument, as_json: AsJson = False) -> None:
    """Show a client: plans and rates, agents, who administers it and whom to call.

    \b
    ofrecord client harbor-bakery
    """
    with reading(context) as services:
        today = carrier_date(services.clock.now())
        show(services.reads.client(client_id, None, today), as_json)


def member(
    context: typer.Context,
    client_id: ClientArgument,
    member_id: Annotated[str, typer.Argument(metavar="MEMBER", help="A member id.")],
    as_json: AsJson = False,
) -> None:
    """Show a member with every coverage span and this month's premium.

    \b
    ofrecord member harbor-bakery 20260100001
    """
    with reading(context) as services:
        today = carrier_date(services.clock.now())
        show(services.reads.member(client_id, member_id, None, today), as_json)


def transactions(
    context: typer.Context,
    client: Annotated[str | None, typer.Option(help="Of this client.")] = None,
    member: Annotated[str | None, typer.Option(help="Of this member; with --client.")] = None,
    producer: Annotated[str | None, typer.Option(help="Of this producer's book.")] = None,
    type: Annotated[str | None, typer.Option(help="Such as add_dependent.")] = None,
    status: Annotated[StatusFilter | None, typer.Option(help="Where they are.")] = None,
    sender: Annotated[str | None, typer.Option(help="Sent under this name.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List transactions, newest first, with what came of them.

    \b
    ofrecord transactions --client harbor-bakery
    ofrecord transactions --client harbor-bakery --member 20260100007
    ofrecord transactions --producer P-007 --status refused --json
    """
    if member is not None and client is None:
        raise typer.BadParameter("A member is looked up in a client: add --client.")
    with reading(context) as services:
        wanted = TransactionFilter(
            client_id=client,
            member_id=member,
            book_of=producer,
            on=carrier_date(services.clock.now()),
            type=type,
            status=status,
            sender=sender,
        )
        page = services.transactions.page(wanted, progress_of(services), cursor, limit)
        show(page, as_json)


def history(
    context: typer.Context,
    client_id: ClientArgument,
    after_version: Annotated[int, typer.Option(min=0, help="Events after this version.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000_000, help="Events at most.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """Show a client's or payee's history as stored: each event, with the transaction behind it.

    \b
    ofrecord history harbor-bakery
    ofrecord history harbor-bakery --json      (one event a line)
    ofrecord history payee:A-200               (a payee's)
    """
    with reading(context) as services:
        events = services.log.history(client_id, after_version, limit)
        if not events and not services.log.history(client_id, 0, 1):
            raise NotFound
        if as_json:
            for recorded in events:
                show(history_event(recorded), as_json)
        else:
            show([_line(recorded) for recorded in events], as_json)


def roster(
    context: typer.Context,
    client_id: ClientArgument,
    on: On = None,
    as_json: AsJson = False,
) -> None:
    """Write a client's roster of a day as CSV: who is covered, family by family.

    \b
    ofrecord roster harbor-bakery > roster.csv
    ofrecord roster harbor-bakery --on 2026-04-01 --json
    """
    with reading(context) as services:
        today = carrier_date(services.clock.now())
        found = services.reads.roster(client_id, None, on.date() if on else today, as_of=today)
        if as_json:
            show(found, as_json)
            return
        for part in csv_lines(found.items):
            typer.echo(part, nl=False)


class HistoryLine(msgspec.Struct):
    """An event in one line, for people: what happened, and who caused it when."""

    version: int
    position: int
    received_at: datetime
    type: str
    takes_effect_on: date | None
    code: str | None
    members: tuple[str, ...]
    sender: str
    producer_id: str | None


def _line(recorded: Recorded) -> HistoryLine:
    event, cause = recorded.event, recorded.cause
    return HistoryLine(
        version=recorded.version,
        position=recorded.position,
        received_at=cause.received_at,
        type=event.type,
        takes_effect_on=event.takes_effect_on(),
        code=getattr(event, "code", None),
        members=tuple(event.members()),
        sender=cause.sender,
        producer_id=cause.producer_id,
    )
