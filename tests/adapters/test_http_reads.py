"""Reads over HTTP, on a real server, PostgreSQL and projectors, with Harbor Bakery in them."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import httpx
import msgspec
import pytest

from adapters.inbound.http_reads import csv_lines
from adapters.outbound.views import RosterLine
from domain.client.open_client import OpenClient
from processors.ports import ParkedClient
from projections.catalog import PROJECTIONS
from tests.adapters.served import (
    AGENT,
    EXAMPLE,
    HARBOR,
    SUBSCRIBER,
    Served,
    served,
    served_with_harbor,
)

MEMBER = f"/v1/clients/{HARBOR}/members/{SUBSCRIBER}"
OF_THE_CLIENT = (
    f"/v1/clients/{HARBOR}",
    f"/v1/clients/{HARBOR}/roster",
    f"/v1/clients/{HARBOR}/roster?format=csv",
    f"/v1/clients/{HARBOR}/census",
    f"/v1/clients/{HARBOR}/transactions",
    MEMBER,
    f"{MEMBER}/transactions",
)
OF_THE_BOOK = tuple(
    f"/v1/producers/{AGENT}/{what}" for what in ("book", "book/summary", "transactions")
)
FOR_STAFF = ("/v1/lag", "/v1/parked", "/v1/overdue", "/v1/counts", "/metrics")
HISTORY = f"/v1/clients/{HARBOR}/history"


@pytest.fixture(scope="module")
def api(module_database_url: str) -> Iterator[Served]:
    """The system with Harbor Bakery in it."""
    with served_with_harbor(module_database_url) as api:
        yield api


# ── Who sees what ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", OF_THE_CLIENT + OF_THE_BOOK)
def test_the_agent_of_record_the_carrier_and_auditors_read_a_client(api: Served, path: str) -> None:
    """And an operator does not: there is personal data in it."""
    for who in ("portal", "carrier", "auditor"):
        assert api.get(path, who).status_code == 200, who
    refused = api.get(path, "operations")
    assert (refused.status_code, refused.json()["code"]) == (403, "role_not_permitted")


@pytest.mark.parametrize("path", OF_THE_CLIENT + OF_THE_BOOK)
def test_to_another_broker_a_client_is_as_one_that_does_not_exist(api: Served, path: str) -> None:
    """The answers cannot be told apart."""
    hidden = api.get(path, "stranger")
    absent = api.get(path.replace(HARBOR, "no-such-client").replace(AGENT, "P-NONE"), "stranger")
    assert (hidden.status_code, hidden.json()["code"]) == (404, "not_found")
    assert (absent.status_code, absent.content) == (404, hidden.content)


def test_to_another_broker_a_transaction_is_as_one_that_does_not_exist(api: Served) -> None:
    """Whether it left events or a receipt alone."""
    page = api.get(f"/v1/clients/{HARBOR}/transactions").json()
    path = f"/v1/transactions/{page['items'][0]['transaction_id']}"
    assert api.get(path, "portal").status_code == 200
    hidden = api.get(path, "stranger")
    absent = api.get(f"/v1/transactions/{'0' * 32}", "stranger")
    assert (hidden.status_code, hidden.content) == (404, absent.content)


@pytest.mark.parametrize("path", FOR_STAFF)
def test_staff_read_how_the_work_goes_and_portals_do_not(api: Served, path: str) -> None:
    """Lag, parked and overdue work, in ids and numbers."""
    for who in ("operations", "auditor", "carrier"):
        assert api.get(path, who).status_code == 200, who
    assert api.get(path, "portal").status_code == 403


def test_the_raw_history_is_for_auditors_and_the_carrier(api: Served) -> None:
    """Whether the client exists is not told to anyone else."""
    for who in ("auditor", "carrier"):
        assert api.get(HISTORY, who).status_code == 200
    for who in ("portal", "operations"):
        assert api.get(HISTORY, who).status_code == 403
        assert api.get("/v1/clients/no-such-client/history", who).status_code == 403
    assert api.get("/v1/clients/no-such-client/history").status_code == 404


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer x", "Basic eDp5", f"Bearer ofr_{'a' * 12}_{'b' * 43}"]
)
def test_without_a_valid_key_nothing_is_read(api: Served, authorization: str) -> None:
    """401, and how to come in."""
    response = api.get("/v1/lag", headers={"Authorization": authorization})
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert response.headers["www-authenticate"].startswith("Bearer")


def test_a_revoked_key_is_refused_within_a_second(api: Served) -> None:
    """It may be remembered for that long, not longer."""
    keys = api.application.services.keys
    made = keys.create("auditor", "leaving")
    headers = {"Authorization": f"Bearer {made.token}"}
    assert api.get("/v1/lag", headers=headers).status_code == 200
    assert keys.revoke(made.key_id)
    time.sleep(1.0)
    assert api.get("/v1/lag", headers=headers).status_code == 401


# ── What is read ───────────────────────────────────────────────────────────────────────────────


def test_a_client_says_what_a_broker_asks(api: Served) -> None:
    """Subgroups, plans and rates, agent of record, administrator, whom to call."""
    client = api.get(f"/v1/clients/{HARBOR}", "portal").json()
    assert client["name"] == "Harbor Bakery"
    assert client["agent_of_record"]["producer_id"] == AGENT
    assert client["administration"] == {
        "administered_by": "here",
        "administered_here": True,
        "billing_contact": "866-204-3132",
    }
    rates = {plan["plan_id"]: plan["rates"][0]["monthly"] for plan in client["plans"]}
    assert rates == {"SILVER": "480.00", "BRONZE": "410.00"}
    assert [subgroup["subgroup_id"] for subgroup in client["subgroups"]] == ["MAIN"]


def test_the_premiums_of_the_worked_example_are_read_back(api: Served) -> None:
    """January 2026 of handbook §9, to the cent."""
    roster = api.get(f"/v1/clients/{HARBOR}/roster", params={"true_on": "2026-01-31"}).json()
    total = sum(int(line["monthly"].replace(".", "")) for line in roster["items"])
    assert (len(roster["items"]), total) == (9, 510_768)


def test_a_roster_pages_and_comes_as_csv(api: Served) -> None:
    """The pages together are the file."""
    path = f"/v1/clients/{HARBOR}/roster"
    wanted: dict[str, Any] = {"true_on": "2026-01-31", "limit": 4}
    members: list[str] = []
    while True:
        page = api.get(path, params=wanted).json()
        members += [line["member_id"] for line in page["items"]]
        if page["next"] is None:
            break
        wanted["cursor"] = page["next"]
    as_asked = api.get(path, params={"true_on": "2026-01-31", "format": "csv"})
    as_accepted = api.get(path, params={"true_on": "2026-01-31"}, headers={"Accept": "text/csv"})
    for response in (as_asked, as_accepted):
        assert response.headers["content-type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(response.text)))
        assert [row["member_id"] for row in rows] == members
        assert rows[0]["monthly"] == "598.08"


def a_roster_line(**changes: Any) -> RosterLine:
    """A covered subscriber."""
    line = RosterLine(
        subgroup_id="MAIN",
        subscriber_id=SUBSCRIBER,
        member_id=SUBSCRIBER,
        relationship="subscriber",
        first_name="Ada",
        last_name="Moor",
        birth_date=date(1990, 5, 20),
        plan_id="SILVER",
        first_day=date(2026, 1, 1),
        last_day=None,
        cobra_event=None,
        tier=None,
        monthly="480.00",
    )
    return msgspec.structs.replace(line, **changes)


def test_a_long_roster_is_one_file() -> None:
    """Written in pieces, each line once."""
    lines = [a_roster_line(member_id=f"{number:011}") for number in range(1_001)]
    rows = list(csv.DictReader(io.StringIO("".join(csv_lines(lines)))))
    assert [row["member_id"] for row in rows] == [line.member_id for line in lines]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_no_name_in_a_csv_file_is_a_formula(name: str) -> None:
    """A spreadsheet would compute it; what is no formula stays as it is."""
    (row,) = csv.DictReader(io.StringIO("".join(csv_lines([a_roster_line(last_name=name)]))))
    assert (row["last_name"], row["first_name"]) == (f"'{name}", "Ada")


def test_the_census_agrees_with_the_roster(api: Served) -> None:
    """The same people, counted."""
    wanted = {"true_on": "2026-01-31"}
    census = api.get(f"/v1/clients/{HARBOR}/census", params=wanted).json()
    assert (census["subscribers"], census["members"]) == (3, 9)
    assert sum(band["members"] for band in census["by_age"]) == 9


def test_a_book_lists_its_clients_and_counts_them(api: Served) -> None:
    """By segment; filtered, it is that segment's."""
    book = api.get(f"/v1/producers/{AGENT}/book", "portal").json()
    assert [line["client_id"] for line in book["items"]] == [HARBOR]
    none = api.get(f"/v1/producers/{AGENT}/book", "portal", params={"segment": "solo"}).json()
    assert none["items"] == []
    summary = api.get(f"/v1/producers/{AGENT}/book/summary", "portal").json()
    assert summary["by_segment"] == [{"segment": "small_group", "clients": 1}]


