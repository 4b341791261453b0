"""Explaining premiums, postings and balances, over HTTP and on the command line.

The worked example, served on 10 June 2026; and a group that was billed and paid in 2024.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.adapters.command_line import CommandLine
from tests.adapters.commission_house import House, instant, served_until_june
from tests.adapters.served import HARBOR, Served
from tests.adapters.test_http_explain import JUNE_10, NOBODY, OLD, Clock, walk

assert JUNE_10, "the day on which everything is read"
CLIENT = f"/v1/clients/{HARBOR}"
H1, H2_SPOUSE = "20260100001", "20260100010"
FOURTH_CHILD = "20260100006"


@pytest.fixture(scope="module")
def api(module_database_url: str) -> Iterator[Served]:
    """Both clients, with everything applied."""
    with served_until_june(module_database_url, Clock, _old_mill) as api:
        yield api


def _old_mill(house: House) -> None:
    opened = {"type": "open_client", "name": "Old Mill", "segment": "large_group"}
    facts = {"county": "Hartford", "part_month_rule": "wash", "effective_on": "2024-01-01"}
    size = {"full_time_employees": "80", "part_time_hours": "0"}
    house.send(OLD, opened | facts | size, instant("2023-12-01"))
    _enrol(house)
    house.bill("2024-01-01", "2023-12-15", OLD)
    house.pay("500.00", "2024-01-01", client_id=OLD)


def _enrol(house: House) -> None:
    on = {"effective_on": "2024-01-01"}
    about = {"subgroup_id": "MAIN", "plan_id": "GOLD"}
    tiers = {"EMP": "500.00", "ESP": "1000.00", "ECH": "900.00", "FAM": "1500.00"}
    name = {"first": "Anna", "last": "Family"}
    for body in (
        {"type": "add_subgroup", "subgroup_id": "MAIN", "name": "Main"},
        {"type": "offer_plan", "name": "Gold", "rate": {"tiers": tiers}, **about},
        {"type": "add_subscriber", "member_id": H1, "name": name, "birth_date": "1987-05-20"}
        | about,
    ):
        house.send(OLD, body | on, instant("2023-12-02"))


@pytest.fixture
def ofrecord(api: Served, module_database_url: str) -> CommandLine:
    """The command line on the same database."""
    assert api
    return CommandLine(module_database_url)


def explain(api: Served, path: str, who: str = "auditor") -> dict[str, Any]:
    """Why a figure is what it is."""
    answer = api.get(f"{path}/explain", who)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def postings(api: Served, client: str = CLIENT) -> list[dict[str, Any]]:
    """All postings that are shown."""
    return list(api.get(f"{client}/postings").json()["items"])


def premium_path(member_id: str, month: str) -> str:
    """Of a member's month."""
    return f"{CLIENT}/members/{member_id}/premium/{month}"


# ── What is told ───────────────────────────────────────────────────────────────────────────────


def test_each_posting_is_explained(api: Served) -> None:
    """By the transaction and number that the list of postings names."""
    found = postings(api)
    assert len(found) == 11
    for posting in found:
        path = f"{CLIENT}/postings/{posting['transaction_id']}/{posting['number']}"
        tree = explain(api, path)
        assert tree["amount"] == posting["amount"]
        assert tree["rule"] == "§5"
        (made,) = tree["transactions"]
        assert made["transaction_id"] == posting["transaction_id"]


def test_what_a_run_took_back_names_who_was_removed(api: Served) -> None:
    """May's run posted −2,293.44 for April: H3 and spouse, removed by the carrier on 10 May."""
    taken = next(p for p in postings(api) if p["amount"] == "-2293.44")
    path = f"{CLIENT}/postings/{taken['transaction_id']}/{taken['number']}"
    lines = [s for s in walk(explain(api, path)) if s["label"].startswith("Adjustment on line")]
    assert sorted(line["amount"] for line in lines) == ["-1070.40", "-1223.04"]
    for line in lines:
        (removal,) = line["transactions"]
        assert removal["type"] == "remove_subscriber"
        assert removal["received_at"] == "2026-05-10T18:00:00Z"


@pytest.mark.parametrize(
    ("member_id", "month", "amount", "said"),
    [
        (H2_SPOUSE, "2026-02", "503.04", "480.00 × 1.048"),
        (H2_SPOUSE, "2026-01-01", "0.00", "no billed day in January 2026"),
        (FOURTH_CHILD, "2026-03", "0.00", "only the 3 oldest pay"),
        (H1, "9999-12", "0.00", "no billed day"),
        (H1, "0001-01", "0.00", "no billed day"),
    ],
)
def test_a_members_month_is_explained(
    api: Served, member_id: str, month: str, amount: str, said: str
) -> None:
    """Billed or not, in any month that a calendar has."""
    tree = explain(api, premium_path(member_id, month))
    if month == "9999-12":  # nothing known ends H1's coverage
        amount, said = "598.08", "480.00 × 1.246"
    assert tree["amount"] == amount
    assert said in str(tree)


