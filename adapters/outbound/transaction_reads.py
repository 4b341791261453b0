"""Reads of transactions: one, those of a member, a client or a book, and what is overdue (§3).

``accepted → completed`` is seen here, not stored: a transaction is completed when every
projection has applied it, its client is parked in none, and nothing it asked for is still to be
mailed. ``Progress`` says how far the projections are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

import msgspec
from psycopg.rows import DictRow
from psycopg_pool import ConnectionPool

from adapters.outbound import transaction_sql as sql
from adapters.outbound.paging import after_cursor, cursor_of
from adapters.outbound.reading import NotFound, Reading, reading
from adapters.outbound.views import (
    CodeCount,
    FulfilmentView,
    Overdue,
    OverdueLine,
    Transactions,
    TransactionView,
    WorkCounts,
)

OVERDUE_AFTER = timedelta(hours=24)
StatusFilter = Literal["accepted", "completed", "refused", "overdue"]


class Progress(msgspec.Struct, frozen=True):
    """How far the projections are: by name, the position applied; and who is parked from where."""

    now: datetime
    applied: Mapping[str, int]
    parked: Mapping[tuple[str, str], int]
    """By projection and client."""

    def facts(self) -> dict[str, Any]:
        """What the SQL needs to know of it."""
        return {
            "applied": min(self.applied.values(), default=0),
            "late": self.now - OVERDUE_AFTER,
            "parked_clients": [client_id for _, client_id in self.parked],
            "parked_positions": list(self.parked.values()),
        }

    def missing_in(self, client_id: str, position: int) -> list[str]:
        """The projections that do not show this event of the client yet."""
        return [
            name
            for name, applied in self.applied.items()
            if position > applied or position >= self.parked.get((name, client_id), position + 1)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionFilter:
    """Which transactions to list; what is None does not matter."""

    client_id: str | None = None
    member_id: str | None = None
    """With ``client_id``."""
    book_of: str | None = None
    """Of the clients whose agent of record this producer is on ``on``."""
    on: date | None = None
    type: str | None = None
    status: StatusFilter | None = None
    sender: str | None = None
    received_from: datetime | None = None
    received_before: datetime | None = None


class TransactionReads:
    """Reads of the transactions projection."""

    def __init__(self, pool: ConnectionPool[Reading]) -> None:
        self._pool = pool

    def one(self, transaction_id: str, progress: Progress) -> TransactionView:
        """A transaction that left events. Raises ``NotFound``; who may see it is not asked."""
        facts = progress.facts() | {"transaction": transaction_id, "limit": 1}
        query = sql.page(["t.transaction_id = %(transaction)s"])
        with reading(self._pool) as conn:
            row = conn.execute(query, facts).fetchone()
        if row is None:
            raise NotFound
        return _view(row)

    def page(
        self, wanted: TransactionFilter, progress: Progress, cursor: str | None, limit: int
    ) -> Transactions:
        """A page of transactions, newest first. Raises ``BadCursor``."""
        facts = progress.facts() | {"on": wanted.on, "limit": limit + 1}
        conditions = []
        if cursor is not None:
            facts["before"] = after_cursor(cursor, tuple[int])[0]
            conditions.append("t.position < %(before)s")
        for name in wanted.__slots__:
            if (value := getattr(wanted, name)) is not None:
                facts[name] = value
                conditions += [sql.CONDITIONS[name]] if name in sql.CONDITIONS else []
        if wanted.status is not None:
            conditions.append(sql.STATUS[wanted.status])
        with reading(self._pool) as conn:
            query = _query(conn, wanted, facts, conditions)
            rows = conn.execute(query, facts).fetchall()
        items = [_view(row) for row in rows[:limit]]
        following = cursor_of(items[-1].position) if len(rows) > limit else None
        return Transactions(items=items, next=following)

    def overdue(self, progress: Progress, cursor: str | None, limit: int) -> Overdue:
        """What should be completed by now, oldest first. Raises ``BadCursor``."""
        facts = progress.facts() | {
            "after": after_cursor(cursor, tuple[int])[0] if cursor else 0,
            "limit": limit + 1,
        }
        with reading(self._pool) as conn:
            rows = conn.execute(sql.OVERDUE_PAGE, facts).fetchall()
        items = [_overdue_line(row, progress) for row in rows[:limit]]
        following = cursor_of(items[-1].position) if len(rows) > limit else None
        return Overdue(items=items, next=following)

    def overdue_count(self, progress: Progress) -> int:
        """How many should be completed by now."""
        with reading(self._pool) as conn:
            return _overdue_count(conn, progress)

    def counts(self, progress: Progress, since: datetime) -> WorkCounts:
        """How much is overdue, and how often each rule said no since an instant."""
        with reading(self._pool) as conn:
            overdue = _overdue_count(conn, progress)
            refused = conn.execute(sql.REFUSED_COUNTS, {"since": since}).fetchall()
        return WorkCounts(
            overdue=overdue,
            since=since,
            refused=[CodeCount(**row) for row in refused],
        )


def _overdue_count(conn: Reading, progress: Progress) -> int:
    row = conn.execute(sql.OVERDUE_COUNT, progress.facts()).fetchone()
    return int(row["overdue"]) if row else 0


def _query(
    conn: Reading, wanted: TransactionFilter, facts: dict[str, Any], conditions: list[str]
) -> str:
    """The SQL that fills this page from as few rows as can be."""
    if wanted.member_id is not None:
        return sql.page_of_member(conditions)
    if wanted.book_of is None:
        of_open = wanted.status in sql.OPEN_STATUSES
        return sql.page_of_open(conditions) if of_open else sql.page(conditions)
    if wanted.status in sql.OPEN_STATUSES:
        return sql.page_of_open([*conditions, sql.IN_BOOK])
    size = conn.execute(sql.BOOK_SIZE, facts).fetchone()
    if size is not None and size["clients"] < sql.LARGE_BOOK_CLIENTS:
        return sql.page_of_small_book(conditions)
    return sql.page([*conditions, sql.IN_BOOK])


def _view(row: DictRow) -> TransactionView:
    kind, member_id, confirmed_at = (
        row.pop("fulfilment_kind"),
        row.pop("fulfilment_member"),
        row.pop("confirmed_at"),
    )
    fulfilment = (
        None
        if kind is None
        else FulfilmentView(kind=kind, member_id=member_id, confirmed_at=confirmed_at)
    )
    return TransactionView(**row, fulfilment=fulfilment)


def _overdue_line(row: DictRow, progress: Progress) -> OverdueLine:
    kind = row.pop("fulfilment_kind")
    missing = progress.missing_in(row["client_id"], row["position"])
    return OverdueLine(**row, waits_for=missing + ([kind] if kind else []))
