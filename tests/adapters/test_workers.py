"""Workers of one projection on a real Kafka: they come, go, sleep and die while events keep coming.

Real ``ofrecord worker`` processes, one story with as few of them as it takes.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from adapters.bootstrap import open_application
from adapters.inbound.simulation.book import life_of
from adapters.inbound.submitting import submit_lines
from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.row_store import PostgresRowStore
from adapters.outbound.topics import EVENTS
from projections.book_of_business import BookOfBusiness
from tests.adapters.command_line import CommandLine
from tests.adapters.kafka_topics import delete_topics, until
from tests.faults.campaign import rows_differ
from tests.faults.kafka_campaign import move_group
from tests.faults.processes import Process
from tests.kafka_broker import KafkaForTests

_PROJECTION = BookOfBusiness()
_GROUP = f"ofrecord.{_PROJECTION.name}"
_PARTITIONS = 4
_SHORT, _LONG = "2", "60"
"""Sessions: of whoever is frozen past it, and of whoever must not need it to be succeeded."""
_SHARE = re.compile(r"It has (\d+) partitions? now\.")
_PAUSE_SECONDS = 0.02


class Story:
    """A log into which events keep coming, a relay, and the workers of one projection."""

    def __init__(self, kafka: KafkaForTests, database_url: str, folder: Path) -> None:
        self.servers = kafka.servers
        self._database_url = database_url
        self._folder = folder
        self._processes: list[Process] = []
        self._is_over = threading.Event()
        self._log = PostgresEventLog(database_url)
        self._rows = PostgresRowStore(database_url)
        self._broker = KafkaAdminClient(bootstrap_servers=kafka.servers)
        self._consumer: Any = KafkaConsumer(bootstrap_servers=kafka.servers)
        self._events = threading.Thread(target=self._send, name="events")

    def __enter__(self) -> Story:
        self.make_topics()
        self._events.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end_events()
        for process in self._processes:
            process.end()
        for each in (self._log, self._rows, self._broker, self._consumer):
            each.close()

    def make_topics(self) -> None:
        """Those that are missing."""
        made = CommandLine(self._database_url)("topics", "--partitions", str(_PARTITIONS))
        assert made.code == 0, made.err

    def makes_topic_anew(self) -> None:
        """Somebody deletes it and makes it; nothing is in it then."""
        delete_topics(self.servers, EVENTS)
        self.make_topics()

    def moves_offsets(self) -> None:
        """Some to the beginning, some to the end."""
        move_group(self.servers, _GROUP, to_beginning=True, partitions=(0, 1))
        move_group(self.servers, _GROUP, to_beginning=False, partitions=(2, 3))

    def end_events(self) -> None:
        """No more events come."""
        self._is_over.set()
        self._events.join()

    def start(self, *command: str, session: str = _LONG) -> Process:
        """A process of the system."""
        settings = {
            "OFRECORD_KAFKA_SERVERS": self.servers,
            "OFRECORD_WORKER_SESSION_SECONDS": session,
        }
        process = Process(self._database_url, self._folder, *command, settings=settings)
        self._processes.append(process)
        return process

    def worker(self, session: str = _LONG) -> Process:
        """One more worker."""
        return self.start("worker", _PROJECTION.name, session=session)

    def members(self) -> int:
        """How many workers the broker counts in their group."""
        found: dict[str, Any] = self._broker.describe_groups([_GROUP])
        return len(found[_GROUP]["members"])

    def is_read_to_its_end(self) -> bool:
        """Whether the worker has acknowledged the topic's last records: it reads, and not the log.

        Behind the last record stands the end of the transaction that wrote it.
        """
        parts = [TopicPartition(EVENTS, n) for n in range(_PARTITIONS)]
        ends = self._consumer.end_offsets(parts)
        found: dict[str, Any] = self._broker.list_group_offsets([_GROUP])
        read = [found[_GROUP][part].offset if part in found[_GROUP] else -1 for part in parts]
        return all(0 <= ends[part] - at <= 2 for part, at in zip(parts, read, strict=True))

    def goes_on(self) -> None:
        """What is in the log now, and something that comes later, is applied in every partition."""
        self.reaches(self._log.head() + 1)

    def reaches(self, position: int) -> None:
        """Everything up to a position is applied."""
        until(lambda: self._rows.position(_PROJECTION.name) >= position)

    def is_as_replayed(self) -> None:
        """Given that no more events come: all are applied, and nothing differs from a replay."""
        head = self._log.head()
        until(lambda: set(self._rows.positions(_PROJECTION.name).values()) == {head})
        assert self._rows.parked() == []
        assert rows_differ(self._log, self._rows, [_PROJECTION]) == []
        versions = defaultdict(list)
        for event in self._log.follow(0, head):
            versions[event.client_id].append(event.version)
        assert all(each == list(range(1, len(each) + 1)) for each in versions.values())

    def _send(self) -> None:
        """The lives of made-up clients, one transaction after the other, not too fast."""
        with open_application(self._database_url, projects_here=False) as application:
            index = 0
            while not self._is_over.is_set():
                index += 1
                for line in life_of(1, index):
                    sent = (line.actor, msgspec.json.encode(line.fields))
                    [outcome] = submit_lines(application.services.commands, [sent])
                    assert outcome.answer is not None, outcome.problem
                    if self._is_over.wait(_PAUSE_SECONDS):
                        return


def share(worker: Process) -> int:
    """How many partitions a worker said last that it has."""
    told = _SHARE.findall(worker.written())
    return int(told[-1]) if told else 0


def shares(*workers: Process) -> list[int]:
    """The same of several."""
    assert all(worker.process.poll() is None for worker in workers), [w.said for w in workers]
    return [share(worker) for worker in workers]


@contextmanager
def frozen(worker: Process) -> Iterator[None]:
    """A worker that stands still meanwhile, and then goes on as if nothing had been."""
    worker.freeze()
    try:
        yield
    finally:
        worker.thaw()


def ends_well(worker: Process) -> None:
    """Asked to end it does, says so and nothing else, and no terminal's codes."""
    assert worker.stop() == 0, worker.said
    assert worker.written().splitlines()[-1] == "The worker has ended."
    assert "\x1b[?" not in worker.written()


