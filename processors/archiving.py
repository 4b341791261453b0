"""Writes an archive: a zip with which anyone can verify offline that nothing was altered.

Whole logs bring the leaves of the tree along, parts of a log an inclusion proof for each event. An
archive says what is stored and judges nothing: a log that was altered by hand is exported, too, for
then the archive is wanted most. Events stream by; no more than a few thousand are ever in memory.
``ofrecord_verify.py`` at the root of the repository verifies it, and explains the proofs.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby
from typing import BinaryIO, Protocol

import msgspec

from processors.archive_format import (
    README,
    ArchivedEvent,
    ArchivedReceipt,
    Manifest,
    Member,
    checkpoint_line,
    event_line,
    proof_line,
    receipt_line,
)
from processors.merkle import EMPTY_ROOT, NotInTree, TreeReader
from processors.proof_ports import Checkpoint, ProofStore
from schemas.leaves import cause_of
from schemas.publishing import PUBLISHED

MEMBER_EVENTS = 65_536
_RECEIPTS_AT_ONCE = 5_000
_LINES_AT_ONCE = 1_000
_CHECKPOINTS_MAX = 256
_COMPRESSION_LEVEL = 3
"""A third of the time of the usual 6, and a tenth larger."""


class Selection(msgspec.Struct, frozen=True):
    """Which events: those of streams, or of a range of positions, or all."""

    streams: tuple[str, ...] | None = None
    first: int | None = None
    last: int | None = None


class LogMoment(Protocol):
    """The log as it was at one moment."""

    @property
    def proofs(self) -> ProofStore:
        """The tree over it."""
        ...

    def head(self) -> int:
        """The highest position."""
        ...

    def count(self, selection: Selection) -> int:
        """How many events there are."""
        ...

    def events(self, selection: Selection) -> Iterator[Sequence[ArchivedEvent]]:
        """The events, some at a time, in the order of their positions."""
        ...

    def receipts(self, transaction_ids: Collection[str]) -> Sequence[ArchivedReceipt]:
        """The receipts of transactions, in their order. Remembers the transactions."""
        ...

    def other_receipts(
        self,
        streams: Collection[str] | None,
        since: datetime | None,
        until: datetime | None,
        through: int,
    ) -> Iterator[Sequence[ArchivedReceipt]]:
        """Receipts of these clients and of this time, some at a time.

        But for those of transactions that are remembered, or whose events are after ``through``.
        """
        ...

    def streams_of_producer(self, producer_id: str) -> Sequence[str]:
        """Clients that ever had this agent of record, and the producer's own stream as a payee."""
        ...

    def positions_between(
        self, since: datetime | None, until: datetime | None
    ) -> tuple[int, int] | None:
        """The first and last position of what was recorded then; None if nothing was."""
        ...


class NothingToArchive(Exception):
    """The scope has no events."""


Progress = Callable[[int, int], None]
"""Is told how many events are written, and of how many."""


