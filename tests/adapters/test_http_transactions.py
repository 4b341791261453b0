"""Submitting transactions over HTTP, on a real server and a real PostgreSQL."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from domain.catalog import COMMANDS
from domain.kernel import Command
from tests.adapters.served import AGENT, HARBOR, SUBSCRIBER, Served, served_with_harbor

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def api(module_database_url: str) -> Iterator[Served]:
    """The system with Harbor Bakery in it."""
    with served_with_harbor(module_database_url) as api:
        yield api


def an_address(line1: str = "9 Quay Rd", member_id: str = SUBSCRIBER) -> dict[str, Any]:
    """A change of address that holds from today."""
    return {
        "type": "change_address",
        "member_id": member_id,
        "address": {"line1": line1, "city": "Mystic", "state": "CT", "zip": "06355"},
    }


def code_of(response: httpx.Response) -> str:
    """The code of a problem, whose form is checked on the way."""
    assert response.headers["content-type"] == PROBLEM
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["type"] == f"urn:ofrecord:problem:{problem['code']}"
    return str(problem["code"])


def test_an_accepted_transaction_is_answered_with_its_receipt(api: Served) -> None:
    """201, where to read it, and a position under which the reader sees it."""
    response = api.submit(an_address("1 First St"), "accepted-1")
    receipt = response.json()
    assert (response.status_code, receipt["status"]) == (201, "accepted")
    assert response.headers["content-type"] == "application/json"
    assert [event["type"] for event in receipt["events"]] == ["address_changed"]
    read = api.get(response.headers["location"], params={"after": receipt["position"]})
    assert read.json()["transaction_id"] == receipt["transaction_id"]
    path = f"/v1/clients/{HARBOR}/members/{SUBSCRIBER}"
    member = api.get(path, "portal", params={"after": receipt["position"]}).json()
    assert member["address"]["line1"] == "1 First St"


def test_a_repeat_is_answered_byte_for_byte_the_same(api: Served) -> None:
    """For ever, and it says that it is one; spaces between the JSON's words do not matter."""
    first = api.submit(an_address("2 Second St"), "repeat-1")
    body = json.dumps(an_address("2 Second St"), indent=3).encode()
    second = api.submit(body, "repeat-1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert first.headers["location"] == second.headers["location"]


def test_a_key_reused_for_something_else_is_refused(api: Served) -> None:
    """Other content, another client: the key stands for the first."""
    assert api.submit(an_address("3 Third St"), "reused-1").status_code == 201
    for other in (
        api.submit(an_address("4 Fourth St"), "reused-1"),
        api.submit(an_address("3 Third St"), "reused-1", client_id="another"),
    ):
        assert (other.status_code, code_of(other)) == (422, "idempotency_key_reused")


def test_a_hundred_sends_of_one_key_at_once_have_one_effect(api: Served) -> None:
    """I2: one receipt, one event, the same bytes for everyone."""
    before = api.get(f"/v1/clients/{HARBOR}/history", params={"limit": 500}).json()["items"]
    with ThreadPoolExecutor(100) as pool:
        answers = list(
            pool.map(lambda _: api.submit(an_address("5 Fifth St"), "hundred-1"), range(100))
        )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    after = api.get(f"/v1/clients/{HARBOR}/history", params={"limit": 500}).json()["items"]
    assert len(after) == len(before) + 1


def test_a_refused_transaction_is_a_problem_with_its_receipt(api: Served) -> None:
    """422, the rule's code and sentence; repeats are the same bytes."""
    body = {"type": "remove_subscriber", "member_id": SUBSCRIBER, "last_day": "2026-01-31"}
    first, second = (api.submit(body, "refused-1") for _ in range(2))
    assert (first.status_code, code_of(first)) == (422, "retro_limit_exceeded")
    problem = first.json()
    assert problem["receipt"]["status"] == "refused"
    assert problem["detail"] == problem["receipt"]["sentence"]
    assert second.content == first.content
    assert second.headers["idempotency-replayed"] == "true"


def test_what_holds_already_is_accepted_without_an_event(api: Served) -> None:
    """It is read back by its receipt, and is completed at once."""
    api.submit(an_address("6 Sixth St"), "same-1")
    again = api.submit(an_address("6 Sixth St"), "same-2")
    assert (again.status_code, again.json()["events"]) == (201, [])
    view = api.get(again.headers["location"], "portal").json()
    assert (view["status"], view["event_count"], view["sender"]) == ("completed", 0, None)


def test_another_brokers_client_is_as_one_that_does_not_exist(api: Served) -> None:
    """The same status, the same words, in submissions of either kind and in their receipts."""
    hidden = api.submit(an_address(), "stranger-1", "stranger")
    absent = api.submit(an_address(), "stranger-2", "stranger", client_id="no-such-client")
    assert (hidden.status_code, code_of(hidden)) == (404, "client_not_found")
    assert (absent.status_code, code_of(absent)) == (404, "client_not_found")

    def told(response: httpx.Response, client_id: str) -> dict[str, Any]:
        problem: dict[str, Any] = json.loads(response.text.replace(client_id, "…"))
        for name in ("transaction_id", "received_at", "recorded_at"):
            del problem["receipt"][name]
        return problem

    assert told(hidden, HARBOR) == told(absent, "no-such-client")
    assert set(hidden.headers) == set(absent.headers)
    transaction_id = hidden.json()["receipt"]["transaction_id"]
    assert api.get(f"/v1/transactions/{transaction_id}", "stranger").status_code == 404


def test_a_brokers_portal_may_not_send_the_carriers_actions(api: Served) -> None:
    """403 with the rule's own code."""
    body = {"type": "terminate_client", "last_day": "2026-12-31"}
    response = api.submit(body, "carrier-only-1")
    assert (response.status_code, code_of(response)) == (403, "carrier_only")


@pytest.mark.parametrize("who", ["auditor", "operations"])
def test_who_only_reads_submits_nothing(api: Served, who: str) -> None:
    """Neither one transaction nor many."""
    response = api.submit(an_address(), f"reader-{who}", who)
    assert (response.status_code, code_of(response)) == (403, "role_not_permitted")
    assert (api.batch(b"{}", who).status_code) == 403


def test_a_portal_speaks_for_its_producer_and_no_other(api: Served) -> None:
    """A key bound to one producer needs no header; one for many must name one."""
    for who, headers, expected in (
        ("portal", {"Producer-Id": AGENT}, 201),
        ("portal", {"Producer-Id": "P-900"}, "producer_not_permitted"),
        ("many", {}, "producer_required"),
        ("many", {"Producer-Id": AGENT}, 201),
        ("many", {"Producer-Id": "P-900"}, "client_not_found"),
        ("many", {"Producer-Id": "no/such"}, "invalid_request"),
    ):
        key = f"speaks-{who}-{len(headers)}-{expected}"
        response = api.submit(an_address(), key, who, **headers)
        got = response.status_code if response.status_code == 201 else code_of(response)
        assert got == expected, (who, headers)


def test_only_an_importer_states_when_it_was_received(api: Served) -> None:
    """The backfill permission is a carrier key's own (handbook §1)."""
    body = an_address("7 Seventh St") | {"received_at": "2026-11-01T12:00:00Z"}
    for who in ("portal", "carrier"):
        response = api.submit(body, f"backfill-{who}", who)
        assert (response.status_code, code_of(response)) == (403, "backfill_not_permitted")
    future = body | {"received_at": "2999-01-01T00:00:00Z"}
    assert code_of(api.submit(future, "backfill-future", "importer")) == "received_in_future"


def test_a_correlation_id_is_kept_with_the_transaction(api: Served) -> None:
    """So that the sender finds it by the sender's own name for the task."""
    headers = {"Correlation-Id": "task-42"}
    response = api.submit(an_address("8 Eighth St"), "correlated-1", **headers)
    receipt = response.json()
    path = f"/v1/transactions/{receipt['transaction_id']}"
    view = api.get(path, params={"after": receipt["position"]}).json()
    assert view["correlation_id"] == "task-42"


# ── Bad input ──────────────────────────────────────────────────────────────────────────────────

DEEP = b'{"type":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed_json"),
        (b"{", 400, "malformed_json"),
        (b"[]", 400, "malformed_json"),
        (b"null", 400, "malformed_json"),
        (b'{"type": "change_address"} x', 400, "malformed_json"),
        (b'{"type": "change_address", "member_id": "\xff"}', 400, "malformed_json"),
        (b'{"type": "change_address", "member_id": "\\ud800"}', 400, "malformed_json"),
        (DEEP, 400, "malformed_json"),
        (b"x" * 1_000_001, 413, "body_too_large"),
    ],
)
def test_a_body_that_is_no_json_object_is_a_problem(
    api: Served, body: bytes, status: int, code: str
) -> None:
    """And nothing is stored for its key."""
    response = api.submit(body, "malformed-1")
    assert (response.status_code, code_of(response)) == (status, code)


