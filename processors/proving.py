"""Proves the log: adds each event to a tree of hashes, and signs what the tree is at each size.

A prover follows the log behind the append, which knows nothing of it. Tiles and checkpoint are
stored in one transaction, by compare-and-set: of several provers one is quicker, and the others go
on from what it stored.

Before it signs, a prover convinces itself that the tree it extends is the one that was signed last:
that one is remembered beside the keys, outside the database. Where the database has a smaller tree
or another one, it was restored or rewritten, and nothing more is signed until someone has found out
why.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec
import structlog

from processors.applying import kind_of, place_of
from processors.merkle import EMPTY_ROOT, GrowingTree, TreeDamaged, leaf_hash, root_of
from processors.ports import Clock, EventLog
from processors.proof_ports import (
    Checkpoint,
    KeysUnusable,
    ProofStore,
    ProvableLog,
    Publication,
    SigningKeys,
    StoredReceipt,
)
from processors.tallies import Pulse
from schemas.envelope import LogEntry
from schemas.leaves import NO_RECEIPT, cause_of, leaf_data, receipt_digest
from schemas.notes import BadNote, TreeHead, checkpoint_text, sign_note, verify_checkpoint

PAGE_EVENTS = 2_000
BATCH_EVENTS = 20_000
"""At most so many events are proven by one checkpoint: a crash repeats no more."""
_PAUSE_SECONDS = 0.5
"""Between checkpoints while the log grows: so no event waits for a second."""
_IDLE_SECONDS = 0.5
_STANDBY_SECONDS = 5.0
"""How often a prover that refuses looks whether it still must."""
_BACKOFF_SECONDS = (0.1, 5.0)
_THIN_SECONDS = 600.0
_ALL_KEPT = timedelta(days=1)

_log = structlog.get_logger(__name__)


class ProverRefuses(Exception):
    """The tree of the database is not the one that was signed. Its text says what is wrong."""


class Proven(msgspec.Struct, frozen=True):
    """How far the log is proven."""

    size: int
    """Everything up to this position is."""
    events_unproven: int
    seconds_unproven: float
    """Since the oldest event that is not proven was recorded; 0 when all are."""


def measure_proven(log: EventLog, store: ProofStore, clock: Clock) -> Proven:
    """How far the log is proven now. Raises what the log and the store raise."""
    newest = store.newest()
    size, head = newest.size if newest else 0, log.head()
    since = log.recorded_at(size + 1) if size < head else None
    seconds = max(0.0, (clock.now() - since).total_seconds()) if since else 0.0
    return Proven(size, max(0, head - size), seconds)


# ── Leaves ─────────────────────────────────────────────────────────────────────────────────────


def leaf_hashes(log: ProvableLog, entries: Sequence[LogEntry]) -> list[bytes]:
    """The hashes of these events' leaves, with the receipts that the log has for them."""
    causes = [cause_of(entry.state) for entry in entries]
    receipts = receipt_hashes(log.stored_receipts({cause.transaction_id for cause in causes}))
    return [
        leaf_hash(
            leaf_data(
                *(entry.position, entry.version, entry.recorded_at, entry.client_id, entry.topic),
                *(cause.sender, receipts.get(cause.transaction_id, NO_RECEIPT), entry.state),
            )
        )
        for entry, cause in zip(entries, causes, strict=True)
    ]


def is_as_proven(log: ProvableLog, store: ProofStore, position: int) -> bool:
    """Whether the event that is stored at a position, with its receipt, is the one in the tree."""
    return [*leaf_hashes(log, log.entries(position - 1, 1))] == [*store.leaves(position, position)]


def receipt_hashes(receipts: Mapping[str, StoredReceipt]) -> dict[str, str]:
    """What stands for each receipt in its events' leaves."""
    return {
        transaction_id: hashlib.sha256(
            receipt_digest(
                *(receipt.transaction_id, receipt.recorded_at, receipt.sender, receipt.key),
                *(receipt.client_id, receipt.content_hash, receipt.body),
            )
        ).hexdigest()
        for transaction_id, receipt in receipts.items()
    }


