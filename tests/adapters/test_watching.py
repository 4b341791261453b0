"""Processes tell what they do and how they are: real ones, asked as Prometheus would."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import typer
from kafka import TopicPartition
from prometheus_client import CollectorRegistry

from adapters.inbound import watching
from adapters.inbound.kafka_commands import REASONS, Outgoing
from adapters.inbound.kafka_intake import Intake
from adapters.inbound.watching import Health, watched
from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.topics import DEAD_LETTERS, RECEIPTS
from adapters.settings import Settings
from processors.tallies import Pulse
from tests.adapters.command_line import CommandLine
from tests.adapters.kafka_topics import delete_topics, until
from tests.adapters.scraped import of, samples_in
from tests.adapters.served import EXAMPLE
from tests.adapters.tally import append
from tests.conftest import PostgresForTests
from tests.kafka.broker import KafkaForTests
from tests.serving_process import running

_OFRECORD = Path(sys.executable).with_name("ofrecord")
_GROUP = "kafka_consumergroup_group"
_BOOK = [(f"client-{n % 9}", "x") for n in range(40)]


class Process:
    """One of the program's processes, and what it tells."""

    def __init__(self, said: Callable[[], str]) -> None:
        until(lambda: "metrics at" in said())
        found = re.search(r"metrics at (http://\S+)/metrics", said())
        assert found is not None
        self._url = found[1]

    def get(self, path: str) -> httpx.Response:
        """Ask it."""
        return httpx.get(self._url + path, timeout=30)

    def samples(self) -> dict[str, float]:
        """What it tells Prometheus."""
        return samples_in(self.get("/metrics").text)


@contextmanager
def process(tmp_path: Path, database_url: str, *command: str, **settings: str) -> Iterator[Process]:
    """A process of the program, which tells its metrics on a free port."""
    out = tmp_path / command[0]
    given = {"OFRECORD_METRICS_PORT": "0", "PYTHONUNBUFFERED": "1", **settings}
    with out.open("wb") as file:
        running = subprocess.Popen(
            [_OFRECORD, "--database-url", database_url, *command],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **given},
        )
    try:
        yield Process(lambda: out.read_text(encoding="utf-8"))
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 0, out.read_text(encoding="utf-8")
    finally:
        running.kill()
        running.wait()


# ── Each process ───────────────────────────────────────────────────────────────────────────────


