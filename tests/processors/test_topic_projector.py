"""Rows follow a topic, and the log itself wherever the topic has not what the log has."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from adapters.outbound.in_memory import InMemoryEventLog
from adapters.outbound.in_memory_rows import InMemoryRowStore
from processors.applying import Applier, TakenOver
from processors.partitions import partition_of
from processors.projector import Projector
from processors.topic_projector import TopicProjector
from schemas.cloud_events import event_record, marker_record
from tests.adapters.tally import Tally, append
from tests.processors.following import FaultyLog, FixedClock, catch_up, digest_by_hand

PARTITIONS = 3
BOOK = [(f"C{n % 7}", "x" * (n % 5)) for n in range(60)]


def relayed(log: InMemoryEventLog, after: int = 0, batch: int = 7) -> list[list[bytes]]:
    """The records of each partition, as a relay makes them of the log, batch by batch."""
    chains: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
    while entries := log.entries(after, batch):
        last = entries[-1]
        for partition, chain in enumerate(chains):
            reached = after
            for entry in entries:
                if partition_of(entry.client_id, PARTITIONS) == partition:
                    chain.append(event_record(entry, reached))
                    reached = entry.position
            if reached < last.position:
                chain.append(marker_record(reached, last.position, last.recorded_at))
        after = last.position
    return chains


class World:
    """A log, its rows in three partitions, and workers."""

    def __init__(self, book: Sequence[tuple[str, str]] = BOOK) -> None:
        self.log = InMemoryEventLog()
        self.faulty = FaultyLog(self.log)
        self.rows = InMemoryRowStore()
        self.rows.divide(PARTITIONS)
        self.tally = Tally()
        self.rows.prepare(self.tally)
        append(self.log, *book)

    def worker(self, *share: int) -> TopicProjector:
        """A worker with some partitions (all, if none is named)."""
        applier = Applier(self.tally, self.faulty, self.rows, FixedClock())
        worker = TopicProjector(applier, self.faulty, batch_events=10)
        worker.take(share or range(PARTITIONS))
        return worker

    def assert_applied(self) -> None:
        """I4: the rows are what the log makes them, everywhere up to its head."""
        assert self.rows.parked() == []
        assert set(self.rows.positions("tally").values()) == {self.log.head()}
        assert self.rows.digest(self.tally) == digest_by_hand(self.log)


@pytest.fixture
def world() -> World:
    """A log with some clients' events, interleaved."""
    return World()


def test_i4_partitions_are_applied_by_whoever_has_them(world: World) -> None:
    """Each worker its own, in any order; nothing is read from the log beside states."""
    chains = relayed(world.log)
    world.faulty.on_follow = lambda events: pytest.fail("the topic has it all")
    one, other = world.worker(0, 2), world.worker(1)
    other.apply({1: chains[1]})
    one.apply({2: chains[2]})
    one.apply({0: chains[0]})
    world.assert_applied()


def test_what_came_of_several_partitions_is_one_transaction(world: World) -> None:
    """Twelve partitions with an event each would else be twelve."""
    world.worker().apply(dict(enumerate(relayed(world.log))))
    world.assert_applied()
    assert world.rows.prepare(world.tally).writes == 1


