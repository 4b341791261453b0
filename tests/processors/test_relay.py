"""The relay: the topic follows the log, whatever fails between any two steps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from processors import relay as relay_module
from processors.ports import RowsUnavailable
from processors.relay import FencedOff, Relay, TopicFacts, TopicUnavailable, TopicUnfit, chained
from schemas.cloud_events import read_record
from schemas.envelope import LogEntry
from tests.adapters.tally import NOON, append
from tests.processors.relaying import TOPIC, House, catch_up, is_whole
from tests.processors.test_projector import until

BOOK = [(f"C{n % 7}", "x") for n in range(60)]
ROUNDS = 200
"""Tries of what must not fail in a row, so that a test that hangs ends."""


@pytest.fixture
def house() -> House:
    """A log with some clients' events, and an empty topic."""
    house = House()
    append(house.log, *BOOK)
    return house


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Relays don't pause, and look at lease and topic at every step."""
    for name in ("_IDLE_SECONDS", "_STANDBY_SECONDS"):
        monkeypatch.setattr(relay_module, name, 0.005)
    monkeypatch.setattr(relay_module, "_BACKOFF_SECONDS", (0.001, 0.01))
    for name in ("_RENEW_SECONDS", "_LOOK_SECONDS"):
        monkeypatch.setattr(relay_module, name, 0.0)


@contextmanager
def running(relay: Relay) -> Iterator[threading.Event]:
    """A relay that runs in a thread of its own meanwhile; setting what this gives ends it."""
    stop = threading.Event()
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


# ── The records of a batch ─────────────────────────────────────────────────────────────────────


@given(
    clients=st.lists(st.sampled_from([f"C{n}" for n in range(9)]), min_size=1, max_size=40),
    partitions=st.integers(1, 12),
    after=st.integers(0, 2**40),
)
def test_a_batch_is_one_chain_in_each_partition(
    clients: list[str], partitions: int, after: int
) -> None:
    """From where all partitions were, without a gap, to the batch's last position in each."""
    entries = [
        LogEntry(after + place, client, place, NOON, "transaction_refused.v1", b"{}")
        for place, client in enumerate(clients, start=1)
    ]
    records = chained(entries, after, partitions)
    found = []
    assert sorted(records) == list(range(partitions))
    for of_partition in records.values():
        reached = after
        for key, value in of_partition:
            passed = read_record(value)
            assert passed.after == reached
            reached = passed.position
            assert key == (passed.entry.client_id.encode() if passed.entry else None)
            if passed.entry is not None:
                found.append(passed.entry)
        assert reached == entries[-1].position
        assert sum(key is None for key, _ in of_partition) <= 1
    assert sorted(found, key=lambda entry: entry.position) == entries


# ── Following the log ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("batch_events", [1, 7, 59, 60, 1000])
def test_i3_the_topic_has_every_event_once_and_in_order(house: House, batch_events: int) -> None:
    """Given a log, when it is relayed, then each partition has its clients' events, and the end."""
    relay = house.relay(batch_events=batch_events)
    assert relay.start()
    catch_up(relay)
    is_whole(house.log, house.broker.values())
    assert house.broker.records is not None
    keyed = [key for part in house.broker.records for key, _ in part if key is not None]
    assert len(keyed) == len(BOOK) == house.position()


def test_a_relay_that_comes_back_goes_on_from_where_it_was(house: House) -> None:
    """Nothing is sent again that was acknowledged and noted."""
    for _ in range(2):
        relay = house.relay()
        assert relay.start()
        catch_up(relay)
        relay.close()
        append(house.log, *BOOK[:10])
    relay.start()
    catch_up(relay)
    is_whole(house.log, house.broker.values())
    assert house.broker.records is not None
    assert sum(key is not None for part in house.broker.records for key, _ in part) == 80


