"""The command that applies a projection from Kafka, with Faust."""

from __future__ import annotations

from typing import Annotated

import typer

from adapters.bootstrap import open_database, open_topics, open_worker
from adapters.inbound.commands.opening import (
    NO_DATABASE,
    SAID_NO,
    fail,
    kafka_told,
    settings_of,
    told_plainly,
)
from adapters.inbound.watching import watched_worker
from adapters.outbound.logs import configure_logs
from adapters.outbound.topics import EVENTS
from adapters.runtime import tune_interpreter
from adapters.settings import Settings
from projections.catalog import PROJECTIONS

_BY_NAME = {projection.name: projection for projection in PROJECTIONS}


def worker(
    context: typer.Context,
    projection: Annotated[str, typer.Argument(help=f"One of {', '.join(_BY_NAME)}.")],
) -> None:
    """Keep a projection's rows up with what the relay passes on, until Ctrl-C.

    Start as many as are needed, up to the number of partitions: they share the clients, and take
    over from each other by themselves.

    \b
    ofrecord --database-url postgresql://me@db/ofrecord worker book_of_business

    Exit code: 0 ended by Ctrl-C or SIGTERM, 1 failed, 3 the database or Kafka was away at the
    start, or the tables are another version's.
    """
    from processors.faust_workers import make_app, run  # noqa: PLC0415  # takes a second to import

    if projection not in _BY_NAME:
        raise typer.BadParameter(f"There is no such projection. There are {', '.join(_BY_NAME)}.")
    settings = settings_of(context)
    configure_logs(settings.log_format, settings.log_level)
    tune_interpreter()
    _require_topic(settings)
    with (
        told_plainly(),
        open_database(settings) as database,
        open_worker(database.url, _BY_NAME[projection], _tell_share) as working,
        watched_worker(settings, database.url, projection, working),
    ):
        typer.echo(f"Applies {EVENTS} at {settings.kafka_servers} to {projection}. Ctrl-C ends it.")
        group = f"ofrecord.{projection}"
        session = settings.worker_session_seconds
        run(make_app(settings.kafka_servers, EVENTS, group, working, session))
        if working.is_replaced:
            raise fail("The tables were made anew by another version of this program.", NO_DATABASE)
    typer.echo("The worker has ended.")


def _require_topic(settings: Settings) -> None:
    """Faust tells neither that Kafka is away nor that there is nothing to follow."""
    with kafka_told(settings), open_topics(settings) as kafka:
        if kafka.look(EVENTS) is None:
            raise fail(f"Kafka has no topic {EVENTS}: `ofrecord topics` makes it.", SAID_NO)


def _tell_share(count: int) -> None:
    typer.echo(f"It has {count} partition{'' if count == 1 else 's'} now.")
