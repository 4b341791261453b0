"""What tests of the relay share: a broker in memory, faults to inject, a reader of its topic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from adapters.outbound.in_memory import InMemoryEventLog
from adapters.outbound.relay_store import InMemoryRelayStore
from processors.partitions import partition_of
from processors.ports import EventLog, RowsUnavailable
from processors.relay import FencedOff, Record, Relay, RelayStore, TopicFacts, TopicUnavailable
from schemas.cloud_events import read_record
from schemas.envelope import LogEntry

TOPIC = "events"


class FakeBroker:
    """One topic in memory. ``plan``: how the next sends fail, "before" or "after" they are kept."""

    def __init__(self, partitions: int | None = 3) -> None:
        self.incarnations = 0
        self.epoch = 0
        self.is_away = False
        self.plan: list[str] = []
        self.records: list[list[Record]] | None = None
        if partitions is not None:
            self.make(partitions)

    def make(self, partitions: int) -> None:
        """Make the topic, or make it anew."""
        self.incarnations += 1
        self.records = [[] for _ in range(partitions)]

    def delete(self) -> None:
        """Delete the topic."""
        self.records = None

    def values(self) -> Mapping[int, Sequence[bytes]]:
        """What a consumer reads."""
        assert self.records is not None
        return {n: [value for _, value in part] for n, part in enumerate(self.records)}


class FakeTopic:
    """``EventTopic`` on that broker: one relay's way to it."""

    name = TOPIC

    def __init__(self, broker: FakeBroker) -> None:
        self._broker = broker
        self._epoch: int | None = None
        self.while_sending: Callable[[], None] = lambda: None
        """What happens while a send waits for the broker."""

    def look(self) -> TopicFacts | None:
        """As the broker has it."""
        self._reach()
        records = self._broker.records
        if records is None:
            return None
        return TopicFacts(str(self._broker.incarnations), len(records), not any(records))

    def create(self, partitions: int) -> None:
        """Make it."""
        self._reach()
        self._broker.make(partitions)

    def open(self, waiting: Callable[[], None]) -> None:
        """Fence off all others."""
        self._reach()
        self._broker.epoch += 1
        self._epoch = self._broker.epoch

    def send(self, records: Mapping[int, Sequence[Record]], waiting: Callable[[], None]) -> None:
        """All of them or none; or as the plan has it."""
        self.while_sending()
        waiting()
        self._reach()
        fault = self._broker.plan.pop(0) if self._broker.plan else ""
        if self._epoch != self._broker.epoch:
            raise FencedOff
        if fault == "before" or self._broker.records is None:
            raise TopicUnavailable("ConnectionCut")
        for partition, new in records.items():
            self._broker.records[partition] += new
        if fault == "after":
            raise TopicUnavailable("ConnectionCut")

    def close(self) -> None:
        """Nothing can be sent until it is opened again."""
        self._epoch = None

    def _reach(self) -> None:
        if self._broker.is_away:
            raise TopicUnavailable("NotReached")


class FaultyRelayStore:
    """A relay store whose advances fail where a plan says so: "before" or "after" their commit."""

    def __init__(self, inner: RelayStore) -> None:
        self._inner = inner
        self.plan: list[str] = []

    def advance(self, topic: str, holder: str, position: int, seconds: float) -> bool:
        """As the inner store; the connection may be cut."""
        fault = self.plan.pop(0) if self.plan else ""
        if fault == "before":
            raise RowsUnavailable("ConnectionCut")
        done = self._inner.advance(topic, holder, position, seconds)
        if fault == "after":
            raise RowsUnavailable("ConnectionCut")
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class House:
    """A log, a broker, and relays between them."""

    def __init__(self, partitions: int = 3, topic_partitions: int | None = 3) -> None:
        self.log = InMemoryEventLog()
        self.inner = InMemoryRelayStore()
        self.store = FaultyRelayStore(self.inner)
        self.partitions = partitions
        self.broker = FakeBroker(topic_partitions)

    def topic(self) -> FakeTopic:
        """A way to the broker."""
        return FakeTopic(self.broker)

    def relay(self, topic: FakeTopic | None = None, batch_events: int = 7) -> Relay:
        """A relay, not started."""
        return Relay(
            *(self.log, self.store, topic or self.topic(), lambda: self.partitions),
            batch_events=batch_events,
        )

    def position(self) -> int:
        """How far the topic is, as stored."""
        state = self.inner.state(TOPIC)
        return state.position if state else 0


def catch_up(relay: Relay) -> None:
    """Steps until there is nothing left to do."""
    while relay.step():
        pass


def read_whole(values: Iterable[bytes], head: int) -> list[LogEntry]:
    """What a reader takes from a partition: it passes repeats over, and must meet no gap."""
    reached, entries = 0, []
    for value in values:
        passed = read_record(value)
        assert passed.after < passed.position
        if passed.position <= reached:
            continue
        assert passed.after <= reached, "a gap"
        reached = passed.position
        if passed.entry is not None:
            entries.append(passed.entry)
    assert reached == head
    return entries


def is_whole(log: EventLog, values: Mapping[int, Iterable[bytes]]) -> None:
    """Every partition has the log's events of its clients, in order, and all end at the head."""
    entries = log.entries(0, 1_000_000)
    for partition, of_partition in values.items():
        expected = [e for e in entries if partition_of(e.client_id, len(values)) == partition]
        assert read_whole(of_partition, log.head()) == expected
