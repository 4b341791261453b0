"""An append that stands still in the middle, so that its process can be killed right there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

_LOCK = 7
_WITHIN_SECONDS = 60.0
_HOLD = """
CREATE FUNCTION hold_append() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock({lock});
    RETURN NEW;
END $$;
CREATE TRIGGER hold_append BEFORE INSERT ON stored_events FOR EACH ROW
WHEN (NEW.notification_id = {position}) EXECUTE FUNCTION hold_append()
"""
_HELD = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'advisory'
"""
_AT_WORK = "SELECT 1 FROM pg_stat_activity WHERE pid = %s"


class HeldAppend:
    """The append of one position of the log waits until it is let go, or undone."""

    def __init__(self, conn: psycopg.Connection) -> None:
        self._conn = conn

    def wait(self) -> None:
        """Until the append has come, and stands still."""
        _until(lambda: self._held() is not None)

    def take_effect(self) -> None:
        """Its process is dead, but its statement goes on: nobody hears that it was committed."""
        held = self._held()
        self._conn.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
        _until(lambda: self._conn.execute(_AT_WORK, (held,)).fetchone() is None)

    def come_to_nothing(self) -> None:
        """It is rolled back with its process."""
        self._conn.execute("SELECT pg_terminate_backend(%s, 5000)", (self._held(),))

    def _held(self) -> int | None:
        row = self._conn.execute(_HELD).fetchone()
        return row and row[0]


@contextmanager
def held_append(database_url: str, position: int) -> Iterator[HeldAppend]:
    """Whoever appends the event of a position waits; afterwards nobody does."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        conn.execute(_HOLD.format(lock=_LOCK, position=position))
        yield HeldAppend(conn)
        conn.execute("DROP FUNCTION hold_append CASCADE")


def _until(condition: object) -> None:
    deadline = time.monotonic() + _WITHIN_SECONDS
    while not condition():  # type: ignore[operator]  # a condition
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
