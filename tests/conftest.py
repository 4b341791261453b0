"""What tests share: a real PostgreSQL and a real Kafka for each worker, databases for each test."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.outbound.embedded_postgres import EmbeddedPostgres
from adapters.outbound.logs import configure_logs
from adapters.outbound.migrations import migrate
from tests.kafka_broker import KafkaForTests, NoKafka, find_kafka

_MIGRATED = "migrated"


class PostgresForTests:
    """A PostgreSQL server, and cheap copies of a migrated database on it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._numbers = count(1)
        # Tests kill processes, not machines: nothing is lost by not waiting for the disk.
        for setting in ("fsync", "full_page_writes"):
            self.execute(f"ALTER SYSTEM SET {setting} = off")
        self.execute("SELECT pg_reload_conf()")
        self.execute(f"CREATE DATABASE {_MIGRATED}")
        migrate(make_conninfo(url, dbname=_MIGRATED))

    def execute(self, statement: str) -> None:
        """Run one statement as the superuser, in no transaction."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute(statement)

    def new_database(self, template: str = _MIGRATED) -> str:
        """A fresh copy of the migrated database (or of ``template0``, empty); returns its URL."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return make_conninfo(self.url, dbname=name)

    def drop(self, database_url: str) -> None:
        """Drop a database, also from under whoever is still connected."""
        self.execute(f"DROP DATABASE IF EXISTS {_name_of(database_url)} WITH (FORCE)")

    def take_away(self, database_url: str) -> None:
        """Cut all connections to a database and refuse new ones, as if the server had gone."""
        self.execute(f"ALTER DATABASE {_name_of(database_url)} ALLOW_CONNECTIONS false")
        self.cut(database_url)

    def cut(self, database_url: str) -> None:
        """Cut all connections to a database, which may connect again at once."""
        self.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            f" WHERE datname = '{_name_of(database_url)}'"
        )

    def bring_back(self, database_url: str) -> None:
        """End what ``take_away`` began."""
        self.execute(f"ALTER DATABASE {_name_of(database_url)} ALLOW_CONNECTIONS true")


def _name_of(database_url: str) -> str:
    return str(conninfo_to_dict(database_url)["dbname"])


@contextmanager
def _new_folder() -> Iterator[Path]:
    """A folder for a server.

    Not in pytest's own: started by root the server is another user, and every further pytest
    session takes away again what lets other users reach anything in there.
    """
    with tempfile.TemporaryDirectory(
        prefix="ofrecord-tests-", ignore_cleanup_errors=True
    ) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresForTests]:
    """A PostgreSQL server, the product's own embedded one, for all tests of this worker."""
    with _new_folder() as folder, EmbeddedPostgres(folder) as url:
        yield PostgresForTests(url)


@pytest.fixture
def data_folder() -> Iterator[Path]:
    """A data folder, not made yet; whatever server a test leaves running in it is stopped."""
    with _new_folder() as folder:
        data = folder / "data"
        yield data
        if (data / "postgres" / "postmaster.pid").exists():
            with EmbeddedPostgres(data):
                pass


@pytest.fixture
def database_url(postgres: PostgresForTests) -> Iterator[str]:
    """A fresh migrated database for one test."""
    url = postgres.new_database()
    yield url
    postgres.drop(url)


@pytest.fixture
def empty_database_url(postgres: PostgresForTests) -> Iterator[str]:
    """A fresh empty database for one test."""
    url = postgres.new_database("template0")
    yield url
    postgres.drop(url)


@pytest.fixture(scope="module")
def module_database_url(postgres: PostgresForTests) -> Iterator[str]:
    """A fresh migrated database for all tests of a module."""
    url = postgres.new_database()
    yield url
    postgres.drop(url)


@pytest.fixture(scope="session")
def kafka_for_tests() -> Iterator[KafkaForTests]:
    """A Kafka broker for all tests of this worker, whatever state the last one left it in."""
    with _new_folder() as folder:
        try:
            broker = find_kafka(folder)
        except NoKafka as none:
            pytest.skip(str(none))
        with broker:
            yield broker


@pytest.fixture
def kafka(kafka_for_tests: KafkaForTests) -> KafkaForTests:
    """A Kafka broker that runs, whatever other tests did to it."""
    kafka_for_tests.heal()
    return kafka_for_tests


def pytest_configure() -> None:
    """Tests read what the program logs as a machine would."""
    configure_logs("json", "info")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where CI is set a skip is a failure: nobody reads a list of skipped tests."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which is a failure in CI: {report.longrepr}"
    return report
