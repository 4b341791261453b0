"""A real Apache Kafka for tests and measurements, wherever one can be had.

Looked for in this order: at the address in ``OFRECORD_TEST_KAFKA``; in Docker, if an engine
answers; on this machine's Java, with jars that Maven brings once. Version and settings of the last
two are those of the service ``kafka`` in ``docker-compose.kafka.yml``.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.kafka.broker import ADDRESS, HOW_TO_GET_ONE, KafkaForTests, NoKafka
from tests.kafka.container import KafkaContainer, an_engine_answers
from tests.kafka.process import KafkaProcess, kafka_jars

__all__ = ["KafkaForTests", "NoKafka", "find_kafka"]


def find_kafka(folder: Path) -> KafkaForTests:
    """A broker, not started yet, with its data and log in ``folder``. Raises ``NoKafka``."""
    if address := os.environ.get(ADDRESS):
        return _KafkaElsewhere(address)
    if an_engine_answers():
        return KafkaContainer(folder)
    if shutil.which("java"):
        return KafkaProcess(folder, kafka_jars())
    raise NoKafka(HOW_TO_GET_ONE)


class _KafkaElsewhere(KafkaForTests):
    """Somebody's broker: it may be written to, and nothing else be done to it."""

    def __init__(self, servers: str) -> None:
        super().__init__()
        self.servers = servers

    def start(self) -> None:
        """Nothing: it runs."""

    def stop(self) -> None:
        """Nothing: it goes on."""

    def thaw(self) -> None:
        """Nothing: it was not frozen."""

    def restart(self) -> None:
        """Never."""
        self._hands_off()

    def kill(self) -> None:
        """Never."""
        self._hands_off()

    def freeze(self) -> None:
        """Never."""
        self._hands_off()

    def _hands_off(self) -> None:
        raise NoKafka(f"The broker in {ADDRESS} is not ours to ill-treat: unset that.")
