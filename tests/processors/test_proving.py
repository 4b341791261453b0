"""The prover: follows the log, signs what it has seen, and refuses what was rewritten."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from processors import proving as proving_module
from processors.merkle import inclusion_holds, inclusion_proof, leaf_hash
from processors.ports import LogUnavailable
from processors.proof_ports import Remembered, Tile
from processors.proving import Prover, ProverRefuses, leaf_hashes, measure_proven, root_of_log
from schemas.envelope import LogEntry
from schemas.leaves import leaf_data
from schemas.notes import verify_checkpoint
from tests.adapters.event_log_contract import NOON, new, receipt
from tests.adapters.tally import append
from tests.processors.provers import ORIGIN, House, PublicationForTests
from tests.processors.test_projector import until
from tests.signers import SignerForTests


@pytest.fixture
def house() -> House:
    """A log with some clients' events, none of them proven."""
    return House()


@contextmanager
def running(prover: Prover) -> Iterator[None]:
    """A prover that runs in a thread of its own meanwhile."""
    stop = threading.Event()
    thread = threading.Thread(target=prover.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Provers don't pause."""
    for name in ("_IDLE_SECONDS", "_STANDBY_SECONDS", "_PAUSE_SECONDS"):
        monkeypatch.setattr(proving_module, name, 0.005)
    monkeypatch.setattr(proving_module, "_BACKOFF_SECONDS", (0.001, 0.01))


def sizes(house: House) -> list[int]:
    """Of the checkpoints that were made."""
    return [each.size for each in house.store.checkpoints()]


# ── What is proven ─────────────────────────────────────────────────────────────────────────────


def test_every_event_is_in_the_signed_tree(house: House) -> None:
    """Its leaf, at its position, under a root that our key signed."""
    house.prove()
    newest = house.store.newest()
    assert newest is not None
    head, _ = verify_checkpoint(newest.note, ORIGIN, house.keys.verifiers())
    assert (head.size, head.root) == (60, newest.root) == (60, root_of_log(house.log, 60))
    for position, leaf in enumerate(leaf_hashes(house.log, house.log.entries(0, 100)), start=1):
        proof = inclusion_proof(house.store, position, 60)
        assert inclusion_holds(leaf, position, 60, proof, newest.root)


def test_an_events_leaf_binds_its_receipt() -> None:
    """The stored answer is proven with the events it was for."""
    house = House(0)
    # All of these say that the transaction t1 caused them.
    house.log.append([new("A", 1)], [receipt("t1", event_index=1)], NOON, {})
    with_receipt = root_of_log(house.log, 1)
    other = House(0)
    other.log.append([new("A", 1)], [receipt("t1", 1, content=b"d")], NOON, {})
    without = House(0)
    without.log.append([new("A", 1)], [], NOON, {})
    [entry] = without.log.entries(0, 1)
    plain = leaf_data(1, 1, NOON, "A", entry.topic, "portal-1", "-", entry.state)
    assert root_of_log(without.log, 1) == leaf_hash(plain)
    assert len({with_receipt, root_of_log(other.log, 1), root_of_log(without.log, 1)}) == 3


def test_what_is_appended_later_is_proven_by_a_larger_tree(house: House) -> None:
    """In batches while there is much, and nothing is signed when there is nothing."""
    prover = house.prove(batch_events=25)
    assert sizes(house) == [25, 50, 60]
    append(house.log, ("C1", "y"))
    prover.step()
    assert not prover.step()
    assert sizes(house) == [25, 50, 60, 61]


def test_how_far_the_log_is_proven_is_measured_against_its_head(house: House) -> None:
    """In events, and in seconds since the oldest that is not proven; 0 when all are."""
    recorded = house.log.recorded_at(1)
    assert recorded is not None
    house.clock.instant = recorded
    assert measure_proven(house.log, house.store, house.clock).events_unproven == 60
    house.clock.instant = recorded.replace(year=recorded.year + 1)
    assert measure_proven(house.log, house.store, house.clock).seconds_unproven >= 365 * 86_400
    house.prove()
    proven = measure_proven(house.log, house.store, house.clock)
    assert (proven.size, proven.events_unproven, proven.seconds_unproven) == (60, 0, 0)


def test_both_keys_sign_while_one_takes_the_others_place(house: House) -> None:
    """From the next checkpoint on, without a new start."""
    prover = house.prove()
    old = house.keys.keys[0].verifier
    house.keys.keys.append(SignerForTests(ORIGIN))
    append(house.log, ("C1", "y"))
    prover.step()
    house.keys.keys.pop(0)
    append(house.log, ("C1", "y"))
    prover.step()
    signed_by_old = []
    for each in house.store.checkpoints():
        try:
            verify_checkpoint(each.note, ORIGIN, [old])
            signed_by_old.append(each.size)
        except ValueError:
            pass
    assert signed_by_old == [60, 61]


# ── Several provers, and faults ────────────────────────────────────────────────────────────────


def test_two_provers_never_fork(house: House) -> None:
    """The slower one goes on from what the quicker one stored."""
    one, two = house.prove(), house.prove()
    for prover, other in ((one, two), (two, one), (one, two)):
        append(house.log, ("C1", "y"))
        prover.step()
        other.step()
        assert (one.size, two.size) == (house.log.head(),) * 2
    newest = house.store.newest()
    assert newest is not None
    assert newest.root == root_of_log(house.log, house.log.head())


def test_provers_that_run_at_once_make_one_tree(house: House, hurried: None) -> None:
    """However they race with each other and with the append."""
    with running(house.prover()), running(house.prover()), running(house.prover()):
        for _ in range(40):
            append(house.log, ("C1", "y"), ("C2", "y"))
        until(lambda: house.keys.newest is not None and house.keys.newest.size == 140)
    newest = house.store.newest()
    assert newest is not None
    assert newest.root == root_of_log(house.log, 140)


@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_cut_connection_is_survived(house: House, hurried: None, fault: str) -> None:
    """Whether or not the commit took effect: what was signed is gone on from."""
    house.store.plan = [fault, "", fault]
    with running(house.prover()):
        until(lambda: house.store.newest() is not None)
        append(house.log, ("C1", "y"))
        until(lambda: sizes(house)[-1:] == [61])
        append(house.log, ("C1", "z"))
        until(lambda: house.keys.newest is not None and house.keys.newest.size == 62)


def test_a_log_that_is_away_is_waited_for(
    house: House, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And proven when it is back; that is no refusal."""
    prover = house.prover()
    away = threading.Event()
    entries = house.log.entries

    def perhaps(after: int, limit: int) -> Sequence[LogEntry]:
        if not away.is_set():
            away.set()
            raise LogUnavailable("ConnectionCut")
        return entries(after, limit)

    monkeypatch.setattr(house.log, "entries", perhaps)
    with capture_logs() as logged, running(prover):
        until(lambda: prover.size == 60)
    assert [line["event"] for line in logged][:2] == ["prover.started", "prover.interrupted"]
    assert not prover.refuses


# ── A database that was restored or rewritten ──────────────────────────────────────────────────


def _restored(house: House) -> None:
    house.restore(40)


def _emptied(house: House) -> None:
    house.restore(0)


def _restored_and_grown(house: House) -> None:
    house.restore(40)
    append(house.log, *[("C1", "other")] * 40)
    remembered, house.keys.newest = house.keys.newest, None
    house.prove()
    house.keys.newest = remembered


def _rewritten(house: House) -> None:
    house.restore(0)
    append(house.log, *[("C1", "other")] * 60)
    remembered, house.keys.newest = house.keys.newest, None
    house.prove()
    house.keys.newest = remembered


def _another_tile(house: House) -> None:
    [tile] = house.store.tiles(0, 0, 0)
    house.store._tiles[0, 0] = Tile(0, 0, tile.hashes[32:] + tile.hashes[:32])


def _no_tile(house: House) -> None:
    house.store._tiles.clear()


def _fewer_events(house: House) -> None:
    del house.log._entries[50:]


def _gap(house: House) -> None:
    append(house.log, *[("C1", "y")] * 3)
    del house.log._entries[61]


def _signed_by_a_stranger(house: House) -> None:
    mine, house.keys.keys = house.keys.keys, [SignerForTests(ORIGIN)]
    append(house.log, ("C1", "y"))
    remembered, house.keys.newest = house.keys.newest, None
    house.store._checkpoints.clear()
    house.store._tiles.clear()
    house.prove()
    house.keys.keys, house.keys.newest = mine, remembered


_ALTERED: dict[str, tuple[Callable[[House], None], str]] = {
    "restored": (_restored, "TreeSmaller"),
    "emptied": (_emptied, "TreeSmaller"),
    "restored and grown": (_restored_and_grown, "TreeDifferent"),
    "rewritten": (_rewritten, "TreeDifferent"),
    "another tile": (_another_tile, "TreeDifferent"),
    "no tile": (_no_tile, "TilesMissing"),
    "fewer events": (_fewer_events, "LogSmaller"),
    "a gap": (_gap, "EventsMissing"),
    "signed by a stranger": (_signed_by_a_stranger, "SignedByOthers"),
}


@pytest.mark.parametrize(("alter", "told"), _ALTERED.values(), ids=_ALTERED)
def test_an_altered_database_is_noticed_at_the_start(
    house: House, alter: Callable[[House], None], told: str
) -> None:
    """Nothing is signed."""
    house.prove()
    alter(house)
    before = sizes(house)
    with pytest.raises(ProverRefuses, match=told):
        house.prove()
    assert sizes(house) == before


def test_a_database_that_is_restored_meanwhile_is_noticed(house: House) -> None:
    """By a prover that has been at work all the time, before it signs again."""
    prover = house.prove()
    checkpoint = house.store.newest()
    assert checkpoint is not None
    append(house.log, ("C1", "y"))
    prover.step()
    del house.store._checkpoints[61], house.log._entries[60:]
    append(house.log, ("C2", "another"))
    with pytest.raises(ProverRefuses, match="TreeSmaller"):
        prover.step()
    assert sizes(house) == [60]


def test_a_log_that_was_cut_off_and_grew_again_is_noticed(house: House) -> None:
    """By a prover at work and by one that begins: the last event they proved is another now."""
    prover = house.prove()
    del house.log._entries[58:]
    with pytest.raises(ProverRefuses, match="LogSmaller"):
        prover.step()
    for events in (2, 1):  # as long as it was, then longer
        append(house.log, *[("C9", "another")] * events)
        with pytest.raises(ProverRefuses, match="EventsDifferent"):
            house.prover().start()
    with pytest.raises(ProverRefuses, match="EventsDifferent"):
        prover.step()
    assert sizes(house) == [60]


def test_a_refusal_is_told_once_and_ends_when_its_cause_does(house: House, hurried: None) -> None:
    """As an error, and in the metrics as long as it lasts."""
    house.prove()
    house.keys.newest = Remembered(99, bytes(32))
    prover = house.prover()
    with capture_logs() as logged, running(prover):
        until(lambda: prover.refuses)
        house.keys.newest = None
        until(lambda: not prover.refuses and prover.size == 60)
    [refused] = [line for line in logged if line["event"] == "prover.refused"]
    assert (refused["log_level"], refused["error"]) == ("error", "TreeSmaller")


# ── Publishing ─────────────────────────────────────────────────────────────────────────────────


def test_the_newest_checkpoint_is_published_by_schedule(house: House) -> None:
    """New ones only, and only when the time has come."""
    soon, later = PublicationForTests(), PublicationForTests()
    for publication, seconds in ((soon, 0.0), (later, 3600.0)):
        prover = house.prove(publication=publication, publish_seconds=seconds)
        prover.publish()
        prover.publish()
        append(house.log, ("C1", "y"))
        prover.step()
        prover.publish()
    assert (soon.sizes, later.sizes) == ([60, 61], [61])


def test_a_folder_that_is_full_stops_nothing(house: House) -> None:
    """It is told, and tried again."""
    publication = PublicationForTests(failures=1)
    prover = house.prove(publication=publication, publish_seconds=0.0)
    with capture_logs() as logged:
        prover.publish()
    assert [line["event"] for line in logged] == ["checkpoint.not_published"]
    prover.publish()
    assert publication.sizes == [60]
