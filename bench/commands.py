"""Durable commands a second through the whole processor, beside other ways to do the same."""

from __future__ import annotations

from adapters.bootstrap import SystemClock
from adapters.outbound.event_store import PostgresEventLog
from bench import references
from bench.book import moves, open_book, require_accepted
from bench.measuring import Effort, Speed, in_flight
from bench.table import Table
from processors.command_processor import CommandProcessor

_CLIENTS = 1_000


def measure(database_url: str, table: Table, effort: Effort) -> None:
    """1, 16 and 256 in flight: the processor, SQL under pgbench, plain inserts, the library."""
    seconds = effort.seconds
    references.prepare(database_url)
    saved = references.library_save(database_url, seconds)
    table.add("library's own save()", f"{saved:10,.0f} /s")
    inserts = {n: references.one_insert_a_commit(database_url, n, seconds) for n in (1, 16, 48)}
    for connections, speed in inserts.items():
        table.add(f"plain INSERT a commit, {connections} connections", f"{speed:10,.0f} /s")
    log = PostgresEventLog(database_url)
    processor = CommandProcessor(log, SystemClock())
    try:
        open_book(processor, _CLIENTS)
        commands = moves(_CLIENTS)
        for many, connections in ((1, 1), (16, 16), (256, 48)):
            in_sql = references.one_command_a_commit(database_url, connections, seconds)
            ours = in_flight(
                lambda: processor.submit(next(commands)), many, seconds, require_accepted
            )
            again = references.one_command_a_commit(database_url, connections, seconds)
            _report(table, many, connections, ours, (in_sql + again) / 2, saved)
    finally:
        processor.close()
        log.close()


def _report(
    table: Table, many: int, connections: int, ours: Speed, in_sql: float, saved: float
) -> None:
    table.add(f"one command a commit in SQL, {connections} connections", f"{in_sql:10,.0f} /s")
    table.add(
        f"commands, {many} in flight",
        str(ours),
        f"{ours.per_second / in_sql:.2f} × SQL, {ours.per_second / saved:.1f} × library",
    )