class Archiver:
    """Writes one archive."""

    def __init__(
        self,
        log: LogMoment,
        manifest: Manifest,
        progress: Progress = lambda done, total: None,
    ) -> None:
        """``manifest`` says what the archive is of, and is filled in."""
        self._log = log
        self._manifest = manifest
        self._progress = progress
        self._tree = TreeReader(log.proofs)
        self._through = log.head()
        self._root = EMPTY_ROOT

    def write(self, file: BinaryIO, keys: Sequence[str], head: int) -> Manifest:
        """Write the archive; returns its manifest. Raises ``NothingToArchive``, and ``TreeDamaged``
        where a part of the log is to be proven by a tree that is not the signed one.

        ``head`` is the log's head when the export was asked for: of what came later only that
        goes along which is proven by now.
        """
        manifest, newest = self._manifest, self._log.proofs.newest()
        manifest.tree_size, self._root = (newest.size, newest.root) if newest else (0, EMPTY_ROOT)
        if manifest.tree_size >= head:
            self._through = manifest.tree_size
        selection = self._selection(self._through)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            members = _Members(archive, manifest)
            self._write_events(members, selection)
            self._write_other_receipts(members)
            if manifest.scope.kind == "all":
                self._write_leaves(members)
            self._write_checkpoints(members, newest)
            members.write("keys.txt", [f"{key}\n".encode() for key in keys])
            for schema in sorted(PUBLISHED.iterdir()):
                members.write(f"schemas/{schema.name}", [schema.read_bytes()])
            members.write("README.txt", [README.encode()])
            archive.writestr("manifest.json", msgspec.json.encode(manifest))
        return manifest

    def _selection(self, through: int) -> Selection:
        scope = self._manifest.scope
        if scope.kind == "all":
            return Selection(last=through)
        if scope.kind == "period":
            found = self._log.positions_between(scope.since, scope.until)
            if found is None:
                raise NothingToArchive
            return Selection(first=found[0], last=min(found[1], through))
        selection = Selection(streams=scope.streams, last=through)
        if not self._log.count(selection):
            raise NothingToArchive
        return selection

    def _write_events(self, members: _Members, selection: Selection) -> None:
        manifest, total = self._manifest, self._log.count(selection)
        whole = manifest.scope.kind == "all"
        rows = (row for page in self._log.events(selection) for row in page)
        for number, block in enumerate(_blocks(rows, by_position=whole), start=1):
            name, causes, positions = f"{number:06}.jsonl", dict[str, None](), list[int]()
            with members.open(f"events/{name}") as put:
                for event in block:
                    cause = cause_of(event.state)
                    causes[cause.transaction_id] = None
                    positions.append(event.position)
                    put(event_line(event, cause))
                    self._progress(manifest.events + len(positions), total)
            members.write(f"receipts/{name}", self._receipts_of(list(causes)))
            if not whole:
                members.write(f"proofs/{name}", map(self._proof_line, positions))
            manifest.events += len(positions)
            manifest.unproven_events += sum(at > manifest.tree_size for at in positions)

    def _receipts_of(self, transaction_ids: Sequence[str]) -> Iterator[bytes]:
        for first in range(0, len(transaction_ids), _RECEIPTS_AT_ONCE):
            some = transaction_ids[first : first + _RECEIPTS_AT_ONCE]
            for receipt in self._log.receipts(some):
                self._manifest.receipts += 1
                yield receipt_line(receipt)

    def _write_other_receipts(self, members: _Members) -> None:
        scope = self._manifest.scope
        streams = scope.streams if scope.kind in ("client", "producer") else None
        limits = streams, scope.since, scope.until
        with members.open("receipts/without-events.jsonl") as put:
            for page in self._log.other_receipts(*limits, self._through):
                for receipt in page:
                    self._manifest.receipts += 1
                    put(receipt_line(receipt))

    def _proof_line(self, position: int) -> bytes:
        """Raises ``TreeDamaged`` if the stored tree proves nothing: the event would be blamed."""
        size = self._manifest.tree_size
        try:
            path = self._tree.checked_inclusion(position, size, self._root)
        except NotInTree:
            path = []
        return proof_line(position, path)

    def _write_leaves(self, members: _Members) -> None:
        size = self._manifest.tree_size
        for number, first in enumerate(range(1, size + 1, MEMBER_EVENTS), start=1):
            last = min(first + MEMBER_EVENTS - 1, size)
            members.write(f"leaves/{number:06}.bin", self._log.proofs.leaves(first, last))

    def _write_checkpoints(self, members: _Members, newest: Checkpoint | None) -> None:
        earlier: list[Checkpoint] = []
        after = 0
        while page := self._log.proofs.checkpoints(after):
            after = page[-1].size
            earlier += page
            while len(earlier) > _CHECKPOINTS_MAX:
                earlier = earlier[-2::-2][::-1]
        members.write("checkpoint.txt", [newest.note.encode()] if newest else [])
        lines = [checkpoint_line(each.size, each.note) for each in earlier]
        members.write("checkpoints.jsonl", lines)


class _Members:
    """Writes members of a zip, one after the other, and lists them in the manifest."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Manifest) -> None:
        self._archive = archive
        self._manifest = manifest

    def write(self, name: str, lines: Iterable[bytes]) -> None:
        """A member of these lines (or bytes)."""
        with self.open(name) as put:
            for line in lines:
                put(line)

    @contextmanager
    def open(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """A member, to which lines are put as they come."""
        digest, waiting, lines = hashlib.sha256(), list[bytes](), 0
        info = zipfile.ZipInfo(name, self._manifest.made_at.timetuple()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED
        with self._archive.open(info, "w", force_zip64=True) as member:

            def flush() -> None:
                nonlocal lines
                joined = b"".join(waiting)
                digest.update(joined)
                member.write(joined)
                lines += joined.count(b"\n")
                waiting.clear()

            def put(line: bytes) -> None:
                waiting.append(line)
                if len(waiting) >= _LINES_AT_ONCE:
                    flush()

            yield put
            flush()
        self._manifest.members.append(Member(name, digest.hexdigest(), lines))


def _blocks(
    rows: Iterator[ArchivedEvent], *, by_position: bool
) -> Iterator[Iterator[ArchivedEvent]]:
    """The events of each member; each must be read before the next."""
    if by_position:
        return (
            block for _, block in groupby(rows, lambda row: (row.position - 1) // MEMBER_EVENTS)
        )
    counted = groupby(enumerate(rows), lambda pair: pair[0] // MEMBER_EVENTS)
    return ((row for _, row in block) for _, block in counted)
