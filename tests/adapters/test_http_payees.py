"""The doors for payees' transactions: what is answered is as for clients'."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import jsonschema
import pytest

from adapters.inbound.http_api import doors
from domain.catalog import PAYEE_COMMANDS
from tests.adapters.served import AGENT, HARBOR, Served, served_with_harbor

STREAM = "payee:A-200"
REGISTER = {**PAYEE_COMMANDS["register_payee"].example, "principal_id": AGENT}
SHARE = {"type": "share_statements", "reader_id": "P-117", "allowed": True}


@pytest.fixture(scope="module")
def api(module_database_url: str) -> Iterator[Served]:
    """The system with Harbor Bakery in it, and agency A-200, whose principal is the broker."""
    with served_with_harbor(module_database_url) as api:
        assert submit(api, REGISTER, "register", "carrier").status_code == 201
        yield api


def submit(
    api: Served, body: Mapping[str, Any], key: str, who: str = "portal", payee_id: str = "A-200"
) -> httpx.Response:
    """Submit one transaction of a payee as someone."""
    headers = {"Idempotency-Key": key} | api.authorization(who)
    path = f"{api.url}/v1/payees/{payee_id}/transactions"
    return httpx.post(path, json=dict(body), headers=headers, timeout=30)


def code_of(response: httpx.Response) -> str:
    """The code of a problem."""
    assert response.headers["content-type"] == "application/problem+json"
    return str(response.json()["code"])


def test_a_payees_transaction_is_answered_with_its_receipt(api: Served) -> None:
    """It names the payee's stream; a repeat has the same bytes; it is read back as completed."""
    first, second = (submit(api, SHARE, "share-1") for _ in range(2))
    assert (first.status_code, second.content) == (201, first.content)
    assert second.headers["idempotency-replayed"] == "true"
    receipt = first.json()
    assert (receipt["client_id"], receipt["status"]) == (STREAM, "accepted")
    assert [event["type"] for event in receipt["events"]] == ["statements_shared"]
    after = {"after": receipt["position"]}
    view = api.get(first.headers["location"], "portal", params=after).json()
    assert (view["status"], view["type"]) == ("completed", "share_statements")


def test_a_key_stands_for_one_thing_over_clients_and_payees(api: Served) -> None:
    """A client and a payee of the same id are two."""
    assert submit(api, SHARE, "one-key", "carrier", payee_id=HARBOR).status_code == 404
    other = api.submit({"type": "terminate_client", "last_day": "2026-12-31"}, "one-key", "carrier")
    assert (other.status_code, code_of(other)) == (422, "idempotency_key_reused")


def test_someone_elses_payee_is_as_one_that_does_not_exist(api: Served) -> None:
    """For every action, and for reading what was sent; the same words in both answers."""
    for name, command in PAYEE_COMMANDS.items():
        body = command.example
        answers = [
            submit(api, body, f"{name}-{payee_id}", "stranger", payee_id)
            for payee_id in ("A-200", "A-999")
        ]
        assert [(a.status_code, code_of(a)) for a in answers] == [(404, "payee_not_found")] * 2
        told = [a.json()["detail"].replace("A-999", "A-200") for a in answers]
        assert told[0] == told[1]
    sent = submit(api, SHARE, "read-by-others", "carrier").headers["location"]
    assert api.get(sent, "stranger").status_code == 404
    assert api.get(sent, "auditor").status_code == 200


def test_who_was_let_in_reads_what_was_sent_until_shut_out(api: Served) -> None:
    """At once: what a payee allows or takes back holds for the next read."""
    share = {**SHARE, "reader_id": "P-900"}
    sent = submit(api, share, "let-in").headers["location"]
    assert api.get(sent, "stranger").status_code == 200
    assert submit(api, {**share, "allowed": False}, "shut-out").status_code == 201
    assert api.get(sent, "stranger").status_code == 404


