"""The commands that read, and those for keys and operations, on Harbor Bakery."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import uuid
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from typer.main import get_command
from typer.testing import CliRunner

from adapters.inbound.cli import app, main
from adapters.inbound.demonstration import HARBOR_BAKERY
from projections.catalog import PROJECTIONS
from tests.adapters.command_line import CommandLine

_CLIENT = "harbor-bakery"


@pytest.fixture(scope="module")
def ofrecord(module_database_url: str) -> CommandLine:
    """The command line on a database with Harbor Bakery in it."""
    run = CommandLine(module_database_url)
    assert run("submit", str(HARBOR_BAKERY)).code == 0
    return run


# ── Reading ────────────────────────────────────────────────────────────────────────────────────


def test_a_book_shows_a_producers_clients(ofrecord: CommandLine) -> None:
    """The client whose agent of record the producer is, in JSON and for people."""
    [line] = ofrecord("book", "P-100", "--json").json()["items"]
    assert (line["client_id"], line["segment"], line["members"]) == (_CLIENT, "small_group", 8)
    assert _CLIENT in ofrecord("book", "P-100").out
    assert ofrecord("book", "P-999", "--json").json()["items"] == []


def test_a_books_summary_counts_by_segment(ofrecord: CommandLine) -> None:
    """Only the numbers."""
    summary = ofrecord("book", "P-100", "--summary", "--json").json()
    assert summary["by_segment"] == [{"segment": "small_group", "clients": 1}]


def test_a_client_shows_plans_agents_and_whom_to_call(ofrecord: CommandLine) -> None:
    """What a broker asks first."""
    client = ofrecord("client", _CLIENT, "--json").json()
    assert {plan["plan_id"] for plan in client["plans"]} == {"SILVER", "BRONZE"}
    assert client["agent_of_record"]["producer_id"] == "P-100"
    assert client["administration"]["billing_contact"] == "866-204-3132"
    shown = ofrecord("client", _CLIENT).out
    assert "866-204-3132" in shown
    assert "P-100" in shown


def test_a_member_shows_coverage(ofrecord: CommandLine) -> None:
    """Also one who has left."""
    member = ofrecord("member", _CLIENT, "20260100008", "--json").json()
    [span] = member["coverage"]
    assert (span["first_day"], span["last_day"]) == ("2026-01-01", "2026-03-31")
    assert "2026-03-31" in ofrecord("member", _CLIENT, "20260100008").out


def test_transactions_are_listed_newest_first_and_filtered(ofrecord: CommandLine) -> None:
    """Of a client, of a member, by type; all completed here."""
    everything = ofrecord("transactions", "--client", _CLIENT, "--json").json()["items"]
    assert [t["type"] for t in everything[:2]] == ["settle_commission", "produce_invoice"]
    assert {t["status"] for t in everything} == {"completed"}
    of_member = ofrecord("transactions", "--client", _CLIENT, "--member", "20260100007", "--json")
    assert {t["type"] for t in of_member.json()["items"]} == {"add_dependent", "add_subscriber"}
    by_type = ofrecord("transactions", "--producer", "P-100", "--type", "offer_plan", "--json")
    assert len(by_type.json()["items"]) == 2


def test_transactions_come_in_pages(ofrecord: CommandLine) -> None:
    """The cursor of one page begins the next."""
    first = ofrecord("transactions", "--client", _CLIENT, "--limit", "15", "--json").json()
    arguments = ("transactions", "--client", _CLIENT, "--cursor", first["next"], "--json")
    second = ofrecord(*arguments).json()
    ids = [t["transaction_id"] for page in (first, second) for t in page["items"]]
    assert len(set(ids)) == 27
    assert second["next"] is None


def test_a_history_is_every_event_with_its_cause(ofrecord: CommandLine) -> None:
    """In JSON one event a line, whole; for people one line each."""
    events = [json.loads(line) for line in ofrecord("history", _CLIENT, "--json").out.splitlines()]
    assert [e["version"] for e in events] == list(range(1, 34))
    assert events[0]["data"]["name"] == "Harbor Bakery"
    assert events[-1]["cause"]["transaction_type"] == "settle_commission"
    after = ofrecord("history", _CLIENT, "--after-version", "31", "--json").out.splitlines()
    assert len(after) == 2
    assert "subscriber_removed" in ofrecord("history", _CLIENT).out


def test_a_roster_is_csv_with_the_handbooks_premiums(ofrecord: CommandLine) -> None:
    """Handbook §9, January 2026: every line of the first invoice."""
    ended = ofrecord("roster", _CLIENT, "--true-on", "2026-01-15")
    rows = list(csv.DictReader(io.StringIO(ended.out)))
    assert [row["monthly"] for row in rows] == [
        *("598.08", "590.40", "399.84", "367.20", "367.20", "0.00"),
        "491.52",
        *("1223.04", "1070.40"),
    ]
    in_json = ofrecord("roster", _CLIENT, "--true-on", "2026-01-15", "--json").json()["items"]
    assert [line["monthly"] for line in in_json] == [row["monthly"] for row in rows]


@pytest.mark.parametrize(
    "arguments",
    [("client", "nobody"), ("member", _CLIENT, "10000000000"), ("history", "x"), ("roster", "x")],
)
def test_what_is_not_there_is_told(ofrecord: CommandLine, arguments: tuple[str, ...]) -> None:
    """Exit code 1, a sentence on stderr, nothing on stdout."""
    ended = ofrecord(*arguments)
    assert (ended.code, ended.out, ended.err) == (1, "", "There is no such thing.\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("transactions", "--cursor", "nonsense"),
        ("transactions", "--member", "20260100007"),
        ("transactions", "--status", "lost"),
        ("book", "P-100", "--segment", "none"),
        ("roster", _CLIENT, "--true-on", "tomorrow"),
        ("history", _CLIENT, "--limit", "0"),
        ("history", _CLIENT, "--limit", "9" * 20),
    ],
)
def test_what_cannot_be_read_exits_with_2(
    ofrecord: CommandLine, arguments: tuple[str, ...]
) -> None:
    """A wrong option is told and nothing is shown."""
    ended = ofrecord(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err


# ── Keys ───────────────────────────────────────────────────────────────────────────────────────


def test_a_key_is_shown_once_and_only_its_hash_is_stored(
    ofrecord: CommandLine, module_database_url: str
) -> None:
    """Neither the list nor the database has the secret."""
    made = ofrecord("key", "create", "portal", "acme", "--producer", "P-100", "--json").json()
    listed = ofrecord("key", "list", "--json")
    [key] = [each for each in listed.json() if each["key_id"] == made["key_id"]]
    assert (key["role"], key["sender"], key["producer_id"]) == ("portal", "acme", "P-100")
    secret = made["token"].split("_", 2)[2]
    assert secret not in listed.out
    with psycopg.connect(module_database_url) as conn:
        rows = conn.execute("SELECT api_keys::text FROM api_keys").fetchall()
    assert rows
    assert secret not in str(rows)


def test_a_key_can_be_revoked(ofrecord: CommandLine) -> None:
    """It stays in the list, with the instant; a key that is not there is told."""
    made = ofrecord("key", "create", "carrier", "night", "--permission", "backfill", "--json")
    key_id = made.json()["key_id"]
    assert ofrecord("key", "revoke", key_id).code == 0
    listed = {each["key_id"]: each for each in ofrecord("key", "list", "--json").json()}
    assert listed[key_id]["revoked_at"] is not None
    assert listed[key_id]["permissions"] == ["backfill"]
    assert ofrecord("key", "revoke", "nokey").code == 1


def test_a_key_that_makes_no_sense_is_refused(ofrecord: CommandLine) -> None:
    """With the reason, and exit code 2."""
    ended = ofrecord("key", "create", "auditor", "x", "--permission", "backfill")
    assert ended.code == 2
    assert "Only a carrier key" in ended.err


# ── Operations ─────────────────────────────────────────────────────────────────────────────────


def test_lag_is_zero_when_all_is_applied(ofrecord: CommandLine) -> None:
    """For each projection, against the log's head."""
    ofrecord("client", _CLIENT)
    lags = ofrecord("lag", "--json").json()
    assert {lag["projection"] for lag in lags} == {each.name for each in PROJECTIONS}
    assert {(lag["events_behind"], lag["seconds_behind"]) for lag in lags} == {(0, 0.0)}
    assert {lag["head"] for lag in lags} == {33}


