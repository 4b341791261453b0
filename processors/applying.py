"""Applies events to a projection's rows: fold, write, and park the client whose event fails.

Every batch is one transaction of the row store: rows, the positions they reflect, and the clients
parked or released on the way. So a crash between any two steps loses nothing and doubles nothing:
whoever comes next goes on from the stored positions.

An event that cannot be applied parks its client: later events of that client wait behind it, all
other clients go on. Retries read the waiting events from the log again. Where events come from (the
log itself, or a topic) is the caller's business.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import msgspec
import structlog

from processors.partitions import partition_of
from processors.ports import (
    Bookmark,
    Clock,
    EventLog,
    LogUnavailable,
    ParkedClient,
    RowsRejected,
    RowStore,
    RowsUnavailable,
)
from processors.projected_clients import Gap, ProjectedClients
from processors.tallies import event_batches
from projections.kernel import Changes, Projection, Scope
from schemas.envelope import Recorded

BATCH_EVENTS = 2_000
MEMBERS_LIMIT = 250_000
_LOOK_FOR_REQUESTS_SECONDS = 0.25
_RETRY_SECONDS = (30.0, 3600.0)
"""A parked client is tried again after the first, then each time after double, up to the second."""

_NOT_MINE = 2**63 - 1

_log = structlog.get_logger(__name__)


class TakenOver(Exception):
    """Another worker wrote this projection's rows: this one must not write any more."""


