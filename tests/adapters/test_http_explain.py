"""Explaining lines, over HTTP and on the command line: what is told, and to whom.

The clock stands at a day of the test, because billing detail is shown for 24 months.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.adapters.command_line import CommandLine
from tests.adapters.commission_house import AGENCY, House, instant, served_until_june
from tests.adapters.served import HARBOR, Served

APRIL = f"/v1/clients/{HARBOR}/invoices/2026-04"
JUNE = f"/v1/payees/{AGENCY}/statements/2026-06"
NOBODY = "0" * 32
OLD = "an-old-group"
JUNE_10 = datetime(2026, 6, 10, 17, tzinfo=UTC)


class Clock:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Where it stands."""
        return JUNE_10


@pytest.fixture(scope="module")
def api(module_database_url: str) -> Iterator[Served]:
    """The worked example to June 2026, served on 10 June; and a group that was billed in 2024."""
    with served_until_june(module_database_url, Clock, _bill_long_ago) as api:
        yield api


def _bill_long_ago(house: House) -> None:
    opened = {"type": "open_client", "name": "Old Mill", "segment": "large_group"}
    facts = {"county": "Hartford", "part_month_rule": "wash", "effective_on": "2024-01-01"}
    size = {"full_time_employees": "80", "part_time_hours": "0"}
    house.send(OLD, opened | facts | size, instant("2023-12-01"))
    house.bill("2024-01-01", "2023-12-15", OLD)


@pytest.fixture
def ofrecord(api: Served, module_database_url: str) -> CommandLine:
    """The command line on the same database."""
    assert api
    return CommandLine(module_database_url)


def lines_of(api: Served, path: str) -> list[dict[str, Any]]:
    """All lines of an invoice or statement."""
    answer = api.get(path)
    assert answer.json()["next"] is None
    return list(answer.json()["lines"])


