"""Bills and commissions: runs over a whole book, payments, and whether age costs anything."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from bench.billed_book import (
    Group,
    bill,
    groups,
    leaving,
    opening,
    payment,
    settlement,
)
from bench.book import require_accepted, submit_all
from bench.explaining import explain_figures
from bench.following import followers
from bench.measuring import Effort, in_flight, peak_memory_mb
from bench.opened import log_and_processor
from bench.table import Table
from domain.dates import add_months, last_of_month
from processors.command_processor import CommandProcessor
from processors.receipts import Submission
from projections.catalog import PROJECTIONS

_BEGINS = date(2025, 1, 1)
_LONG_AGO = date(2021, 1, 1)
_CHANGED_IN = 100
"""One client in so many changed since the last run."""
_WINDOW = 32
_FOR_EVER = 3600.0
_A_LITTLE_CENTS = 10_00


def measure(database_url: str, table: Table, effort: Effort) -> None:
    """Bill a book twice, let it pay, settle the commission; then look at months long past."""
    book = groups(effort.size(100_000, 2_000))
    members = sum(group.members for group in book)
    with log_and_processor(database_url) as (log, processor):
        submit_all(processor, itertools.chain.from_iterable(opening(g, _BEGINS) for g in book))
        table.note(f"{members:,} members in {len(book):,} groups of {_sizes(book)}")
        first, second = _BEGINS, add_months(_BEGINS, 1)
        _run(processor, table, "first invoice run", book, first, members)
        _pay(processor, table, book, effort.size(100_000, 2_000))
        changed = book[::_CHANGED_IN]
        submit_all(processor, _some_leave(changed, first))
        _run(processor, table, "next run, 1 % of the clients changed", book, second, members)
        submissions = (settlement(group, second) for group in book)
        _timed(processor, table, "commission run", submissions, len(book), "clients")
        with followers(database_url, log, PROJECTIONS) as following:
            began = time.perf_counter()
            applied = following.catch_up()
            table.add(
                "all projections, from the first event",
                f"{applied.rows / (time.perf_counter() - began):10,.0f} rows/s",
                f"{applied.rows:,} rows, {_memory()}",
            )
        old, month = _growing(processor, table, effort)
        explain_figures(log, table, effort, old, month)


def _run(
    processor: CommandProcessor,
    table: Table,
    title: str,
    book: Sequence[Group],
    month: date,
    members: int,
) -> None:
    _timed(processor, table, title, (bill(group, month) for group in book), members, "members")


def _timed(
    processor: CommandProcessor,
    table: Table,
    title: str,
    submissions: Iterator[Submission],
    things: int,
    name: str,
) -> float:
    """Submit all with a window in flight; the seconds it took."""
    began = time.perf_counter()
    speed = in_flight(
        lambda: processor.submit(next(submissions)), _WINDOW, _FOR_EVER, require_accepted
    )
    seconds = time.perf_counter() - began
    figure = f"{things / seconds:10,.0f} {name}/s   in {seconds:.1f} s"
    table.add(title, figure, f"longest {speed.longest_ms:,.0f} ms, {_memory()}")
    return seconds


def _pay(processor: CommandProcessor, table: Table, book: Sequence[Group], many: int) -> None:
    """Payments that each pay a little, so that every one finds something open."""
    turns = itertools.islice(itertools.cycle(book), many)
    _timed(
        processor,
        table,
        "payments",
        (payment(group, _A_LITTLE_CENTS, _BEGINS) for group in turns),
        many,
        "payments",
    )


def _some_leave(changed: Iterable[Group], month: date) -> Iterator[Submission]:
    """Told in a month that was billed: under ``wash`` it costs nothing any more."""
    for group in changed:
        yield leaving(group, 1, month.replace(day=9), month.replace(day=10))


# ── Age ────────────────────────────────────────────────────────────────────────────────────────


def _growing(processor: CommandProcessor, table: Table, effort: Effort) -> tuple[Group, date]:
    """A run costs what changed, not what there is: at one year of history, and at five.

    The group, and the last month that it was billed for.
    """
    group = Group("OLD", *_old_group(effort))
    submit_all(processor, opening(group, _LONG_AGO))
    months = effort.size(60, 24)
    took: list[float] = []
    month = _LONG_AGO
    for number in range(1, months + 1):
        # Told on the 5th of the month after: the month was billed, and so was the next.
        if number > 2:
            told_on = add_months(month, -1).replace(day=5)
            last_day = last_of_month(add_months(month, -2))
            submit_all(processor, [leaving(group, number, last_day, told_on)])
        began = time.perf_counter()
        submit_all(processor, [bill(group, month)])
        took.append(time.perf_counter() - began)
        submit_all(processor, [payment(group, group.members * 200_00, month)])
        month = add_months(month, 1)
    for age in (12, months):
        nearby = sorted(took[age - 5 : age])
        figure = f"{nearby[len(nearby) // 2] * 1e3:10,.0f} ms"
        table.add(f"a run for {group.members:,} members, month {age}", figure)
    return group, add_months(month, -1)


def _old_group(effort: Effort) -> tuple[int, int]:
    made = groups(effort.size(5_000, 200) + 1, seed=7)
    largest = max(made, key=lambda group: group.members)
    return largest.subscribers, largest.members


def _sizes(book: Sequence[Group]) -> str:
    sizes = [group.members for group in book]
    return f"{min(sizes)} to {max(sizes):,}"


def _memory() -> str:
    memory = peak_memory_mb()
    return "" if memory is None else f"peak {memory:,.0f} MB"
