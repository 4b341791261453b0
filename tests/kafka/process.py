"""Kafka as a process of this machine: a JVM, and jars that Maven brings once."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.kafka.broker import (
    HOST,
    HOW_TO_GET_ONE,
    SETTINGS_FOR_TESTS,
    KafkaForTests,
    NoKafka,
    free_ports,
    kafka_service,
    kafka_version,
)

_POM = Path(__file__).with_name("pom.xml")
_START_SECONDS = 90.0
_STOP_SECONDS = 30.0
_TICK_SECONDS = 0.02


class KafkaProcess(KafkaForTests):
    """A JVM of our own, set up by the program that sets it up in the official image."""

    def __init__(self, folder: Path, jars: Path) -> None:
        super().__init__()
        self._folder = folder / "kafka"
        self._jars = jars
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None
        self._choose_ports()

    def _choose_ports(self) -> None:
        self._port, self._controller_port = free_ports(2)
        self.servers = f"{HOST}:{self._port}"

    def start(self) -> None:
        if self._lives():
            return
        while not self._has_been_set_up():
            self._set_up()
            if self._serves():
                return
            if "Address already in use" not in self._log():
                raise AssertionError(f"Kafka does not start. It says:\n{self._log()[-4000:]}")
            shutil.rmtree(self._folder)
            self._choose_ports()
        assert self._serves(), f"Kafka does not start again. It says:\n{self._log()[-4000:]}"

    def stop(self) -> None:
        self.thaw()
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def _lives(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        self._end_watch()

    def _watch(self, pid: int) -> None:
        """Let the broker end when the tests' process does, however: then this pipe is closed."""
        self._end_watch()
        self._watcher = subprocess.Popen(
            ["sh", "-c", 'read -r _; kill -KILL "$0"', str(pid)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def _end_watch(self) -> None:
        if self._watcher is not None:
            self._watcher.kill()
            self._watcher.communicate()
            self._watcher = None

    def _has_been_set_up(self) -> bool:
        return (self._folder / "data" / "meta.properties").exists()

    def _set_up(self) -> None:
        """Settings and an empty data folder, from the service's environment."""
        configuration, defaults = self._folder / "configuration", self._folder / "defaults"
        for made in (configuration, defaults):
            made.mkdir(parents=True)
        for unused in ("log4j2.yaml", "tools-log4j2.yaml"):
            (defaults / unused).touch()
        folders = ("-D", str(defaults), "-M", str(defaults), "-F", str(configuration))
        with self._writing_log() as log:
            subprocess.run(
                self._java("kafka.docker.KafkaDockerWrapper", "setup", *folders),
                env={**os.environ, **self._environment()},
                stdout=log,
                stderr=log,
                check=False,
            )
        assert self._has_been_set_up(), f"Kafka cannot be set up. It says:\n{self._log()[-4000:]}"

    def _environment(self) -> dict[str, str]:
        here = {
            "KAFKA_LISTENERS": (
                f"INSIDE://{HOST}:{self._port},CONTROLLER://{HOST}:{self._controller_port}"
            ),
            "KAFKA_ADVERTISED_LISTENERS": f"INSIDE://{self.servers}",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": f"1@{HOST}:{self._controller_port}",
            "KAFKA_LOG_DIRS": str(self._folder / "data"),
        }
        return {**kafka_service()["environment"], **SETTINGS_FOR_TESTS, **here}

    def _serves(self) -> bool:
        """Start the broker; whether it serves, or has ended."""
        settings = str(self._folder / "configuration" / "server.properties")
        with self._writing_log() as log:
            self._process = subprocess.Popen(
                self._java("kafka.Kafka", settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests, which then stop it
            )
        self._watch(self._process.pid)
        deadline = time.monotonic() + _START_SECONDS
        while self._lives() and time.monotonic() < deadline:
            if accepts(self._port):
                return True
            time.sleep(_TICK_SECONDS)
        self.kill()
        return False

    def _java(self, *program: str) -> list[str]:
        quick_to_start = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
        told_when = "-Dorg.slf4j.simpleLogger.showDateTime=true"
        return [
            *("java", "-Xmx512m", *quick_to_start, told_when),
            *("-cp", f"{self._jars}/*", *program),
        ]

    @contextmanager
    def _writing_log(self) -> Iterator[Any]:
        with (self._folder / "kafka.log").open("ab") as log:
            yield log

    def _log(self) -> str:
        return (self._folder / "kafka.log").read_text(encoding="utf-8", errors="replace")


def accepts(port: int) -> bool:
    """Whether Kafka serves: it opens its port no earlier."""
    with socket.socket() as client:
        return client.connect_ex((HOST, port)) == 0


def kafka_jars() -> Path:
    """The folder of Kafka's jars; Maven fills it once for all test runs on this machine."""
    version = kafka_version()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ofrecord-tests"
    cache.mkdir(parents=True, exist_ok=True)
    jars = cache / f"kafka-{version}"
    with (cache / f"kafka-{version}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the kernel drops it however the process ends
        if not jars.exists():
            _copy_jars(version, jars)
    return jars


def _copy_jars(version: str, jars: Path) -> None:
    """Filled aside and renamed when complete, so that half of the jars are never taken for all."""
    if shutil.which("mvn") is None:
        raise NoKafka(HOW_TO_GET_ONE)
    aside = jars.with_name(f"{jars.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    copying = subprocess.run(
        [
            *("mvn", "-q", "-B", "-f", str(_POM), f"-Dkafka.version={version}"),
            *("dependency:copy-dependencies", f"-DoutputDirectory={aside}"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if copying.returncode != 0:
        raise NoKafka(f"Maven cannot bring Kafka's jars: {copying.stdout[-2000:]}")
    aside.rename(jars)
