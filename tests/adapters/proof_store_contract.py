"""What every store of proofs must do. The test classes of each one inherit this suite."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from processors.merkle import GrowingTree, leaf_hash, root_of
from processors.proof_ports import Checkpoint, ProofStore, Tile

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def hashes(first: int, last: int) -> list[bytes]:
    """Leaf hashes of positions."""
    return [leaf_hash(b"%d" % number) for number in range(first, last + 1)]


def grow(store: ProofStore, tree: GrowingTree, to: int, at: datetime = NOON) -> Checkpoint:
    """Extend the stored tree, of which ``tree`` is the edge."""
    before = tree.size
    tiles = tree.append(hashes(before + 1, to))
    checkpoint = Checkpoint(to, tree.root(), f"note {to}", at)
    assert store.extend(before, tiles, checkpoint)
    return checkpoint


class ProofStoreContract:
    """Inherit, and provide ``store`` as a fixture."""

    @pytest.fixture
    def store(self) -> ProofStore:
        """A store without a tree."""
        raise NotImplementedError

    def test_there_is_nothing_before_the_first_checkpoint(self, store: ProofStore) -> None:
        """Neither a checkpoint nor leaves nor tiles."""
        assert store.newest() is None
        assert store.checkpoint(1) is None
        assert list(store.checkpoints()) == list(store.leaves(1, 9)) == []
        assert list(store.tiles(0, 0, 9)) == []

    def test_what_was_stored_is_read(self, store: ProofStore) -> None:
        """Checkpoints by size and in order, leaves by position, tiles by place."""
        tree = GrowingTree()
        made = [grow(store, tree, size) for size in (1, 300, 700)]
        assert store.newest() == made[-1]
        assert list(store.checkpoints()) == made
        assert list(store.checkpoints(after_size=1, limit=1)) == made[1:2]
        assert store.checkpoint(300) == made[1]
        assert store.checkpoint(301) is None
        assert list(store.leaves(250, 520)) == hashes(250, 520)
        assert list(store.leaves(699, 705)) == hashes(699, 700)
        assert list(store.leaves(0, 5)) == list(store.leaves(5, 4)) == []
        widths = [(t.level, t.index, len(t.hashes) // 32) for t in store.tiles(0, 0, 9)]
        assert widths == [(0, 0, 256), (0, 1, 256), (0, 2, 188)]
        assert [root_of(store, each.size) for each in made] == [each.root for each in made]

    def test_who_does_not_know_the_newest_stores_nothing(self, store: ProofStore) -> None:
        """Another prover was quicker."""
        tree = GrowingTree()
        grow(store, tree, 5)
        late = Checkpoint(6, b"\x00" * 32, "late", NOON)
        assert not store.extend(4, [Tile(0, 0, b"\x00" * 32)], late)
        assert not store.extend(0, [Tile(0, 0, b"\x00" * 32)], late)
        assert store.checkpoint(6) is None
        assert list(store.leaves(1, 9)) == hashes(1, 5)

    def test_of_many_who_extend_at_once_one_does(self, store: ProofStore) -> None:
        """However they race, there is one tree."""
        together, won = threading.Barrier(6), []

        def extend(size: int) -> None:
            tree = GrowingTree()
            tiles = tree.append(hashes(1, size))
            together.wait()
            if store.extend(0, tiles, Checkpoint(size, tree.root(), "note", NOON)):
                won.append(size)

        threads = [threading.Thread(target=extend, args=(n,)) for n in range(1, 7)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        [size] = won
        newest = store.newest()
        assert newest is not None
        assert (newest.size, newest.root) == (size, root_of(store, size))

    def test_old_checkpoints_are_thinned(self, store: ProofStore) -> None:
        """Of each hour the largest stays, of the last day all; and the newest always."""
        tree, now = GrowingTree(), datetime.now(UTC)
        times = [NOON + timedelta(minutes=20 * n) for n in range(5)]  # 12:00, 20, 40, 13:00, 20
        for size, at in enumerate([*times, now, now], start=1):
            grow(store, tree, size, at)
        assert store.thin(NOON + timedelta(minutes=30)) == 2  # those of 12:00 and 12:20
        assert store.thin(now + timedelta(hours=2)) == 1  # that of 13:00
        assert [each.size for each in store.checkpoints()] == [3, 5, 6, 7]
        assert store.thin(now) == 0
