"""Reads of commissions: payees, their statements, and what they were paid (handbook §6).

``viewer`` is the producer whose eyes are used. Only the payee sees what is its own, and whom it
lets: to anyone else there is no such payee. ``None`` sees every payee.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from psycopg_pool import ConnectionPool

from adapters.outbound import commission_sql as sql
from adapters.outbound.billing_views import (
    CommissionLineView,
    Payees,
    PayeeView,
    Statements,
    StatementSummary,
    StatementView,
    YearlyTotal,
    YearlyTotals,
)
from adapters.outbound.paging import BadCursor, after_cursor, cursor_of
from adapters.outbound.reading import NotFound, Reading, ReadsUnavailable, reading
from adapters.outbound.views import money
from domain.kernel import Actor
from domain.payee.state import Payee, may_see, stream_id
from processors.commission_run import PayeeToPay
from processors.ports import RowsUnavailable

_BEFORE_ALL = ("", date.min.isoformat(), date.min.isoformat(), 0, 0)
"""Before every line: client, coverage month, day of the posting, position, number."""


class PayeeNotFound(NotFound):
    """There is no such payee, or the viewer may not see its statements."""


class StatementNotFound(NotFound):
    """The payee has no statement of that month."""


class CommissionReads:
    """Reads of payees and statements."""

    def __init__(self, pool: ConnectionPool[Reading]) -> None:
        self._pool = pool

    def payee(self, payee_id: str, viewer: str | None) -> PayeeView:
        """A payee: how it is paid, and what is not on a statement yet. Raises ``PayeeNotFound``."""
        with reading(self._pool) as conn:
            return _payee_view(conn, _visible(conn, payee_id, viewer))

    def payees(self, cursor: str | None = None, limit: int = 50) -> Payees:
        """A page of all payees: registered ones, and those who earned. Raises ``BadCursor``."""
        after = after_cursor(cursor, tuple[str])[0] if cursor else ""
        with reading(self._pool) as conn:
            rows = conn.execute(sql.PAYEES, {"after": after, "limit": limit + 1}).fetchall()
            found = [_payee(conn, row["payee_id"]) for row in rows[:limit]]
            items = [_payee_view(conn, payee) for payee in found]
        following = cursor_of(items[-1].payee_id) if len(rows) > limit else None
        return Payees(items=items, next=following)

    def statements(
        self, payee_id: str, viewer: str | None, cursor: str | None = None, limit: int = 50
    ) -> Statements:
        """A page of a payee's statements, newest first.

        Raises ``PayeeNotFound`` and ``BadCursor``.
        """
        before = _day(after_cursor(cursor, tuple[str])[0]) if cursor else date.max
        facts = {"stream": stream_id(payee_id), "before": before, "limit": limit + 1}
        with reading(self._pool) as conn:
            _visible(conn, payee_id, viewer)
            rows = conn.execute(sql.STATEMENTS, facts).fetchall()
        items = [_summary(row) for row in rows[:limit]]
        following = cursor_of(items[-1].month.isoformat()) if len(rows) > limit else None
        return Statements(payee_id=payee_id, items=items, next=following)

    def statement(
        self,
        payee_id: str,
        month: date,
        viewer: str | None,
        *,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> StatementView:
        """The statement of a month with a page of its lines; without a limit, with all of them.

        Raises ``PayeeNotFound``, ``StatementNotFound`` and ``BadCursor``.
        """
        facts = _after(cursor) | {"payee": payee_id, "stream": stream_id(payee_id), "month": month}
        facts["limit"] = None if limit is None else limit + 1
        with reading(self._pool) as conn:
            _visible(conn, payee_id, viewer)
            row = conn.execute(sql.STATEMENT, facts).fetchone()
            if row is None:
                raise StatementNotFound
            lines = conn.execute(sql.LINES, {**facts, **row}).fetchall()
        shown = lines[:limit]
        more = limit is not None and len(lines) > limit
        return StatementView(
            summary=_summary(row),
            payee_name=None,
            next=_cursor_after(shown[-1]) if more else None,
            lines=[_line(line) for line in shown],
        )

    def yearly_totals(self, payee_id: str, viewer: str | None) -> YearlyTotals:
        """What a payee was paid by the statements of each year. Raises ``PayeeNotFound``."""
        with reading(self._pool) as conn:
            _visible(conn, payee_id, viewer)
            rows = conn.execute(sql.YEARLY, {"stream": stream_id(payee_id)}).fetchall()
        items = [
            YearlyTotal(
                payee_id=payee_id,
                year=row["year"],
                statements=row["statements"],
                lines_total=money(row["lines_cents"]),
                paid=money(row["paid_cents"]),
            )
            for row in rows
        ]
        return YearlyTotals(payee_id=payee_id, items=items)

    # ── For the commission run ─────────────────────────────────────────────────────────────────

    def clients_to_settle(self, month: date, after: str, limit: int) -> Sequence[str]:
        facts = {"month": month, "after": after, "limit": limit}
        return [row["client_id"] for row in self._for_run(sql.CLIENTS_TO_SETTLE, facts)]

    def payees_to_pay(
        self, month: date, through_position: int, after: str, limit: int
    ) -> Sequence[PayeeToPay]:
        facts = {"month": month, "through_position": through_position}
        facts |= {"after": after, "limit": limit}
        return [PayeeToPay(**row) for row in self._for_run(sql.PAYEES_TO_PAY, facts)]

    def _for_run(self, query: str, facts: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
        try:
            with reading(self._pool) as conn:
                return conn.execute(query, facts).fetchall()
        except ReadsUnavailable as error:
            raise RowsUnavailable(str(error)) from None


# ── Who is a payee, and who may see it ─────────────────────────────────────────────────────────


def _visible(conn: Reading, payee_id: str, viewer: str | None) -> Payee:
    """The payee, if there is one and the viewer may see it; else ``PayeeNotFound`` is raised."""
    payee = _payee(conn, payee_id)
    if viewer is not None and not may_see(payee, Actor("", "portal", viewer)):
        raise PayeeNotFound
    earned = sql.HAS_EARNED, {"payee": payee_id}
    if not payee.is_registered and conn.execute(*earned).fetchone() is None:
        raise PayeeNotFound
    return payee


def _payee(conn: Reading, payee_id: str) -> Payee:
    """The payee as its rows have it: who it is, and whom it lets see what is its own."""
    payee = Payee(stream_id(payee_id))
    facts = {"stream": payee.client_id}
    row = conn.execute(sql.PAYEE, facts).fetchone()
    if row is not None:
        payee.is_registered = True
        payee.kind, payee.principal_id = row["kind"], row["principal_id"]
        payee.pay_by, payee.account_ending = row["pay_by"], row["account_ending"]
    payee.readers = {reader["reader_id"] for reader in conn.execute(sql.READERS, facts)}
    return payee


def _payee_view(conn: Reading, payee: Payee) -> PayeeView:
    facts = {"stream": payee.client_id, "payee": payee.payee_id}
    latest = conn.execute(sql.LATEST, facts).fetchone()
    after = latest["through_position"] if latest else 0
    unpaid = conn.execute(sql.UNPAID, {**facts, "after_position": after}).fetchone()
    assert unpaid is not None, "a count always has a row"
    return PayeeView(
        payee_id=payee.payee_id,
        kind=payee.kind,
        principal_id=payee.principal_id,
        readers=sorted(payee.readers),
        pay_by=payee.pay_by,
        account_ending=payee.account_ending,
        latest_statement=latest["month"] if latest else None,
        carried_forward=money(latest["carried_cents"] if latest else 0),
        unpaid_lines=unpaid["line_count"],
        unpaid=money(unpaid["lines_cents"]),
    )


# ── Views and cursors ──────────────────────────────────────────────────────────────────────────


def _summary(row: Mapping[str, Any]) -> StatementSummary:
    return StatementSummary(
        payee_id=row["payee_id"],
        month=row["month"],
        run_on=row["run_on"],
        line_count=row["line_count"],
        lines_total=money(row["lines_cents"]),
        brought_forward=money(row["brought_forward_cents"]),
        paid=money(row["paid_cents"]),
        carried_forward=money(row["carried_cents"]),
        pay_by=row["pay_by"],
        account_ending=row["account_ending"],
        recorded_at=row["recorded_at"],
    )


def _line(row: Mapping[str, Any]) -> CommissionLineView:
    return CommissionLineView(
        client_id=row["client_id"],
        client_name=row["client_name"],
        coverage_month=row["coverage_month"],
        posted_on=row["posted_on"],
        posted=money(row["posted_cents"]),
        subscriber_months=row["subscriber_months"],
        rate=row["rate"],
        commission=money(row["commission_cents"]),
        share=money(row["share_cents"]),
        takes_back_from=row["takes_back_from"],
        posting=row["posting"],
        transaction_id=row["transaction_id"],
        number=row["number"],
    )


def _cursor_after(row: Mapping[str, Any]) -> str:
    days = row["coverage_month"].isoformat(), row["posted_on"].isoformat()
    return cursor_of(row["client_id"], *days, row["position"], row["number"])


def _after(cursor: str | None) -> dict[str, Any]:
    """After which line a page begins. Raises ``BadCursor``."""
    client_id, month, day, position, number = (
        after_cursor(cursor, tuple[str, str, str, int, int]) if cursor else _BEFORE_ALL
    )
    return {
        "from_first": cursor is None,
        "client": client_id,
        "coverage_month": _day(month),
        "posted_on": _day(day),
        "position": position,
        "number": number,
    }


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadCursor from None
