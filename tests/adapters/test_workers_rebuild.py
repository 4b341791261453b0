"""A projection that workers feed from a real Kafka is rebuilt beside, and switched under them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adapters.command_line import CommandLine
from tests.adapters.kafka_topics import delete_topics, until
from tests.adapters.test_workers import Story, ends_well, shares
from tests.kafka_broker import KafkaForTests


@pytest.mark.timeout(240)
def test_i4_workers_go_on_with_the_tables_that_were_switched_under_them(
    kafka: KafkaForTests, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I4: two workers, events all the time; nobody restarts anything."""
    monkeypatch.setenv("OFRECORD_KAFKA_SERVERS", kafka.servers)
    delete_topics(kafka.servers)
    run = CommandLine(database_url)
    with Story(kafka, database_url, tmp_path) as story:
        relay, workers = story.start("relay"), [story.worker(), story.worker()]
        until(lambda: shares(*workers) == [2, 2])
        story.goes_on()
        for _ in range(2):
            rebuilt = run("rebuild", "start", "book_of_business", "--switch")
            assert rebuilt.code == 0, rebuilt.err
            assert run("rebuild", "drop", "book_of_business").code == 0
            story.goes_on()
        story.end_events()
        story.is_as_replayed()
        assert run("verify", "--projection", "book_of_business").code == 0
        for worker in workers:
            ends_well(worker)
        assert relay.stop() == 0, relay.said
