"""Proofs as the doors give them: made of what is stored, and checked before they are given."""

from __future__ import annotations

import msgspec

from processors.merkle import TreeReader
from processors.proof_ports import Checkpoint, ProofStore, ProvableLog
from processors.proving import is_as_proven
from schemas.notes import TlogProof, proof_text


class NotProven(Exception):
    """No checkpoint that is kept covers what was asked for. Its text is a sentence."""


class EventAltered(NotProven):
    """The event that is stored is not the one of which there is a proof."""


class ConsistencyProof(msgspec.Struct, frozen=True):
    """Proves that the larger tree begins with the smaller one (RFC 9162, section 2.1.4)."""

    from_size: int
    from_root: bytes
    to_size: int
    to_root: bytes
    hashes: list[bytes]


def checkpoint_of(store: ProofStore, size: int | None) -> Checkpoint:
    """The checkpoint of a size, or the newest. Raises ``NotProven``."""
    newest = store.newest()
    if newest is None:
        raise NotProven("Nothing is proven yet: there is no checkpoint.")
    if size is None:
        return newest
    if size > newest.size:
        raise NotProven(f"The newest checkpoint is of size {newest.size}, not of {size} yet.")
    found = store.checkpoint(size)
    if found is None:
        next_kept = store.checkpoints(size, 1)[0].size
        raise NotProven(
            f"No checkpoint of size {size} is kept; the next larger one is of size {next_kept}."
        )
    return found


def inclusion_of(store: ProofStore, position: int, size: int | None) -> str:
    """The tlog-proof of the event at a position, in the tree of a checkpoint.

    Raises ``NotProven``, and ``TreeDamaged`` if what is stored proves nothing.
    """
    checkpoint = checkpoint_of(store, size)
    if position > checkpoint.size:
        raise NotProven(
            f"Position {position} is not proven by the checkpoint of size {checkpoint.size}."
        )
    hashes = TreeReader(store).checked_inclusion(position, checkpoint.size, checkpoint.root)
    return proof_text(TlogProof(position - 1, hashes, checkpoint.note))


def proof_of_event(log: ProvableLog, store: ProofStore, position: int, size: int | None) -> str:
    """``inclusion_of``, which raises ``EventAltered`` unless the event is stored as proven."""
    proof = inclusion_of(store, position, size)
    if not is_as_proven(log, store, position):
        raise EventAltered(f"The event at position {position} is not the one that was proven.")
    return proof


def consistency_of(store: ProofStore, from_size: int, to_size: int | None) -> ConsistencyProof:
    """Proves that the tree was only added to between two sizes. Raises ``NotProven``."""
    newest = checkpoint_of(store, None)
    to_size = newest.size if to_size is None else to_size
    if to_size > newest.size:
        raise NotProven(f"The newest checkpoint is of size {newest.size}, not of {to_size} yet.")
    if from_size > to_size:
        raise NotProven(f"A tree of {to_size} events does not begin with {from_size} events.")
    tree = TreeReader(store)
    hashes = tree.consistency(from_size, to_size)
    return ConsistencyProof(from_size, tree.root(from_size), to_size, tree.root(to_size), hashes)
