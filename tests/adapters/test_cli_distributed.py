"""``ofrecord topics`` and ``ofrecord relay``: what they make and say, and what if they cannot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.row_store import PostgresRowStore
from adapters.outbound.topics import COMMANDS, DEAD_LETTERS, EVENTS, RECEIPTS
from processors.partitions import partition_of
from projections.catalog import PROJECTIONS
from projections.kernel import Changes
from tests.adapters.command_line import CommandLine
from tests.adapters.kafka_topics import delete_topics, read_all, until
from tests.adapters.tally import append
from tests.kafka_broker import KafkaForTests
from tests.processors.relaying import is_whole

_OFRECORD = Path(sys.executable).with_name("ofrecord")
BOOK = [(f"client-{n % 9}", "x") for n in range(40)]


@pytest.fixture
def servers(kafka: KafkaForTests, monkeypatch: pytest.MonkeyPatch) -> str:
    """A broker without topics of this system, which the commands are told of."""
    delete_topics(kafka.servers)
    monkeypatch.setenv("OFRECORD_KAFKA_SERVERS", kafka.servers)
    return kafka.servers


@pytest.fixture
def ofrecord(database_url: str) -> CommandLine:
    """The command line on an empty database."""
    return CommandLine(database_url)


def partitions_of(servers: str, *names: str) -> list[int]:
    """How many partitions topics have."""
    with KafkaAdminClient(bootstrap_servers=servers) as admin:
        found = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics(names)}
    return [found[name] for name in names]


def test_all_topics_are_made_and_the_clients_divided(
    servers: str, ofrecord: CommandLine, database_url: str
) -> None:
    """Given nothing, when topics are made, then they are there; again, and nothing changes."""
    first = ofrecord("topics", "--partitions", "5", "--json")
    assert first.code == 0
    named = [(made["topic"], made["partitions"]) for made in first.json()]
    assert named == [(EVENTS, 5), (COMMANDS, 5), (RECEIPTS, 5), (DEAD_LETTERS, 1)]
    assert all(made["is_new"] for made in first.json())
    again = ofrecord("topics", "--json")
    assert (again.code, [made["is_new"] for made in again.json()]) == (0, [False] * 4)
    assert partitions_of(servers, EVENTS, COMMANDS, RECEIPTS, DEAD_LETTERS) == [5, 5, 5, 1]
    with closing(PostgresRowStore(database_url)) as rows:
        assert rows.partitions() == 5
    assert EVENTS in ofrecord("topics").out


def test_events_are_kept_for_ever(servers: str, ofrecord: CommandLine) -> None:
    """Neither their age nor their size removes any; and there are twelve partitions unasked."""
    assert ofrecord("topics").code == 0
    with KafkaAdminClient(bootstrap_servers=servers) as admin:
        asked = [ConfigResource("topic", EVENTS)]
        kept = str(admin.describe_configs(asked, config_filter="all"))
    assert partitions_of(servers, EVENTS) == [12]
    for setting in ("retention.ms", "retention.bytes"):
        assert kept.partition(f"'{setting}': ")[2].startswith("{'value': '-1'")


def test_another_number_of_partitions_is_refused_with_what_to_do(
    servers: str, ofrecord: CommandLine, database_url: str
) -> None:
    """A client would change partitions in the middle of its history; nothing was changed."""
    ofrecord("topics", "--partitions", "3")
    ended = ofrecord("topics", "--partitions", "4")
    assert (ended.code, "has 3 partitions, not 4" in ended.err) == (1, True)
    assert "delete the topic" in ended.err
    with closing(PostgresRowStore(database_url)) as rows:
        assert rows.partitions() == 3
    delete_topics(servers)
    assert ofrecord("topics", "--partitions", "4").code == 0


def test_clients_are_not_divided_while_partitions_differ(
    servers: str, ofrecord: CommandLine, database_url: str
) -> None:
    """Workers must bring a projection to one position first; until then no topic is made."""
    ofrecord("topics", "--partitions", "3")
    delete_topics(servers)
    with closing(PostgresRowStore(database_url)) as rows:
        stands = rows.prepare(PROJECTIONS[0])
        assert rows.write(PROJECTIONS[0], Changes({}), stands, stands.moved({1: 7}))
    ended = ofrecord("topics", "--partitions", "4")
    assert (ended.code, "ofrecord lag" in ended.err) == (1, True)
    with KafkaAdminClient(bootstrap_servers=servers) as admin:
        assert EVENTS not in admin.list_topics()


def test_a_kafka_that_is_away_is_told_in_a_sentence(
    ofrecord: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the setting that says where it is."""
    monkeypatch.setenv("OFRECORD_KAFKA_SERVERS", "127.0.0.1:1")
    ended = ofrecord("topics")
    assert (ended.code, "Kafka cannot be used now at 127.0.0.1:1" in ended.err) == (3, True)


@pytest.mark.parametrize("command", ["topics", "relay"])
def test_a_database_that_is_away_is_told_in_a_sentence(command: str) -> None:
    """As by every command."""
    ended = CommandLine("host=127.0.0.1 port=1 dbname=x")(command)
    assert (ended.code, "database cannot be reached" in ended.err) == (3, True)


@contextmanager
def relaying(database_url: str) -> Iterator[subprocess.Popen[str]]:
    """``ofrecord relay`` as a process of its own."""
    process = subprocess.Popen(
        [_OFRECORD, "--database-url", database_url, "relay"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OFRECORD_LOG_FORMAT": "json"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def relay_row(database_url: str) -> tuple[int, str | None] | None:
    """How far the relay is, and who has the lease."""
    with psycopg.connect(database_url) as conn:
        row = conn.execute("SELECT position, holder FROM relay").fetchone()
        return row and (row[0], row[1])


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGINT])
def test_the_relay_passes_the_log_on_until_it_is_told_to_end(
    servers: str, ofrecord: CommandLine, database_url: str, ended_by: signal.Signals
) -> None:
    """Then it gives the lease back, and says that it has ended; no traceback."""
    ofrecord("topics", "--partitions", "3")
    with closing(PostgresEventLog(database_url)) as log:
        append(log, *BOOK)
        with relaying(database_url) as process:
            until(lambda: (relay_row(database_url) or (0,))[0] == 40)
            process.send_signal(ended_by)
            out, err = process.communicate(timeout=60)
        assert (process.returncode, "The relay has ended." in out) == (0, True)
        assert "Traceback" not in err
        assert relay_row(database_url) == (40, None)
        values: dict[int, list[bytes]] = {n: [] for n in range(3)}
        for record in read_all(servers, EVENTS):
            values[record.partition].append(record.value)
            assert record.key is None or partition_of(record.key.decode(), 3) == record.partition
        is_whole(log, values)


def test_i6_a_relay_that_was_killed_is_succeeded_by_the_one_that_stands_by(
    servers: str, ofrecord: CommandLine, database_url: str
) -> None:
    """When its lease has run out, with nobody's help."""
    ofrecord("topics", "--partitions", "3")
    with closing(PostgresEventLog(database_url)) as log, relaying(database_url) as first:
        append(log, *BOOK)
        until(lambda: (relay_row(database_url) or (0,))[0] == 40)
        with relaying(database_url):
            first.kill()
            append(log, *BOOK)
            until(lambda: (relay_row(database_url) or (0,))[0] == 80)
        values: dict[int, list[bytes]] = {n: [] for n in range(3)}
        for record in read_all(servers, EVENTS):
            values[record.partition].append(record.value)
        is_whole(log, values)
