"""What tests do with topics of a real Kafka: read one whole, delete those of this system."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from adapters.outbound.topics import all_topics


def read_all(servers: str, topic: str) -> list[Any]:
    """Every record of a topic, in order within each partition; also of what was not committed."""
    with KafkaAdminClient(bootstrap_servers=servers) as admin:
        [found] = admin.describe_topics([topic])
    parts = [TopicPartition(topic, n) for n in range(len(found["partitions"]))]
    consumer = KafkaConsumer(
        bootstrap_servers=servers, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends = consumer.end_offsets(parts)
        records: list[Any] = []
        while any(consumer.position(part) < ends[part] for part in parts):
            for some in consumer.poll(timeout_ms=1000).values():
                records += some
        return records
    finally:
        consumer.close()


def delete_topics(servers: str, *names: str) -> None:
    """Delete topics, or all of this system's, where they are; returns when they are gone."""
    wanted = set(names) or {topic.name for topic in all_topics(1, 1)}
    with KafkaAdminClient(bootstrap_servers=servers) as admin:
        there = wanted & set(admin.list_topics())
        if there:
            admin.delete_topics(sorted(there))
        while wanted & set(admin.list_topics()):
            time.sleep(0.05)


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread or process does, which may start a broker first."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
