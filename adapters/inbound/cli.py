"""The command line ``ofrecord``: the same system as the HTTP API, for operators and scripts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from adapters.inbound.commands import (
    accesses,
    billing,
    changes,
    dead_letters,
    distributed,
    explaining,
    exporting,
    intake,
    invoices,
    proof_keys,
    proving,
    reading,
    rebuilding,
    replaying,
    running,
    sending,
    statements,
    verifying,
    working,
)
from adapters.inbound.commands.opening import NOT_UNDERSTOOD, fail
from adapters.settings import Settings

app = typer.Typer(
    name="ofrecord",
    help="The event-sourced backend behind a health carrier's broker channel.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help keeps the examples' lines as they are
    pretty_exceptions_enable=False,  # its tracebacks show the values of variables
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (
    *(running.serve, running.migrate, sending.submit, sending.simulate),
    *(reading.book, reading.client, reading.member, reading.transactions, reading.history),
    *(reading.roster, running.lag, accesses.accesses, changes.changes),
    *(invoices.invoice, invoices.invoices, invoices.open_items, invoices.balance),
    *(billing.billing_run, billing.commission_run, billing.runs),
    *(statements.statement, statements.statements),
    *(verifying.verify, replaying.replay),
    *(distributed.topics, distributed.relay, intake.intake, working.worker),
    *(proving.prove, proving.checkpoint, proving.checkpoints, proving.proof),
    exporting.export,
):
    app.command()(command)
app.add_typer(explaining.explain, name="explain")
app.add_typer(running.parked, name="parked")
app.add_typer(running.key, name="key")
app.add_typer(proof_keys.proof_key, name="proof-key")
app.add_typer(dead_letters.dead_letters, name="dead-letters")
app.add_typer(rebuilding.rebuild, name="rebuild")


@app.callback()
def with_settings(
    context: typer.Context,
    data_folder: Annotated[
        Path | None, typer.Option(help="Where the embedded PostgreSQL keeps its data [./data].")
    ] = None,
    database_url: Annotated[
        str | None, typer.Option(help="An existing PostgreSQL to use instead.")
    ] = None,
) -> None:
    """Options of all commands; each can also be set in the environment, as OFRECORD_DATA_FOLDER."""
    asked: dict[str, Any] = {"data_folder": data_folder, "database_url": database_url}
    try:
        context.obj = Settings(**{name: value for name, value in asked.items() if value})
    except ValidationError as error:
        names = ", ".join(f"OFRECORD_{fault['loc'][0]}".upper() for fault in error.errors())
        raise fail(f"A setting makes no sense: {names}.", NOT_UNDERSTOOD) from None


def main() -> None:
    """Run a command."""
    try:
        "".join(sys.argv).encode()
    except UnicodeEncodeError:
        typer.echo("An argument is not UTF-8.", err=True)
        sys.exit(NOT_UNDERSTOOD)
    try:
        app()
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        typer.echo(f"It ended early: {what}{error.strerror or 'an error of the system'}.", err=True)
        sys.exit(NOT_UNDERSTOOD)
