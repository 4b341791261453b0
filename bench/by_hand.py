"""What one would write by hand on kafka-python, to measure relay and workers beside it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from adapters.bootstrap import SystemClock
from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.migrations import migrate
from adapters.outbound.row_store import PostgresRowStore
from adapters.outbound.topics import EVENTS
from bench.databases import fresh_database
from bench.kafka_house import PARTITIONS, House
from processors.applying import Applier
from processors.ports import EventLog
from processors.relay import BATCH_EVENTS, chained
from projections.kernel import Projection
from schemas.cloud_events import CONTENT_TYPE, read_record
from schemas.envelope import Recorded
from tests.kafka_broker import KafkaForTests

_BATCH_RECORDS = 2_000
"""As many as a worker applies at once."""
_POLL_MILLISECONDS = 1_000
_HEADERS = [("content-type", CONTENT_TYPE.encode())]


def produce(kafka: KafkaForTests, log: EventLog, after: int) -> float:
    """The log's records, one ``send`` each, no transactions; returns events a second."""
    topic, events = kafka.new_topic(PARTITIONS), 0
    with KafkaProducer(bootstrap_servers=kafka.servers, acks="all", linger_ms=5) as producer:
        began = time.perf_counter()
        while entries := log.entries(after, BATCH_EVENTS):
            for partition, records in chained(entries, after, PARTITIONS).items():
                for key, value in records:
                    producer.send(topic, value, key, _HEADERS, partition)
            producer.flush()
            after = entries[-1].position
            events += len(entries)
        return events / (time.perf_counter() - began)


def consume(one: House, projection: Projection, opened: int, head: int) -> float:
    """The same topic and the same upserts as a worker's; events a second from ``opened`` on."""
    with closing(_Consumer(one.servers, one.database_url, projection)) as consumer:
        consumer.follow(opened)
        return consumer.follow(head)


class _Consumer:
    """Keeps a projection's rows, in a database of their own."""

    def __init__(self, servers: str, log_url: str, projection: Projection) -> None:
        self._log = PostgresEventLog(log_url, pool_size=1)
        self._rows = PostgresRowStore(_rows_database(log_url))
        self._rows.divide(PARTITIONS)
        self._applier = Applier(projection, self._log, self._rows, SystemClock())
        self._applier.start()
        self._events = 0
        self._consumer: Any = KafkaConsumer(
            bootstrap_servers=servers,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_poll_records=_BATCH_RECORDS,
        )
        self._consumer.assign([TopicPartition(EVENTS, number) for number in range(PARTITIONS)])

    def close(self) -> None:
        """Give the connections back."""
        self._consumer.close()
        self._rows.close()
        self._log.close()

    def follow(self, head: int) -> float:
        """Read, fold and write up to a position; returns events a second."""
        before = self._events
        began = time.perf_counter()
        while self._applier.stands.position < head:
            self._apply(self._consumer.poll(timeout_ms=_POLL_MILLISECONDS))
        return (self._events - before) / (time.perf_counter() - began)

    def _apply(self, polled: Mapping[Any, Sequence[Any]]) -> None:
        events: list[Recorded] = []
        reached: dict[int, int] = {}
        for place, records in polled.items():
            for record in records:
                passed = read_record(record.value)
                reached[place.partition] = passed.position
                if (event := passed.read()) is not None:
                    events.append(event)
        if reached:
            self._applier.apply(events, self._applier.stands.moved(reached))
            self._events += len(events)


def _rows_database(log_url: str) -> str:
    url = fresh_database(log_url, f"rows_{time.monotonic_ns()}")
    migrate(url)
    return url
