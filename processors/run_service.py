"""Runs at work: each in a thread of its own, with a heartbeat, until it is done or stopped.

The record says how far a run is. A process that dies leaves a record without heartbeat; who asks
for the same run again continues it. Who finds that another has taken a run over stops.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import structlog

from domain.dates import carrier_date
from processors.ports import Clock, LogUnavailable, RowsUnavailable
from processors.runs import (
    HEARTBEAT_SECONDS,
    Begun,
    Run,
    RunKind,
    RunNotPossible,
    RunRequest,
    RunState,
    RunStore,
    Tally,
)

_LAST_WORD_TRIES = 20

log = structlog.get_logger(__name__)


class RunBroken(Exception):
    """A run cannot go on now. Its text is the reason that is recorded, without data."""


@dataclass(slots=True)
class RunAtWork:
    """What the steps of a run work with."""

    run: Run
    tally: Tally = field(default_factory=Tally)
    """Theirs to fill; it is recorded every second, and at the end."""
    stopping: threading.Event = field(default_factory=threading.Event)

    def goes_on(self) -> bool:
        """Whether to go on; if not, return soon: what was done is kept."""
        return not self.stopping.is_set()


class RunSteps(Protocol):
    """What a kind of run does."""

    def check(self, request: RunRequest, received_on: date) -> None:
        """Raise ``RunNotPossible`` for what every client would refuse."""
        ...

    def work(self, at_work: RunAtWork) -> None:
        """Do it all, or until it is told to stop.

        Raises ``RunBroken``, ``LogUnavailable`` or ``RowsUnavailable`` where it cannot go on now.
        """
        ...


@dataclass(slots=True)
class _Active:
    at_work: RunAtWork
    thread: threading.Thread
    given_up: bool = False
    """Another has taken it over."""


class Runs:
    """Begins runs, and works on those that are this process's own."""

    def __init__(self, store: RunStore, clock: Clock, steps: Mapping[RunKind, RunSteps]) -> None:
        self._store = store
        self._clock = clock
        self._steps = steps
        self._active: dict[str, _Active] = {}
        self._closed = False
        self._lock = threading.Lock()

    def begin(self, request: RunRequest) -> Begun:
        """Begin a run in the background, or continue one that was broken off; or find the one that
        this sender's key stands for.

        Raises ``RunNotPossible``, ``RunInProgress``, ``KeyReused`` or ``RowsUnavailable``.
        """
        now = self._clock.now()
        received_on = carrier_date(request.received_at or now)
        if request.received_at is not None and request.received_at > now:
            raise RunNotPossible("received_at", "This instant has not come yet.")
        self._steps[request.kind].check(request, received_on)
        with self._lock:
            if self._closed:
                raise RowsUnavailable("runs are closed")
            begun = self._store.begin(request, received_on, now)
            if begun.is_ours:
                self._start(begun.run)
        return begun

    def find(self, run_id: str) -> Run | None:
        """A run by its id. Raises ``RowsUnavailable``."""
        run = self._store.find(run_id)
        return run and run.seen_at(self._clock.now())

    def page(self, kind: RunKind | None, before: int | None, limit: int) -> Sequence[Run]:
        """Runs of a kind (of all), newest first, with numbers below ``before``."""
        now = self._clock.now()
        return [run.seen_at(now) for run in self._store.page(kind, before, limit)]

    def wait(self, run_id: str, timeout_seconds: float | None = None) -> bool:
        """Wait until this process no longer works on a run; false if the time was over before."""
        with self._lock:
            active = self._active.get(run_id)
        if active is None:
            return True
        active.thread.join(timeout_seconds)
        return not active.thread.is_alive()

    def tally(self, run_id: str) -> Tally | None:
        """How far a run is that this process works on, at this moment."""
        with self._lock:
            active = self._active.get(run_id)
        return None if active is None else active.at_work.tally

    def goes_on(self, run_id: str) -> bool:
        """Whether this process works on a run and has not been told to stop."""
        with self._lock:
            active = self._active.get(run_id)
        return active is not None and active.at_work.goes_on()

    def stop(self, run_id: str) -> None:
        """Ask a run of this process to end soon; it is then interrupted, and can be continued."""
        with self._lock:
            active = self._active.get(run_id)
        if active is not None:
            active.at_work.stopping.set()

    def do(self, request: RunRequest) -> Run:
        """Begin a run and wait for its end; for who calls from within this process."""
        run_id = self.begin(request).run.run_id
        self.wait(run_id)
        run = self.find(run_id)
        assert run is not None, "it was begun"
        return run

    def close(self) -> None:
        """Interrupt what this process works on: what is on its way is answered, then it ends."""
        with self._lock:
            self._closed = True
            active = list(self._active.values())
        for each in active:
            each.at_work.stopping.set()
        for each in active:
            each.thread.join()

    # ── The threads ────────────────────────────────────────────────────────────────────────────

    def _start(self, run: Run) -> None:
        at_work = RunAtWork(run)
        name = f"{run.kind}-run"
        active = _Active(at_work, threading.Thread(target=lambda: self._run(active), name=name))
        active.thread.daemon = True
        self._active[run.run_id] = active
        active.thread.start()

    def _run(self, active: _Active) -> None:
        at_work, run = active.at_work, active.at_work.run
        ended = threading.Event()
        heart = threading.Thread(
            target=self._beat, args=(active, ended), name=f"{run.kind}-run-heartbeat", daemon=True
        )
        log.info(
            "run.begun",
            run_id=run.run_id,
            type=run.kind,
            month=str(run.month),
            attempts=run.attempt,
        )
        heart.start()
        try:
            state, reason = self._work(at_work)
        finally:
            ended.set()
            heart.join()
        if active.given_up:
            log.warning("run.given_up", run_id=run.run_id, attempts=run.attempt)
        else:
            self._finish(at_work, state, reason)
        with self._lock:
            if self._active.get(run.run_id) is active:
                del self._active[run.run_id]

    def _work(self, at_work: RunAtWork) -> tuple[RunState, str | None]:
        run = at_work.run
        try:
            self._steps[run.kind].work(at_work)
        except RunBroken as broken:
            return "failed", str(broken)
        except (LogUnavailable, RowsUnavailable):
            return "failed", "database_away"
        except Exception as error:
            log.error("run.failed", exc_info=error, run_id=run.run_id, type=run.kind)
            return "failed", type(error).__name__
        return ("interrupted", "stopped") if at_work.stopping.is_set() else ("finished", None)

    def _beat(self, active: _Active, ended: threading.Event) -> None:
        """Record how far it is; whoever has been given up stops."""
        at_work = active.at_work
        while not ended.wait(HEARTBEAT_SECONDS):
            try:
                goes_on = self._store.save(at_work.run, at_work.tally, self._clock.now())
            except RowsUnavailable:
                continue  # if it stays away, the run finds that out itself
            if not goes_on:
                active.given_up = True
                at_work.stopping.set()
                return

    def _finish(self, at_work: RunAtWork, state: RunState, reason: str | None) -> None:
        run, tally = at_work.run, at_work.tally
        log.info(
            "run.ended",
            run_id=run.run_id,
            type=run.kind,
            month=str(run.month),
            status=state,
            code=reason,
            count=tally.done,
            outcome=" ".join(f"{name}={count}" for name, count in tally.counts.items()),
        )
        pause = threading.Event()
        for _ in range(_LAST_WORD_TRIES):
            try:
                self._store.finish(run, tally, state, reason, self._clock.now())
                return
            except RowsUnavailable:
                pause.wait(0 if self._closed else HEARTBEAT_SECONDS)
        log.error("run.not_recorded", run_id=run.run_id)  # its silence will say it
