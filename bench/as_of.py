"""Reads of what was known once, beside the same reads of what is known now, through a server.

Of an ordinary client and one of 20,000 members, at a position of the log that is another each time.
"""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from http.client import HTTPConnection

from bench.billed_book import Group, bill, noon, opening, payment, sized, subscriber_id
from bench.book import move, submission, submit_all
from bench.http import Server, serving
from bench.measuring import Effort, Speed, one_after_the_other
from bench.opened import log_and_processor
from bench.table import Table
from domain.dates import add_months
from processors.command_processor import CommandProcessor
from processors.ports import EventLog
from processors.receipts import Submission

_BEGINS = date(2025, 1, 1)
_MONTHS = 22
_MONTHS_OF_LARGE = 3
_PRODUCER = "P-100"
_ORDINARY_CLIENTS = 200
_CAUGHT_UP_SECONDS_MAX = 300.0
_MAIN = "from adapters.inbound.cli import main; main()"


def measure(database_url: str, table: Table, effort: Effort) -> None:
    """A book of ordinary clients and a large one; then reads of both, live and as known."""
    ordinary = [sized(f"G{number:04d}", 30) for number in range(effort.size(_ORDINARY_CLIENTS, 10))]
    large = sized("LARGE", effort.size(20_000, 500))
    with log_and_processor(database_url) as (log, processor):
        submit_all(processor, itertools.chain.from_iterable(map(_life, ordinary)))
        first_of_large = log.head() + 1
        submit_all(processor, _life(large, _MONTHS_OF_LARGE, moves=0))
        grown = log.head() + 1
        _grow(log, processor, large, effort.size(200_000, 3_000) + first_of_large)
        head = log.head()
    table.note(
        f"{len(ordinary)} clients of {ordinary[0].members} members,"
        f" {(first_of_large - 1) // len(ordinary)} events each;"
        f" one of {large.members:,} and {head - first_of_large:,} events"
    )
    with serving(database_url) as server:
        _wait_until_applied(server)
        _reads(server, table, effort, ordinary[-1], range(first_of_large - 50, head))
        _reads(server, table, effort, large, range(grown, head))
        table.note(f"the server's peak memory: {server.peak_memory()}")
    _book(database_url, table, first_of_large)


# ── What is read ───────────────────────────────────────────────────────────────────────────────


def _reads(server: Server, table: Table, effort: Effort, group: Group, positions: range) -> None:
    """Each read by itself, with nothing else going on."""
    client = f"/v1/clients/{group.client_id}"
    chosen = random.Random(1)
    for what, target in (
        ("a client", client),
        ("a member", f"{client}/members/{subscriber_id(group.subscribers // 2)}"),
        ("100 members of a roster", f"{client}/roster?limit=100"),
        ("a whole roster", f"{client}/roster?format=csv"),
        ("a census", f"{client}/census"),
        ("a balance", f"{client}/billing"),
        ("open items", f"{client}/open-items"),
        ("the invoices", f"{client}/invoices"),
        ("an invoice's first lines", f"{client}/invoices/2025-02"),
    ):
        mark = "&" if "?" in target else "?"
        known = (f"{target}{mark}known_at={chosen.choice(positions)}" for _ in itertools.count())
        live = _read(server, itertools.repeat(target), effort)
        then = _read(server, known, effort)
        table.add(
            f"{what} of {group.members:,}, as known",
            f"p50 {then.p50_ms:8.1f} ms   longest {then.longest_ms:8.1f} ms",
            f"live p50 {live.p50_ms:.1f} ms",
        )


def _read(server: Server, targets: Iterator[str], effort: Effort) -> Speed:
    """Over one connection; the client's own part is a fraction of a millisecond."""
    with closing(HTTPConnection("127.0.0.1", server.port)) as connection:

        def read() -> None:
            connection.request("GET", next(targets), headers=server.auditor)
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200, body

        return one_after_the_other(read, effort.seconds / 2)


def _book(database_url: str, table: Table, position: int) -> None:
    """The whole of it, as the command line prints it, with its start."""
    began = time.perf_counter()
    asked = ("book", _PRODUCER, "--all", "--known-at", str(position), "--json")
    said = subprocess.run(
        [sys.executable, "-c", _MAIN, "--database-url", database_url, *asked],
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    took = time.perf_counter() - began
    clients = len(json.loads(said)["items"])
    table.add(f"a book of {clients:,} clients, as known", f"{took:10.1f} s")


def _wait_until_applied(server: Server) -> None:
    give_up = time.monotonic() + _CAUGHT_UP_SECONDS_MAX
    while time.monotonic() < give_up:
        with closing(HTTPConnection("127.0.0.1", server.port)) as connection:
            connection.request("GET", "/v1/lag", headers=server.auditor)
            lags = json.loads(connection.getresponse().read())["items"]
        if all(lag["events_behind"] == 0 for lag in lags):
            return
        time.sleep(0.2)
    raise AssertionError("the projections did not catch up")


# ── What happened ──────────────────────────────────────────────────────────────────────────────


def _life(group: Group, months: int = _MONTHS, moves: int = 5) -> Iterator[Submission]:
    """Months of a client, nearly two years of an ordinary one: bills, payments, moves."""
    yield from opening(group, _BEGINS)
    for number in range(months):
        month = add_months(_BEGINS, number)
        yield bill(group, month)
        yield payment(group, 100_00, month)
        for house in range(number * moves, (number + 1) * moves):
            moving = _move(group, 1 + house % group.subscribers, house)
            yield submission(group.client_id, moving, noon(month))


def _grow(log: EventLog, processor: CommandProcessor, group: Group, events: int) -> None:
    houses = itertools.count(1)
    while (missing := events - log.head()) > 0:
        moves = (
            _move(group, 1 + house % group.subscribers, house)
            for house in itertools.islice(houses, missing)
        )
        submit_all(processor, (submission(group.client_id, each) for each in moves))


def _move(group: Group, subscriber: int, house: int) -> dict[str, object]:
    return {**move(0, house), "member_id": subscriber_id(subscriber)}
