"""Commands of a system whose events travel over Kafka: its topics, and the relay that fills one."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from adapters.bootstrap import open_database, open_relay, open_topics
from adapters.inbound.commands.opening import (
    SAID_NO,
    AsJson,
    fail,
    kafka_told,
    opened,
    settings_of,
    told_plainly,
    told_to_end,
)
from adapters.inbound.commands.printing import show
from adapters.inbound.watching import watched_relay
from adapters.outbound.logs import configure_logs
from adapters.outbound.topics import EVENTS, all_topics
from adapters.runtime import tune_interpreter
from processors.ports import NotLevel

_PARTITIONS = 12


class MadeTopic(msgspec.Struct):
    """A topic that is there now."""

    topic: str
    partitions: int
    is_new: bool


def topics(
    context: typer.Context,
    partitions: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1000,
            help="Into how many partitions clients are divided: the most workers that a projection"
            f" can have [as they are, or {_PARTITIONS}].",
        ),
    ] = None,
    replication: Annotated[
        int, typer.Option(min=1, max=7, help="On how many brokers each record is kept.")
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Make Kafka's topics, and divide the clients into as many partitions. Again: nothing changes.

    \b
    ofrecord topics
    ofrecord topics --partitions 24 --replication 3
    """
    settings = settings_of(context)
    with opened(context) as application, kafka_told(settings), open_topics(settings) as kafka:
        found = kafka.look(EVENTS)
        count = partitions or (found.partitions if found else _PARTITIONS)
        if found is not None and found.partitions != count:
            raise fail(_other_number(found.partitions, count), SAID_NO)
        try:
            application.services.rows.divide(count)
        except NotLevel:
            raise fail(
                "The clients cannot be divided anew while a projection is further in one partition"
                " than in another. Let the workers run until `ofrecord lag` shows 0, stop them, and"
                " run this again.",
                SAID_NO,
            ) from None
        made = []
        for topic in all_topics(count, replication):
            is_new = kafka.create(topic)
            there = kafka.look(topic.name)
            made.append(MadeTopic(topic.name, there.partitions if there else 0, is_new))
    show(made, as_json)


def _other_number(there: int, asked: int) -> str:
    return (
        f"The topic {EVENTS} has {there} partitions, not {asked}, and a client may not change"
        " partitions while its events are in there. It holds nothing that the log has not: stop the"
        f" relay and the workers, delete the topic (kafka-topics.sh --delete --topic {EVENTS}), and"
        " run this again; the relay fills the new one from the log."
    )


def relay(context: typer.Context) -> None:
    """Pass the log on to Kafka, until Ctrl-C. A second one stands by and takes over by itself.

    \b
    ofrecord --database-url postgresql://me@db/ofrecord relay
    """
    settings = settings_of(context)
    configure_logs(settings.log_format, settings.log_level)
    tune_interpreter()
    with (
        told_to_end() as stop,
        told_plainly(),
        open_database(settings) as database,
        open_relay(settings, database.url) as worker,
        watched_relay(settings, database.url, worker),
    ):
        typer.echo(f"Passes the log on to {EVENTS} at {settings.kafka_servers}. Ctrl-C ends it.")
        worker.run(stop)
    typer.echo("The relay has ended.")
