"""The broker that tests get is a real Kafka: it keeps what it took, whatever is done to it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaTimeoutError

from tests.kafka.process import KafkaProcess, accepts
from tests.kafka_broker import KafkaForTests, NoKafka, find_kafka
from tests.tidy_rules import ROOT


def _send(kafka: KafkaForTests, topic: str, *values: bytes) -> None:
    """Send and wait until the broker has them."""
    producer = KafkaProducer(bootstrap_servers=kafka.servers)
    try:
        for value in values:
            producer.send(topic, value=value, key=b"harbor-bakery")
        producer.flush(timeout=60)
    finally:
        producer.close()


def _read(kafka: KafkaForTests, topic: str, number: int) -> list[bytes]:
    """The first records of the topic's partition 0."""
    consumer = KafkaConsumer(bootstrap_servers=kafka.servers, enable_auto_commit=False)
    partition = TopicPartition(topic, 0)
    try:
        consumer.assign([partition])
        consumer.seek(partition, 0)
        values: list[bytes] = []
        while len(values) < number:
            records = consumer.poll(timeout_ms=500).get(partition, [])
            values += [record.value for record in records]
        return values
    finally:
        consumer.close()


def test_what_is_sent_to_a_new_topic_is_read_in_order(kafka: KafkaForTests) -> None:
    """A topic is made, records go in, and come out in their order."""
    topic = kafka.new_topic()
    _send(kafka, topic, b"first", b"second", b"third")
    assert _read(kafka, topic, 3) == [b"first", b"second", b"third"]


def test_a_killed_broker_comes_back_with_its_records_at_its_address(kafka: KafkaForTests) -> None:
    """What was acknowledged before SIGKILL is there after the next start."""
    topic, servers = kafka.new_topic(), kafka.servers
    _send(kafka, topic, b"kept")
    kafka.kill()
    kafka.start()
    assert kafka.servers == servers
    _send(kafka, topic, b"and after")
    assert _read(kafka, topic, 2) == [b"kept", b"and after"]


def test_a_frozen_broker_answers_when_it_is_thawed(kafka: KafkaForTests) -> None:
    """What was sent to a frozen broker waits, and is taken when that goes on."""
    topic = kafka.new_topic()
    producer = KafkaProducer(bootstrap_servers=kafka.servers)
    try:
        producer.send(topic, value=b"before").get(timeout=60)
        kafka.freeze()
        sending = producer.send(topic, value=b"meanwhile")
        with pytest.raises(KafkaTimeoutError):
            sending.get(timeout=0.5)
        kafka.thaw()
        assert sending.get(timeout=60).offset == 1
    finally:
        producer.close()


def test_a_broker_stopped_in_good_order_keeps_its_records(kafka: KafkaForTests) -> None:
    """Stopped while it was frozen and started again, it has what it had."""
    topic = kafka.new_topic()
    _send(kafka, topic, b"kept")
    kafka.freeze()
    kafka.restart()
    assert _read(kafka, topic, 1) == [b"kept"]


_STARTS_ONE = """
import sys, time
from pathlib import Path
from tests.kafka_broker import find_kafka
kafka = find_kafka(Path(sys.argv[1]))
kafka.start()
print(kafka.servers, flush=True)
time.sleep(600)
"""


def test_a_broker_ends_with_the_tests_however_these_end(
    kafka: KafkaForTests, tmp_path: Path
) -> None:
    """Nothing of it is left when its owner is killed and can stop nothing any more."""
    if not isinstance(kafka, KafkaProcess):
        return  # an engine's containers, and somebody's broker, are looked after by others
    owner = subprocess.Popen(
        [sys.executable, "-c", _STARTS_ONE, tmp_path], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert owner.stdout is not None
        port = int(owner.stdout.readline().strip().partition(":")[2])
        assert accepts(port)
    finally:
        owner.kill()
        owner.communicate()
    while accepts(port):
        time.sleep(0.05)


# ── Where it comes from ────────────────────────────────────────────────────────────────────────


def test_an_address_in_the_environment_is_taken_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Somebody's broker is used as it is, and never ill-treated."""
    monkeypatch.setenv("OFRECORD_TEST_KAFKA", "kafka.example:9092")
    with find_kafka(tmp_path) as kafka:
        assert kafka.servers == "kafka.example:9092"
        for ill_treatment in (kafka.kill, kafka.freeze, kafka.restart):
            with pytest.raises(NoKafka, match="not ours"):
                ill_treatment()


def test_where_there_is_nothing_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without an address, an engine and Java there is no broker, but advice."""
    monkeypatch.delenv("OFRECORD_TEST_KAFKA", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoKafka, match="install Java 17 or later and Maven, or start a Docker"):
        find_kafka(tmp_path)


_ENGINE = """#!/bin/sh
echo "$@" >> "$0.said"
case "$*" in *"ps --status paused"*) echo paused;; esac
"""


def test_an_engine_that_answers_runs_the_service_of_the_compose_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In a project of its own, with a port of its own; at the end nothing of it is left."""
    engine = tmp_path / "docker"
    engine.write_text(_ENGINE, encoding="utf-8")
    engine.chmod(0o755)
    monkeypatch.delenv("OFRECORD_TEST_KAFKA", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with find_kafka(tmp_path) as kafka:
        kafka.kill()
        kafka.start()
        kafka.freeze()
        kafka.thaw()
    said = (tmp_path / "docker.said").read_text(encoding="utf-8").splitlines()
    assert said[:2] == ["info", "compose version"]
    added = (tmp_path / "for_tests.json").read_text(encoding="utf-8")
    assert f"TESTS://{kafka.servers}" in added
    commands = [line.partition("for_tests.json ")[2] for line in said[2:]]
    paused = "ps --status paused --quiet kafka"
    assert commands == [
        *("up --detach --wait kafka", "kill kafka", "up --detach --wait kafka", "pause kafka"),
        *(paused, "unpause kafka", paused, "unpause kafka", "down --volumes"),
    ]
