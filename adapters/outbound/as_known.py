"""What was known, behind the live reads: each read's rows, derived from history for that read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date

import msgspec
from psycopg_pool import ConnectionPool

from adapters.outbound.reading import Reading, reading
from adapters.outbound.rows_wanted import OF_BOOK
from adapters.outbound.scratch import Scratch
from processors.knowing import Knowledge, KnownAt, NotKnownThen, Wanted
from projections.book_of_business import BookOfBusiness
from projections.book_rows import AgentRow
from projections.kernel import Projection, Row

BOOK = BookOfBusiness()

Looked = Callable[[int, int], None]
"""Told of clients of a book looked at so far, and of how many there are."""


class AsKnown:
    """Makes the pools from which the live reads read an earlier moment.

    ``live`` is the pool of today's rows, ``scratch`` that of temporary tables.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        live: ConnectionPool[Reading],
        scratch: ConnectionPool[Reading],
    ) -> None:
        self.knowledge = knowledge
        self._live = live
        self._scratch = scratch

    def client(
        self,
        client_id: str,
        known_at: KnownAt,
        projections: Collection[Projection],
        wanted: Wanted,
    ) -> Scratch:
        """One client's rows. Raises ``KnownInFuture`` or ``NotKnownThen``."""
        version = self.knowledge.version(client_id, known_at)

        def rows() -> Iterator[Row]:
            return self.knowledge.rows(projections, client_id, version, wanted)

        return Scratch(self._scratch, projections, rows)

    def book(
        self,
        producer_id: str,
        known_at: KnownAt,
        on: date,
        *,
        segment: str | None = None,
        after: tuple[str, str] = ("", ""),
        clients_max: int | None = None,
        looked: Looked,
    ) -> Scratch:
        """A producer's clients as they were known, in the order of the book.

        Of those after a place in that order, at most ``clients_max`` that are in the book on the
        day. Raises ``KnownInFuture``.
        """
        self.knowledge.require_past(known_at)
        candidates = self._ever_served(producer_id, segment, after)

        def rows() -> Iterator[Row]:
            found = 0
            for number, client_id in enumerate(candidates, start=1):
                of_client = self._in_book(client_id, known_at)
                found += any(_serves(row, producer_id, on) for row in of_client)
                yield from of_client
                looked(number, len(candidates))
                if found == clients_max:
                    return

        return Scratch(self._scratch, [BOOK], rows)

    def _in_book(self, client_id: str, known_at: KnownAt) -> Sequence[Row]:
        try:
            version = self.knowledge.version(client_id, known_at)
        except NotKnownThen:
            return ()
        return list(self.knowledge.rows([BOOK], client_id, version, OF_BOOK))

    def _ever_served(
        self, producer_id: str, segment: str | None, after: tuple[str, str]
    ) -> Sequence[str]:
        """Whoever was ever assigned the producer, whatever came of it later."""
        facts = {
            "naming": b'"producer_id":' + msgspec.json.encode(producer_id),
            "segment": segment,
            "after_segment": after[0],
            "after_client": after[1],
        }
        with reading(self._live) as conn:
            return [row["client_id"] for row in conn.execute(_EVER_SERVED, facts)]


def _serves(row: Row, producer_id: str, on: date) -> bool:
    """Whether the row makes its client one of the producer's book on the day."""
    return (
        isinstance(row, AgentRow)
        and row.producer_id == producer_id
        and row.first_day <= on
        and (row.last_day is None or on <= row.last_day)
    )


# A client's segment never changes, so that of today is its place in the order.
_EVER_SERVED = """
SELECT c.client_id FROM client c
WHERE c.client_id IN (
    SELECT originator_id FROM stored_events
    WHERE topic LIKE 'agent_of_record_assigned.%%' AND position(%(naming)s IN state) > 0
  )
  AND (%(segment)s::text IS NULL OR c.segment = %(segment)s)
  AND (c.segment, c.client_id) > (%(after_segment)s, %(after_client)s)
ORDER BY c.segment, c.client_id
"""
