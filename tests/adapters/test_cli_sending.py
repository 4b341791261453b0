"""``ofrecord submit`` and ``simulate``: what they send, say, and exit with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.bootstrap import open_application
from adapters.inbound.demonstration import HARBOR_BAKERY, load_demonstration
from tests.adapters.command_line import CommandLine

_CLIENT = "harbor-bakery"


@pytest.fixture
def ofrecord(database_url: str) -> CommandLine:
    """The command line on a database without clients."""
    return CommandLine(database_url)


def _opening(**changed: Any) -> dict[str, Any]:
    """The first line of the example, changed."""
    first: dict[str, Any] = json.loads(HARBOR_BAKERY.read_text().splitlines()[0])
    return {name: value for name, value in (first | changed).items() if value is not None}


def _file(folder: Path, *lines: dict[str, Any] | str) -> str:
    path = folder / "lines.jsonl"
    path.write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines))
    return str(path)


# ── A file ─────────────────────────────────────────────────────────────────────────────────────


def test_a_file_is_submitted_and_summed_up(ofrecord: CommandLine) -> None:
    """All accepted: exit code 0."""
    ended = ofrecord("submit", str(HARBOR_BAKERY), "--json")
    assert ended.code == 0
    summary = ended.json()
    assert (summary["lines"], summary["accepted"], summary["repeated"]) == (27, 27, 0)


def test_a_file_that_is_sent_again_does_nothing_again(ofrecord: CommandLine) -> None:
    """Resumable: what was answered before is counted as repeated, and the log stays as it was."""
    ofrecord("submit", str(HARBOR_BAKERY))
    before = ofrecord("history", _CLIENT, "--json").out
    again = ofrecord("submit", str(HARBOR_BAKERY), "--json")
    assert (again.code, again.json()["repeated"]) == (0, 27)
    assert ofrecord("history", _CLIENT, "--json").out == before


def test_the_demonstrations_file_can_be_sent_again(
    ofrecord: CommandLine, database_url: str, tmp_path: Path
) -> None:
    """The README's example, after `make run` has loaded the same file: nothing but repeats."""
    with open_application(database_url) as application:
        assert load_demonstration(application.services, tmp_path, 1)
    again = ofrecord("submit", str(HARBOR_BAKERY), "--json")
    assert (again.code, again.json()["repeated"]) == (0, 27)


def test_a_file_comes_from_cli_as_carrier_at_the_instants_stated(ofrecord: CommandLine) -> None:
    """An operator's tool: carrier staff with the permission to state when it was received."""
    ofrecord("submit", str(HARBOR_BAKERY))
    first = json.loads(ofrecord("history", _CLIENT, "--json").out.splitlines()[0])
    cause = first["cause"]
    assert (cause["sender"], cause["role"]) == ("cli", "carrier")
    assert cause["received_at"] == "2025-12-01T15:00:00Z"


def test_a_refused_line_is_named_and_the_others_go_on(
    ofrecord: CommandLine, tmp_path: Path
) -> None:
    """Some refused: exit code 1, with line, code and sentence on stderr."""
    too_big = _opening(client_id="c2", key="k2", full_time_employees="80")
    name = _file(tmp_path, _opening(), too_big, _opening(client_id="c3", key="k3"))
    ended = ofrecord("submit", name, "--json")
    assert ended.code == 1
    assert ended.json()["accepted"] == 2
    assert ended.json()["refused_by_code"] == {"segment_disagrees_with_size": 1}
    assert f"{name}:2: open_client of c2 refused, segment_disagrees_with_size: " in ended.err


def test_an_unreadable_line_is_named_without_its_content(
    ofrecord: CommandLine, tmp_path: Path
) -> None:
    """Some not readable: exit code 2; nothing that stood in the line is repeated (I7)."""
    wrong = _opening(key="k2", client_id="c2", county=None, state="Canary")
    name = _file(tmp_path, "{Canary", wrong, "", _opening())
    ended = ofrecord("submit", name, "--json")
    assert ended.code == 2
    assert (ended.json()["unreadable"], ended.json()["accepted"]) == (2, 1)
    assert f"{name}:1: malformed_json" in ended.err
    assert f"{name}:2: invalid_request" in ended.err
    assert "Canary" not in ended.err + ended.out


def test_a_line_is_named_by_its_place_in_the_file(ofrecord: CommandLine, tmp_path: Path) -> None:
    """Blank lines are no transactions, but they are lines."""
    name = _file(tmp_path, "", "  ", "{")
    ended = ofrecord("submit", name, "--json")
    assert ended.err.startswith(f"{name}:3: malformed_json")
    assert ended.json()["lines"] == 1


