"""What changed between two knowings, over HTTP and on the command line: rows, and their causes.

Handbook §9: H2's spouse, covered from 9 February 2026, was told on 4 March.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.adapters.command_line import CommandLine
from tests.adapters.commission_house import served_until_june
from tests.adapters.served import HARBOR, Served
from tests.adapters.test_http_explain import Clock

PATH = f"/v1/clients/{HARBOR}/changes"
BEFORE, AFTER = "2026-03-03T12:00:00Z", "2026-03-05T12:00:00Z"
BETWEEN = f"{PATH}?known_from={BEFORE}&known_to={AFTER}"
SPOUSE = "20260100010"


@pytest.fixture(scope="module")
def api(module_database_url: str) -> Iterator[Served]:
    """The worked example to June 2026, served on 10 June."""
    with served_until_june(module_database_url, Clock) as api:
        yield api


@pytest.fixture
def ofrecord(api: Served, module_database_url: str) -> CommandLine:
    """The command line on the same database."""
    assert api
    return CommandLine(module_database_url)


def tables(changes: dict[str, Any]) -> list[tuple[str, str]]:
    """Which rows differ, and how."""
    return [(row["table"], row["kind"]) for row in changes["items"]]


def test_each_row_that_differs_is_shown_with_its_cause(api: Served) -> None:
    """The spouse's coverage, person and premium; one transaction made them so."""
    changes = api.get(BETWEEN).json()
    assert changes["to_version"] == changes["from_version"] + 1
    assert changes["count"] == len(changes["items"])
    assert {("coverage", "added"), ("member", "added"), ("premium", "added")} <= set(
        tables(changes)
    )
    for row in changes["items"]:
        causes = [(each["type"], each["received_at"]) for each in row["causes"]]
        assert causes == [("add_dependent", "2026-03-04T17:00:00Z")], row
    [premium] = [row for row in changes["items"] if row["table"] == "premium"]
    assert premium["key"]["member_id"] == SPOUSE
    values = {column["name"]: column for column in premium["columns"]}
    assert (values["monthly"]["before"], values["monthly"]["after"]) == (None, "503.04")


def test_cents_are_shown_as_dollars_whatever_the_column(api: Served, ofrecord: CommandLine) -> None:
    """Lines of an invoice, postings and payments have the amount that their own reads show."""
    changes = api.get(f"{PATH}?known_from=2020-01-01T00:00:00Z&limit=500").json()
    amounts = [
        (row["table"], row["key"], column["after"])
        for row in changes["items"]
        for column in row["columns"]
        if column["name"] == "amount"
    ]
    assert {"invoice_line", "posting", "funds"} == {table for table, _, _ in amounts}
    lines = api.get(f"/v1/clients/{HARBOR}/invoices/2026-04").json()["lines"]
    assert {line["number"]: line["amount"] for line in lines} == {
        key["number"]: amount
        for table, key, amount in amounts
        if table == "invoice_line" and key["invoice_month"] == "2026-04-01"
    }
    names = {column["name"] for row in changes["items"] for column in row["columns"]}
    assert not [name for name in names if "cents" in name]
    said = ofrecord("changes", HARBOR, "--known-from", "1", "--limit", "500").out
    assert f"  amount: – → {lines[0]['amount']}\n" in said


def test_one_row_is_told_as_one(ofrecord: CommandLine, api: Served) -> None:
    """In the sentence at the end; the agent of record is one."""
    history = api.get(f"/v1/clients/{HARBOR}/history?limit=500").json()["items"]
    [known_to] = [each["position"] for each in history if "agent_of_record" in each["type"]]
    between = ("--known-from", str(known_to - 1), "--known-to", str(known_to))
    assert ofrecord("changes", HARBOR, *between).out.endswith(": 1 of 1 row\n")


def test_before_the_history_nothing_was_known(api: Served) -> None:
    """Everything is added; without an end it goes to now."""
    changes = api.get(f"{PATH}?known_from=2020-01-01T00:00:00Z&limit=500").json()
    assert changes["from_version"] == 0
    assert {kind for _, kind in tables(changes)} == {"added"}
    history = api.get(f"/v1/clients/{HARBOR}/history?limit=500").json()["items"]
    assert changes["to_version"] == len(history)


def test_pages_follow_each_other(api: Served) -> None:
    """Together they are the whole; a cursor keeps its versions."""
    whole = api.get(f"{PATH}?known_from=1&limit=500").json()
    rows: list[Any] = []
    asked = f"{PATH}?known_from=1&limit=7"
    page = api.get(asked).json()
    while True:
        rows += page["items"]
        if page["next"] is None:
            break
        page = api.get(f"{asked}&cursor={page['next']}").json()
        assert page["to_version"] == whole["to_version"]
    assert rows == whole["items"]


@pytest.mark.parametrize(
    ("query", "who", "status", "code"),
    [
        (f"known_from={BEFORE}&known_to=2036-01-01T00:00:00Z", "auditor", 422, "known_in_future"),
        ("known_from=999999999", "auditor", 422, "known_in_future"),
        ("known_from=1&known_to=2020-01-01T00:00:00Z", "auditor", 404, "not_known_then"),
        (f"known_from={AFTER}&known_to={BEFORE}", "auditor", 422, "invalid_request"),
        ("known_from=soon", "auditor", 422, "invalid_request"),
        ("known_to=1", "auditor", 422, "invalid_request"),
        ("known_from=1&cursor=x", "auditor", 422, "invalid_request"),
        ("known_from=1&cursor=WzUsOTk5LDBd", "auditor", 422, "invalid_request"),
        ("known_from=1", "stranger", 404, "not_found"),
        ("known_from=1", "operations", 403, "role_not_permitted"),
    ],
)
def test_what_cannot_be_compared_is_a_problem(
    api: Served, query: str, who: str, status: int, code: str
) -> None:
    """Each with its code."""
    answer = api.get(f"{PATH}?{query}", who)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_agent_of_record_sees_what_changed(api: Served) -> None:
    """As every read of an earlier moment; of bills the last 24 months, here all there are."""
    assert api.get(BETWEEN, "portal").json() == api.get(BETWEEN).json()


def test_the_command_line_tells_the_same(ofrecord: CommandLine, api: Served) -> None:
    """In JSON as over HTTP; for people each row before → after, and who did it."""
    asked = ["changes", HARBOR, "--known-from", BEFORE, "--known-to", AFTER]
    assert ofrecord(*asked, "--json").json() == api.get(BETWEEN).json()
    said = ofrecord(*asked).out
    assert "  monthly: – → 503.04\n" in said
    assert "by add_dependent from cli (carrier), received 2026-03-04T17:00:00Z" in said
    assert said.endswith("rows\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nobody", "--known-from", "1"], 1, "no such thing"),
        ([HARBOR, "--known-from", "1", "--known-to", "2036-01-01T00:00:00Z"], 1, "future"),
        ([HARBOR, "--known-from", AFTER, "--known-to", BEFORE], 2, "before that of --known-from"),
        ([HARBOR, "--known-from", "soon"], 2, "--known-from"),
    ],
)
def test_the_command_line_says_what_cannot_be_compared(
    ofrecord: CommandLine, arguments: list[str], code: int, said: str
) -> None:
    """In a sentence, with an exit code."""
    ended = ofrecord("changes", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err
