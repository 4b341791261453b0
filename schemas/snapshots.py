"""A client's state as bytes: a shortcut past the beginning of a long history.

A snapshot carries the fingerprint of the declaration it was made with; one of another form is as
good as none, so the state may change freely between versions of the program.
"""

from __future__ import annotations

import hashlib

import msgspec

from domain.client.state import Client

_MEANING = 1
"""Raised when an event's ``evolve`` comes to mean something else for the same fields."""

FORM = hashlib.sha256(
    msgspec.json.encode([_MEANING, msgspec.json.schema(Client)], order="deterministic")
).hexdigest()[:16]
"""Fingerprint of the state's declaration and meaning."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Client)


def encode_client(client: Client) -> bytes:
    """The state as bytes."""
    return _encoder.encode(client)


def decode_client(state: bytes) -> Client:
    """The state that bytes of the current form stand for."""
    return _decoder.decode(state)
