"""The record of runs in memory: for trying things out, held to PostgreSQL's contract."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from datetime import date, datetime

import msgspec
from msgspec.structs import replace

from processors.runs import (
    Begun,
    KnownKey,
    Run,
    RunKind,
    RunRequest,
    RunState,
    Tally,
    run_to_continue,
)


class InMemoryRuns:
    """``RunStore`` without durability. Safe for several threads."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._keys: dict[tuple[str, str], tuple[bytes, str]] = {}
        self._lock = threading.Lock()

    def begin(self, request: RunRequest, run_on: date, now: datetime) -> Begun:
        with self._lock:
            newest = self._newest(request)
            begun = run_to_continue(request, self._known(request), newest, now)
            if begun is None or begun.is_ours:
                if newest is not None and newest.state == "running":
                    self._keep(
                        replace(
                            newest,
                            state="interrupted",
                            reason="lost",
                            finished_at=newest.updated_at,
                        )
                    )
                begun = Begun(self._take(request, run_on, now, begun), is_ours=True)
            if request.key is not None:
                kept = request.content_hash, begun.run.run_id
                self._keys.setdefault((request.started_by, request.key), kept)
            return begun

    def save(self, run: Run, tally: Tally, now: datetime) -> bool:
        with self._lock:
            stored = self._at_work(run)
            if stored is not None:
                self._keep(replace(stored, tally=_copy(tally), updated_at=now))
            return stored is not None

    def finish(
        self, run: Run, tally: Tally, state: RunState, reason: str | None, now: datetime
    ) -> bool:
        with self._lock:
            stored = self._at_work(run)
            if stored is not None:
                self._keep(
                    replace(
                        stored,
                        tally=_copy(tally),
                        state=state,
                        reason=reason,
                        updated_at=now,
                        finished_at=now,
                    )
                )
            return stored is not None

    def find(self, run_id: str) -> Run | None:
        with self._lock:
            return self._runs.get(run_id)

    def page(self, kind: RunKind | None, before: int | None, limit: int) -> Sequence[Run]:
        with self._lock:
            newest_first = sorted(self._runs.values(), key=lambda run: -run.number)
        return [
            run
            for run in newest_first
            if kind in (None, run.kind) and (before is None or run.number < before)
        ][:limit]

    def _keep(self, run: Run) -> Run:
        self._runs[run.run_id] = run
        return run

    def _at_work(self, run: Run) -> Run | None:
        """The stored run, if this attempt at it has not been given up."""
        stored = self._runs[run.run_id]
        return stored if (stored.attempt, stored.state) == (run.attempt, "running") else None

    def _newest(self, request: RunRequest) -> Run | None:
        wanted = request.kind, request.month
        runs = [run for run in self._runs.values() if (run.kind, run.month) == wanted]
        return max(runs, key=lambda run: run.number, default=None)

    def _known(self, request: RunRequest) -> KnownKey | None:
        known = self._keys.get((request.started_by, request.key or ""))
        return KnownKey(self._runs[known[1]], known[0]) if known else None

    def _take(self, request: RunRequest, run_on: date, now: datetime, begun: Begun | None) -> Run:
        """Record a new run, or a further attempt at one."""
        if begun is not None:
            return self._keep(
                replace(
                    self._runs[begun.run.run_id],
                    state="running",
                    reason=None,
                    attempt=begun.run.attempt + 1,
                    tally=Tally(),
                    attempted_at=now,
                    updated_at=now,
                    finished_at=None,
                )
            )
        return self._keep(
            Run(
                run_id=uuid.uuid4().hex,
                number=len(self._runs) + 1,
                kind=request.kind,
                month=request.month,
                run_on=request.run_on or run_on,
                clients=request.clients,
                received_at=request.received_at,
                started_by=request.started_by,
                state="running",
                reason=None,
                attempt=1,
                tally=Tally(),
                started_at=now,
                attempted_at=now,
                updated_at=now,
                finished_at=None,
            )
        )


def _copy(tally: Tally) -> Tally:
    return msgspec.json.decode(msgspec.json.encode(tally), type=Tally)
