"""One system, two transports: what the log comes to is the same, and it can move while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

import msgspec
import pytest

from adapters.bootstrap import open_application
from adapters.inbound.demonstration import load_demonstration
from adapters.inbound.simulation.book import life_of
from adapters.inbound.submitting import submit_lines
from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.row_store import PostgresRowStore
from adapters.services import Services
from processors.runs import RunRequest
from projections.catalog import PROJECTIONS
from tests.adapters.command_line import CommandLine
from tests.adapters.kafka_topics import delete_topics
from tests.faults.campaign import rows_differ
from tests.faults.processes import Process
from tests.kafka_broker import KafkaForTests

_WORKERS = 3
_PARTITIONS = 4
_PATIENCE_SECONDS = 120.0


@pytest.mark.timeout(600)
def test_i4_both_transports_make_the_same_rows_and_a_running_system_moves_between_them(
    kafka: KafkaForTests, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Embedded; then over Kafka, three workers a projection; then embedded again, from wherever
    each worker was stopped. Bills, payments and statements come at every stage.
    """
    with open_application(database_url) as application:
        application.projectors.start()
        assert load_demonstration(application.services, tmp_path, 2)
        head = application.services.log.head()
        assert application.projectors.wait_until_applied(head, _PATIENCE_SECONDS)
    assert_rows_are_the_logs(database_url)

    delete_topics(kafka.servers)
    monkeypatch.setenv("OFRECORD_KAFKA_SERVERS", kafka.servers)
    monkeypatch.setenv("OFRECORD_TRANSPORT", "kafka")
    assert CommandLine(database_url)("topics", "--partitions", str(_PARTITIONS)).code == 0
    with distributed(database_url, tmp_path) as (relay, workers):
        with open_application(database_url, projects_here=False) as application:
            submit(application.services, seed=2, clients=4)
            month = date(2026, 7, 1)
            request = RunRequest(kind="commission", month=month, started_by="test")
            assert application.services.runs.do(request).state == "finished"
            head = application.services.log.head()
            until(lambda: applied(database_url) == {head})
            assert_rows_are_the_logs(database_url)
            for worker in workers[::2]:
                assert worker.stop() == 0
            submit(application.services, seed=3, clients=2)
        for process in (*workers[1::2], relay):
            assert process.stop() == 0, process.said

    with open_application(database_url) as application:
        head = application.services.log.head()
        application.projectors.start()
        assert application.projectors.wait_until_applied(head, _PATIENCE_SECONDS)
    assert applied(database_url) == {head}
    assert_rows_are_the_logs(database_url)


@contextmanager
def distributed(database_url: str, folder: Path) -> Iterator[tuple[Process, list[Process]]]:
    """A relay, and workers of every projection; all have ended afterwards."""
    session = {"OFRECORD_WORKER_SESSION_SECONDS": "3"}
    processes = [Process(database_url, folder, "relay")]
    try:
        for projection in PROJECTIONS:
            processes += [
                Process(database_url, folder, "worker", projection.name, settings=session)
                for _ in range(_WORKERS)
            ]
        yield processes[0], processes[1:]
    finally:
        for process in processes:
            process.end()


def submit(services: Services, seed: int, clients: int) -> None:
    """Play the lives of made-up clients."""
    for index in range(1, clients + 1):
        lines = ((line.actor, msgspec.json.encode(line.fields)) for line in life_of(seed, index))
        for outcome in submit_lines(services.commands, lines):
            assert outcome.answer is not None, outcome.problem


def applied(database_url: str) -> set[int]:
    """The positions at which the projections stand, in all their partitions."""
    with closing(PostgresRowStore(database_url)) as rows:
        return {p for each in PROJECTIONS for p in rows.positions(each.name).values()}


def assert_rows_are_the_logs(database_url: str) -> None:
    """I4: digest for digest what an embedded projector makes of the log from its first event."""
    with (
        closing(PostgresEventLog(database_url)) as log,
        closing(PostgresRowStore(database_url)) as rows,
    ):
        assert rows.parked() == []
        assert rows_differ(log, rows) == []


def until(condition: Callable[[], bool]) -> None:
    """Wait for what other processes do."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
