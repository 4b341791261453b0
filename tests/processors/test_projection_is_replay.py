"""Whatever happens on the way, the rows are those of a fresh replay (I3, I4, I6)."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.in_memory import InMemoryEventLog
from adapters.outbound.in_memory_rows import InMemoryRowStore
from adapters.outbound.row_store import PostgresRowStore
from processors import applying
from processors.applying import TakenOver
from processors.ports import EventLog, RowStore, RowsUnavailable
from processors.projector import Projector
from schemas.envelope import Recorded
from tests.adapters.tally import Tally, append
from tests.processors.following import (
    FaultyLog,
    FaultyRows,
    FixedClock,
    catch_up,
    digest_by_hand,
    tally_projector,
)

CLIENTS = ["C1", "C2", "C3", "C4"]
CODES = ["a", "bb", "poison", "venom"]
some_events = st.lists(
    st.tuples(st.sampled_from(CLIENTS), st.sampled_from(CODES)),
    min_size=3,
    max_size=12,
)
something = st.one_of(
    st.tuples(st.just("append"), some_events),
    st.tuples(st.just("step"), st.integers(1, 9)),
    st.tuples(st.just("restart"), st.integers(1, 9)),
    st.tuples(st.just("cut before the commit"), st.integers(1, 9)),
    st.tuples(st.just("cut after the commit"), st.integers(1, 9)),
    st.tuples(st.just("a worker takes over"), st.integers(1, 9)),
    st.tuples(st.just("deliver again"), st.integers(1, 9)),
    st.tuples(st.just("lose on the way"), st.integers(0, 3)),
    st.tuples(st.just("break"), st.sampled_from(CODES)),
    st.tuples(st.just("mend"), st.sampled_from(CODES)),
    st.tuples(st.just("request a retry"), st.sampled_from(CLIENTS)),
)
names = (f"tally_{n}" for n in count(1))


@dataclass
class World:
    """A log, rows, a projector between them, and everything that can go wrong."""

    log: EventLog
    rows: RowStore
    needs_client: bool
    tally: Tally = field(init=False)
    worker: Projector = field(init=False)

    def __post_init__(self) -> None:
        self.tally = Tally(CODES[2:], self.needs_client, next(names))
        self.faulty_rows, self.faulty_log = FaultyRows(self.rows), FaultyLog(self.log)
        self.batch_events = 3
        append(self.log, *[(client_id, "a") for client_id in CLIENTS])
        self.restart()

    def restart(self) -> None:
        """A new projector; the old one is gone with all it had in memory."""
        self.worker = tally_projector(
            self.faulty_log, self.faulty_rows, self.tally, batch_events=self.batch_events
        )

    def step(self) -> bool:
        """A step of the projector, which begins again when it fails."""
        try:
            return self.worker.step()
        except (RowsUnavailable, TakenOver):
            self.restart()
            return True

    def step_with(self, on_follow: Callable[[Sequence[Recorded]], Sequence[Recorded]]) -> None:
        """A step to which the events come otherwise than they are in the log."""
        self.faulty_log.on_follow = lambda events: on_follow(events) if events else events
        self.step()
        self.faulty_log.on_follow = lambda events: events

    def happen(self, what: str, how: Any) -> None:
        """One thing happens."""
        if isinstance(how, int) and what not in ("deliver again", "lose on the way"):
            self.batch_events = how
        match what:
            case "append":
                append(self.log, *how)
            case "step":
                self.step()
            case "restart":
                self.restart()
            case "cut before the commit" | "cut after the commit":
                self.faulty_rows.plan = [what.split()[1]]
                self.step()
                self.faulty_rows.plan = []
            case "a worker takes over":
                tally_projector(self.log, self.rows, self.tally).step()
            case "deliver again":
                self.step_with(lambda events: [*self.log.follow(0, how), *events])
            case "lose on the way":  # noticed by the next event of the same client
                self.step_with(lambda events: [*events[:how], *events[how + 1 : -1], *events[-1:]])
                append(self.log, *[(client_id, "a") for client_id in CLIENTS])
                while self.step():
                    pass
            case "break":
                self.tally.poison.add(how)
            case "mend":
                self.tally.poison.discard(how)
            case "request a retry":
                self.rows.request_retry(self.tally.name, how)

    def heal(self) -> None:
        """All is mended; the projector is started again and catches up."""
        self.tally.poison.clear()
        self.restart()
        catch_up(self.worker)


def check(world: World, happenings: list[tuple[str, Any]]) -> None:
    """Let it all happen; then the rows must be what the history says."""
    for what, how in happenings:
        world.happen(what, how)
        applied = world.rows.position(world.tally.name)
        assert applied <= world.log.head()
    world.heal()
    assert world.rows.parked(world.tally.name) == []
    assert world.rows.position(world.tally.name) == world.log.head()
    assert world.rows.digest(world.tally) == digest_by_hand(world.log)


@pytest.fixture(scope="module", autouse=True)
def _hurried() -> Iterator[None]:
    """Requests to retry are looked for at every step."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(applying, "_LOOK_FOR_REQUESTS_SECONDS", 0.0)
        yield


