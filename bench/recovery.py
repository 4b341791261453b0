"""How long the rows stand still, and are behind, when something of a system over Kafka fails.

Commands come steadily, also while nothing else works. Two relays and the workers of one projection,
as the command line starts them, with the settings that they have by default; nobody helps.
"""

from __future__ import annotations

import tempfile
import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.book import moves, open_book, require_accepted
from bench.kafka_house import House, house, wait_until
from bench.measuring import Effort
from bench.opened import log_and_processor
from bench.table import Table
from processors.command_processor import CommandProcessor
from processors.ports import EventLog
from processors.receipts import Answer
from projections.book_of_business import BookOfBusiness
from tests.faults.processes import Process
from tests.kafka_broker import KafkaForTests, NoKafka, find_kafka

_PROJECTION = BookOfBusiness().name
_SESSION_SECONDS = 10
"""The default of ``OFRECORD_WORKER_SESSION_SECONDS``."""
_PER_SECOND = 200
_LOOK_SECONDS = 0.02
_BEHIND_SECONDS = 1.0
"""Whoever is further behind than this has not caught up."""
_CALM_SECONDS = 5.0
_PATIENCE_SECONDS = 300.0
_ANSWER_SECONDS_MAX = 30.0


def measure(database_url: str, table: Table, effort: Effort) -> None:
    """One fault after the other, in one database and with the same topics."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as made:
        folder = Path(made)
        folder.chmod(0o755)
        try:
            kafka = find_kafka(folder)
        except NoKafka as none:
            table.note(f"left out: {none}")
            return
        clients = effort.size(1_000, 100)
        with (
            kafka,
            house(database_url, kafka, folder, _SESSION_SECONDS) as one,
            log_and_processor(database_url) as (log, processor),
        ):
            open_book(processor, clients)
            with _flowing(processor, clients) as flow, _watching(one, log) as watch:
                faults = _Faults(one, kafka, flow, watch, table)
                faults.of_workers(effort)
                faults.of_relays()
                faults.of_the_broker(effort)
            wait_until(lambda: one.applied(_PROJECTION) == log.head())
            one.require_none_parked()
    table.note(f"caught up: within {_BEHIND_SECONDS:.0f} s of the log, beside {_PER_SECOND} /s")


class _Faults:
    """What is done, and the line that tells what came of it."""

    def __init__(
        self, one: House, kafka: KafkaForTests, flow: _Flow, watch: _Watch, table: Table
    ) -> None:
        self._one = one
        self._kafka = kafka
        self._flow = flow
        self._watch = watch
        self._table = table
        self._relays = [one.start("relay")]
        wait_until(lambda: one.relayed() > 0, *self._relays)
        self._relays.append(one.start("relay"))
        self._workers = list(one.start_workers(_PROJECTION, 2))
        watch.calm(time.monotonic())

    def of_workers(self, effort: Effort) -> None:
        """Of two workers one is lost; then one works, four do, and one again."""
        held = effort.size(2 * _SESSION_SECONDS, _SESSION_SECONDS + 2)
        with self._told(f"worker frozen for {held} s"):
            self._workers[0].freeze()
            time.sleep(held)
            self._workers[0].thaw()
        with self._told("worker kill -9, another takes over"):
            self._workers[0].end()
        self._workers[0].start()
        wait_until(lambda: "worker.assigned" in self._workers[0].written(), *self._workers)
        self._watch.calm(time.monotonic())
        with self._told("worker SIGTERM, another takes over"):
            _end_well(self._workers[:1])
        with self._told("workers from 1 to 4"):
            self._workers[:1] = [self._one.start("worker", _PROJECTION) for _ in range(3)]
            wait_until(lambda: all("worker.assigned" in w.written() for w in self._workers))
        with self._told("workers from 4 to 1"):
            _end_well(self._workers[1:])

    def of_relays(self) -> None:
        """The one that works is lost; the other stood by."""
        with self._told("relay kill -9, another stands by"):
            self._relays[0].end()
        self._relays[0].start()
        wait_until(lambda: "Passes the log on" in self._relays[0].written())
        with self._told("relay SIGTERM, another stands by"):
            _end_well(self._relays[1:])

    def of_the_broker(self, effort: Effort) -> None:
        """Nothing can be passed on meanwhile; commands are accepted."""
        away = effort.size(60, 5)
        with self._told("broker kill -9, started again at once"):
            self._kafka.kill()
            self._kafka.start()
        with self._told(f"broker away for {away} s"):
            self._kafka.kill()
            time.sleep(away)
            self._kafka.start()

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Do it, and tell when all was well again."""
        since, before = time.monotonic(), self._flow.accepted
        yield
        took = self._watch.calm(since)
        accepted = self._flow.accepted - before
        self._table.add(
            what,
            f"{took.caught_up_seconds:6.1f} s",
            f"longest pause {took.pause_seconds:4.1f} s, {accepted:,} commands accepted",
        )


