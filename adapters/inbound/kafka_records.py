"""Records read from Kafka's topics and sent to them, as the intake and its dead letters need it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.net.compat import KafkaNetClient

from adapters.inbound.kafka_commands import Outgoing

CONNECT_SECONDS = 5
_ANSWER_SECONDS = 10
_RECONNECT_SECONDS_MAX = 1
_BATCH_BYTES = 65_536

# It writes several lines a second while a broker is away; that is told once, by who wanted it.
logging.getLogger("kafka").setLevel(logging.CRITICAL)


def connect(kind: type[Any], servers: str, **options: Any) -> Any:
    """A consumer or a producer. Raises ``KafkaError`` if no server answers."""
    made = []

    def client(**config: Any) -> Any:
        made.append(KafkaNetClient(**config))
        return made[0]

    try:
        return kind(
            bootstrap_servers=servers.split(","),
            bootstrap_timeout_ms=CONNECT_SECONDS * 1000,
            reconnect_backoff_max_ms=_RECONNECT_SECONDS_MAX * 1000,
            request_timeout_ms=_ANSWER_SECONDS * 1000,
            allow_auto_create_topics=False,
            kafka_client=client,
            **options,
        )
    except (KafkaError, ValueError, OSError) as error:
        for each in made:  # the library leaves its thread behind
            each.close()
            each._manager._net.stop()
        raise error if isinstance(error, KafkaError) else KafkaError(str(error)) from None


def name_is_not_utf8(error: BaseException) -> bool:
    """Whether a record cannot be read since a header's name is not UTF-8, today or ever."""
    return isinstance(error.__cause__ or error.__context__, UnicodeDecodeError)


class Sender:
    """Sends records; a producer that failed is given up for a new one. For one thread."""

    def __init__(self, servers: str) -> None:
        self._servers = servers
        self._producer: Any = None

    def send(self, records: Sequence[Outgoing]) -> None:
        """Returns when all are durable, in their order.

        Raises ``KafkaError``: then some may be there, and sending all again is safe.
        """
        try:
            if self._producer is None:
                self._producer = connect(
                    KafkaProducer,
                    self._servers,
                    delivery_timeout_ms=_ANSWER_SECONDS * 1000,
                    max_block_ms=_ANSWER_SECONDS * 1000,
                    batch_size=_BATCH_BYTES,
                )
            sent = [
                self._producer.send(record.topic, record.value, record.key, record.headers)
                for record in records
            ]
            for each in sent:
                each.get(2 * _ANSWER_SECONDS)
        except KafkaError:
            self.close()
            raise

    def close(self) -> None:
        """Give the connection back; what is not sent by now is not."""
        if self._producer is not None:
            self._producer.close(timeout=0)
            self._producer = None


def read_all(servers: str, topic: str) -> Iterator[Any]:
    """Every record that a topic has now, by partition. Raises ``KafkaError``."""
    with closing(_reader(servers)) as consumer:
        partitions = [TopicPartition(topic, n) for n in _partitions(consumer, topic)]
        consumer.assign(partitions)
        for partition, end in consumer.end_offsets(partitions).items():
            yield from _between(consumer, partition, None, end)


def read_one(servers: str, topic: str, partition: int, offset: int) -> Any | None:
    """One record of a topic; None if it is not kept any more. Raises ``KafkaError``."""
    place = TopicPartition(topic, partition)
    with closing(_reader(servers)) as consumer:
        if partition not in _partitions(consumer, topic):
            return None
        consumer.assign([place])
        first, end = (
            consumer.beginning_offsets([place])[place],
            consumer.end_offsets([place])[place],
        )
        if not first <= offset < end:
            return None
        found = next(_between(consumer, place, offset, end), None)
        return found if found is not None and found.offset == offset else None


def _reader(servers: str) -> Any:
    return connect(KafkaConsumer, servers, group_id=None, auto_offset_reset="earliest")


def _partitions(consumer: Any, topic: str) -> list[int]:
    return sorted(consumer.partitions_for_topic(topic))


def _between(consumer: Any, place: Any, first: int | None, end: int) -> Iterator[Any]:
    """The records of a partition from an offset (or all) up to another."""
    consumer.pause(*consumer.assignment())
    consumer.resume(place)
    if first is None:
        consumer.seek_to_beginning(place)
    else:
        consumer.seek(place, first)
    while consumer.position(place) < end:
        found = consumer.poll(timeout_ms=_ANSWER_SECONDS * 1000).get(place)
        if not found:
            raise KafkaTimeoutError
        yield from (record for record in found if record.offset < end)
