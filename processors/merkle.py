"""The tree of hashes over the log: RFC 9162's Merkle tree, kept in the tiles of C2SP tlog-tiles.

Positions count from 1, as the log's do; the index of a leaf is its position less one. Roots and
proofs are computed from tiles alone, so they need no event; each takes some dozens of hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from processors.proof_ports import Tile

HASH_BYTES = 32
TILE_WIDTH = 256
_TILE_HEIGHT = 8
_TILES_REMEMBERED = 1_000

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""


class TreeDamaged(Exception):
    """A tile that the tree must have is missing or too short. Its text says which."""


class NotInTree(ValueError):
    """There is no such position or size in the tree. Its text is a sentence."""


class Tiles(Protocol):
    """Whatever has the tree's tiles; a ``ProofStore`` does."""

    def tiles(self, level: int, first_index: int, last_index: int) -> Sequence[Tile]:
        """The tiles of a level, in order."""
        ...


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf. Its prefix keeps a leaf from passing for a node."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


# ── Growing ────────────────────────────────────────────────────────────────────────────────────


class GrowingTree:
    """A tree's right edge: all that is needed to add leaves and to know the root."""

    def __init__(self) -> None:
        self.size = 0
        self._levels: list[list[bytes]] = []
        """Of each level: the hashes of its last tile, if that is not full."""

    @classmethod
    def load(cls, tiles: Tiles, size: int) -> GrowingTree:
        """The edge of the stored tree of this size. Raises ``TreeDamaged``."""
        tree = cls()
        tree.size = size
        level = 0
        while count := size >> _TILE_HEIGHT * level:
            index, width = divmod(count, TILE_WIDTH)
            hashes = _tile(tiles, level, index, width) if width else b""
            tree._levels.append(split(hashes))
            level += 1
        return tree

    def copy(self) -> GrowingTree:
        """The same, to grow on its own."""
        tree = GrowingTree()
        tree.size = self.size
        tree._levels = [list(hashes) for hashes in self._levels]
        return tree

    def append(self, leaf_hashes: Iterable[bytes]) -> Sequence[Tile]:
        """Add leaves; returns every tile that is new or has more hashes now."""
        filled: list[Tile] = []
        touched = 0
        for leaf in leaf_hashes:
            touched = max(touched, self._push(leaf, filled))
            self.size += 1
        partial = [
            Tile(level, self._count(level) // TILE_WIDTH, b"".join(hashes))
            for level, hashes in enumerate(self._levels[:touched])
            if hashes
        ]
        return filled + partial

    def root(self) -> bytes:
        """The root of the whole tree."""
        peaks = [
            peak
            for level in reversed(self._levels)
            for first, width in _perfect(0, len(level))
            for peak in (_root_of_perfect(level[first : first + width]),)
        ]
        if not peaks:
            return EMPTY_ROOT
        root = peaks.pop()
        while peaks:
            root = node_hash(peaks.pop(), root)
        return root

    def _push(self, leaf: bytes, filled: list[Tile]) -> int:
        """Add a leaf, and full tiles to ``filled``; returns how many levels it has changed."""
        rising, level = leaf, 0
        while True:
            if level == len(self._levels):
                self._levels.append([])
            hashes = self._levels[level]
            hashes.append(rising)
            if len(hashes) < TILE_WIDTH:
                return level + 1
            index = self.size >> _TILE_HEIGHT * (level + 1)
            filled.append(Tile(level, index, b"".join(hashes)))
            rising = _root_of_perfect(hashes)
            hashes.clear()
            level += 1

    def _count(self, level: int) -> int:
        return self.size >> _TILE_HEIGHT * level


def split(hashes: bytes) -> list[bytes]:
    """Joined hashes, one by one."""
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]


