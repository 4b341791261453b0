"""``ofrecord intake`` as a process of its own, and a portal that talks to it over a real Kafka."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from adapters.outbound.topics import COMMANDS, DEAD_LETTERS, RECEIPTS
from tests.adapters.commanded import signed
from tests.adapters.kafka_topics import delete_topics

PARTITIONS = 4
OFRECORD = Path(sys.executable).with_name("ofrecord")
_PATIENCE_SECONDS = 60


def make_topics(servers: str, *others: str) -> None:
    """The topics of the intake, empty, whatever another test left in them."""
    names = [COMMANDS, RECEIPTS, DEAD_LETTERS, *others]
    delete_topics(servers, *names)
    with KafkaAdminClient(bootstrap_servers=servers) as admin:
        asked = {name: {"num_partitions": PARTITIONS} for name in names}
        admin.create_topics(asked, wait_for_metadata=True)


class IntakeProcess:
    """The process, what it says, and its end."""

    def __init__(self, servers: str, database_url: str, out: Path) -> None:
        self._out = out
        with out.open("wb") as file:
            self._process = subprocess.Popen(
                [OFRECORD, "--database-url", database_url, "intake"],
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, "OFRECORD_KAFKA_SERVERS": servers, "PYTHONUNBUFFERED": "1"},
            )

    def said(self) -> str:
        """What it wrote so far."""
        return self._out.read_text(encoding="utf-8")

    def wait_for(self, words: str) -> None:
        """Return when it has said this."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while words not in self.said():
            assert self._process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Ask it to end; returns its exit code."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(_PATIENCE_SECONDS)
        finally:
            self._process.kill()


@contextmanager
def taking(servers: str, database_url: str, out: Path) -> Iterator[IntakeProcess]:
    """An intake that runs, and has ended afterwards."""
    process = IntakeProcess(servers, database_url, out)
    try:
        process.wait_for("Ctrl-C ends it")
        yield process
    finally:
        process.kill()


class Portal:
    """Sends commands with one key, and hears what is answered."""

    def __init__(
        self, servers: str, token: str, patience_seconds: float = _PATIENCE_SECONDS
    ) -> None:
        self._patience_seconds = patience_seconds
        self._servers = servers
        self._token = token
        self._producer = KafkaProducer(bootstrap_servers=servers)
        self._receipts = _reader(servers, RECEIPTS)

    def __enter__(self) -> Portal:
        return self

    def __exit__(self, *_: object) -> None:
        self._producer.close()
        self._receipts.close()

    def send(self, client_id: str, key: str, value: bytes, **headers: bytes) -> None:
        """Send one command; ``flush`` waits until Kafka has it."""
        right = signed(self._token, client_id.encode(), key, value)
        all_headers = right | {n.replace("_", "-"): v for n, v in headers.items()}
        self._producer.send(COMMANDS, value, client_id.encode(), list(all_headers.items()))

    def send_raw(self, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        """Send a record that nobody checks."""
        self._producer.send(COMMANDS, value, key, headers)

    def flush(self) -> None:
        """Return when everything sent is in the topic."""
        self._producer.flush()

    def hear(self, count: int) -> list[Any]:
        """Receipts, in the order of each partition, until so many different keys are answered."""
        heard: list[Any] = []
        deadline = time.monotonic() + self._patience_seconds
        while len({key_of(each) for each in heard}) < count:
            assert time.monotonic() < deadline, f"{len(heard)} receipts came"
            for records in self._receipts.poll(timeout_ms=200).values():
                heard += records
        return heard


def key_of(receipt: Any) -> str:
    """The idempotency key that a receipt answers."""
    return str(dict(receipt.headers)["idempotency-key"].decode())


def acknowledged(admin: Any) -> int:
    """How many commands the intakes have acknowledged, in all partitions together."""
    offsets = admin.list_group_offsets(["ofrecord.intake"])["ofrecord.intake"]
    return sum(each.offset for place, each in offsets.items() if place.topic == COMMANDS)


def _reader(servers: str, topic: str) -> Any:
    consumer = KafkaConsumer(bootstrap_servers=servers, group_id=None, auto_offset_reset="earliest")
    consumer.assign([TopicPartition(topic, partition) for partition in range(PARTITIONS)])
    consumer.seek_to_beginning()
    return consumer
