"""Who read what over HTTP: each route leaves its record, or is on the list of those that need none.

The worked example to June 2026 is served, so that every route has something to show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from adapters.inbound.auditing import UNRECORDED, operation_name
from adapters.inbound.http_api import doors
from adapters.outbound.access_reads import AccessFilter
from adapters.outbound.accesses import REFUSED_A_MINUTE, Access
from tests.adapters.commission_house import AGENCY, served_until_june
from tests.adapters.served import AGENT, HARBOR, SUBSCRIBER, Served
from tests.adapters.test_http_explain import Clock

_CLIENT = f"/v1/clients/{HARBOR}"
_PAYEE = f"/v1/payees/{AGENCY}"
_PRODUCER = f"/v1/producers/{AGENT}"
_PAGE = f"/audit/clients/{HARBOR}"
_WHY = f"/audit/explain/clients/{HARBOR}"
OF_CLIENT = {"client_ids": [HARBOR], "member_id": None, "payee_id": None}
OF_MEMBER = OF_CLIENT | {"member_id": SUBSCRIBER}
OF_PAYEE = {"client_ids": [], "member_id": None, "payee_id": AGENCY}
OF_STATEMENT = OF_PAYEE | {"client_ids": [HARBOR]}
OF_NOBODY = {"client_ids": [], "member_id": None, "payee_id": None}
RECORDED: dict[str, tuple[str, Mapping[str, Any]]] = {
    "read_client": (_CLIENT, OF_CLIENT),
    "read_roster": (f"{_CLIENT}/roster", OF_CLIENT),
    "read_census": (f"{_CLIENT}/census", OF_CLIENT),
    "read_member": (f"{_CLIENT}/members/{SUBSCRIBER}", OF_MEMBER),
    "read_member_transactions": (f"{_CLIENT}/members/{SUBSCRIBER}/transactions", OF_MEMBER),
    "read_client_transactions": (f"{_CLIENT}/transactions", OF_CLIENT),
    "read_history": (f"{_CLIENT}/history", OF_CLIENT),
    "read_billing": (f"{_CLIENT}/billing", OF_CLIENT),
    "read_invoices": (f"{_CLIENT}/invoices", OF_CLIENT),
    "read_invoice": (f"{_CLIENT}/invoices/2026-04", OF_CLIENT),
    "read_invoice_lines": (f"{_CLIENT}/invoices/2026-04/lines", OF_CLIENT),
    "read_invoice_pdf": (f"{_CLIENT}/invoices/2026-04/pdf", OF_CLIENT),
    "explain_invoice_line": (f"{_CLIENT}/invoices/2026-04/lines/1/explain", OF_CLIENT),
    "explain_premium": (f"{_CLIENT}/members/{SUBSCRIBER}/premium/2026-04/explain", OF_MEMBER),
    "explain_balance": (f"{_CLIENT}/balance/explain", OF_CLIENT),
    "explain_posting": (f"{_CLIENT}/postings/{{posting}}/1/explain", OF_CLIENT),
    "read_open_items": (f"{_CLIENT}/open-items", OF_CLIENT),
    "read_postings": (f"{_CLIENT}/postings", OF_CLIENT),
    "read_payments": (f"{_CLIENT}/payments", OF_CLIENT),
    "read_book": (f"{_PRODUCER}/book", OF_CLIENT),
    "read_book_transactions": (f"{_PRODUCER}/transactions", OF_CLIENT),
    "read_transaction": ("/v1/transactions/{transaction}", OF_CLIENT),
    "read_payees": ("/v1/payees", OF_NOBODY),
    "read_payee": (_PAYEE, OF_PAYEE),
    "read_statements": (f"{_PAYEE}/statements", OF_PAYEE),
    "read_statement": (f"{_PAYEE}/statements/2026-06", OF_STATEMENT),
    "read_statement_pdf": (f"{_PAYEE}/statements/2026-06/pdf", OF_STATEMENT),
    "explain_commission_line": (
        f"{_PAYEE}/statements/2026-06/lines/{{line}}/explain",
        OF_STATEMENT,
    ),
    "read_yearly_totals": (f"{_PAYEE}/yearly-totals", OF_PAYEE),
    "read_accesses": ("/v1/audit/accesses", OF_NOBODY),
    "read_changes": (f"{_CLIENT}/changes?known_from=1", OF_CLIENT),
    "read_audit_book": (f"/audit/book?producer_id={AGENT}", OF_CLIENT),
    "read_audit_client": (_PAGE, OF_CLIENT),
    "read_audit_transaction": (f"{_PAGE}/transactions/{{transaction}}", OF_CLIENT),
    "read_audit_changes": (f"{_PAGE}/changes?from=1", OF_CLIENT),
    "read_audit_invoice": (f"{_PAGE}/invoices/2026-04", OF_CLIENT),
    "read_audit_accesses": ("/audit/accesses", OF_NOBODY),
    "explain_audit_premium": (f"{_WHY}/members/{SUBSCRIBER}/premium/2026-04", OF_MEMBER),
    "explain_audit_balance": (f"{_WHY}/balance", OF_CLIENT),
    "explain_audit_invoice_line": (f"{_WHY}/invoices/2026-04/lines/1", OF_CLIENT),
    "explain_audit_posting": (f"{_WHY}/postings/{{posting}}/1", OF_CLIENT),
    "explain_audit_commission_line": (
        f"/audit/explain/payees/{AGENCY}/statements/2026-06/lines/{{line}}",
        OF_STATEMENT,
    ),
}
"""By the route's name: what is asked, and whom its record names."""


