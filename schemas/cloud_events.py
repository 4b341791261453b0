"""Events on their way to other processes: CloudEvents 1.0 in structured JSON mode.

A record of the topic is one event, or a *marker*, which says only that its partition has nothing
more up to a position of the log. Each names the position that its partition had reached before it
(``afterposition``): so the records of a partition are a chain, and who reads it sees a repeat, a
gap or a swap, whatever the transport did. Positions are texts: they outgrow the 32 bits that
CloudEvents gives to integers.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from schemas.envelope import LogEntry, Recorded

SOURCE = "/ofrecord/log"
MARKER_TYPE = "position_passed"
CONTENT_TYPE = "application/cloudevents+json"


class Passed(msgspec.Struct, frozen=True, gc=False):
    """What a record of the topic says of its partition: from ``after`` to ``position``, this."""

    after: int
    """The position that the partition had reached before."""
    position: int
    """The position that it has reached with this."""
    entry: LogEntry | None
    """The event at ``position``; None for a marker."""

    def read(self) -> Recorded | None:
        """The event in its current version; None for a marker."""
        return None if self.entry is None else self.entry.read()


class NotOfTheLog(Exception):
    """A record of the topic that is no event of the log and no marker."""


class _CloudEvent(msgspec.Struct, frozen=True, gc=False):
    type: str
    time: datetime
    position: str
    afterposition: str
    subject: str = ""
    clientversion: int = 0
    data: msgspec.Raw = msgspec.Raw(b"")


_EVENT = (
    b'{"specversion":"1.0","id":"%d","source":"%b","type":"%b","subject":%b,"time":"%b",'
    b'"datacontenttype":"application/json","position":"%d","afterposition":"%d",'
    b'"clientversion":%d,"data":%b}'
)
_MARKER = (
    b'{"specversion":"1.0","id":"%d-%d","source":"%b","type":"%b","time":"%b",'
    b'"position":"%d","afterposition":"%d"}'
)
_SOURCE = SOURCE.encode()
_decoder = msgspec.json.Decoder(_CloudEvent)
_encode = msgspec.json.Encoder().encode


def event_record(entry: LogEntry, after: int) -> bytes:
    """The record of an event whose partition had reached ``after`` before it."""
    return _EVENT % (
        *(entry.position, _SOURCE, entry.topic.encode(), _encode(entry.client_id)),
        *(_instant(entry.recorded_at), entry.position, after, entry.version, entry.state),
    )


def marker_record(after: int, position: int, recorded_at: datetime) -> bytes:
    """The record of a marker: the partition has nothing between ``after`` and ``position``.

    ``recorded_at`` is that of the event at the position, which is another partition's.
    """
    instant = _instant(recorded_at)
    return _MARKER % (after, position, _SOURCE, MARKER_TYPE.encode(), instant, position, after)


def read_record(value: bytes) -> Passed:
    """What a record says. Raises ``NotOfTheLog``."""
    try:
        event = _decoder.decode(value)
        after, position = int(event.afterposition), int(event.position)
    except (msgspec.DecodeError, ValueError):
        raise NotOfTheLog from None  # the cause's text may quote data
    if event.type == MARKER_TYPE:
        return Passed(after, position, None)
    recorded_at = event.time.astimezone(UTC)
    state = bytes(event.data)
    entry = LogEntry(position, event.subject, event.clientversion, recorded_at, event.type, state)
    return Passed(after, position, entry)


def _instant(instant: datetime) -> bytes:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z").encode()
