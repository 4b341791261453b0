"""Keeps a projection's rows up with the log: follow, fold, write, again.

Every batch is one transaction of the row store: rows, the position they reflect, and the clients
parked or released on the way. So a crash between any two steps loses nothing and doubles nothing:
whoever comes next goes on from the stored position. Batches take what is there and never linger.

An event that cannot be applied parks its client: later events of that client wait behind it, all
other clients go on. Retries read the waiting events from the log again.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import structlog

from processors.ports import (
    Bookmark,
    Clock,
    EventLog,
    LogUnavailable,
    ParkedClient,
    RowsRejected,
    RowStore,
    RowsUnavailable,
    TablesReplaced,
)
from processors.projected_clients import Gap, ProjectedClients
from projections.kernel import Changes, Projection, Scope
from schemas.envelope import Recorded

_BATCH_EVENTS = 2_000
_MEMBERS_LIMIT = 250_000
_IDLE_SECONDS = 0.5
"""How often a projector without events looks for requests to retry, and whether it is to stop."""
_LOOK_FOR_REQUESTS_SECONDS = 0.25
_RETRY_SECONDS = (30.0, 3600.0)
"""A parked client is tried again after the first, then each time after double, up to the second."""
_BACKOFF_SECONDS = (0.05, 5.0)
_STANDBY_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class TakenOver(Exception):
    """Another worker wrote this projection's rows: this one must not write any more."""