def test_a_body_of_unknown_length_is_limited_too(api: Served) -> None:
    """Sent in pieces, without saying how large it will be."""

    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * 65_536

    headers = api.authorization("portal") | {"Content-Type": "application/json"}
    path = f"{api.url}/v1/clients/{HARBOR}/transactions"
    headers |= {"Idempotency-Key": "pieces-1"}
    response = httpx.post(path, content=pieces(), headers=headers)
    assert (response.status_code, code_of(response)) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"type": None}, "#/type"),
        ({"type": "explode"}, "#/type"),
        ({"type": 7}, "#/type"),
        ({"member_id": "123"}, "#/member_id"),
        ({"address": {"line1": "x"}}, "#/address/city"),
        ({"colour": "vermilion"}, "#/colour"),
        ({"received_at": "yesterday"}, "#/received_at"),
        ({"received_at": "2026-11-01T12:00:00"}, "#/received_at"),
        ({"effective_on": "2026-02-30"}, "#/effective_on"),
        (
            {"address": {"line1": "a\0b", "city": "c", "state": "CT", "zip": "06355"}},
            "#/address/line1",
        ),
    ],
)
def test_a_wrong_field_is_pointed_at_and_its_value_not_repeated(
    api: Served, changes: dict[str, Any], pointer: str
) -> None:
    """The pointer says where; what stood there is nobody's business."""
    canary = "Canary-Zwilling"
    body = an_address(canary) | changes
    response = api.submit(body, "wrong-1", "importer")
    assert (response.status_code, code_of(response)) == (422, "invalid_request")
    assert pointer in [fault["pointer"] for fault in response.json()["errors"]]
    for value in (canary, "explode", "vermilion", "yesterday", "2026-02-30"):
        assert value not in response.text


