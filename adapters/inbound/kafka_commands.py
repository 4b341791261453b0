"""Commands that come as records of a topic: each becomes the records that answer it. No Kafka here.

A command's key is its client id (or ``payee:<payee id>``), its value what would be POSTed, its
headers say the rest. Whoever is known is answered on the receipts' topic as over HTTP. What cannot
be read, or whose sender is not known, becomes a dead letter: it is kept as it came, with a reason
beside it that is a code of ours and nothing that was sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple

from adapters.inbound.authentication import Authenticator
from adapters.inbound.door import SENDERS, Reply, problem_of, reply_to, single
from adapters.inbound.incoming import CORRELATION_PATTERN, KEY_PATTERN
from adapters.inbound.problems import Problem
from adapters.inbound.submitting import InOrder
from adapters.outbound.api_keys import ApiKey
from adapters.outbound.topics import DEAD_LETTERS, RECEIPTS
from adapters.services import Services
from domain.payee.state import is_payee
from processors.ports import LogUnavailable
from processors.receipts import Answer, Submission

REASONS = {
    "record_key_invalid": "Its key is no client id and no payee: too long, not UTF-8 or missing.",
    "header_not_utf8": "A header that counts, or the name of one in its batch, is not UTF-8.",
    "idempotency_key_invalid": "Its idempotency-key is no 1–200 printable ASCII characters.",
    "unsigned": "It has no ofrecord-key, or no ofrecord-signature.",
    "key_unknown": "There is no API key with the id in its ofrecord-key.",
    "key_revoked": "The API key in its ofrecord-key is revoked.",
    "signature_wrong": "Its ofrecord-signature is not that of its key for this record.",
    "malformed_json": "Its value is not one JSON object in UTF-8; its sender was told.",
    "internal_error": "Something went wrong here, the log says what; its sender was told.",
}
"""Why a record became a dead letter."""
RECORD_BYTES_MAX = 1_000_000
"""Of a key and a value together; Kafka takes a little more by default, for headers."""

_RECORD_KEY_BYTES_MAX = 200
_KEPT_TOO = frozenset({"malformed_json", "internal_error"})
_ROUTE = "kafka"


class Record(NamedTuple):
    """A record of the commands' topic as it came."""

    at: str
    """Where it is: topic, partition and offset, with slashes between them."""
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] | None
    """None if they cannot be read."""
    offset: int = 0


class Outgoing(NamedTuple):
    """A record to send."""

    topic: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


class _Dead(Exception):
    """A record with nobody to answer; its text is the reason's code."""


@dataclass(frozen=True, slots=True)
class _Command:
    """A record whose sender is known, so that it is answered whatever is in it."""

    record: Record
    sender: ApiKey
    addressed: str
    key: str
    producer_id: str | None
    correlation_id: str | None

    def submission(self, body_limit_bytes: int) -> Submission:
        """What it submits. Raises ``Problem``."""
        if self.sender.role not in SENDERS:
            raise Problem("role_not_permitted")
        payee = is_payee(self.addressed)
        sent = single(
            self.sender,
            "key:payee_id" if payee else "key:client_id",
            self.addressed.partition(":")[2] if payee else self.addressed,
            *(self.key, self.correlation_id, self.producer_id),
        )
        value = self.record.value or b""
        if len(value) > body_limit_bytes:
            raise Problem("body_too_large")
        return sent.submission(value)


