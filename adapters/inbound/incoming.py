"""A transaction as it comes in at a door: bytes checked and made a command, or a problem.

Every door reads transactions here, so that what is right at one is right at all. Nothing that the
sender wrote is repeated in what is said about it, but for names that look like names of fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from pydantic import StringConstraints, TypeAdapter, ValidationError

from adapters.inbound.problems import Fault, Problem
from domain.catalog import COMMANDS, PAYEE_COMMANDS
from domain.kernel import Command
from domain.payee.state import stream_id
from domain.types import ClientId, Code

KEY_PATTERN = r"^[!-~]([ -~]{0,198}[!-~])?$"
"""An Idempotency-Key: 1–200 printable ASCII characters, no space at either end."""
CORRELATION_PATTERN = r"^[!-~]{1,200}$"
"""A Correlation-Id: 1–200 printable ASCII characters without spaces."""

_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_Fields = dict[str, msgspec.Raw]
_Actions = Mapping[str, type[Command]]
_fields_decoder = msgspec.json.Decoder(_Fields)
_instant_decoder: msgspec.json.Decoder[datetime] = msgspec.json.Decoder(
    Annotated[datetime, msgspec.Meta(tz=True)]
)
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Incoming:
    """A transaction read from a body: the command, and what only importers state."""

    command: Command
    received_at: datetime | None


@dataclass(frozen=True, slots=True)
class IncomingLine:
    """A transaction read from a line: it names its client or payee, and its key, itself."""

    client_id: str
    """The client, or the payee's stream."""
    key: str
    correlation_id: str | None
    producer_id: str | None
    """For whom it is sent: ``as_producer_id``, since actions may have a ``producer_id``."""
    transaction: Incoming


def read_transaction(body: bytes, actions: _Actions = COMMANDS) -> Incoming:
    """The transaction, one of these actions, in a body ``{"type", …}``. Raises ``Problem``."""
    return _transaction(_fields(body), actions)


def read_line(line: bytes) -> IncomingLine:
    """The transaction in a line ``{"client_id", "key", "type", …}``. Raises ``Problem``.

    A line with ``payee_id`` in place of ``client_id`` is an action on that payee.
    """
    fields = _fields(line)
    actions = COMMANDS
    client_id = _text(fields, "client_id", _client_id)
    if client_id is None and (payee_id := _text(fields, "payee_id", _payee_id)) is not None:
        client_id, actions = stream_id(payee_id), PAYEE_COMMANDS
    key = _text(fields, "key", _key)
    if client_id is None or key is None:
        missing = "client_id" if client_id is None else "key"
        raise Problem("invalid_request", errors=[Fault(f"#/{missing}", "Field required")])
    correlation_id = _text(fields, "correlation_id", _correlation_id)
    producer_id = _text(fields, "as_producer_id", _producer_id)
    return IncomingLine(client_id, key, correlation_id, producer_id, _transaction(fields, actions))


def faults_of(error: ValidationError, prefix: str = "#/") -> list[Fault]:
    """What pydantic found wrong, with pointers and without the values."""
    return [fault_of(detail, prefix) for detail in error.errors(include_url=False)]


def fault_of(detail: Any, prefix: str) -> Fault:
    """One of pydantic's findings, without the value it found."""
    path = "/".join(_step(step) for step in detail["loc"])
    sentence = str(detail["msg"]).removeprefix("Value error, ")
    value = detail.get("input")
    if isinstance(value, str) and len(value) > 2 and value in sentence:
        sentence = "This value is not allowed here"
    return Fault(prefix + path, sentence)


def _step(step: int | str) -> str:
    if isinstance(step, int) or _FIELD_NAME.fullmatch(step):
        return str(step)
    return "*"


def _fields(body: bytes) -> _Fields:
    try:
        return _fields_decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Problem("malformed_json") from None


def _transaction(fields: _Fields, actions: _Actions) -> Incoming:
    kind = _text(fields, "type", _any_text, keep=True)
    action = actions.get(kind or "")
    if action is None:
        sentence = "Field required" if kind is None else "There is no transaction of this type"
        raise Problem("invalid_request", errors=[Fault("#/type", sentence)])
    received_at = _instant(fields)
    try:
        command = action.model_validate_json(_encoder.encode(fields))
    except ValidationError as error:
        raise _problem_of(error) from None
    return Incoming(command, received_at)


def _instant(fields: _Fields) -> datetime | None:
    raw = fields.pop("received_at", None)
    if raw is None or bytes(raw) == b"null":
        return None
    try:
        return _instant_decoder.decode(raw).astimezone(UTC)
    except (msgspec.DecodeError, OverflowError, ValueError):
        fault = Fault("#/received_at", "An instant is written like 2026-03-04T15:00:00Z")
        raise Problem("invalid_request", errors=[fault]) from None


# ── The fields beside the command ──────────────────────────────────────────────────────────────

Key = Annotated[str, StringConstraints(pattern=KEY_PATTERN)]
CorrelationId = Annotated[str, StringConstraints(pattern=CORRELATION_PATTERN)]
_client_id = TypeAdapter[str](ClientId)
CLIENT_PATTERN: str = _client_id.json_schema()["pattern"]
_key = TypeAdapter[str](Key)
_correlation_id = TypeAdapter[str](CorrelationId)
_producer_id = TypeAdapter[str](Code)
_payee_id = TypeAdapter[str](Code)
PAYEE_PATTERN: str = _payee_id.json_schema()["pattern"]
_any_text = TypeAdapter[str](str)


def _text(fields: _Fields, name: str, form: TypeAdapter[str], *, keep: bool = False) -> str | None:
    """A text field by its form; taken out of ``fields`` unless the command has it too."""
    raw = fields.get(name) if keep else fields.pop(name, None)
    if raw is None or bytes(raw) == b"null":
        return None
    try:
        return form.validate_json(bytes(raw), strict=True)
    except ValidationError as error:
        raise _problem_of(error, f"#/{name}") from None


def _problem_of(error: ValidationError, prefix: str = "#/") -> Problem:
    if any(detail["type"] == "json_invalid" for detail in error.errors(include_url=False)):
        return Problem("malformed_json")  # such as bytes that are not UTF-8
    return Problem("invalid_request", errors=faults_of(error, prefix))


def check_address(place: str, addressed: str, key: str | None, correlation_id: str | None) -> str:
    """The idempotency key of a single transaction, from what its request says beside the body.

    ``place`` is where its client or payee is named, such as ``path:client_id`` or
    ``path:payee_id``, and ``addressed`` what stands there. Raises ``Problem``.
    """
    form = _payee_id if place.endswith("payee_id") else _client_id
    faults = [
        *_faults_in(place, addressed, form),
        *_faults_in("header:Idempotency-Key", key, _key),
        *_faults_in("header:Correlation-Id", correlation_id, _correlation_id),
    ]
    if key is None:
        faults.append(Fault("header:Idempotency-Key", "Header required"))
    if faults or key is None:
        raise Problem("invalid_request", errors=faults)
    return key


def _faults_in(place: str, value: str | None, form: TypeAdapter[str]) -> Sequence[Fault]:
    if value is None:
        return ()
    try:
        form.validate_python(value)
    except ValidationError as error:
        return faults_of(error, place)
    return ()