def test_transactions_are_listed_for_a_member_a_client_and_a_book(api: Served) -> None:
    """All of Harbor Bakery's are in its client's list and its agent's book; newest first."""
    count = len(EXAMPLE.read_bytes().splitlines())
    client = api.get(f"/v1/clients/{HARBOR}/transactions", params={"limit": 500}).json()["items"]
    book = api.get(f"/v1/producers/{AGENT}/transactions", params={"limit": 500}).json()["items"]
    member = api.get(f"{MEMBER}/transactions").json()["items"]
    positions = [line["position"] for line in client]
    assert len(client) == count
    assert positions == sorted(positions, reverse=True)
    assert book == client
    assert "add_subscriber" in {line["type"] for line in member}
    assert {line["transaction_id"] for line in member} < {line["transaction_id"] for line in client}
    wanted = {"type": "add_subscriber", "status": "completed", "received_to": "2025-12-31"}
    filtered = api.get(f"/v1/clients/{HARBOR}/transactions", params=wanted).json()["items"]
    assert {line["type"] for line in filtered} == {"add_subscriber"}


def test_the_raw_history_pages_by_version(api: Served) -> None:
    """Versions 1..n without gaps, each event with who sent it (I3)."""
    versions: list[int] = []
    after = 0
    while after is not None:
        page = api.get(HISTORY, params={"after_version": after, "limit": 3}).json()
        versions += [event["version"] for event in page["items"]]
        after = page["next_after_version"]
    assert versions == list(range(1, len(versions) + 1))
    first = api.get(HISTORY, params={"limit": 1}).json()["items"][0]
    assert (first["type"], first["cause"]["sender"]) == ("client_opened", "importer")


