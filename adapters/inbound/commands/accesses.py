"""The command that lists who read whose personal data."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from msgspec.structs import replace

from adapters.inbound.commands.opening import AsJson, looking
from adapters.inbound.commands.printing import show
from adapters.inbound.commands.reading import Cursor, Limit
from adapters.inbound.commands.recording import recorded
from adapters.inbound.http_accesses import instant_in
from adapters.outbound.access_reads import Accesses, AccessFilter

_CLIENTS_SHOWN = 3
"""Of a line of the table: a page of a book names hundreds."""


def accesses(
    context: typer.Context,
    client: Annotated[str | None, typer.Option(help="Of this client.")] = None,
    sender: Annotated[str | None, typer.Option(help="By this sender or user.")] = None,
    producer: Annotated[str | None, typer.Option(help="For this producer.")] = None,
    since: Annotated[str | None, typer.Option(help="Such as 2026-03-01T00:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this instant.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List who read whose personal data, or was refused it, newest first.

    \b
    ofrecord accesses --client harbor-bakery
    ofrecord accesses --sender acme-portal --since 2026-03-01T00:00:00Z --json
    """
    wanted = AccessFilter(
        client_id=client,
        sender=sender,
        producer_id=producer,
        since=_instant(since),
        until=_instant(until),
    )
    with looking(context) as application, recorded(context, application.services):
        page = application.services.access_reads.page(wanted, cursor, limit)
        show(page if as_json else _printed(page), as_json)


def _printed(page: Accesses) -> Accesses:
    """For people: of a read that showed many clients, the first."""
    items = [replace(each, client_ids=_first(each.client_ids)) for each in page.items]
    return replace(page, items=items)


def _first(client_ids: list[str]) -> list[str]:
    more = len(client_ids) - _CLIENTS_SHOWN
    return [*client_ids[:_CLIENTS_SHOWN], f"… and {more:,} more"] if more > 0 else client_ids


def _instant(text: str | None) -> datetime | None:
    try:
        return None if text is None else instant_in(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.".capitalize()) from None
