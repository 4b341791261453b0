"""Reads of what clients are billed and pay: SQL over the rows of the projection ``invoices``.

``viewer`` and ``on`` are those of ``read_store.py``: who is not the agent of record today sees no
billing at all (handbook §6). Billing detail is shown for 24 months (§5): invoices and postings by
their coverage month, payments by their day. What is still open is shown however old it is.
``true_on`` is a day on which the account is read: nothing that is dated later has happened then.

Names and relationships are the book of business's of today; who is not in it has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from psycopg.rows import DictRow

from adapters.outbound import billing_sql as sql
from adapters.outbound.billing_reasons import reason_text
from adapters.outbound.billing_views import (
    AccountView,
    BillingTab,
    FundsView,
    InvoiceLines,
    InvoiceLineView,
    Invoices,
    InvoiceSummary,
    InvoiceView,
    OpenItem,
    OpenItems,
    Payments,
    Postings,
    PostingView,
)
from adapters.outbound.client_reads import read_billing_contact
from adapters.outbound.paging import BadCursor, after_cursor, cursor_of
from adapters.outbound.reading import Connections, NotFound, Reading, reading, require_visible
from adapters.outbound.views import money
from domain.dates import add_months, first_of_month

LineKind = Literal["current", "adjustment"]

SHOWN_MONTHS = 24
"""Billing detail is shown for so long (handbook §5)."""
_LATEST_INVOICES = 6
_LAST_DAY = date.max.isoformat()
_NEWEST = 2**63 - 1


class InvoiceNotFound(NotFound):
    """This client has no invoice for this month."""


class InvoiceNotShown(Exception):
    """There is an invoice for this month, but it is older than what is shown."""


def shown_since(on: date) -> date:
    """The first month whose billing detail is shown on a day."""
    return add_months(first_of_month(on), -SHOWN_MONTHS)


class BillingReads:
    """Reads of invoices, open items, postings and payments. All may raise ``NotFound``."""

    def __init__(self, pool: Connections) -> None:
        self._pool = pool

    # ── The account ────────────────────────────────────────────────────────────────────────────

    def account(
        self, client_id: str, viewer: str | None, on: date, *, true_on: date | None = None
    ) -> AccountView:
        """What a client was billed, has paid and owes; or had, on a day."""
        with reading(self._pool) as conn:
            require_visible(conn, client_id, viewer, on)
            return _account(conn, client_id, on, true_on)

    def tab(
        self, client_id: str, viewer: str | None, on: date, *, true_on: date | None = None
    ) -> BillingTab:
        """The account with its latest invoices, as of one moment; or as they were on a day."""
        facts = _page_facts(client_id, true_on or on, _LATEST_INVOICES)
        facts |= {"before": _LAST_DAY, "true_on": true_on}
        with reading(self._pool) as conn:
            require_visible(conn, client_id, viewer, on)
            account = _account(conn, client_id, on, true_on)
            rows = conn.execute(sql.INVOICES, facts).fetchall()
        return BillingTab(
            account=account, invoices=[_summary(row) for row in rows[:_LATEST_INVOICES]]
        )

    # ── Invoices ───────────────────────────────────────────────────────────────────────────────

    def invoices(
        self, client_id: str, viewer: str | None, on: date, *,
        true_on: date | None = None, cursor: str | None = None, limit: int = 50,
    ) -> Invoices:  # fmt: skip
        """A page of a client's invoices, newest first; of those there were on a day.

        Raises ``BadCursor``.
        """
        (before,) = after_cursor(cursor, tuple[str]) if cursor else (_LAST_DAY,)
        facts = _page_facts(client_id, true_on or on, limit)
        facts |= {"before": _day_in(before), "true_on": true_on}
        rows = self._rows(sql.INVOICES, facts, client_id, viewer, on)
        items = [_summary(row) for row in rows[:limit]]
        following = cursor_of(items[-1].month.isoformat()) if len(rows) > limit else None
        return Invoices(client_id=client_id, items=items, next=following)

    def invoice(
        self, client_id: str, month: date, viewer: str | None, on: date, *, limit: int | None = None
    ) -> InvoiceView:
        """An invoice with its lines: all of them, or at most the first ``limit``.

        Raises ``InvoiceNotFound`` and ``InvoiceNotShown``.
        """
        with reading(self._pool) as conn:
            require_visible(conn, client_id, viewer, on)
            invoice = _invoice(conn, client_id, month, on)
            name, contact = read_billing_contact(conn, client_id, on)
            facts = _line_facts(invoice, None, None) | {"after": 0, "limit": limit and limit + 1}
            rows = conn.execute(sql.LINES, facts).fetchall()
        lines, following = _lines(rows, limit)
        return InvoiceView(
            summary=_summary(invoice),
            client_name=name,
            billing_contact=contact,
            lines=lines,
            next=following,
        )

    def lines(
        self, client_id: str, month: date, viewer: str | None, on: date, *,
        kind: LineKind | None = None, subscriber_id: str | None = None,
        cursor: str | None = None, limit: int = 100,
    ) -> InvoiceLines:  # fmt: skip
        """A page of an invoice's lines, of one kind or subscriber if asked for.

        Raises ``InvoiceNotFound``, ``InvoiceNotShown`` and ``BadCursor``.
        """
        (after,) = after_cursor(cursor, tuple[int]) if cursor else (0,)
        with reading(self._pool) as conn:
            require_visible(conn, client_id, viewer, on)
            invoice = _invoice(conn, client_id, month, on)
            facts = _line_facts(invoice, kind, subscriber_id)
            rows = conn.execute(sql.LINES, facts | {"after": after, "limit": limit + 1}).fetchall()
        lines, following = _lines(rows, limit)
        return InvoiceLines(client_id=client_id, month=month, items=lines, next=following)

    # ── What is open, and what was paid ────────────────────────────────────────────────────────

    def open_items(
        self, client_id: str, viewer: str | None, on: date, *,
        cursor: str | None = None, limit: int = 100,
    ) -> OpenItems:  # fmt: skip
        """A page of unpaid charges: oldest month first, then in line order.

        Raises ``BadCursor``.
        """
        start = (date.min.isoformat(), "", "")
        after = after_cursor(cursor, tuple[str, str, str]) if cursor else start
        facts = _page_facts(client_id, on, limit) | {"after_month": _day_in(after[0])}
        facts |= {"after_subscriber": after[1], "after_member": after[2]}
        rows = self._rows(sql.OPEN_ITEMS, facts, client_id, viewer, on)
        items = [OpenItem(open=money(row.pop("open_cents")), **row) for row in rows[:limit]]
        following = None
        if len(rows) > limit:
            last = items[-1]
            following = cursor_of(last.month.isoformat(), last.subscriber_id, last.member_id)
        return OpenItems(client_id=client_id, items=items, next=following)

    def postings(
        self, client_id: str, viewer: str | None, on: date, *,
        cursor: str | None = None, limit: int = 100,
    ) -> Postings:  # fmt: skip
        """A page of postings, newest first. Raises ``BadCursor``."""
        before = after_cursor(cursor, tuple[int, int]) if cursor else (_NEWEST, 0)
        facts = _page_facts(client_id, on, limit)
        facts |= {"before_position": before[0], "before_number": before[1]}
        rows = self._rows(sql.POSTINGS, facts, client_id, viewer, on)
        keys = [(row.pop("position"), row["number"]) for row in rows]
        items = [PostingView(amount=money(row.pop("cents")), **row) for row in rows[:limit]]
        following = cursor_of(*keys[limit - 1]) if len(rows) > limit else None
        return Postings(client_id=client_id, items=items, next=following)

    def payments(
        self, client_id: str, viewer: str | None, on: date, *,
        cursor: str | None = None, limit: int = 100,
    ) -> Payments:  # fmt: skip
        """A page of payments, credits, refunds and what bounced, newest first.

        Raises ``BadCursor``.
        """
        (before,) = after_cursor(cursor, tuple[int]) if cursor else (_NEWEST,)
        facts = _page_facts(client_id, on, limit) | {"before_position": before}
        rows = self._rows(sql.FUNDS, facts, client_id, viewer, on)
        positions = [row.pop("position") for row in rows]
        items = [FundsView(amount=money(row.pop("cents")), **row) for row in rows[:limit]]
        following = cursor_of(positions[limit - 1]) if len(rows) > limit else None
        return Payments(client_id=client_id, items=items, next=following)

    def _rows(
        self, query: str, facts: Mapping[str, Any], client_id: str, viewer: str | None, on: date
    ) -> list[DictRow]:
        with reading(self._pool) as conn:
            require_visible(conn, client_id, viewer, on)
            return conn.execute(query, facts).fetchall()


def _page_facts(client_id: str, on: date, limit: int) -> dict[str, Any]:
    """What every page's SQL needs; one row more than the page tells whether another follows."""
    return {"client": client_id, "since": shown_since(on), "limit": limit + 1}


