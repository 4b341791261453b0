"""``ofrecord intake`` and ``ofrecord dead-letters`` on a real Kafka and a real PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from kafka import KafkaAdminClient, KafkaProducer

from adapters.bootstrap import open_application
from adapters.outbound.topics import DEAD_LETTERS, EVENTS, RECEIPTS
from schemas.cloud_events import event_record, marker_record
from tests.adapters.command_line import CommandLine
from tests.adapters.intake_process import (
    IntakeProcess,
    Portal,
    acknowledged,
    key_of,
    make_topics,
    taking,
)
from tests.adapters.kafka_topics import until
from tests.adapters.served import EXAMPLE
from tests.conftest import PostgresForTests
from tests.kafka_broker import KafkaForTests

CLIENTS = [f"client-{number:02}" for number in range(20)]
EACH = 10
EXAMPLES = EXAMPLE.parent


@pytest.fixture
def servers(kafka: KafkaForTests, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Kafka with the intake's topics, empty; commands run in this process use it."""
    make_topics(kafka.servers)
    monkeypatch.setenv("OFRECORD_KAFKA_SERVERS", kafka.servers)
    return kafka.servers


@pytest.fixture
def admin(servers: str) -> Iterator[Any]:
    """Somebody who looks after Kafka."""
    with KafkaAdminClient(bootstrap_servers=servers) as admin:
        yield admin


@pytest.fixture
def portal(servers: str, database_url: str) -> Iterator[Portal]:
    """Somebody of the carrier's who sends over Kafka."""
    with Portal(servers, _token(database_url)) as portal:
        yield portal


def _token(database_url: str) -> str:
    made = CommandLine(database_url)("key", "create", "carrier", "staff", "--json")
    return str(made.json()["token"])


def _opening(client_id: str) -> bytes:
    """Opens an account."""
    line = json.loads(EXAMPLE.read_text().splitlines()[0])
    fields = {name: value for name, value in line.items() if name not in ("client_id", "key")}
    del fields["received_at"]
    return json.dumps(fields | {"name": client_id, "effective_on": "2027-01-01"}).encode()


def _subgroup(number: int) -> bytes:
    """Adds a division."""
    fields = {"type": "add_subgroup", "subgroup_id": f"S{number}", "name": f"Part {number}"}
    return json.dumps(fields | {"effective_on": "2027-01-01"}).encode()


def _send_all(portal: Portal) -> list[str]:
    """Ten commands to each client, one after the other; returns their keys."""
    for number in range(EACH):
        for client_id in CLIENTS:
            value = _subgroup(number) if number else _opening(client_id)
            key = f"{client_id}.{number}"
            portal.send(client_id, key, value, correlation_id=f"c-{key}".encode())
    portal.flush()
    return [f"{client_id}.{number}" for client_id in CLIENTS for number in range(EACH)]


def _in_the_log(database_url: str) -> list[tuple[str, str]]:
    """Client and key of every event, in the log's order."""
    with open_application(database_url) as application:
        events = application.services.log.follow(0, 10_000)
    return [(event.client_id, event.cause.key) for event in events]


def _require_each_once(database_url: str, receipts: list[Any], keys: list[str]) -> None:
    """I1 and I2: each command once in the log, in its client's order, and with one receipt."""
    by_client: dict[str, list[str]] = defaultdict(list)
    for client_id, key in _in_the_log(database_url):
        by_client[client_id].append(key)
    assert sorted(key for each in by_client.values() for key in each) == sorted(keys)
    for client_id, each in by_client.items():
        assert each == [f"{client_id}.{number}" for number in range(EACH)]
    answers = defaultdict(set)
    for receipt in receipts:
        answers[key_of(receipt)].add(receipt.value)
    assert sorted(answers) == sorted(keys)
    assert {len(each) for each in answers.values()} == {1}


def test_every_command_is_answered_in_its_clients_order(
    servers: str, admin: Any, database_url: str, portal: Portal, tmp_path: Path
) -> None:
    """Two hundred commands of twenty clients: each has a receipt, with what names it."""
    keys = _send_all(portal)
    with taking(servers, database_url, tmp_path / "out") as intake:
        receipts = portal.hear(len(keys))
        assert intake.stop() == 0
        assert "What was taken is answered." in intake.said()
    assert acknowledged(admin) == len(keys)
    _require_each_once(database_url, receipts, keys)
    by_client: dict[bytes, list[str]] = defaultdict(list)
    for receipt in receipts:
        said = dict(receipt.headers)
        key = key_of(receipt)
        assert (said["status"], said["replayed"]) == (b"201", b"false")
        assert said["correlation-id"] == f"c-{key}".encode()
        assert json.loads(receipt.value)["client_id"].encode() == receipt.key
        by_client[receipt.key].append(key)
    for client_id, answered in by_client.items():
        assert answered == [f"{client_id.decode()}.{number}" for number in range(EACH)]


