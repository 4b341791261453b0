"""The embedded default: the projectors follow the log in this process, one thread for each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from processors.ports import Clock, EventLog, RowStore
from processors.projector import Projector
from processors.tallies import Distribution
from projections.kernel import Projection

_LOOK_SECONDS = 0.25
"""How often a reader who waits looks at the stored position itself: another process may be the one
that projects."""


class EmbeddedProjectors:
    """Starts and stops a projector for each projection, and lets readers wait for their writes."""

    def __init__(
        self,
        projections: Sequence[Projection],
        log: EventLog,
        rows: RowStore,
        clock: Clock,
        *,
        projects_here: bool = True,
    ) -> None:
        self.projects_here = projects_here
        """False where workers of a topic project: then nothing is started, only waited for."""
        self._rows = rows
        self._stop = threading.Event()
        self._moved = threading.Condition()
        self._applied = {projection.name: 0 for projection in projections}
        self._started = threading.Lock()
        projectors = {
            each.name: Projector(each, log, rows, clock, applied=self._note(each.name))
            for each in projections
        }
        self.batches: Mapping[str, Distribution] = (
            {name: projector.batches for name, projector in projectors.items()}
            if projects_here
            else {}
        )
        """By projection: events applied in one transaction, so far."""
        self._threads = [
            threading.Thread(
                target=projector.run, args=(self._stop,), name=f"projector-{name}", daemon=True
            )
            for name, projector in projectors.items()
        ]

    def start(self) -> None:
        """Start following the log; once is enough."""
        if self.projects_here and self._started.acquire(blocking=False):
            for thread in self._threads:
                thread.start()

    def close(self) -> None:
        """Stop after the batch at hand; rows and positions are as consistent as ever."""
        self._stop.set()
        with self._moved:
            self._moved.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def wait_until_applied(
        self, position: int, timeout_seconds: float, projections: Sequence[str] | None = None
    ) -> bool:
        """Block until the rows reflect ``position``; false if the time was over before.

        In all projections, or in those named. Raises ``RowsUnavailable``.
        """
        names = self._applied if projections is None else projections
        now = time.monotonic()
        deadline, look_at = now + timeout_seconds, now + _LOOK_SECONDS
        while not self._stop.is_set():
            with self._moved:
                behind = [name for name in names if self._applied[name] < position]
                now = time.monotonic()
                if not behind or now >= deadline:
                    return not behind
                if now < look_at:
                    self._moved.wait(min(look_at, deadline) - now)
                    continue
            look_at = now + _LOOK_SECONDS
            stored = {name: self._rows.position(name) for name in behind}
            with self._moved:  # its own projector may have come further meanwhile
                for name, reached in stored.items():
                    self._applied[name] = max(self._applied[name], reached)
        return False

    def wait_or_project(
        self, position: int, timeout_seconds: float, projections: Sequence[str] | None = None
    ) -> bool:
        """As ``wait_until_applied``; where nobody has applied it by then, this process begins to
        project, unless workers of a topic are to.
        """
        if self.wait_until_applied(position, timeout_seconds, projections):
            return True
        self.start()
        return False

    def _note(self, name: str) -> Callable[[int], None]:
        def note(position: int) -> None:
            with self._moved:
                self._applied[name] = position
                self._moved.notify_all()

        return note
