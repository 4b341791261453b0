"""What goes into the command processor and what comes out: submissions, receipts, answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Literal

import msgspec

from domain.catalog import PAYEE_COMMANDS
from domain.kernel import Actor, Command
from domain.payee.state import is_payee


@dataclass(frozen=True, slots=True)
class Submission:
    """One transaction as its sender submits it.

    Raises ``ValueError`` for a client's action on a payee, or a payee's on a client: doors read the
    actions of the one that they address, so that is a fault of the program.
    """

    actor: Actor
    client_id: str
    """The client, or the payee's stream."""
    key: str
    """The sender's own key: the same key again means the same transaction."""
    command: Command
    received_at: datetime | None = None
    """When the carrier received it, where an importer with the permission states that; else now."""
    correlation_id: str | None = None
    transaction_id: str = field(init=False)
    """The transaction's id: derived from sender and key, so that a repeat has the same."""
    content_hash: bytes = field(init=False)
    """What makes the same key's content the same: client, producer, command, stated instant."""

    def __post_init__(self) -> None:
        if is_payee(self.client_id) != (self.command.type in PAYEE_COMMANDS):
            raise ValueError(f"{self.command.type} is no action of this kind of stream")
        identity = f"{self.actor.sender}\0{self.key}"
        stated = self.received_at.isoformat() if self.received_at else ""
        producer_id = self.actor.producer_id or ""
        command = self.command.model_dump_json()
        content = f"{self.client_id}\0{producer_id}\0{stated}\0{command}"
        object.__setattr__(self, "transaction_id", _digest(identity).hex())
        object.__setattr__(self, "content_hash", _digest(content))


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


class EventName(msgspec.Struct, frozen=True):
    """An event that a transaction caused, by its stable name."""

    type: str
    version: int


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The answer to a transaction. The same key gets the same bytes for ever.

    ``position`` is where the log stands with this transaction in it: a reader that waits for that
    position sees its effect. It is the last field, because the log itself writes it (ports.py).
    """

    transaction_id: str
    client_id: str
    type: str
    status: Literal["accepted", "refused"]
    code: str | None = None
    sentence: str | None = None
    effective_on: date | None = None
    """The date asked for."""
    takes_effect_on: date | None = None
    """The date from which it holds, which the part-month rule may have moved (handbook §4)."""
    received_at: datetime
    recorded_at: datetime
    client_version: int | None
    """The client's version after the transaction; null where the sender may not see the client."""
    events: tuple[EventName, ...]
    position: int = -1


@dataclass(frozen=True)
class Answer:
    """A receipt as the bytes to send, and whether it is a repeat of an earlier answer."""

    body: bytes
    repeated: bool = False

    @cached_property
    def receipt(self) -> Receipt:
        """The receipt that the bytes say."""
        return msgspec.json.decode(self.body, type=Receipt)


class KeyReused(Exception):
    """The sender's key already stands for other content (``idempotency_key_reused``)."""


_encoder = msgspec.json.Encoder()


def receipt_head(receipt: Receipt) -> bytes:
    """The receipt's JSON up to its position, which is left out with the closing brace."""
    return _encoder.encode(receipt)[:-1]


def with_position(head: bytes, position: int) -> bytes:
    """The receipt's bytes, complete."""
    return head + b',"position":%d}' % position
