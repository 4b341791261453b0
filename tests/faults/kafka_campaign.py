"""The campaign over a real Kafka: processes, the broker and the topic are ill-treated.

An API, two intakes, two relays and workers of every projection share a database and a broker. On
top of what ``campaign.py`` does, processes of every kind are killed and frozen past their session,
the broker is killed or away, the topic is deleted, records are repeated, swapped and made up, and
the offsets of the workers are set to the beginning and to the end. Everything heals with no one's
help, and what it heals to is the same (architecture, I1-I4, I6).
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from psycopg_pool import ConnectionPool

from adapters.inbound.simulation.book import life_of
from adapters.outbound.relay_store import PostgresRelayStore
from adapters.outbound.row_store import PostgresRowStore
from adapters.outbound.topics import EVENTS, Topic
from projections.catalog import PROJECTIONS
from tests.adapters.intake_process import Portal, key_of, make_topics
from tests.adapters.kafka_topics import delete_topics
from tests.conftest import PostgresForTests
from tests.faults.campaign import Campaign, body_of
from tests.faults.processes import Process
from tests.kafka_broker import KafkaForTests

PARTITIONS = 4
SESSION_SECONDS = 2.0
_SENT_OVER_KAFKA = (1_001, 1_002)
_ANSWERED_WITHIN_SECONDS = 120.0
_FORGED = b'{"type": "nonsense", "time": "2026-01-01T00:00:00Z", "position": "1"}'
_COPIED_RECORDS = 40
_FAULTS = (
    *("kill", "kill", "kill", "freeze", "cut", "broker killed", "broker away"),
    *("topic deleted", "records repeated", "records forged", "offsets to the beginning"),
    "offsets to the end",
)


class KafkaCampaign(Campaign):
    """A campaign in which the projections are workers of a topic."""

    def __init__(
        self,
        postgres: PostgresForTests,
        kafka: KafkaForTests,
        database_url: str,
        folder: Path,
        seed: int,
        clients: int,
    ) -> None:
        self._kafka = kafka
        delete_topics(kafka.servers, EVENTS)
        make_topics(kafka.servers)
        with KafkaAdminClient(bootstrap_servers=kafka.servers) as admin:
            topic = Topic(EVENTS, PARTITIONS)
            admin.create_topics(
                {EVENTS: {"num_partitions": PARTITIONS, "configs": dict(topic.config)}},
                wait_for_metadata=True,
            )
        with contextlib.closing(PostgresRowStore(database_url)) as rows:
            rows.divide(PARTITIONS)
        self._settings = {
            "OFRECORD_TRANSPORT": "kafka",
            "OFRECORD_KAFKA_SERVERS": kafka.servers,
            "OFRECORD_WORKER_SESSION_SECONDS": str(SESSION_SECONDS),
        }
        super().__init__(postgres, database_url, folder, seed, clients)
        pool = ConnectionPool[Any](database_url, min_size=0, max_size=1, open=True)
        self._relay_store = PostgresRelayStore(pool)
        workers = [projection.name for projection in PROJECTIONS] + [PROJECTIONS[0].name]
        self._relays = [self._start("relay") for _ in range(2)]
        self._workers = [self._start("worker", name) for name in workers]
        self._intakes = [self._start("intake") for _ in range(2)]

    def _start(self, *command: str) -> Process:
        return Process(self._database_url, self._folder, *command, settings=self._settings)

    def _start_apis(self) -> list[Process]:
        return [self._start("serve", "--port", "0")]

    def _processes(self) -> list[Process]:
        return [*self._apis, *self._relays, *self._workers, *self._intakes]

    # ── A sender over Kafka ────────────────────────────────────────────────────────────────────

    def _more_senders(self) -> list[Callable[[], None]]:
        return [self._send_over_kafka]

    def _send_over_kafka(self) -> None:
        """Two lives as signed commands; every one is answered, as often as it may be."""
        try:
            self._hear_of_all()
        except (AssertionError, KafkaError) as error:
            self._outcome.failures.append(f"never answered over Kafka: {error!r}")

    def _hear_of_all(self) -> None:
        asked: dict[str, str] = {}
        with Portal(self._kafka.servers, self._token, _ANSWERED_WITHIN_SECONDS) as portal:
            for index in _SENT_OVER_KAFKA:
                for line in life_of(self._seed, index):
                    client_id, key = line.fields["client_id"], line.fields["key"]
                    asked[key] = client_id
                    portal.send(client_id, key, msgspec.json.encode(body_of(line.fields)))
            portal.flush()
            heard = portal.hear(len(asked))
        with self._lock:
            for receipt in heard:
                key = key_of(receipt)
                bodies = self._outcome.bodies.setdefault((asked[key], key), set())
                bodies.add(receipt.value)

    def _started(self) -> list[str]:
        """A relay takes a topic that has records before it knew it for another log's."""
        state = self._relay_store.state(EVENTS)
        is_bound = state is not None and state.incarnation is not None
        return super()._started() + ([] if is_bound else ["no relay has the topic"])

    # ── Faults ─────────────────────────────────────────────────────────────────────────────────

    def _kinds(self) -> tuple[str, ...]:
        return _FAULTS

    def _do(self, kind: str, chosen: random.Random) -> None:
        if kind == "freeze":
            process = chosen.choice(self._processes())
            process.freeze()
            time.sleep(chosen.uniform(0.5, 2 * SESSION_SECONDS))
            process.thaw()
        elif kind == "broker killed":
            self._kafka.kill()
            self._kafka.start()
        elif kind == "broker away":
            self._kafka.freeze()
            time.sleep(chosen.uniform(0.5, 3.0))
            self._kafka.thaw()
        elif kind == "topic deleted":
            with contextlib.suppress(KafkaError):
                delete_topics(self._kafka.servers, EVENTS)
        elif kind.startswith("records"):
            with contextlib.suppress(KafkaError, AssertionError):
                self._write_records(kind, chosen)
        elif kind.startswith("offsets"):
            self._set_offsets(kind, chosen)
        else:
            super()._do(kind, chosen)

    def _write_records(self, kind: str, chosen: random.Random) -> None:
        """Write what no relay wrote: old records again and in another order, or nonsense."""
        values: list[tuple[int, bytes]] = [(chosen.randrange(PARTITIONS), _FORGED)]
        if kind == "records repeated":
            values = _some_records(self._kafka.servers)
            chosen.shuffle(values)
        with KafkaProducer(bootstrap_servers=self._kafka.servers) as producer:
            for partition, value in values:
                producer.send(EVENTS, value, partition=partition)
            producer.flush(5)

    def _set_offsets(self, kind: str, chosen: random.Random) -> None:
        """Kafka allows it only while nobody is in the group: its workers are killed before."""
        name = chosen.choice(PROJECTIONS).name
        workers = [each for each in self._workers if each.is_command("worker", name)]
        for worker in workers:
            worker.end()
        time.sleep(1.5 * SESSION_SECONDS)
        with contextlib.suppress(KafkaError):
            move_group(self._kafka.servers, f"ofrecord.{name}", kind.endswith("beginning"))
        for worker in workers:
            worker.start()


def _some_records(servers: str) -> list[tuple[int, bytes]]:
    """Partition and value of the first records of the topic."""
    consumer: Any = KafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    try:
        parts = [TopicPartition(EVENTS, n) for n in range(PARTITIONS)]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        found = consumer.poll(timeout_ms=2000, max_records=_COPIED_RECORDS)
        return [(part.partition, record.value) for part, some in found.items() for record in some]
    finally:
        consumer.close()


def move_group(
    servers: str, group: str, to_beginning: bool, partitions: Iterable[int] = range(PARTITIONS)
) -> None:
    """Set the offsets of a group's workers, none of whom may be there, to one of the ends."""
    parts = [TopicPartition(EVENTS, n) for n in partitions]
    consumer: Any = KafkaConsumer(
        bootstrap_servers=servers, group_id=group, enable_auto_commit=False
    )
    try:
        consumer.assign(parts)
        move = consumer.seek_to_beginning if to_beginning else consumer.seek_to_end
        move(*parts)
        for part in parts:
            consumer.position(part)
        consumer.commit()
    finally:
        consumer.close()
