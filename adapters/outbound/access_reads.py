"""Reads of the records of who read whose personal data, for auditors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg_pool import ConnectionPool

from adapters.outbound.accesses import How, Outcome
from adapters.outbound.paging import BadCursor, after_cursor, cursor_of
from adapters.outbound.reading import Reading, reading
from adapters.outbound.views import Count, View
from domain.types import Role


class AccessView(View, frozen=True, kw_only=True):
    """A read of personal data, or a refused attempt."""

    number: Count
    """In the order in which they were stored."""
    at: datetime
    how: How
    key_id: str | None
    """Null on the command line."""
    sender: str
    """The key's; on the command line the user of the operating system."""
    role: Role
    producer_id: str | None
    """For whom a portal read."""
    read: str
    """What was read, by the operation's name."""
    outcome: Outcome
    client_ids: list[str]
    """Every client shown; of a refused attempt, the one asked for."""
    member_id: str | None
    payee_id: str | None
    correlation_id: str | None
    times: Count
    """More than 1: so many further refused attempts of a minute, whose clients are not named."""


class Accesses(View, frozen=True, kw_only=True):
    """A page of reads of personal data and refused attempts, newest first."""

    items: list[AccessView]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessFilter:
    """Which to list; what is None does not matter."""

    client_id: str | None = None
    sender: str | None = None
    producer_id: str | None = None
    """Read for this producer."""
    since: datetime | None = None
    until: datetime | None = None
    """Before this instant."""


class AccessReads:
    """Reads of the records."""

    def __init__(self, pool: ConnectionPool[Reading]) -> None:
        self._pool = pool

    def page(self, wanted: AccessFilter, cursor: str | None, limit: int) -> Accesses:
        """A page of records, newest first. Raises ``BadCursor``."""
        facts: dict[str, Any] = {"limit": limit + 1}
        conditions = []
        for name, condition in _CONDITIONS.items():
            if (value := getattr(wanted, name)) is not None:
                facts[name] = value
                conditions.append(condition)
        if cursor is not None:
            facts["before_at"], facts["before_number"] = _place_in(cursor)
            conditions.append("(at, number) < (%(before_at)s, %(before_number)s)")
        with reading(self._pool) as conn:
            rows = conn.execute(_page(conditions), facts).fetchall()
        items = [AccessView(**row) for row in rows[:limit]]
        more = len(rows) > limit
        following = cursor_of(items[-1].at.isoformat(), items[-1].number) if more else None
        return Accesses(items=items, next=following)


def _place_in(cursor: str) -> tuple[datetime, int]:
    at, number = after_cursor(cursor, tuple[str, int])
    try:
        instant = datetime.fromisoformat(at)
    except ValueError:
        raise BadCursor from None
    if instant.tzinfo is None:
        raise BadCursor
    return instant, number


_CONDITIONS = {
    "client_id": "client_ids @> ARRAY[%(client_id)s::text]",
    "sender": "sender = %(sender)s",
    "producer_id": "producer_id = %(producer_id)s",
    "since": "at >= %(since)s",
    "until": "at < %(until)s",
}


def _page(conditions: list[str]) -> str:
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"""
SELECT number, at, how, key_id, sender, role, producer_id, read, outcome, client_ids, member_id,
       payee_id, correlation_id, times
FROM accesses {where}
ORDER BY at DESC, number DESC
LIMIT %(limit)s
"""
