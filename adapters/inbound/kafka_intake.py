"""``ofrecord intake``: commands taken from their topic, answered, and only then acknowledged.

A batch is what one poll gives. Its answers are durable in the database, then in Kafka, and then the
group's offsets move; so whatever ends the process, a batch is answered at least once, and what is
answered again gets the same bytes. Several intakes share the partitions.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import structlog
from kafka import KafkaConsumer, OffsetAndMetadata
from kafka.errors import CommitFailedError, CorruptRecordError, KafkaError

from adapters.inbound.kafka_commands import REASONS, CommandDoor, Outgoing, Record
from adapters.inbound.kafka_records import Sender, connect, name_is_not_utf8
from adapters.outbound.topics import COMMANDS, DEAD_LETTERS, RECEIPTS
from processors.ports import LogUnavailable
from processors.tallies import Pulse

GROUP = "ofrecord.intake"
_BATCH_MAX = 500
_POLL_SECONDS = 0.25
_SESSION_SECONDS = 10
"""How long the partitions of an intake that was killed wait for another."""
_COMMIT_SECONDS = 10
_CLOSE_SECONDS = 5
_PAUSES_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)
"""After so many failures in a row; the last one for ever."""

log = structlog.get_logger(__name__)


class TopicsMissing(Exception):
    """Topics that the intake needs are not there; the message names them."""


class Intake:
    """Answers the commands' topic until it is told to stop. ``opened`` makes one."""

    def __init__(self, door: CommandDoor, consumer: Any, sender: Sender) -> None:
        self._door = door
        self._consumer = consumer
        self._sender = sender
        self._failures = 0
        self.pulse = Pulse()
        self.dead_letters = dict.fromkeys(REASONS, 0)
        """By reason: how many there were so far."""

    @classmethod
    @contextmanager
    def opened(cls, door: CommandDoor, servers: str) -> Iterator[Intake]:
        """An intake that has Kafka. Raises ``KafkaError`` or ``TopicsMissing``."""
        consumer = connect(
            KafkaConsumer,
            servers,
            group_id=GROUP,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=_SESSION_SECONDS * 1000,
            heartbeat_interval_ms=_SESSION_SECONDS * 1000 // 4,
            max_poll_records=_BATCH_MAX,
        )
        try:
            missing = {COMMANDS, RECEIPTS, DEAD_LETTERS} - set(consumer.topics())
            if missing:
                raise TopicsMissing(", ".join(sorted(missing)))
            consumer.subscribe([COMMANDS])
            with closing(Sender(servers)) as sender:
                yield cls(door, consumer, sender)
        finally:
            consumer.close(autocommit=False, timeout_ms=_CLOSE_SECONDS * 1000)

    def run(self, stop: threading.Event) -> None:
        """Take, answer and acknowledge until ``stop``; what was taken by then is answered.

        While the database or Kafka is away it goes on trying, and nothing is acknowledged.
        """
        while not stop.is_set():
            batch: Mapping[Any, Sequence[Record]] = {}
            try:
                batch = self._poll()
                if batch:
                    self._answer(batch)
                    self._failures = 0
                self.pulse.worked()
            except (LogUnavailable, KafkaError) as error:
                self.pulse.beat()
                self._take_back(batch, error)
                stop.wait(_PAUSES_SECONDS[min(self._failures, len(_PAUSES_SECONDS) - 1)])
                self._failures += 1

    def _poll(self) -> dict[Any, list[Record]]:
        """The next records, by partition. Raises ``KafkaError``."""
        try:
            found = self._consumer.poll(timeout_ms=int(_POLL_SECONDS * 1000))
        except CorruptRecordError as error:
            return self._unreadable(error)
        return {
            place: [
                Record(_at(place, each.offset), each.key, each.value, each.headers, each.offset)
                for each in records
            ]
            for place, records in found.items()
        }

    def _unreadable(self, error: Exception) -> dict[Any, list[Record]]:
        """The record that kafka-python stumbled over, if that is of no use to try again.

        The library says nowhere else which partition it was reading, and would loop for ever over
        what it began to read. It reads batches from their beginning: so what the same producer sent
        in one batch, behind such a record, is as unreadable.
        """
        reading = self._consumer._fetcher._next_partition_records
        reading.drain()
        if not name_is_not_utf8(error):
            raise error
        place = reading.topic_partition
        offset = self._consumer.position(place)
        self._consumer.seek(place, offset + 1)
        return {place: [Record(_at(place, offset), None, None, None, offset)]}

    def _answer(self, batch: Mapping[Any, Sequence[Record]]) -> None:
        """Raises ``LogUnavailable`` or ``KafkaError``."""
        answers = self._door.answer([record for records in batch.values() for record in records])
        self._sender.send(answers)
        reached = {
            place: OffsetAndMetadata(records[-1].offset + 1, "", -1)
            for place, records in batch.items()
        }
        self._consumer.commit(reached, timeout_ms=_COMMIT_SECONDS * 1000)
        dead = self._count_dead(answers)
        log.info("intake.answered", count=len(answers) - dead)
        if dead:
            log.warning("intake.dead_letters", count=dead)

    def _count_dead(self, answers: Sequence[Outgoing]) -> int:
        reasons = [
            dict(answer.headers)["reason"].decode()
            for answer in answers
            if answer.topic == DEAD_LETTERS
        ]
        for reason in reasons:
            self.dead_letters[reason] += 1
        return len(reasons)

    def _take_back(self, batch: Mapping[Any, Sequence[Record]], error: Exception) -> None:
        """Read the batch again at the next poll, those partitions of it that are still ours."""
        if isinstance(error, CommitFailedError):
            log.info("intake.moved")  # another intake has these partitions, and answers again
        else:
            log.warning("intake.waits", error=type(error).__name__)
        for place, records in batch.items():
            if place in self._consumer.assignment():
                self._consumer.seek(place, records[0].offset)


def _at(place: Any, offset: int) -> str:
    return f"{place.topic}/{place.partition}/{offset}"