def test_a_serving_process_tells_what_it_did_and_how_it_is(
    database_url: str,
    postgres: PostgresForTests,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Harbor Bakery is sent; then the database goes away and comes back, and it goes on."""
    monkeypatch.setenv("OFRECORD_METRICS_PORT", "0")
    with running(database_url, "json", tmp_path) as program:
        lines = EXAMPLE.read_bytes().splitlines()
        told = program.submit_lines(lines)
        head = told[-1]["receipt"]["position"]
        serving = Process(program.written)
        until(lambda: set(of(serving.samples(), f"{_GROUP}_offset").values()) == {head})
        samples = serving.samples()
        assert samples["ofrecord_log_head"] == head
        assert len(of(samples, f"{_GROUP}_lag")) == 4
        for name in ("lag", "lag_seconds", "max_lag", "max_lag_seconds"):
            assert set(of(samples, f"{_GROUP}_{name}").values()) == {0}, name
        assert sum(of(samples, "ofrecord_commands_total").values()) == len(lines)
        assert samples["ofrecord_command_seconds_count"] == len(lines)
        assert samples["ofrecord_append_batch_size_sum"] == len(lines)
        assert set(of(samples, "ofrecord_projection_batch_events_sum").values()) == {head}
        api = samples_in(program.ask("GET", "/metrics", "operations").text)
        assert api["ofrecord_log_head"] == head
        assert [serving.get(path).status_code for path in ("/livez", "/readyz")] == [200, 200]
        assert serving.get("/v1/lag").status_code == 404

        postgres.take_away(database_url)
        until(lambda: serving.get("/readyz").status_code == 503)
        samples = serving.samples()
        assert samples["ofrecord_lag_measurable"] == 0
        assert not [name for name in samples if name.startswith("kafka_")]
        assert samples["ofrecord_command_seconds_count"] == len(lines)
        assert serving.get("/livez").status_code == 200
        postgres.bring_back(database_url)
        until(lambda: serving.samples()["ofrecord_lag_measurable"] == 1)
        assert set(of(serving.samples(), f"{_GROUP}_lag").values()) == {0}
        assert serving.get("/readyz").status_code == 200


def test_a_relay_without_kafka_is_alive_and_not_ready(database_url: str, tmp_path: Path) -> None:
    """It does not lead, and tells how late it is."""
    with closing(PostgresEventLog(database_url)) as log:
        append(log, *_BOOK)
    nowhere = {"OFRECORD_KAFKA_SERVERS": "127.0.0.1:1"}
    with process(tmp_path, database_url, "relay", **nowhere) as relay:
        assert relay.get("/livez").text == "ok\n"
        ready = relay.get("/readyz")
        assert (ready.status_code, "Nothing could be done" in ready.text) == (503, True)
        samples = relay.samples()
        assert samples["ofrecord_relay_is_leader"] == samples["ofrecord_relay_position"] == 0
        assert samples["ofrecord_relay_delay_seconds"] > 0
        assert set(of(samples, f"{_GROUP}_max_lag").values()) == {40}


def test_a_dead_worker_and_a_dead_relay_show_in_what_the_others_tell(
    kafka: KafkaForTests, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each tells where all stand: lag of 0 while both run, and more without either of them."""
    monkeypatch.setenv("OFRECORD_KAFKA_SERVERS", kafka.servers)
    delete_topics(kafka.servers)
    assert CommandLine(database_url)("topics", "--partitions", "2").code == 0
    invoices = f'{_GROUP}_max_lag{{group="ofrecord.invoices"}}'
    with closing(PostgresEventLog(database_url)) as log:
        append(log, *_BOOK)
        with process(tmp_path, database_url, "relay") as relay:
            with process(tmp_path, database_url, "worker", "invoices") as worker:
                until(lambda: worker.samples()[invoices] == 0)
                until(lambda: relay.samples()["ofrecord_relay_position"] == 40)
                told = worker.samples()
                assert told['ofrecord_projection_batch_events_sum{projection="invoices"}'] == 40
                assert told["ofrecord_foreign_records_total"] == 0
                until(lambda: worker.get("/readyz").status_code == 200)
            assert relay.samples()["ofrecord_relay_is_leader"] == 1
            assert relay.get("/readyz").status_code == 200
            append(log, ("client-1", "x"))
            until(lambda: relay.samples()["ofrecord_relay_position"] == 41)
            told = relay.samples()
            assert (told[invoices], told["ofrecord_relay_delay_seconds"]) == (1, 0)
        append(log, ("client-1", "x"))
        with process(tmp_path, database_url, "worker", "invoices") as worker:
            until(lambda: worker.samples()[invoices] == 1)
            assert worker.samples()["ofrecord_relay_delay_seconds"] > 0
            assert worker.samples()["ofrecord_relay_position"] == 41


def test_an_intake_counts_its_dead_letters_by_reason() -> None:
    """Once they are kept; each reason is there from the first scrape on."""
    dead = [Outgoing(DEAD_LETTERS, None, b"", [("reason", code.encode())]) for code in REASONS]
    receipt = Outgoing(RECEIPTS, None, b"{}", [("status", b"201")])
    stop, sent = threading.Event(), []

    class Consumer:
        def poll(self, **_: object) -> dict[TopicPartition, list[Any]]:
            """One record, the first time."""
            stop.set()
            record = SimpleNamespace(offset=3, key=b"", value=b"", headers=[])
            return {TopicPartition("ofrecord.commands", 0): [record]}

        def commit(self, *_: object, **__: object) -> None:
            """All is well."""

    door = SimpleNamespace(answer=lambda records: [receipt, dead[0], dead[0], dead[1]])
    intake = Intake(door, Consumer(), SimpleNamespace(send=sent.append))  # type: ignore[arg-type]  # stand-ins
    assert set(intake.dead_letters.values()) == {0}
    assert not intake.pulse.works(60)
    intake.run(stop)
    assert len(sent) == 1
    assert list(intake.dead_letters.values())[:3] == [2, 1, 0]
    assert intake.pulse.works(60)


# ── Health ─────────────────────────────────────────────────────────────────────────────────────


def beating(worked: bool = True) -> Pulse:
    """The pulse of a loop that goes on."""
    pulse = Pulse()
    if worked:
        pulse.worked()
    return pulse


def fails() -> None:
    """A database that is away, with a text that nobody is to read."""
    raise OSError("host=secret")


def test_a_process_that_works_is_well_and_ready() -> None:
    """Nothing is said against it."""
    health = Health(beating(), lambda: None)
    assert (health.unwell(), health.unready()) == (None, None)


def test_a_process_whose_broker_is_away_is_well_and_not_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker or an intake to which nothing comes looks idle: so the broker itself is asked."""
    monkeypatch.setattr("adapters.outbound.kafka._ADMIN_SECONDS", 1)
    nobody = Settings(kafka_servers="127.0.0.1:1")
    health = Health(beating(), lambda: None, reach_kafka=watching._reach_kafka(nobody))
    assert health.unwell() is None
    assert str(health.unready()).startswith("Kafka does not answer (")


def test_a_process_that_waits_is_well_and_not_ready() -> None:
    """For the database, or for whatever else it works with: starting it again would not help."""
    for health, why in (
        (Health(beating(), fails), "The database does not answer (OSError)."),
        (Health(beating(worked=False), lambda: None), "Nothing could be done for 15 seconds."),
    ):
        assert (health.unwell(), health.unready()) == (None, why)


def test_a_process_that_does_not_go_on_is_to_be_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its loop hangs, or a thread of it has died."""
    died = Health(beating(), lambda: None, lambda: False)
    assert died.unwell() == died.unready() == "A thread has died."
    monkeypatch.setattr(watching, "_SILENT_SECONDS_MAX", -1.0)
    assert "Nothing went on" in (Health(beating(), lambda: None).unwell() or "")


def test_a_port_that_is_taken_is_told_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """With the setting that chooses another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(metrics_port=taken.getsockname()[1])
        health = Health(beating(), lambda: None)
        with pytest.raises(typer.Exit), watched(settings, CollectorRegistry(), health):
            pytest.fail("it must not begin")
    assert "OFRECORD_METRICS_PORT" in capsys.readouterr().err


def test_without_a_port_nothing_listens(capsys: pytest.CaptureFixture[str]) -> None:
    """As it is unless it is set."""
    with watched(Settings(), CollectorRegistry(), Health(beating(), fails)):
        pass
    assert capsys.readouterr().out == ""