def explain(api: Served, path: str, line: dict[str, Any], who: str = "auditor") -> dict[str, Any]:
    """Why a line is what it is."""
    by = f"{line['transaction_id']}/" if "payee" in path else ""
    answer = api.get(f"{path}/lines/{by}{line['number']}/explain", who)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def walk(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every step."""
    yield tree
    for child in tree["children"]:
        yield from walk(child)


# ── What is told ───────────────────────────────────────────────────────────────────────────────


def test_each_line_of_each_invoice_is_explained(api: Served) -> None:
    """To its amount, whatever its kind."""
    explained = 0
    for month in range(1, 7):
        path = f"/v1/clients/{HARBOR}/invoices/2026-{month:02d}"
        for line in lines_of(api, path):
            tree = explain(api, path, line)
            assert tree["amount"] == line["amount"]
            assert tree["label"].startswith(f"Line {line['number']} of the invoice of ")
            explained += 1
    assert explained == 61


def test_each_line_of_each_statement_is_explained(api: Served) -> None:
    """To the payee's share, and with the statement that the read names."""
    explained = 0
    for month in range(2, 7):
        path = f"/v1/payees/{AGENCY}/statements/2026-{month:02d}"
        for line in lines_of(api, path):
            tree = explain(api, path, line)
            assert tree["amount"] == line["share"]
            taken = [each for each in walk(tree) if "taken back was paid by" in each["label"]]
            named = [fact["value"] for each in taken for fact in each["facts"]]
            assert named == [line["takes_back_from"]] * len(taken)
            assert bool(taken) == (line["takes_back_from"] is not None)
            explained += 1
    assert explained == 11


def test_a_line_goes_down_to_who_sent_what_and_when(api: Served) -> None:
    """Ben's part in April: added on 4 March by the carrier's staff; at which place in the log."""
    tree = explain(api, APRIL, lines_of(api, APRIL)[10])
    cause = tree["children"][0]
    assert cause["label"] == (
        "The difference was made by: add dependent, received 2026-03-04, effective 2026-02-09."
    )
    (sent,) = cause["transactions"]
    position = sent.pop("position")
    stored = api.get(f"/v1/transactions/{sent['transaction_id']}").json()
    assert sent == {
        "transaction_id": stored["transaction_id"],
        "type": "add_dependent",
        "sender": "cli",
        "role": "carrier",
        "producer_id": None,
        "received_at": "2026-03-04T17:00:00Z",
        "recorded_at": "2026-06-10T17:00:00Z",
    }
    found = api.get(f"/v1/clients/{HARBOR}/history").text.splitlines()
    assert any(f'"position":{position},' in line and "dependent_added" in line for line in found)


def test_what_is_told_has_no_names_and_no_birth_dates(api: Served) -> None:
    """Nor a child's last day, from which its month of birth follows."""
    members = [line["member_id"] for line in lines_of(api, APRIL)]
    told = str([explain(api, APRIL, line) for line in lines_of(api, APRIL)])
    assert all(member in told for member in members)
    for member in set(members):
        person = api.get(f"/v1/clients/{HARBOR}/members/{member}").json()
        assert person["birth_date"] not in told
        assert person["last_name"] not in told
        assert person["first_name"] not in told
    assert "2036" not in told


# ── To whom ────────────────────────────────────────────────────────────────────────────────────


def test_who_may_read_the_invoice_or_statement_may_read_why(api: Served) -> None:
    """The agent of record and principal, the carrier, auditors: the same; no operator."""
    for path in (APRIL, JUNE):
        line = lines_of(api, path)[0]
        told = [explain(api, path, line, who) for who in ("portal", "carrier", "auditor")]
        assert told[0] == told[1] == told[2]
        by = f"{line['transaction_id']}/" if path == JUNE else ""
        refused = api.get(f"{path}/lines/{by}1/explain", "operations")
        assert (refused.status_code, refused.json()["code"]) == (403, "role_not_permitted")


@pytest.mark.parametrize(
    ("path", "who", "code"),
    [
        (APRIL, "stranger", "not_found"),
        (APRIL.replace(HARBOR, "no-such-client"), "carrier", "not_found"),
        (APRIL.replace("04", "07"), "portal", "invoice_not_found"),
        (APRIL.replace("04", "13"), "portal", "invalid_request"),
        (APRIL, "many", "producer_required"),
        (f"/v1/clients/{OLD}/invoices/2024-01", "carrier", "invoice_not_shown"),
        (JUNE, "stranger", "payee_not_found"),
        (JUNE.replace(AGENCY, "A-99"), "carrier", "payee_not_found"),
        (JUNE.replace("06", "07"), "portal", "statement_not_found"),
        (JUNE.replace("06", "00"), "portal", "invalid_request"),
    ],
)
def test_who_may_not_read_it_gets_the_same_problem(
    api: Served, path: str, who: str, code: str
) -> None:
    """Byte for byte that of the read itself; whether there is such a line is not told."""
    read = api.get(path, who)
    for number in (1, 99):
        by = f"{lines_of(api, JUNE)[0]['transaction_id']}/" if "payee" in path else ""
        explained = api.get(f"{path}/lines/{by}{number}/explain", who)
        assert explained.json()["code"] == code
        assert (explained.status_code, explained.content) == (read.status_code, read.content)


def test_there_is_no_such_line(api: Served) -> None:
    """Other numbers; a line of another statement, of another payee's, of no settlement."""
    settled, earlier = lines_of(api, JUNE)[0], lines_of(api, JUNE.replace("06", "05"))[0]
    run = api.get(f"{APRIL}").json()["summary"]["transaction_id"]
    for path in (
        f"{APRIL}/lines/13/explain",
        f"{APRIL}/lines/2147483647/explain",
        f"{JUNE}/lines/{settled['transaction_id']}/6/explain",
        f"{JUNE}/lines/{earlier['transaction_id']}/1/explain",
        f"{JUNE}/lines/{run}/1/explain",
        f"{JUNE}/lines/{NOBODY}/1/explain",
    ):
        answer = api.get(path, "portal")
        assert (answer.status_code, answer.json()["code"]) == (404, "line_not_found"), path


def test_what_is_not_a_line_at_all_is_refused(api: Served) -> None:
    """Numbers begin with 1; a transaction is named in full; there are no other parameters."""
    for path in (
        f"{APRIL}/lines/0/explain",
        f"{APRIL}/lines/-1/explain",
        f"{APRIL}/lines/2147483648/explain",
        f"{APRIL}/lines/first/explain",
        f"{APRIL}/lines/1/explain?depth=2",
        f"{JUNE}/lines/abc/1/explain",
        f"{JUNE}/lines/{NOBODY}/0/explain",
    ):
        answer = api.get(path, "portal")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), path