@pytest.mark.parametrize("moment", ["decided", "acknowledged"])
def test_an_intake_that_is_killed_loses_and_doubles_nothing(
    servers: str, admin: Any, database_url: str, portal: Portal, tmp_path: Path, moment: str
) -> None:
    """I1, I6: another one goes on; what was not acknowledged is answered again, the same."""
    keys = _send_all(portal)
    with open_application(database_url) as application:
        head = application.services.log.head
        first = IntakeProcess(servers, database_url, tmp_path / "first")
        until(lambda: head() > 0 if moment == "decided" else acknowledged(admin) > 0)
        first.kill()
    with taking(servers, database_url, tmp_path / "second"):
        receipts = portal.hear(len(keys))
    _require_each_once(database_url, receipts, keys)


def test_while_the_database_is_away_commands_wait(
    postgres: PostgresForTests, servers: str, database_url: str, portal: Portal, tmp_path: Path
) -> None:
    """I6: nobody is told anything, nothing is acknowledged, and then all of it happens."""
    with taking(servers, database_url, tmp_path / "out") as intake:
        portal.send("before", "before.0", _opening("before"))
        portal.hear(1)
        postgres.take_away(database_url)
        keys = _send_all(portal)
        intake.wait_for("intake.waits")
        postgres.bring_back(database_url)
        receipts = portal.hear(len(keys))
        assert intake.stop() == 0
    log = [key for client_id, key in _in_the_log(database_url) if client_id != "before"]
    assert sorted(log) == sorted(keys)
    assert {key_of(receipt) for receipt in receipts} == set(keys)


def test_while_kafka_is_away_the_intake_waits(
    kafka: KafkaForTests, servers: str, database_url: str, portal: Portal, tmp_path: Path
) -> None:
    """I6: it goes on by itself when the broker is back."""
    with taking(servers, database_url, tmp_path / "out"):
        portal.send("before", "before.0", _opening("before"))
        portal.hear(1)
        kafka.restart()
        portal.send("after", "after.0", _opening("after"))
        assert [key_of(each) for each in portal.hear(1)] == ["after.0"]


# ── Dead letters ───────────────────────────────────────────────────────────────────────────────


def test_a_dead_letter_is_listed_and_sent_again_when_its_reason_is_mended(
    servers: str, database_url: str, portal: Portal, tmp_path: Path
) -> None:
    """Its key is made meanwhile; then the command happens, and is listed no more."""
    ofrecord = CommandLine(database_url)
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("CREATE TABLE aside AS SELECT * FROM api_keys")
        conn.execute("DELETE FROM api_keys")
        with taking(servers, database_url, tmp_path / "first") as intake:
            portal.send("late", "late.0", _opening("late"))
            portal.flush()
            intake.wait_for("intake.dead_letters")
            assert intake.stop() == 0
        conn.execute("INSERT INTO api_keys SELECT * FROM aside")
    (letter,) = ofrecord("dead-letters", "list", "--json").json()
    assert (letter["reason"], letter["bytes"]) == ("key_unknown", len(_opening("late")))
    assert datetime.fromisoformat(letter["since"]).tzinfo is not None
    shown = ofrecord("dead-letters", "show", letter["id"])
    assert "There is no API key" in shown.out
    assert "late" not in ofrecord("dead-letters", "list").out + shown.out
    assert ofrecord("dead-letters", "show", letter["id"], "--value").out.encode() == _opening(
        "late"
    )
    assert ofrecord("dead-letters", "resend", letter["id"]).code == 0
    assert ofrecord("dead-letters", "list", "--json").json() == []
    assert ofrecord("dead-letters", "list", "--all", "--json").json()[0]["sent_again"] is True
    with taking(servers, database_url, tmp_path / "second"):
        (receipt,) = portal.hear(1)
    assert (key_of(receipt), dict(receipt.headers)["status"]) == ("late.0", b"201")
    assert _in_the_log(database_url) == [("late", "late.0")]


def test_a_dead_letter_whose_record_is_gone_says_so(servers: str, database_url: str) -> None:
    """The signature stood there: without it nothing can be sent."""
    headers = [("reason", b"key_unknown"), ("at", b"ofrecord.commands/0/7")]
    with _producer(servers) as producer:
        producer.send(DEAD_LETTERS, b"{}", b"gone", headers)
    ended = CommandLine(database_url)("dead-letters", "resend", "--all")
    assert (ended.code, "is not kept any more" in ended.err) == (1, True)


def test_a_dead_letter_is_not_sent_again_as_another_record(
    servers: str, database_url: str, portal: Portal
) -> None:
    """The topic may have been deleted and filled anew since."""
    portal.send("another", "another.0", b"{}")
    portal.flush()
    with _producer(servers) as producer:
        for partition in range(4):
            at = f"ofrecord.commands/{partition}/0".encode()
            headers = [("reason", b"key_unknown"), ("at", at)]
            producer.send(DEAD_LETTERS, b'{"mine": 1}', b"mine", headers)
    ended = CommandLine(database_url)("dead-letters", "resend", "--all")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.count("Another record stands now") == 1


