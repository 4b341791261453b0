"""The projector: rows follow the log, in batches, whatever fails between any two steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.outbound.in_memory import InMemoryEventLog
from adapters.outbound.in_memory_rows import InMemoryRowStore
from processors.applying import TakenOver
from processors.ports import Bookmark
from processors.projector import Projector
from schemas.envelope import Recorded
from tests.adapters.row_store_contract import WiderTallyRow
from tests.adapters.tally import Tally, TallyRow, append
from tests.processors.following import (
    FaultyLog,
    FaultyRows,
    FixedClock,
    catch_up,
    digest_by_hand,
    hurried,
    running,
    tally_projector,
)

__all__ = ["hurried"]

BOOK = [(f"C{n % 7}", "x" * (n % 5)) for n in range(60)]


@pytest.fixture
def log() -> InMemoryEventLog:
    """A log with some clients' events, interleaved."""
    log = InMemoryEventLog()
    append(log, *BOOK)
    return log


@pytest.fixture
def rows() -> InMemoryRowStore:
    """A row store with nothing in it."""
    return InMemoryRowStore()


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_i3_every_event_is_applied_once_and_in_order(
    log: InMemoryEventLog, rows: InMemoryRowStore
) -> None:
    """Given a history, when the projector has caught up, then the rows are the history's."""
    catch_up(tally_projector(log, rows))
    assert rows.digest(Tally()) == digest_by_hand(log)
    assert rows.position("tally") == log.head() == len(BOOK)


