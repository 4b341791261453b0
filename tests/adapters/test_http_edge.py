"""What the HTTP door does when things break, and what it says about itself."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import jsonschema
import pytest

from adapters.inbound.http_api import doors
from domain.catalog import COMMANDS
from domain.kernel import REFUSALS
from tests.adapters.served import HARBOR, SUBSCRIBER, Served, served_with_harbor
from tests.conftest import PostgresForTests

CANARY = "Canary-Zwilling"


@pytest.fixture(scope="module")
def api(module_database_url: str) -> Iterator[Served]:
    """The system with Harbor Bakery in it."""
    with served_with_harbor(module_database_url) as api:
        yield api


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The API's document."""
    document: dict[str, Any] = json.loads(doors("1").state.document)
    return document


def an_address(line1: str) -> dict[str, Any]:
    """A change of address."""
    return {
        "type": "change_address",
        "member_id": SUBSCRIBER,
        "address": {"line1": line1, "city": "Mystic", "state": "CT", "zip": "06355"},
    }


# ── Faults ─────────────────────────────────────────────────────────────────────────────────────


def test_an_outage_is_told_and_over_when_the_database_is_back(
    api: Served, module_database_url: str, postgres: PostgresForTests
) -> None:
    """503 with Retry-After meanwhile; then the same key has its one effect."""
    assert api.submit(an_address("before"), "outage-0").status_code == 201
    postgres.take_away(module_database_url)
    attempts: list[Callable[[], httpx.Response]] = [
        lambda: api.get(f"/v1/clients/{HARBOR}", "portal"),
        lambda: api.submit(an_address("during"), "outage-1"),
        lambda: httpx.get(f"{api.url}/readyz", timeout=30),
    ]
    try:
        assert httpx.get(f"{api.url}/healthz").status_code == 200
        with ThreadPoolExecutor() as pool:
            answers = list(pool.map(lambda attempt: attempt(), attempts))
    finally:
        postgres.bring_back(module_database_url)
    for response in answers:
        assert (response.status_code, response.json()["code"]) == (503, "log_unavailable")
        assert response.headers["retry-after"] == "1"
    again = api.submit(an_address("during"), "outage-1")
    assert (again.status_code, again.json()["status"]) == (201, "accepted")
    assert api.get(f"/v1/clients/{HARBOR}", "portal").status_code == 200
    assert httpx.get(f"{api.url}/readyz").json() == {"status": "ok"}


def test_a_fault_of_the_program_is_told_without_detail(
    api: Served, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """500 and nothing of what broke, neither in the answer nor in the log; others go on."""

    def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError(CANARY)

    store = type(api.application.services.reads)
    with monkeypatch.context() as patched:
        patched.setattr(store, "client", breaks)
        response = api.get(f"/v1/clients/{HARBOR}")
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert CANARY not in response.text
    logged = capfd.readouterr().err
    assert "ZeroDivisionError" in logged
    assert CANARY not in logged
    assert api.get(f"/v1/clients/{HARBOR}").status_code == 200


def test_requests_are_logged_without_personal_data(
    api: Served, capfd: pytest.CaptureFixture[str]
) -> None:
    """Method, template of the route, status, time, key and sender; no path, query or body."""
    api.submit(an_address(CANARY), "logged-1")
    api.submit(an_address("x") | {"colour": CANARY}, "logged-2")
    api.get(f"/v1/clients/{HARBOR}/roster?cursor={CANARY}")
    api.get(f"/v1/{CANARY}")
    written = capfd.readouterr().err
    lines = [json.loads(line) for line in written.splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in requests] == [
        ("POST", "/v1/clients/{client_id}/transactions", 201),
        ("POST", "/v1/clients/{client_id}/transactions", 422),
        ("GET", "/v1/clients/{client_id}/roster", 422),
        ("GET", "(none)", 404),
    ]
    assert (requests[0]["sender"], len(requests[0]["key_id"])) == ("portal-one", 12)
    assert CANARY not in written
    assert not [token for token in api.tokens.values() if token in written]


def test_waiting_readers_do_not_stop_the_others(api: Served) -> None:
    """More readers than threads may wait: everyone else is served meanwhile."""
    head = api.application.services.log.head()
    rows = api.application.services.rows
    before = rows.position
    held = threading.Event()

    def behind(projection: str) -> int:
        return before(projection) if held.is_set() else head - 1

    rows.position = behind  # type: ignore[method-assign]  # the store, as if it lagged
    path = f"{api.url}/v1/clients/{HARBOR}"
    headers = api.authorization("portal")
    statuses: list[int] = []

    def wait() -> None:
        response = httpx.get(path, params={"after": head}, headers=headers, timeout=30)
        statuses.append(response.status_code)

    readers = [threading.Thread(target=wait) for _ in range(60)]
    try:
        for reader in readers:
            reader.start()
        assert httpx.get(path, headers=headers, timeout=3).status_code == 200
        assert statuses == []
        held.set()
    finally:
        held.set()
        for reader in readers:
            reader.join()
        rows.position = before  # type: ignore[method-assign]  # as it was
    assert statuses == [200] * 60


# ── The document and its page ──────────────────────────────────────────────────────────────────


def test_the_document_is_served_with_its_page_and_needs_no_network(api: Served) -> None:
    """Script and style come from this server, and neither is empty."""
    assert httpx.get(f"{api.url}/openapi.json").json()["openapi"].startswith("3.1.")
    page = httpx.get(f"{api.url}/docs")
    assert page.headers["content-type"].startswith("text/html")
    wanted = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert [name for name in wanted if "//" in name] == []
    for name in wanted:
        if not name.startswith("data:"):
            asset = httpx.get(f"{api.url}/{name}")
            assert (asset.status_code, len(asset.content) > 10_000) == (200, True), name
    assert httpx.get(f"{api.url}/docs/other.js").status_code == 404


@pytest.mark.parametrize("name", COMMANDS)
def test_the_document_shows_every_action_with_an_example_that_fits(
    name: str, document: dict[str, Any]
) -> None:
    """Also an action that is added tomorrow."""
    body = document["paths"]["/v1/clients/{client_id}/transactions"]["post"]["requestBody"]
    example = body["content"]["application/json"]["examples"][name]["value"]
    assert example["type"] == name
    jsonschema.validate(example, {**document, "$ref": "#/components/schemas/Transaction"})


def test_the_document_has_every_code(document: dict[str, Any]) -> None:
    """As a value that a problem's code can have, and with its sentence for people."""
    codes = set(document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"])
    assert codes > set(REFUSALS)
    for code, refusal in REFUSALS.items():
        assert f"| `{code}` |" in document["info"]["description"]
        assert refusal.sentence in document["info"]["description"]


def test_refusals_are_listed_for_anyone(api: Served) -> None:
    """The catalogue needs no key."""
    items = httpx.get(f"{api.url}/v1/refusals").json()["items"]
    assert {item["code"] for item in items} == set(REFUSALS)
    assert {item["code"]: item["status"] for item in items}["client_not_found"] == 404


def test_everything_but_health_and_documents_needs_a_key(
    api: Served, document: dict[str, Any]
) -> None:
    """A route that is added tomorrow is closed, too."""
    for path, operations in document["paths"].items():
        for method in operations:
            filled = path.replace("{client_id}", "C").replace("{producer_id}", "P")
            filled = filled.replace("{member_id}", SUBSCRIBER).replace("{transaction_id}", "0" * 32)
            response = httpx.request(method, api.url + filled)
            open_ = path in ("/healthz", "/readyz", "/v1/refusals")
            assert response.status_code == (200 if open_ else 401), path
            assert ("security" in operations[method]) is not open_
