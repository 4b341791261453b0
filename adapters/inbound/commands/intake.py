"""The command that takes transactions from Kafka."""

from __future__ import annotations

import typer

from adapters.inbound.commands.opening import (
    SAID_NO,
    fail,
    kafka_told,
    opened,
    settings_of,
    told_to_end,
)
from adapters.inbound.kafka_commands import CommandDoor
from adapters.inbound.watching import watched_intake
from adapters.outbound.logs import configure_logs
from adapters.outbound.topics import COMMANDS
from adapters.runtime import tune_interpreter


def intake(context: typer.Context) -> None:
    """Take transactions that portals send over Kafka, and answer them there, until Ctrl-C.

    \b
    ofrecord --database-url postgresql://me@db/ofrecord intake

    Several may run: each takes some of the clients. What one has taken when it ends is answered.
    """
    # Kafka's client takes half a second to import, which only what uses it should wait for.
    from adapters.inbound.kafka_intake import Intake, TopicsMissing  # noqa: PLC0415  # as just said

    settings = settings_of(context)
    tune_interpreter()
    with told_to_end() as stop, kafka_told(settings), opened(context) as application:
        configure_logs(settings.log_format, settings.log_level)
        door = CommandDoor(application.services)
        try:
            with (
                Intake.opened(door, settings.kafka_servers) as taking,
                watched_intake(settings, application.services, taking.pulse, taking.dead_letters),
            ):
                typer.echo(f"Takes {COMMANDS} from {settings.kafka_servers}. Ctrl-C ends it.")
                taking.run(stop)
        except TopicsMissing as missing:
            raise fail(
                f"Kafka has no topic {missing}: `ofrecord topics` makes them.", SAID_NO
            ) from None
    typer.echo("What was taken is answered.")
