"""Reads of what was known, over HTTP: who may see them, and that an invoice's parts have them too.

The clock stands at a day of the test, because billing detail is shown for 24 months.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.inbound.http_api import doors
from tests.adapters.commission_house import served_until_june
from tests.adapters.printed import lines as printed_lines
from tests.adapters.served import HARBOR, SUBSCRIBER, Served
from tests.adapters.test_http_explain import Clock

INVOICE = f"/v1/clients/{HARBOR}/invoices/2026-04"


def paths_as_known() -> list[str]:
    """Every path about one client that takes ``known_at``, as the API's document has them."""
    ids = {"client_id": HARBOR, "member_id": SUBSCRIBER, "month": "2026-04"}
    paths = json.loads(doors("1").state.document)["paths"]
    return [
        path.format(**ids)
        for path, operations in paths.items()
        if "{client_id}" in path and "known_at" in names_in(operations.get("get", {}))
    ]


def names_in(operation: dict[str, Any]) -> set[str]:
    """The names of an operation's parameters."""
    return {parameter["name"] for parameter in operation.get("parameters", ())}


@pytest.fixture(scope="module")
def api(module_database_url: str) -> Iterator[Served]:
    """The worked example to June 2026, served on 10 June."""
    with served_until_june(module_database_url, Clock) as api:
        yield api


def test_each_read_of_a_client_and_its_bills_takes_a_moment() -> None:
    """Those that are looked at below."""
    client = f"/v1/clients/{HARBOR}"
    assert {
        client,
        *(f"{client}/{what}" for what in ("roster", "census", f"members/{SUBSCRIBER}")),
        *(f"{client}/{what}" for what in ("billing", "invoices", "open-items")),
        *(INVOICE, f"{INVOICE}/lines", f"{INVOICE}/pdf"),
    } <= set(paths_as_known())


@pytest.mark.parametrize("path", paths_as_known())
@pytest.mark.parametrize("instant", [False, True])
def test_who_is_not_the_agent_of_record_today_sees_nothing_of_what_was_known(
    api: Served, path: str, instant: bool
) -> None:
    """As if there were no such client, at any moment; the agent of record sees it as staff do."""
    newest = api.application.services.log.head()
    moment = {"known_at": "2026-06-10T00:00:00Z" if instant else newest}
    for asked in (moment, {"known_at": 1}, {"known_at": newest + 1}):
        hidden = api.get(path, "stranger", params=asked)
        absent = api.get(path.replace(HARBOR, "no-such-client"), "stranger", params=asked)
        assert (hidden.status_code, hidden.json()["code"]) == (404, "not_found"), asked
        assert hidden.content == absent.content
    seen = api.get(path, "portal", params=moment)
    assert seen.status_code == 200
    assert seen.content == api.get(path, params=moment).content


def lines(api: Served, known_at: int | None = None) -> list[dict[str, Any]]:
    """An invoice's lines in pages of two, from the invoice's own on."""
    asked: dict[str, Any] = {"limit": 2} | ({"known_at": known_at} if known_at else {})
    page = api.get(INVOICE, params=asked).json()
    found, cursor = page["lines"], page["next"]
    assert cursor
    while cursor:
        page = api.get(f"{INVOICE}/lines", params=asked | {"cursor": cursor}).json()
        found += page["items"]
        cursor = page["next"]
    return list(found)


def test_an_invoices_lines_and_document_as_known_are_those_there_were(api: Served) -> None:
    """A name that was changed since is the earlier one, on every page of lines and in the PDF."""
    then = api.application.services.log.head()
    live, document = lines(api), api.get(f"{INVOICE}/pdf").content
    body = {"type": "change_name", "member_id": SUBSCRIBER}
    name = {"name": {"first": "Renamed", "last": "Pemwicket"}, "effective_on": "2026-06-01"}
    receipt = api.submit(body | name, "rename").json()
    assert api.get(INVOICE, params={"after": receipt["position"]}).status_code == 200
    assert lines(api) != live, "the name is today's"
    assert lines(api, then) == live
    *printed, foot = printed_lines(document)
    assert "Renamed" in "".join(printed_lines(api.get(f"{INVOICE}/pdf").content))
    *known, foot_known = printed_lines(api.get(f"{INVOICE}/pdf", params={"known_at": then}).content)
    assert without_feet(known) == without_feet(printed)
    assert (foot.split(" Page")[0], foot_known.split(" Page")[0]) == (
        "Names as of June 10, 2026", f"As known at position {then}",
    )  # fmt: skip


def without_feet(printed: list[str]) -> list[str]:
    """The lines of a document, but for those at the foot of its pages."""
    return [line for line in printed if not re.search(r" Page \d+ of \d+$", line)]


@pytest.mark.parametrize("part", ["lines", "pdf"])
@pytest.mark.parametrize(
    ("known_at", "status", "code"),
    [
        ("2020-01-01T00:00:00Z", 404, "not_known_then"),
        ("2036-01-01T00:00:00Z", 422, "known_in_future"),
        ("soon", 422, "invalid_request"),
        ("2026-02-01T00:00:00Z", 404, "invoice_not_found"),
    ],
)
def test_a_part_of_an_invoice_says_what_the_invoice_says(
    api: Served, part: str, known_at: str, status: int, code: str
) -> None:
    """Of a moment that cannot be read, or at which the invoice was not there."""
    answer = api.get(f"{INVOICE}/{part}", params={"known_at": known_at})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.content == api.get(INVOICE, params={"known_at": known_at}).content