def test_a_key_that_was_used_for_something_else_counts_as_refused(
    ofrecord: CommandLine, tmp_path: Path
) -> None:
    """The key stands for its first content, for ever."""
    name = _file(tmp_path, _opening(), _opening(name="Another Bakery"))
    ended = ofrecord("submit", name, "--json")
    assert ended.code == 1
    assert ended.json()["refused_by_code"] == {"idempotency_key_reused": 1}


def test_lines_can_come_from_stdin(ofrecord: CommandLine) -> None:
    """A dash instead of a file."""
    ended = ofrecord("submit", "-", "--json", stdin=HARBOR_BAKERY.read_text())
    assert (ended.code, ended.json()["accepted"]) == (0, 27)


def test_a_file_that_is_not_there_is_told(ofrecord: CommandLine) -> None:
    """Exit code 2, with a sentence."""
    ended = ofrecord("submit", "nowhere.jsonl")
    assert ended.code == 2
    assert "nowhere.jsonl cannot be read" in ended.err


# ── One ────────────────────────────────────────────────────────────────────────────────────────


def test_one_transaction_is_given_by_names_and_values(ofrecord: CommandLine) -> None:
    """Text by =, JSON by :=, and the receipt as the answer, the same for the same key."""
    ofrecord("submit", str(HARBOR_BAKERY))
    address = '{"line1": "1 Weaver Street", "city": "Oldwick", "state": "CT", "zip": "06001"}'
    arguments = ["submit", "--client", _CLIENT, "--key", "k", "change_address", "--json"]
    arguments += ["member_id=20260100001", f"address:={address}"]
    first, second = ofrecord(*arguments), ofrecord(*arguments)
    assert first.code == 0
    assert first.json()["events"] == [{"type": "address_changed", "version": 1}]
    assert second.out == first.out


def test_one_transaction_is_given_as_json(ofrecord: CommandLine) -> None:
    """The body that the HTTP API would take."""
    body = _opening(client_id=None, key=None, received_at=None)
    ended = ofrecord("submit", "--client", "c1", json.dumps(body))
    assert ended.code == 0
    assert "accepted" in ended.out
    assert "client_opened" in ended.out


def test_one_refused_transaction_exits_with_1_and_shows_the_receipt(ofrecord: CommandLine) -> None:
    """The receipt names the rule that said no."""
    ofrecord("submit", str(HARBOR_BAKERY))
    ended = ofrecord(
        *("submit", "--client", _CLIENT, "remove_subscriber", "--json"),
        *("member_id=20260100008", "last_day=2026-04-30"),
    )
    assert ended.code == 1
    assert ended.json()["code"] == "already_removed"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("submit", "--client", "c", "order_id_card", "lost"), "name=value"),
        (("submit", "--client", "c", "order_id_card", "reason:={"), "JSON"),
        (("submit", "--client", "c", "no_such_action"), "#/type"),
        (("submit", "--client", "c", "order_id_card", "reason=lost"), "#/member_id"),
        (("submit", "a.jsonl", "b.jsonl"), "one file"),
        (("submit",), "Missing argument"),
    ],
)
def test_what_cannot_be_understood_exits_with_2(
    ofrecord: CommandLine, arguments: tuple[str, ...], said: str
) -> None:
    """A wrong command line, and a transaction without the right form, say what is wrong."""
    ended = ofrecord(*arguments)
    assert ended.code == 2
    assert said in ended.err


def test_a_database_that_is_away_exits_with_3(tmp_path: Path) -> None:
    """With a sentence, and without a traceback."""
    ended = CommandLine(f"postgresql://x@/x?host={tmp_path}")("submit", str(HARBOR_BAKERY))
    assert ended.code == 3
    sentence, reason = ended.err.split("\n", 1)
    assert sentence == "The database cannot be reached now. Running the same again later is safe."
    assert "No such file or directory" in reason


# ── A made-up book ─────────────────────────────────────────────────────────────────────────────


def test_a_book_is_simulated_into_the_database(ofrecord: CommandLine) -> None:
    """With a summary; played again it only repeats itself."""
    first = ofrecord("simulate", "--clients", "7", "--seed", "5", "--json")
    again = ofrecord("simulate", "--clients", "7", "--seed", "5", "--json")
    assert (first.code, again.code) == (0, 0)
    summary = first.json()
    assert summary["clients"] == 7
    assert summary["accepted"] + summary["refused"] == summary["transactions"]
    assert again.json()["repeated"] == summary["transactions"]
    assert ofrecord("client", "S5-000007").code == 0
