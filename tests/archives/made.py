"""Archives of a small made-up log, without a database: to be tampered with, member by member."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.outbound.proof_store import InMemoryProofStore
from processors.archive_format import ArchivedEvent, ArchivedReceipt, Manifest, Scope
from processors.archiving import Archiver, Selection
from processors.merkle import GrowingTree, leaf_hash
from processors.proof_ports import Checkpoint
from schemas.leaves import cause_of, leaf_data, receipt_digest
from schemas.notes import COSIGNATURE, TreeHead, VerifierKey, checkpoint_text, sign_note

ORIGIN = "ofrecord.test/log"
_NOW = datetime(2026, 3, 4, 15, tzinfo=UTC)
_INSTANT = "2026-03-04T15:00:00.000000Z"


class Key:
    """A key that signs: a log's, or a witness's."""

    def __init__(self, name: str = ORIGIN, seed: int = 1, kind: int = 1) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        public = self._private.public_key().public_bytes_raw()
        self.verifier = VerifierKey(name, public, kind)
        self.vkey = self.verifier.text()

    def sign(self, text: bytes) -> bytes:
        """The signature of a text; a witness's bears its time."""
        if self.verifier.type != COSIGNATURE:
            return self._private.sign(text)
        said = b"cosignature/v1\ntime 1772636400\n" + text
        return (1_772_636_400).to_bytes(8) + self._private.sign(said)


def event(position: int, client_id: str, version: int) -> ArchivedEvent:
    """An event that was caused alone by its transaction."""
    known = transaction_of(position)
    cause = {"transaction_id": known, "sender": "portal", "key": f"k{position}"}
    state = json.dumps({"cause": cause, "data": {"note": f'ä "{position}"'}}).encode()
    return ArchivedEvent(position, client_id, version, "noted.v1", _INSTANT, state)


def receipt(of: ArchivedEvent) -> ArchivedReceipt:
    """The receipt of an event's transaction."""
    known = transaction_of(of.position)
    body = {
        "transaction_id": known, "client_id": of.client_id, "client_version": of.version,
        "events": [{"type": "noted", "version": 1}], "position": of.position,
    }  # fmt: skip
    key = f"k{of.position}"
    return ArchivedReceipt(
        known, "portal", key, of.client_id, _INSTANT, b"h" * 16, json.dumps(body).encode()
    )


def transaction_of(position: int) -> str:
    """The transaction that caused the event at a position."""
    return hashlib.blake2b(f"portal\0k{position}".encode(), digest_size=16).hexdigest()


@dataclass
class MadeLog:
    """A log in memory, as an archive sees it."""

    rows: list[ArchivedEvent] = field(default_factory=list)
    answers: list[ArchivedReceipt] = field(default_factory=list)
    proofs: InMemoryProofStore = field(default_factory=InMemoryProofStore)

    def head(self) -> int:
        """The highest position."""
        return max((row.position for row in self.rows), default=0)

    def count(self, selection: Selection) -> int:
        """How many events are selected."""
        return sum(map(len, self.events(selection)))

    def events(self, selection: Selection) -> Iterator[Sequence[ArchivedEvent]]:
        """All that are selected."""
        first, last = selection.first or 0, selection.last or 2**62
        yield [
            row
            for row in self.rows
            if first <= row.position <= last
            and (selection.streams is None or row.client_id in selection.streams)
        ]

    def receipts(self, transaction_ids: Collection[str]) -> Sequence[ArchivedReceipt]:
        """Those of these transactions."""
        known = {answer.transaction_id: answer for answer in self.answers}
        return [known[each] for each in transaction_ids if each in known]

    def other_receipts(self, *_: Any) -> Iterator[Sequence[ArchivedReceipt]]:
        """Those of no event."""
        caused = {cause_of(row.state).transaction_id for row in self.rows}
        yield [answer for answer in self.answers if answer.transaction_id not in caused]

    def streams_of_producer(self, producer_id: str) -> Sequence[str]:
        """None."""
        return []

    def positions_between(
        self, since: datetime | None, until: datetime | None
    ) -> tuple[int, int] | None:
        """All but the first."""
        return (2, self.head())

    def sign(self, *keys: Key, origin: str | None = None) -> str:
        """Sign all that is there; returns the checkpoint. Its log is named as the first key is."""
        answers = {answer.transaction_id: answer for answer in self.answers}
        tree = GrowingTree()
        tiles = tree.append(leaf_hash(_leaf(row, answers)) for row in self.rows)
        head = TreeHead(origin or keys[0].verifier.name, len(self.rows), tree.root())
        note = sign_note(checkpoint_text(head), keys)
        newest = self.proofs.newest()
        made = Checkpoint(head.size, head.root, note, _NOW)
        assert self.proofs.extend(newest.size if newest else 0, tiles, made)
        return note


def _leaf(row: ArchivedEvent, answers: Mapping[str, ArchivedReceipt]) -> bytes:
    cause = cause_of(row.state)
    answer = answers[cause.transaction_id]
    digest = receipt_digest(
        *(answer.transaction_id, _NOW, answer.sender, answer.key),
        *(answer.client_id, answer.content_hash, answer.body),
    )
    sealed = hashlib.sha256(digest).hexdigest()
    return leaf_data(
        *(row.position, row.version, _NOW, row.client_id, row.type),
        *(cause.sender, sealed, row.state),
    )


def made_log(events: int = 10) -> MadeLog:
    """A log of two clients who take turns."""
    rows = [event(at, "ab"[at % 2], (at + 1) // 2) for at in range(1, events + 1)]
    return MadeLog(rows, [receipt(row) for row in rows])


def archive_of(
    log: MadeLog, scope: Scope | None = None, head: int | None = None
) -> dict[str, bytes]:
    """The members of an archive of the log."""
    about = Manifest(made_at=_NOW, program="test", origin=ORIGIN, scope=scope or Scope(kind="all"))
    file = io.BytesIO()
    Archiver(log, about).write(file, [], log.head() if head is None else head)
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(members: Mapping[str, bytes], file: Path, *, listed: bool = True) -> Path:
    """A zip of these members; with ``listed`` its manifest has their digests as they are now."""
    members = dict(members)
    if listed:
        manifest = json.loads(members["manifest.json"])
        manifest["members"] = [
            {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "lines": 0}
            for name, content in members.items()
            if name != "manifest.json"
        ]
        members["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


def tampered(
    members: dict[str, bytes], name: str, number: int, change: Callable[[bytes], bytes]
) -> None:
    """Change a line of a member."""
    lines = members[name].splitlines(keepends=True)
    lines[number] = change(lines[number])
    members[name] = b"".join(lines)
