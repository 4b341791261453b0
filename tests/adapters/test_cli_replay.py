"""``ofrecord replay`` on Harbor Bakery: any part of its history, looked at or put into tables."""

from __future__ import annotations

import json
import re
from pathlib import Path

import psycopg
import pytest

from adapters.inbound.commands import replaying
from adapters.inbound.demonstration import HARBOR_BAKERY
from tests.adapters.command_line import CommandLine

_CLIENT = "harbor-bakery"


@pytest.fixture(scope="module")
def ofrecord(module_database_url: str) -> CommandLine:
    """The command line on a database with Harbor Bakery and a made-up book."""
    run = CommandLine(module_database_url)
    assert run("submit", str(HARBOR_BAKERY)).code == 0
    assert run("simulate", "--clients", "4").code == 0
    return run


def _events(ofrecord: CommandLine, *arguments: str) -> list[dict[str, object]]:
    """A part of the history, as JSON lines."""
    ended = ofrecord("replay", *arguments, "--jsonl", "-")
    assert ended.code == 0, ended.err
    return [json.loads(line) for line in ended.out.splitlines()]


def test_a_transaction_is_a_line_in_words(ofrecord: CommandLine) -> None:
    """Whose, what was asked, about whom, who sent it, and what came of it."""
    lines = ofrecord("replay", "--client", _CLIENT).out.splitlines()
    assert re.search(r"Open a client, effective 2026-01-01 .*: client_opened$", lines[0])
    assert any("20260100001" in line and "Add a subscriber" in line for line in lines)


def test_all_of_the_history_in_order(ofrecord: CommandLine) -> None:
    """Every event once, with its client and everything in it."""
    events = _events(ofrecord)
    assert [event["position"] for event in events] == list(range(1, len(events) + 1))
    assert {"client_id", "version", "cause", "data", "type"} <= events[0].keys()


