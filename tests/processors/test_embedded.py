"""The embedded projectors: threads in this process that readers can wait for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator

import pytest

from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.in_memory import InMemoryEventLog
from adapters.outbound.in_memory_rows import InMemoryRowStore
from adapters.outbound.row_store import PostgresRowStore
from domain.client.state import Client
from processors.embedded import EmbeddedProjectors
from processors.ports import EventLog, LogUnavailable, RowStore
from projections.kernel import Scope
from schemas.envelope import Recorded
from tests.adapters.tally import Tally, append
from tests.conftest import PostgresForTests
from tests.processors.following import (
    FaultyLog,
    FixedClock,
    catch_up,
    digest_by_hand,
    hurried,
    tally_projector,
)

__all__ = ["hurried"]

ONE, TWO = Tally(name="one"), Tally(name="two", needs_client=False)


class Running:
    """A log, rows, and the projectors of two projections between them."""

    def __init__(self, log: EventLog, rows: RowStore) -> None:
        self.log, self.rows = log, rows
        self.projectors = EmbeddedProjectors([ONE, TWO], log, rows, FixedClock())
        self.projectors.start()

    def is_right(self) -> bool:
        """The rows of both are the history's."""
        by_hand = digest_by_hand(self.log)
        return all(self.rows.digest(each) == by_hand for each in (ONE, TWO))


@pytest.fixture
def in_memory() -> Iterator[Running]:
    """All of it in memory."""
    running = Running(InMemoryEventLog(), InMemoryRowStore())
    yield running
    running.projectors.close()


@pytest.fixture
def on_postgres(database_url: str) -> Iterator[Running]:
    """All of it on PostgreSQL."""
    log, rows = PostgresEventLog(database_url), PostgresRowStore(database_url)
    running = Running(log, rows)
    yield running
    running.projectors.close()
    rows.close()
    log.close()


@pytest.fixture(params=["in_memory", "on_postgres"])
def running(request: pytest.FixtureRequest) -> Running:
    """One after the other."""
    found: Running = request.getfixturevalue(request.param)
    return found


def test_a_reader_who_waits_for_a_position_sees_its_own_write(running: Running) -> None:
    """Again and again, right after each append: in every projection, and long before a poll."""
    began = time.monotonic()
    for n in range(30):
        position = append(running.log, (f"C{n % 4}", "x"))
        assert running.projectors.wait_until_applied(position, 10)
        assert running.rows.position("one") >= position
        assert running.rows.position("two") >= position
    assert time.monotonic() - began < 5, "less than 30 polls"
    assert running.is_right()


def test_what_was_appended_before_the_start_is_applied(database_url: str) -> None:
    """After a restart the projectors go on where they were."""
    log, rows = PostgresEventLog(database_url), PostgresRowStore(database_url)
    head = append(log, *[(f"C{n % 4}", "x") for n in range(50)])
    tally_projector(log, rows, ONE, batch_events=20).step()
    running = Running(log, rows)
    assert running.projectors.wait_until_applied(head, 10)
    assert running.is_right()
    running.projectors.close()
    rows.close()
    log.close()


def test_waiting_ends_with_the_time(in_memory: Running) -> None:
    """A position that is not reached in time answers false, and about then."""
    began = time.monotonic()
    assert not in_memory.projectors.wait_until_applied(1, 0.1)
    assert 0.1 <= time.monotonic() - began < 2
    assert in_memory.projectors.wait_until_applied(0, 0)


def test_who_waits_where_nobody_projects_begins_to() -> None:
    """Not while others do; and once is enough."""
    log, rows = InMemoryEventLog(), InMemoryRowStore()
    projectors = EmbeddedProjectors([ONE, TWO], log, rows, FixedClock())
    before = threading.active_count()
    append(log, ("C1", "x"))
    catch_up(tally_projector(log, rows, ONE))
    assert projectors.wait_or_project(1, 5, ["one"])
    assert threading.active_count() == before, "another had applied it"
    assert not projectors.wait_or_project(1, 0)
    assert projectors.wait_until_applied(1, 5)
    assert not projectors.wait_or_project(2, 0)
    projectors.close()


def test_waiting_for_one_projection_does_not_wait_for_another() -> None:
    """A reader waits only for the projections that its answer comes from."""
    log, rows = InMemoryEventLog(), InMemoryRowStore()

    class Stuck(Tally):
        """A projection whose fold hangs until the test ends."""

        def touched(self, client: Client | None, recorded: Recorded) -> Iterable[Scope]:
            """Not before the test says so."""
            release.wait(10)
            return []

    release = threading.Event()
    projectors = EmbeddedProjectors([ONE, Stuck(name="stuck")], log, rows, FixedClock())
    projectors.start()
    append(log, ("C1", "x"))
    assert projectors.wait_until_applied(1, 5, ["one"])
    assert not projectors.wait_until_applied(1, 0.05)
    release.set()
    assert projectors.wait_until_applied(1, 5)
    projectors.close()


def test_closing_wakes_who_waits(in_memory: Running) -> None:
    """Nobody hangs at the end of the program."""
    answers: list[bool] = []
    waiting = threading.Thread(
        target=lambda: answers.append(in_memory.projectors.wait_until_applied(99, 30))
    )
    waiting.start()
    time.sleep(0.05)
    began = time.monotonic()
    in_memory.projectors.close()
    waiting.join(5)
    assert answers == [False]
    assert time.monotonic() - began < 2


def test_a_reader_sees_what_another_process_has_projected(hurried: None) -> None:
    """The stored position counts, whoever moved it."""
    log, rows = InMemoryEventLog(), InMemoryRowStore()
    away = FaultyLog(log)
    away.is_away = True  # so that this process's own projectors are of no help
    projectors = EmbeddedProjectors([ONE], away, rows, FixedClock())
    projectors.start()
    append(log, ("C1", "x"))
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(projectors.wait_until_applied(1, 5)))
    waiting.start()
    catch_up(tally_projector(log, rows, ONE))
    waiting.join(5)
    assert answers == [True]
    projectors.close()


def test_i6_after_an_outage_of_the_database_everything_catches_up(
    on_postgres: Running, database_url: str, postgres: PostgresForTests, hurried: None
) -> None:
    """The log and the rows go away at once and come back, in the middle of the work."""
    append(on_postgres.log, *[(f"C{n % 9}", "x") for n in range(300)])
    for _ in range(3):
        postgres.take_away(database_url)
        time.sleep(0.05)
        postgres.bring_back(database_url)
        head = _append_when_back(on_postgres.log)
        assert on_postgres.projectors.wait_until_applied(head, 20)
    assert on_postgres.is_right()


def _append_when_back(log: EventLog) -> int:
    for _ in range(100):
        try:
            return append(log, ("C1", "later"))
        except LogUnavailable:
            time.sleep(0.02)
    raise AssertionError("the log did not come back")
