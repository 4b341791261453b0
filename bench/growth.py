"""Do figures stay as they are while the log grows: at 10 thousand, 100 thousand, a million events.

The book has a client for every ten events, all of one producer. Commands go to a thousand clients
picked all over it.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import closing

from adapters.bootstrap import SystemClock
from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.read_store import ReadStore
from adapters.outbound.reading import read_pool
from bench.book import (
    PRODUCER,
    client_name,
    move,
    open_book,
    require_accepted,
    submission,
    submit_all,
)
from bench.copies import CopiedBook
from bench.following import Followers
from bench.measuring import Effort, Speed, in_flight, one_after_the_other, peak_memory_mb
from bench.opened import log_and_processor
from bench.table import Table
from bench.visibility import measure_visibility
from domain.dates import carrier_date
from processors.command_processor import CommandProcessor
from processors.receipts import Submission
from projections.catalog import PROJECTIONS

_LEVELS = (10_000, 100_000, 1_000_000)
_QUICK_LEVELS = (2_000, 20_000)
_EVENTS_OF_A_CLIENT = 10
_MOVES = 5
"""Of these; the others open the client."""
_BUSY_CLIENTS = 1_000
_SEEN_CLIENTS = 50
_IN_FLIGHT = 16


def measure(database_url: str, table: Table, effort: Effort) -> None:
    """Fill to each level, then measure there."""
    levels = _QUICK_LEVELS if effort.quick else _LEVELS
    with log_and_processor(database_url) as (_, processor):
        make_model(processor, levels[0])
    book = CopiedBook(database_url)
    for level in levels:
        began = time.perf_counter()
        with closing(PostgresEventLog(database_url)) as log:
            book.grow(log.head(), level)
            table.note(
                f"{log.head():,} events of {book.clients:,} clients,"
                f" made in {time.perf_counter() - began:.0f} s"
            )
        _measure_level(database_url, table, effort, book.clients)
    table.note(f"peak memory, all of this in one process: {peak_memory_mb() or 0:,.0f} MB")


def make_model(processor: CommandProcessor, events: int) -> None:
    """A book of about so many events, to be copied."""
    clients = events // _EVENTS_OF_A_CLIENT
    open_book(processor, clients)
    everyone = range(1, clients + 1)
    submit_all(processor, (_move(n, house) for house in range(1, _MOVES + 1) for n in everyone))


def _move(client: int, house: int) -> Submission:
    return submission(client_name(client), move(1, house))


def _measure_level(database_url: str, table: Table, effort: Effort, clients: int) -> None:
    chosen = random.Random(clients)
    busy = chosen.sample(range(1, clients + 1), min(clients, _BUSY_CLIENTS))
    with log_and_processor(database_url) as (log, processor):
        with closing(Followers(PROJECTIONS, log, database_url)) as following:
            table.add("both projections, all that is new", str(following.catch_up()))
            _measure_commands(processor, table, effort, busy)
            table.add("both projections, those commands", str(following.catch_up()))
        seen = _moves(busy[:_SEEN_CLIENTS])
        measure_visibility(database_url, log, processor, seen, table, effort, loads=False)
    _measure_book(database_url, table, effort)


def _measure_commands(
    processor: CommandProcessor, table: Table, effort: Effort, busy: Sequence[int]
) -> None:
    once = (_move(number, time.time_ns()) for number in busy)
    many = _moves(busy)
    cold = _in_flight(processor, once, float("inf"))
    table.add(f"commands, {_IN_FLIGHT} in flight, clients not in memory", str(cold))
    # After a checkpoint PostgreSQL logs each page whole when it is first changed; receipts are
    # spread over all pages of their index. Seconds later that is over, until the next checkpoint.
    _in_flight(processor, many, effort.seconds)
    warm = _in_flight(processor, many, effort.seconds)
    table.add(f"commands, {_IN_FLIGHT} in flight, in memory", str(warm))


def _in_flight(
    processor: CommandProcessor, commands: Iterator[Submission], seconds: float
) -> Speed:
    return in_flight(
        lambda: processor.submit(next(commands)), _IN_FLIGHT, seconds, require_accepted
    )


def _moves(clients: Sequence[int]) -> Iterator[Submission]:
    for number in itertools.cycle(clients):
        yield _move(number, time.time_ns())


def _measure_book(database_url: str, table: Table, effort: Effort) -> None:
    """The producer's book, which has every client: its pages, one after the other."""
    today = carrier_date(SystemClock().now())
    cursor: str | None = None
    with closing(read_pool(database_url)) as pool:
        reads = ReadStore(pool)

        def next_page() -> None:
            nonlocal cursor
            page = reads.book(PRODUCER, today, cursor=cursor)
            assert page.items, "an empty page"
            cursor = page.next

        speed = one_after_the_other(next_page, effort.seconds / 2)
    table.add("a page of a book of all these clients", str(speed))
