"""A command that says what changed between two knowings of a client."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from adapters.inbound.as_of import NotAMoment, moment_of
from adapters.inbound.changes import KnownBefore, changes_between
from adapters.inbound.commands.opening import AsJson, reading
from adapters.inbound.commands.printing import show
from adapters.inbound.commands.reading import ClientArgument, Cursor, Limit
from adapters.inbound.documents.wording import counted
from adapters.outbound.change_views import ChangedRow, Value
from processors.knowing import KnownAt

_HELP = "An instant such as 2026-03-03T12:00:00Z, by when it was received, or a position"


def changes(
    context: typer.Context,
    client_id: ClientArgument,
    known_from: Annotated[
        str, typer.Option(metavar="INSTANT|POSITION", help=f"As known first. {_HELP}.")
    ],
    known_to: Annotated[
        str | None,
        typer.Option(metavar="INSTANT|POSITION", help="As known last; now if left out."),
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """Say what changed between two knowings of a client: each row before → after, and who did it.

    \b
    ofrecord changes harbor-bakery --known-from 2026-03-03T12:00:00Z --known-to 2026-03-05T12:00:00Z
    ofrecord changes harbor-bakery --known-from 1 --json
    """
    first = _moment("--known-from", known_from)
    last = None if known_to is None else _moment("--known-to", known_to)
    with reading(context) as services:
        try:
            page = changes_between(services, client_id, None, first, last, cursor, limit)
        except KnownBefore:
            raise typer.BadParameter(
                "This moment is before that of --known-from.", param_hint="--known-to"
            ) from None
        if as_json:
            show(page, as_json)
            return
        for changed in page.items:
            _tell(changed)
        shown = f"{len(page.items):,} of {counted(page.count, 'row')}"
        following = f"; next: {page.next}" if page.next else ""
        typer.echo(
            f"Version {page.from_version} to {page.to_version} of {client_id}: {shown}{following}"
        )


def _moment(option: str, text: str) -> KnownAt:
    try:
        return moment_of(text)
    except NotAMoment as wrong:
        raise typer.BadParameter(f"{wrong}.", param_hint=option) from None


def _tell(changed: ChangedRow) -> None:
    named = ", ".join(
        f"{name} {_cell(value)}" for name, value in changed.key.items() if name != "client_id"
    )
    typer.echo(f"{changed.table}{f' {named}' if named else ''}: {changed.kind}")
    for column in changed.columns:
        typer.echo(f"  {column.name}: {_cell(column.before)} → {_cell(column.after)}")
    for cause in changed.causes:
        for_producer = f" for {cause.producer_id}" if cause.producer_id else ""
        received = _cell(msgspec.to_builtins(cause.received_at))
        typer.echo(
            f"  by {cause.type} from {cause.sender} ({cause.role}){for_producer},"
            f" received {received}, position {cause.position}, transaction {cause.transaction_id}"
        )


def _cell(value: Value) -> str:
    return "–" if value is None else str(value)
