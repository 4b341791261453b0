"""Snapshots, taken behind the append so that a long history need not be read from its start."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import structlog

from domain.client.state import Client
from processors.client_cache import Entry
from processors.ports import EventLog, LogUnavailable, Snapshot
from schemas.snapshots import FORM, encode_client

_EVENTS_BETWEEN = 500
_MEMBERS_PER_EVENT = 4
"""Of a client with many members, encoding costs more: one more event to wait for every four."""

log = structlog.get_logger(__name__)


class Snapshotter:
    """Encodes a client when enough has happened to it, and stores that in the background."""

    def __init__(self, event_log: EventLog) -> None:
        self._log = event_log
        self._background = ThreadPoolExecutor(1, thread_name_prefix="snapshots")

    def consider(self, entry: Entry) -> None:
        """Take a snapshot if the newest one lies far enough back.

        Of clients only: a payee has a few events a year.
        """
        client = entry.client
        if not isinstance(client, Client):
            return
        wait_for = _EVENTS_BETWEEN + len(client.members) // _MEMBERS_PER_EVENT
        if client.version - entry.snapshot_version < wait_for:
            return
        entry.snapshot_version = client.version
        snapshot = Snapshot(client.client_id, client.version, FORM, encode_client(client))
        self._background.submit(self._save, snapshot)

    def close(self) -> None:
        """Finish storing what was taken."""
        self._background.shutdown()

    def _save(self, snapshot: Snapshot) -> None:
        try:
            self._log.save_snapshot(snapshot)
        except LogUnavailable as error:
            # Only a shortcut is lost; the next snapshot makes up for it.
            log.warning("snapshot.not_saved", error=str(error))
