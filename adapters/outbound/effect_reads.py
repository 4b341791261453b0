"""Reads of what a transaction did to bills and commissions, for auditors.

A bill names its causes: the adjustments of later invoices that are there because of a transaction.
Commission does not: shown is what the transaction itself posted or settled, and what was settled
on the months it adjusted, after the invoice that adjusted them.
"""

from __future__ import annotations

from datetime import date

from psycopg_pool import ConnectionPool

from adapters.outbound.reading import Reading, reading
from adapters.outbound.views import Money, View, money


class AdjustmentEffect(View, frozen=True, kw_only=True):
    """A line of an invoice that bills an earlier month again because of the transaction."""

    invoice_month: date
    number: int
    month: date
    member_id: str
    amount: Money


class PostingEffect(View, frozen=True, kw_only=True):
    """Premium that the transaction posted, or took back."""

    number: int
    coverage_month: date
    posted_on: date
    amount: Money


class CommissionEffect(View, frozen=True, kw_only=True):
    """A payee's part of what was earned or lost."""

    payee_id: str
    coverage_month: date
    posted_on: date
    posted: Money
    share: Money
    transaction_id: str
    """That settled it …"""
    number: int
    """… and its number there."""
    statement_month: date | None
    """Of the statement that it is on; null while it is on none."""


class Effects(View, frozen=True, kw_only=True):
    """What a transaction did to bills and commissions: the first rows of each, and whether all."""

    invoice_month: date | None
    """The month of the invoice that it produced."""
    adjustments: list[AdjustmentEffect]
    postings: list[PostingEffect]
    commissions: list[CommissionEffect]
    is_cut: bool
    """There is more of at least one kind."""


class EffectReads:
    """Reads of the effects of transactions."""

    def __init__(self, pool: ConnectionPool[Reading]) -> None:
        self._pool = pool

    def of(self, client_id: str, transaction_id: str, since: date, limit: int) -> Effects:
        """A transaction's effects; at most ``limit`` of each kind, of months from ``since`` on."""
        facts = {
            "client": client_id, "transaction": transaction_id, "since": since, "limit": limit + 1,
        }  # fmt: skip
        with reading(self._pool) as conn:
            produced = conn.execute(_PRODUCED, facts).fetchone()
            adjustments = conn.execute(_ADJUSTMENTS, facts).fetchall()
            postings = conn.execute(_POSTINGS, facts).fetchall()
            commissions = conn.execute(_COMMISSIONS, facts).fetchall()
        return Effects(
            invoice_month=produced["month"] if produced else None,
            adjustments=[
                AdjustmentEffect(amount=money(row.pop("cents")), **row)
                for row in adjustments[:limit]
            ],
            postings=[
                PostingEffect(amount=money(row.pop("cents")), **row) for row in postings[:limit]
            ],
            commissions=[
                CommissionEffect(
                    posted=money(row.pop("posted_cents")),
                    share=money(row.pop("share_cents")),
                    **row,
                )
                for row in commissions[:limit]
            ],
            is_cut=any(len(rows) > limit for rows in (adjustments, postings, commissions)),
        )


_PRODUCED = """
SELECT month FROM invoice
WHERE client_id = %(client)s AND transaction_id = %(transaction)s AND month >= %(since)s
"""
# Adjustments come after an invoice's own lines: they are a range of the key.
_CAUSED = """
SELECT l.invoice_month, l.number, l.month, l.member_id, l.cents, i.position
FROM invoice i
CROSS JOIN LATERAL (
    SELECT * FROM invoice_line l
    WHERE l.client_id = i.client_id AND l.invoice_month = i.month AND l.number > i.line_count
      AND l.cause_transaction_id = %(transaction)s
) l
WHERE i.client_id = %(client)s AND i.adjustment_count > 0
"""
_ADJUSTMENTS = f"""
SELECT invoice_month, number, month, member_id, cents FROM ({_CAUSED}) caused
WHERE invoice_month >= %(since)s
ORDER BY invoice_month, number LIMIT %(limit)s
"""
_POSTINGS = """
SELECT number, coverage_month, posted_on, cents FROM posting
WHERE client_id = %(client)s AND transaction_id = %(transaction)s AND coverage_month >= %(since)s
ORDER BY number LIMIT %(limit)s
"""
_COMMISSIONS = f"""
WITH adjusted AS MATERIALIZED (
    SELECT month, min(position) AS position FROM ({_CAUSED}) caused GROUP BY month
)
SELECT l.payee_id, l.coverage_month, l.posted_on, l.posted_cents, l.share_cents,
       l.transaction_id, l.number, s.month AS statement_month
FROM commission_line l
LEFT JOIN LATERAL (
    SELECT s.month FROM statement s
    WHERE s.payee_id = l.payee_id AND s.through_position >= l.position
    ORDER BY s.through_position LIMIT 1
) s ON true
WHERE l.client_id = %(client)s AND (
    l.transaction_id = %(transaction)s
    OR l.posting_transaction_id = %(transaction)s
    OR EXISTS (
        SELECT 1 FROM adjusted a
        WHERE a.month = l.coverage_month AND a.position < l.position
          AND a.position <= (SELECT p.position FROM posting p
                             WHERE p.client_id = l.client_id
                               AND p.transaction_id = l.posting_transaction_id LIMIT 1)
    )
)
ORDER BY l.position, l.number, l.payee_id LIMIT %(limit)s
"""