def _end_well(processes: Sequence[Process]) -> None:
    """All at once, and all in good order."""
    for process in processes:
        process.process.terminate()
    for process in processes:
        if process.process.wait(_ANSWER_SECONDS_MAX) != 0:
            raise AssertionError(process.said)


# ── Commands ───────────────────────────────────────────────────────────────────────────────────


class _Flow:
    """Commands, so many a second, each of which must be accepted."""

    def __init__(self, processor: CommandProcessor, clients: int) -> None:
        self._processor = processor
        self._commands = moves(clients)
        self._sent: deque[Future[Answer]] = deque()
        self.accepted = 0

    def run(self, stop: threading.Event) -> None:
        """Until it is told to stop."""
        began, count = time.monotonic(), 0
        while not stop.wait(max(0.0, began + count / _PER_SECOND - time.monotonic())):
            count += 1
            self._sent.append(self._processor.submit(next(self._commands)))
            while self._sent and self._sent[0].done():
                self._take()
        while self._sent:
            self._take()

    def _take(self) -> None:
        require_accepted(self._sent.popleft().result(_ANSWER_SECONDS_MAX))
        self.accepted += 1


@contextmanager
def _flowing(processor: CommandProcessor, clients: int) -> Iterator[_Flow]:
    flow = _Flow(processor, clients)
    with _beside(flow.run):
        yield flow


# ── Looking on ─────────────────────────────────────────────────────────────────────────────────


class _Recovery(NamedTuple):
    """What came of a fault."""

    caught_up_seconds: float
    """From the fault until the rows were with the log again; 0 if they always were."""
    pause_seconds: float
    """The longest time in which the partition that was last did not move."""


class _Watch:
    """Sees how far the log and the rows of all partitions are, again and again."""

    def __init__(self, one: House, log: EventLog) -> None:
        self._one = one
        self._log = log
        self._instants: list[float] = []
        self._heads: list[int] = []
        self._behind: list[float] = []
        """How long ago there was something that was not applied, by instant."""
        self._moved: list[float] = []
        """When the rows went on."""

    def run(self, stop: threading.Event) -> None:
        """Until it is told to stop."""
        last = -1
        while not stop.wait(_LOOK_SECONDS):
            applied, head, now = self._one.applied(_PROJECTION), self._log.head(), time.monotonic()
            if applied > last:
                self._moved.append(now)
                last = applied
            self._heads.append(head)
            missing = bisect_right(self._heads, applied)
            self._instants.append(now)
            is_behind = missing < len(self._instants)
            self._behind.append(now - self._instants[missing] if is_behind else 0.0)

    def calm(self, since: float) -> _Recovery:
        """Wait until it goes well for a while; what there was since then."""
        began = time.monotonic()
        while max(late := self._last_late(), began) > (now := time.monotonic()) - _CALM_SECONDS:
            if now > began + _PATIENCE_SECONDS:
                raise AssertionError("the rows did not catch up")
            time.sleep(_LOOK_SECONDS)
        moved = [each for each in self._moved if each >= since]
        pauses = [after - before for before, after in zip([since, *moved], moved, strict=False)]
        return _Recovery(max(0.0, late - since), max(pauses))

    def _last_late(self) -> float:
        """The last instant at which the rows were behind; long ago if they never were."""
        for at in range(len(self._behind) - 1, -1, -1):
            if self._behind[at] > _BEHIND_SECONDS:
                return self._instants[at]
        return self._instants[0] if self._instants else time.monotonic()


@contextmanager
def _watching(one: House, log: EventLog) -> Iterator[_Watch]:
    watch = _Watch(one, log)
    with _beside(watch.run):
        yield watch


@contextmanager
def _beside(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Work in a thread of its own meanwhile."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