def test_the_payee_itself_may_not_send_the_carriers_actions(api: Served) -> None:
    """403 with the rule's own code."""
    response = submit(api, REGISTER, "carrier-only")
    assert (response.status_code, code_of(response)) == (403, "carrier_only")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"type": "terminate_client", "last_day": "2026-12-31"}, "#/type"),
        ({**SHARE, "allowed": "perhaps"}, "#/allowed"),
        ({**REGISTER, "account_ending": "44175"}, "#/account_ending"),
        ({**SHARE, "client_id": "C1"}, "#/client_id"),
    ],
)
def test_what_is_no_action_of_a_payee_is_refused(
    api: Served, body: dict[str, Any], pointer: str
) -> None:
    """A client's action neither; and the value is not repeated."""
    response = submit(api, body, "wrong", "carrier")
    assert (response.status_code, code_of(response)) == (422, "invalid_request")
    assert [fault["pointer"] for fault in response.json()["errors"]] == [pointer]
    assert "44175" not in response.text


def test_a_payees_action_is_none_of_a_client(api: Served) -> None:
    """And a payee's stream is no client at the clients' door."""
    wrong = api.submit(SHARE, "of-a-client", "carrier")
    assert (wrong.status_code, code_of(wrong)) == (422, "invalid_request")
    body = {"type": "terminate_client", "last_day": "2026-12-31"}
    wrong = api.submit(body, "of-a-payee", "carrier", client_id=STREAM)
    assert [fault["pointer"] for fault in wrong.json()["errors"]] == ["path:client_id"]
    assert api.get(f"/v1/clients/{STREAM}").status_code == 422


def test_a_payees_id_has_the_form_of_ids(api: Served) -> None:
    """What else the path holds is told as a fault there."""
    response = submit(api, SHARE, "no-id", payee_id="payee:A-200")
    pointers = [fault["pointer"] for fault in response.json()["errors"]]
    assert (response.status_code, pointers) == (422, ["path:payee_id"])


def test_a_line_of_a_batch_may_name_a_payee(api: Served) -> None:
    """Beside lines of clients; one that names both is a client's, with a field too many."""
    lines = [
        {"payee_id": "P-300", "key": "line-1", "type": "register_payee", "kind": "producer"}
        | {"pay_by": "check"},
        {"client_id": HARBOR, "key": "line-2", "type": "register_payee"},
        {"payee_id": "P-300", "key": "line-3", "type": "order_id_card"},
        {"payee_id": "P 300", "key": "line-4", **SHARE},
        {"client_id": HARBOR, "payee_id": "P-300", "key": "line-5", **SHARE},
        {"payee_id": "P-300", "key": "line-6", **SHARE},
    ]
    answer = api.batch(b"\n".join(json.dumps(line).encode() for line in lines))
    told = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["status"] for line in told] == [201, 422, 422, 422, 422, 201]
    assert told[0]["client_id"] == "payee:P-300"
    assert [line["problem"]["errors"][0]["pointer"] for line in told[1:5]] == [
        "#/type",
        "#/type",
        "#/payee_id",
        "#/type",
    ]


def test_nothing_that_follows_the_log_stops_at_a_payee(api: Served) -> None:
    """Every projection applies payees' events; none parks them."""
    position = submit(api, {**SHARE, "reader_id": "P-118"}, "follow-1").json()["position"]
    assert api.application.projectors.wait_until_applied(position, 30)
    assert not api.application.services.rows.parked()


@pytest.mark.parametrize("name", PAYEE_COMMANDS)
def test_the_document_shows_every_action_of_payees(name: str) -> None:
    """With an example that fits."""
    document: dict[str, Any] = json.loads(doors("1").state.document)
    body = document["paths"]["/v1/payees/{payee_id}/transactions"]["post"]["requestBody"]
    example = body["content"]["application/json"]["examples"][name]["value"]
    assert example["type"] == name
    jsonschema.validate(example, {**document, "$ref": "#/components/schemas/PayeeTransaction"})
