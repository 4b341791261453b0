"""``kill -9`` in the middle of a run: the same command goes on, and nothing is done twice.

A real process works on a made-up book. It is killed while an append of its stands still, so that
what was on its way is known; that append then comes to nothing, or takes effect unheard.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from adapters.bootstrap import open_application
from adapters.inbound.simulation.book import simulate
from adapters.outbound.event_store import PostgresEventLog
from schemas.envelope import Recorded
from tests.adapters.command_line import CommandLine
from tests.conftest import PostgresForTests
from tests.faults.held_append import HeldAppend, held_append

_OFRECORD = [sys.executable, "-c", "from adapters.inbound.cli import main; main()"]
_SEED, _CLIENTS = 11, 14
_RUNS = {
    "billing": ["billing-run", "2026-07", "--run-on", "2026-06-15"],
    "commission": ["commission-run", "2026-07", "--run-on", "2026-07-05"],
}
_POSITIONS = {"after_position", "through_position"}
"""They differ with the order of what happened; which lines are between them does not."""


class Book:
    """A made-up book up to June 2026, and copies of it to run things on."""

    def __init__(self, postgres: PostgresForTests) -> None:
        self._postgres = postgres
        self._made = postgres.new_database()
        with open_application(self._made) as application:
            application.projectors.start()
            simulate(application.services.commands, _CLIENTS, _SEED)
            self.head = application.services.log.head()
            assert application.projectors.wait_until_applied(self.head, 60)

    def copy(self) -> str:
        """A database with the book."""
        return self._postgres.new_database(str(conninfo_to_dict(self._made)["dbname"]))

    def done_in(self, database_url: str) -> list[Recorded]:
        """What happened after the book."""
        with closing(PostgresEventLog(database_url)) as log:
            return list(log.follow(self.head, 100_000))


@pytest.fixture(scope="module")
def book(postgres: PostgresForTests) -> Book:
    """The book of all these tests."""
    return Book(postgres)


@pytest.fixture(scope="module")
def undisturbed(book: Book) -> dict[str, list[Recorded]]:
    """By kind of run: what it does if nothing comes in between."""
    done = {}
    for kind, command in _RUNS.items():
        database_url = book.copy()
        run = _run(database_url, command)
        assert (run["state"], run["counts"]["failed"]) == ("finished", 0)
        done[kind] = book.done_in(database_url)
    return done


def _start(database_url: str, command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*_OFRECORD, "--database-url", database_url, *command, "--json"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={k: v for k, v in os.environ.items() if not k.startswith("OFRECORD_")},
    )


def _run(database_url: str, command: list[str]) -> Any:
    """Run it to its end, in this process."""
    return CommandLine(database_url)(*command, "--json").json()


def _killed_and_run_again(
    book: Book, kind: str, events: int, then: Callable[[HeldAppend], None]
) -> list[Recorded]:
    """Killed at the append of the run's so many-th event, and run again; what was done by both."""
    database_url, command = book.copy(), _RUNS[kind]
    with held_append(database_url, book.head + events) as append:
        process = _start(database_url, command)
        append.wait()
        process.kill()
        process.wait()
        then(append)
    before = len(book.done_in(database_url))
    assert (before >= events) == (then is HeldAppend.take_effect)
    _as_if_a_minute_had_passed(database_url)
    run = _run(database_url, command)
    assert (run["state"], run["attempt"]) == ("finished", 2)
    done = book.done_in(database_url)
    assert before < len(done), "it was killed in the middle"
    return done


def _as_if_a_minute_had_passed(database_url: str) -> None:
    """The run's record has had no heartbeat for that long."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("UPDATE runs SET updated_at = updated_at - interval '1 minute'")


def _contents(done: list[Recorded], *types: str) -> dict[tuple[str, str], dict[str, Any]]:
    """By stream and type: what the events of these types say; there is one of each."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for recorded in done:
        if recorded.event.type in types:
            key = recorded.client_id, recorded.event.type
            assert key not in found, f"a second {recorded.event.type} of {recorded.client_id}"
            said = msgspec.to_builtins(recorded.event)
            found[key] = {name: said[name] for name in said if name not in _POSITIONS}
    return found


@pytest.mark.parametrize(
    ("share", "then"), [(0.1, HeldAppend.take_effect), (0.6, HeldAppend.come_to_nothing)]
)
def test_i1_i5_a_killed_billing_run_invoices_everyone_once(
    book: Book,
    undisturbed: dict[str, list[Recorded]],
    share: float,
    then: Callable[[HeldAppend], None],
) -> None:
    """I1, I5: every client has one invoice of the month, the one it would have had anyway."""
    expected = _contents(undisturbed["billing"], "invoice_produced")
    assert len(expected) >= 8
    done = _killed_and_run_again(book, "billing", round(share * len(expected)), then)
    assert _contents(done, "invoice_produced") == expected


@pytest.mark.parametrize(
    ("phase", "then"),
    [
        ("commission_settled", HeldAppend.come_to_nothing),
        ("statement_produced", HeldAppend.take_effect),
    ],
)
def test_i1_i5_a_killed_commission_run_pays_everyone_once(
    book: Book,
    undisturbed: dict[str, list[Recorded]],
    phase: str,
    then: Callable[[HeldAppend], None],
) -> None:
    """I1, I5: while it settles or while it pays, each payee has one statement, as it would have."""
    types = ("commission_settled", "statement_produced")
    expected = _contents(undisturbed["commission"], *types)
    settled = sum(type_ == "commission_settled" for _, type_ in expected)
    paid = len(expected) - settled
    assert min(settled, paid) >= 5
    at = settled // 2 if phase == "commission_settled" else settled + paid // 2
    done = _killed_and_run_again(book, "commission", at, then)
    assert _contents(done, *types) == expected
