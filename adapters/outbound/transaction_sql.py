"""The SQL of reads of transactions: written so that its plan does not depend on statistics.

A page begins where few rows have to be read to fill it: in what is still open, in the newest of
each client of a small book, or, for a large book, in the log's order, asking for each transaction
whether its client is in the book (one of a large book soon comes by). A subquery with a LIMIT stays
what it is: the planner never turns it into a join of everything.
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.outbound.reading import HOLDS

LARGE_BOOK_CLIENTS = 1_000
"""From so many clients on, a book's transactions are looked for in the log's order."""

IS_OPEN = """(
    t.position > %(applied)s
    OR EXISTS (SELECT 1 FROM fulfilment f
               WHERE f.transaction_id = t.transaction_id AND f.confirmed_at IS NULL)
    OR EXISTS (SELECT 1 FROM unnest(%(parked_clients)s::text[], %(parked_positions)s::bigint[])
                                 AS p (client_id, position)
               WHERE p.client_id = t.client_id AND p.position <= t.position)
)"""
"""An accepted transaction is not completed."""
_IS_OVERDUE = "t.outcome = 'accepted' AND t.received_at < %(late)s"

# Where all that is open can be found; what is refused, or not late, is still among it.
_OPEN_WORK = """
WITH open_work AS MATERIALIZED (
    SELECT f.transaction_id FROM fulfilment f WHERE f.confirmed_at IS NULL
    UNION
    SELECT t.transaction_id FROM transaction t WHERE t.position > %(applied)s
    UNION
    SELECT t.transaction_id
    FROM unnest(%(parked_clients)s::text[], %(parked_positions)s::bigint[])
         AS p (client_id, position)
    JOIN transaction t ON t.client_id = p.client_id AND t.position >= p.position
)
"""

STATUS = {
    "refused": "t.outcome = 'refused'",
    "accepted": f"t.outcome = 'accepted' AND {IS_OPEN}",
    "completed": f"t.outcome = 'accepted' AND NOT {IS_OPEN}",
    "overdue": f"{_IS_OVERDUE} AND {IS_OPEN}",
}
"""Conditions, by what a reader asks for."""
OPEN_STATUSES = ("accepted", "overdue")

CONDITIONS = {
    "client_id": "t.client_id = %(client_id)s",
    "type": "t.type = %(type)s",
    "sender": "t.sender = %(sender)s",
    "received_from": "t.received_at >= %(received_from)s",
    "received_before": "t.received_at < %(received_before)s",
}
"""By the field of ``TransactionFilter``."""
IN_BOOK = f"""(
    SELECT true FROM agent a
    WHERE a.client_id = t.client_id AND a.producer_id = %(book_of)s AND {HOLDS.format("a")}
    LIMIT 1)"""
"""Asked for each transaction."""

_EACH = """ CROSS JOIN LATERAL (
    SELECT * FROM transaction x WHERE x.transaction_id = {0}.transaction_id LIMIT 1
) t"""
"""Joins the transactions of ids that were found elsewhere."""

BOOK_SIZE = f"""
SELECT count(*) AS clients FROM (
    SELECT 1 FROM agent a
    WHERE a.producer_id = %(book_of)s AND {HOLDS.format("a")}
    LIMIT {LARGE_BOOK_CLIENTS}) few
"""

_PAGE = """
SELECT t.transaction_id, t.client_id, t.type, t.code, t.sentence,
       CASE WHEN t.outcome = 'refused' THEN 'refused'
            WHEN {is_open} THEN 'accepted' ELSE 'completed' END AS status,
       {is_overdue} AND {is_open} AS overdue,
       t.effective_on, t.takes_effect_on, t.received_at, t.recorded_at, t.position,
       t.client_version, t.event_count, t.sender, t.role, t.producer_id, t.correlation_id,
       f.kind AS fulfilment_kind, f.member_id AS fulfilment_member, f.confirmed_at
FROM (
    SELECT t.* FROM {source} WHERE {where} ORDER BY t.position DESC LIMIT %(limit)s
) t
LEFT JOIN fulfilment f USING (transaction_id)
ORDER BY t.position DESC
"""


def page(conditions: Sequence[str]) -> str:
    """A page in the log's order, newest first."""
    return _page("transaction t", conditions)


def page_of_member(conditions: Sequence[str]) -> str:
    """A page of one member's transactions."""
    source = "transaction_member m" + _EACH.format("m")
    of_member = ("m.client_id = %(client_id)s", "m.member_id = %(member_id)s")
    return _page(source, (*of_member, *conditions))


def page_of_open(conditions: Sequence[str]) -> str:
    """A page of what is accepted and not completed."""
    return _OPEN_WORK + _page("open_work" + _EACH.format("open_work"), conditions)


def page_of_small_book(conditions: Sequence[str]) -> str:
    """A page of a book of few clients: the newest of each, and of those the newest."""
    where = " AND ".join(("t.client_id = book.client_id", *conditions))
    source = f"""(
        SELECT a.client_id FROM agent a
        WHERE a.producer_id = %(book_of)s AND {HOLDS.format("a")}
    ) book CROSS JOIN LATERAL (
        SELECT t.* FROM transaction t WHERE {where}
        ORDER BY t.position DESC LIMIT %(limit)s
    ) t"""
    return _page(source, ())


def _page(source: str, conditions: Sequence[str]) -> str:
    where = " AND ".join(conditions) or "true"
    return _PAGE.format(source=source, where=where, is_open=IS_OPEN, is_overdue=_IS_OVERDUE)


OVERDUE_PAGE = f"""{_OPEN_WORK}
SELECT t.transaction_id, t.client_id, t.type, t.position, t.received_at, f.kind AS fulfilment_kind
FROM open_work {_EACH.format("open_work")}
LEFT JOIN fulfilment f
       ON f.transaction_id = t.transaction_id AND f.confirmed_at IS NULL
WHERE {_IS_OVERDUE} AND t.position > %(after)s
ORDER BY t.position LIMIT %(limit)s
"""
OVERDUE_COUNT = f"""{_OPEN_WORK}
SELECT count(*) AS overdue
FROM open_work {_EACH.format("open_work")} WHERE {_IS_OVERDUE}
"""
REFUSED_COUNTS = """
SELECT code, count(*) AS count FROM transaction
WHERE outcome = 'refused' AND received_at >= %(since)s GROUP BY code ORDER BY count(*) DESC, code
"""
