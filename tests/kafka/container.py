"""Kafka in Docker: the compose file's own service."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.kafka.broker import COMPOSE_FILE, HOST, SETTINGS_FOR_TESTS, KafkaForTests, free_ports

_ENGINE_ANSWERS_SECONDS = 5.0


def an_engine_answers() -> bool:
    """Whether Docker Compose can be used."""
    if shutil.which("docker") is None:
        return False
    try:
        for question in (["docker", "info"], ["docker", "compose", "version"]):
            subprocess.run(
                question, capture_output=True, check=True, timeout=_ENGINE_ANSWERS_SECONDS
            )
    except (OSError, subprocess.SubprocessError):
        return False
    return True


class KafkaContainer(KafkaForTests):
    """The compose file's own service, in a project of its own and with a port for the tests."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        (port,) = free_ports(1)
        self.servers = f"{HOST}:{port}"
        self._project = f"ofrecord-{self._mark}"
        self._for_tests = folder / "for_tests.json"  # JSON is YAML
        self._for_tests.write_text(json.dumps(self._additions(port)), encoding="utf-8")

    def _additions(self, port: int) -> dict[str, Any]:
        protocols = "INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT,TESTS:PLAINTEXT"
        tests = {
            "KAFKA_LISTENERS": "INSIDE://:9092,CONTROLLER://:9093,TESTS://:9094",
            "KAFKA_ADVERTISED_LISTENERS": f"INSIDE://kafka:9092,TESTS://{self.servers}",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": protocols,
        }
        kafka = {
            "environment": {**SETTINGS_FOR_TESTS, **tests},
            "ports": [f"{HOST}:{port}:9094"],
            "networks": ["tests"],  # beside the one that has no way out
        }
        return {"services": {"kafka": kafka}, "networks": {"tests": {}}}

    def start(self) -> None:
        self._compose("up", "--detach", "--wait", "kafka")

    def stop(self) -> None:
        self.thaw()
        self._compose("stop", "kafka")

    def kill(self) -> None:
        self._compose("kill", "kafka")

    def freeze(self) -> None:
        self._compose("pause", "kafka")

    def thaw(self) -> None:
        if self._compose("ps", "--status", "paused", "--quiet", "kafka"):
            self._compose("unpause", "kafka")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.thaw()
        self._compose("down", "--volumes")

    def _compose(self, *command: str) -> str:
        files = ("-f", str(COMPOSE_FILE), "-f", str(self._for_tests))
        done = subprocess.run(
            ["docker", "compose", "-p", self._project, *files, *command],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()