def test_lag_tells_what_nobody_has_projected(database_url: str) -> None:
    """Submitting projects nothing; the next who reads does."""
    run = CommandLine(database_url)
    run("submit", str(HARBOR_BAKERY))
    assert {lag["events_behind"] for lag in run("lag", "--json").json()} == {33}
    assert run("client", _CLIENT).code == 0
    assert {lag["events_behind"] for lag in run("lag", "--json").json()} == {0}


def test_parked_clients_are_listed_and_asked_to_be_retried(
    ofrecord: CommandLine, module_database_url: str
) -> None:
    """Nothing is parked here but what the test puts there."""
    assert ofrecord("parked", "--json").json() == []
    assert ofrecord("parked", "retry", "transactions", _CLIENT).code == 1
    with psycopg.connect(module_database_url) as conn:
        conn.execute(
            "INSERT INTO parked_clients (projection, client_id, position, version, error,"
            " parked_at, attempts, retry_requested)"
            " VALUES ('transactions', 'c-1', 5, 1, 'KeyError', now(), 1, false)"
        )
    [parked] = ofrecord("parked", "list", "--json").json()
    assert (parked["client_id"], parked["retry_requested"]) == ("c-1", False)
    assert ofrecord("parked", "retry", "transactions", "c-1").code == 0
    assert ofrecord("parked", "--json").json()[0]["retry_requested"] is True
    with psycopg.connect(module_database_url) as conn:
        conn.execute("DELETE FROM parked_clients")


