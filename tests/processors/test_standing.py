"""Whichever stage stands still, lag shows it and names the stage; caught up it is 0.

A log, relays, a topic and workers, all in memory: each is stopped by not being asked to go on.
"""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from adapters.outbound.in_memory_rows import InMemoryRowStore
from processors import relay as relay_module
from processors.applying import Applier
from processors.lag import Standing, measure_standing
from processors.ports import LogUnavailable
from processors.topic_projector import TopicProjector
from tests.adapters.tally import NOON, Tally, append
from tests.processors.following import FaultyLog, FixedClock
from tests.processors.relaying import House, catch_up
from tests.processors.test_projector import until

PARTITIONS = 3
BOOK = [(f"C{n % 7}", "x") for n in range(20)]
# ``append`` records at noon and one second more for every event already in the log.


class Line:
    """All stages: a log, a relay, and two workers of one projection."""

    def __init__(self) -> None:
        self.house = House(PARTITIONS)
        self.rows = InMemoryRowStore()
        self.rows.divide(PARTITIONS)
        self.clock = FixedClock(NOON + timedelta(seconds=60))
        self._relay = self.house.relay()
        assert self._relay.start()
        self._workers = [self._worker(0, 1), self._worker(2)]

    def _worker(self, *share: int) -> TopicProjector:
        worker = TopicProjector(
            Applier(Tally(), self.house.log, self.rows, self.clock), self.house.log
        )
        worker.take(share)
        return worker

    def relay_goes_on(self) -> None:
        """The relay passes on what there is."""
        catch_up(self._relay)

    def worker_goes_on(self, number: int) -> None:
        """A worker applies what is in its partitions."""
        worker = self._workers[number]
        values = self.house.broker.values()
        worker.apply({partition: values[partition] for partition in worker.share})

    def standing(self) -> Standing:
        """Where everything stands now."""
        relayed = self.house.position()
        return measure_standing(self.house.log, self.rows, ["tally"], self.clock, relayed)

    def held_by(self) -> list[str | None]:
        """The stage that holds each partition."""
        return [lag.held_by for lag in self.standing().lags]


@pytest.fixture
def line() -> Line:
    """All stages, of which none has done anything; the log has twenty events."""
    line = Line()
    append(line.house.log, *BOOK)
    return line


def all_go_on(line: Line) -> None:
    """Every stage does what there is to do."""
    line.relay_goes_on()
    line.worker_goes_on(0)
    line.worker_goes_on(1)


def test_caught_up_is_0_everywhere_however_long_ago(line: Line) -> None:
    """When all have gone on, nothing is behind, and nobody holds anything."""
    all_go_on(line)
    line.clock.advance(1e6)
    standing = line.standing()
    assert (standing.head, standing.relayed, standing.relay_delay_seconds) == (20, 20, 0.0)
    assert [(lag.events_behind, lag.seconds_behind) for lag in standing.lags] == [(0, 0.0)] * 3
    assert line.held_by() == [None] * 3


def test_a_relay_that_stands_still_holds_all_partitions(line: Line) -> None:
    """Given all caught up, when events come and the relay does not go on: its delay grows."""
    all_go_on(line)
    append(line.house.log, ("C1", "x"))  # at 12:00:20
    line.worker_goes_on(0)
    line.worker_goes_on(1)
    standing = line.standing()
    assert (standing.relayed, standing.relay_delay_seconds) == (20, 40.0)
    assert line.held_by() == ["relay"] * 3
    assert [(lag.events_behind, lag.seconds_behind) for lag in standing.lags] == [(1, 40.0)] * 3


def test_a_worker_that_stands_still_holds_its_partitions(line: Line) -> None:
    """The relay has passed everything on, and the other worker has applied its share."""
    line.relay_goes_on()
    line.worker_goes_on(1)
    assert line.held_by() == ["worker", "worker", None]
    standing = line.standing()
    assert standing.relay_delay_seconds == 0.0
    assert [lag.seconds_behind for lag in standing.lags] == [60.0, 60.0, 0.0]
    line.worker_goes_on(0)
    assert line.held_by() == [None] * 3


def test_without_a_topic_the_projector_holds(line: Line) -> None:
    """Nothing is relayed, so no relay is late."""
    standing = measure_standing(line.house.log, line.rows, ["tally"], line.clock)
    assert (standing.relayed, standing.relay_delay_seconds) == (None, 0.0)
    assert {lag.held_by for lag in standing.lags} == {"projector"}


def test_a_relay_says_whether_it_leads_and_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who stands by works too, and does not lead; without a broker nobody does, and all go on.

    Each gives the other its turn then, so that one which can reach the broker is not kept from it.
    """
    monkeypatch.setattr(relay_module, "_BACKOFF_SECONDS", (0.001, 0.01))
    house = House()
    house.broker.is_away = True
    relays, stop = (house.relay(), house.relay()), threading.Event()
    threads = [threading.Thread(target=relay.run, args=(stop,)) for relay in relays]
    for thread in threads:
        thread.start()
    try:
        until(lambda: all(relay.pulse.goes_on(60) for relay in relays))
        assert not any(relay.leads for relay in relays)
        house.broker.is_away = False
        until(lambda: any(relay.leads for relay in relays))
        until(lambda: all(relay.pulse.works(60) for relay in relays))  # who stands by, too
        leader = next(relay for relay in relays if relay.leads)
        assert [relay.leads for relay in relays].count(True) == 1
        house.broker.is_away = True
        append(house.log, ("C1", "x"))
        until(lambda: not leader.leads)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not any(relay.leads for relay in relays)


def test_a_log_that_is_away_is_not_called_caught_up(line: Line) -> None:
    """The failure goes to whoever asked."""

    class Away(FaultyLog):
        def head(self) -> int:
            """Nobody knows."""
            raise LogUnavailable

    with pytest.raises(LogUnavailable):
        measure_standing(Away(line.house.log), line.rows, ["tally"], line.clock, 0)
