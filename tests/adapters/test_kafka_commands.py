"""What records of commands are answered, without Kafka: the door on a real PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.bootstrap import open_application
from adapters.inbound.kafka_commands import RECORD_BYTES_MAX
from adapters.outbound.topics import DEAD_LETTERS, RECEIPTS
from tests.adapters.commanded import (
    Portals,
    a_record,
    an_address,
    code_of,
    reason_of,
    signed,
    status_of,
)
from tests.adapters.served import AGENT, HARBOR, SUBSCRIBER

CANARY = "Canary-Zwilling"


@pytest.fixture(scope="module")
def portals(module_database_url: str) -> Iterator[Portals]:
    """A door with Harbor Bakery behind it."""
    with open_application(module_database_url) as application:
        yield Portals(application)


# ── Who is known is answered ───────────────────────────────────────────────────────────────────


def test_a_command_is_answered_with_its_receipt(portals: Portals) -> None:
    """Under the sender's record key, with the sender's own names for it."""
    answer = portals.send(an_address("1 First St"), "accepted-1", correlation_id=b"task-42")
    receipt = json.loads(answer.value)
    assert (answer.topic, answer.key) == (RECEIPTS, HARBOR.encode())
    assert dict(answer.headers) == {
        "status": b"201",
        "idempotency-key": b"accepted-1",
        "ofrecord-key": portals.tokens["portal"].split("_")[1].encode(),
        "correlation-id": b"task-42",
        "replayed": b"false",
    }
    assert (receipt["status"], receipt["client_id"]) == ("accepted", HARBOR)
    history = portals.application.services.log.history(HARBOR, receipt["client_version"] - 1, 1)
    assert history[0].cause.correlation_id == "task-42"


def test_a_repeat_is_answered_with_the_same_bytes(portals: Portals) -> None:
    """I2: in the same batch and in a later one, accepted or refused, and it says that it is one."""
    late = {"type": "remove_subscriber", "member_id": SUBSCRIBER, "last_day": "2026-01-31"}
    for body, key in ((an_address("2 Second St"), "repeat-1"), (late, "repeat-2")):
        record = portals.record(body, key)
        answers = [*portals.door.answer([record, record]), *portals.door.answer([record])]
        assert len({answer.value for answer in answers}) == 1
        replayed = [dict(answer.headers)["replayed"] for answer in answers]
        assert replayed == [b"false", b"true", b"true"]


def test_http_and_kafka_give_the_same_receipt_for_the_same_key(portals: Portals) -> None:
    """A key is its sender's, whichever door it is sent to."""
    kafka = portals.send(an_address("3 Third St"), "both-1")
    stored = portals.application.services.log.receipt(json.loads(kafka.value)["transaction_id"])
    assert stored is not None
    assert stored.body == kafka.value


def test_a_batch_is_answered_in_its_order(portals: Portals) -> None:
    """Each by its own record, whatever its neighbours are."""
    records = [
        portals.record(an_address("4 Fourth St"), "batch-1"),
        a_record(b"{}", {}),
        portals.record({"type": "explode"}, "batch-2"),
        portals.record(an_address("5 Fifth St"), "batch-3"),
    ]
    answers = portals.door.answer(records)
    assert [answer.topic for answer in answers] == [RECEIPTS, DEAD_LETTERS, RECEIPTS, RECEIPTS]
    first, last = json.loads(answers[0].value), json.loads(answers[3].value)
    assert last["client_version"] == first["client_version"] + 1


def test_the_rules_of_the_domain_are_problems_with_a_receipt(portals: Portals) -> None:
    """As over HTTP: with the rule's own code, and hidden where it must be."""
    late = {"type": "remove_subscriber", "member_id": SUBSCRIBER, "last_day": "2026-01-31"}
    end = {"type": "terminate_client", "last_day": "2026-12-31"}
    for body, who, expected in (
        (late, "portal", (422, "retro_limit_exceeded")),
        (end, "portal", (403, "carrier_only")),
        (an_address(), "stranger", (404, "client_not_found")),
    ):
        answer = portals.send(body, f"rule-{expected[1]}", who)
        assert (status_of(answer), code_of(answer)) == expected
        assert json.loads(answer.value)["receipt"]["status"] == "refused"