@pytest.mark.parametrize("batch_events", [1, 2, 7, 59, 60, 1000])
@pytest.mark.parametrize("needs_client", [True, False], ids=["with state", "stateless"])
def test_i4_rows_do_not_depend_on_the_batches(
    log: InMemoryEventLog, rows: InMemoryRowStore, batch_events: int, needs_client: bool
) -> None:
    """One event at a time, or all at once."""
    tally = Tally(needs_client=needs_client)
    projector = tally_projector(log, rows, tally, batch_events=batch_events)
    steps = 0
    while projector.step():
        steps += 1
    assert steps == -(-len(BOOK) // batch_events)
    assert rows.digest(tally) == digest_by_hand(log)


def test_a_batch_writes_each_row_once(log: InMemoryEventLog, rows: InMemoryRowStore) -> None:
    """However many of its events change it."""
    faulty = FaultyRows(rows)
    catch_up(tally_projector(log, faulty))
    [changes] = faulty.writes
    assert len([scope for scope in changes.scopes if scope[0] is TallyRow]) == 7


@pytest.mark.parametrize("members_limit", [0, 1, 3])
def test_clients_that_do_not_fit_in_memory_are_loaded_again(
    log: InMemoryEventLog, rows: InMemoryRowStore, members_limit: int
) -> None:
    """The bound on memory never changes what is written."""
    projector = tally_projector(log, rows, batch_events=4, members_limit=members_limit)
    catch_up(projector)
    assert rows.digest(Tally()) == digest_by_hand(log)


@pytest.mark.parametrize(("members_limit", "loads"), [(0, 11), (3, 11), (7, 0)])
def test_no_more_clients_are_kept_in_memory_than_fit(
    log: InMemoryEventLog, rows: InMemoryRowStore, members_limit: int, loads: int
) -> None:
    """Those used last; of seven clients in turns, seven must fit for none to be loaded again."""
    counted = FaultyLog(log)
    projector = tally_projector(counted, rows, batch_events=5, members_limit=members_limit)
    catch_up(projector)
    assert counted.loads == loads


def test_a_new_projector_goes_on_where_the_rows_are(
    log: InMemoryEventLog, rows: InMemoryRowStore
) -> None:
    """It applies only what the last one did not."""
    tally_projector(log, rows, batch_events=25).step()
    faulty = FaultyRows(rows)
    applied: list[int] = []
    catch_up(tally_projector(log, faulty, applied=applied.append))
    assert applied == [25, 60]
    assert rows.digest(Tally()) == digest_by_hand(log)


@pytest.mark.parametrize("fault", ["before", "after"])
@pytest.mark.parametrize("at", range(5))
def test_i4_a_connection_cut_before_or_after_a_commit_loses_and_doubles_nothing(
    log: InMemoryEventLog, rows: InMemoryRowStore, hurried: None, fault: str, at: int
) -> None:
    """Whether the write took effect is not known; the stored position says."""
    faulty = FaultyRows(rows, [""] * at + [fault, fault])
    with running(Projector(Tally(), log, faulty, FixedClock(), batch_events=11)):
        until(lambda: rows.position("tally") == log.head())
    assert faulty.plan == []
    assert rows.digest(Tally()) == digest_by_hand(log)


def test_i6_when_the_log_comes_back_the_rows_catch_up_with_no_ones_help(
    log: InMemoryEventLog, rows: InMemoryRowStore, hurried: None
) -> None:
    """An outage is told in the log with its kind, and tried again for ever."""
    away = FaultyLog(log)
    away.is_away = True
    with capture_logs() as lines, running(Projector(Tally(), away, rows, FixedClock())):
        until(lambda: len(lines) > 10)
        assert rows.position("tally") == 0
        away.is_away = False
        until(lambda: rows.position("tally") == log.head())
    told = [line for line in lines if line["event"] == "projector.interrupted"]
    assert {line["error"] for line in told} == {"ConnectionCut"}
    assert max(line["seconds"] for line in told) <= 0.01


def test_events_that_come_again_are_ignored(log: InMemoryEventLog, rows: InMemoryRowStore) -> None:
    """A transport that delivers at least once is good enough."""
    again = FaultyLog(log)
    again.on_follow = lambda events: [
        *log.follow(max(0, events[0].position - 9 if events else 0), 8 if events else 0),
        *events,
    ]
    catch_up(tally_projector(again, rows, batch_events=10))
    assert rows.digest(Tally()) == digest_by_hand(log)
    assert rows.parked() == []


def test_the_position_never_goes_back(log: InMemoryEventLog, rows: InMemoryRowStore) -> None:
    """Not even when all that comes is old."""
    again = FaultyLog(log)
    projector = tally_projector(again, rows, batch_events=20)
    projector.step()
    again.on_follow = lambda events: log.follow(0, 5)
    projector.step()
    assert rows.position("tally") == 20


@pytest.mark.parametrize("needs_client", [True, False], ids=["with state", "stateless"])
def test_i3_a_gap_in_a_clients_versions_is_noticed_and_filled_from_the_log(
    rows: InMemoryRowStore, needs_client: bool
) -> None:
    """An event that the transport lost stops its client, shows, and is read from the log."""
    log = InMemoryEventLog()
    append(log, ("C1", "a"), ("C2", "a"), ("C1", "lost"), ("C1", "b"), ("C2", "b"))
    leaky = FaultyLog(log)
    leaky.on_follow = lambda events: [e for e in events if e.position != 3]
    tally = Tally(needs_client=needs_client)
    with capture_logs() as lines:
        projector = tally_projector(leaky, rows, tally)
        catch_up(projector)
    parked, released = lines
    assert (parked["event"], parked["error"], parked["client_id"]) == (
        "projector.parked",
        "Gap",
        "C1",
    )
    assert parked["version"] == 2
    assert released["event"] == "projector.released"
    assert rows.digest(tally) == digest_by_hand(log)


def test_a_stale_worker_stops_and_leaves_the_rows_to_the_one_that_took_over(
    log: InMemoryEventLog, rows: InMemoryRowStore
) -> None:
    """A worker that was paused and wakes up late writes nothing."""
    zombie = tally_projector(log, rows, batch_events=10)
    zombie.step()
    catch_up(tally_projector(log, rows))
    append(log, ("C1", "new"))
    with pytest.raises(TakenOver):
        zombie.step()
    assert rows.position("tally") == len(BOOK)


def test_workers_that_compete_for_one_projection_keep_its_rows_right(
    log: InMemoryEventLog, rows: InMemoryRowStore, hurried: None
) -> None:
    """Whoever loses stands by, and goes on when the other is gone (I4, I6)."""
    one = Projector(Tally(), log, rows, FixedClock(), batch_events=3)
    two = Projector(Tally(), log, rows, FixedClock(), batch_events=5)
    with running(two):
        with running(one):
            for n in range(200):
                append(log, (f"C{n % 3}", "more"))
            until(lambda: rows.position("tally") == log.head())
        append(log, ("C9", "last"))
        until(lambda: rows.position("tally") == log.head())
    assert rows.digest(Tally()) == digest_by_hand(log)


def test_a_worker_ends_when_another_version_of_the_program_has_taken_over(
    log: InMemoryEventLog, rows: InMemoryRowStore, hurried: None
) -> None:
    """It must not make the tables anew again under the newer one."""
    newer = Tally()
    newer.tables = (WiderTallyRow,)
    with capture_logs() as lines, running(Projector(Tally(), log, rows, FixedClock())):
        until(lambda: rows.position("tally") == log.head())
        rows.prepare(newer)
        append(log, ("C1", "x"))
        until(lambda: any(line["event"] == "projector.replaced" for line in lines))
    assert rows.prepare(newer, remake=False).position == 0


def test_an_unexpected_failure_does_not_end_the_projector(
    log: InMemoryEventLog, rows: InMemoryRowStore, hurried: None
) -> None:
    """It is told by its class and place, without what it says, and tried again."""
    broken = FaultyLog(log)
    failures = iter(range(3))

    def fail_at_first(events: Sequence[Recorded]) -> Sequence[Recorded]:
        if next(failures, None) is not None:
            raise KeyError("Maria Gonzalez")
        return events

    broken.on_follow = fail_at_first
    with capture_logs() as lines, running(Projector(Tally(), broken, rows, FixedClock())):
        until(lambda: rows.position("tally") == log.head())
    assert "KeyError" in str(lines)
    assert "test_projector.py" in str(lines)
    assert "Gonzalez" not in str(lines)


class BreakableRows(FaultyRows):
    """A store in which a bug can be let loose."""

    is_broken = False

    def write(self, *given: Any, **more: Any) -> Bookmark | None:
        """Fails whatever it is given, once broken."""
        if self.is_broken:
            raise ZeroDivisionError
        return super().write(*given, **more)


@pytest.mark.parametrize("client_id", ["C1", "C9"], ids=["of anyone", "of one who is parked"])
def test_a_failure_that_is_no_clients_parks_no_one(
    log: InMemoryEventLog, rows: InMemoryRowStore, client_id: str
) -> None:
    """The store fails on a write without rows: nothing in an event can be the reason."""
    append(log, ("C9", "poison"))
    breakable = BreakableRows(rows)
    projector = tally_projector(log, breakable, Tally({"poison"}))
    catch_up(projector)
    append(log, (client_id, "x"))
    breakable.is_broken = True
    with pytest.raises(ZeroDivisionError):
        projector.step()
    assert [parked.client_id for parked in rows.parked()] == ["C9"]
