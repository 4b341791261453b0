"""What tests of the prover share: keys, faults to inject, a house with a log in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.outbound.in_memory import InMemoryEventLog
from adapters.outbound.proof_store import InMemoryProofStore
from processors.ports import RowsUnavailable
from processors.proof_ports import Checkpoint, Remembered, Tile
from processors.proving import Prover
from schemas.notes import Signer, VerifierKey
from tests.adapters.tally import append
from tests.processors.sending import SetClock
from tests.signers import SignerForTests

ORIGIN = "example.com/log"


class KeysForTests:
    """``SigningKeys`` in memory."""

    origin = ORIGIN

    def __init__(self) -> None:
        self.keys = [SignerForTests(ORIGIN)]
        self.newest: Remembered | None = None

    def signers(self) -> Sequence[Signer]:
        """All of them."""
        return self.keys

    def verifiers(self) -> Sequence[VerifierKey]:
        """All of them."""
        return [key.verifier for key in self.keys]

    def remembered(self) -> Remembered | None:
        """What was signed last."""
        return self.newest

    def remember(self, checkpoint: Checkpoint) -> None:
        """Never backwards."""
        if self.newest is None or self.newest.size < checkpoint.size:
            self.newest = Remembered(checkpoint.size, checkpoint.root)


class FaultyStore(InMemoryProofStore):
    """A store whose next extensions fail as told: "before" or "after" they took effect."""

    def __init__(self) -> None:
        super().__init__()
        self.plan: list[str] = []

    def extend(self, expected_size: int, tiles: Sequence[Tile], checkpoint: Checkpoint) -> bool:
        """As in memory; the connection may be cut."""
        fault = self.plan.pop(0) if self.plan else ""
        if fault == "before":
            raise RowsUnavailable("ConnectionCut")
        done = super().extend(expected_size, tiles, checkpoint)
        if fault == "after":
            raise RowsUnavailable("ConnectionCut")
        return done


class House:
    """A log with some events, its proofs, and provers."""

    def __init__(self, events: int = 60) -> None:
        self.log = InMemoryEventLog()
        self.store = FaultyStore()
        self.keys = KeysForTests()
        self.clock = SetClock()
        append(self.log, *[(f"C{n % 7}", "x") for n in range(events)])

    def prover(self, **options: Any) -> Prover:
        """A prover, not started."""
        return Prover(self.log, self.store, self.keys, self.clock, **options)

    def prove(self, **options: Any) -> Prover:
        """A prover that has proven what there is."""
        prover = self.prover(**options)
        prover.start()
        while prover.step():
            pass
        return prover

    def restore(self, size: int) -> None:
        """Take the database back to what it was at a checkpoint, as a backup does."""
        earlier = House(0)
        earlier.keys = self.keys
        append(earlier.log, *[(f"C{n % 7}", "x") for n in range(size)])
        self.log, self.store, remembered = earlier.log, earlier.store, self.keys.newest
        self.keys.newest = None
        earlier.prove()
        self.keys.newest = remembered


class PublicationForTests:
    """Keeps what is published; the first attempts fail."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.sizes: list[int] = []

    def publish(self, checkpoint: Checkpoint) -> None:
        """Put one here."""
        if self.failures:
            self.failures -= 1
            raise OSError("full")
        self.sizes.append(checkpoint.size)