def test_the_balance_is_that_of_the_account(api: Served) -> None:
    """1,269.60 of credit, by six invoices and five payments."""
    tree, account = explain(api, f"{CLIENT}/balance"), api.get(f"{CLIENT}/billing").json()
    assert tree["amount"] == account["account"]["balance"]
    open_charges, credit = tree["children"]
    assert open_charges["amount"] == account["account"]["open"]
    assert credit["amount"] == account["account"]["credit"]
    assert len(open_charges["children"][0]["children"]) == 6


# ── To whom ────────────────────────────────────────────────────────────────────────────────────


def test_who_may_read_a_figure_may_read_why(api: Served) -> None:
    """The agent of record, the carrier and auditors the same; a stranger as if there were none."""
    posting = postings(api)[0]
    of_posting = f"{CLIENT}/postings/{posting['transaction_id']}/{posting['number']}"
    for path in (of_posting, premium_path(H1, "2026-03"), f"{CLIENT}/balance"):
        told = [explain(api, path, who) for who in ("portal", "carrier", "auditor")]
        assert told[0] == told[1] == told[2]
        stranger = api.get(f"{path}/explain", "stranger")
        unknown = api.get(f"{path.replace(HARBOR, 'no-such-client')}/explain", "stranger")
        assert (stranger.status_code, stranger.json()["code"]) == (404, "not_found")
        assert stranger.content == unknown.content
        refused = api.get(f"{path}/explain", "operations")
        assert (refused.status_code, refused.json()["code"]) == (403, "role_not_permitted")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (premium_path("99999999999", "2026-03"), "not_found"),
        (f"{CLIENT}/postings/{NOBODY}/1", "posting_not_found"),
        (premium_path(H1, "2026-13"), "invalid_request"),
        (premium_path("123", "2026-03"), "invalid_request"),
        (f"{CLIENT}/postings/abc/1", "invalid_request"),
        (f"{CLIENT}/postings/{NOBODY}/0", "invalid_request"),
    ],
)
def test_what_there_is_not(api: Served, path: str, code: str) -> None:
    """As a problem, with its code."""
    answer = api.get(f"{path}/explain")
    assert answer.json()["code"] == code
    assert answer.status_code == (422 if code == "invalid_request" else 404)


def test_another_clients_postings_and_old_ones_are_not_found(api: Served) -> None:
    """Billing detail is shown for 24 months; the old group's posting is for January 2024."""
    assert postings(api, f"/v1/clients/{OLD}") == []
    payments = explain(api, f"/v1/clients/{OLD}/balance")
    (payment,) = [
        cited["transaction_id"]
        for each in walk(payments)
        if each["label"].startswith("A payment of")
        for cited in each["transactions"]
    ]
    for client_id in (OLD, HARBOR):
        answer = api.get(f"/v1/clients/{client_id}/postings/{payment}/1/explain")
        assert (answer.status_code, answer.json()["code"]) == (404, "posting_not_found")


# ── On the command line ────────────────────────────────────────────────────────────────────────


def test_the_command_line_answers_what_http_answers(api: Served, ofrecord: CommandLine) -> None:
    """In JSON; and as text, from the figure down to the transactions."""
    posting = postings(api)[0]
    by, number = posting["transaction_id"], str(posting["number"])
    for asked, path in (
        (["premium", HARBOR, H1, "2026-03"], premium_path(H1, "2026-03")),
        (["balance", HARBOR], f"{CLIENT}/balance"),
        (["posting", HARBOR, by, number], f"{CLIENT}/postings/{by}/{number}"),
    ):
        tree = explain(api, path)
        assert ofrecord("explain", *asked, "--json").json() == tree
        printed = ofrecord("explain", *asked).out
        assert printed.startswith(tree["label"])
        assert "\n\nTransactions\n" in printed
        assert "§5" in printed or "§4" in printed


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["premium", HARBOR, "99999999999", "2026-03"], 1, "no such thing"),
        (["premium", "nobody", H1, "2026-03"], 1, "no such thing"),
        (["premium", HARBOR, H1, "2026-3"], 2, "2026-04"),
        (["balance", "nobody"], 1, "no such thing"),
        (["posting", HARBOR, NOBODY, "1"], 1, "no such posting"),
        (["posting", HARBOR, NOBODY, "0"], 2, "NUMBER"),
    ],
)
def test_the_command_line_says_what_there_is_not(
    ofrecord: CommandLine, arguments: list[str], code: int, said: str
) -> None:
    """In a sentence, with an exit code."""
    ended = ofrecord("explain", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err