@pytest.mark.parametrize("where", ["send", "advance"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_i6_a_cut_between_any_two_steps_only_repeats(house: House, where: str, when: str) -> None:
    """Given a cut before or after a commit, when the relay begins again, nothing is missing."""
    plan = house.broker.plan if where == "send" else house.store.plan
    plan += ["", when, ""]
    relay = house.relay()
    assert relay.start()
    with pytest.raises((TopicUnavailable, RowsUnavailable)):
        catch_up(relay)
    assert relay.start()
    catch_up(relay)
    is_whole(house.log, house.broker.values())


def test_a_relay_that_dies_between_the_topic_and_its_note_is_followed_by_repeats(
    house: House,
) -> None:
    """Given a batch that is in the topic but not noted, its successor sends it again."""
    dies = house.relay()
    assert dies.start()
    house.store.plan.append("before")
    with pytest.raises(RowsUnavailable):
        dies.step()
    dies.close()  # as if its lease had run out
    successor = house.relay()
    assert successor.start()
    catch_up(successor)
    is_whole(house.log, house.broker.values())
    positions = [read_record(v).position for part in house.broker.values().values() for v in part]
    assert len(positions) > len(set(positions))


# ── Two relays ─────────────────────────────────────────────────────────────────────────────────


def test_one_relay_works_and_the_other_stands_by(house: House) -> None:
    """And takes over at once when the lease is given back."""
    first, second = house.relay(), house.relay()
    assert first.start()
    first.step()
    assert not second.start()
    first.close()
    assert second.start()
    catch_up(second)
    is_whole(house.log, house.broker.values())


def test_a_relay_that_slept_past_its_lease_cannot_write(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given that another has taken over, when it wakes, then it is fenced off, or finds out."""
    sleeper, other = house.relay(), house.relay()
    with monkeypatch.context() as patch:
        patch.setattr(relay_module, "LEASE_SECONDS", 0.0)  # its lease has run out already
        assert sleeper.start()
        sleeper.step()
    assert other.start()
    written = len(house.broker.values()[0])
    with pytest.raises(FencedOff):
        sleeper.step()
    sleeper._renew_at = 0.0
    with pytest.raises(Exception, match="LeaseLost"):
        sleeper.step()
    assert len(house.broker.values()[0]) == written
    assert not sleeper.start()
    catch_up(other)
    is_whole(house.log, house.broker.values())


def test_a_relay_whose_lease_is_taken_while_it_sends_does_not_note_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The position belongs to the one that has the lease."""
    topic = house.topic()
    sleeper = house.relay(topic)
    monkeypatch.setattr(relay_module, "LEASE_SECONDS", 0.0)
    assert sleeper.start()

    def take_over() -> None:
        house.inner.take(TOPIC, "another", 60)

    topic.while_sending = take_over
    with pytest.raises(Exception, match="LeaseLost"):
        sleeper.step()
    assert house.position() == 0


def test_a_relay_that_dozed_through_another_ones_turn_begins_again(house: House) -> None:
    """Given that another relayed and gave the lease back, then the old position is not trusted."""
    first = house.relay()
    assert first.start()
    house.inner.release(TOPIC, first._holder)
    second = house.relay()
    assert second.start()
    catch_up(second)
    second.close()
    first._renew_at = 0.0
    with pytest.raises(Exception, match="LeaseLost"):
        first.step()
    assert first.start()
    assert not first.step()
    is_whole(house.log, house.broker.values())


@pytest.mark.usefixtures("hurried")
def test_i6_a_standby_takes_over_by_itself(house: House) -> None:
    """Given two running relays, when one is stopped, then the other goes on; nothing is missing."""
    with running(house.relay()) as stop:
        until(lambda: house.position() == 60)
        with running(house.relay()):
            append(house.log, *BOOK)
            until(lambda: house.position() == 120)
            stop.set()
            append(house.log, *BOOK)
            until(lambda: house.position() == 180)
    is_whole(house.log, house.broker.values())


@pytest.mark.usefixtures("hurried")
def test_i6_a_relay_that_cannot_reach_the_broker_leaves_it_to_one_that_can(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong address, a cut cable: it must not have the lease again whenever the other asks."""
    lost = house.topic()

    def look() -> TopicFacts | None:
        raise TopicUnavailable("NotReached")

    monkeypatch.setattr(lost, "look", look)
    with running(house.relay(lost)), running(house.relay()):
        until(lambda: house.position() == 60)
    is_whole(house.log, house.broker.values())


# ── What happens to the topic ──────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("is_made_by_another", [True, False])
def test_i6_a_topic_that_was_deleted_is_filled_again(
    house: House, is_made_by_another: bool
) -> None:
    """From the first event on, by the relay that runs; it makes the topic if nobody else does."""
    with running(house.relay()):
        until(lambda: house.position() == 60)
        house.broker.delete()
        if is_made_by_another:
            house.broker.make(3)
        append(house.log, *BOOK[:10])
        until(lambda: house.broker.incarnations == 2 and house.position() == 70)
    values = house.broker.values()
    until_read_from_the_log = {n: part[first_of(part) :] for n, part in values.items()}
    is_whole(house.log, until_read_from_the_log)


def first_of(values: object) -> int:
    """Where the topic begins at position 0: a batch in flight may have come before."""
    assert isinstance(values, list)
    return next(n for n, value in enumerate(values) if read_record(value).after == 0)


def test_a_relay_that_begins_on_a_topic_made_anew_begins_at_the_first_event(house: House) -> None:
    """Whatever position is stored: that was another topic's."""
    before = house.relay()
    assert before.start()
    catch_up(before)
    before.close()
    house.broker.make(3)
    relay = house.relay()
    assert relay.start()
    catch_up(relay)
    is_whole(house.log, house.broker.values())


@pytest.mark.usefixtures("hurried")
def test_i6_a_broker_that_was_away_gets_everything_afterwards(house: House) -> None:
    """Meanwhile the log goes on, and the relay says what it waits for, in its log only."""
    with running(house.relay()), capture_logs() as lines:
        until(lambda: house.position() == 60)
        house.broker.is_away = True
        append(house.log, *BOOK)
        until(lambda: len(lines) > 3)
        assert house.position() == 60
        house.broker.is_away = False
        until(lambda: house.position() == 120)
    is_whole(house.log, house.broker.values())
    told = [line for line in lines if line["event"] == "relay.interrupted"]
    assert {line["error"] for line in told} == {"NotReached"}
    assert max(line["seconds"] for line in told) <= 0.01


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (lambda house: house.broker.delete(), "NeverMade"),
        (lambda house: house.broker.make(4), "OtherPartitions"),
        (lambda house: house.broker.records[0].append((None, b"")), "FilledByAnotherLog"),
    ],
    ids=["that nobody made", "of other partitions", "that another log filled"],
)
def test_a_topic_is_refused(house: House, given: Callable[[House], None], kind: str) -> None:
    """Where relaying would do harm: someone must do something about it first."""
    given(house)
    with pytest.raises(TopicUnfit, match=kind):
        house.relay().start()
    assert house.position() == 0


@given(
    faults=st.lists(st.sampled_from(["", "before", "after"]), max_size=12),
    notes=st.lists(st.sampled_from(["", "before", "after"]), max_size=12),
    turns=st.lists(st.integers(0, 1), min_size=1, max_size=12),
    batch_events=st.integers(1, 9),
    partitions=st.integers(1, 5),
)
def test_i3_whatever_is_cut_and_whoever_works_the_topic_is_whole(
    faults: list[str], notes: list[str], turns: list[int], batch_events: int, partitions: int
) -> None:
    """Two relays take turns; sends and notes are cut anywhere; batches have any size."""
    house = House(partitions, partitions)
    append(house.log, *BOOK[:30])
    house.broker.plan, house.store.plan = list(faults), list(notes)
    relays = [house.relay(batch_events=batch_events) for _ in range(2)]
    for turn in (turns * ROUNDS)[:ROUNDS]:
        try:
            if relays[turn].start() and not relays[turn].step():
                break
            relays[turn].close()
        except (TopicUnavailable, RowsUnavailable):
            house.inner.release(TOPIC, relays[turn]._holder)  # as if its lease had run out
    assert house.position() == 30
    is_whole(house.log, house.broker.values())
