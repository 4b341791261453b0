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
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg_pool import ConnectionPool

from adapters.outbound.access_reads import AccessReads
from adapters.outbound.accesses import AccessLog
from adapters.outbound.api_keys import ApiKeys
from adapters.outbound.archive_reads import PostgresLogMoment
from adapters.outbound.as_known import AsKnown
from adapters.outbound.billing_reads import BillingReads
from adapters.outbound.commission_reads import CommissionReads
from adapters.outbound.effect_reads import EffectReads
from adapters.outbound.embedded_postgres import EmbeddedPostgres
from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.migrations import migrate
from adapters.outbound.proof_store import PostgresProofStore
from adapters.outbound.published_checkpoints import CheckpointFolder
from adapters.outbound.read_store import ReadStore
from adapters.outbound.reading import (
    POOL_RECONNECT_SECONDS,
    POOL_WAIT_SECONDS,
    Reading,
    read_pool,
)
from adapters.outbound.rebuild_store import PostgresRebuildStore
from adapters.outbound.relay_store import PostgresRelayStore
from adapters.outbound.row_store import PostgresRowStore
from adapters.outbound.runs import BillingAccountReads, PostgresRuns
from adapters.outbound.scratch import scratch_pool
from adapters.outbound.signing_keys import SigningKeyFolder
from adapters.outbound.topics import EVENTS
from adapters.outbound.transaction_reads import TransactionReads
from adapters.services import HttpSettings, Services
from adapters.settings import Settings
from processors.applied import Applied
from processors.applying import Applier
from processors.archiving import LogMoment
from processors.billing_run import BillingRun
from processors.command_processor import CommandProcessor
from processors.commission_run import CommissionRun
from processors.embedded import EmbeddedProjectors
from processors.knowing import Knowledge
from processors.lag import Standing, measure_standing
from processors.ports import Clock
from processors.proof_ports import ProofStore, ProvableLog
from processors.proving import Prover
from processors.rebuild import Rebuild
from processors.relay import Relay, RelayStore
from processors.run_service import Runs
from processors.tallies import Pulse
from processors.topic_projector import TopicProjector
from processors.verification import Verification
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
        scratch = stack.enter_context(closing(scratch_pool(database_url)))
        keys = stack.enter_context(closing(_keys_pool(database_url)))
        for projection in PROJECTIONS:
            rows.prepare(projection, remake_tables)
        relay = PostgresRelayStore(keys)
        projectors = EmbeddedProjectors(PROJECTIONS, log, rows, clock, projects_here=projects_here)
        stack.enter_context(closing(projectors))
        commands = stack.enter_context(closing(CommandProcessor(log, clock)))
        applied = Applied(log, rows, projectors.wait_or_project)
        billing, runs = _runs(commands, applied, reads, keys, clock)
        stack.enter_context(closing(runs))  # before what they work with
        services = Services(
            commands=commands,
            log=log,
            rows=rows,
            as_known=AsKnown(Knowledge(log, clock), reads, scratch),
            keys=ApiKeys(keys, clock),
            accesses=stack.enter_context(closing(AccessLog(keys, clock))),
            runs=runs,
            billing=billing,
            proofs=PostgresProofStore(keys),
            moment=functools.partial(_log_moment, database_url),
            clock=clock,
            relayed=lambda: None if projects_here else _relay_position(relay),
            projections=tuple(projection.name for projection in PROJECTIONS),
            batches=projectors.batches,
            http=HttpSettings(version=version("ofrecord")),
            **_reads_of(reads),
        )
        yield Application(services, projectors)


def _reads_of(pool: ConnectionPool[Reading]) -> dict[str, Any]:
    """The reads of the live rows, as ``Services`` names them."""
    return {
        "reads": ReadStore(pool),
        "transactions": TransactionReads(pool),
        "invoices": BillingReads(pool),
        "commissions": CommissionReads(pool),
        "effects": EffectReads(pool),
        "access_reads": AccessReads(pool),
    }


def _runs(
    commands: CommandProcessor,
    applied: Applied,
    reads: ConnectionPool[Reading],
    keys: ConnectionPool,
    clock: Clock,
) -> tuple[BillingRun, Runs]:
    """The billing run, and both kinds of run as a service."""
    billing = BillingRun(commands, applied, BillingAccountReads(reads))
    settling = CommissionRun(commands, applied, CommissionReads(reads))
    return billing, Runs(PostgresRuns(keys), clock, {"billing": billing, "commission": settling})


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


@dataclass(frozen=True, slots=True)
class Proving:
    """A prover, not started, and what it works with."""

    prover: Prover
    log: ProvableLog
    store: ProofStore
    clock: Clock


def signing_keys(settings: Settings) -> SigningKeyFolder:
    """The keys that sign checkpoints."""
    return SigningKeyFolder(settings.proof_keys_folder, settings.proof_origin)


@contextmanager
def open_proving(settings: Settings, database_url: str) -> Iterator[Proving]:
    """A prover of the log on a database, which is migrated first, over connections of its own.

    Where there is no folder of keys and nothing is signed yet, it is made, with a key. Raises
    ``KeysUnusable``, and what ``open_application`` raises of the database.
    """
    migrate(database_url)
    keys = signing_keys(settings)
    published = settings.publish_checkpoints
    with ExitStack() as stack:
        log = stack.enter_context(closing(PostgresEventLog(database_url, pool_size=1)))
        pool = stack.enter_context(closing(_keys_pool(database_url)))
        store, clock = PostgresProofStore(pool), SystemClock()
        keys.prepare(is_first=store.newest() is None)
        prover = Prover(
            *(log, store, keys, clock),
            CheckpointFolder(published) if published else None,
            settings.publish_seconds,
        )
        yield Proving(prover, log, store, clock)


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
def open_verification(database_url: str) -> Iterator[tuple[PostgresEventLog, Verification]]:
    """What compares the rows with the log, over connections of its own; and that log.

    Raises what ``open_application`` raises; the tables must be this program's.
    """
    migrate(database_url)
    with (
        closing(PostgresEventLog(database_url, pool_size=1)) as log,
        closing(PostgresRowStore(database_url)) as rows,
    ):
        for projection in PROJECTIONS:
            rows.prepare(projection, remake=False)
        yield log, Verification(log, rows)


@contextmanager
def open_scratch(database_url: str) -> Iterator[tuple[PostgresEventLog, PostgresRowStore]]:
    """The log, and a store for rows of projections that the system does not know."""
    migrate(database_url)
    with (
        closing(PostgresEventLog(database_url, pool_size=1)) as log,
        closing(PostgresRowStore(database_url)) as rows,
    ):
        yield log, rows


@contextmanager
def open_rebuild(database_url: str, projection: Projection) -> Iterator[Rebuild]:
    """A projection's rebuild, on a database that is migrated first.

    The tables that serve may be another version's: they are looked at, never written.
    """
    migrate(database_url)
    with (
        closing(PostgresEventLog(database_url, pool_size=1)) as log,
        closing(PostgresRowStore(database_url)) as rows,
    ):
        store = PostgresRebuildStore(database_url)
        yield Rebuild(projection, log, rows, store, SystemClock())


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


@contextmanager
def _log_moment(database_url: str) -> Iterator[LogMoment]:
    with psycopg.connect(database_url) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield PostgresLogMoment(conn)


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
