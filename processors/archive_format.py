"""What an archive is made of: its manifest, and its lines. ``archiving.py`` fills it.

The texts are fixed: ``ofrecord_verify.py``, which must know nothing of this program, reads them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from schemas.leaves import StoredCause

FORMAT, FORMAT_VERSION = "ofrecord-archive", 1
README = """This is an archive of a log of Of Record: the history of clients and payees, event by
event, with the answers that transactions were given (receipts).

Verify it with ofrecord_verify.py, one file of Python that needs nothing of Of Record:

    python ofrecord_verify.py ARCHIVE.zip --key KEY

KEY is the log's verifier key. Get it from the carrier by another way than this archive: the keys in
keys.txt are for information. With --checkpoint FILE, an earlier checkpoint that you kept, you also
find out whether history was rewritten since then, by whoever has the key.

manifest.json    what is in the archive, and how much
checkpoint.txt   what was signed of the log, and is verified against (c2sp.org/tlog-checkpoint)
events/          the events, one a line, in the order of the log; "state" is what is stored
receipts/        the receipts of their transactions; without-events.jsonl: those of the others
leaves/          the hashes of the tree's leaves, 32 bytes each (archives of the whole log)
proofs/          an inclusion proof for each event (archives of a part)
schemas/         what "state" is for each type of event, as JSON Schema

The archive holds personal data.
"""


class ArchivedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as it is stored, whatever it is."""

    position: int
    client_id: str
    version: int
    type: str
    recorded_at: str
    """UTC with microseconds, as in the leaves."""
    state: bytes


class ArchivedReceipt(msgspec.Struct, frozen=True, gc=False):
    """A receipt as it is stored."""

    transaction_id: str
    sender: str
    key: str
    client_id: str
    recorded_at: str
    content_hash: bytes
    body: bytes


class Scope(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What an archive is of."""

    kind: Literal["all", "client", "producer", "period"]
    client_id: str | None = None
    producer_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    streams: tuple[str, ...] = ()
    """Of a client or producer: all whose history it is."""


class Member(msgspec.Struct, frozen=True):
    """A member of the archive, as its manifest lists it."""

    name: str
    sha256: str
    lines: int


class Manifest(msgspec.Struct, kw_only=True):
    """What an archive has."""

    format: str = FORMAT
    format_version: int = FORMAT_VERSION
    made_at: datetime
    program: str
    origin: str
    scope: Scope
    tree_size: int = 0
    """So many events are in the checkpoint."""
    events: int = 0
    receipts: int = 0
    unproven_events: int = 0
    """Those after the checkpoint."""
    members: list[Member] = msgspec.field(default_factory=list)


class _Base64(msgspec.Struct):
    base64: str


class _EventLine(msgspec.Struct, gc=False):
    position: int
    client_id: str
    version: int
    type: str
    recorded_at: str
    sender: str
    transaction_id: str
    state: str | _Base64


class _ReceiptLine(msgspec.Struct, gc=False):
    transaction_id: str
    sender: str
    key: str
    client_id: str
    recorded_at: str
    content_hash: str
    body: str | _Base64


class _ProofLine(msgspec.Struct):
    position: int
    hashes: list[str]


class _CheckpointLine(msgspec.Struct):
    size: int
    note: str


_encode = msgspec.json.Encoder().encode


def event_line(event: ArchivedEvent, cause: StoredCause) -> bytes:
    """An event as a line; its cause is what its leaf takes from its bytes."""
    return _line(
        _EventLine(
            *(event.position, event.client_id, event.version, event.type, event.recorded_at),
            *(cause.sender, cause.transaction_id, _text(event.state)),
        )
    )


def receipt_line(receipt: ArchivedReceipt) -> bytes:
    """A receipt as a line."""
    return _line(
        _ReceiptLine(
            *(receipt.transaction_id, receipt.sender, receipt.key, receipt.client_id),
            *(receipt.recorded_at, receipt.content_hash.hex(), _text(receipt.body)),
        )
    )


def _line(said: msgspec.Struct) -> bytes:
    return _encode(said) + b"\n"


def _text(stored: bytes) -> str | _Base64:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return _Base64(_base64(stored))


def _base64(stored: bytes) -> str:
    return base64.b64encode(stored).decode()


def proof_line(position: int, path: Iterable[bytes]) -> bytes:
    """The inclusion proof of the event at a position."""
    return _line(_ProofLine(position, [_base64(each) for each in path]))


def checkpoint_line(size: int, note: str) -> bytes:
    """A checkpoint of an earlier size."""
    return _line(_CheckpointLine(size, note))
