"""Projectors that follow a log when told to, with rows that are counted."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import NamedTuple

from adapters.bootstrap import SystemClock
from adapters.outbound.migrations import migrate
from adapters.outbound.row_store import PostgresRowStore
from bench.databases import fresh_database
from processors.ports import Bookmark, EventLog, ParkedClient
from processors.projector import Projector
from projections.kernel import Changes, Projection

_BATCH_EVENTS = 2_000


class Applied(NamedTuple):
    """What a catch-up came to."""

    events: int
    rows: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Events applied in a second."""
        return self.events / self.seconds

    def __str__(self) -> str:
        return f"{self.per_second:10,.0f} /s   {self.events:,} events, {self.rows:,} rows written"


class Followers:
    """A projector for each projection, one thread each while they catch up, as embedded."""

    def __init__(
        self,
        projections: Sequence[Projection],
        log: EventLog,
        rows_url: str,
        batch_events: int = _BATCH_EVENTS,
    ) -> None:
        self.rows_url = rows_url
        self._log = log
        self._rows = _CountingRows(rows_url)
        self._reached: dict[str, int] = {}
        self._projectors = {
            projection.name: Projector(
                projection,
                log,
                self._rows,
                SystemClock(),
                applied=self._note(projection.name),
                batch_events=batch_events,
            )
            for projection in projections
        }
        for projector in self._projectors.values():
            projector.start()

    def catch_up(self, seconds_max: float = 3600.0) -> Applied:
        """Apply the log to its end, or as far as the time reaches; in both, what all applied."""
        rows_before, before = self._rows.written.total(), min(self._reached.values())
        began = time.perf_counter()

        def follow(projector: Projector) -> None:
            while time.perf_counter() - began < seconds_max and projector.step():
                pass

        threads = [
            threading.Thread(target=follow, args=(projector,))
            for projector in self._projectors.values()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elapsed = time.perf_counter() - began
        if parked := self._rows.parked():
            raise AssertionError(f"{len(parked)} clients are parked: {parked[0].error}")
        events = min(self._reached.values()) - before
        return Applied(events, self._rows.written.total() - rows_before, elapsed)

    def close(self) -> None:
        """Give the connections back."""
        self._rows.close()

    def _note(self, name: str) -> Callable[[int], None]:
        def note(position: int) -> None:
            self._reached[name] = position

        return note


@contextmanager
def followers(
    database_url: str,
    log: EventLog,
    projections: Sequence[Projection],
    batch_events: int = _BATCH_EVENTS,
) -> Iterator[Followers]:
    """Projectors with fresh rows, in a database of their own on the same server."""
    rows_url = fresh_database(database_url, f"rows_{time.monotonic_ns()}")
    migrate(rows_url)
    with closing(Followers(projections, log, rows_url, batch_events)) as following:
        yield following


class _CountingRows(PostgresRowStore):
    """Counts the rows given to it, by projection."""

    def __init__(self, database_url: str) -> None:
        super().__init__(database_url)
        self.written: Counter[str] = Counter()

    def write(
        self,
        projection: Projection,
        changes: Changes,
        expected: Bookmark,
        reached: Bookmark,
        parked: Collection[ParkedClient] = (),
        released: Collection[str] = (),
    ) -> Bookmark | None:
        """As the store does."""
        self.written[projection.name] += sum(map(len, changes.scopes.values()))
        return super().write(projection, changes, expected, reached, parked, released)
