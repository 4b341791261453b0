"""Reads of the book of business: SQL over the rows that the projection keeps (handbook §1, §2).

``viewer`` is the producer whose eyes are used: a client is seen only by today's agent of record,
and any other one is ``NotFound``, as if it did not exist (handbook §3). ``None`` sees everything.
``on`` is the day that is read: rows are spans of dates, and the day picks from them. The viewer is
judged on that day, or on ``seen_on``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from adapters.outbound.client_reads import read_census, read_client, read_member
from adapters.outbound.paging import after_cursor, cursor_of
from adapters.outbound.reading import HOLDS, Connections, reading, require_visible
from adapters.outbound.views import (
    Book,
    BookLine,
    BookSummary,
    Census,
    ClientView,
    MemberView,
    Roster,
    RosterLine,
    SegmentCount,
    money,
)
from domain.dates import first_of_month


class ReadStore:
    """Reads of clients, their people, and producers' books."""

    def __init__(self, pool: Connections) -> None:
        self._pool = pool

    def ready(self) -> None:
        """Return if the database answers; else raise ``ReadsUnavailable``."""
        with reading(self._pool) as conn:
            conn.execute("SELECT 1")

    def require_visible(self, client_id: str, viewer: str | None, on: date) -> None:
        """Return if there is such a client and the viewer may see it; else raise ``NotFound``."""
        with reading(self._pool) as conn:
            require_visible(conn, client_id, viewer, on)

    def client(
        self, client_id: str, viewer: str | None, on: date, *, seen_on: date | None = None
    ) -> ClientView:
        """A client with its agents, subgroups, plans and rates. Raises ``NotFound``."""
        with reading(self._pool) as conn:
            require_visible(conn, client_id, viewer, seen_on or on)
            return read_client(conn, client_id, on)

    def member(
        self, client_id: str, member_id: str, viewer: str | None, on: date,
        *, seen_on: date | None = None,
    ) -> MemberView:  # fmt: skip
        """A member with coverage and the premium of the day's month. Raises ``NotFound``."""
        with reading(self._pool) as conn:
            require_visible(conn, client_id, viewer, seen_on or on)
            return read_member(conn, client_id, member_id, on)

    def roster(
        self,
        client_id: str,
        viewer: str | None,
        on: date,
        *,
        seen_on: date | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Roster:
        """Who is covered on the day, family by family.

        Without a limit, all of them. Raises ``NotFound`` and ``BadCursor``.
        """
        after = after_cursor(cursor, tuple[str, str]) if cursor else ("", "")
        facts = {"client": client_id, "on": on, "month": first_of_month(on), "limit": limit}
        facts |= {"after_subscriber": after[0], "after_member": after[1]}
        with reading(self._pool) as conn:
            require_visible(conn, client_id, viewer, seen_on or on)
            if limit is not None:
                facts["limit"] = limit + 1
            # Sorting a page would read the whole client first, and the planner would: it takes one
            # that has just grown for small. In the index, spans are in the page's order already.
            conn.execute("SET LOCAL enable_sort = off")
            rows = conn.execute(_ROSTER, facts).fetchall()
        more = limit is not None and len(rows) > limit
        lines = [_roster_line(row) for row in rows[:limit]]
        following = cursor_of(lines[-1].subscriber_id, lines[-1].member_id) if more else None
        return Roster(client_id=client_id, on=on, items=lines, next=following)

    def census(
        self, client_id: str, viewer: str | None, on: date, *, seen_on: date | None = None
    ) -> Census:
        """Who is covered on the day, in numbers. Raises ``NotFound``."""
        with reading(self._pool) as conn:
            require_visible(conn, client_id, viewer, seen_on or on)
            return read_census(conn, client_id, on)

    def book(
        self,
        producer_id: str,
        on: date,
        *,
        segment: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Book:
        """The clients whose agent of record the producer is on the day, by segment.

        Raises ``BadCursor``.
        """
        after = after_cursor(cursor, tuple[str, str]) if cursor else ("", "")
        facts = {"producer": producer_id, "on": on, "segment": segment, "limit": limit + 1}
        facts |= {"after_segment": after[0], "after_client": after[1]}
        query = _BOOK_OF_SEGMENT if segment else _BOOK
        with reading(self._pool) as conn:
            rows = conn.execute(query, facts).fetchall()
        lines = [BookLine(**row) for row in rows[:limit]]
        more = len(rows) > limit
        following = cursor_of(lines[-1].segment, lines[-1].client_id) if more else None
        return Book(producer_id=producer_id, on=on, items=lines, next=following)

    def book_summary(self, producer_id: str, on: date) -> BookSummary:
        """A producer's book in numbers: clients by segment on the day."""
        with reading(self._pool) as conn:
            rows = conn.execute(_BOOK_SUMMARY, {"producer": producer_id, "on": on}).fetchall()
        counts = [SegmentCount(**row) for row in rows]
        return BookSummary(
            producer_id=producer_id,
            on=on,
            clients=sum(count.clients for count in counts),
            by_segment=counts,
        )


def _roster_line(row: Mapping[str, Any]) -> RosterLine:
    cents = row["monthly_cents"]
    rest = {name: value for name, value in row.items() if name != "monthly_cents"}
    return RosterLine(**rest, monthly=None if cents is None else money(cents))


# ── SQL ────────────────────────────────────────────────────────────────────────────────────────

# The family and relationship are the span's own: a member may have been in another family before.
# The page is cut in the index of coverage before anything is joined to it (every span has a member,
# so none is lost by the join), and a LIMIT keeps each join a look-up for one line of the page.
_ROSTER = f"""
SELECT c.subgroup_id, c.subscriber_id, c.member_id, c.relationship, m.first_name, m.last_name,
       m.birth_date, c.plan_id, c.first_day, c.last_day, c.cobra_event, p.tier, p.monthly_cents
FROM (
    SELECT * FROM coverage c
    WHERE c.client_id = %(client)s AND {HOLDS.format("c")}
      AND (c.subscriber_id, c.member_id) > (%(after_subscriber)s, %(after_member)s)
    ORDER BY c.subscriber_id, c.member_id
    LIMIT %(limit)s
) c
CROSS JOIN LATERAL (
    SELECT * FROM member m
    WHERE m.client_id = c.client_id AND m.member_id = c.member_id
    LIMIT 1
) m
LEFT JOIN LATERAL (
    SELECT * FROM premium p
    WHERE p.client_id = c.client_id AND p.subscriber_id = c.subscriber_id
      AND p.member_id = c.member_id AND p.first_month <= %(month)s
      AND (p.last_month IS NULL OR p.last_month >= %(month)s)
    LIMIT 1
) p ON true
ORDER BY c.subscriber_id, c.member_id
"""

# The page is cut in the index of agents before anything is joined to it.
_BOOK_TEMPLATE = """
SELECT a.segment, a.client_id, a.client_name AS name, c.state, c.is_group, c.effective_on,
       c.plan_year_start, c.terminated_on, a.agency_id, a.first_day AS agent_since,
       covered.subscribers, covered.members
FROM (
    SELECT * FROM agent a
    WHERE a.producer_id = %(producer)s AND {start} AND {holds}
    ORDER BY a.segment, a.client_id
    LIMIT %(limit)s
) a
JOIN client c USING (client_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS members,
           count(*) FILTER (WHERE v.relationship = 'subscriber') AS subscribers
    FROM coverage v
    WHERE v.client_id = a.client_id AND {covered}
) covered
ORDER BY a.segment, a.client_id
"""
_BOOK = _BOOK_TEMPLATE.format(
    start="(a.segment, a.client_id) > (%(after_segment)s, %(after_client)s)",
    holds=HOLDS.format("a"),
    covered=HOLDS.format("v"),
)
_BOOK_OF_SEGMENT = _BOOK_TEMPLATE.format(
    start="a.segment = %(segment)s AND a.client_id > %(after_client)s",
    holds=HOLDS.format("a"),
    covered=HOLDS.format("v"),
)

_BOOK_SUMMARY = f"""
SELECT a.segment, count(*) AS clients FROM agent a
WHERE a.producer_id = %(producer)s AND {HOLDS.format("a")}
GROUP BY a.segment ORDER BY a.segment
"""
