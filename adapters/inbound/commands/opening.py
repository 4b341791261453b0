"""What all commands share: the options, the way to the system, and how they end when it fails.

Exit codes: 0 all went well, 1 a rule or a look-up said no, 2 the command or its input cannot be
understood, 3 the database (or Kafka) cannot be used now.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import psycopg
import typer
from psycopg_pool import PoolTimeout

from adapters.bootstrap import Application, open_application, open_database
from adapters.inbound.commands.recording import recorded
from adapters.inbound.http_edge import problem_for
from adapters.outbound.embedded_postgres import EmbeddedPostgresFailed
from adapters.outbound.logs import configure_logs
from adapters.outbound.migrations import DatabaseNewer, MigrationChanged
from adapters.outbound.paging import BadCursor
from adapters.outbound.reading import NotFound, ReadsUnavailable
from adapters.services import Services
from adapters.settings import Settings
from processors.knowing import KnownInFuture, NotKnownThen
from processors.ports import LogUnavailable, RowsUnavailable, TablesReplaced
from processors.relay import TopicUnavailable
from schemas.envelope import HistoryDamaged

SAID_NO, NOT_UNDERSTOOD, NO_DATABASE = 1, 2, 3

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]

_UNREACHABLE = (
    psycopg.OperationalError,
    PoolTimeout,
    LogUnavailable,
    ReadsUnavailable,
    RowsUnavailable,
)
_SERVED_ELSEWHERE_SECONDS = 1.0
_PROJECTING_SECONDS = 3600.0
_WORKERS_SECONDS = 15.0


def fail(sentence: str, code: int) -> typer.Exit:
    """Say why on stderr; raise what this returns."""
    typer.echo(sentence, err=True)
    return typer.Exit(code)


def settings_of(context: typer.Context) -> Settings:
    """The settings that the command's options and the environment make."""
    settings: Settings = context.obj
    return settings


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn what can go wrong while the system is used into a sentence and an exit code."""
    try:
        yield
    except NotFound:
        raise fail("There is no such thing.", SAID_NO) from None
    except (NotKnownThen, KnownInFuture) as error:
        raise fail(problem_for(error).detail, SAID_NO) from None
    except HistoryDamaged as error:
        raise fail(f"A history is damaged. {error} `ofrecord verify` names it.", SAID_NO) from None
    except BadCursor:
        raise fail("This is not a cursor that a page before gave out.", NOT_UNDERSTOOD) from None
    except (EmbeddedPostgresFailed, DatabaseNewer, MigrationChanged) as error:
        raise fail(str(error), NO_DATABASE) from None
    except TablesReplaced:
        raise fail(
            "The projections' tables were made by another version of this program: "
            "`ofrecord serve` of this version makes them anew.",
            NO_DATABASE,
        ) from None
    except psycopg.errors.InsufficientPrivilege:
        raise fail(
            "The database's user may not do this: it must be allowed to create tables and schemas.",
            NO_DATABASE,
        ) from None
    except _UNREACHABLE as error:
        raise fail(
            "The database cannot be reached now. Running the same again later is safe."
            + _reason(error),
            NO_DATABASE,
        ) from None


def _reason(error: Exception) -> str:
    """What libpq says of a connection that failed: address, user, database; never a password."""
    said = str(error).strip() if type(error) is psycopg.OperationalError else ""
    return f"\n{said}" if said else ""


@contextmanager
def told_to_end() -> Iterator[threading.Event]:
    """What Ctrl-C or SIGTERM sets."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def kafka_told(settings: Settings) -> Iterator[None]:
    """Turn what goes wrong with Kafka into a sentence and an exit code."""
    from kafka.errors import KafkaError  # noqa: PLC0415  # half a second, only where it is used

    try:
        yield
    except (KafkaError, TopicUnavailable) as error:
        reason = str(error) if isinstance(error, TopicUnavailable) else type(error).__name__
        raise fail(
            f"Kafka cannot be used now at {settings.kafka_servers} ({reason}). "
            "OFRECORD_KAFKA_SERVERS says where it is. Running the same again later is safe.",
            NO_DATABASE,
        ) from None


@contextmanager
def opened(context: typer.Context) -> Iterator[Application]:
    """The system on the database of the settings; failures end the command with a sentence."""
    settings = settings_of(context)
    configure_logs(settings.log_format, "warning")
    with (
        told_plainly(),
        open_database(settings) as database,
        # Another version may be serving: its tables are not for this command to make anew.
        open_application(
            database.url,
            remake_tables=False,
            projects_here=settings.transport == "embedded",
        ) as application,
    ):
        yield application


@contextmanager
def looking(context: typer.Context) -> Iterator[Application]:
    """As ``opened``, for who only looks: where there is no data folder, none is made."""
    require_data(settings_of(context))
    with opened(context) as application:
        yield application


def require_data(settings: Settings) -> None:
    """End the command where there is no data folder to look into."""
    if settings.database_url is None and not settings.data_folder.exists():
        raise fail(
            f"There is no data folder {settings.data_folder}: `ofrecord serve` makes one.",
            NO_DATABASE,
        )


@contextmanager
def reading(context: typer.Context) -> Iterator[Services]:
    """The system, with every projection up to the log as it is now.

    Where somebody serves, their projectors are waited for a moment; where nobody does, this
    process projects what is missing. What is read is recorded.
    """
    with looking(context) as application:
        catch_up(application)
        with recorded(context, application.services):
            yield application.services


def catch_up(application: Application) -> None:
    """Bring the projections to the log's present head."""
    head, projectors = application.services.log.head(), application.projectors
    if projectors.wait_or_project(head, _SERVED_ELSEWHERE_SECONDS):
        return
    patience = _PROJECTING_SECONDS if projectors.projects_here else _WORKERS_SECONDS
    if not projectors.wait_until_applied(head, patience):
        raise fail(
            "The projections are behind the log: `ofrecord lag` shows which, and since when.",
            NO_DATABASE,
        )