@settings(max_examples=300, deadline=None)
@given(st.booleans(), st.lists(something, min_size=10, max_size=30))
def test_i3_i4_i6_rows_equal_a_fresh_replay_whatever_happens(
    needs_client: bool, happenings: list[tuple[str, Any]]
) -> None:
    """Any batches, restarts, cuts, takeovers, repeats, losses, poison and retries, in memory."""
    check(World(InMemoryEventLog(), InMemoryRowStore(), needs_client), happenings)


@pytest.fixture(scope="module")
def postgres_rows(module_database_url: str) -> Iterator[PostgresRowStore]:
    """A row store for all examples: each has a projection of its own."""
    rows = PostgresRowStore(module_database_url)
    yield rows
    rows.close()


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(needs_client=st.booleans(), happenings=st.lists(something, min_size=10, max_size=20))
def test_i3_i4_i6_rows_on_postgres_equal_a_fresh_replay_whatever_happens(
    postgres_rows: PostgresRowStore, needs_client: bool, happenings: list[tuple[str, Any]]
) -> None:
    """The same with rows on PostgreSQL."""
    check(World(InMemoryEventLog(), postgres_rows, needs_client), happenings)


_PROJECT = """
import sys, threading
from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.row_store import PostgresRowStore
from processors.projector import Projector
from schemas.envelope import Recorded
from tests.adapters.tally import Tally
from tests.processors.following import FixedClock

url = sys.argv[1]
log, rows = PostgresEventLog(url), PostgresRowStore(url)
print("following", flush=True)
Projector(Tally(), log, rows, FixedClock(), batch_events=5).run(threading.Event())
"""


def test_i4_a_projector_that_is_killed_loses_and_doubles_nothing(database_url: str) -> None:
    """``kill -9`` at any moment, again and again, while events keep coming."""
    log, rows = PostgresEventLog(database_url), PostgresRowStore(database_url)
    moved = {0}
    for round_number in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", _PROJECT, database_url],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"following\n"
        for n in range(30 + 17 * round_number):
            append(log, *[(f"C{n % 5}", "x" * (n % 3)), (f"C{n % 7}", "y")])
        while rows.position("tally") in moved:  # each of them gets somewhere
            append(log, ("C1", "y"))
        process.kill()
        process.wait(10)
        process.stdout.close()
        moved.add(rows.position("tally"))
    append(log, ("C1", "z"), ("C2", "z"))
    projector = Projector(Tally(), log, rows, FixedClock())
    assert projector.start() < log.head(), "and someone else goes on from there"
    _catch_up_when_free(projector)
    assert rows.digest(Tally()) == digest_by_hand(log)
    rows.close()
    log.close()


def _catch_up_when_free(projector: Projector) -> None:
    """The database may still be ending what the killed one had begun."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            return catch_up(projector)
        except (RowsUnavailable, TakenOver):
            projector.start()
    raise AssertionError("the position stayed locked")