@pytest.fixture(scope="module")
def api(module_database_url: str) -> Iterator[Served]:
    """The worked example to June 2026, served on 10 June."""
    with served_until_june(module_database_url, Clock) as api:
        yield api


def recorded(api: Served, **wanted: Any) -> list[dict[str, Any]]:
    """The records, oldest first; all that were noted are written."""
    assert api.application.services.accesses.flush()
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        reads = api.application.services.access_reads
        page = reads.page(AccessFilter(**wanted), cursor, 500)
        items += [
            {name: getattr(each, name) for name in each.__struct_fields__} for each in page.items
        ]
        cursor = page.next
        if cursor is None:
            return items[::-1]


def left_by(api: Served, path: str, who: str = "auditor", **options: Any) -> list[dict[str, Any]]:
    """The records that one request leaves."""
    before = {each["number"] for each in recorded(api)}
    api.get(path, who, **options)
    return [each for each in recorded(api) if each["number"] not in before]


def routes() -> Iterator[APIRoute]:
    """Every route of the application, also those that its document leaves out."""
    waiting: list[Any] = list(doors("1").routes)
    while waiting:
        each = waiting.pop()
        if isinstance(each, APIRoute):
            yield each
        else:
            waiting += (each.original_router if hasattr(each, "original_router") else each).routes


def asked(api: Served, path: str) -> str:
    """A path, with a transaction's and a line's id filled in."""
    transaction = api.get(f"{_CLIENT}/transactions").json()["items"][0]["transaction_id"]
    line = api.get(f"{_PAYEE}/statements/2026-06").json()["lines"][0]
    posting = api.get(f"{_CLIENT}/postings").json()["items"][0]["transaction_id"]
    ids = {"transaction": transaction, "line": f"{line['transaction_id']}/{line['number']}"}
    return path.format(**ids, posting=posting)


# ── Nothing is forgotten ───────────────────────────────────────────────────────────────────────


def test_every_route_is_recorded_here_or_needs_no_record_for_a_reason() -> None:
    """A new route is recorded by itself; say here whom it names, or in UNRECORDED why not."""
    names = [route.name for route in routes()]
    assert len(names) == len(set(names)) > 40
    assert set(names) == {*RECORDED, *UNRECORDED}
    assert not RECORDED.keys() & UNRECORDED.keys()


def test_no_route_that_names_somebody_goes_without_a_record() -> None:
    """But for sending, which the history itself records."""
    for route in routes():
        if route.name in UNRECORDED and route.methods == {"GET"}:
            for whom in ("{client_id}", "{member_id}", "{payee_id}"):
                assert whom not in route.path, route.path


@pytest.mark.parametrize("name", RECORDED)
def test_each_read_leaves_exactly_its_record(api: Served, name: str) -> None:
    """Who, as whom, when, what, and of whom."""
    path, whom = RECORDED[name]
    [record] = left_by(api, asked(api, path))
    key = api.application.services.keys.find(api.tokens["auditor"].split("_")[1])
    assert key is not None
    assert record["number"] > 0
    assert {**record, "number": None} == {
        "number": None,
        "at": Clock().now(),
        "how": "http",
        "key_id": key.key_id,
        "sender": "audit",
        "role": "auditor",
        "producer_id": None,
        "read": operation_name(name),
        "outcome": "shown",
        "correlation_id": None,
        "times": 1,
        **whom,
    }