class Applier:
    """One projection's rows, or those of some partitions of the clients. For one thread.

    ``applied`` is called with each position up to which all of them have become visible.
    """

    def __init__(
        self,
        projection: Projection,
        log: EventLog,
        rows: RowStore,
        clock: Clock,
        applied: Callable[[int], None] = lambda position: None,
        batch_events: int = BATCH_EVENTS,
        members_limit: int = MEMBERS_LIMIT,
    ) -> None:
        self.projection = projection
        self.batches = event_batches()
        """Events applied in one transaction, so far."""
        self._log = log
        self._rows = rows
        self._clock = clock
        self._applied = applied
        self._batch_events = batch_events
        self._members_limit = members_limit
        self._partitions = 1
        self._stands = Bookmark({})
        self._parked: dict[str, ParkedClient] = {}
        self._retry_at: dict[str, float] = {}
        self._requests_seen_at = 0.0
        self._clients = self._no_clients()

    @property
    def stands(self) -> Bookmark:
        """Where the rows are, in the partitions that are this one's."""
        return self._stands

    def start(self, remake: bool = True, share: Collection[int] | None = None) -> Bookmark:
        """Begin, or begin again, from what is stored; in all partitions, or in a share of them.

        Nothing in memory is trusted after a failure: a write in flight may have taken effect.
        ``remake`` as in ``RowStore.prepare``.
        """
        everywhere = self._rows.prepare(self.projection, remake)
        self._partitions = len(everywhere.marks)
        mine = everywhere.marks if share is None else {n: everywhere.marks[n] for n in share}
        self._stands = Bookmark(mine)
        parked = self._rows.parked(self.projection.name)
        self._parked = {p.client_id: p for p in parked if self._partition(p.client_id) in mine}
        self._retry_at = dict.fromkeys(self._parked, 0.0)  # what failed may be mended by now
        self._clients = self._no_clients()
        self._applied(self._stands.position)
        return self._stands

    def apply(self, events: Sequence[Recorded], reached: Bookmark) -> None:
        """Apply events in log order, and stand at ``reached``; where that fails, in halves, down to
        the one to park.

        What was applied already is passed over. Raises ``TakenOver``, ``LogUnavailable`` or
        ``RowsUnavailable``.
        """
        live = [recorded for recorded in events if self._is_new(recorded)]
        error = self._try(live, reached)
        if error is None:
            return
        if not live:
            raise error
        if len(live) == 1:
            self._park(live[0], error, reached)
            return
        middle = len(live) // 2
        self.apply(live[:middle], self._stands.moved(self._before(live[middle], reached)))
        self.apply(live[middle:], reached)

    def retry_due(self) -> bool:
        """Try a parked client whose time has come; false if there is none."""
        due = self._due()
        if due is not None:
            self._retry(due)
        return due is not None

    def _partition(self, client_id: str) -> int:
        return partition_of(client_id, self._partitions)

    def _position_of(self, client_id: str) -> int:
        """Up to where the client's partition is applied; no limit where it is another worker's."""
        mark = self._stands.marks.get(self._partition(client_id))
        return mark.position if mark else _NOT_MINE

    def _is_new(self, recorded: Recorded) -> bool:
        is_parked = recorded.client_id in self._parked
        return not is_parked and recorded.position > self._position_of(recorded.client_id)

    def _before(self, recorded: Recorded, reached: Bookmark) -> Mapping[int, int]:
        """Where each partition stands when all before an event is applied."""
        last = recorded.position - 1
        return {n: min(mark.position, last) for n, mark in reached.marks.items()}

    def _try(
        self, events: Sequence[Recorded], reached: Bookmark, *, parked: Sequence[ParkedClient] = (),
        released: Sequence[str] = (),
    ) -> Exception | None:  # fmt: skip
        """Fold and write events in one transaction; returns why these events cannot be applied."""
        try:
            self._clients.begin(events)
            self._write(self._fold(events), reached, parked, released)
        except (LogUnavailable, RowsUnavailable, TakenOver):
            raise
        except Exception as error:  # noqa: BLE001  # any failure of a fold is that client's alone
            self._clients.roll_back()
            return error
        self._clients.commit()
        if events:
            self.batches.note(len(events))
        return None

    def _fold(self, events: Sequence[Recorded]) -> Changes:
        touched: dict[Scope, Recorded] = {}
        clients, projection = self._clients, self.projection
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
        reached: Bookmark,
        parked: Sequence[ParkedClient] = (),
        released: Sequence[str] = (),
    ) -> None:
        before = self._stands
        after = self._rows.write(self.projection, changes, before, reached, parked, released)
        if after is None:
            raise TakenOver
        self._stands = after
        for client in parked:
            self._parked[client.client_id] = client
        for client_id in released:
            del self._parked[client_id]
        if after.position > before.position:
            self._applied(after.position)

    # ── Parked clients ─────────────────────────────────────────────────────────────────────────

    def _park(self, recorded: Recorded, error: Exception, reached: Bookmark) -> None:
        """Set a client aside from this event on, and let everyone else pass."""
        earlier = self._parked.get(recorded.client_id)
        parked = ParkedClient(
            projection=self.projection.name,
            client_id=recorded.client_id,
            position=recorded.position,
            version=error.expected_version if isinstance(error, Gap) else recorded.version,
            error=f"{kind_of(error)} at {place_of(error)}",
            parked_at=earlier.parked_at if earlier else self._clock.now(),
            attempts=earlier.attempts + 1 if earlier else 1,
        )
        self._write(Changes({}), reached, parked=[parked])
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
            for parked in self._rows.parked(self.projection.name):
                if parked.retry_requested:
                    self._retry_at[parked.client_id] = 0.0
        due = [
            client for client_id, client in self._parked.items() if self._retry_at[client_id] <= now
        ]
        return due[0] if due else None

    def _retry(self, parked: ParkedClient) -> None:
        """Apply what waits of a parked client, a batch at a time; release it when all is done."""
        events = self._log.history(parked.client_id, parked.version - 1, self._batch_events)
        reached = self._position_of(parked.client_id)
        waiting = [recorded for recorded in events if recorded.position <= reached]
        is_all = len(waiting) < self._batch_events
        self._catch_up(parked, waiting, is_all)

    def _catch_up(self, parked: ParkedClient, events: Sequence[Recorded], is_all: bool) -> bool:
        """Apply events of a parked client, in halves where that fails; false if one fails again."""
        if is_all:
            error = self._try(events, self._stands, released=[parked.client_id])
        else:
            last = events[-1]
            progress = msgspec.structs.replace(
                parked, position=last.position + 1, version=last.version + 1
            )
            error = self._try(events, self._stands, parked=[progress])
        if error is None:
            if is_all:
                _log.info(
                    "projector.released", projection=parked.projection, client_id=parked.client_id
                )
            return True
        if not events:
            raise error
        if len(events) == 1:
            self._park(events[0], error, self._stands)
            return False
        middle = len(events) // 2
        return self._catch_up(parked, events[:middle], is_all=False) and self._catch_up(
            parked, events[middle:], is_all
        )

    def _no_clients(self) -> ProjectedClients:
        return ProjectedClients(self._log, self.projection.needs_client, self._members_limit)


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
