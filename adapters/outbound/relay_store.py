"""How far relays are, and who has the lease: on PostgreSQL, and in memory."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from processors.ports import RowsUnavailable
from processors.relay import RelayState

_TAKE = """
INSERT INTO relay AS kept (topic, position, holder, lease_until)
VALUES (%(topic)s, 0, %(holder)s, now() + make_interval(secs => %(seconds)s))
ON CONFLICT (topic) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until
WHERE kept.holder IS NULL OR kept.holder = excluded.holder OR kept.lease_until <= now()
RETURNING position, incarnation, true
"""
_BEGIN_AGAIN = """
UPDATE relay SET incarnation = %(incarnation)s, position = 0
WHERE topic = %(topic)s AND holder = %(holder)s
"""
_ADVANCE = """
UPDATE relay SET position = %(position)s, lease_until = now() + make_interval(secs => %(seconds)s)
WHERE topic = %(topic)s AND holder = %(holder)s
"""
_RELEASE = "UPDATE relay SET holder = NULL WHERE topic = %(topic)s AND holder = %(holder)s"
_STATE = """
SELECT position, incarnation, holder IS NOT NULL AND lease_until > now()
FROM relay WHERE topic = %(topic)s
"""


class PostgresRelayStore:
    """``RelayStore`` on PostgreSQL. ``pool`` gives read-write connections."""

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        self._pool = pool

    def take(self, topic: str, holder: str, seconds: float) -> RelayState | None:
        with self._cursor() as cursor:
            facts = {"topic": topic, "holder": holder, "seconds": seconds}
            return _state(cursor.execute(_TAKE, facts).fetchone())

    def begin_again(self, topic: str, holder: str, incarnation: str) -> bool:
        return self._update(_BEGIN_AGAIN, topic=topic, holder=holder, incarnation=incarnation)

    def advance(self, topic: str, holder: str, position: int, seconds: float) -> bool:
        return self._update(
            _ADVANCE, topic=topic, holder=holder, position=position, seconds=seconds
        )

    def release(self, topic: str, holder: str) -> None:
        self._update(_RELEASE, topic=topic, holder=holder)

    def state(self, topic: str) -> RelayState | None:
        with self._cursor() as cursor:
            return _state(cursor.execute(_STATE, {"topic": topic}).fetchone())

    def _update(self, statement: str, **facts: Any) -> bool:
        with self._cursor() as cursor:
            return cursor.execute(statement, facts).rowcount == 1

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[psycopg.Cursor[TupleRow]]:
        """One transaction."""
        try:
            with self._pool.connection() as conn, conn.cursor() as cursor:
                yield cursor
        except psycopg.OperationalError as error:
            raise RowsUnavailable(type(error).__name__) from None


def _state(row: TupleRow | None) -> RelayState | None:
    return RelayState(*row) if row else None


@dataclass(slots=True)
class _Kept:
    position: int = 0
    incarnation: str | None = None
    holder: str | None = None
    lease_until: float = 0.0

    def is_held(self) -> bool:
        """Whether a relay has the lease."""
        return self.holder is not None and time.monotonic() < self.lease_until

    def told(self) -> RelayState:
        """As a reader sees it."""
        return RelayState(self.position, self.incarnation, self.is_held())


class InMemoryRelayStore:
    """``RelayStore`` without durability. Safe for several threads."""

    def __init__(self) -> None:
        self._topics: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def take(self, topic: str, holder: str, seconds: float) -> RelayState | None:
        with self._lock:
            kept = self._topics.setdefault(topic, _Kept())
            if kept.is_held() and kept.holder != holder:
                return None
            kept.holder, kept.lease_until = holder, time.monotonic() + seconds
            return RelayState(kept.position, kept.incarnation, is_held=True)

    def begin_again(self, topic: str, holder: str, incarnation: str) -> bool:
        with self._lock:
            kept = self._of(topic, holder)
            if kept is not None:
                kept.incarnation, kept.position = incarnation, 0
            return kept is not None

    def advance(self, topic: str, holder: str, position: int, seconds: float) -> bool:
        with self._lock:
            kept = self._of(topic, holder)
            if kept is not None:
                kept.position, kept.lease_until = position, time.monotonic() + seconds
            return kept is not None

    def release(self, topic: str, holder: str) -> None:
        with self._lock:
            kept = self._of(topic, holder)
            if kept is not None:
                kept.holder = None

    def state(self, topic: str) -> RelayState | None:
        with self._lock:
            kept = self._topics.get(topic)
            return kept.told() if kept else None

    def _of(self, topic: str, holder: str) -> _Kept | None:
        kept = self._topics.get(topic)
        return kept if kept is not None and kept.holder == holder else None
