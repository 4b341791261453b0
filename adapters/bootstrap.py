"""The only place where the parts are put together: settings in, a working system out.

Every door opens the same composition. What was opened is closed in the opposite order, however the
work ends; so the log outlives what appends to it, and PostgreSQL outlives them all.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from psycopg_pool import ConnectionPool

from adapters.outbound.api_keys import ApiKeys
from adapters.outbound.billing_reads import BillingReads
from adapters.outbound.commission_reads import CommissionReads
from adapters.outbound.embedded_postgres import EmbeddedPostgres
from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.migrations import migrate
from adapters.outbound.read_store import ReadStore
from adapters.outbound.reading import POOL_RECONNECT_SECONDS, POOL_WAIT_SECONDS, read_pool
from adapters.outbound.relay_store import PostgresRelayStore
from adapters.outbound.row_store import PostgresRowStore
from adapters.outbound.runs import BillingAccountReads, PostgresRuns
from adapters.outbound.topics import EVENTS
from adapters.outbound.transaction_reads import TransactionReads
from adapters.services import HttpSettings, Services
from adapters.settings import Settings
from processors.applied import Applied
from processors.applying import Applier
from processors.billing_run import BillingRun
from processors.command_processor import CommandProcessor
from processors.commission_run import CommissionRun
from processors.embedded import EmbeddedProjectors
from processors.lag import Standing, measure_standing
from processors.relay import Relay, RelayStore
from processors.run_service import Runs
from processors.tallies import Pulse
from processors.topic_projector import TopicProjector
from projections.catalog import PROJECTIONS
from projections.kernel import Projection

if TYPE_CHECKING:
    from adapters.outbound.kafka import KafkaTopics
    from processors.faust_workers import Worker

_KEYS_CONNECTIONS_MAX = 4


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current instant, UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Application:
    """Everything a door may need."""

    services: Services
    projectors: EmbeddedProjectors
    """Not started: who serves starts them, others only where nobody serves."""


@dataclass(frozen=True, slots=True)
class Database:
    """The database to work with."""

    url: str
    embedded: EmbeddedPostgres | None
    """The server, where it is our own."""


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The database of the settings; the embedded server runs at least as long as this is open.

    Raises ``EmbeddedPostgresFailed``.
    """
    if settings.database_url is not None:
        yield Database(settings.database_url, None)
        return
    server = EmbeddedPostgres(settings.data_folder)
    with server as url:
        yield Database(url, server)


@contextmanager
def open_application(
    database_url: str, *, remake_tables: bool = True, projects_here: bool = True
) -> Iterator[Application]:
    """The system on a database, which is migrated first.

    ``projects_here`` is false where workers of a topic project.

    Raises ``psycopg.OperationalError`` if it cannot be reached, ``DatabaseNewer`` or
    ``MigrationChanged`` if it is not for this program; and, unless ``remake_tables``,
    ``TablesReplaced`` if a projection's tables are another version's.
    """
    migrate(database_url)
    clock = SystemClock()
    with ExitStack() as stack:
        log = stack.enter_context(closing(PostgresEventLog(database_url)))
        rows = stack.enter_context(closing(PostgresRowStore(database_url)))
        reads = stack.enter_context(closing(read_pool(database_url)))
        keys = stack.enter_context(closing(_keys_pool(database_url)))
        for projection in PROJECTIONS:
            rows.prepare(projection, remake_tables)
        relay = PostgresRelayStore(keys)
        projectors = EmbeddedProjectors(PROJECTIONS, log, rows, clock, projects_here=projects_here)
        stack.enter_context(closing(projectors))
        commands = stack.enter_context(closing(CommandProcessor(log, clock)))
        applied = Applied(log, rows, projectors.wait_or_project)
        billing = BillingRun(commands, applied, BillingAccountReads(reads))
        commissions = CommissionReads(reads)
        settling = CommissionRun(commands, applied, commissions)
        runs = Runs(PostgresRuns(keys), clock, {"billing": billing, "commission": settling})
        stack.enter_context(closing(runs))  # before what they work with
        services = Services(
            commands=commands,
            log=log,
            rows=rows,
            reads=ReadStore(reads),
            transactions=TransactionReads(reads),
            invoices=BillingReads(reads),
            commissions=commissions,
            keys=ApiKeys(keys, clock),
            runs=runs,
            billing=billing,
            clock=clock,
            relayed=lambda: None if projects_here else _relay_position(relay),
            projections=tuple(projection.name for projection in PROJECTIONS),
            batches=projectors.batches,
            http=HttpSettings(version=version("ofrecord")),
        )
        yield Application(services, projectors)


