"""How long after its acknowledgement a command shows in the rows of every projection."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

from adapters.bootstrap import SystemClock
from adapters.outbound.row_store import PostgresRowStore
from bench.book import require_accepted
from bench.measuring import Effort, Speed, in_flight, one_after_the_other, speed_of
from bench.table import Table
from processors.command_processor import CommandProcessor
from processors.embedded import EmbeddedProjectors
from processors.ports import EventLog
from processors.receipts import Answer, Submission
from projections.catalog import PROJECTIONS

_CATCH_UP_SECONDS_MAX = 600.0
_APPLIED_SECONDS_MAX = 30.0
_WARM_SECONDS = 0.5
_STEADY_PER_SECOND = 1_000
_IN_FLIGHT = 16


def measure_visibility(
    database_url: str,
    log: EventLog,
    processor: CommandProcessor,
    commands: Iterator[Submission],
    table: Table,
    effort: Effort,
    loads: bool = True,
) -> None:
    """One command at a time; with ``loads`` also beside a steady load, and beside a full one."""
    with (
        closing(PostgresRowStore(database_url)) as rows,
        closing(EmbeddedProjectors(PROJECTIONS, log, rows, SystemClock())) as projectors,
        ThreadPoolExecutor(1) as beside,
    ):
        projectors.start()
        if not projectors.wait_until_applied(log.head(), _CATCH_UP_SECONDS_MAX):
            raise AssertionError("the projectors did not catch up")
        seen = Seen(processor, projectors, commands)
        seen.one_at_a_time(_WARM_SECONDS)
        table.add("visible after its receipt, alone", str(seen.one_at_a_time(effort.seconds)))
        for load in (seen.steady_load, seen.full_load) if loads else ():
            loading = beside.submit(load, effort.seconds + _WARM_SECONDS)
            time.sleep(_WARM_SECONDS / 2)
            visible = seen.one_at_a_time(effort.seconds)
            others = loading.result()
            table.add(
                f"visible after its receipt, beside {others.per_second:,.0f} /s", str(visible)
            )


class Seen:
    """Submits commands and looks when they are visible."""

    def __init__(
        self,
        processor: CommandProcessor,
        projectors: EmbeddedProjectors,
        commands: Iterator[Submission],
    ) -> None:
        self._processor = processor
        self._projectors = projectors
        self._commands = commands
        self._taking = threading.Lock()

    def one_at_a_time(self, seconds: float) -> Speed:
        """Submit one, wait until it is visible, and so on; timed from receipt to visible."""
        took: list[float] = []
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            answer = self._submit().result()
            acknowledged = time.perf_counter()
            position = answer.receipt.position
            if not self._projectors.wait_until_applied(position, _APPLIED_SECONDS_MAX):
                raise AssertionError(f"not visible after {_APPLIED_SECONDS_MAX} seconds")
            took.append(time.perf_counter() - acknowledged)
        return speed_of(took, time.perf_counter() - began)

    def full_load(self, seconds: float) -> Speed:
        """So many in flight, as fast as they are answered."""
        return in_flight(self._submit, _IN_FLIGHT, seconds, require_accepted)

    def steady_load(self, seconds: float) -> Speed:
        """So many a second."""
        began = time.perf_counter()
        submitted = 0

        def next_one() -> None:
            nonlocal submitted
            submitted += 1
            due = began + submitted / _STEADY_PER_SECOND
            time.sleep(max(0.0, due - time.perf_counter()))
            self._submit()

        return one_after_the_other(next_one, seconds)

    def _submit(self) -> Future[Answer]:
        with self._taking:
            command = next(self._commands)
        return self._processor.submit(command)