def test_an_empty_database_is_migrated(empty_database_url: str) -> None:
    """The first time it names what it applied, then nothing."""
    run = CommandLine(empty_database_url)
    assert run("migrate", "--json").json()["applied"][0].startswith("0001")
    assert run("migrate", "--json").json() == {"applied": []}


def test_an_empty_database_is_migrated_for_people_too(empty_database_url: str) -> None:
    """Each migration is named on a line of its own."""
    said = CommandLine(empty_database_url)("migrate").out.splitlines()
    assert said[0] == "applied"
    assert said[1].startswith("  0001")


def test_a_user_who_may_make_no_tables_is_told(empty_database_url: str) -> None:
    """With a sentence and exit code 3."""
    role = f"reader_{uuid.uuid4().hex}"
    with psycopg.connect(empty_database_url, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
        as_reader = make_conninfo(empty_database_url, options=f"-c role={role}")
        ended = CommandLine(as_reader)("migrate")
        conn.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
    assert (ended.code, ended.out) == (3, "")
    assert "must be allowed to create tables" in ended.err


def test_a_database_of_a_newer_program_is_left_alone(database_url: str) -> None:
    """Exit code 3, and a sentence that says what to do."""
    with psycopg.connect(database_url) as conn:
        conn.execute(
            "INSERT INTO schema_migrations (number, name, checksum) VALUES (9999, 'x', 'x')"
        )
    ended = CommandLine(database_url)("lag")
    assert ended.code == 3
    assert "Use the newer version of the program." in ended.err


def test_tables_of_another_version_are_left_alone(database_url: str) -> None:
    """Who serves may need them as they are: exit code 3, and a sentence that says what to do."""
    run = CommandLine(database_url)
    assert run("lag").code == 0
    with psycopg.connect(database_url) as conn:
        conn.execute("UPDATE projections SET fingerprint = 'another version'")
    ended = run("lag")
    assert ended.code == 3
    assert "made by another version of this program" in ended.err


def test_a_mistyped_data_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading makes no new, empty database where there is none."""
    monkeypatch.delenv("OFRECORD_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(app, ["--data-folder", "dta", "book", "P-100"])
    assert ended.exit_code == 3
    assert "There is no data folder dta" in ended.stderr
    assert not (tmp_path / "dta").exists()


# ── Help ───────────────────────────────────────────────────────────────────────────────────────


def _commands(group: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found += _commands(command, (*path, name))
        else:
            found.append((*path, name))
    return found


def test_every_command_of_the_issue_is_there(ofrecord: CommandLine) -> None:
    """What the README and the issues name, and nothing they do not know."""
    names = {path[0] for path in _commands(get_command(app))}
    assert names == {
        *("submit", "book", "client", "member", "transactions", "history", "roster"),
        *("simulate", "serve", "key", "migrate", "lag", "parked"),
        *("billing-run", "commission-run", "runs", "invoice", "invoices", "open-items"),
        *("statement", "statements", "balance", "explain", "accesses", "changes"),
        *("topics", "relay", "worker", "intake", "dead-letters"),
        *("verify", "replay", "rebuild"),
        *("prove", "checkpoint", "checkpoints", "proof", "proof-key", "export"),
    }


@pytest.mark.parametrize("path", _commands(get_command(app)))
def test_every_command_has_help(ofrecord: CommandLine, path: tuple[str, ...]) -> None:
    """With an example."""
    shown = ofrecord(*path, "--help").out
    assert re.search(rf"^  (\w+=\S+ )*ofrecord .*\b{path[-1]}\b", shown, re.MULTILINE)


# ── What comes before a command ────────────────────────────────────────────────────────────────


def test_a_connection_string_that_is_none_is_told() -> None:
    """By the setting's name, without its value: it may have a password."""
    ended = CommandLine("nonsense")("lag")
    assert (ended.code, ended.err) == (2, "A setting makes no sense: OFRECORD_DATABASE_URL.\n")


@pytest.mark.parametrize("command", ["lag", "serve"])
def test_a_data_folder_that_cannot_be_made_is_told(tmp_path: Path, command: str) -> None:
    """With the reason and exit code 3."""
    (tmp_path / "file").touch()
    ended = CliRunner().invoke(app, ["--data-folder", str(tmp_path / "file"), command])
    assert (ended.exit_code, "cannot be made: File exists." in ended.stderr) == (3, True)


def test_an_argument_that_is_not_utf_8_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Instead of a failure deep inside."""
    monkeypatch.setattr(sys, "argv", ["ofrecord", "client", "\udc80"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert capsys.readouterr().err == "An argument is not UTF-8.\n"
