"""Billing runs at the HTTP door: begun, watched, repeated, refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest

from processors.runs import RunRequest, Tally
from tests.adapters.served import Served, served
from tests.processors.sending import opening, send

_RUNS = "/v1/billing-runs"
_CLIENT = "C1"


@pytest.fixture(scope="module")
def api(module_database_url: str) -> Iterator[Served]:
    """The system with one client, whose first month is January 2026."""
    with served(module_database_url) as api:
        send(api.application.services.commands, opening(_CLIENT))
        yield api


def _post(
    api: Served,
    body: dict[str, Any] | bytes,
    who: str = "importer",
    path: str = _RUNS,
    **headers: str,
) -> httpx.Response:
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    sent = {"Content-Type": "application/json"} | api.authorization(who) | headers
    return httpx.post(api.url + path, headers=sent, timeout=30, **content)  # type: ignore[arg-type]  # one of the two


def _ended(api: Served, location: str) -> dict[str, Any]:
    for _ in range(600):
        run: dict[str, Any] = api.get(location, "operations").json()
        if run["state"] != "running":
            return run
        time.sleep(0.05)
    raise AssertionError(run)


def _done(api: Served, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    begun = _post(api, body, **headers)
    assert begun.status_code == 202, begun.text
    return _ended(api, begun.headers["Location"])


def test_a_run_is_begun_watched_and_its_invoice_is_there(api: Served) -> None:
    """202 with its address; then progress and counts, and a position to read what it did."""
    begun = _post(api, {"month": "2026-01", "run_on": "2026-01-05"})
    assert begun.status_code == 202
    run_id = begun.json()["run_id"]
    assert begun.headers["Location"] == f"{_RUNS}/{run_id}"
    run = _ended(api, begun.headers["Location"])
    assert (run["state"], run["month"], run["run_on"]) == ("finished", "2026-01-01", "2026-01-05")
    assert (run["done"], run["total"], run["counts"]["invoiced"]) == (1, 1, 1)
    assert (run["started_by"], run["attempt"]) == ("importer", 1)
    [sent] = api.get(
        f"/v1/clients/{_CLIENT}/transactions?type=produce_invoice&after={run['position']}"
    ).json()["items"]
    assert (sent["sender"], sent["correlation_id"]) == ("billing-run", run_id)


def test_the_same_key_is_the_same_run(api: Served) -> None:
    """Also when it has ended; with other content it is refused."""
    first = _done(api, {"month": "2026-02"}, **{"Idempotency-Key": "k-1"})
    again = _post(api, {"month": "2026-02"}, **{"Idempotency-Key": "k-1"})
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (202, "true")
    assert (again.json()["run_id"], again.json()["state"]) == (first["run_id"], "finished")
    other = _post(api, {"month": "2026-03"}, **{"Idempotency-Key": "k-1"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_a_commission_run_is_the_same_run_under_the_same_key(api: Served) -> None:
    """However often it is asked for; with other content, or some clients only, it is refused."""
    path, key = "/v1/commission-runs", {"Idempotency-Key": "pay-1"}
    begun = _post(api, {"month": "2026-02"}, path=path, **key)
    assert begun.status_code == 202
    location = begun.headers["Location"]
    assert location == f"{path}/{begun.json()['run_id']}"
    run = _ended(api, location)
    assert (run["kind"], run["state"], run["total"]) == ("commission", "finished", 0)
    for _ in range(3):
        again = _post(api, {"month": "2026-02"}, path=path, **key)
        assert (again.status_code, again.headers["Idempotency-Replayed"]) == (202, "true")
        assert (again.json()["run_id"], again.json()["attempt"]) == (run["run_id"], 1)
    other = _post(api, {"month": "2026-03"}, path=path, **key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    some = _post(api, {"month": "2026-02", "clients": [_CLIENT]}, path=path)
    assert [fault["pointer"] for fault in some.json()["errors"]] == ["#/clients"]
    early = _post(api, {"month": "2199-01"}, path=path)
    assert [fault["pointer"] for fault in early.json()["errors"]] == ["#/month"]
    assert _post(api, {"month": "2026-02"}, "operations", path=path).status_code == 403
    assert [item["run_id"] for item in api.get(path, "auditor").json()["items"]] == [run["run_id"]]


def test_a_skipped_month_is_told_as_behind(api: Served) -> None:
    """With the month to be run first; nothing is produced."""
    run = _done(api, {"month": "2026-06"})
    assert run["counts"]["behind"] == 1
    [behind] = run["behind"]
    assert behind["client_id"] == _CLIENT
    preview = api.get(f"{_RUNS}/preview?month=2026-06", "carrier").json()
    assert (preview["counts"], preview["behind"]) == ({"behind": 1}, [behind])


def test_only_some_clients(api: Served) -> None:
    """One that there is not is refused by its code, and named."""
    run = _done(api, {"month": "2026-01", "clients": ["nobody", _CLIENT, "nobody"]})
    assert run["clients"] == [_CLIENT, "nobody"]
    assert (run["counts"]["already"], run["refused_by_code"]) == (1, {"client_not_found": 1})
    assert [refused["client_id"] for refused in run["first_refused"]] == ["nobody"]


def test_a_second_run_of_the_month_is_in_the_way(api: Served) -> None:
    """409 with the address of the one that goes on."""
    store = api.application.services.runs._store  # the record alone: no thread works on it
    request = RunRequest(kind="billing", month=date(2025, 12, 1), started_by="staff")
    now = api.application.services.clock.now()
    begun = store.begin(request, date(2025, 11, 15), now)
    other = _post(api, {"month": "2025-12"})
    assert (other.status_code, other.json()["code"]) == (409, "run_in_progress")
    assert other.headers["Location"] == f"{_RUNS}/{begun.run.run_id}"
    assert begun.run.run_id in other.json()["detail"]
    store.finish(begun.run, Tally(), "finished", None, now)


def test_runs_are_listed_newest_first_in_pages(api: Served) -> None:
    """Of their kind alone."""
    ids = [_done(api, {"month": "2026-01"})["run_id"] for _ in range(3)]
    first = api.get(f"{_RUNS}?limit=2", "operations").json()
    assert [run["run_id"] for run in first["items"]] == ids[:0:-1]
    second = api.get(f"{_RUNS}?limit=1&cursor={first['next']}", "auditor").json()
    assert [run["run_id"] for run in second["items"]] == ids[:1]
    commission = api.get("/v1/commission-runs", "carrier").json()
    assert not [run for run in commission["items"] if run["kind"] != "commission"]
    assert api.get(f"/v1/commission-runs/{ids[0]}", "carrier").status_code == 404


@pytest.mark.parametrize(
    ("who", "status"),
    [("carrier", 202), ("operations", 403), ("auditor", 403), ("portal", 403)],
)
def test_only_the_carrier_begins_runs(api: Served, who: str, status: int) -> None:
    """Operations and auditors may watch, portals not even that."""
    begun = _post(api, {"month": "2026-01"}, who)
    assert begun.status_code == status
    if status == 202:
        _ended(api, begun.headers["Location"])
    assert api.get(_RUNS, who).status_code == (403 if who == "portal" else 200)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/month"),
        ({"month": "2026-1"}, "#/month"),
        ({"month": "2026-13"}, "#/month"),
        ({"month": "2026-01-02"}, "#/month"),
        ({"month": "2026-01\n"}, "#/month"),
        ({"month": 202601}, "#/month"),
        ({"month": "2199-01"}, "#/month"),
        ({"month": "2026-01", "run_on": "2190-01-01"}, "#/run_on"),
        ({"month": "2026-01", "run_on": 5}, "#/run_on"),
        ({"month": "2026-01", "clients": []}, "#/clients"),
        ({"month": "2026-01", "clients": ["a b"]}, "#/clients/0"),
        ({"month": "2026-01", "received_at": "2026-01-05"}, "#/received_at"),
        ({"month": "2026-01", "received_at": 5}, "#/received_at"),
        ({"month": "2026-01", "received_at": "2190-01-05T00:00:00Z"}, "#/received_at"),
        ({"month": "2026-01", "everyone": True}, "#/everyone"),
    ],
)
def test_what_makes_no_sense_is_pointed_at(api: Served, body: dict[str, Any], pointer: str) -> None:
    """And begins nothing."""
    before = api.get(_RUNS, "operations").json()["items"][:1]
    answer = _post(api, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert api.get(_RUNS, "operations").json()["items"][:1] == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"2026-01"', b"\xff{}"])
def test_what_is_no_object_is_malformed(api: Served, body: bytes) -> None:
    """One JSON object in UTF-8 is expected."""
    answer = _post(api, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


def test_other_faults_have_the_codes_they_have_everywhere(api: Served) -> None:
    """Media type, key, permission, size, parameter, unknown run."""
    month = {"month": "2026-01"}
    assert _post(api, month, **{"Content-Type": "text/plain"}).status_code == 415
    assert _post(api, month, **{"Idempotency-Key": "x" * 201}).json()["code"] == "invalid_request"
    backfill = _post(api, month | {"received_at": "2026-01-05T00:00:00Z"}, "carrier")
    assert backfill.json()["code"] == "backfill_not_permitted"
    assert _post(api, b" " * 1_000_001).status_code == 413
    assert _post(api, month, path=f"{_RUNS}?dry=1").status_code == 422
    assert api.get(f"{_RUNS}/{'0' * 32}", "carrier").json()["code"] == "not_found"
    assert api.get(f"{_RUNS}/x", "carrier").status_code == 422
    assert api.get(f"{_RUNS}?cursor=x", "carrier").status_code == 422
    assert httpx.get(api.url + _RUNS).status_code == 401


def test_an_importer_states_when_it_was_received(api: Served) -> None:
    """Before what is known of the client it is refused, as any transaction would be."""
    run = _done(api, {"month": "2026-03", "received_at": "2026-02-15T17:00:00Z"})
    assert run["run_on"] == "2026-02-15"
    assert run["received_at"] == "2026-02-15T17:00:00Z"
    assert sum(run["refused_by_code"].values()) <= 1