def test_large_events_are_not_all_applied_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the log is read: a transaction has so many bytes of them, and one event more."""
    monkeypatch.setattr("processors.topic_projector._BATCH_BYTES", 1)
    world.worker().apply(dict(enumerate(relayed(world.log))))
    world.assert_applied()
    assert world.rows.prepare(world.tally).writes >= len(BOOK)


def test_i3_a_gap_in_one_partition_among_several_is_read_from_the_log(world: World) -> None:
    """What was taken of the others is applied before, and not again after."""
    chains = relayed(world.log)
    del chains[1][3:9]
    world.worker().apply(dict(enumerate(chains)))
    world.assert_applied()


def test_repeats_are_passed_over(world: World) -> None:
    """As often as the topic has them, also after a restart."""
    chains = relayed(world.log)
    worker = world.worker()
    for partition, chain in enumerate(chains):
        worker.apply({partition: chain[:5]})
        worker.apply({partition: chain[2:] + chain[:4]})
    world.assert_applied()
    before = world.rows.prepare(world.tally)
    for partition, chain in enumerate(chains):
        world.worker().apply({partition: chain})
    assert world.rows.prepare(world.tally) == before


@pytest.mark.parametrize("lost", [slice(0, 1), slice(3, 9), slice(0, 15)])
def test_i3_what_the_topic_lost_is_read_from_the_log(world: World, lost: slice) -> None:
    """A gap shows in the next record, whatever made it."""
    worker = world.worker()
    for partition, chain in enumerate(relayed(world.log)):
        del chain[lost]
        worker.apply({partition: chain})
    world.assert_applied()


def test_a_worker_at_the_topics_end_catches_up_from_the_log(world: World) -> None:
    """Where no record comes any more, it is told how far the others are."""
    worker = world.worker(1)
    worker.catch_up(world.log.head())
    assert world.rows.positions("tally") == {0: 0, 1: world.log.head(), 2: 0}
    world.worker(0, 2).catch_up(world.log.head())
    world.assert_applied()


def test_records_that_are_not_the_logs_are_told_and_left_out(world: World) -> None:
    """Noise, and a record that leads beyond the log: neither stops or misleads anyone."""
    worker = world.worker()
    beyond = marker_record(0, 10_000, world.log.entries(0, 1)[0].recorded_at)
    backwards = marker_record(9, 3, world.log.entries(0, 1)[0].recorded_at)
    with capture_logs() as lines:
        for partition, chain in enumerate(relayed(world.log)):
            worker.apply({partition: [b"Gonzalez", *chain[:3], beyond, backwards, *chain[3:]]})
    assert worker.foreign_records == 3 * PARTITIONS
    assert {line["event"] for line in lines} == {"worker.foreign_record"}
    assert "Gonzalez" not in str(lines)
    world.assert_applied()


def test_a_worker_that_lost_a_partition_does_not_write_to_it(world: World) -> None:
    """A zombie: it was paused, another took over, and it comes back with what it had."""
    chains = relayed(world.log)
    zombie = world.worker()
    zombie.apply({0: chains[0][:2]})
    heir = world.worker(0)
    heir.apply({0: chains[0]})
    with pytest.raises(TakenOver):
        zombie.apply({0: chains[0][2:]})
    zombie.take([1, 2])
    zombie.apply({1: chains[1]})
    zombie.apply({2: chains[2]})
    world.assert_applied()


def test_poison_parks_its_client_in_its_partition_only(world: World) -> None:
    """Everyone else goes on, the others of its partition too; mended, it catches up."""
    append(world.log, ("C3", "poison"), ("C4", "x"), ("C3", "y"))
    world.tally.poison = {"poison"}
    world.worker().apply(dict(enumerate(relayed(world.log))))
    [parked] = world.rows.parked()
    assert parked.client_id == "C3"
    assert set(world.rows.positions("tally").values()) == {world.log.head()}
    world.tally.poison = set()
    mine = partition_of("C3", PARTITIONS)
    others = world.worker(*({0, 1, 2} - {mine}))
    assert not others.retry_due()
    assert world.worker(mine).retry_due()
    world.assert_applied()


def test_the_embedded_projector_goes_on_where_workers_stood(world: World) -> None:
    """Partitions may stand at different positions: what one has applied is not applied again."""
    chains = relayed(world.log)
    world.worker(0).apply({0: chains[0]})
    world.worker(2).apply({2: chains[2][:4]})
    projector = Projector(world.tally, world.log, world.rows, FixedClock(), batch_events=9)
    projector.start()
    catch_up(projector)
    world.assert_applied()


_HAPPENINGS = ("apply", "together", "repeat", "lose", "swap", "restart")
_record = st.tuples(st.integers(0, PARTITIONS - 1), st.integers(0, 80))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([f"C{n}" for n in range(7)]), st.text("x", max_size=3)),
             min_size=1, max_size=60),
    st.integers(1, 20),
    st.lists(st.tuples(st.sampled_from(_HAPPENINGS), _record), max_size=40),
)  # fmt: skip
def test_i3_i4_rows_equal_a_replay_whatever_happens_to_the_topic(
    book: list[tuple[str, str]], batch: int, happenings: list[tuple[str, tuple[int, int]]]
) -> None:
    """Records repeated, lost and swapped, workers restarted: then one last marker comes."""
    world = World(book)
    chains = relayed(world.log, batch=batch)
    worker, sent = world.worker(), [0] * PARTITIONS
    for what, (partition, number) in happenings:
        chain, at = chains[partition], sent[partition]
        if what == "restart":
            worker = world.worker()
        elif what == "repeat":
            worker.apply({partition: chain[number % len(chain) :][:5]})
        elif what == "swap":
            worker.apply({partition: reversed(chain[at : at + 4])})
        elif what == "apply":
            worker.apply({partition: chain[at : at + 1 + number % 5]})
        elif what == "together":
            worker.apply({each: chains[each][sent[each] :] for each in (partition, 0, 1, 2)})
            sent = [len(each) for each in chains]
            continue
        sent[partition] = min(at + 1 + number % 5, len(chain))
    append(world.log, ("C1", "last"))
    for partition, chain in enumerate(relayed(world.log, after=len(book))):
        worker.apply({partition: chain})
    world.assert_applied()
