"""Verifying everything: once and whole, shared among workers; or round and round, in small slices.

The slices are for a process that has other work to do: after each it rests, so that only a small
part of a core is spent. A whole round of a large log takes hours then, and starts again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec
import structlog

from processors.applying import kind_of
from processors.money_identities import StatementsLedger
from processors.ports import TablesReplaced
from processors.replay_ports import Share, WholeLog
from processors.stream_chunks import stream_chunks
from processors.verification import Checked, Finding, Verification, money_finding
from projections.kernel import Projection

_SLICE_STREAMS = 20
_SLICE_EVENTS = 500
_REST_SECONDS_MIN = 0.05
_BETWEEN_ROUNDS_SECONDS = 60.0
_BACKOFF_SECONDS = 5.0

_log = structlog.get_logger(__name__)

# ── Once and whole ─────────────────────────────────────────────────────────────────────────────


def verify_share(
    verification: Verification, projections: Sequence[Projection], share: Share
) -> Iterator[Checked | StatementsLedger]:
    """Compare everything of a share; at the end comes what statements must be the sums of."""
    ledger = StatementsLedger()
    for chunk in verification.chunks(share):
        stream_ids = [each.stream_id for each in chunk]
        checked = verification.check(projections, stream_ids, ledger)
        checked.digests = {}
        yield checked
    yield ledger


def verify_rest(
    verification: Verification,
    projections: Sequence[Projection],
    ledger: StatementsLedger,
    through: int,
) -> Iterator[Finding]:
    """What no share sees by itself: gaps, rows of nobody, and statements of lines of all clients.

    ``through``: up to where the commissions were applied when it all began.
    """
    yield from verification.gaps()
    for projection in projections:
        yield from verification.unknown(projection)
    for stream_id, broken in ledger.wrong(through):
        yield money_finding("commissions", stream_id, broken)


# ── Round and round ────────────────────────────────────────────────────────────────────────────


class VerifiedSoFar(msgspec.Struct):
    """What a verification that goes on has come to, for whoever watches."""

    streams: int = 0
    """Clients and payees compared, again and again."""
    differing: dict[str, set[str]] = msgspec.field(default_factory=dict)
    """By projection: the clients whose rows differ, or whose money does not add up, now."""
    rounds: int = 0
    since: float = msgspec.field(default_factory=time.monotonic)
    """When the last round ended, or the first began."""

    @property
    def seconds_since_round(self) -> float:
        """Since everything had been compared, or since it began."""
        return time.monotonic() - self.since


class ContinuousVerification:
    """Compares small slices, one after the other, for ever. One thread."""

    def __init__(
        self,
        verification: Verification,
        log: WholeLog,
        projections: Sequence[Projection],
        part_of_core: float,
        wait: Callable[[threading.Event, float], object] = threading.Event.wait,
    ) -> None:
        self.so_far = VerifiedSoFar(differing={each.name: set() for each in projections})
        self._verification = verification
        self._log = log
        self._projections = projections
        self._part_of_core = part_of_core
        self._wait = wait

    def run(self, stop: threading.Event) -> None:
        """Go round until ``stop`` is set; while the database is away, wait for it."""
        while not stop.is_set():
            try:
                self._round(stop)
            except TablesReplaced:
                _log.error("verification.replaced")
                return
            except Exception as error:  # noqa: BLE001  # nobody else would start this thread again
                _log.warning("verification.interrupted", error=kind_of(error))
                self._wait(stop, _BACKOFF_SECONDS)
                continue
            self._wait(stop, _BETWEEN_ROUNDS_SECONDS)

    def _round(self, stop: threading.Event) -> None:
        slices = stream_chunks(self._log, streams_max=_SLICE_STREAMS, events_max=_SLICE_EVENTS)
        for chunk in slices:
            if stop.is_set():
                return
            began = time.monotonic()
            stream_ids = [each.stream_id for each in chunk]
            self._note(stream_ids, self._verification.check(self._projections, stream_ids))
            spent = time.monotonic() - began  # what the database spends counts, too
            self._wait(stop, max(_REST_SECONDS_MIN, spent / self._part_of_core - spent))
        for projection in self._projections:
            strangers = {found.client_id for found in self._verification.unknown(projection)}
            self._find(projection.name, strangers)
        self.so_far.rounds += 1
        self.so_far.since = time.monotonic()

    def _note(self, stream_ids: Sequence[str], checked: Checked) -> None:
        self.so_far.streams += checked.streams
        for projection in self._projections:
            self.so_far.differing[projection.name].difference_update(stream_ids)
            found = {f.client_id for f in checked.findings if f.projection == projection.name}
            self._find(projection.name, found)

    def _find(self, projection: str, client_ids: set[str | None]) -> None:
        for client_id in sorted(each for each in client_ids if each is not None):
            self.so_far.differing[projection].add(client_id)
            _log.error("verification.differs", projection=projection, client_id=client_id)