@pytest.mark.timeout(240)
def test_i4_i6_workers_come_and_go_and_every_event_is_applied_once(
    kafka: KafkaForTests, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I4, I6: from one worker to four, one of them frozen past its session, back to one, which is
    then set to wrong offsets, and whose topic is deleted; nobody helps, and events never stop.
    """
    monkeypatch.setenv("OFRECORD_KAFKA_SERVERS", kafka.servers)
    delete_topics(kafka.servers)
    with Story(kafka, database_url, tmp_path) as story:
        relay, sleeper = story.start("relay"), story.worker(_SHORT)
        until(lambda: shares(sleeper) == [4])
        others = [story.worker() for _ in range(3)]
        until(lambda: shares(sleeper, *others) == [1, 1, 1, 1])
        story.goes_on()

        with frozen(sleeper):
            until(lambda: sorted(shares(*others)) == [1, 1, 2])
            story.goes_on()  # also in the partition of the one that sleeps
        until(lambda: story.members() == 4)
        until(lambda: shares(*others) == [1, 1, 1])
        story.goes_on()

        for left, worker in zip((3, 2, 1), others, strict=True):
            ends_well(worker)
            assert story.members() <= left  # it said so: its session would go on for long
        until(lambda: shares(sleeper) == [4])
        story.goes_on()

        ends_well(sleeper)
        story.moves_offsets()
        last = story.worker()
        until(lambda: shares(last) == [4])
        story.goes_on()

        with frozen(last):  # so it does not see that there was none for a while
            story.makes_topic_anew()
        story.goes_on()
        story.end_events()
        story.is_as_replayed()
        until(story.is_read_to_its_end)
        ends_well(last)
        assert relay.stop() == 0, relay.said