@pytest.mark.parametrize(
    ("who", "producer_id", "expected"),
    [
        ("portal", AGENT, 201),
        ("portal", "P-900", "producer_not_permitted"),
        ("many", None, "producer_required"),
        ("many", AGENT, 201),
        ("many", "P-900", "client_not_found"),
        ("many", "no/such", "invalid_request"),
        ("auditor", None, "role_not_permitted"),
        ("operations", None, "role_not_permitted"),
    ],
)
def test_roles_and_producers_are_those_of_http(
    portals: Portals, who: str, producer_id: str | None, expected: int | str
) -> None:
    """A portal speaks for its producer and no other; who only reads submits nothing."""
    answer = portals.send(an_address(), f"as-{who}-{expected}", who, producer_id=producer_id)
    assert (status_of(answer) if expected == 201 else code_of(answer)) == expected


def test_only_an_importer_states_when_it_was_received(portals: Portals) -> None:
    """The backfill permission is a carrier key's own (handbook §1)."""
    body = an_address("6 Sixth St") | {"received_at": "2026-11-01T12:00:00Z"}
    for who in ("portal", "carrier"):
        assert code_of(portals.send(body, f"backfill-{who}", who)) == "backfill_not_permitted"
    future = body | {"received_at": "2999-01-01T00:00:00Z"}
    assert code_of(portals.send(future, "backfill-future", "importer")) == "received_in_future"


def test_a_payee_is_addressed_by_its_stream(portals: Portals) -> None:
    """With its own actions, and not a client's."""
    body = {"type": "register_payee", "kind": "producer", "pay_by": "check"}
    answer = portals.send(body, "payee-1", "carrier", b"payee:P-77")
    assert (status_of(answer), answer.key) == (201, b"payee:P-77")
    assert json.loads(answer.value)["client_id"] == "payee:P-77"
    client = portals.send(an_address(), "payee-2", "carrier", b"payee:P-77")
    assert code_of(client) == "invalid_request"


def test_a_key_reused_for_something_else_is_refused(portals: Portals) -> None:
    """Other content, another client: the key stands for the first."""
    assert status_of(portals.send(an_address("7 Seventh St"), "reused-1")) == 201
    for other in (
        portals.send(an_address("8 Eighth St"), "reused-1"),
        portals.send(an_address("7 Seventh St"), "reused-1", addressed=b"another"),
    ):
        assert (status_of(other), code_of(other)) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("body", "options", "pointer"),
    [
        ({"type": "explode"}, {}, "#/type"),
        ({"type": "change_address", "member_id": CANARY}, {}, "#/member_id"),
        (an_address() | {CANARY: 1}, {}, "#/*"),
        (an_address() | {"received_at": CANARY}, {"who": "importer"}, "#/received_at"),
        (an_address(), {"addressed": b"no/client"}, "key:client_id"),
        (an_address(), {"addressed": b"payee:no/payee"}, "key:payee_id"),
        (an_address(), {"correlation_id": b"two words"}, "header:Correlation-Id"),
    ],
)
def test_what_is_wrong_is_pointed_at_and_not_repeated(
    portals: Portals, body: dict[str, Any], options: dict[str, Any], pointer: str
) -> None:
    """The sender is told where; what stood there is nobody's business."""
    answer = portals.send(body, "wrong-1", **options)
    assert (status_of(answer), code_of(answer)) == (422, "invalid_request")
    assert pointer in [fault["pointer"] for fault in json.loads(answer.value)["errors"]]
    assert CANARY.encode() not in answer.value
    assert "correlation-id" not in dict(answer.headers)


def test_a_value_that_is_too_large_is_refused(portals: Portals) -> None:
    """By the limit of an HTTP body."""
    answer = portals.send(b" " * 1_000_001, "large-1")
    assert (status_of(answer), code_of(answer)) == (413, "body_too_large")


def test_a_problem_with_too_many_faults_for_a_record_is_told_without_them(portals: Portals) -> None:
    """Else Kafka would not take the answer, and the intake would stand still for ever."""
    body = an_address() | {f"f{number}": 1 for number in range(50_000)}
    answer = portals.send(body, "many-faults-1")
    assert code_of(answer) == "invalid_request"
    assert len(answer.value) < RECORD_BYTES_MAX


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"null", b'{"type": "\xff"}', None])
def test_what_is_no_json_is_told_to_its_sender_and_kept(
    portals: Portals, value: bytes | None
) -> None:
    """Nobody can read it, so it is a dead letter too."""
    headers = signed(portals.tokens["portal"], HARBOR.encode(), "malformed-1", value or b"")
    told, kept = portals.door.answer([a_record(value, headers)])
    assert (status_of(told), code_of(told)) == (400, "malformed_json")
    assert (reason_of(kept), kept.value) == ("malformed_json", value or b"")