@pytest.mark.parametrize("path", ["/roster?format=csv", "/roster?true_on=2026-03-01&limit=2"])
def test_a_read_in_another_form_is_the_same_read(api: Served, path: str) -> None:
    """As CSV, of another day, a page of it."""
    [record] = left_by(api, _CLIENT + path)
    assert (record["read"], record["client_ids"]) == ("roster", [HARBOR])


def test_a_portals_read_names_its_producer_and_its_own_task(api: Served) -> None:
    """Whether the key or the request names the producer."""
    task = {"Correlation-Id": "call-4711"}
    [bound] = left_by(api, _CLIENT, "portal", headers=task)
    assert (bound["sender"], bound["producer_id"]) == ("portal-one", AGENT)
    assert bound["correlation_id"] == "call-4711"
    [named] = left_by(api, _CLIENT, "many", headers={"Producer-Id": AGENT})
    assert (named["sender"], named["producer_id"]) == ("portal-many", AGENT)


def test_a_page_names_only_whom_it_shows(api: Served) -> None:
    """An empty page names nobody."""
    [record] = left_by(api, f"{_PRODUCER}/book?segment=large_group")
    assert record["client_ids"] == []


# ── What is refused ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["", "/roster", f"/members/{SUBSCRIBER}", "/invoices/2026-04/pdf"])
def test_an_attempt_on_a_hidden_client_is_recorded(api: Served, path: str) -> None:
    """As one that was not found, whether the client exists or not."""
    for client in (HARBOR, "no-such-client"):
        [record] = left_by(api, f"/v1/clients/{client}{path}", "stranger")
        assert (record["outcome"], record["client_ids"]) == ("not_found", [client])
        assert (record["sender"], record["producer_id"]) == ("portal-two", "P-900")


def test_an_attempt_on_a_payee_is_recorded(api: Served) -> None:
    """Statements are seen by the payee alone."""
    [record] = left_by(api, f"{_PAYEE}/statements/2026-06", "stranger")
    assert (record["outcome"], record["payee_id"]) == ("not_found", AGENCY)
    assert record["client_ids"] == []


def test_an_attempt_without_the_right_is_recorded(api: Served) -> None:
    """A role that may not, or a producer that is not the key's."""
    [record] = left_by(api, f"{_CLIENT}/members/{SUBSCRIBER}", "operations")
    assert (record["outcome"], record["member_id"]) == ("not_permitted", SUBSCRIBER)
    [record] = left_by(api, _CLIENT, "portal", headers={"Producer-Id": "P-900"})
    assert (record["outcome"], record["producer_id"]) == ("not_permitted", None)


@pytest.mark.parametrize(
    "path", ["/v1/clients/Jane%20Doe", "/v1/clients/Jane%20Doe/members/7", "/v1/payees/J%0Ad"]
)
def test_what_is_no_id_is_not_kept(api: Served, path: str) -> None:
    """It may be a name: it was not looked up, and is in no record."""
    assert left_by(api, path, "operations") == []
    assert left_by(api, path, "portal") == []


def test_what_could_not_be_answered_leaves_no_record(api: Served) -> None:
    """No key, a wrong parameter, a method that is not offered, no such path."""
    assert left_by(api, _CLIENT, headers={"Authorization": ""}) == []
    assert left_by(api, f"{_CLIENT}?on=x") == []
    assert left_by(api, "/v2/clients") == []
    before = len(recorded(api))
    httpx.delete(api.url + _CLIENT, headers=api.authorization("auditor"))
    assert len(recorded(api)) == before


def test_who_tries_out_ids_does_not_fill_the_table(api: Served) -> None:
    """Of a minute the first attempts are recorded each, the others together, by their number."""
    keys, accesses = api.application.services.keys, api.application.services.accesses
    made = keys.create("portal", "curious", "P-901")
    headers = {"Authorization": f"Bearer {made.token}"}
    with httpx.Client(base_url=api.url, headers=headers, timeout=60) as client:
        for number in range(REFUSED_A_MINUTE + 25):
            assert client.get(f"/v1/clients/C-{number}").status_code == 404
    each = recorded(api, sender="curious")
    assert [record["client_ids"] for record in each] == [
        [f"C-{number}"] for number in range(REFUSED_A_MINUTE)
    ]
    assert accesses.note(_attempt_a_minute_later(each[-1]))
    *_, summed, last = recorded(api, sender="curious")
    assert (summed["times"], summed["client_ids"], summed["outcome"]) == (25, [], "not_found")
    assert (last["times"], last["client_ids"]) == (1, ["C-59"])