@contextmanager
def open_relay(settings: Settings, database_url: str) -> Iterator[Relay]:
    """A relay from the log on a database, which is migrated first, to Kafka; not started.

    Raises what ``open_application`` raises of the database. Kafka is reached when it runs.
    """
    # Kafka's clients take half a second to import, which only what uses them should wait for.
    from adapters.outbound.kafka import KafkaEventTopic  # noqa: PLC0415  # as just said

    migrate(database_url)
    with ExitStack() as stack:
        log = stack.enter_context(closing(PostgresEventLog(database_url, pool_size=1)))
        rows = stack.enter_context(closing(PostgresRowStore(database_url)))
        pool = stack.enter_context(closing(_keys_pool(database_url)))
        topic = stack.enter_context(closing(KafkaEventTopic(settings.kafka_servers, EVENTS)))
        yield Relay(log, PostgresRelayStore(pool), topic, rows.partitions)


@contextmanager
def open_worker(
    database_url: str, projection: Projection, assigned: Callable[[int], None]
) -> Iterator[Worker]:
    """A worker of a projection, on a database that is migrated first; in no group yet.

    ``assigned`` is told of how many partitions it has, whenever these are others.

    Raises what ``open_application`` raises.
    """
    from processors.faust_workers import Worker  # noqa: PLC0415  # as above

    migrate(database_url)
    with ExitStack() as stack:
        log = stack.enter_context(closing(PostgresEventLog(database_url, pool_size=1)))
        rows = stack.enter_context(closing(PostgresRowStore(database_url)))
        relay = PostgresRelayStore(stack.enter_context(closing(_keys_pool(database_url))))
        rows.prepare(projection)
        pulse = Pulse()  # beats with each batch: what was missed may be many
        applier = Applier(projection, log, rows, SystemClock(), lambda position: pulse.worked())
        projector = TopicProjector(applier, log)
        relayed = functools.partial(_relay_position, relay)
        worker = Worker(projection.name, projector, relayed, assigned, pulse)
        yield stack.enter_context(closing(worker))


@contextmanager
def open_measuring(database_url: str) -> Iterator[Callable[[], Standing]]:
    """What says where everything stands behind the log that is relayed to Kafka.

    Over connections of its own: it can tell of those who wait for theirs.
    """
    with ExitStack() as stack:
        log = stack.enter_context(closing(PostgresEventLog(database_url, pool_size=1)))
        rows = stack.enter_context(closing(PostgresRowStore(database_url)))
        relay = PostgresRelayStore(stack.enter_context(closing(_keys_pool(database_url))))
        names = [projection.name for projection in PROJECTIONS]
        clock = SystemClock()
        yield lambda: measure_standing(log, rows, names, clock, _relay_position(relay))


def _relay_position(relay: RelayStore) -> int:
    """How far the log was passed on to the topic of events."""
    state = relay.state(EVENTS)
    return state.position if state else 0


@contextmanager
def open_topics(settings: Settings) -> Iterator[KafkaTopics]:
    """Kafka's topics, to be made and looked at; it is reached when it is asked."""
    from adapters.outbound.kafka import KafkaTopics  # noqa: PLC0415  # as above

    with closing(KafkaTopics(settings.kafka_servers)) as topics:
        yield topics


def _keys_pool(database_url: str) -> ConnectionPool:
    return ConnectionPool(
        database_url,
        min_size=0,
        max_size=_KEYS_CONNECTIONS_MAX,
        timeout=POOL_WAIT_SECONDS,
        reconnect_timeout=POOL_RECONNECT_SECONDS,
        check=ConnectionPool.check_connection,
        name="keys",
        open=True,
    )