def _root_of_perfect(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [node_hash(left, right) for left, right in pairs]
    return hashes[0]


def _perfect(first: int, count: int) -> Iterator[tuple[int, int]]:
    """The largest powers of two that make up ``count``, from the left: where, how many."""
    while count:
        width = 1 << count.bit_length() - 1
        yield first, width
        first, count = first + width, count - width


def _tile(tiles: Tiles, level: int, index: int, width: int) -> bytes:
    """The first ``width`` hashes of a tile. Raises ``TreeDamaged``."""
    found = tiles.tiles(level, index, index)
    if not found or len(found[0].hashes) < width * HASH_BYTES:
        raise TreeDamaged(f"tile {index} of level {level} lacks hashes")
    return found[0].hashes[: width * HASH_BYTES]


# ── Proofs ─────────────────────────────────────────────────────────────────────────────────────


class TreeReader:
    """Roots and proofs of a stored tree; remembers tiles, so that many proofs cost few reads.

    Every method raises ``TreeDamaged`` where tiles are missing.
    """

    def __init__(self, tiles: Tiles) -> None:
        self._tiles = tiles
        self._remembered: dict[tuple[int, int], bytes] = {}

    def root(self, size: int) -> bytes:
        """The root that the tree had at this size."""
        return self._root(0, size) if size else EMPTY_ROOT

    def inclusion(self, position: int, size: int) -> list[bytes]:
        """Proves that the event at a position is in the tree of this size."""
        if not 1 <= position <= size:
            raise NotInTree(f"Position {position} is not in a tree of {size} events.")
        index, first, end = position - 1, 0, size
        path: list[bytes] = []
        while end - first > 1:
            middle = first + _split(end - first)
            if index < middle:
                path.append(self._root(middle, end))
                end = middle
            else:
                path.append(self._root(first, middle))
                first = middle
        return path[::-1]

    def checked_inclusion(self, position: int, size: int, root: bytes) -> list[bytes]:
        """``inclusion``, once it is seen to lead from the stored leaf to a checkpoint's root.

        Raises ``TreeDamaged`` if it does not.
        """
        path = self.inclusion(position, size)
        leaf = self._root(position - 1, position)
        if not inclusion_holds(leaf, position, size, path, root):
            raise TreeDamaged("it does not lead to the checkpoint")
        return path

    def consistency(self, from_size: int, to_size: int) -> list[bytes]:
        """Proves that the tree of ``to_size`` begins with the one of ``from_size``."""
        if not 0 <= from_size <= to_size:
            raise NotInTree(f"A tree of {to_size} events does not begin with {from_size} events.")
        if from_size in (0, to_size):
            return []
        first, end = 0, to_size
        path: list[bytes] = []
        while end != from_size:
            middle = first + _split(end - first)
            if from_size <= middle:
                path.append(self._root(middle, end))
                end = middle
            else:
                path.append(self._root(first, middle))
                first = middle
        if first:  # else the verifier knows it: it is the whole tree of from_size
            path.append(self._root(first, end))
        return path[::-1]

    def _root(self, first: int, end: int) -> bytes:
        """The root over leaves, where ``first`` is as RFC 9162 divides a tree."""
        parts = [self._perfect_root(at, width) for at, width in _perfect(first, end - first)]
        root = parts.pop()
        while parts:
            root = node_hash(parts.pop(), root)
        return root

    def _perfect_root(self, first: int, width: int) -> bytes:
        """The root over a power of two of leaves, from the level that has the fewest hashes."""
        level, height = divmod(width.bit_length() - 1, _TILE_HEIGHT)
        index, start = divmod(first >> _TILE_HEIGHT * level, TILE_WIDTH)
        end = (start + (1 << height)) * HASH_BYTES
        hashes = self._remembered.get((level, index), b"")
        if len(hashes) < end:
            found = self._tiles.tiles(level, index, index)
            hashes = found[0].hashes if found else b""
            if len(hashes) < end:
                raise TreeDamaged(f"tile {index} of level {level} lacks hashes")
            if len(self._remembered) >= _TILES_REMEMBERED:
                self._remembered.clear()
            self._remembered[level, index] = hashes
        return _root_of_perfect(split(hashes[start * HASH_BYTES : end]))


def _split(count: int) -> int:
    """The largest power of two that is smaller than ``count``: so a tree is divided."""
    return 1 << (count - 1).bit_length() - 1


def root_of(store: Tiles, size: int) -> bytes:
    """The root that the stored tree had at a size."""
    return TreeReader(store).root(size)


def inclusion_proof(store: Tiles, position: int, size: int) -> list[bytes]:
    """Proves that the event at a position is in the stored tree of this size."""
    return TreeReader(store).inclusion(position, size)


def consistency_proof(store: Tiles, from_size: int, to_size: int) -> list[bytes]:
    """Proves that the stored tree of ``to_size`` begins with the one of ``from_size``."""
    return TreeReader(store).consistency(from_size, to_size)


# ── Verifying ──────────────────────────────────────────────────────────────────────────────────


def inclusion_holds(
    leaf: bytes, position: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether a proof shows that this leaf hash is at a position of the tree with this root.

    As RFC 9162, section 2.1.3.2.
    """
    if not 1 <= position <= size:
        return False
    index, last, reached = position - 1, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if index & 1 or index == last:
            reached = node_hash(sibling, reached)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            reached = node_hash(reached, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and reached == root


def consistency_holds(
    from_size: int, from_root: bytes, to_size: int, to_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether a proof shows that the larger tree begins with the smaller one.

    As RFC 9162, section 2.1.4.2.
    """
    if not 0 <= from_size <= to_size:
        return False
    if from_size == to_size:
        return not proof and from_root == to_root
    if from_size == 0:
        return not proof and from_root == EMPTY_ROOT
    path = list(proof) if from_size & (from_size - 1) else [from_root, *proof]
    if not path:
        return False
    index, last = from_size - 1, to_size - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    smaller = larger = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if index & 1 or index == last:
            smaller, larger = node_hash(sibling, smaller), node_hash(sibling, larger)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            larger = node_hash(larger, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and smaller == from_root and larger == to_root
