"""``ofrecord rebuild``: a book rebuilt and switched while it is read, and killed on the way."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from adapters.inbound.commands import rebuilding
from adapters.inbound.demonstration import HARBOR_BAKERY
from adapters.outbound.read_store import ReadStore
from adapters.outbound.reading import read_pool
from projections.catalog import PROJECTIONS
from tests.adapters.command_line import CommandLine
from tests.conftest import PostgresForTests

_CLIENT = "harbor-bakery"


@pytest.fixture(scope="module")
def template(module_database_url: str) -> str:
    """A database with Harbor Bakery and a made-up book."""
    run = CommandLine(module_database_url)
    assert run("submit", str(HARBOR_BAKERY)).code == 0
    assert run("simulate", "--clients", "10").code == 0
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


@pytest.mark.parametrize("name", [projection.name for projection in PROJECTIONS])
def test_every_projection_rebuilds_to_the_same_rows(ofrecord: CommandLine, name: str) -> None:
    """Built, compared, switched; and what is shown then is what the log says."""
    ended = ofrecord("rebuild", "start", name, "--switch", "--json")
    assert ended.code == 0, ended.err
    assert (ended.json()["is_switched"], ended.json()["differences"]) == (True, [])
    [kept] = ofrecord("rebuild", "status", "--json").json()
    assert (kept["projection"], kept["state"]) == (name, "switched")
    assert ofrecord("verify", "--projection", name).code == 0
    assert ofrecord("rebuild", "drop", name).code == 0
    assert ofrecord("rebuild", "status", "--json").json() == []


def test_differences_are_listed_and_nothing_is_switched_for_them(
    ofrecord: CommandLine, database: str
) -> None:
    """Whoever looked at them switches all the same, with a command of its own."""
    with psycopg.connect(database) as conn:
        conn.execute("UPDATE book_of_business.client SET name = 'Nobody Inc'")
        clients = conn.execute("SELECT count(*) FROM book_of_business.client").fetchone()
    ended = ofrecord("rebuild", "start", "book_of_business", "--switch")
    assert ended.code == 1
    assert f"client, {_CLIENT}: the row client_id={_CLIENT}: differs in name." in ended.out
    assert clients
    assert f", beside the old tables: {clients[0]} differences (" in ended.out
    assert "Nobody Inc" not in ended.out
    assert ofrecord("rebuild", "compare", "book_of_business").code == 1
    assert ofrecord("verify").code == 1, "the old one serves still"
    assert ofrecord("rebuild", "switch", "book_of_business").code == 0
    assert ofrecord("verify").code == 0


def test_one_difference_is_told_as_one(ofrecord: CommandLine, database: str) -> None:
    """And no event, where nothing was folded now."""
    with psycopg.connect(database) as conn:
        conn.execute(f"UPDATE book_of_business.client SET name = '' WHERE client_id = '{_CLIENT}'")
    assert ofrecord("rebuild", "start", "book_of_business").code == 1
    said = ofrecord("rebuild", "compare", "book_of_business").out
    assert ": 1 difference (0 events, " in said, said


def test_readers_never_see_an_error_or_an_empty_book(ofrecord: CommandLine, database: str) -> None:
    """Read without a pause while one rebuild after the other is switched."""
    stop, wrong, reads = threading.Event(), list[str](), [0, 0, 0]

    def read(number: int) -> None:
        store = ReadStore(pool)
        while not (stop.is_set() or wrong):
            try:
                seen = store.client(_CLIENT, None, date(2026, 6, 1))
                if {plan.plan_id for plan in seen.plans} != {"SILVER", "BRONZE"}:
                    wrong.append(str(seen))
                if not store.book("P-100", date(2026, 6, 1)).items:
                    wrong.append("an empty book")
            except Exception as error:  # noqa: BLE001  # told by the assertion below
                wrong.append(repr(error))
            reads[number] += 1

    with closing(read_pool(database)) as pool:
        readers = [threading.Thread(target=read, args=(number,)) for number in range(3)]
        for reader in readers:
            reader.start()
        try:
            for _ in range(3):
                before = sum(reads)
                assert ofrecord("rebuild", "start", "book_of_business", "--switch").code == 0
                assert ofrecord("rebuild", "drop", "book_of_business").code == 0
                while sum(reads) < before + 10 and not wrong:
                    time.sleep(0.01)
        finally:
            stop.set()
            for reader in readers:
                reader.join()
    assert not wrong, wrong[:3]


_REBUILD = """
from adapters.inbound.cli import main
from processors import stream_chunks
stream_chunks.stream_chunks.__defaults__ = (*stream_chunks.stream_chunks.__defaults__[:2], 1, 1)
main()
"""


def test_a_rebuild_that_is_killed_goes_on(ofrecord: CommandLine, database: str) -> None:
    """``kill -9`` in the middle, twice, with one client a transaction; then to the end."""
    start = ("rebuild", "start", "book_of_business")
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", _REBUILD, "--database-url", database, *start],
            cwd=Path.cwd(),
            env=os.environ | {"PYTHONPATH": str(Path.cwd())},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        before = _filled(database)
        while _filled(database) == before and process.poll() is None:
            pass
        process.kill()
        process.wait()
    assert _filled(database) > 0
    ended = ofrecord("rebuild", "start", "book_of_business", "--switch", "--json")
    while ended.code == 1 and "Another process" in ended.err:  # its connection is still being cut
        ended = ofrecord("rebuild", "start", "book_of_business", "--switch", "--json")
    assert (ended.code, ended.json()["is_switched"]) == (0, True), ended.err
    assert ofrecord("verify").code == 0


def _filled(database: str) -> int:
    with psycopg.connect(database) as conn:
        row = conn.execute("SELECT coalesce(sum(streams), 0)::int FROM rebuild_shares").fetchone()
        assert row is not None
        return int(row[0])


def test_a_large_log_is_folded_by_two_processes(
    ofrecord: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same result."""
    monkeypatch.setattr(rebuilding, "SHARED_FROM_EVENTS", 0)
    ended = ofrecord("rebuild", "start", "invoices", "--switch", "--json")
    assert (ended.code, ended.json()["is_switched"]) == (0, True), ended.err


def test_what_cannot_be_done_is_told(ofrecord: CommandLine, empty_database_url: str) -> None:
    """Each with what to do about it."""
    for arguments, code, said in (
        (("switch", "invoices"), 1, "No rebuild of invoices is ready"),
        (("compare", "invoices"), 1, "No rebuild of invoices is ready"),
        (("drop", "invoices"), 1, "There is no rebuild of invoices."),
        (("start", "ghosts"), 2, "no projection ghosts"),
    ):
        ended = ofrecord("rebuild", *arguments)
        assert (ended.code, said in re.sub(r"[\s│]+", " ", ended.err)) == (code, True), ended.err
    nothing = CommandLine(empty_database_url)("rebuild", "start", "invoices")
    assert (nothing.code, "`ofrecord serve` makes them" in nothing.err) == (1, True)
