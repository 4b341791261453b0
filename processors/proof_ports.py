"""What making and checking proofs needs from outside, as the outbound adapters provide it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from processors.ports import EventLog
from schemas.notes import Signer, VerifierKey


class StoredReceipt(msgspec.Struct, frozen=True):
    """A receipt with all that is stored of it."""

    transaction_id: str
    sender: str
    key: str
    client_id: str
    content_hash: bytes
    body: bytes
    recorded_at: datetime


class ReceiptReads(Protocol):
    """Receipts as they are stored: for who proves or exports them."""

    def stored_receipts(self, transaction_ids: Collection[str]) -> Mapping[str, StoredReceipt]:
        """Those of the transactions that have one, by transaction id."""
        ...


class ProvableLog(EventLog, ReceiptReads, Protocol):
    """A log whose events can be proven together with their receipts."""


class Checkpoint(msgspec.Struct, frozen=True):
    """A signed statement of what the tree of all events was at a size."""

    size: int
    """So many events, from the first position on, are in the tree."""
    root: bytes
    note: str
    """The C2SP checkpoint as it was signed."""
    made_at: datetime


class Tile(msgspec.Struct, frozen=True):
    """Consecutive hashes of one level of the tree, as C2SP tlog-tiles lays them out.

    Those of level 0 are leaf hashes, each of another level is the root of a full tile below.
    """

    level: int
    index: int
    hashes: bytes
    """From 1 to 256 of them, 32 bytes each."""


class ProofStore(Protocol):
    """The tree of hashes over the log, and its signed checkpoints.

    Every method may raise ``RowsUnavailable``.
    """

    def newest(self) -> Checkpoint | None:
        """The checkpoint of the largest tree; None before the first."""
        ...

    def checkpoints(self, after_size: int = 0, limit: int = 1000) -> Sequence[Checkpoint]:
        """Checkpoints of larger trees than ``after_size``, smallest first."""
        ...

    def checkpoint(self, size: int) -> Checkpoint | None:
        """The checkpoint of exactly this size, if it is kept."""
        ...

    def leaves(self, first: int, last: int) -> Sequence[bytes]:
        """The stored leaf hashes of positions ``first`` to ``last``; fewer where there are."""
        ...

    def tiles(self, level: int, first_index: int, last_index: int) -> Sequence[Tile]:
        """The tiles of a level, in order; those that are not there are left out."""
        ...

    def extend(self, expected_size: int, tiles: Sequence[Tile], checkpoint: Checkpoint) -> bool:
        """Store tiles and a checkpoint of a larger tree, all or nothing.

        ``expected_size`` is that of the newest checkpoint, 0 before the first. False, with
        nothing stored, if there is another by now: another prover was quicker.
        """
        ...

    def thin(self, before: datetime) -> int:
        """Of the checkpoints made before this keep the largest of each hour; how many went.

        No more than some thousands at a time. Those of the last day always stay.
        """
        ...


class Remembered(msgspec.Struct, frozen=True):
    """The newest checkpoint that was signed with these keys, kept where they are."""

    size: int
    root: bytes


class SigningKeys(Protocol):
    """The keys that sign checkpoints, and what was signed with them, outside the database.

    Every method may raise ``KeysUnusable``.
    """

    @property
    def origin(self) -> str:
        """The name of the log, and of its keys."""
        ...

    def signers(self) -> Sequence[Signer]:
        """Who signs now: one key, or two while one takes the other's place. Never none."""
        ...

    def verifiers(self) -> Sequence[VerifierKey]:
        """Every key that signs or has signed."""
        ...

    def remembered(self) -> Remembered | None:
        """The newest checkpoint that was signed; None before the first."""
        ...

    def remember(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint as the newest, durably, unless that is of a larger tree."""
        ...


class KeysUnusable(Exception):
    """The keys cannot be read, or what was signed with them. Its text is a sentence."""


class Publication(Protocol):
    """Where checkpoints are put for others to keep."""

    def publish(self, checkpoint: Checkpoint) -> None:
        """Put one there, whole or not at all. Raises ``OSError``."""
        ...