class Projector:
    """One projection, followed by one thread.

    ``applied`` is called with each position that has become visible in the rows.
    """

    def __init__(
        self,
        projection: Projection,
        log: EventLog,
        rows: RowStore,
        clock: Clock,
        applied: Callable[[int], None] = lambda position: None,
        batch_events: int = _BATCH_EVENTS,
        members_limit: int = _MEMBERS_LIMIT,
    ) -> None:
        self._projection = projection
        self._log = log
        self._rows = rows
        self._clock = clock
        self._applied = applied
        self._batch_events = batch_events
        self._members_limit = members_limit
        self._stands = Bookmark(0)
        self._parked: dict[str, ParkedClient] = {}
        self._retry_at: dict[str, float] = {}
        self._requests_seen_at = 0.0
        self._clients = self._no_clients()

    # ── Running, whatever happens ──────────────────────────────────────────────────────────────

    def run(self, stop: threading.Event) -> None:
        """Keep the rows up with the log until ``stop`` is set.

        While the log or the row store is away it tries again for ever, at most some seconds
        apart. When another worker has taken over it stands by, and goes on if that one is gone;
        it ends if that one is of a version of the program with other tables.
        """
        name = self._projection.name
        failures = 0
        is_first = True
        while not stop.is_set():
            try:
                self.start(remake=is_first)
                is_first = False
                _log.info("projector.started", projection=name, position=self._stands.position)
                while not stop.is_set():
                    if not self.step():
                        self._log.wait(self._stands.position, _IDLE_SECONDS)
                    failures = 0
            except TakenOver:
                _log.warning(
                    "projector.taken_over", projection=name, position=self._stands.position
                )
                stop.wait(_STANDBY_SECONDS)
            except TablesReplaced:
                _log.error("projector.replaced", projection=name)
                return
            except Exception as error:  # noqa: BLE001  # nobody else would start this thread again
                pause = min(_BACKOFF_SECONDS[0] * 2**failures, _BACKOFF_SECONDS[1])
                failures = min(failures + 1, 16)
                _log.warning(
                    "projector.interrupted",
                    projection=name,
                    position=self._stands.position,
                    error=kind_of(error),
                    where=place_of(error),
                    seconds=pause,
                )
                stop.wait(pause)

    def start(self, remake: bool = True) -> int:
        """Begin, or begin again, from what is stored; returns the position.

        Nothing in memory is trusted after a failure: a write in flight may have taken effect.
        ``remake`` as in ``RowStore.prepare``.
        """
        self._stands = self._rows.prepare(self._projection, remake)
        self._parked = {p.client_id: p for p in self._rows.parked(self._projection.name)}
        self._retry_at = dict.fromkeys(self._parked, 0.0)  # what failed may be mended by now
        self._clients = self._no_clients()
        self._applied(self._stands.position)
        return self._stands.position

    def step(self) -> bool:
        """Apply a batch, and try a parked client whose time has come; false if there was neither.

        Raises ``TakenOver``, ``LogUnavailable`` or ``RowsUnavailable``.
        """
        events = self._log.follow(self._stands.position, self._batch_events)
        if events:
            self._apply(events)
        due = self._due()
        if due is not None:
            self._retry(due)
        return bool(events) or due is not None

    # ── Batches ────────────────────────────────────────────────────────────────────────────────

    def _apply(self, events: Sequence[Recorded]) -> None:
        """Apply events in log order; where that fails, in halves, down to the one to park."""
        position = max(self._stands.position, events[-1].position)
        live = [
            recorded
            for recorded in events
            if recorded.position > self._stands.position and recorded.client_id not in self._parked
        ]
        error = self._try(live, position)
        if error is None:
            return
        if not live:
            raise error
        if len(live) == 1:
            self._park(live[0], error, position)
            return
        middle = len(events) // 2
        self._apply(events[:middle])
        self._apply(events[middle:])

    def _try(
        self, events: Sequence[Recorded], position: int, *, parked: Sequence[ParkedClient] = (),
        released: Sequence[str] = (),
    ) -> Exception | None:  # fmt: skip
        """Fold and write events in one transaction; returns why these events cannot be applied."""
        try:
            self._clients.begin(events)
            self._write(self._fold(events), position, parked, released)
        except (LogUnavailable, RowsUnavailable, TakenOver):
            raise
        except Exception as error:  # noqa: BLE001  # any failure of a fold is that client's alone
            self._clients.roll_back()
            return error
        self._clients.commit()
        return None

    def _fold(self, events: Sequence[Recorded]) -> Changes:
        touched: dict[Scope, Recorded] = {}
        clients, projection = self._clients, self._projection
        for recorded in events:
            if clients.apply(recorded):
                for scope in projection.touched(clients.state(recorded.client_id), recorded):
                    touched[scope] = recorded
        return Changes(
            {
                scope: projection.rows(clients.state(recorded.client_id), scope, recorded)
                for scope, recorded in touched.items()
            }
        )

    def _write(
        self,
        changes: Changes,
        position: int,
        parked: Sequence[ParkedClient] = (),
        released: Sequence[str] = (),
    ) -> None:
        before = self._stands
        after = self._rows.write(self._projection, changes, before, position, parked, released)
        if after is None:
            raise TakenOver
        self._stands = after
        for client in parked:
            self._parked[client.client_id] = client
        for client_id in released:
            del self._parked[client_id]
        if position > before.position:
            self._applied(position)

    # ── Parked clients ─────────────────────────────────────────────────────────────────────────

    def _park(self, recorded: Recorded, error: Exception, position: int) -> None:
        """Set a client aside from this event on, and let everyone else pass."""
        earlier = self._parked.get(recorded.client_id)
        parked = ParkedClient(
            projection=self._projection.name,
            client_id=recorded.client_id,
            position=recorded.position,
            version=error.expected_version if isinstance(error, Gap) else recorded.version,
            error=f"{kind_of(error)} at {place_of(error)}",
            parked_at=earlier.parked_at if earlier else self._clock.now(),
            attempts=earlier.attempts + 1 if earlier else 1,
        )
        self._write(Changes({}), position, parked=[parked])
        pause = min(_RETRY_SECONDS[0] * 2 ** min(parked.attempts - 1, 16), _RETRY_SECONDS[1])
        if isinstance(error, Gap) and earlier is None:
            pause = 0  # the log itself has what is missing: read it there at once
        self._retry_at[parked.client_id] = time.monotonic() + pause
        _log.error(
            "projector.parked",
            projection=parked.projection,
            client_id=parked.client_id,
            position=parked.position,
            version=parked.version,
            error=kind_of(error),
            where=place_of(error),
            attempts=parked.attempts,
        )

    def _due(self) -> ParkedClient | None:
        """A parked client to try now: its time has come, or someone asked for it."""
        if not self._parked:
            return None
        now = time.monotonic()
        if now - self._requests_seen_at >= _LOOK_FOR_REQUESTS_SECONDS:
            self._requests_seen_at = now
            for parked in self._rows.parked(self._projection.name):
                if parked.retry_requested:
                    self._retry_at[parked.client_id] = 0.0
        due = [
            client for client_id, client in self._parked.items() if self._retry_at[client_id] <= now
        ]
        return due[0] if due else None

    def _retry(self, parked: ParkedClient) -> None:
        """Apply what waits of a parked client, a batch at a time; release it when all is done."""
        events = self._log.history(parked.client_id, parked.version - 1, self._batch_events)
        waiting = [recorded for recorded in events if recorded.position <= self._stands.position]
        is_all = len(waiting) < self._batch_events
        self._catch_up(parked, waiting, is_all)

    def _catch_up(self, parked: ParkedClient, events: Sequence[Recorded], is_all: bool) -> bool:
        """Apply events of a parked client, in halves where that fails; false if one fails again."""
        if is_all:
            error = self._try(events, self._stands.position, released=[parked.client_id])
        else:
            last = events[-1]
            progress = msgspec.structs.replace(
                parked, position=last.position + 1, version=last.version + 1
            )
            error = self._try(events, self._stands.position, parked=[progress])
        if error is None:
            if is_all:
                _log.info(
                    "projector.released", projection=parked.projection, client_id=parked.client_id
                )
            return True
        if not events:
            raise error
        if len(events) == 1:
            self._park(events[0], error, self._stands.position)
            return False
        middle = len(events) // 2
        return self._catch_up(parked, events[:middle], is_all=False) and self._catch_up(
            parked, events[middle:], is_all
        )

    def _no_clients(self) -> ProjectedClients:
        return ProjectedClients(self._log, self._projection.needs_client, self._members_limit)


def kind_of(error: Exception) -> str:
    """What kind of failure it is; never its text, which may quote data.

    The exceptions of the ports have the kind of what caused them as their text.
    """
    told = str(error) if isinstance(error, RowsRejected | RowsUnavailable | LogUnavailable) else ""
    return told or type(error).__name__


def place_of(error: Exception) -> str:
    """Where in the code a failure came from."""
    *_, last = traceback.extract_tb(error.__traceback__)
    return f"{'/'.join(Path(last.filename).parts[-2:])}:{last.lineno} {last.name}"
