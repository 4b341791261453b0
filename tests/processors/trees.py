"""What tests of the tree share: tiles in memory, and an independent tree to compare with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pymerkle import InmemoryTree

from processors.merkle import GrowingTree, leaf_hash
from processors.proof_ports import Tile


class TilesForTests:
    """Tiles, and how many reads of them there were."""

    def __init__(self) -> None:
        self.by_place: dict[tuple[int, int], Tile] = {}
        self.reads = 0

    def keep(self, tiles: Sequence[Tile]) -> None:
        """Put tiles in the place of what they grew from."""
        for tile in tiles:
            self.by_place[tile.level, tile.index] = tile

    def tiles(self, level: int, first_index: int, last_index: int) -> Sequence[Tile]:
        """As a store does."""
        self.reads += 1
        places = ((level, index) for index in range(first_index, last_index + 1))
        return [self.by_place[place] for place in places if place in self.by_place]


def entry(number: int) -> bytes:
    """The data of a leaf."""
    return b"entry %d" % number


def grown(size: int, batch: int = 1_000) -> TilesForTests:
    """The tiles of a tree of so many leaves, added in batches."""
    tiles, tree = TilesForTests(), GrowingTree()
    hashes = [leaf_hash(entry(number)) for number in range(size)]
    for first in range(0, size, batch):
        tiles.keep(tree.append(hashes[first : first + batch]))
    return tiles


def independent(size: int) -> InmemoryTree:
    """The same tree by a library that shares nothing with ours."""
    tree = InmemoryTree(algorithm="sha256")
    for number in range(size):
        tree.append_entry(entry(number))
    return tree


# ── RFC 9162, section 2.1, word for word: slow, and hard to get wrong ──────────────────────────


def plain_root(leaves: Sequence[bytes]) -> bytes:
    """MTH of leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    k = _largest_power_of_two_below(len(leaves))
    return hashlib.sha256(b"\x01" + plain_root(leaves[:k]) + plain_root(leaves[k:])).digest()


def plain_consistency(m: int, leaves: Sequence[bytes], *, known: bool = True) -> list[bytes]:
    """SUBPROOF(m, D_n, b)."""
    if m == len(leaves):
        return [] if known else [plain_root(leaves)]
    k = _largest_power_of_two_below(len(leaves))
    if m <= k:
        return [*plain_consistency(m, leaves[:k], known=known), plain_root(leaves[k:])]
    return [*plain_consistency(m - k, leaves[k:], known=False), plain_root(leaves[:k])]


def _largest_power_of_two_below(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k