def _day_in(text: str) -> date:
    """A day of a cursor. Raises ``BadCursor``."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadCursor from error


def _account(conn: Reading, client_id: str, on: date, true_on: date | None) -> AccountView:
    query = sql.ACCOUNT if true_on is None else sql.ACCOUNT_ON
    row = conn.execute(query, {"client": client_id, "true_on": true_on}).fetchone()
    if row is None:
        raise NotFound  # the client is in the book already, and will be here in a moment
    _, contact = read_billing_contact(conn, client_id, true_on or on)
    amounts = ("billed", "posted", "open", "payments", "credit", "balance")
    return AccountView(
        client_id=client_id,
        **{name: money(row[name]) for name in amounts},
        billed_through=row["billed_through"],
        next_month=row["next_month"],
        last_run_on=row["last_run_on"],
        billing_contact=contact,
    )


# ── An invoice ─────────────────────────────────────────────────────────────────────────────────


def _invoice(conn: Reading, client_id: str, month: date, on: date) -> DictRow:
    row = conn.execute(sql.INVOICE, {"client": client_id, "month": month}).fetchone()
    if row is None:
        raise InvoiceNotFound
    if month < shown_since(on):
        raise InvoiceNotShown
    return row


def _summary(row: DictRow) -> InvoiceSummary:
    total = row["total_cents"]
    counts = ("line_count", "adjustment_count", "subscriber_count")
    facts = ("client_id", "month", "run_on", "due_on", "transaction_id", "recorded_at")
    return InvoiceSummary(
        **{name: row[name] for name in (*facts, *counts)},
        prior_balance=money(row["prior_balance_cents"]),
        current=money(row["current_cents"]),
        adjustments=money(row["adjustments_cents"]),
        total=money(total),
        due=money(max(0, total)),
        credit_carried=money(max(0, -total)),
    )


def _line_facts(
    invoice: DictRow, kind: LineKind | None, subscriber_id: str | None
) -> dict[str, Any]:
    """Which lines: those of one kind are a range of numbers."""
    currents = invoice["line_count"]
    return {
        "client": invoice["client_id"],
        "month": invoice["month"],
        "first": currents + 1 if kind == "adjustment" else 1,
        "last": currents if kind == "current" else currents + invoice["adjustment_count"],
        "subscriber": subscriber_id,
    }


def _lines(rows: list[DictRow], limit: int | None) -> tuple[list[InvoiceLineView], str | None]:
    lines = [_line(row) for row in rows[:limit]]
    more = limit is not None and len(rows) > limit
    return lines, cursor_of(lines[-1].number) if more else None


def _line(row: DictRow) -> InvoiceLineView:
    billed_before, cause_type = row.pop("billed_before_cents"), row.pop("cause_type")
    received_on, effective_on = row.pop("cause_received_on"), row.pop("cause_effective_on")
    about = row.pop("cause_member_id")
    if about in (row["member_id"], row["subscriber_id"]):
        about = None
    text = None
    if cause_type is not None:
        text = reason_text(cause_type, received_on, effective_on, about)
    return InvoiceLineView(
        amount=money(row.pop("cents")),
        billed_before=None if billed_before is None else money(billed_before),
        reason=cause_type,
        reason_text=text,
        **row,
    )
