"""The document of the Kafka topics, AsyncAPI 3.0: what each carries, for whoever reads or writes.

``python -m adapters.inbound.asyncapi`` writes it to ``schemas/asyncapi.json``, beside the published
schemas that it refers to. Like the API's document it derives from what the program goes by: what is
added to the actions, events, refusals or reasons appears there by itself.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from adapters.inbound.describing import SCHEMA_PATH
from adapters.inbound.http_docs import problem_schema, transaction_schemas
from adapters.inbound.incoming import CORRELATION_PATTERN, KEY_PATTERN
from adapters.inbound.kafka_commands import REASONS
from adapters.inbound.problems import MEDIA_TYPE, Fault
from adapters.outbound.topics import COMMANDS, DEAD_LETTERS, EVENTS, RECEIPTS
from domain.catalog import COMMANDS as ACTIONS
from domain.catalog import PAYEE_COMMANDS
from processors.receipts import Receipt
from schemas.cloud_events import CONTENT_TYPE, MARKER_TYPE, SOURCE
from schemas.publishing import PUBLISHED

DOCUMENT = PUBLISHED.parent / "asyncapi.json"

_MESSAGE_PATH = "#/components/messages/"
_CORRELATED = {"location": "$message.header#/correlation-id"}
_POSITION = {"type": "string", "pattern": "^[0-9]+$"}
_KEY = {"type": "string", "pattern": KEY_PATTERN}
_TEXT = {"type": "string"}


def document() -> dict[str, Any]:
    """The whole document."""
    events = {**_event_messages(), MARKER_TYPE: _marker_message()}
    others = _other_messages()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Of Record",
            "version": version("ofrecord"),
            "description": "What happens to a carrier's clients and payees, as it happens; and"
            " transactions that portals send over Kafka instead of HTTP. Headers are UTF-8.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "events": _channel(EVENTS, _EVENTS_TOLD, *events),
            "commands": _channel(COMMANDS, _COMMANDS_TOLD, "transaction", "payee_transaction"),
            "receipts": _channel(RECEIPTS, _RECEIPTS_TOLD, "receipt", "problem"),
            "dead_letters": _channel(DEAD_LETTERS, _DEAD_LETTERS_TOLD, "dead_letter"),
        },
        "operations": {
            "publish_events": _operation("send", "events"),
            "take_commands": {
                **_operation("receive", "commands"),
                "reply": {"channel": {"$ref": "#/channels/receipts"}},
            },
            "answer_commands": _operation("send", "receipts"),
            "keep_dead_letters": _operation("send", "dead_letters"),
        },
        "components": {"messages": events | others, "schemas": _schemas()},
    }


def text() -> str:
    """The file's content."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


_EVENTS_TOLD = (
    "The log: every event once, in its order within a client, whose id is the record's key. Reading"
    " uncommitted records is harmless: they are durable in the log already. A record that comes"
    " again, or a relay that begins anew, repeats positions: pass over what is not beyond the"
    " position reached in its partition. `afterposition` is the position that the partition had"
    " reached before: one beyond what was reached means that records are missing."
)
_COMMANDS_TOLD = (
    "Transactions, each as it would be POSTed over HTTP. The record's key is the client's id, or"
    " `payee:` and the payee's. `ofrecord-signature` is the HMAC-SHA256, in hexadecimal, of record"
    " key, idempotency key, producer id (or nothing) and value with a NUL between each two, under"
    " the SHA-256 of the API key's secret part. Every transaction is answered at least once."
)
_RECEIPTS_TOLD = (
    "The answers: a receipt, or a problem; the same bytes as over HTTP, and the same again if the"
    " transaction comes again. The record's key is that of the transaction's."
)
_DEAD_LETTERS_TOLD = (
    "Records of the commands' topic that could not be read or whose sender is not known, as they"
    " came: for operations. `ofrecord dead-letters` lists them and sends them again. A letter with"
    " the reason `sent_again` is a note that the one at `at` was."
)


def _channel(address: str, told: str, *messages: str) -> dict[str, Any]:
    return {
        "address": address,
        "description": told,
        "messages": {name: {"$ref": _MESSAGE_PATH + name} for name in messages},
    }


def _operation(action: str, channel: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}


# ── The log ────────────────────────────────────────────────────────────────────────────────────


def _event_messages() -> dict[str, Any]:
    """A message for every version of an event that was ever published."""
    return {file.stem: _event_message(file) for file in sorted(PUBLISHED.glob("*.json"))}


