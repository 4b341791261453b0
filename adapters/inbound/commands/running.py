"""Commands that run and look after the system: serve, migrate, keys, lag, parked clients."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
import typer

from adapters.bootstrap import open_database
from adapters.inbound.commands.opening import (
    SAID_NO,
    AsJson,
    fail,
    looking,
    opened,
    settings_of,
    told_plainly,
)
from adapters.inbound.commands.printing import show
from adapters.inbound.progress import lags_of
from adapters.inbound.serve import CannotServe
from adapters.inbound.serve import serve as serve_until_ended
from adapters.outbound.api_keys import InvalidKeyRequest
from adapters.outbound.logs import configure_logs
from adapters.outbound.migrations import migrate as migrate_database
from domain.types import Role


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0: any free one.")
    ] = None,
) -> None:
    """Serve the API and follow the log, until Ctrl-C.

    \b
    ofrecord serve
    ofrecord --data-folder /var/lib/ofrecord serve --port 9000
    ofrecord --database-url postgresql://me@db/ofrecord serve
    """
    asked = {"host": host, "port": port}
    given = {name: value for name, value in asked.items() if value is not None}
    with told_plainly():
        try:
            serve_until_ended(settings_of(context).model_copy(update=given))
        except CannotServe as error:
            raise fail(str(error), SAID_NO) from None


class Migrated(msgspec.Struct):
    """The migrations that were applied now."""

    applied: list[str]


def migrate(context: typer.Context, as_json: AsJson = False) -> None:
    """Bring the database's schema up to this program. Other commands do that too.

    \b
    ofrecord --database-url postgresql://me@db/ofrecord migrate
    """
    settings = settings_of(context)
    configure_logs(settings.log_format, "warning")
    with told_plainly(), open_database(settings) as database:
        show(Migrated(migrate_database(database.url)), as_json)


# ── Keys ───────────────────────────────────────────────────────────────────────────────────────

key = typer.Typer(help="Make, list and revoke the keys of the HTTP API.", no_args_is_help=True)


class ListedKey(msgspec.Struct):
    """A key, without what opens the door."""

    key_id: str
    role: Role
    sender: str
    producer_id: str | None
    permissions: list[str]
    created_at: datetime
    revoked_at: datetime | None


@key.command("create")
def create_key(
    context: typer.Context,
    role: Annotated[Role, typer.Argument(help="What it may do.")],
    sender: Annotated[str, typer.Argument(help="The name under which it sends.")],
    producer: Annotated[
        str | None,
        typer.Option(help="The one producer a portal key speaks for; else each request says."),
    ] = None,
    permission: Annotated[
        list[str] | None, typer.Option(help="backfill or exchange_feed, for carrier keys.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown once: only a hash of it is stored.

    \b
    ofrecord key create portal acme-portal --producer P-100
    ofrecord key create carrier nightly-import --permission backfill
    """
    with opened(context) as application:
        try:
            made = application.services.keys.create(role, sender, producer, permission or ())
        except InvalidKeyRequest as error:
            raise typer.BadParameter(str(error)) from None
    show(made, as_json)


@key.command("list")
def list_keys(context: typer.Context, as_json: AsJson = False) -> None:
    """List all keys, also those revoked.

    \b
    ofrecord key list --json
    """
    with opened(context) as application:
        keys = application.services.keys.list()
    shown = [
        ListedKey(**{name: getattr(each, name) for name in ListedKey.__struct_fields__})
        for each in keys
    ]
    show(shown, as_json)


@key.command("revoke")
def revoke_key(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(help="As in “ofrecord key list”.")],
) -> None:
    """Revoke a key; within about a second it opens nothing any more.

    \b
    ofrecord key revoke 12pne17zqoiv
    """
    with opened(context) as application:
        if not application.services.keys.revoke(key_id):
            raise fail(f"There is no key {key_id}.", SAID_NO)
    typer.echo(f"Key {key_id} is revoked.")


# ── Operations ─────────────────────────────────────────────────────────────────────────────────


def lag(context: typer.Context, as_json: AsJson = False) -> None:
    """Show how far each projection is behind the log, in each partition, and whose turn it is.

    \b
    ofrecord lag --json
    """
    with looking(context) as application:
        show(lags_of(application.services), as_json)


parked = typer.Typer(help="Clients whose events a projection could not apply.")


@parked.callback(invoke_without_command=True)
def list_parked(context: typer.Context, as_json: AsJson = False) -> None:
    """Show parked clients: what failed, where, how often; their later events wait.

    \b
    ofrecord parked
    """
    if context.invoked_subcommand is None:
        with looking(context) as application:
            show(list(application.services.rows.parked()), as_json)


@parked.command("list")
def list_parked_too(context: typer.Context, as_json: AsJson = False) -> None:
    """Show parked clients.

    \b
    ofrecord parked list --json
    """
    list_parked(context, as_json)


@parked.command("retry")
def retry_parked(
    context: typer.Context,
    projection: Annotated[str, typer.Argument(help="The projection it is parked in.")],
    client_id: Annotated[str, typer.Argument(metavar="CLIENT", help="The client.")],
) -> None:
    """Try a parked client again, now; whoever projects does it within a second.

    \b
    ofrecord parked retry book_of_business harbor-bakery
    """
    with looking(context) as application:
        if not application.services.rows.request_retry(projection, client_id):
            raise fail(f"{client_id} is not parked in {projection}.", SAID_NO)
    typer.echo(f"{client_id} is tried again in {projection}.")