def test_lag_is_told_for_each_projection(api: Served) -> None:
    """Nothing is behind when all is applied."""
    items = api.get("/v1/lag", "operations").json()["items"]
    assert {item["projection"] for item in items} == {each.name for each in PROJECTIONS}


# ── Waiting for a write ────────────────────────────────────────────────────────────────────────


def test_a_read_that_waits_sees_its_write_every_time(api: Served) -> None:
    """Each change is there in the read that names its position."""
    for number in range(20):
        body = {
            "type": "change_contact",
            "member_id": SUBSCRIBER,
            "email": f"n{number}@example.com",
            "phone": None,
        }
        receipt = api.submit(body, f"wait-{number}").json()
        view = api.get(MEMBER, "portal", params={"after": receipt["position"]}).json()
        assert view["email"] == f"n{number}@example.com"


def test_a_parked_clients_write_is_not_waited_for(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """504 at once, though the projection has passed its position; to a stranger still 404."""
    receipt = api.submit({"type": "order_id_card", "member_id": SUBSCRIBER, "reason": "lost"}, "p")
    after = {"after": receipt.json()["position"]}
    parked = ParkedClient(
        projection="book_of_business",
        client_id=HARBOR,
        position=after["after"],
        version=1,
        error="ZeroDivisionError",
        parked_at=datetime(2026, 11, 1, tzinfo=UTC),
    )
    assert api.get(MEMBER, "portal", params=after).status_code == 200
    monkeypatch.setattr(api.application.services.rows, "parked", lambda: [parked])
    response = api.get(MEMBER, "portal", params=after)
    assert (response.status_code, response.json()["code"]) == (504, "not_yet_applied")
    assert api.get(MEMBER, "stranger", params=after).status_code == 404
    assert api.get(MEMBER, "portal", params={"after": after["after"] - 1}).status_code == 200


def test_a_read_does_not_wait_for_ever(database_url: str) -> None:
    """Where nothing projects, the time limit ends it: 504, and the reader may come again."""
    with served(database_url, projecting=False) as api:
        receipt = api.submit(dict(OpenClient.example), "open-1", "carrier").json()
        started = time.monotonic()
        response = api.get(f"/v1/clients/{HARBOR}", params={"after": receipt["position"]})
        assert (response.status_code, response.json()["code"]) == (504, "not_yet_applied")
        assert 4.5 < time.monotonic() - started < 10


# ── Bad input ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        (f"/v1/clients/{HARBOR}?after=x", "query:after"),
        (f"/v1/clients/{HARBOR}?after=-1", "query:after"),
        (f"/v1/clients/{HARBOR}?after=999999", "query:after"),
        (f"/v1/clients/{HARBOR}?after=99999999999999999999", "query:after"),
        (f"/v1/clients/{HARBOR}/roster?true_on=2026-02-30", "query:true_on"),
        (f"/v1/clients/{HARBOR}/roster?cursor=nonsense", "query:cursor"),
        (f"/v1/clients/{HARBOR}/transactions?status=lost", "query:status"),
        (f"/v1/clients/{HARBOR}/transactions?limit=0", "query:limit"),
        (f"/v1/clients/{HARBOR}/transactions?sender=a%00b", "query:sender"),
        (f"/v1/clients/{HARBOR}/members/7", "path:member_id"),
        ("/v1/clients/%20/census", "path:client_id"),
        ("/v1/transactions/xyz", "path:transaction_id"),
        ("/v1/producers/P-100/book?segment=all", "query:segment"),
        ("/v1/producers/P-100/book?segmnet=solo", "query:segmnet"),
        ("/v1/producers/P-100/book?Canary%20Zwilling=1", "query:*"),
    ],
)
def test_a_wrong_parameter_is_pointed_at(api: Served, path: str, pointer: str) -> None:
    """422, and where."""
    response = api.get(path)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert pointer in [fault["pointer"] for fault in response.json()["errors"]]


def test_what_is_not_offered_is_a_problem_too(api: Served) -> None:
    """Unknown paths, and methods that a path does not have."""
    unknown = api.get("/v2/everything")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    response = httpx.delete(f"{api.url}/v1/lag", headers=api.authorization("carrier"))
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert response.headers["allow"] == "GET"
    both = httpx.delete(f"{api.url}/v1/clients/{HARBOR}/transactions")
    assert both.headers["allow"] == "GET, POST"
    for answer in (unknown, response, both):
        assert answer.headers["content-type"] == "application/problem+json"