def _attempt_a_minute_later(record: dict[str, Any]) -> Access:
    facts = {name: record[name] for name in Access.__struct_fields__}
    later = record["at"].replace(minute=record["at"].minute + 1)
    return Access(**facts | {"client_ids": tuple(record["client_ids"]), "at": later})


# ── No room ────────────────────────────────────────────────────────────────────────────────────


def test_what_leaves_no_record_is_not_shown(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 in place of an answer, whatever its form, and the read is counted as turned away."""
    accesses = api.application.services.accesses
    monkeypatch.setattr(accesses, "_room", 0)
    before, turned_away = len(recorded(api)), accesses.turned_away
    for path in (_CLIENT, f"{_CLIENT}/roster?format=csv", f"{_CLIENT}/invoices/2026-04/pdf"):
        answer = api.get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "log_unavailable")
        assert answer.headers["retry-after"] == "1"
    assert api.get("/v1/lag").status_code == 200
    assert accesses.turned_away == turned_away + 3
    monkeypatch.undo()
    assert len(recorded(api)) == before
    assert api.get(_CLIENT).status_code == 200


# ── The list ───────────────────────────────────────────────────────────────────────────────────


def test_the_list_is_for_auditors_alone(api: Served) -> None:
    """The carrier's own staff are among those whose reading is recorded."""
    assert api.get("/v1/audit/accesses").status_code == 200
    for who in ("carrier", "importer", "portal", "operations"):
        refused = api.get("/v1/audit/accesses", who)
        assert (refused.status_code, refused.json()["code"]) == (403, "role_not_permitted")


def test_the_list_is_read_in_pages_newest_first(api: Served) -> None:
    """Every record once, though reading the list goes on adding to it."""
    for _ in range(5):
        api.get(_CLIENT, "carrier")
    expected = [each["number"] for each in recorded(api, sender="staff")][::-1]
    numbers: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        params = {"sender": "staff", "limit": "2", **cursor}
        page = api.get("/v1/audit/accesses", params=params).json()
        numbers += [item["number"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(numbers) >= 5
    assert numbers == expected


def test_the_list_is_filtered(api: Served) -> None:
    """By client, sender, producer, and time."""
    api.get(_CLIENT, "portal")
    assert api.application.services.accesses.flush()

    def listed(**params: str) -> list[dict[str, Any]]:
        answer = api.get("/v1/audit/accesses", params={"limit": "500", **params})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    of_client = listed(client_id=HARBOR)
    assert of_client
    assert all(HARBOR in item["client_ids"] for item in of_client)
    by_portal = listed(sender="portal-one", producer_id=AGENT)
    assert by_portal
    assert {item["sender"] for item in by_portal} == {"portal-one"}
    assert listed(client_id=HARBOR, producer_id="P-900", sender="portal-one") == []
    now = "2026-06-10T17:00:00Z"  # where the clock stands
    assert listed(since=now, sender="portal-one", producer_id=AGENT) == by_portal
    assert listed(until=now, sender="portal-one") == []


@pytest.mark.parametrize(
    "query",
    ["since=2026-03-01", "until=yesterday", "since=0", "client_id=a b", "cursor=WyJ4IiwxXQ"],
)
def test_a_wrong_filter_is_pointed_at(api: Served, query: str) -> None:
    """422, and where."""
    answer = api.get(f"/v1/audit/accesses?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_reading_the_list_is_recorded_and_feeds_nothing(api: Served) -> None:
    """One record for each look, which names the client asked for and not all that are listed."""
    for _ in range(3):
        [record] = left_by(api, "/v1/audit/accesses", params={"client_id": HARBOR, "limit": "500"})
        assert (record["read"], record["client_ids"]) == ("accesses", [HARBOR])
    [record] = left_by(api, "/v1/audit/accesses?limit=500")
    assert record["client_ids"] == []
