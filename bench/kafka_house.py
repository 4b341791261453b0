"""A system over Kafka, as processes of this machine, for as long as something is measured."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from psycopg_pool import ConnectionPool

from adapters.bootstrap import SystemClock
from adapters.outbound.api_keys import ApiKeys
from adapters.outbound.relay_store import PostgresRelayStore
from adapters.outbound.row_store import PostgresRowStore
from adapters.outbound.topics import EVENTS
from bench.book import PRODUCER
from tests.adapters.kafka_topics import delete_topics
from tests.faults.processes import Process
from tests.kafka_broker import KafkaForTests

PARTITIONS = 12
PATIENCE_SECONDS = 300.0
_TICK_SECONDS = 0.005

logging.getLogger("kafka").setLevel(logging.ERROR)  # it warns when others had the processor


class House:
    """One database, the topics of one broker, and processes that use both."""

    def __init__(
        self, database_url: str, kafka: KafkaForTests, folder: Path, session_seconds: int
    ) -> None:
        self.database_url = database_url
        self.servers = kafka.servers
        self._folder = folder
        self._session_seconds = session_seconds
        self._processes: list[Process] = []
        self._stack = ExitStack()
        self._pool = self._stack.enter_context(
            ConnectionPool(database_url, min_size=1, max_size=2, open=True)
        )
        self._relays = PostgresRelayStore(self._pool)
        self._rows = self._stack.enter_context(closing(PostgresRowStore(database_url)))

    def close(self) -> None:
        """End every process that is left, and give the connections back."""
        for process in self._processes:
            process.end()
        self._stack.close()

    def start(self, *command: str, transport: str = "kafka") -> Process:
        """Start an ``ofrecord`` command, which ends with the house at the latest."""
        settings = {
            "OFRECORD_TRANSPORT": transport,
            "OFRECORD_KAFKA_SERVERS": self.servers,
            "OFRECORD_WORKER_SESSION_SECONDS": str(self._session_seconds),
            "OFRECORD_LOG_FORMAT": "json",
            "PYTHONUNBUFFERED": "1",
        }
        process = Process(self.database_url, self._folder, *command, settings=settings)
        self._processes.append(process)
        return process

    def make_topics(self) -> None:
        """Empty topics, whatever was measured before."""
        delete_topics(self.servers)
        made = self.start("topics", "--partitions", str(PARTITIONS))
        if made.process.wait(PATIENCE_SECONDS) != 0:
            raise AssertionError(made.said)

    def start_workers(self, projection: str, count: int) -> Sequence[Process]:
        """Workers of a projection; returns when they have divided the partitions among them."""
        workers = [self.start("worker", projection) for _ in range(count)]
        wait_until_joined(workers)
        return workers

    def token(self) -> str:
        """A portal's key."""
        return ApiKeys(self._pool, SystemClock()).create("portal", "bench", PRODUCER).token

    def relayed(self) -> int:
        """How far the relay is."""
        state = self._relays.state(EVENTS)
        return state.position if state else 0

    def applied(self, projection: str) -> int:
        """How far a projection is, in all partitions."""
        return self._rows.position(projection)

    def require_none_parked(self) -> None:
        """Return if all was applied that was passed."""
        if parked := self._rows.parked():
            raise AssertionError(f"{len(parked)} clients are parked: {parked[0].error}")


@contextmanager
def house(
    database_url: str, kafka: KafkaForTests, folder: Path, session_seconds: int = 60
) -> Iterator[House]:
    """A house with empty topics; its processes have ended afterwards, however this ends.

    A worker may be held for a session.
    """
    with closing(House(database_url, kafka, folder, session_seconds)) as made:
        made.make_topics()
        yield made


def wait_until(reached: Callable[[], bool], *processes: Process) -> float:
    """Wait for what processes do; returns the instant. Raises where one of them ended instead."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        for process in processes:
            if process.process.poll() is not None:
                raise AssertionError(process.said)
        if time.monotonic() > give_up:
            raise AssertionError("\n".join(process.said for process in processes))
        time.sleep(_TICK_SECONDS)
    return time.perf_counter()


def wait_until_joined(workers: Sequence[Process]) -> None:
    """Wait until workers of one projection have all its partitions between them."""

    def have_joined() -> bool:
        shares = [_assigned(worker) for worker in workers]
        return all(shares) and sum(shares) == PARTITIONS

    wait_until(have_joined, *workers)


def _assigned(worker: Process) -> int:
    """How many partitions a worker said last that it has."""
    told = re.findall(r'"count": (\d+).*"worker.assigned"', worker.said)
    return int(told[-1]) if told else 0