def root_of_log(log: ProvableLog, size: int) -> bytes | None:
    """The root over the log's first events as they are stored now; None if there are fewer.

    Reads each of them: this is what the stored tree is compared with.
    """
    tree = GrowingTree()
    while tree.size < size:
        entries = log.entries(tree.size, min(PAGE_EVENTS, size - tree.size))
        if not entries or entries[-1].position != tree.size + len(entries):
            return None
        tree.append(leaf_hashes(log, entries))
    return tree.root()


# ── The prover ─────────────────────────────────────────────────────────────────────────────────


class Prover:
    """One prover, run by one thread."""

    def __init__(
        self,
        log: ProvableLog,
        store: ProofStore,
        keys: SigningKeys,
        clock: Clock,
        publication: Publication | None = None,
        publish_seconds: float = 3600.0,
        batch_events: int = BATCH_EVENTS,
    ) -> None:
        self._log = log
        self._store = store
        self._keys = keys
        self._clock = clock
        self._publication = publication
        self._publish_seconds = publish_seconds
        self._batch_events = batch_events
        self._tree = GrowingTree()
        self._root = self._tree.root()
        self._published_size = 0
        self._publish_at = self._thin_at = 0.0
        self.pulse = Pulse()
        self.refuses = False
        """Whether it signs nothing, since the database's tree is not the one that was signed."""

    @property
    def size(self) -> int:
        """Everything up to this position is proven, as far as this prover knows."""
        return self._tree.size

    def run(self, stop: threading.Event) -> None:
        """Prove the log until ``stop`` is set.

        While the log or the store is away it tries again for ever, at most some seconds apart.
        While it refuses it looks every few seconds whether it still must.
        """
        failures = 0
        while not stop.is_set():
            try:
                self.start()
                self._told("prover.started")
                while not stop.is_set():
                    self._go_on(stop)
                    failures = 0
            except (ProverRefuses, KeysUnusable) as error:
                self._refuse(error)
                self.pulse.worked()  # that is its work, then
                stop.wait(_STANDBY_SECONDS)
            except Exception as error:  # noqa: BLE001  # nobody else would go on with it
                self.pulse.beat()
                pause = min(_BACKOFF_SECONDS[0] * 2**failures, _BACKOFF_SECONDS[1])
                failures = min(failures + 1, 16)
                _log.warning(
                    "prover.interrupted",
                    position=self.size,
                    error=kind_of(error),
                    where=place_of(error),
                    seconds=pause,
                )
                stop.wait(pause)

    def start(self) -> int:
        """Begin, or begin again, from what is stored; returns the size of the tree.

        Raises ``ProverRefuses``, ``KeysUnusable``, and what the log and the store raise.
        """
        newest = self._store.newest()
        size = newest.size if newest else 0
        try:
            tree = GrowingTree.load(self._store, size)
            self._require_signed(newest, tree)
        except TreeDamaged:
            raise ProverRefuses("TilesMissing") from None
        if self._log.head() < size:
            raise ProverRefuses("LogSmaller")
        self._require_last(size)
        self._tree, self._root = tree, tree.root()
        self.refuses = False
        return size

    def step(self) -> bool:
        """Prove what the log has now, or a batch of it; false if there is nothing left to prove.

        Raises as ``start`` does.
        """
        self._require_same()
        head = self._log.head()
        if head < self._tree.size:
            raise ProverRefuses("LogSmaller")
        if head > self._tree.size:
            self._require_last(self._tree.size)
        tree = self._tree.copy()
        tiles = {}
        end = min(head, tree.size + self._batch_events)
        while tree.size < end:
            entries = self._log.entries(tree.size, min(PAGE_EVENTS, end - tree.size))
            if not entries or entries[-1].position != tree.size + len(entries):
                raise ProverRefuses("EventsMissing")
            for tile in tree.append(leaf_hashes(self._log, entries)):
                tiles[tile.level, tile.index] = tile
        if tree.size == self._tree.size:
            return False
        checkpoint = self._signed(tree)
        if not self._store.extend(self._tree.size, list(tiles.values()), checkpoint):
            self.start()  # another prover was quicker: on from there
            return True
        self._keys.remember(checkpoint)
        self._tree, self._root = tree, checkpoint.root
        return tree.size < head

    def publish(self) -> None:
        """Put the newest checkpoint where others keep it, when that is due and it is a new one."""
        now = time.monotonic()
        if self._publication is None or now < self._publish_at:
            return
        self._publish_at = now + self._publish_seconds
        newest = self._store.newest()
        if newest is None or newest.size == self._published_size:
            return
        try:
            self._publication.publish(newest)
            self._published_size = newest.size
        except OSError as error:
            _log.error("checkpoint.not_published", position=newest.size, error=kind_of(error))

    def _go_on(self, stop: threading.Event) -> None:
        """Prove, then do what is due, then wait until there may be more."""
        began = time.monotonic()
        size = self.size
        is_behind = self.step()
        self.pulse.worked()
        self.publish()
        self._thin()
        if is_behind:
            return
        if self.size > size:
            stop.wait(max(0.0, began + _PAUSE_SECONDS - time.monotonic()))
        self._log.wait(self.size, _IDLE_SECONDS)

    def _require_signed(self, newest: Checkpoint | None, tree: GrowingTree) -> None:
        """Raise ``ProverRefuses`` unless the stored tree is what these keys have signed.

        What another prover signed with them is remembered from then on.
        """
        root = tree.root()
        if newest is not None and newest.root != root:
            raise ProverRefuses("TreeDifferent")
        remembered = self._keys.remembered()
        if remembered is not None:
            if remembered.size > tree.size:
                raise ProverRefuses("TreeSmaller")
            if root_of(self._store, remembered.size) != remembered.root:
                raise ProverRefuses("TreeDifferent")
        if newest is None or (remembered is not None and remembered.size == newest.size):
            return
        # Signed by another prover, or by this one, which ended before it could remember.
        try:
            head, _ = verify_checkpoint(newest.note, self._keys.origin, self._keys.verifiers())
        except BadNote:
            raise ProverRefuses("SignedByOthers") from None
        if (head.size, head.root) != (newest.size, root):
            raise ProverRefuses("TreeDifferent")
        self._keys.remember(newest)

    def _require_last(self, size: int) -> None:
        """Raise ``ProverRefuses`` unless the last event that is proven is stored as it was proven.

        A log whose end was cut off has others in its place as soon as it has grown again.
        """
        if size and not is_as_proven(self._log, self._store, size):
            raise ProverRefuses("EventsDifferent")

    def _require_same(self) -> None:
        """Begin again if the newest checkpoint, or the remembered one, is not this prover's."""
        newest = self._store.newest()
        stored = (newest.size, newest.root) if newest else (0, EMPTY_ROOT)
        remembered = self._keys.remembered()
        known = (remembered.size, remembered.root) if remembered else stored
        if not stored == known == (self._tree.size, self._root):
            self.start()

    def _signed(self, tree: GrowingTree) -> Checkpoint:
        head = TreeHead(self._keys.origin, tree.size, tree.root())
        note = sign_note(checkpoint_text(head), self._keys.signers())
        return Checkpoint(head.size, head.root, note, self._clock.now())

    def _thin(self) -> None:
        now = time.monotonic()
        if now >= self._thin_at:
            self._thin_at = now + _THIN_SECONDS
            self._store.thin(self._clock.now() - _ALL_KEPT)

    def _refuse(self, error: Exception) -> None:
        if not self.refuses:
            told = str(error) if isinstance(error, ProverRefuses) else kind_of(error)
            _log.error("prover.refused", position=self.size, error=told)
        self.refuses = True

    def _told(self, event: str) -> None:
        _log.info(event, position=self.size)
