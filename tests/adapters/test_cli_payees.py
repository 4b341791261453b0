"""Payees on the command line: one transaction, a line of a file, the history."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.adapters.command_line import CommandLine

REGISTERED = ("register_payee", "kind=producer", "pay_by=check")


@pytest.fixture
def ofrecord(database_url: str) -> CommandLine:
    """The command line on an empty database."""
    return CommandLine(database_url)


def test_one_transaction_of_a_payee(ofrecord: CommandLine) -> None:
    """With ``--payee``; its history is found under the stream's id."""
    ended = ofrecord("submit", "--payee", "P-100", *REGISTERED, "--json")
    assert (ended.code, ended.json()["client_id"]) == (0, "payee:P-100")
    shared = ofrecord("submit", "--payee", "P-100", "share_statements", "reader_id=P-7",
                      "allowed:=true")  # fmt: skip
    assert shared.code == 0
    history = ofrecord("history", "payee:P-100", "--json").out.splitlines()
    assert [json.loads(line)["type"] for line in history] == [
        "payee_registered",
        "statements_shared",
    ]
    assert "payee_registered" in ofrecord("history", "payee:P-100").out


def test_a_payee_and_a_client_at_once_is_a_mistake(ofrecord: CommandLine) -> None:
    """A transaction belongs to one of them."""
    ended = ofrecord("submit", "--payee", "P-100", "--client", "C1", *REGISTERED)
    assert (ended.code, "one transaction" in ended.err) == (2, True)


def test_a_file_has_lines_of_clients_and_of_payees(ofrecord: CommandLine, tmp_path: Path) -> None:
    """Each names its own; a refusal is told with the payee's stream."""
    lines = [
        {"payee_id": "P-100", "key": "1", "type": "register_payee", "kind": "producer"}
        | {"pay_by": "check"},
        {"payee_id": "P-999", "key": "2", "type": "share_statements"}
        | {"reader_id": "P-7", "allowed": True},
    ]
    file = tmp_path / "payees.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    ended = ofrecord("submit", str(file), "--json")
    assert ended.code == 1
    assert ended.json()["refused_by_code"] == {"payee_not_found": 1}
    assert "share_statements of payee:P-999 refused" in ended.err
