"""A million events: a projection rebuilt beside the one that serves, and everything verified.

Meanwhile a reader reads pages of a book, one after the other. The book is the one of ``growth``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from adapters.bootstrap import SystemClock
from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.read_store import ReadStore
from adapters.outbound.reading import read_pool
from bench.book import PRODUCER
from bench.copies import CopiedBook
from bench.following import Followers
from bench.growth import make_model
from bench.measuring import Effort, peak_memory_mb, speed_of
from bench.opened import log_and_processor
from bench.table import Table
from domain.dates import carrier_date
from projections.catalog import PROJECTIONS

_EVENTS = 1_000_000
_QUICK_EVENTS = 20_000
_MODEL_EVENTS = 10_000
_LOOK_SECONDS = 0.02
_BOOK = "book_of_business"
_MAIN = "from adapters.inbound.cli import main; main()"


def measure(database_url: str, table: Table, effort: Effort) -> None:
    """Fill the log, project it, rebuild the book with a switch, verify all."""
    events = effort.size(_EVENTS, _QUICK_EVENTS)
    with log_and_processor(database_url) as (_, processor):
        make_model(processor, min(_MODEL_EVENTS, events // 2))
    book = CopiedBook(database_url)
    with closing(PostgresEventLog(database_url)) as log:
        book.grow(log.head(), events)
        with closing(Followers(PROJECTIONS, log, database_url)) as following:
            table.add("all projections, followed from the first event", str(following.catch_up()))
        head = log.head()
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("VACUUM ANALYZE")
    table.note(f"{head:,} events of {book.clients:,} clients; load {os.getloadavg()[0]:.1f}")
    for what, *arguments in (
        ("the book rebuilt, compared, switched", "rebuild", "start", _BOOK, "--switch"),
        ("transactions rebuilt likewise", "rebuild", "start", "transactions", "--switch"),
        ("all projections verified", "verify"),
        ("the book alone verified", "verify", "--projection", _BOOK),
    ):
        _run(database_url, table, what, arguments, head)


def _run(database_url: str, table: Table, what: str, arguments: Sequence[str], events: int) -> None:
    with _reader(database_url) as took:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", _MAIN, "--database-url", database_url, *arguments],
            stdout=subprocess.PIPE,
            text=True,
        )
        peaks: dict[str, float] = {}
        while process.poll() is None:
            _note_peaks(process.pid, peaks)
            time.sleep(_LOOK_SECONDS)
        elapsed = time.perf_counter() - began
    assert process.stdout is not None
    said = process.stdout.read().strip()
    process.stdout.close()
    if process.returncode:
        raise AssertionError(f"{arguments}: exit code {process.returncode}: {said}")
    table.add(what, f"{elapsed:10,.1f} s", f"{events / elapsed:,.0f} events/s")
    table.note(said.splitlines()[-1])
    table.add("  a page of the book meanwhile", str(speed_of(took, elapsed)))
    megabytes = " + ".join(f"{peak:,.0f}" for peak in peaks.values())
    table.note(f"peak memory of its processes: {megabytes} MB; load {os.getloadavg()[0]:.1f}")


def _note_peaks(pid: int, peaks: dict[str, float]) -> None:
    """The most memory that a process and those it started have had."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        pids = [str(pid), *children.read_text(encoding="ascii").split()]
    except OSError:
        return
    for each in pids:
        if (peak := peak_memory_mb(each)) is not None:
            peaks[each] = peak


@contextmanager
def _reader(database_url: str) -> Iterator[list[float]]:
    """Pages of a book, read until this is closed; how long each took."""
    stop, took = threading.Event(), list[float]()
    today = carrier_date(SystemClock().now())

    def read() -> None:
        cursor = None
        with closing(read_pool(database_url)) as pool:
            reads = ReadStore(pool)
            while not stop.is_set():
                began = time.perf_counter()
                page = reads.book(PRODUCER, today, cursor=cursor)
                took.append(time.perf_counter() - began)
                assert page.items, "an empty page"
                cursor = page.next
                stop.wait(_LOOK_SECONDS)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield took
    finally:
        stop.set()
        thread.join()
