"""Who read what on the command line: each command leaves its record, or needs none."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.main import get_command

from adapters.inbound.cli import app
from adapters.inbound.demonstration import HARBOR_BAKERY
from tests.adapters.command_line import CommandLine
from tests.adapters.test_cli_reading import _commands
from tests.adapters.test_http_accesses import (
    OF_CLIENT,
    OF_MEMBER,
    OF_NOBODY,
    OF_PAYEE,
    OF_STATEMENT,
)

_CLIENT, _MEMBER, _PAYEE = "harbor-bakery", "20260100001", "A-10"
RECORDED: dict[str, tuple[str, Any]] = {
    "book": ("P-100", OF_CLIENT),
    "client": (_CLIENT, OF_CLIENT),
    "member": (f"{_CLIENT} {_MEMBER}", OF_MEMBER),
    "transactions": (f"--client {_CLIENT} --member {_MEMBER}", OF_MEMBER),
    "history": (f"payee:{_PAYEE}", OF_PAYEE),
    "roster": (_CLIENT, OF_CLIENT),
    "invoice": (f"{_CLIENT} 2026-04", OF_CLIENT),
    "invoices": (_CLIENT, OF_CLIENT),
    "open-items": (_CLIENT, OF_CLIENT),
    "balance": (_CLIENT, OF_CLIENT),
    "explain premium": (f"{_CLIENT} {_MEMBER} 2026-04", OF_MEMBER),
    "explain balance": (_CLIENT, OF_CLIENT),
    "explain posting": (f"{_CLIENT} {{posting}} 1", OF_CLIENT),
    "statement": (f"{_PAYEE} 2026-06", OF_STATEMENT),
    "statements": (_PAYEE, OF_PAYEE),
    "explain invoice": (f"{_CLIENT} 2026-04 1", OF_CLIENT),
    "explain commission": (f"{_PAYEE} 2026-06 {{line}}", OF_STATEMENT),
    "changes": (f"{_CLIENT} --known-from 1", OF_CLIENT),
    "replay": (f"--client {_CLIENT} --step", OF_CLIENT),
    "export": (f"{{folder}}/archive.zip --client {_CLIENT}", OF_CLIENT),
    "accesses": ("", OF_NOBODY),
}
"""By the command's name: how it is asked, and whom its record names."""
UNRECORDED = {
    **dict.fromkeys(("submit", "simulate"), "They send; the history has who sent what."),
    **dict.fromkeys(("serve", "migrate", "topics", "relay", "worker", "intake"), "They run."),
    **dict.fromkeys(("key create", "key list", "key revoke"), "Keys, of nobody's clients."),
    **dict.fromkeys(("lag", "parked list", "parked retry"), "Ids and numbers for operations."),
    "verify": "Ids and counts of what is not as it must be.",
    **dict.fromkeys(("prove", "checkpoint", "checkpoints", "proof"), "Hashes and positions."),
    **{f"proof-key {verb}": "Keys." for verb in ("new", "list", "retire", "adopt")},
    **{
        f"rebuild {verb}": "They make rows anew, and show none."
        for verb in ("start", "compare", "switch", "drop", "status")
    },
    **dict.fromkeys(("billing-run", "commission-run", "runs"), "Ids and numbers of runs."),
    **dict.fromkeys(
        ("dead-letters list", "dead-letters show", "dead-letters resend"),
        "What nobody could answer is nobody's record; read from Kafka, without the database.",
    ),
}
"""Commands that leave no record, and why."""


@pytest.fixture(scope="module")
def ofrecord(module_database_url: str) -> CommandLine:
    """The command line on a database with Harbor Bakery and its payee's statements in it."""
    run = CommandLine(module_database_url)
    assert run("submit", str(HARBOR_BAKERY)).code == 0
    register = ("register_payee", "kind=agency", "principal_id=P-100", "pay_by=check")
    assert run("submit", "--payee", _PAYEE, *register).code == 0
    return run


def test_every_command_is_recorded_here_or_needs_no_record_for_a_reason() -> None:
    """A command that reads in ``reading`` is recorded; say here whom it names, or why it is not."""
    names = {" ".join(path) for path in _commands(get_command(app))}
    assert names == {*RECORDED, *UNRECORDED}


@pytest.mark.parametrize("name", RECORDED)
def test_each_reading_command_leaves_exactly_its_record(
    ofrecord: CommandLine, module_database_url: str, name: str, tmp_path: Path
) -> None:
    """By the user of the operating system, whatever the shell says of it."""
    arguments, whom = RECORDED[name]
    if name in ("statement", "explain commission"):
        assert _statements_are_there(ofrecord)
    line, posting = _line_of_june(ofrecord, name), _posting(ofrecord, name)
    asked = f"{name} {arguments}".format(line=line, posting=posting, folder=tmp_path)
    before = len(_stored(module_database_url))
    ended = ofrecord(*asked.split())
    assert ended.code == 0, ended.err
    [record] = _stored(module_database_url)[before:]
    assert record == {
        "how": "cli",
        "key_id": None,
        "sender": pwd.getpwuid(os.getuid()).pw_name,
        "role": "carrier",
        "producer_id": None,
        "read": name.replace(" ", "_").replace("-", "_"),
        "outcome": "shown",
        **whom,
    }


