"""``ofrecord verify`` on Harbor Bakery, billed, paid and settled."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from adapters.inbound.commands import verifying
from adapters.inbound.demonstration import HARBOR_BAKERY
from tests.adapters.command_line import CommandLine
from tests.conftest import PostgresForTests

_CLIENT = "harbor-bakery"


@pytest.fixture(scope="module")
def template(module_database_url: str) -> str:
    """A database with Harbor Bakery, its commission paid, and a made-up book."""
    run = CommandLine(module_database_url)
    assert run("submit", str(HARBOR_BAKERY)).code == 0
    assert run("simulate", "--clients", "6").code == 0
    assert run("commission-run", "2026-06", "--run-on", "2026-06-05").code == 0
    assert run("book", "P-100").code == 0  # everything is projected
    return module_database_url


@pytest.fixture
def database(template: str, postgres: PostgresForTests) -> Iterator[str]:
    """A copy of it for one test."""
    postgres.cut(template)
    url = postgres.new_database(template=str(conninfo_to_dict(template)["dbname"]))
    yield url
    postgres.drop(url)


@pytest.fixture
def ofrecord(database: str) -> CommandLine:
    """The command line on that copy."""
    return CommandLine(database)


def _alter(database: str, statement: str) -> None:
    """Meddle with the database behind everyone's back."""
    with psycopg.connect(database) as conn:
        assert conn.execute(statement).rowcount >= 1


def test_all_is_what_the_log_says(ofrecord: CommandLine, database: str) -> None:
    """Every projection, every client and payee, every event; exit code 0."""
    ended = ofrecord("verify", "--json")
    assert (ended.code, ended.json()["findings"]) == (0, [])
    with psycopg.connect(database) as conn:
        streams = conn.execute("SELECT DISTINCT originator_id FROM stored_events").fetchall()
    assert ended.json()["streams"] == len(streams) >= 8, "clients, and payees with statements"
    assert ended.json()["rows"] > 100
    assert "all is what the log says" in ofrecord("verify").out


