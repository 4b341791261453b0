"""The tree of hashes: what RFC 9162 says, checked against an independent implementation."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from processors.merkle import (
    EMPTY_ROOT,
    GrowingTree,
    NotInTree,
    TreeDamaged,
    TreeReader,
    consistency_holds,
    consistency_proof,
    inclusion_holds,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
)
from processors.proof_ports import Tile
from tests.processors.trees import (
    TilesForTests,
    entry,
    grown,
    independent,
    plain_consistency,
    plain_root,
)

_LARGE = 70_000
_SIZES = st.integers(1, 600)


@pytest.fixture(scope="module")
def theirs() -> InmemoryTree:
    """The independent tree of 600 entries, which answers for every smaller one."""
    return independent(600)


@pytest.fixture(scope="module")
def ours() -> TilesForTests:
    """Our tiles of the same."""
    return grown(600, batch=7)


def test_hashes_are_those_of_the_rfc() -> None:
    """Leaves and nodes have a prefix of their own, and nothing hashes to the empty tree's root."""
    assert leaf_hash(b"") == hashlib.sha256(b"\x00").digest()
    assert leaf_hash(b"").hex().startswith("6e340b9cffb37a98")  # of RFC 6962's test vectors
    assert (
        node_hash(b"l" * 32, b"r" * 32) == hashlib.sha256(b"\x01" + b"l" * 32 + b"r" * 32).digest()
    )
    assert EMPTY_ROOT.hex().startswith("e3b0c44298fc1c14")
    assert GrowingTree().root() == EMPTY_ROOT == root_of(TilesForTests(), 0)


@settings(deadline=None)
@given(size=_SIZES)
def test_roots_are_those_of_an_independent_tree(
    ours: TilesForTests, theirs: InmemoryTree, size: int
) -> None:
    """At every size the tree has had, from the tiles of a larger one."""
    assert root_of(ours, size) == theirs.get_root(size)
    assert GrowingTree.load(ours, size).root() == theirs.get_root(size)


@settings(deadline=None)
@given(size=_SIZES, data=st.data())
def test_inclusion_proofs_are_those_of_an_independent_tree(
    ours: TilesForTests, theirs: InmemoryTree, size: int, data: st.DataObject
) -> None:
    """Hash by hash; and they hold for this leaf, position, size and root, and for no other."""
    position = data.draw(st.integers(1, size))
    proof = inclusion_proof(ours, position, size)
    # Theirs begins with the leaf itself.
    assert [leaf_hash(entry(position - 1)), *proof] == theirs.prove_inclusion(position, size).path
    leaf, root = leaf_hash(entry(position - 1)), root_of(ours, size)
    assert inclusion_holds(leaf, position, size, proof, root)
    assert not inclusion_holds(leaf_hash(b"other"), position, size, proof, root)
    assert not inclusion_holds(leaf, position, size, proof, leaf_hash(b"other"))
    assert not inclusion_holds(leaf, position, size, [*proof, root], root)
    assert not proof or not inclusion_holds(leaf, position, size, proof[:-1], root)
    other = data.draw(st.integers(-1, 2 * size))
    assert other == position or not inclusion_holds(leaf, other, size, proof, root)


@settings(deadline=None)
@given(sizes=st.tuples(_SIZES, _SIZES), data=st.data())
def test_consistency_proofs_are_those_of_the_rfc(
    ours: TilesForTests, theirs: InmemoryTree, sizes: tuple[int, int], data: st.DataObject
) -> None:
    """Hash by hash; and they hold between an independent tree's roots, untouched only."""
    smaller, larger = sorted(sizes)
    proof = consistency_proof(ours, smaller, larger)
    roots = theirs.get_root(smaller), theirs.get_root(larger)
    assert proof == plain_consistency(smaller, [leaf_hash(entry(n)) for n in range(larger)])
    assert consistency_holds(smaller, roots[0], larger, roots[1], proof)
    assert not consistency_holds(smaller, leaf_hash(b"other"), larger, roots[1], proof)
    assert not consistency_holds(smaller, roots[0], larger, leaf_hash(b"other"), proof)
    assert not consistency_holds(smaller, roots[0], larger, roots[1], [*proof, roots[0]])
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:place], leaf_hash(b"other"), *proof[place + 1 :]]
        assert not consistency_holds(smaller, roots[0], larger, roots[1], changed)
        assert not consistency_holds(smaller, roots[0], larger, roots[1], proof[:-1])


