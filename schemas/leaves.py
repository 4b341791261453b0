"""What a leaf of the proven tree says of an event: all that is stored of it, and its receipt.

The text is fixed for ever: a proof that was made must verify with any later program. Texts are
preceded by their lengths, so that no two events make the same bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

NO_RECEIPT = "-"
"""Stands for the receipt of an event whose transaction has none."""


class StoredCause(msgspec.Struct, frozen=True, gc=False):
    """What the leaf takes from an event's stored bytes."""

    transaction_id: str = ""
    sender: str = ""


class _Stored(msgspec.Struct, frozen=True, gc=False):
    cause: StoredCause


_decoder = msgspec.json.Decoder(_Stored)
_UNREADABLE = StoredCause()


def cause_of(state: bytes) -> StoredCause:
    """Who caused an event, by which transaction; both empty if the bytes cannot be read."""
    try:
        return _decoder.decode(state).cause
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _UNREADABLE


def instant_text(instant: datetime) -> str:
    """An instant in UTC, always with microseconds: ``2026-03-04T15:00:00.000000Z``."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def receipt_digest(
    transaction_id: str,
    recorded_at: datetime,
    sender: str,
    key: str,
    client_id: str,
    content_hash: bytes,
    body: bytes,
) -> bytes:
    """The bytes whose SHA-256, in hex, stands for a receipt in the leaves of its events."""
    head = (
        f"ofrecord.receipt.v1 {transaction_id} {instant_text(recorded_at)}"
        f" {len(sender)} {len(key)} {len(client_id)}\n{sender}{key}{client_id}\n"
    )
    return head.encode() + content_hash + body


def leaf_data(
    position: int,
    version: int,
    recorded_at: datetime,
    client_id: str,
    type_: str,
    sender: str,
    receipt: str,
    state: bytes,
) -> bytes:
    """The data of an event's leaf.

    ``type_`` is the stored name, such as ``address_changed.v1``; ``receipt`` the hex SHA-256 of
    ``receipt_digest``, or ``NO_RECEIPT``.
    """
    head = (
        f"ofrecord.event.v1 {position} {version} {instant_text(recorded_at)}"
        f" {len(client_id)} {len(type_)} {len(sender)} {receipt}\n{client_id}{type_}{sender}\n"
    )
    return head.encode() + state
