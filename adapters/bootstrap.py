"""The only place where the parts are put together: settings in, a working system out.

Every door opens the same composition. What was opened is closed in the opposite order, however the
work ends; so the log outlives what appends to it, and PostgreSQL outlives them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from psycopg_pool import ConnectionPool

from adapters.outbound.api_keys import ApiKeys
from adapters.outbound.billing_reads import BillingReads
from adapters.outbound.commission_reads import CommissionReads
from adapters.outbound.embedded_postgres import EmbeddedPostgres
from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.migrations import migrate
from adapters.outbound.read_store import ReadStore
from adapters.outbound.reading import POOL_RECONNECT_SECONDS, POOL_WAIT_SECONDS, read_pool
from adapters.outbound.row_store import PostgresRowStore
from adapters.outbound.runs import BillingAccountReads, PostgresRuns
from adapters.outbound.transaction_reads import TransactionReads
from adapters.services import HttpSettings, Services
from adapters.settings import Settings
from processors.billing_run import BillingRun
from processors.command_processor import CommandProcessor
from processors.commission_steps import CommissionSteps
from processors.embedded import EmbeddedProjectors
from processors.run_service import Runs
from projections.catalog import PROJECTIONS

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
def open_application(database_url: str, *, remake_tables: bool = True) -> Iterator[Application]:
    """The system on a database, which is migrated first.

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
        names = tuple(projection.name for projection in PROJECTIONS)
        projectors = stack.enter_context(closing(EmbeddedProjectors(PROJECTIONS, log, rows, clock)))
        commands = stack.enter_context(closing(CommandProcessor(log, clock)))
        accounts = BillingAccountReads(reads)
        billing = BillingRun(commands, log, rows, accounts, projectors.wait_until_applied)
        commissions = CommissionReads(reads)
        settling = CommissionSteps(commands, log, rows, commissions)
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
            projections=names,
            http=HttpSettings(version=version("ofrecord")),
        )
        yield Application(services, projectors)


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
