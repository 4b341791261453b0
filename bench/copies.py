"""A long log in little time: a book's events and receipts, copied under other names.

Deciding a million commands would take minutes before anything is measured. The copies are made in
SQL: other client ids and transaction ids, else the same events and receipts, in a log without gaps;
and each receipt fits its events, as the verifier of archives wants it.
"""

from __future__ import annotations

import psycopg

from adapters.bootstrap import SystemClock

_MODEL = """
CREATE TABLE model_events AS SELECT * FROM stored_events;
CREATE TABLE model_receipts AS SELECT * FROM receipts;
"""
_SIZES = """
SELECT (SELECT count(*) FROM model_events),
       (SELECT count(DISTINCT originator_id) FROM model_events)
"""
_CLIENT_ID = "'C' || lpad((substr({}, 2)::bigint + copy * %(clients)s)::text, 7, '0')"
_COPY_EVENTS = f"""
INSERT INTO stored_events
    (originator_id, originator_version, topic, state, notification_id, recorded_at)
SELECT {_CLIENT_ID.format("originator_id")}, originator_version, topic,
       convert_to(replace(said, transaction_id, md5(transaction_id || copy)), 'UTF8'),
       %(head)s + (copy - %(first)s) * %(events)s + notification_id, %(now)s
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS copy, model_events,
     convert_from(state, 'UTF8') AS said,
     substring(said FROM '"transaction_id":"([0-9a-f]+)"') AS transaction_id
ORDER BY copy, notification_id
"""
_COPY_RECEIPTS = f"""
INSERT INTO receipts (transaction_id, sender, key, client_id, content_hash, body, recorded_at)
SELECT md5(transaction_id || copy), sender, key || '-' || copy, copied, content_hash,
       convert_to(
           substring(said FOR length(said) - length(position) - 1)
               || %(head)s + (copy - %(first)s) * %(events)s + position::bigint || '}}', 'UTF8'),
       %(now)s
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS copy, model_receipts,
     concat({_CLIENT_ID.format("client_id")}) AS copied,
     replace(replace(convert_from(body, 'UTF8'), transaction_id, md5(transaction_id || copy)),
             '"' || client_id || '"', '"' || copied || '"') AS said,
     substring(said FROM '"position":([0-9]+)}}$') AS position
"""


class CopiedBook:
    """A log that holds a book, as it is now, and any number of copies of it."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._copies = 0
        with psycopg.connect(database_url) as conn:
            conn.execute(_MODEL)
            row = conn.execute(_SIZES).fetchone()
        assert row is not None
        self._events, self._clients = row

    @property
    def clients(self) -> int:
        """How many there are: the book's names, counted on."""
        return int(self._clients * (1 + self._copies))

    def grow(self, head: int, events: int) -> None:
        """Have about so many events in the log, whose newest is ``head``; at rest, as it would be
        after it had grown by and by.
        """
        copies = max(0, (events - head) // self._events)
        sizes = {
            "clients": self._clients, "events": self._events,
            "first": self._copies + 1, "last": self._copies + copies, "head": head,
            "now": SystemClock().now(),
        }  # fmt: skip
        with psycopg.connect(self._database_url, autocommit=True) as conn:
            if copies:
                conn.execute(_COPY_EVENTS, sizes)
                conn.execute(_COPY_RECEIPTS, sizes)
            conn.execute("VACUUM ANALYZE stored_events, receipts")
            conn.execute("CHECKPOINT")
        self._copies += copies
