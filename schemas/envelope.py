"""A stored event and how it becomes bytes: a stable name, a version, its cause and its data.

The stored name is ``<type>.v<version>`` (never a Python path, so that files may move), the bytes
are JSON ``{"cause": {…}, "data": {…}}``. Position, client, version within the client and recorded
instant are columns of the log.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from domain.catalog import EVENTS
from domain.client.folding import fold
from domain.kernel import Cause, Event
from domain.streams import Stream
from schemas.upcasters import UPCASTERS


# gc=False: plain values that nothing refers back to; the collector has nothing to look for in them.
class Recorded(msgspec.Struct, frozen=True, gc=False):
    """An event as the log has it."""

    position: int
    """Place in the whole log, 1..n without gaps."""
    client_id: str
    """Of the client, or of the payee's stream."""
    version: int
    """Place in the client's history, 1..n without gaps."""
    recorded_at: datetime
    """When this system stored it (UTC)."""
    cause: Cause
    event: Event

    def evolve(self, client: Stream) -> None:
        """Fold this event into its client or payee, which must be at the version before it.

        Raises ``HistoryDamaged`` if it is not, or if this program cannot read the event.
        """
        if client.version != self.version - 1:
            raise HistoryDamaged(f"Version {client.version + 1} is missing.")
        fold(client, self.event, self.cause)
        client.version = self.version
        client.position = self.position
        client.last_received_at = self.cause.received_at


class _Stored(msgspec.Struct, frozen=True):
    """The bytes of an event whose version is not the current one, before upcasting."""

    cause: Cause
    data: dict[str, Any]


def topic_of(event: Event) -> str:
    """The stored name of an event: its type and version."""
    return f"{event.type}.v{event.version}"


_encoder = msgspec.json.Encoder()
_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    f"{event.type}.v{event.version}": msgspec.json.Decoder(
        msgspec.defstruct(f"Stored_{event.type}", [("cause", Cause), ("data", event)])
    )
    for event in EVENTS.values()
}
_old_decoder = msgspec.json.Decoder(_Stored)


def encode(cause: Cause, event: Event) -> bytes:
    """The bytes to store."""
    return _encoder.encode({"cause": cause, "data": event})


def decode(topic: str, state: bytes) -> tuple[Cause, Event]:
    """The cause and the event, in its current version, that stored bytes stand for.

    Raises ``LookupError`` for a name this program does not know (written by a newer one) and
    ``msgspec.ValidationError`` for bytes that are not such an event.
    """
    decoder = _decoders.get(topic)
    if decoder is not None:
        stored = decoder.decode(state)
        return stored.cause, stored.data
    return _decode_old(topic, state)


class HistoryDamaged(LookupError):
    """A history cannot be folded: an event is missing or cannot be read. Its text says so."""


class Unreadable(Event, frozen=True, kw_only=True):
    """What stands in a history for an event that this program cannot read; never stored itself.

    So who follows the log sees whose event it is, and can go on with everyone else's.
    """

    type: ClassVar[str] = "unreadable"
    topic: str
    """The stored name."""

    def evolve(self, client: Any, cause: Cause) -> None:
        """What is not known cannot be folded in: raises ``HistoryDamaged``, unlike real events."""
        raise HistoryDamaged(f"An event stored as {self.topic!r} cannot be read.")


class LogEntry(msgspec.Struct, frozen=True, gc=False):
    """An event as the log has it in bytes: for who passes it on without reading it."""

    position: int
    client_id: str
    version: int
    recorded_at: datetime
    topic: str
    """The stored name, such as ``address_changed.v1``."""
    state: bytes
    """JSON: cause and data."""

    def read(self) -> Recorded:
        """The event in its current version; ``Unreadable`` if this program cannot read it."""
        try:
            cause, event = decode(self.topic, self.state)
        except Exception:  # noqa: BLE001  # damaged bytes, an unknown name, an upcaster's fault
            cause, event = _UNREADABLE_CAUSE, Unreadable(topic=self.topic)
        return Recorded(self.position, self.client_id, self.version, self.recorded_at, cause, event)


_UNREADABLE_CAUSE = Cause(
    transaction_id="",
    transaction_type="unreadable",
    sender="",
    role="carrier",
    key="",
    received_at=datetime.min.replace(tzinfo=UTC),
)


def _decode_old(topic: str, state: bytes) -> tuple[Cause, Event]:
    name, _, version_text = topic.rpartition(".v")
    current = EVENTS.get(name)
    if current is None or not version_text.isdigit() or int(version_text) > current.version:
        raise LookupError(f"no event named {topic!r} is known to this version of the program")
    old = _old_decoder.decode(state)
    data = old.data
    for version in range(int(version_text), current.version):
        data = UPCASTERS[name, version](data)
    return old.cause, msgspec.convert(data, current)
