"""The relay on a real Kafka: what consumers get, whatever happens to the topic or the broker."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import pytest
from aiokafka.partitioner import DefaultPartitioner
from structlog.testing import capture_logs

from adapters.outbound.in_memory import InMemoryEventLog
from adapters.outbound.kafka import KafkaEventTopic, KafkaTopics
from adapters.outbound.relay_store import InMemoryRelayStore
from adapters.outbound.topics import Topic
from processors import relay as relay_module
from processors.relay import FencedOff, Relay, TopicUnavailable
from schemas.cloud_events import read_record
from tests.adapters.kafka_topics import delete_topics, read_all, until
from tests.adapters.tally import append
from tests.kafka_broker import KafkaForTests
from tests.processors.relaying import catch_up, is_whole
from tests.processors.test_relay import first_of, hurried, running

__all__ = ["hurried"]

PARTITIONS = 4
BOOK = [(f"client-{n % 50}", "x" * (n % 30)) for n in range(3_000)]


class House:
    """A log and a store in memory, and a topic of a real Kafka."""

    def __init__(self, kafka: KafkaForTests) -> None:
        self.kafka = kafka
        self.topic = kafka.new_name("events")
        self.log = InMemoryEventLog()
        self.store = InMemoryRelayStore()
        self.make()

    def make(self) -> None:
        """Make the topic as ``ofrecord topics`` does."""
        with closing(KafkaTopics(self.kafka.servers)) as topics:
            topics.create(Topic(self.topic, PARTITIONS, 1))

    def relay(self) -> Relay:
        """A relay, not started."""
        topic = KafkaEventTopic(self.kafka.servers, self.topic)
        return Relay(self.log, self.store, topic, lambda: PARTITIONS, batch_events=700)

    def position(self) -> int:
        """How far the topic is, as stored."""
        state = self.store.state(self.topic)
        return state.position if state else 0

    def records(self) -> list[Any]:
        """What a consumer reads."""
        return read_all(self.kafka.servers, self.topic)


@pytest.fixture
def house(kafka: KafkaForTests) -> House:
    """A log with many events, and an empty topic."""
    house = House(kafka)
    append(house.log, *BOOK)
    return house


@pytest.fixture
def relay(house: House) -> Iterator[Relay]:
    """A relay that has begun."""
    relay = house.relay()
    assert relay.start()
    yield relay
    relay.close()


def by_partition(records: Sequence[Any]) -> Mapping[int, list[bytes]]:
    """The values of a topic's records."""
    values: dict[int, list[bytes]] = {n: [] for n in range(PARTITIONS)}
    for record in records:
        values[record.partition].append(record.value)
    return values


def test_i3_what_a_consumer_reads_is_the_log(house: House, relay: Relay) -> None:
    """In order for each key, which is the client id; the partition is that of Kafka's own hash."""
    catch_up(relay)
    records = house.records()
    is_whole(house.log, by_partition(records))
    read, written = defaultdict(list), defaultdict(list)
    for record in records:
        if record.key is not None:
            read[record.key.decode()].append(read_record(record.value).entry)
    for entry in house.log.entries(0, 10_000):
        written[entry.client_id].append(entry)
    assert read == written
    parts = list(range(PARTITIONS))
    assert all(
        record.partition == DefaultPartitioner()(record.key, parts, parts)
        for record in records
        if record.key is not None
    )
    assert {tuple(r.headers) for r in records} == {
        (("content-type", b"application/cloudevents+json"),)
    }


def test_an_old_relay_is_fenced_off(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given that another has taken over, when the old one wakes and sends, Kafka refuses it."""
    old, new = house.relay(), house.relay()
    with monkeypatch.context() as patch:
        patch.setattr(relay_module, "LEASE_SECONDS", 0.0)  # its lease has run out already
        assert old.start()
        old.step()
    assert new.start()
    before = len(house.records())
    with pytest.raises(FencedOff):
        old.step()
    assert len(house.records()) == before
    catch_up(new)
    is_whole(house.log, by_partition(house.records()))
    old.close()
    new.close()


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("is_made_by_another", [True, False])
def test_i6_a_topic_deleted_while_relaying_is_filled_again(
    house: House, is_made_by_another: bool
) -> None:
    """From the first event on, by the relay that runs."""
    with running(house.relay()):
        until(lambda: house.position() == 3_000)
        delete_topics(house.kafka.servers, house.topic)
        if is_made_by_another:
            house.make()
        append(house.log, *BOOK[:100])
        until(lambda: house.position() == 3_100 and made_anew(house))
    values = by_partition(house.records())
    is_whole(house.log, {n: part[first_of(part) :] for n, part in values.items()})


def made_anew(house: House) -> bool:
    """Whether every partition begins at the beginning again."""
    values = by_partition(house.records())
    return all(any(read_record(v).after == 0 for v in part) for part in values.values())


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(("take_away", "bring_back"), [("kill", "start"), ("freeze", "thaw")])
def test_i6_a_broker_that_was_away_gets_everything_afterwards(
    house: House, take_away: str, bring_back: str
) -> None:
    """The log goes on meanwhile; nobody has to do anything when the broker is back."""
    with running(house.relay()), capture_logs() as lines:
        until(lambda: house.position() == 3_000)
        getattr(house.kafka, take_away)()
        append(house.log, *BOOK[:500])
        until(lambda: any(line["event"] == "relay.interrupted" for line in lines))
        getattr(house.kafka, bring_back)()
        until(lambda: house.position() == 3_500)
    is_whole(house.log, by_partition(house.records()))


def test_an_event_larger_than_kafka_takes_by_itself_is_relayed(house: House, relay: Relay) -> None:
    """The topic is made for it: an invoice of a large client has megabytes."""
    append(house.log, ("client-1", "x" * 3_000_000), ("client-1", "y"))
    catch_up(relay)
    is_whole(house.log, by_partition(house.records()))


def test_a_broker_that_is_not_there_is_told_as_such() -> None:
    """By its kind, from every method that needs it; no thread is left behind at each attempt."""
    before = threading.active_count()
    topic = KafkaEventTopic("127.0.0.1:1", "events")
    with pytest.raises(TopicUnavailable, match="KafkaTimeoutError"):
        topic.look()
    with pytest.raises(TopicUnavailable, match="KafkaConnectionError"):
        topic.open(lambda: None)
    topic.close()
    until(lambda: threading.active_count() <= before)
