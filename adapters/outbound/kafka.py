"""Kafka, as the relay and ``ofrecord topics`` need it: topics made and looked at, events written.

Two clients: kafka-python's for administration, because it tells a topic's id, and aiokafka's for
writing, because it packs records into batches in C. Neither retries beyond the waits below; the
callers do.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any

import aiokafka
import aiokafka.errors
from aiokafka.producer import sender
from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError, TopicAlreadyExistsError, UnknownTopicOrPartitionError
from kafka.net.compat import KafkaNetClient

from adapters.outbound.topics import Topic
from processors.relay import FencedOff, Record, TopicFacts, TopicUnavailable
from schemas.cloud_events import CONTENT_TYPE

_ADMIN_SECONDS = 4
"""Less than a relay's lease."""
_SEND_SECONDS = 30
_WAIT_SECONDS = 0.5
"""How often ``waiting`` is called."""
_REQUEST_SECONDS = 10
_BATCH_BYTES = 1_000_000
"""Of a batch of records, which the broker stores as one; a larger record is one by itself."""
_RECONNECT_SECONDS_MAX = 1
_LATEST = -1

_HEADERS = [("content-type", CONTENT_TYPE.encode())]

# A transaction may begin some milliseconds after the one before it was committed. aiokafka asks
# again after twenty of them, by a constant, and at a steady load every batch of a relay would wait.
sender.BACKOFF_OVERRIDE = 0.002

# They write several lines a second while a broker is away. That it is away is told once, by who
# wanted something of it.
for _library in ("aiokafka", "kafka"):
    logging.getLogger(_library).setLevel(logging.CRITICAL)


class KafkaTopics:
    """Makes topics and looks at them. Connects when it is first asked. For one thread.

    Every method but ``close`` raises ``TopicUnavailable``.
    """

    def __init__(self, servers: str) -> None:
        self._servers = servers
        self._client: Any = None

    def look(self, name: str) -> TopicFacts | None:
        """What there is of a topic; None if it is missing."""
        with self._admin() as admin:
            [found] = admin.describe_topics([name])
            if found["error_code"] == UnknownTopicOrPartitionError.errno:
                return None
            if found["error_code"]:
                raise TopicUnavailable("TopicNotReady")
            partitions = len(found["partitions"])
            try:
                ends = admin.list_partition_offsets(
                    {TopicPartition(name, partition): _LATEST for partition in range(partitions)}
                )
            except UnknownTopicOrPartitionError:
                return None
        is_empty = all(end.offset == 0 for end in ends.values())
        return TopicFacts(str(found["topic_id"]), partitions, is_empty)

    def create(self, topic: Topic) -> bool:
        """Make a topic and wait until it can be used; false if it is there already."""
        asked = {
            "num_partitions": topic.partitions,
            "replication_factor": topic.replication,
            "configs": topic.config,
        }
        with self._admin() as admin:
            try:
                admin.create_topics({topic.name: asked})
            except TopicAlreadyExistsError:
                return False
            admin.wait_for_topics([topic.name], timeout_ms=_ADMIN_SECONDS * 1000)
        return True

    def close(self) -> None:
        """Give the connection back."""
        if self._client is not None:
            self._client.close()
            self._client = None

    @contextlib.contextmanager
    def _admin(self) -> Iterator[Any]:
        try:
            if self._client is None:
                self._client = _connect(self._servers)
            yield self._client
        except (KafkaError, OSError, ValueError) as error:
            self.close()
            raise TopicUnavailable(type(error).__name__) from None


def _connect(servers: str) -> Any:
    """A client of kafka-python for administration."""
    made = []

    def client(**config: Any) -> Any:
        made.append(KafkaNetClient(**config))
        return made[0]

    try:
        return KafkaAdminClient(
            bootstrap_servers=servers.split(","),
            bootstrap_timeout_ms=_ADMIN_SECONDS * 1000,
            request_timeout_ms=_ADMIN_SECONDS * 1000,
            reconnect_backoff_max_ms=_RECONNECT_SECONDS_MAX * 1000,
            kafka_client=client,
        )
    except KafkaError:
        for each in made:  # the library leaves its thread behind
            each.close()
        raise


class KafkaEventTopic:
    """``EventTopic`` on Kafka: a transactional producer, whose loop runs while something is asked.

    Its transactional id is the topic's, so that of all relays the one that opened it last writes.
    """

    def __init__(self, servers: str, name: str) -> None:
        self._servers = servers
        self._name = name
        self._topics = KafkaTopics(servers)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._producer: Any = None

    @property
    def name(self) -> str:
        return self._name

    def look(self) -> TopicFacts | None:
        return self._topics.look(self._name)

    def create(self, partitions: int) -> None:
        self._topics.create(Topic(self._name, partitions))

    def open(self, waiting: Callable[[], None]) -> None:
        self.close()
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda *_: None)  # what failed is told to who asked
        self._run(self._start(), waiting)

    def send(self, records: Mapping[int, Sequence[Record]], waiting: Callable[[], None]) -> None:
        self._run(self._send(records), waiting)

    def close(self) -> None:
        self._topics.close()
        if self._loop is None:
            return
        try:
            self._loop.run_until_complete(self._end())
        finally:
            self._loop.close()
            self._loop = self._producer = None

    def _run(self, work: Coroutine[Any, Any, None], waiting: Callable[[], None]) -> None:
        assert self._loop is not None, "opened before"
        try:
            self._loop.run_until_complete(_watched(work, waiting))
        except aiokafka.errors.ProducerFenced:
            raise FencedOff from None
        except aiokafka.errors.KafkaError as error:
            raise TopicUnavailable(type(error).__name__) from None

    async def _start(self) -> None:
        self._producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=self._servers.split(","),
            transactional_id=f"ofrecord.relay.{self._name}",  # also acks=all and idempotence
            request_timeout_ms=_REQUEST_SECONDS * 1000,
            max_batch_size=_BATCH_BYTES,
        )
        await self._producer.start()

    async def _send(self, records: Mapping[int, Sequence[Record]]) -> None:
        producer = self._producer
        await producer.begin_transaction()
        sent = []
        for partition, of_partition in records.items():
            for batch in self._batches(of_partition):
                sent.append(await producer.send_batch(batch, self._name, partition=partition))
        await asyncio.gather(*sent)
        await producer.commit_transaction()

    def _batches(self, records: Sequence[Record]) -> Iterator[Any]:
        """Records packed, in batches as large as the broker takes."""
        batch = self._producer.create_batch()
        for key, value in records:
            if batch.append(timestamp=None, key=key, value=value, headers=_HEADERS) is None:
                yield batch
                batch = self._producer.create_batch()
                batch.append(timestamp=None, key=key, value=value, headers=_HEADERS)
        if batch.record_count():
            yield batch

    async def _end(self) -> None:
        """End all work of the loop, also what would wait for a broker that is away."""
        await _cancel_others()
        if self._producer is not None:
            with contextlib.suppress(aiokafka.errors.KafkaError, OSError):
                await self._producer.stop()
            await _cancel_others()


async def _watched(work: Coroutine[Any, Any, None], waiting: Callable[[], None]) -> None:
    """Do the work, and call ``waiting`` meanwhile."""
    task = asyncio.ensure_future(work)
    for _ in range(int(_SEND_SECONDS / _WAIT_SECONDS)):
        done, _pending = await asyncio.wait({task}, timeout=_WAIT_SECONDS)
        if done:
            return task.result()
        waiting()
    raise TopicUnavailable("TimedOut")


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others)
