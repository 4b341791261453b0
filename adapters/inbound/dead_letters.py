"""Dead letters: records of the commands' topic that had nobody to answer, and what is done to them.

They are in a topic, which only grows: that one was sent again is a record of its own, a note. The
letter has its record's key and value; the headers, which sign it, are still where it came from.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from kafka.errors import CorruptRecordError

from adapters.inbound.kafka_commands import REASONS, Outgoing
from adapters.inbound.kafka_records import Sender, name_is_not_utf8, read_all, read_one
from adapters.outbound.topics import COMMANDS, DEAD_LETTERS

_SENT_AGAIN = "sent_again"


class DeadLetter(msgspec.Struct, frozen=True):
    """A dead letter, without anything that its sender wrote."""

    id: str
    """Partition and offset in the dead letters' topic."""
    reason: str
    at: str
    """Where it came from: topic, partition and offset."""
    since: datetime
    bytes: int
    """Of its value."""
    sent_again: bool


class ShownLetter(msgspec.Struct, frozen=True):
    """A dead letter with what its reason means."""

    letter: DeadLetter
    meaning: str


class NoSuchLetter(Exception):
    """There is no dead letter with this id."""


class CannotSendAgain(Exception):
    """A letter cannot be sent again; the message says why."""


class DeadLetters:
    """The dead letters at a Kafka. Every method raises ``KafkaError`` if it is away."""

    def __init__(self, servers: str) -> None:
        self._servers = servers

    def letters(self) -> list[DeadLetter]:
        """All of them, in the order they came."""
        return [letter for letter, _ in self._read()]

    def show(self, letter_id: str) -> ShownLetter:
        """One of them. Raises ``NoSuchLetter``."""
        letter, _ = self._find(letter_id)
        return ShownLetter(letter, REASONS.get(letter.reason, "Another version gave this reason."))

    def value(self, letter_id: str) -> bytes:
        """What a letter says, as it came. Raises ``NoSuchLetter``."""
        _, record = self._find(letter_id)
        return record.value or b""

    def resend(self, letter_id: str) -> None:
        """Send a letter again, as it came; the intake answers it, or finds it dead once more.

        Raises ``NoSuchLetter`` or ``CannotSendAgain``.
        """
        letter, record = self._find(letter_id)
        original = self._original(letter, record)
        headers = [(name, value) for name, value in original.headers if value is not None]
        again = Outgoing(COMMANDS, original.key, original.value or b"", headers)
        note = [("reason", _SENT_AGAIN.encode()), ("at", letter.id.encode())]
        sender = Sender(self._servers)
        try:
            sender.send([again])
            sender.send([Outgoing(DEAD_LETTERS, None, b"", note)])
        finally:
            sender.close()

    def _original(self, letter: DeadLetter, record: Any) -> Any:
        """The record that became the letter, with its headers."""
        topic, partition, offset = letter.at.split("/")
        try:
            original = read_one(self._servers, topic, int(partition), int(offset))
        except CorruptRecordError as error:
            if not name_is_not_utf8(error):
                raise
            raise CannotSendAgain("The name of one of its headers is not UTF-8.") from None
        if original is None:
            raise CannotSendAgain("The record it came from is not kept any more.")
        value = original.value or b""
        left_out = letter.bytes != len(record.value or b"")
        same = len(value) == letter.bytes if left_out else value == (record.value or b"")
        if not same:  # the topic was deleted and made anew
            raise CannotSendAgain("Another record stands now where it came from.")
        return original

    def _find(self, letter_id: str) -> tuple[DeadLetter, Any]:
        for letter, record in self._read():
            if letter.id == letter_id:
                return letter, record
        raise NoSuchLetter(letter_id)

    def _read(self) -> list[tuple[DeadLetter, Any]]:
        records = list(read_all(self._servers, DEAD_LETTERS))
        sent_again = {at for reason, at in map(_facts, records) if reason == _SENT_AGAIN}
        return list(_letters(records, sent_again))


def _letters(records: list[Any], sent_again: set[str]) -> Iterator[tuple[DeadLetter, Any]]:
    for record in records:
        reason, at = _facts(record)
        if reason == _SENT_AGAIN:
            continue
        letter_id = f"{record.partition}-{record.offset}"
        left_out = int(dict(record.headers).get("bytes-left-out", b"0"))
        yield (
            DeadLetter(
                id=letter_id,
                reason=reason,
                at=at,
                since=datetime.fromtimestamp(record.timestamp / 1000, UTC),
                bytes=left_out or len(record.value or b""),
                sent_again=letter_id in sent_again,
            ),
            record,
        )


def _facts(record: Any) -> tuple[str, str]:
    """The reason of a letter or a note, and where it came from."""
    headers = dict(record.headers)
    return headers.get("reason", b"").decode(), headers.get("at", b"").decode()