def test_a_log_is_shared_by_two_processes_when_it_is_large(
    ofrecord: CommandLine, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They compare as much as one alone, and find what one alone finds."""
    _alter(database, "UPDATE book_of_business.member SET city = 'Nowhere'")
    alone = ofrecord("verify", "--json").json()
    monkeypatch.setattr(verifying, "SHARED_FROM_EVENTS", 0)
    shared = ofrecord("verify", "--json").json()
    for counted in ("streams", "events", "rows"):
        assert shared[counted] == alone[counted]
    assert sorted(map(str, shared["findings"])) == sorted(map(str, alone["findings"])) != []


def test_an_altered_row_is_named_with_its_columns_and_no_values(
    ofrecord: CommandLine, database: str
) -> None:
    """Client, table, key and columns say where to look; what was there is nobody's business."""
    _alter(
        database,
        "UPDATE book_of_business.member SET city = 'Nowhere', zip = '00000'"
        f" WHERE client_id = '{_CLIENT}' AND member_id = '20260100001'",
    )
    ended = ofrecord("verify", "--json")
    [found] = ended.json()["findings"]
    assert ended.code == 1
    assert (found["kind"], found["client_id"], found["table"], found["columns"]) == (
        "row_differs", _CLIENT, "member", ["city", "zip"],
    )  # fmt: skip
    assert found["key"] == {"client_id": _CLIENT, "member_id": "20260100001"}
    people = ofrecord("verify", "--client", _CLIENT).out
    assert "differs from the replay in city, zip" in people
    assert re.search(
        r": 1 client or payee, \d+ events, \d+ rows in [\d.]+ s: 1 row differs\.\n", people
    )
    assert "Nowhere" not in ended.out + people


def test_rows_that_are_missing_or_too_many_are_found(ofrecord: CommandLine, database: str) -> None:
    """Of clients, of payees, and of somebody whom the log has never heard of."""
    _alter(database, f"DELETE FROM invoices.posting WHERE client_id = '{_CLIENT}' AND number = 1")
    _alter(database, "DELETE FROM commissions.statement")
    _alter(
        database,
        "INSERT INTO book_of_business.subgroup VALUES"
        f" ('{_CLIENT}', 'GHOST', 'x', '2026-01-01'), ('nobody', 'GHOST', 'x', '2026-01-01')",
    )
    told = ofrecord("verify").out
    assert re.search(r"\b2 rows are unfounded\b", told), told
    ended = ofrecord("verify", "--json")
    kinds = {(f["kind"], f["table"], f["client_id"]) for f in ended.json()["findings"]}
    assert ended.code == 1
    assert kinds >= {
        ("row_missing", "posting", _CLIENT),
        ("row_unfounded", "subgroup", _CLIENT),
        ("row_unfounded", "subgroup", "nobody"),
    }
    assert {table for kind, table, _ in kinds if kind == "row_missing"} == {"posting", "statement"}


@pytest.mark.parametrize(
    ("meddling", "sentence"),
    [
        ("UPDATE invoices.account SET billed_cents = billed_cents + 1", "billed = posted + open"),
        ("UPDATE invoices.account SET funds_cents = funds_cents + 1", "funds = posted + credit"),
        ("UPDATE invoices.invoice_line SET cents = cents + 1", "current lines are not its total"),
        ("UPDATE invoices.invoice SET total_cents = total_cents + 1", "not the sum of its parts"),
        ("UPDATE invoices.posting SET cents = cents + 1", "posted = the postings"),
        ("UPDATE invoices.funds SET cents = cents + 1", "funds = what moved them"),
        (
            "UPDATE commissions.commission_line SET share_cents = share_cents + 1",
            "its shares are not its commission",
        ),
        (
            "UPDATE commissions.commission_line SET share_cents = share_cents + 1",
            "2026-06: the statement is not the sum of its lines",
        ),
    ],
)
def test_i5_money_that_does_not_add_up_is_found(
    ofrecord: CommandLine, database: str, meddling: str, sentence: str
) -> None:
    """I5: each identity is looked at by itself, beside the comparison of rows."""
    _alter(database, meddling)
    ended = ofrecord("verify", "--json")
    money = [f["sentence"] for f in ended.json()["findings"] if f["kind"] == "money"]
    assert ended.code == 1
    assert any(sentence in told for told in money), money


def test_i3_a_history_with_a_gap_is_found(ofrecord: CommandLine, database: str) -> None:
    """I3: a version that is missing, and with it a position."""
    _alter(
        database,
        f"DELETE FROM stored_events WHERE originator_version = 2 AND originator_id = '{_CLIENT}'",
    )
    sentences = [f["sentence"] for f in ofrecord("verify", "--json").json()["findings"]]
    assert any("after version 1 comes version 3" in each for each in sentences)
    assert any("of the log's positions 1 to" in each for each in sentences)


def test_a_parked_client_is_compared_up_to_what_parked_it(
    ofrecord: CommandLine, database: str
) -> None:
    """What waits is no difference; rows that show it all the same would be one."""
    _alter(
        database,
        "INSERT INTO parked_clients"
        f" SELECT 'transactions', '{_CLIENT}', notification_id, originator_version, 'KeyError',"
        " now(), 1, false FROM stored_events"
        f" WHERE originator_id = '{_CLIENT}' ORDER BY originator_version DESC LIMIT 1",
    )
    findings = ofrecord("verify", "--json").json()["findings"]
    assert {f["kind"] for f in findings} == {"row_unfounded"}
    assert {f["projection"] for f in findings} == {"transactions"}
    assert len({f["key"].get("transaction_id") for f in findings} - {None}) == 1


def test_a_projection_that_is_behind_equals_its_replay_up_to_there(
    ofrecord: CommandLine, database: str
) -> None:
    """Rows that reflect less are compared with less."""
    _alter(
        database,
        "DELETE FROM projections WHERE projection = 'invoices'; DROP SCHEMA invoices CASCADE",
    )
    ended = ofrecord("verify", "--projection", "invoices", "--json")
    assert (ended.code, ended.json()["rows"]) == (0, 0)


def test_one_client_is_told_with_the_digest_of_its_rows(ofrecord: CommandLine) -> None:
    """So two systems can be compared without showing anybody's data."""
    ended = ofrecord("verify", "--client", _CLIENT, "--json")
    digests = ended.json()["digests"]
    assert ended.code == 0
    assert set(digests) == {"book_of_business", "transactions", "invoices", "commissions"}
    assert len(set(digests.values())) == 4
    assert digests == ofrecord("verify", "--client", _CLIENT, "--json").json()["digests"]


def test_what_cannot_be_verified_is_told(ofrecord: CommandLine) -> None:
    """Nobody of that id: 1; no such projection: 2."""
    ended = ofrecord("verify", "--client", "nobody")
    assert (ended.code, ended.err) == (1, "There is no nobody in the log.\n")
    assert ofrecord("verify", "--projection", "ghosts").code == 2
