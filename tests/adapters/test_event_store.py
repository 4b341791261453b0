"""The log on PostgreSQL and in memory pass the contract; what only PostgreSQL has, besides."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import pytest

from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.in_memory import InMemoryEventLog
from processors.ports import EventLog, LogUnavailable
from schemas.envelope import Unreadable
from tests.adapters.event_log_contract import NOON, new, receipt
from tests.adapters.whole_log_contract import WholeLogContract
from tests.conftest import PostgresForTests


class TestInMemoryEventLog(WholeLogContract):
    """The contract, in memory."""

    @pytest.fixture
    def log(self) -> EventLog:
        """A log with nothing in it."""
        return InMemoryEventLog()


class TestPostgresEventLog(WholeLogContract):
    """The contract, on PostgreSQL."""

    @pytest.fixture
    def log(self, database_url: str) -> Iterator[EventLog]:
        """A log on an empty migrated database."""
        log = PostgresEventLog(database_url)
        yield log
        log.close()

    def test_two_processes_share_one_log(self, log: EventLog, database_url: str) -> None:
        """Another process's append wakes who waits here, and takes the next positions."""
        other = PostgresEventLog(database_url)
        try:
            log.append([new("A", 1)], [], NOON, {})
            assert log.wait(1, 0.01) is False
            threading.Timer(0.05, lambda: other.append([new("B", 1)], [], NOON, {})).start()
            assert log.wait(1, 20.0) is True
            assert [e.client_id for e in log.follow(0, 10)] == ["A", "B"]
        finally:
            other.close()

    def test_who_follows_gets_few_large_events_at_a_time(self, log: EventLog) -> None:
        """A batch is limited by its size too, and always has one event: memory is bounded."""
        log.append([new("A", n, "x" * 1_500_000) for n in range(1, 6)], [], NOON, {})
        log.append([new("A", 6, "x" * 9_000_000), new("A", 7)], [], NOON, {})
        batches, position = [], 0
        while events := log.follow(position, 100):
            batches.append([event.position for event in events])
            position = events[-1].position
        assert batches == [[1, 2, 3], [4, 5, 6], [7]]

    def test_a_lost_notification_only_delays(self, log: EventLog, database_url: str) -> None:
        """An append that announces nothing is found by looking."""
        log.append([new("A", 1)], [], NOON, {})
        with psycopg.connect(database_url, autocommit=True) as conn:
            conn.execute(
                "INSERT INTO stored_events SELECT originator_id, 2, topic, state, 2, recorded_at"
                " FROM stored_events"
            )
        assert log.wait(1, 10.0) is True
        assert [e.version for e in log.history("A", 0, 10)] == [1, 2]

    def test_a_database_that_is_away_is_said_to_be(
        self, log: EventLog, database_url: str, postgres: PostgresForTests
    ) -> None:
        """``LogUnavailable`` while it is away; everything works again when it is back."""
        log.append([new("A", 1)], [receipt("t1", 1)], NOON, {})
        postgres.take_away(database_url)
        with pytest.raises(LogUnavailable):
            log.append([new("A", 2)], [], NOON, {})
        with pytest.raises(LogUnavailable):
            log.head()
        postgres.bring_back(database_url)
        assert _until_reachable(log) == 1
        log.append([new("A", 2)], [], NOON, {})
        assert log.head() == 2

    def test_an_event_of_a_newer_program_is_not_misread(
        self, log: EventLog, database_url: str
    ) -> None:
        """Who follows sees that it is there and whose it is; nobody folds it into a client."""
        log.append([new("A", 1)], [], NOON, {})
        with psycopg.connect(database_url, autocommit=True) as conn:
            conn.execute("UPDATE stored_events SET topic = 'transaction_refused.v99'")
        [recorded] = log.follow(0, 10)
        assert (recorded.position, recorded.client_id, recorded.version) == (1, "A", 1)
        assert recorded.event == Unreadable(topic="transaction_refused.v99")
        with pytest.raises(LookupError, match=r"transaction_refused\.v99"):
            log.load({"A": 1})


def _until_reachable(log: EventLog) -> int:
    for _ in range(50):
        try:
            return log.head()
        except LogUnavailable:
            threading.Event().wait(0.1)
    raise AssertionError("the database came back, and the log did not")