def _texts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every part of a JSON Schema that is about a text which is not one of a few words."""
    if isinstance(schema, dict):
        if schema.get("type") == "string" and not {"enum", "const", "format"} & set(schema):
            yield schema
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from _texts(part)


@pytest.mark.parametrize("action", COMMANDS.values(), ids=list(COMMANDS))
def test_every_text_has_a_form_that_keeps_control_characters_out(action: type[Command]) -> None:
    """No database column could hold them; the event would stop its client's projection."""
    for text in _texts(action.model_json_schema()):
        for value in ("\0", "a\0b", "a\0@b.cc", "0\0"):
            assert not re.search(text["pattern"], value), text


def test_no_action_has_a_field_that_a_line_has_for_itself() -> None:
    """A line's own fields would hide the action's."""
    of_the_line = {"client_id", "key", "received_at", "correlation_id", "as_producer_id"}
    for name, action in COMMANDS.items():
        assert not of_the_line & set(action.model_fields), name


def test_a_name_that_is_no_fields_name_is_not_repeated(api: Served) -> None:
    """Somebody's name may stand where a field's should."""
    response = api.submit(an_address() | {"Canary Zwilling": 1}, "wrong-2")
    assert code_of(response) == "invalid_request"
    assert "Canary" not in response.text


@pytest.mark.parametrize("key", ["", "x" * 201, "tab\tkey", "é"])
def test_an_idempotency_key_is_printable_and_short(api: Served, key: str) -> None:
    """1–200 printable ASCII characters."""
    headers = [(b"idempotency-key", key.encode("latin-1"))]
    headers += [
        (name.encode(), value.encode()) for name, value in api.authorization("portal").items()
    ]
    path = f"{api.url}/v1/clients/{HARBOR}/transactions"
    response = httpx.post(path, json=an_address(), headers=headers)
    assert (response.status_code, code_of(response)) == (422, "invalid_request")
    assert response.json()["errors"][0]["pointer"] == "header:Idempotency-Key"


def test_a_missing_idempotency_key_is_pointed_at(api: Served) -> None:
    """Nothing is ever done without one."""
    path = f"{api.url}/v1/clients/{HARBOR}/transactions"
    response = httpx.post(path, json=an_address(), headers=api.authorization("portal"))
    assert code_of(response) == "invalid_request"


def test_a_body_of_another_media_type_is_a_problem(api: Served) -> None:
    """Only JSON is a transaction."""
    for media_type in ("text/plain", "", "application/xml"):
        headers = {"Content-Type": media_type}
        response = api.submit(b"{}", "media-1", **headers)
        assert (response.status_code, code_of(response)) == (415, "unsupported_media_type")


def test_an_impossible_client_id_is_pointed_at(api: Served) -> None:
    """Before anything is looked up."""
    response = api.submit(an_address(), "impossible-1", client_id="no%00thing")
    assert (response.status_code, code_of(response)) == (422, "invalid_request")
    assert response.json()["errors"][0]["pointer"] == "path:client_id"