def test_any_part_of_it(ofrecord: CommandLine) -> None:
    """By client, producer's book, type, positions and instants; and by several of these."""
    events = _events(ofrecord)
    of_client = [event for event in events if event["client_id"] == _CLIENT]
    assert _events(ofrecord, "--client", _CLIENT) == of_client
    assert _events(ofrecord, "--producer", "P-100") == of_client
    assert _events(ofrecord, "--from", "3", "--to", "7") == events[2:7]
    added = _events(ofrecord, "--type", "add_subscriber", "--client", _CLIENT)
    assert {event["type"] for event in added} == {"subscriber_added", "dependent_added"}
    middle = str(events[len(events) // 2]["recorded_at"])
    earlier, later = _events(ofrecord, "--until", middle), _events(ofrecord, "--since", middle)
    assert earlier + later == events
    assert earlier
    assert later


def test_json_lines_go_to_a_file(ofrecord: CommandLine, tmp_path: Path) -> None:
    """One event a line; a file that cannot be written is told."""
    file = tmp_path / "events.jsonl"
    assert ofrecord("replay", "--client", _CLIENT, "--jsonl", str(file)).code == 0
    assert len(file.read_text().splitlines()) == len(_events(ofrecord, "--client", _CLIENT))
    assert file.stat().st_mode & 0o777 == 0o600, "it holds personal data"
    assert ofrecord("replay", "--jsonl", str(tmp_path / "no" / "where")).code == 2
    ended = ofrecord("replay", "--client", _CLIENT, "--jsonl", str(file))
    assert (ended.code, ended.err) == (2, f"{file} is there already: name another file.\n")


def test_a_part_without_events_says_so(ofrecord: CommandLine) -> None:
    """Instead of nothing at all."""
    ended = ofrecord("replay", "--from", "10", "--to", "5")
    assert (ended.code, ended.out, ended.err) == (0, "", "0 events of 0 clients and payees.\n")


def test_step_by_step_each_transaction_says_what_it_changed(ofrecord: CommandLine) -> None:
    """In words, and as a difference of rows: by table and key, columns before and after."""
    told = ofrecord("replay", "--client", _CLIENT, "--step").out
    assert "book_of_business: 1 row added" in told
    assert f"+ client client_id={_CLIENT}" in told
    assert "name: Harbor Bakery" in told
    assert f"~ account client_id={_CLIENT}" in told
    assert "balance_cents: 0 → 510768" in told
    later = ofrecord("replay", "--client", _CLIENT, "--step", "--type", "post_payment").out
    assert "balance_cents: 510768 → 0" in later
    assert "Harbor Bakery" not in later, "what came before is folded, not told"


def test_a_speed_is_kept(ofrecord: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many events a second: waits add up to that."""
    now, slept = [100.0], list[float]()
    monkeypatch.setattr(replaying.time, "monotonic", lambda: now[0])

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = replaying._Pace(speed=4.0)
    monkeypatch.setattr(replaying.time, "sleep", sleep)
    for _ in range(8):
        pace.wait(1)
    assert sum(slept) == pytest.approx(2.0)


def test_into_a_scratch_projection_and_away_again(
    ofrecord: CommandLine, module_database_url: str
) -> None:
    """Real tables of another name, as of a position; what serves is not touched."""
    opened = _events(ofrecord, "--client", _CLIENT)[0]["position"]
    assert ofrecord("replay", "--into", "book_then", "--to", str(opened)).code == 0
    with psycopg.connect(module_database_url) as conn:
        assert conn.execute("SELECT client_id FROM book_then.client").fetchall() == [(_CLIENT,)]
        assert conn.execute("SELECT count(*) FROM book_then.member").fetchall() == [(0,)]
    assert ofrecord("verify").code == 0
    taken = ofrecord("replay", "--into", "book_then")
    assert (taken.code, "already" in taken.err) == (1, True)
    assert ofrecord("replay", "--drop", "book_then").code == 0
    whole = ofrecord("replay", "--into", "book_then", "--producer", "P-100")
    assert whole.code == 0, whole.err
    with psycopg.connect(module_database_url) as conn:
        then = conn.execute("SELECT * FROM book_then.member ORDER BY 1, 2").fetchall()
        now = f"SELECT * FROM book_of_business.member WHERE client_id = '{_CLIENT}' ORDER BY 1, 2"
        assert then == conn.execute(now).fetchall() != []
    assert ofrecord("replay", "--drop", "book_then").code == 0
    assert ofrecord("replay", "--drop", "book_then").code == 1


@pytest.mark.parametrize("name", ["book_of_business", "invoices__next", "public", "Book", "a-b"])
def test_what_serves_is_no_scratch(ofrecord: CommandLine, name: str) -> None:
    """Neither filled nor dropped."""
    for option in ("--into", "--drop"):
        assert ofrecord("replay", option, name).code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--step",),
        ("--step", "--into", "x"),
        ("--type", "ghost"),
        ("--since", "yesterday"),
        ("--since", "2026-03-01"),
        ("--client", "a", "--producer", "P-100"),
    ],
)
def test_what_makes_no_sense_is_told(ofrecord: CommandLine, arguments: tuple[str, ...]) -> None:
    """With exit code 2 and a sentence."""
    ended = ofrecord("replay", *arguments)
    assert ended.code == 2, ended.err


def test_nobody_of_that_id_is_told(ofrecord: CommandLine) -> None:
    """As everywhere."""
    assert ofrecord("replay", "--client", "nobody").code == 1


def test_a_damaged_history_is_told(ofrecord: CommandLine, module_database_url: str) -> None:
    """An event that is missing, and one whose bytes are no event; the last test of this file."""
    for damage, said in (
        ("UPDATE stored_events SET state = 'x' {where}", "cannot be read"),
        ("DELETE FROM stored_events {where}", "Version 3 is missing."),
    ):
        where = f"WHERE originator_id = '{_CLIENT}' AND originator_version = 3"
        with psycopg.connect(module_database_url) as conn:
            conn.execute(damage.format(where=where))  # type: ignore[arg-type]  # made above
        for command in (("replay", "--client", _CLIENT, "--step"), ("client", _CLIENT)):
            position = ("--known-at", "10") if command[0] == "client" else ()
            ended = ofrecord(*command, *position)
            assert (ended.code, said in ended.err) == (1, True), (command, ended.err)