def _event_message(file: Path) -> dict[str, Any]:
    published = json.loads(file.read_text(encoding="utf-8"))
    schema = {"$ref": f"{file.parent.name}/{file.name}"}
    return {
        "name": file.stem,
        "summary": published["description"].splitlines()[0],
        "contentType": CONTENT_TYPE,
        "bindings": {"kafka": {"key": {"type": "string", "description": "As subject."}}},
        "payload": {
            "allOf": [{"$ref": f"{SCHEMA_PATH}CloudEvent"}],
            "required": ["subject", "datacontenttype", "clientversion", "data"],
            "properties": {
                "type": {"const": file.stem},
                "subject": {"type": "string", "description": "The client, or `payee:<payee id>`."},
                "datacontenttype": {"const": "application/json"},
                "clientversion": {
                    "type": "integer",
                    "minimum": 1,
                    "description": "1, 2, 3, … within the client, without a gap.",
                },
                "data": schema,
            },
        },
    }


def _marker_message() -> dict[str, Any]:
    return {
        "name": MARKER_TYPE,
        "summary": "A partition has nothing more up to a position; it has no key.",
        "contentType": CONTENT_TYPE,
        "payload": {
            "allOf": [{"$ref": f"{SCHEMA_PATH}CloudEvent"}],
            "properties": {"type": {"const": MARKER_TYPE}},
        },
    }


def _cloud_event() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "CloudEvents 1.0 in structured JSON mode.",
        "required": [
            *("specversion", "id", "source", "type", "time"),
            *("position", "afterposition"),
        ],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": _TEXT,
            "source": {"const": SOURCE},
            "type": _TEXT,
            "time": {"type": "string", "format": "date-time", "description": "Recorded at."},
            "position": {**_POSITION, "description": "In the log: a number, as a text."},
            "afterposition": {
                **_POSITION,
                "description": "The position that this partition had reached before.",
            },
        },
    }


# ── Commands and their answers ─────────────────────────────────────────────────────────────────


def _other_messages() -> dict[str, Any]:
    """Commands, what is answered, and what nobody could be answered to."""
    answered = {
        "status": {"type": "string", "description": "As over HTTP.", "pattern": "^[1-5][0-9]{2}$"},
        "idempotency-key": _KEY,
        "ofrecord-key": {"type": "string", "description": "The sender's API key's id."},
        "replayed": {"enum": ["true", "false"], "description": "Whether it was decided before."},
    }
    correlation = {"correlation-id": {"type": "string", "pattern": CORRELATION_PATTERN}}
    sent = {
        "idempotency-key": _KEY,
        "ofrecord-key": {"type": "string", "description": "An API key's id: ofr_<id>_<secret>."},
        "ofrecord-signature": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    }
    producer = {"producer-id": {"type": "string", "description": "For whom the portal speaks."}}
    dead = {
        "reason": {"enum": [*REASONS, "sent_again"], "description": _reasons()},
        "at": {"type": "string", "description": "Topic/partition/offset that it came from."},
    }
    left_out = {"bytes-left-out": {**_POSITION, "description": "Where the value was too large."}}
    return {
        "transaction": _message("Of a client.", "Transaction", sent, producer | correlation),
        "payee_transaction": _message(
            "Of a payee.", "PayeeTransaction", sent, producer | correlation
        ),
        "receipt": _message("It is decided: accepted.", "Receipt", answered, correlation),
        "problem": {
            **_message("It is refused, or cannot be taken.", "Problem", answered, correlation),
            "contentType": MEDIA_TYPE,
        },
        "dead_letter": {
            **_message("A record, as it came.", None, dead, left_out),
            "contentType": "application/octet-stream",
        },
    }


def _message(
    summary: str, schema: str | None, headers: dict[str, Any], optional: dict[str, Any]
) -> dict[str, Any]:
    message = {
        "summary": summary,
        "headers": {
            "type": "object",
            "required": list(headers),
            "properties": headers | optional,
        },
    }
    if schema is not None:
        message["payload"] = {"$ref": SCHEMA_PATH + schema}
    if "correlation-id" in optional:
        message["correlationId"] = _CORRELATED
    return message


def _reasons() -> str:
    return "\n".join(f"`{code}`: {sentence}" for code, sentence in REASONS.items())


def _schemas() -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components(
        [Fault, Receipt], ref_template=SCHEMA_PATH + "{name}"
    )
    schemas |= transaction_schemas("Transaction", ACTIONS)
    schemas |= transaction_schemas("PayeeTransaction", PAYEE_COMMANDS)
    for name in ("Transaction", "PayeeTransaction"):
        schemas[name]["discriminator"] = "type"  # OpenAPI has an object there
    schemas |= {"Problem": problem_schema(), "CloudEvent": _cloud_event()}
    return dict(sorted(schemas.items()))


if __name__ == "__main__":
    DOCUMENT.write_text(text(), encoding="utf-8")
