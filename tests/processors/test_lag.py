"""Lag is told honestly: against the log's head, 0 when caught up, never negative."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from adapters.outbound.in_memory import InMemoryEventLog
from adapters.outbound.in_memory_rows import InMemoryRowStore
from processors.lag import Lag, measure_lag
from processors.partitions import partition_of
from processors.ports import LogUnavailable, RowsUnavailable
from projections.kernel import Changes
from tests.adapters.row_store_contract import a_parked
from tests.adapters.tally import NOON, Tally, append
from tests.processors.following import (
    FaultyLog,
    FixedClock,
    catch_up,
    tally_projector,
)

# ``append`` records at noon and one second more for every event already in the log.


@pytest.fixture
def log() -> InMemoryEventLog:
    """Four events: recorded at noon (two), 12:00:02 and 12:00:03."""
    log = InMemoryEventLog()
    append(log, ("C1", "a"), ("C2", "a"))
    append(log, ("C1", "poison"))
    append(log, ("C2", "b"))
    return log


@pytest.fixture
def rows() -> InMemoryRowStore:
    """A row store with nothing in it."""
    return InMemoryRowStore()


def lag_at(log: InMemoryEventLog, rows: InMemoryRowStore, seconds: float) -> Lag:
    """The tally's lag so many seconds after noon."""
    [lag] = measure_lag(log, rows, ["tally"], FixedClock(NOON + timedelta(seconds=seconds)))
    return lag


def test_without_events_there_is_no_lag(rows: InMemoryRowStore) -> None:
    """An empty log and a projection that never ran."""
    assert lag_at(InMemoryEventLog(), rows, 5) == Lag("tally", 0, 0, 0, 0.0, 0, 0.0)


def test_a_projection_that_never_ran_is_behind_since_the_first_event(
    log: InMemoryEventLog, rows: InMemoryRowStore
) -> None:
    """A projector that is dead shows, for nobody has to be alive to measure."""
    assert lag_at(log, rows, 60) == Lag("tally", 0, 4, 4, 60.0, 0, 0.0, held_by="projector")


def test_seconds_count_from_the_oldest_event_not_applied(
    log: InMemoryEventLog, rows: InMemoryRowStore
) -> None:
    """Not from the newest one."""
    tally_projector(log, rows, batch_events=2).step()
    assert lag_at(log, rows, 10) == Lag("tally", 2, 4, 2, 8.0, 0, 0.0, held_by="projector")


def test_caught_up_is_zero_however_long_nothing_has_happened(
    log: InMemoryEventLog, rows: InMemoryRowStore
) -> None:
    """An idle system has no lag."""
    catch_up(tally_projector(log, rows))
    assert lag_at(log, rows, 1e6) == Lag("tally", 4, 4, 0, 0.0, 0, 0.0)


def test_a_clock_that_is_behind_the_recording_one_makes_no_negative_lag(
    log: InMemoryEventLog, rows: InMemoryRowStore
) -> None:
    """Clocks of two machines differ a little."""
    assert lag_at(log, rows, -3).seconds_behind == 0.0


def test_parked_clients_are_told_apart_with_their_age(
    log: InMemoryEventLog, rows: InMemoryRowStore
) -> None:
    """They don't hold up the others, and must not be forgotten."""
    catch_up(tally_projector(log, rows, Tally({"poison"})))
    assert lag_at(log, rows, 90) == Lag("tally", 4, 4, 0, 0.0, 1, 90.0)
    assert lag_at(log, rows, -1).parked_seconds == 0.0


def test_each_projection_has_its_own_lag(log: InMemoryEventLog, rows: InMemoryRowStore) -> None:
    """One that is caught up, one that is behind and has nothing parked."""
    catch_up(tally_projector(log, rows, Tally({"poison"})))
    lags = measure_lag(log, rows, ["tally", "other"], FixedClock(NOON))
    assert [(lag.projection, lag.events_behind, lag.parked_clients) for lag in lags] == [
        ("tally", 0, 1),
        ("other", 4, 0),
    ]


def test_each_partition_has_its_own_lag_and_tells_whose_turn_it_is(
    log: InMemoryEventLog, rows: InMemoryRowStore
) -> None:
    """The relay's, where the topic has no more; a worker's, where it has; nobody's at the head."""
    mine, other = (partition_of(client, 3) for client in ("C1", "C2"))
    rows.divide(3)
    stands = rows.prepare(Tally())
    reached = stands.moved({mine: 3, other: 4})
    assert rows.write(Tally(), Changes({}), stands, reached, [a_parked("C2")])
    clock = FixedClock(NOON + timedelta(seconds=10))
    lags = {lag.partition: lag for lag in measure_lag(log, rows, ["tally"], clock, relayed=3)}
    [idle] = {0, 1, 2} - {mine, other}
    assert lags[mine] == Lag("tally", 3, 4, 1, 7.0, 0, 0.0, mine, "relay")
    assert lags[other] == Lag("tally", 4, 4, 0, 0.0, 1, 10.0, other, None)
    assert lags[idle] == Lag("tally", 0, 4, 4, 10.0, 0, 0.0, idle, "worker")


def test_what_grows_while_it_is_measured_is_never_negative(
    log: InMemoryEventLog, rows: InMemoryRowStore
) -> None:
    """The projector may pass the head that was read a moment ago."""
    catch_up(tally_projector(log, rows))

    class Stale(FaultyLog):
        def head(self) -> int:
            """The head of a moment ago."""
            return 2

    [lag] = measure_lag(Stale(log), rows, ["tally"], FixedClock(NOON))
    assert (lag.events_behind, lag.seconds_behind, lag.head) == (0, 0.0, 4)


def test_lag_that_cannot_be_measured_is_not_called_zero(
    log: InMemoryEventLog, rows: InMemoryRowStore
) -> None:
    """The failure goes to whoever asked."""

    class AwayLog(FaultyLog):
        def head(self) -> int:
            """The log is away."""
            raise LogUnavailable

    class AwayRows(InMemoryRowStore):
        def positions(self, projection: str) -> Mapping[int, int]:
            """The store is away."""
            raise RowsUnavailable

    with pytest.raises(LogUnavailable):
        measure_lag(AwayLog(log), rows, ["tally"], FixedClock())
    with pytest.raises(RowsUnavailable):
        measure_lag(log, AwayRows(), ["tally"], FixedClock())
