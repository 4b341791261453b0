"""Commands as portals send them over Kafka: signed records, and what is answered to them."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from adapters.bootstrap import Application
from adapters.inbound.kafka_commands import CommandDoor, Outgoing, Record
from adapters.outbound.api_keys import split_token
from adapters.outbound.topics import DEAD_LETTERS, RECEIPTS
from tests.adapters.served import AGENT, EXAMPLE, HARBOR, SUBSCRIBER

Headers = dict[str, bytes]


def signed(
    token: str, addressed: bytes, key: str, value: bytes, producer_id: str | None = None
) -> Headers:
    """The headers of a command that its sender signed."""
    parts = split_token(token)
    assert parts is not None
    message = b"\0".join([addressed, key.encode(), (producer_id or "").encode(), value])
    secret = hashlib.sha256(parts[1].encode()).digest()
    headers = {
        "idempotency-key": key.encode(),
        "ofrecord-key": parts[0].encode(),
        "ofrecord-signature": hmac.new(secret, message, "sha256").hexdigest().encode(),
    }
    return headers if producer_id is None else headers | {"producer-id": producer_id.encode()}


def a_record(
    value: bytes | None, headers: Headers, key: bytes | None = b"harbor-bakery", offset: int = 0
) -> Record:
    """A record of the commands' topic."""
    at = f"ofrecord.commands/0/{offset}"
    return Record(at, key, value, list(headers.items()), offset)


def status_of(answer: Outgoing) -> int:
    """The status of a receipt."""
    assert answer.topic == RECEIPTS
    return int(dict(answer.headers)["status"])


def code_of(answer: Outgoing) -> str:
    """The code of a problem among the receipts, whose form is checked on the way."""
    problem: dict[str, Any] = json.loads(answer.value)
    assert problem["status"] == status_of(answer)
    assert problem["type"] == f"urn:ofrecord:problem:{problem['code']}"
    return str(problem["code"])


def reason_of(answer: Outgoing) -> str:
    """The reason of a dead letter."""
    assert answer.topic == DEAD_LETTERS
    return dict(answer.headers)["reason"].decode()


class Portals:
    """The door, Harbor Bakery behind it, and those who send to it."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.door = CommandDoor(application.services)
        keys = application.services.keys
        self.tokens = {
            "portal": keys.create("portal", "portal-one", AGENT).token,
            "stranger": keys.create("portal", "portal-two", "P-900").token,
            "many": keys.create("portal", "portal-many").token,
            "carrier": keys.create("carrier", "staff").token,
            "importer": keys.create("carrier", "importer", permissions=["backfill"]).token,
            "auditor": keys.create("auditor", "audit").token,
            "operations": keys.create("operations", "ops").token,
        }
        lines = [json.loads(line) for line in EXAMPLE.read_text().splitlines()]
        records = [self._line(line) for line in lines]
        assert {status_of(answer) for answer in self.door.answer(records)} == {201}

    def _line(self, line: dict[str, Any]) -> Record:
        client, key = line.pop("client_id"), line.pop("key")
        return self.record(line, key, "importer", client.encode())

    def record(
        self,
        body: dict[str, Any] | bytes,
        key: str,
        who: str = "portal",
        addressed: bytes = HARBOR.encode(),
        producer_id: str | None = None,
        **headers: bytes,
    ) -> Record:
        """A command, signed."""
        value = body if isinstance(body, bytes) else json.dumps(body).encode()
        right = signed(self.tokens[who], addressed, key, value, producer_id)
        return a_record(
            value, right | {n.replace("_", "-"): v for n, v in headers.items()}, addressed
        )

    def send(self, *args: Any, **options: Any) -> Outgoing:
        """Send a command that is answered by one record."""
        (answer,) = self.door.answer([self.record(*args, **options)])
        return answer


def an_address(line1: str = "9 Quay Rd") -> dict[str, Any]:
    """A change of address that holds from today."""
    return {
        "type": "change_address",
        "member_id": SUBSCRIBER,
        "address": {"line1": line1, "city": "Mystic", "state": "CT", "zip": "06355"},
    }