def _statements_are_there(ofrecord: CommandLine) -> bool:
    ended = ofrecord("statements", _PAYEE, "--json")
    if not ended.json()["items"]:
        return ofrecord("commission-run", "2026-06", "--run-on", "2026-06-05").code == 0
    return True


def _line_of_june(ofrecord: CommandLine, name: str) -> str:
    if name != "explain commission":
        return ""
    line = ofrecord("statement", _PAYEE, "2026-06", "--json").json()["lines"][0]
    return f"{line['transaction_id']} {line['number']}"


def _posting(ofrecord: CommandLine, name: str) -> str:
    if name != "explain posting":
        return ""
    asked = ("transactions", "--client", _CLIENT, "--type", "post_payment", "--json")
    return str(ofrecord(*asked).json()["items"][0]["transaction_id"])


def _stored(database_url: str) -> list[dict[str, Any]]:
    columns = (
        *("how", "key_id", "sender", "role", "producer_id", "read", "outcome"),
        *("client_ids", "member_id", "payee_id"),
    )
    with psycopg.connect(database_url) as conn:
        query = f"SELECT {', '.join(columns)} FROM accesses ORDER BY number"
        rows = conn.execute(query.encode()).fetchall()
    return [dict(zip(columns, row, strict=True)) for row in rows]


@pytest.mark.parametrize(
    ("asked", "client_ids"),
    [
        ("client no-such-client", ["no-such-client"]),
        (f"invoice {_CLIENT} 2030-01", [_CLIENT]),
        (f"explain invoice {_CLIENT} 2026-04 999", [_CLIENT]),
    ],
)
def test_looking_for_what_is_not_there_is_recorded(
    ofrecord: CommandLine, module_database_url: str, asked: str, client_ids: list[str]
) -> None:
    """With whom it was looked for."""
    assert ofrecord(*asked.split()).code == 1
    last = _stored(module_database_url)[-1]
    assert (last["outcome"], last["client_ids"]) == ("not_found", client_ids)


def test_what_is_no_id_is_not_kept(ofrecord: CommandLine, module_database_url: str) -> None:
    """It may be a name."""
    before = len(_stored(module_database_url))
    assert ofrecord("client", "Jane Doe").code == 1
    assert ofrecord("member", _CLIENT, "Jane Doe").code == 1
    [record] = _stored(module_database_url)[before:]
    assert (record["client_ids"], record["member_id"]) == ([_CLIENT], None)


# ── The list ───────────────────────────────────────────────────────────────────────────────────


def test_the_list_is_filtered_and_paged(ofrecord: CommandLine) -> None:
    """As over HTTP, newest first, in JSON and for people."""
    for _ in range(3):
        ofrecord("client", _CLIENT)
    page = ofrecord("accesses", "--client", _CLIENT, "--limit", "2", "--json").json()
    assert [item["read"] for item in page["items"]] == ["client", "client"]
    following = ofrecord(
        *("accesses", "--client", _CLIENT, "--limit", "2", "--cursor", page["next"], "--json")
    ).json()
    assert following["items"][0]["number"] < page["items"][-1]["number"]
    assert "harbor-bakery" in ofrecord("accesses").out
    assert ofrecord("accesses", "--sender", "no-one", "--json").json()["items"] == []
    assert ofrecord("accesses", "--since", "2990-01-01T00:00:00Z", "--json").json()["items"] == []


@pytest.mark.parametrize(
    ("clients", "told"),
    [
        (3, "zz-0; zz-1; zz-2 "),
        (4, "zz-0; zz-1; zz-2; … and 1 more "),
        (3000, "zz-0; zz-1; zz-2; … and 2,997 more "),
    ],
)
def test_of_a_read_that_showed_many_the_table_names_the_first(
    ofrecord: CommandLine, module_database_url: str, clients: int, told: str
) -> None:
    """However many there were, a line stays readable; JSON is whole."""
    ids, sender = [f"zz-{number}" for number in range(clients)], f"reader-of-{clients}"
    with psycopg.connect(module_database_url) as conn:
        conn.execute(
            "INSERT INTO accesses (recorder, serial, at, how, sender, role, read, outcome,"
            " client_ids, member_id, times)"
            " VALUES (%s, 1, now(), 'cli', %s, 'carrier', 'book', 'shown', %s, '20260100001', 1)",
            (sender, sender, ids),
        )
    out = ofrecord("accesses", "--sender", sender).out
    assert told in out
    assert max(map(len, out.splitlines())) < 200
    [item] = ofrecord("accesses", "--sender", sender, "--json").json()["items"]
    assert item["client_ids"] == ids


@pytest.mark.parametrize(
    "wrong", [("--since", "yesterday"), ("--until", "2026-03-01"), ("--cursor", "x")]
)
def test_a_wrong_filter_is_not_understood(ofrecord: CommandLine, wrong: tuple[str, str]) -> None:
    """Exit code 2, and why."""
    ended = ofrecord("accesses", *wrong)
    assert ended.code == 2
    assert ended.err
