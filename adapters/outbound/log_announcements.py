"""Waking those who follow the log: NOTIFY, this process's own appends, and a poll for lost ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psycopg
import structlog

from processors.ports import LogUnavailable

_POLL_SECONDS = 0.25
"""The longest that a lost announcement delays anyone."""
_RECONNECT_SECONDS = 1.0

log = structlog.get_logger(__name__)


class LogAnnouncements:
    """Keeps the newest position heard of, and wakes who waits for a newer one.

    The listener is a connection of its own; losing it costs latency, never events: waiters look at
    the log by themselves at every poll.
    """

    def __init__(self, database_url: str, head: Callable[[], int]) -> None:
        self._database_url = database_url
        self._head = head
        self._heard = 0
        self._grown = threading.Condition()
        self._closed = threading.Event()
        self._listener: threading.Thread | None = None

    def grown_to(self, position: int) -> None:
        """The log has grown to ``position``: wake everyone who waits for it."""
        with self._grown:
            if position > self._heard:
                self._heard = position
                self._grown.notify_all()

    def wait(self, after: int, timeout_seconds: float) -> bool:
        """Block until the log is longer than ``after`` or the time is over (false)."""
        self._listen()
        deadline = time.monotonic() + timeout_seconds
        while not self._closed.is_set():
            remaining = deadline - time.monotonic()
            with self._grown:
                if self._heard > after:
                    return True
                if remaining <= 0:
                    return False
                if self._grown.wait(min(remaining, _POLL_SECONDS)):
                    continue
            self.grown_to(self._head())
        return False

    def close(self) -> None:
        """Stop listening and wake everyone."""
        self._closed.set()
        with self._grown:
            self._grown.notify_all()
        if self._listener is not None:
            self._listener.join()

    def _listen(self) -> None:
        with self._grown:
            if self._listener is None and not self._closed.is_set():
                self._listener = threading.Thread(
                    target=self._run, name="log-announcements", daemon=True
                )
                self._listener.start()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                with psycopg.connect(self._database_url, autocommit=True) as conn:
                    conn.execute("LISTEN stored_events")
                    while not self._closed.is_set():
                        for notice in conn.notifies(timeout=_POLL_SECONDS):
                            self.grown_to(int(notice.payload))
            except (psycopg.Error, LogUnavailable) as error:
                log.warning("log.listener_lost", error=type(error).__name__)
                self._closed.wait(_RECONNECT_SECONDS)
