"""What every broker for tests can do, and what the compose file says of one."""

from __future__ import annotations

import secrets
import socket
from abc import ABC, abstractmethod
from itertools import count
from types import TracebackType
from typing import Any
from uuid import uuid4

import yaml
from kafka import KafkaAdminClient

from tests.tidy_rules import ROOT

COMPOSE_FILE = ROOT / "docker-compose.kafka.yml"
ADDRESS = "OFRECORD_TEST_KAFKA"
HOST = "127.0.0.1"
HOW_TO_GET_ONE = (
    "Kafka's tests need a broker: install Java 17 or later and Maven, or start a Docker engine, "
    f"or set {ADDRESS} to the address of a Kafka that tests may write to."
)
SETTINGS_FOR_TESTS = {
    # A worker that a test kills is missed after a second if it asks for that, not after six.
    "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
    # After SIGKILL the broker may register again when its old session has ended: by default 9 s.
    "KAFKA_BROKER_SESSION_TIMEOUT_MS": "2000",
    "KAFKA_BROKER_HEARTBEAT_INTERVAL_MS": "500",
    # Fifty partitions each are fifty files to make in every first test that has a group.
    "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
    "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "4",
}


class NoKafka(Exception):
    """No broker can be had here; the message says what to install."""


class KafkaForTests(ABC):
    """A broker that can be killed, frozen and started again: its address and data stay the same."""

    servers: str
    """Its address, as clients take it."""

    def __init__(self) -> None:
        self._mark = uuid4().hex[:8]
        self._numbers = count(1)

    @abstractmethod
    def start(self) -> None:
        """Start it, on the data it had; nothing if it runs. Returns when it serves."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it in good order, frozen or not; nothing if it is stopped."""

    @abstractmethod
    def kill(self) -> None:
        """End it at once, as a machine that loses its power."""

    @abstractmethod
    def freeze(self) -> None:
        """Let it accept connections and answer nothing."""

    @abstractmethod
    def thaw(self) -> None:
        """End what ``freeze`` began; nothing if it is not frozen."""

    def restart(self) -> None:
        """Stop it in good order and start it again."""
        self.stop()
        self.start()

    def heal(self) -> None:
        """Let it run, whatever was done to it."""
        self.thaw()
        self.start()

    def new_name(self, what: str = "test") -> str:
        """A name for a topic, a group or a prefix of topics that nothing else on it has."""
        return f"{what}-{self._mark}-{next(self._numbers)}"

    def new_topic(self, partitions: int = 1) -> str:
        """A fresh topic, ready to be written to."""
        name = self.new_name()
        with KafkaAdminClient(bootstrap_servers=self.servers) as admin:
            admin.create_topics({name: {"num_partitions": partitions}}, wait_for_metadata=True)
        return name

    def __enter__(self) -> KafkaForTests:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on, from below those that the system gives to clients.

    Else a client could be given the port of a broker that is just being started again. Not from
    ``random``, which tests seed: two workers would choose the same ones.
    """
    free: set[int] = set()
    while len(free) < number:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as listener:
            if listener.connect_ex((HOST, port)) != 0:
                free.add(port)
    return sorted(free)


def kafka_service() -> dict[str, Any]:
    """The service ``kafka`` of the compose file, its environment as text."""
    service = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))["services"]["kafka"]
    service["environment"] = {name: str(value) for name, value in service["environment"].items()}
    return dict(service)


def kafka_version() -> str:
    """The version of Kafka; it stands in the compose file and nowhere else."""
    return str(kafka_service()["image"]).partition(":")[2]
