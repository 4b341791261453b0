"""Commands that read: the book, clients, members, transactions, histories, rosters."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import msgspec
import typer

from adapters.inbound.as_of import BOOK, roster_of, seen, seen_book
from adapters.inbound.commands.moments import KnownAt, TrueOn, as_of
from adapters.inbound.commands.opening import AsJson, reading
from adapters.inbound.commands.printing import show
from adapters.inbound.commands.recording import shows
from adapters.inbound.commands.sending import Told
from adapters.inbound.histories import history_event
from adapters.inbound.http_reads import csv_lines
from adapters.inbound.progress import progress_of
from adapters.outbound.reading import NotFound
from adapters.outbound.rows_wanted import OF_CLIENT, of_member
from adapters.outbound.transaction_reads import StatusFilter, TransactionFilter
from domain.client.state import Segment
from domain.dates import carrier_date
from schemas.envelope import Recorded

_EVERY_CLIENT = 1_000_000_000
ClientArgument = Annotated[str, typer.Argument(metavar="CLIENT", help="A client id.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="Rows of a page.")]
Cursor = Annotated[str | None, typer.Option(help="“next” of the page before.")]


def book(
    context: typer.Context,
    producer: Annotated[str, typer.Argument(metavar="PRODUCER", help="A producer id.")],
    segment: Annotated[Segment | None, typer.Option(help="Only clients of this segment.")] = None,
    summary: Annotated[bool, typer.Option("--summary", help="Only the numbers.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
    everything: Annotated[bool, typer.Option("--all", help="Not a page: every client.")] = False,
    true_on: TrueOn = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,
) -> None:
    """Show a producer's book of business, by segment.

    \b
    ofrecord book P-100
    ofrecord book P-007 --segment small_group --limit 10
    ofrecord book P-007 --summary --json
    ofrecord book P-100 --true-on 2026-03-01 --known-at 2026-03-10T12:00:00Z
    """
    asked = as_of(true_on, known_at)
    with reading(context) as services, Told() as told:

        def looked(done: int, clients: int) -> None:
            told.progress(f"{done:,} of {clients:,} clients looked at", done)

        on, clients_max = asked.day(services), _EVERY_CLIENT if everything else limit
        if summary:
            reads = seen_book(services, producer, asked, looked=looked)
            show(reads.book_summary(producer, on), as_json)
            return
        reads = seen_book(services, producer, asked, segment, cursor, clients_max + 1, looked)
        page = reads.book(producer, on, segment=segment, cursor=cursor, limit=clients_max)
        shows(context, (line.client_id for line in page.items))
        show(page, as_json)


def client(
    context: typer.Context,
    client_id: ClientArgument,
    true_on: TrueOn = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,
) -> None:
    """Show a client: plans and rates, agents, who administers it and whom to call.

    \b
    ofrecord client harbor-bakery
    ofrecord client harbor-bakery --true-on 2026-03-01 --known-at 2026-03-10T12:00:00Z
    """
    asked = as_of(true_on, known_at)
    with reading(context) as services:
        see = seen(services, client_id, None, asked, [BOOK], OF_CLIENT)
        show(see.reads.client(client_id, None, see.on), as_json)


def member(
    context: typer.Context,
    client_id: ClientArgument,
    member_id: Annotated[str, typer.Argument(metavar="MEMBER", help="A member id.")],
    true_on: TrueOn = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,
) -> None:
    """Show a member with every coverage span and the premium of the day's month.

    \b
    ofrecord member harbor-bakery 20260100001
    ofrecord member harbor-bakery 20260100007 --true-on 2026-02-20 --known-at 2026-03-03T12:00:00Z
    """
    asked = as_of(true_on, known_at)
    with reading(context) as services:
        see = seen(services, client_id, None, asked, [BOOK], of_member(member_id))
        show(see.reads.member(client_id, member_id, None, see.on), as_json)


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
        shows(context, (item.client_id for item in page.items))
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
    true_on: TrueOn = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,
) -> None:
    """Write a client's roster of a day as CSV: who is covered, family by family.

    \b
    ofrecord roster harbor-bakery > roster.csv
    ofrecord roster harbor-bakery --true-on 2026-02-20 --known-at 2026-03-03T12:00:00Z --json
    """
    asked = as_of(true_on, known_at)
    with reading(context) as services:
        found = roster_of(services, client_id, None, asked)
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