class CommandDoor:
    """Answers records of the commands' topic."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._authenticator = Authenticator(services.keys)

    def answer(self, records: Sequence[Record]) -> list[Outgoing]:
        """The records that answer these, when what they say is durable; in their order.

        Raises ``LogUnavailable`` while the database is away: nothing is lost then by answering the
        same records again, from the first.
        """
        in_order = InOrder(self._services.commands)
        answers: list[Outgoing] = []
        for taken in [self._take(record, in_order) for record in records]:
            answers += taken if isinstance(taken, list) else self._decided(*taken)
        return answers

    def _take(
        self, record: Record, in_order: InOrder
    ) -> list[Outgoing] | tuple[_Command, Future[Answer]]:
        """A record's command, submitted; or the answers where it came to none."""
        try:
            command = self._authenticated(record)
        except _Dead as dead:
            return [_dead_letter(record, str(dead))]
        try:
            submission = command.submission(self._services.http.body_limit_bytes)
        except Exception as error:  # noqa: BLE001 - one record's fault is told in its own answer
            return _told(command, error)
        return command, in_order.submit(submission)

    def _decided(self, command: _Command, future: Future[Answer]) -> list[Outgoing]:
        try:
            return [_receipt(command, reply_to(future.result()))]
        except LogUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one record's fault is told in its own answer
            return _told(command, error)

    def _authenticated(self, record: Record) -> _Command:
        """Raises ``_Dead`` where the sender is not known."""
        if record.headers is None:
            raise _Dead("header_not_utf8")
        headers = {name: value for name, value in record.headers if value is not None}
        addressed = _record_key(record)
        key = _text(headers, "idempotency-key") or ""
        if re.fullmatch(KEY_PATTERN, key) is None:
            raise _Dead("idempotency_key_invalid")
        key_id, signature = _text(headers, "ofrecord-key"), _text(headers, "ofrecord-signature")
        if not key_id or not signature:
            raise _Dead("unsigned")
        producer_id = _text(headers, "producer-id")
        sender = self._authenticator.find(key_id) if "\0" not in key_id else None
        if sender is None:
            raise _Dead("key_unknown")
        signed = (addressed, key, producer_id or "")
        message = b"\0".join([*(part.encode() for part in signed), record.value or b""])
        if not sender.signed(message, signature):
            raise _Dead("signature_wrong")
        if sender.revoked_at is not None:
            raise _Dead("key_revoked")
        return _Command(
            record, sender, addressed, key, producer_id, _text(headers, "correlation-id")
        )


def _record_key(record: Record) -> str:
    key = record.key or b""
    try:
        if 0 < len(key) <= _RECORD_KEY_BYTES_MAX:
            return key.decode()
    except UnicodeDecodeError:
        pass
    raise _Dead("record_key_invalid")


def _text(headers: dict[str, bytes], name: str) -> str | None:
    value = headers.get(name)
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        raise _Dead("header_not_utf8") from None


def _reply_of(problem: Problem) -> Reply:
    """A problem's reply; one with more faults than a record can carry is told without them."""
    body = problem.body()
    if len(body) > RECORD_BYTES_MAX:
        body = Problem(problem.code, problem.detail).body()
    return Reply(problem.status, body)


def _told(command: _Command, error: Exception) -> list[Outgoing]:
    problem = problem_of(error, _ROUTE)
    answers = [_receipt(command, _reply_of(problem))]
    if problem.code in _KEPT_TOO:
        answers.append(_dead_letter(command.record, problem.code))
    return answers


def _receipt(command: _Command, reply: Reply) -> Outgoing:
    headers = {
        "status": str(reply.status),
        "idempotency-key": command.key,
        "ofrecord-key": command.sender.key_id,
        "replayed": "true" if reply.repeated else "false",
    }
    correlation_id = command.correlation_id
    if correlation_id is not None and re.fullmatch(CORRELATION_PATTERN, correlation_id):
        headers["correlation-id"] = correlation_id
    return Outgoing(
        RECEIPTS,
        command.record.key,
        reply.body,
        [(name, value.encode()) for name, value in headers.items()],
    )


def _dead_letter(record: Record, reason: str) -> Outgoing:
    """No header of the record is kept: any may have personal data, and ``at`` finds them."""
    key, value = record.key, record.value or b""
    headers = [("reason", reason.encode()), ("at", record.at.encode())]
    if key is not None and len(key) > _RECORD_KEY_BYTES_MAX:
        key = None
    if len(value) > RECORD_BYTES_MAX:  # with what is added it would be more than Kafka takes
        headers.append(("bytes-left-out", str(len(value)).encode()))
        value = b""
    return Outgoing(DEAD_LETTERS, key, value, headers)
