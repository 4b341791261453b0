"""Billing and commission runs on the command line: what is said, and how they end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from psycopg_pool import ConnectionPool

from adapters.outbound.runs import PostgresRuns
from processors.runs import RunRequest, Tally
from tests.adapters.command_line import CommandLine
from tests.adapters.served import EXAMPLE, HARBOR


@pytest.fixture
def ofrecord(database_url: str) -> CommandLine:
    """The command line, with Harbor Bakery until June 2026."""
    line = CommandLine(database_url)
    assert line("submit", str(EXAMPLE)).code == 0
    return line


@pytest.fixture(scope="module")
def untouched(module_database_url: str) -> CommandLine:
    """The same, for what must begin nothing."""
    line = CommandLine(module_database_url)
    assert line("submit", str(EXAMPLE)).code == 0
    return line


# ── Billing ────────────────────────────────────────────────────────────────────────────────────


def test_a_billing_run_says_what_it_did(ofrecord: CommandLine) -> None:
    """One line for people; run again, nobody is invoiced twice."""
    ended = ofrecord("billing-run", "2026-07")
    assert ended.code == 0, ended.err
    said = r"billing 2026-07  [0-9a-f]{32}  finished  1 of 1 done in \d+\.\d s: 1 invoiced\n"
    assert re.fullmatch(said, ended.out)
    again = ofrecord("billing-run", "2026-07")
    assert (again.code, again.out.endswith(": 1 already\n")) == (0, True)
    invoices = ofrecord("invoices", HARBOR, "--json").json()["items"]
    assert [invoice["month"] for invoice in invoices][:2] == ["2026-07-01", "2026-06-01"]


def test_a_billing_run_answers_programs_in_json(ofrecord: CommandLine) -> None:
    """With the counts, and the position that shows what it did."""
    run = ofrecord("billing-run", "2026-07", "--run-on", "2026-06-15", "--json").json()
    assert (run["kind"], run["month"], run["run_on"]) == ("billing", "2026-07-01", "2026-06-15")
    assert (run["state"], run["counts"]["invoiced"], run["total"]) == ("finished", 1, 1)
    assert run["started_by"] == "cli"
    invoice = ofrecord("invoice", HARBOR, "2026-07", "--json").json()
    assert invoice["summary"]["run_on"] == "2026-06-15"


def test_a_dry_run_only_says_what_it_would_do(untouched: CommandLine) -> None:
    """Nothing is recorded, not even a run."""
    preview = untouched("billing-run", "2026-07", "--dry-run", "--json").json()
    assert (preview["counts"], preview["behind"]) == ({"due": 1}, [])
    assert "due" in untouched("billing-run", "2026-07", "--dry-run").out
    assert untouched("runs", "--json").json()["items"] == []
    assert untouched("invoices", HARBOR, "--json").json()["items"][0]["month"] == "2026-06-01"


def test_only_some_clients_are_billed(ofrecord: CommandLine) -> None:
    """One that there is not is refused and named: exit code 1, and the others have theirs."""
    ended = ofrecord("billing-run", "2026-07", "--client", HARBOR, "--client", "nobody")
    assert ended.code == 1
    assert "2 of 2 done" in ended.out
    assert "1 invoiced, 1 refused" in ended.out
    assert "refused, client_not_found: 1" in ended.out
    assert re.search(r"nobody +client_not_found +There is no client nobody", ended.out)


def test_who_misses_an_earlier_month_is_behind(ofrecord: CommandLine) -> None:
    """Named with the month to run first: exit code 1; when that was run, it goes well."""
    ended = ofrecord("billing-run", "2026-08")
    assert (ended.code, "1 behind" in ended.out) == (1, True)
    assert re.search(rf"{HARBOR} +2026-07-01", ended.out)
    assert ofrecord("billing-run", "2026-07").code == 0
    assert ofrecord("billing-run", "2026-08").code == 0


# ── Commission ─────────────────────────────────────────────────────────────────────────────────


def test_a_commission_run_pays_what_is_settled(ofrecord: CommandLine) -> None:
    """One line for people; run again, nobody is paid twice."""
    ended = ofrecord("commission-run", "2026-07")
    assert ended.code == 0, ended.err
    said = r"commission 2026-07  [0-9a-f]{32}  finished  1 of 1 done in \d+\.\d s: 1 statements\n"
    assert re.fullmatch(said, ended.out), ended.out
    again = ofrecord("commission-run", "2026-07", "--json").json()
    assert (again["state"], again["done"], again["total"]) == ("finished", 0, 0)
    [statement] = ofrecord("statements", "A-10", "--json").json()["items"]
    assert (statement["month"], statement["paid"]) == ("2026-07-01", "1051.24")


def test_a_commission_run_that_is_alone_projects_what_it_settles(database_url: str) -> None:
    """Everything was applied when it began, so nobody seemed to be needed to project."""
    ofrecord = CommandLine(database_url)
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    unsettled = "\n".join(line for line in lines if '"settle_commission"' not in line)
    assert ofrecord("submit", "-", stdin=unsettled).code == 0
    assert ofrecord("client", HARBOR).code == 0  # a read: whatever is missing is projected for it
    run = ofrecord("commission-run", "2026-07", "--json").json()
    assert (run["state"], run["reason"]) == ("finished", None)
    assert (run["counts"]["settled"], run["counts"]["statements"]) == (1, 1)
    summary = ofrecord("statement", "A-10", "2026-07", "--json").json()["summary"]
    assert (summary["line_count"], summary["paid"]) == (11, "1051.24")


# ── Both ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", ["billing-run", "commission-run"])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["2026-13"], "A month is written like 2026-04."),
        (["April"], "A month is written like 2026-04."),
        (["2026-04-15"], "A month is written like 2026-04."),
        (["2199-01"], "2199-01-01 has not begun|more than 90 days ahead"),
        (["2026-07", "--run-on", "2190-01-01"], "2190-01-01"),
        (["2026-07", "--run-on", "15.6.2026"], "15.6.2026"),
    ],
)
def test_what_makes_no_sense_is_told(
    untouched: CommandLine, command: str, arguments: list[str], sentence: str
) -> None:
    """Exit code 2, and nothing is begun."""
    ended = untouched(command, *arguments)
    assert ended.code == 2
    assert re.search(sentence, ended.err), ended.err
    assert untouched("runs", "--json").json()["items"] == []


def test_a_client_id_that_can_be_none_is_told(untouched: CommandLine) -> None:
    """Exit code 2."""
    ended = untouched("billing-run", "2026-07", "--client", "a b")
    assert (ended.code, "A client id is" in ended.err) == (2, True)


@pytest.fixture
def store(database_url: str) -> Iterator[PostgresRuns]:
    """The record of runs, as another process has it."""
    with ConnectionPool(database_url, min_size=0, max_size=2, open=True) as pool:
        yield PostgresRuns(pool)


def test_a_run_of_another_process_is_in_the_way(ofrecord: CommandLine, store: PostgresRuns) -> None:
    """Exit code 1, and its id; when its process is lost, the same command goes on with it."""
    request = RunRequest(kind="billing", month=date(2026, 7, 1), started_by="staff")
    begun = store.begin(request, date(2026, 6, 15), datetime.now(UTC)).run
    ended = ofrecord("billing-run", "2026-07")
    assert ended.code == 1
    assert f"Run {begun.run_id} of this kind and month is in progress." in ended.err
    store.save(begun, Tally(), datetime(2026, 6, 15, tzinfo=UTC))  # so long ago
    ended = ofrecord("billing-run", "2026-07")
    assert ended.code == 0
    assert f"Going on with run {begun.run_id}, which was broken off." in ended.err
    assert f"billing 2026-07  {begun.run_id}  finished" in ended.out


def test_runs_are_listed_newest_first_in_pages(ofrecord: CommandLine) -> None:
    """All of them, or one kind alone."""
    assert "next" not in ofrecord("runs").out
    for command in (["billing-run", "2026-07"], ["commission-run", "2026-07"]):
        assert ofrecord(*command).code == 0
    assert [line.split()[0] for line in ofrecord("runs").out.splitlines()] == [
        "commission",
        "billing",
    ]
    of_billing = ofrecord("runs", "--kind", "billing", "--json").json()["items"]
    assert [run["kind"] for run in of_billing] == ["billing"]
    first = ofrecord("runs", "--limit", "1", "--json").json()
    second = ofrecord("runs", "--cursor", first["next"], "--json").json()
    assert [run["kind"] for run in (*first["items"], *second["items"])] == ["commission", "billing"]
    assert ofrecord("runs", "--limit", "1").out.splitlines()[1] == f"next  {first['next']}"
    assert ofrecord("runs", "--cursor", "x").code == 2
    assert ofrecord("runs", "--kind", "x").code == 2