def test_every_tree_goes_on_from_the_empty_one() -> None:
    """Which needs no proof, and admits none."""
    tiles = grown(5)
    root = root_of(tiles, 5)
    assert consistency_proof(tiles, 0, 5) == consistency_proof(tiles, 5, 5) == []
    assert consistency_holds(0, EMPTY_ROOT, 5, root, [])
    assert not consistency_holds(0, root, 5, root, [])
    assert not consistency_holds(0, EMPTY_ROOT, 5, root, [root])
    assert not consistency_holds(5, root, 0, EMPTY_ROOT, [])


def test_what_is_not_in_the_tree_has_no_proof() -> None:
    """The refusal says so in a sentence."""
    tiles = grown(5)
    for position in (-1, 0, 6):
        with pytest.raises(NotInTree, match=f"Position {position} is not in a tree of 5 events"):
            inclusion_proof(tiles, position, 5)
    with pytest.raises(NotInTree, match="does not begin"):
        consistency_proof(tiles, 6, 5)


@settings(max_examples=25, deadline=None)
@given(
    batches=st.lists(st.integers(1, 300), min_size=1, max_size=6),
    reload=st.booleans(),
)
def test_tiles_are_the_same_however_the_tree_grew(batches: list[int], reload: bool) -> None:
    """In any batches, and also where each is added by who has only the tiles."""
    tiles, tree = TilesForTests(), GrowingTree()
    hashes = [leaf_hash(entry(number)) for number in range(sum(batches))]
    for batch in batches:
        if reload:
            tree = GrowingTree.load(tiles, tree.size)
        tiles.keep(tree.append(hashes[tree.size : tree.size + batch]))
    assert tiles.by_place == grown(sum(batches)).by_place


def test_a_copy_grows_on_its_own() -> None:
    """So that a tree that could not be stored is forgotten."""
    tree = GrowingTree()
    tree.append([leaf_hash(entry(0))])
    copy = tree.copy()
    copy.append([leaf_hash(entry(1))])
    assert (tree.size, tree.root()) == (1, leaf_hash(entry(0)))
    assert (copy.size, copy.root()) == (2, node_hash(leaf_hash(entry(0)), leaf_hash(entry(1))))


def test_the_tiles_of_70000_leaves_are_those_of_the_specification() -> None:
    """C2SP tlog-tiles' own example: 273 full tiles and one of 112; 1 and one of 17; one of 1."""
    tiles = grown(_LARGE)
    widths = {place: len(tile.hashes) // 32 for place, tile in tiles.by_place.items()}
    assert [widths[0, index] for index in range(274)] == [256] * 273 + [112]
    assert {place: width for place, width in widths.items() if place[0]} == {
        (1, 0): 256,
        (1, 1): 17,
        (2, 0): 1,
    }
    leaves = [leaf_hash(entry(number)) for number in range(_LARGE)]
    assert root_of(tiles, _LARGE) == plain_root(leaves)
    assert {len(tile.hashes) for tile in grown(256).by_place.values()} == {256 * 32, 32}


def test_proofs_of_a_large_tree_read_few_tiles() -> None:
    """A reader remembers them: all proofs of neighbours cost hardly more reads than one."""
    tiles = grown(_LARGE)
    reader, tiles.reads = TreeReader(tiles), 0
    for position in range(1, 257):
        proof = reader.inclusion(position, _LARGE)
        assert inclusion_holds(
            leaf_hash(entry(position - 1)), position, _LARGE, proof, reader.root(_LARGE)
        )
    assert tiles.reads <= 6
    for smaller in (1, 255, 256, 257, 65_535, 65_536, 65_537, 69_999):
        proof = reader.consistency(smaller, _LARGE)
        assert consistency_holds(smaller, reader.root(smaller), _LARGE, reader.root(_LARGE), proof)


def test_a_missing_tile_is_told() -> None:
    """No root and no proof is made up, and no tree is gone on with."""
    tiles = grown(600)
    last = tiles.by_place[0, 2]
    tiles.by_place[0, 2] = Tile(0, 2, last.hashes[:-32])
    for missing in (root_of, GrowingTree.load):
        with pytest.raises(TreeDamaged, match="tile 2 of level 0"):
            missing(tiles, 600)
    del tiles.by_place[0, 0]
    with pytest.raises(TreeDamaged, match="tile 0 of level 0"):
        inclusion_proof(tiles, 1, 512)
