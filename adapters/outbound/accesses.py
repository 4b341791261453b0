"""Records of who read whose personal data, written behind the reads, in batches.

A read leaves its record in memory before its answer goes out; a thread writes what waits five
times a second, and what is left at the end. So ``kill -9`` loses the records of the last moment,
and nothing else does: while the database takes no records they wait, and when too many wait, no
more can be noted. Then the read itself is to be refused: what leaves no record is not shown.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
import psycopg
import structlog
from psycopg_pool import ConnectionPool

from domain.types import Role
from processors.applying import kind_of
from processors.ports import Clock

Outcome = Literal["shown", "not_found", "not_permitted"]
How = Literal["http", "cli"]

FLUSH_SECONDS = 0.2
ROOM = 10_000
"""So many records may wait; a second of reads is far less."""
REFUSED_A_MINUTE = 60
"""So many refused attempts of one key are recorded each; the rest of a minute as one record."""
_BATCH = 1_000

_log = structlog.get_logger(__name__)


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """A read of personal data, or a refused attempt. No personal data in it, but for ids."""

    at: datetime
    how: How
    key_id: str | None
    """None on the command line."""
    sender: str
    """The key's; on the command line the user of the operating system."""
    role: Role
    producer_id: str | None = None
    """For whom a portal read."""
    read: str
    """What was read, by the operation's name."""
    outcome: Outcome = "shown"
    client_ids: tuple[str, ...] = ()
    """Every client shown; of a refused attempt, the one asked for."""
    member_id: str | None = None
    """If one was asked for."""
    payee_id: str | None = None
    """Likewise."""
    correlation_id: str | None = None
    """The reader's own name for a task."""
    times: int = 1
    """More than 1: so many refused attempts, whose clients are not named."""


class _Tried:
    """Refused attempts of one key within a minute."""

    def __init__(self, minute: datetime) -> None:
        self.minute = minute
        self.attempts = 0
        self.last: Access | None = None
        """Beyond those that are recorded each."""


class AccessLog:
    """Takes records without waiting for anything, and writes them behind. Close it at the end."""

    def __init__(
        self,
        pool: ConnectionPool[Any],
        clock: Clock,
        *,
        room: int = ROOM,
        flush_seconds: float = FLUSH_SECONDS,
    ) -> None:
        self.recorded = 0
        """Written, by this process."""
        self.lost = 0
        """The database will never take these, or did not before the process ended."""
        self.turned_away = 0
        """Could not be noted, so that what they are of was not shown."""
        self._recorder = secrets.token_hex(8)
        self._pool = pool
        self._clock = clock
        self._room = room
        self._waiting: list[Access] = []
        self._tried: dict[str, _Tried] = {}
        self._noting = threading.Lock()
        """Held for moments only: readers wait for it."""
        self._writing = threading.Lock()
        self._is_failing = False
        self._stop = threading.Event()
        self._flush_seconds = flush_seconds
        self._thread = threading.Thread(target=self._run, name="accesses", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Noted and not written yet."""
        return len(self._waiting)

    @property
    def is_running(self) -> bool:
        """Whether the thread that writes goes on."""
        return self._thread.is_alive()

    def note(self, access: Access) -> bool:
        """Take a record; false if there is no room for it, and what it is of must not be shown."""
        with self._noting:
            if len(self._waiting) >= self._room:
                self.turned_away += 1
                return False
            if access.outcome == "shown" or self._is_among_the_first(access):
                self._waiting.append(access)
            return True

    def flush(self) -> bool:
        """Write what waits; false if the database does not take it now."""
        with self._writing:
            self._sum_up(self._clock.now())
            try:
                while batch := self._waiting[:_BATCH]:
                    self._write(batch)
            except psycopg.Error as error:
                if not self._is_failing:
                    _log.error("accesses.waiting", count=len(self._waiting), error=kind_of(error))
                self._is_failing = True
                return False
            self._is_failing = False
            return True

    def close(self) -> None:
        """Write what waits, and end. What cannot be written now is lost, and told."""
        self._stop.set()
        self._thread.join()
        self._sum_up(None)
        if not self.flush():
            self.lost += len(self._waiting)
            _log.error("accesses.lost", count=len(self._waiting))

    def _run(self) -> None:
        while not self._stop.wait(self._flush_seconds):
            self.flush()

    # ── Refused attempts ───────────────────────────────────────────────────────────────────────

    def _is_among_the_first(self, access: Access) -> bool:
        """Whether a refused attempt is recorded by itself; others of its key's minute are counted.

        So somebody who tries out ids is seen, and cannot fill the table.
        """
        who = access.key_id or access.sender
        minute = _minute(access.at)
        tried = self._tried.get(who)
        if tried is None or tried.minute != minute:
            self._close_minute(who)
            tried = self._tried[who] = _Tried(minute)
        tried.attempts += 1
        if tried.attempts <= REFUSED_A_MINUTE:
            return True
        tried.last = access
        return False

    def _sum_up(self, now: datetime | None) -> None:
        """Make records of what was counted in minutes that are over; in all, without ``now``."""
        with self._noting:
            for who, tried in list(self._tried.items()):
                if now is None or tried.minute != _minute(now):
                    self._close_minute(who)

    def _close_minute(self, who: str) -> None:
        tried = self._tried.pop(who, None)
        if tried is not None and tried.last is not None:
            nobody: dict[str, Any] = {"client_ids": (), "member_id": None, "payee_id": None}
            times = tried.attempts - REFUSED_A_MINUTE
            self._waiting.append(msgspec.structs.replace(tried.last, **nobody, times=times))

    # ── Writing ────────────────────────────────────────────────────────────────────────────────

    def _write(self, batch: Sequence[Access]) -> None:
        """Store the first that wait, but what can never be stored. Raises ``psycopg.Error``."""
        first_serial = self.recorded + self.lost + 1
        try:
            with self._pool.connection() as conn:
                conn.execute(_INSERT, (self._recorder, first_serial, msgspec.json.encode(batch)))
            self.recorded += len(batch)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            if len(batch) > 1:
                half = len(batch) // 2
                self._write(batch[:half])
                self._write(batch[half:])
                return
            self.lost += 1
            _log.error("accesses.lost", count=1, error=kind_of(error))
        with self._noting:
            del self._waiting[: len(batch)]


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


# One parameter, so that a batch costs this process next to nothing. After a connection that broke
# while it committed the batch is sent again; what is there already stays as it is.
_INSERT = """
INSERT INTO accesses
    (recorder, serial, at, how, key_id, sender, role, producer_id, read, outcome, client_ids,
     member_id, payee_id, correlation_id, times)
SELECT %s, %s + r.place - 1, r.at, r.how, r.key_id, r.sender, r.role, r.producer_id, r.read,
       r.outcome, r.client_ids, r.member_id, r.payee_id, r.correlation_id, r.times
FROM ROWS FROM (json_to_recordset(convert_from(%s, 'UTF8')::json) AS (
    at timestamptz, how text, key_id text, sender text, role text, producer_id text, read text,
    outcome text, client_ids text[], member_id text, payee_id text, correlation_id text,
    times bigint
)) WITH ORDINALITY AS r (
    at, how, key_id, sender, role, producer_id, read, outcome, client_ids, member_id, payee_id,
    correlation_id, times, place
)
ORDER BY r.place
ON CONFLICT (recorder, serial) DO NOTHING
"""