class _NotUtf8(str):
    """The name of a header, as no one should write it."""

    def encode(self, *_: Any) -> bytes:  # type: ignore[override]  # as the client library calls it
        """Bytes that are not UTF-8."""
        return b"\xff\xfe"


def test_a_header_that_no_client_can_read_stops_nobody(
    servers: str, admin: Any, database_url: str, portal: Portal, tmp_path: Path
) -> None:
    """It is a dead letter; what others sent around it in its partition is answered."""
    portal.send("around", "around.0", _opening("around"))
    portal.flush()
    portal.send_raw(b"around", b"{}", [(_NotUtf8("x"), b"y")])
    portal.flush()
    portal.send("around", "around.1", _subgroup(1))
    portal.flush()
    with taking(servers, database_url, tmp_path / "out") as intake:
        receipts = portal.hear(2)
        intake.wait_for("intake.dead_letters")
        assert intake.stop() == 0
    assert [key_of(each) for each in receipts] == ["around.0", "around.1"]
    (letter,) = CommandLine(database_url)("dead-letters", "list", "--json").json()
    assert letter["reason"] == "header_not_utf8"
    assert acknowledged(admin) == 3
    ended = CommandLine(database_url)("dead-letters", "resend", letter["id"])
    assert (ended.code, "not UTF-8" in ended.err) == (1, True)


# ── What is said when something is missing ─────────────────────────────────────────────────────


def test_commands_say_in_a_sentence_that_kafka_is_away(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And exit with 3."""
    monkeypatch.setenv("OFRECORD_KAFKA_SERVERS", "127.0.0.1:1")
    for command in (["intake"], ["dead-letters", "list"]):
        ended = CommandLine(database_url)(*command)
        assert ended.code == 3
        assert ended.err.startswith("Kafka cannot be used now at 127.0.0.1:1 (")


def test_the_intake_says_which_topics_are_missing(
    servers: str, admin: Any, database_url: str
) -> None:
    """And who makes them."""
    admin.delete_topics([RECEIPTS])
    ended = CommandLine(database_url)("intake")
    assert (ended.code, ended.err) == (
        1,
        "Kafka has no topic ofrecord.receipts: `ofrecord topics` makes them.\n",
    )


def test_the_intake_says_that_the_database_is_away(servers: str) -> None:
    """And exits with 3."""
    ended = CommandLine("host=127.0.0.1 port=1 dbname=none")("intake")
    assert (ended.code, "The database cannot be reached now." in ended.err) == (3, True)


def test_there_is_no_dead_letter_that_is_not_listed(servers: str, database_url: str) -> None:
    """Neither to show nor to send again."""
    for verb in ("show", "resend"):
        ended = CommandLine(database_url)("dead-letters", verb, "0-99")
        assert (ended.code, ended.err) == (1, "There is no dead letter 0-99.\n")
    assert CommandLine(database_url)("dead-letters", "resend").code == 2


# ── The examples ───────────────────────────────────────────────────────────────────────────────


def test_the_example_that_submits_over_kafka_works(
    servers: str, database_url: str, tmp_path: Path
) -> None:
    """As the README says to run it."""
    value = _opening("example").decode()
    arguments = [servers, _token(database_url), "example", "my-1", value]
    with taking(servers, database_url, tmp_path / "out"):
        ended = subprocess.run(
            [sys.executable, EXAMPLES / "submit_over_kafka.py", *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    status, receipt = ended.stdout.split(" ", 1)
    assert status == "201"
    assert json.loads(receipt)["client_id"] == "example"


def test_the_example_that_follows_events_works(
    kafka: KafkaForTests, database_url: str, tmp_path: Path
) -> None:
    """Type, client and position of each event, and nothing for a marker."""
    make_topics(kafka.servers, EVENTS)
    CommandLine(database_url)("submit", str(EXAMPLE))
    with open_application(database_url) as application:
        entries = application.services.log.entries(0, 5)
    expected = [
        f"{entry.topic.split(':')[0]} {entry.client_id} {entry.position}" for entry in entries
    ]
    with _producer(kafka.servers) as producer:
        producer.send(EVENTS, marker_record(0, 5, datetime(2026, 1, 1, tzinfo=UTC)), partition=1)
        for entry in entries:
            producer.send(EVENTS, event_record(entry, entry.position - 1), entry.client_id.encode())
    process = subprocess.Popen(
        [sys.executable, EXAMPLES / "follow_events.py", kafka.servers, kafka.new_name("group")],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert [process.stdout.readline().strip() for _ in expected] == expected
    finally:
        process.kill()
        process.wait()


def _producer(servers: str) -> Any:
    return KafkaProducer(bootstrap_servers=servers)