# ── On the command line ────────────────────────────────────────────────────────────────────────


def test_the_command_line_prints_the_tree_and_the_transactions_below(ofrecord: CommandLine) -> None:
    """Each step with the numbers of its transactions; each transaction once."""
    ended = ofrecord("explain", "invoice", HARBOR, "2026-04", "8")
    assert ended.code == 0
    tree, transactions = ended.out.split("\n\nTransactions\n")
    assert tree.splitlines() == [
        "Line 8 of the invoice of April 2026: member 20260100010, 503.04. §5 [1]",
        "  Member 20260100010 costs 503.04 in April 2026.",
        "    Plan SILVER in subgroup MAIN: 503.04. [2]",
        "      Covered from 2026-02-09. [3]",
        "      480.00 × 1.048, rounded half up to the cent, is 503.04 a month. §4",
        f"        The base rate of plan SILVER, {_AREA} is 480.00 from 2026-01-01 on. [4]",
        f"        Age 27 on 2026-02-09, {_UNBROKEN}: factor 1.048. §4 [3]",
        f"      Rule wash: the month is billed in full {_WASH}: 503.04. §4 [5]",
    ]
    head, *rows = transactions.splitlines()
    assert head.split("  ")[1] == "no"
    assert [row.split()[:4] for row in rows] == [
        ["[1]", "produce_invoice", "cli", "carrier"],
        ["[2]", "add_subscriber", "cli", "carrier"],
        ["[3]", "add_dependent", "cli", "carrier"],
        ["[4]", "offer_plan", "cli", "carrier"],
        ["[5]", "open_client", "cli", "carrier"],
    ]
    assert "2026-03-04 17:00:00+00:00" in rows[2]


_UNBROKEN = "the first day of the unbroken coverage"
_AREA = "for age 21 in rating area 6,"
_WASH = (
    "if coverage starts on or before the 15th and does not end before the 16th, otherwise not at "
    "all"
)


def test_the_command_line_explains_a_statements_line(ofrecord: CommandLine, api: Served) -> None:
    """And answers in JSON what HTTP answers."""
    line = lines_of(api, JUNE)[1]
    named = ("explain", "commission", AGENCY, "2026-06", line["transaction_id"], line["number"])
    asked = [str(each) for each in named]
    assert ofrecord(*asked, "--json").json() == explain(api, JUNE, line)
    printed = ofrecord(*asked)
    assert printed.out.startswith(
        f"Payee A-10: -91.74 of the commission on April 2026 of client {HARBOR}, for what was "
        "taken back on 2026-05-15. [1]"
    )
    assert "taken back was paid by the statement of June 2026" in printed.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["invoice", HARBOR, "2026-04", "13"], 1, "no such line"),
        (["invoice", HARBOR, "2026-07", "1"], 1, "no invoice for this month"),
        (["invoice", OLD, "2024-01", "1"], 1, "24 months"),
        (["invoice", "nobody", "2026-04", "1"], 1, "no such thing"),
        (["invoice", HARBOR, "2026-4", "1"], 2, "2026-04"),
        (["invoice", HARBOR, "2026-04", "0"], 2, "LINE"),
        (["commission", AGENCY, "2026-06", NOBODY, "1"], 1, "no such line"),
        (["commission", AGENCY, "2026-07", NOBODY, "1"], 1, "no statement for this month"),
        (["commission", "A-99", "2026-06", NOBODY, "1"], 1, "no such payee"),
    ],
)
def test_the_command_line_says_what_there_is_not(
    ofrecord: CommandLine, arguments: list[str], code: int, said: str
) -> None:
    """In a sentence, with an exit code."""
    ended = ofrecord("explain", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err
