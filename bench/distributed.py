"""Over a real Kafka: the log to its topic, the topic to rows, a command to its row, and intake.

Everything shares this machine with the broker, and is what the command line starts: one process for
the relay, one for each worker. Where no broker can be had, this part is left out.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from adapters.outbound.migrations import migrate
from adapters.outbound.topics import EVENTS
from bench.book import moves, open_book, submit_all
from bench.by_hand import consume, produce
from bench.databases import fresh_database
from bench.faust_reading import records_per_second
from bench.intaking import measure_intake
from bench.kafka_house import House, house, wait_until
from bench.measuring import Effort
from bench.opened import log_and_processor
from bench.seen_over import measure_end_to_end
from bench.table import Table
from projections.book_of_business import BookOfBusiness
from tests.faults.processes import Process
from tests.kafka_broker import KafkaForTests, NoKafka, find_kafka

_PROJECTION = BookOfBusiness()
_MEMBERS = 5
"""Of each client: so many that few are changed twice in one batch, and most events are a row."""


def measure(database_url: str, table: Table, effort: Effort) -> None:
    """Each in a database and with topics of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as made:
        folder = Path(made)
        folder.chmod(0o755)
        try:
            kafka = find_kafka(folder)
        except NoKafka as none:
            table.note(f"left out: {none}")
            return
        with kafka:
            for measure_part in (_measure_rows, measure_end_to_end, measure_intake):
                url = fresh_database(database_url, f"kafka_{time.monotonic_ns()}")
                migrate(url)
                with house(url, kafka, folder) as one:
                    measure_part(one, kafka, table, effort)


def _measure_rows(one: House, kafka: KafkaForTests, table: Table, effort: Effort) -> None:
    """From the log to the topic, and from there to rows, by one worker and by two.

    The workers have joined, and have the clients in memory; they are held while the relay fills the
    topic, so that they and it are not measured at once.
    """
    clients, events = effort.size(2_000, 200), effort.size(100_000, 20_000)
    changes = moves(clients, _MEMBERS)
    with log_and_processor(one.database_url) as (log, processor):
        open_book(processor, clients, _MEMBERS)
        opened, by_hand = log.head(), 0.0
        for count in (1, 2):
            workers = one.start_workers(_PROJECTION.name, count)
            _relay(one, log.head())
            wait_until(lambda: one.applied(_PROJECTION.name) == log.head(), *workers)
            submit_all(processor, islice(changes, events))
            relayed = _hold(workers, lambda: _relay(one, log.head()))
            applied = _apply(one, workers, events, log.head())
            if count == 1:
                plain = produce(kafka, log, opened)
                table.add("kafka-python's producer, record by record", f"{plain:10,.0f} /s")
                by_hand = consume(one, _PROJECTION, opened, log.head())
                table.add("kafka-python's consumer, topic to rows", f"{by_hand:10,.0f} /s")
                alone = records_per_second(one.servers, EVENTS, log.head())
                table.add("Faust alone, records read and dropped", f"{alone:10,.0f} /s")
                ratio = f"{relayed / plain:.2f} × by hand"
                table.add("relay, log to topic", f"{relayed:10,.0f} /s", ratio)
            workers_told = f"{count} worker{'s' if count > 1 else ''}"
            ratio = f"{applied / by_hand:.2f} × by hand"
            table.add(f"topic to rows, {workers_told}", f"{applied:10,.0f} /s", ratio)
        one.require_none_parked()


def _relay(one: House, head: int) -> float:
    """Let a relay pass on what there is; events a second, from its first batch to its last."""
    before = one.relayed()
    if before == head:
        return 0.0
    relay = one.start("relay")
    began = wait_until(lambda: one.relayed() > before, relay)
    first = one.relayed()
    ended = wait_until(lambda: one.relayed() == head, relay)
    if relay.stop() != 0:
        raise AssertionError(relay.said)
    return (head - first) / (ended - began) if head > first else 0.0


def _hold(workers: Sequence[Process], work: Callable[[], float]) -> float:
    """Do something while the workers stand still."""
    for worker in workers:
        worker.freeze()
    try:
        return work()
    finally:
        for worker in workers:
            worker.thaw()


def _apply(one: House, workers: Sequence[Process], events: int, head: int) -> float:
    """Wait for the workers, which were just let go; events a second, to the last row."""
    began = time.perf_counter()
    ended = wait_until(lambda: one.applied(_PROJECTION.name) == head, *workers)
    for worker in workers:
        if worker.stop() != 0:
            raise AssertionError(worker.said)
    return events / (ended - began)
