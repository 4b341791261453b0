"""What tests of projectors share: catching up, what the rows must be, and faults to inject."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.client.state import Client
from processors import applying
from processors import projector as projector_module
from processors.ports import (
    Bookmark,
    EventLog,
    LogUnavailable,
    ParkedClient,
    RowStore,
    RowsUnavailable,
)
from processors.projector import Projector
from processors.verification import digest_of
from projections.kernel import Changes, Projection, Row
from schemas.envelope import Recorded
from tests.adapters.tally import NOON, LatestRow, Tally, tally_row


class FixedClock:
    """A clock that a test sets."""

    def __init__(self, now: datetime = NOON) -> None:
        self.instant = now

    def now(self) -> datetime:
        """The instant that was set."""
        return self.instant

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.instant += timedelta(seconds=seconds)


def tally_projector(
    log: EventLog, rows: RowStore, tally: Tally | None = None, **options: Any
) -> Projector:
    """A started projector of the tally."""
    projector = Projector(tally or Tally(), log, rows, FixedClock(), **options)
    projector.start()
    return projector


def catch_up(projector: Projector) -> None:
    """Steps until there is nothing left to do."""
    while projector.step():
        pass


def digest_by_hand(log: EventLog, but: Collection[str] = ()) -> Mapping[str, str]:
    """What the tally's rows must be, derived from the history without a projector.

    Clients in ``but`` are left out.
    """
    histories: dict[str, list[Recorded]] = defaultdict(list)
    for recorded in log.follow(0, 1_000_000):
        histories[recorded.client_id].append(recorded)
    rows: list[Row] = []
    for client_id, history in histories.items():
        if client_id not in but:
            rows += rows_by_hand(client_id, history)
    return digest_of(rows)


def rows_by_hand(client_id: str, history: Sequence[Recorded]) -> list[Row]:
    """The tally's rows of one client after a history."""
    n = len(history)
    latest = [
        LatestRow(client_id=client_id, version=v, age=n - v) for v in (n - 2, n - 1, n) if v > 0
    ]
    return [tally_row(client_id, n, history[-1]), *latest]


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Projectors don't pause, so that tests needn't."""
    monkeypatch.setattr(applying, "_LOOK_FOR_REQUESTS_SECONDS", 0.0)
    monkeypatch.setattr(projector_module, "_IDLE_SECONDS", 0.01)
    monkeypatch.setattr(projector_module, "_BACKOFF_SECONDS", (0.001, 0.01))
    monkeypatch.setattr(projector_module, "_STANDBY_SECONDS", 0.01)


@contextmanager
def running(*projectors: Projector) -> Iterator[None]:
    """Projectors that run in threads of their own meanwhile."""
    stop = threading.Event()
    threads = [threading.Thread(target=p.run, args=(stop,)) for p in projectors]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
        assert not any(thread.is_alive() for thread in threads)


class FaultyRows:
    """A row store whose writes fail where a plan says so: "before" or "after" they take effect."""

    def __init__(self, inner: RowStore, plan: Sequence[str] = ()) -> None:
        self._inner = inner
        self.plan = list(plan)
        self.writes: list[Changes] = []

    def write(
        self,
        projection: Projection,
        changes: Changes,
        expected: Bookmark,
        reached: Bookmark,
        parked: Collection[ParkedClient] = (),
        released: Collection[str] = (),
    ) -> Bookmark | None:
        """As the inner store; the connection may be cut before or after its commit."""
        fault = self.plan.pop(0) if self.plan else ""
        if fault == "before":
            raise RowsUnavailable("ConnectionCut")
        self.writes.append(changes)
        done = self._inner.write(projection, changes, expected, reached, parked, released)
        if fault == "after":
            raise RowsUnavailable("ConnectionCut")
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class FaultyLog:
    """A log whose reads a test can cut, or change on their way."""

    def __init__(self, inner: EventLog) -> None:
        self._inner = inner
        self.is_away = False
        self.loads = 0
        self.on_follow: Callable[[Sequence[Recorded]], Sequence[Recorded]] = lambda events: events

    def follow(self, after: int, limit: int) -> Sequence[Recorded]:
        """As the inner log, or as the test wants it."""
        self._must_be_there()
        return self.on_follow(self._inner.follow(after, limit))

    def load(self, up_to: Mapping[str, int]) -> Mapping[str, Client]:
        """As the inner log."""
        self._must_be_there()
        self.loads += bool(up_to)
        return self._inner.load(up_to)

    def _must_be_there(self) -> None:
        if self.is_away:
            raise LogUnavailable("ConnectionCut")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
