"""The log stream by stream: whole histories, for who folds them again.

Read by the log's primary key, a few megabytes at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from processors.replay_ports import Share, StreamSize
from schemas.envelope import LogEntry, Recorded

_Rows = Callable[[str, tuple[Any, ...]], Sequence[Any]]
"""Runs a statement with its values."""

_STREAMS = """
SELECT originator_id, max(originator_version) FROM stored_events
WHERE originator_id > %s AND (hashtext(originator_id) & 2147483647) %% %s = %s
GROUP BY originator_id ORDER BY originator_id LIMIT %s
"""
_HISTORIES = """
SELECT originator_id, originator_version, topic, state, notification_id, recorded_at FROM (
    SELECT *, sum(octet_length(state)) OVER (ORDER BY place, originator_version)
              - octet_length(state) AS bytes_before
    FROM (
        SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[])
            WITH ORDINALITY AS k (id, up_to, after, place)
        CROSS JOIN LATERAL (
            SELECT * FROM stored_events WHERE originator_id = k.id
              AND originator_version > k.after AND notification_id <= k.up_to
            ORDER BY originator_version
        ) e
        ORDER BY place, originator_version LIMIT %s
    ) page
) bounded
WHERE bytes_before < %s ORDER BY place, originator_version
"""
_KNOWN = """
SELECT id FROM unnest(%s::text[]) AS asked (id)
WHERE EXISTS (SELECT FROM stored_events WHERE originator_id = id)
"""
_MISSING = "SELECT %s - count(*) FROM stored_events WHERE notification_id BETWEEN 1 AND %s"
_PAGE_EVENTS = 5_000
_PAGE_BYTES = 4_000_000


def streams(rows: _Rows, after: str, limit: int, share: Share) -> list[StreamSize]:
    """See ``WholeLog.streams``."""
    return [StreamSize(*row) for row in rows(_STREAMS, (after, share.of, share.number, limit))]


def histories(rows: _Rows, up_to: Mapping[str, int]) -> Iterator[Recorded]:
    """See ``WholeLog.histories``."""
    ids, after_version = list(up_to), 0
    while ids:
        limits, after = [up_to[each] for each in ids], [after_version] + [0] * (len(ids) - 1)
        page = rows(_HISTORIES, (ids, limits, after, _PAGE_EVENTS, _PAGE_BYTES))
        size = 0
        for row in page:
            size += len(row[3])
            yield _entry(*row).read()
        if len(page) < _PAGE_EVENTS and size < _PAGE_BYTES:
            return
        last_id, after_version, *_ = page[-1]
        ids = ids[ids.index(last_id) :]


def known(rows: _Rows, stream_ids: Collection[str]) -> set[str]:
    """See ``WholeLog.known``."""
    return {stream_id for (stream_id,) in rows(_KNOWN, (list(stream_ids),))}


def missing(rows: _Rows, up_to: int) -> int:
    """See ``WholeLog.missing``."""
    ((count,),) = rows(_MISSING, (up_to, up_to))
    return int(count)


def _entry(
    stream_id: str, version: int, topic: str, state: bytes, position: int, recorded_at: datetime
) -> LogEntry:
    return LogEntry(position, stream_id, version, recorded_at, topic, state)
