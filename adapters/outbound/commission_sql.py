"""The SQL of commissions: payees, their statements, and which lines are on them.

A statement's lines are its payee's with a position in (after_position, through_position].
"""

from __future__ import annotations

PAYEE = """
SELECT kind, principal_id, pay_by, account_ending
FROM payee WHERE client_id = %(stream)s
"""

# A reader counts while the principal is the one who was there, or came first after, the permission.
READERS = """
SELECT r.reader_id FROM payee_reader r
WHERE r.client_id = %(stream)s AND (
    SELECT count(DISTINCT p.principal_id) FROM principal p
    WHERE p.client_id = r.client_id AND p.position >= coalesce((
        SELECT max(q.position) FROM principal q
        WHERE q.client_id = r.client_id AND q.position < r.position
    ), 0)
) <= 1
ORDER BY r.reader_id
"""

HAS_EARNED = "SELECT 1 FROM commission_line WHERE payee_id = %(payee)s LIMIT 1"

_SUMMARY = """
SELECT payee_id, month, run_on, line_count, lines_cents, brought_forward_cents, paid_cents,
       carried_cents, pay_by, account_ending, recorded_at, after_position, through_position
FROM statement
"""
STATEMENT = _SUMMARY + "WHERE client_id = %(stream)s AND month = %(month)s"
STATEMENTS = (
    _SUMMARY
    + """
WHERE client_id = %(stream)s AND month < %(before)s ORDER BY month DESC LIMIT %(limit)s
"""
)
LATEST = _SUMMARY + "WHERE client_id = %(stream)s ORDER BY month DESC LIMIT 1"

UNPAID = """
SELECT count(*) AS line_count, coalesce(sum(share_cents), 0)::bigint AS lines_cents
FROM commission_line
WHERE payee_id = %(payee)s AND position > %(after_position)s
"""

# What was taken back is named by the payee's own statement: the latest with a line that paid the
# payee something on that client and coverage month, before this line. Positions decide, so the
# answer stays. Where there is none (it paid others only), the month that was settled stands.
LINES = """
SELECT l.client_id, c.name AS client_name, l.coverage_month, l.posted_on, l.posted_cents,
       l.subscriber_months, l.rate, l.commission_cents, l.share_cents,
       CASE WHEN l.posted_cents < 0 THEN coalesce(paid_by.month, l.takes_back_from) END
           AS takes_back_from,
       l.posting_transaction_id AS posting, l.transaction_id, l.number, l.position
FROM (
    SELECT * FROM commission_line l
    WHERE l.payee_id = %(payee)s
      AND l.position > %(after_position)s AND l.position <= %(through_position)s
      AND (%(from_first)s OR (l.client_id, l.coverage_month, l.posted_on, l.position, l.number) >
           (%(client)s, %(coverage_month)s, %(posted_on)s, %(position)s, %(number)s))
    ORDER BY l.client_id, l.coverage_month, l.posted_on, l.position, l.number
    LIMIT %(limit)s
) l
LEFT JOIN LATERAL (
    SELECT name FROM client c WHERE c.client_id = l.client_id LIMIT 1
) c ON true
LEFT JOIN LATERAL (
    SELECT s.month
    FROM (
        SELECT e.position FROM commission_line e
        WHERE e.client_id = l.client_id AND e.coverage_month = l.coverage_month
          AND e.payee_id = l.payee_id AND e.share_cents > 0
          AND (e.position, e.number) < (l.position, l.number)
        ORDER BY e.position DESC, e.number DESC
        LIMIT 1
    ) earlier
    CROSS JOIN LATERAL (
        SELECT month FROM statement s
        WHERE s.payee_id = l.payee_id AND s.through_position >= earlier.position
        ORDER BY s.through_position
        LIMIT 1
    ) s
) paid_by ON l.posted_cents < 0
ORDER BY l.client_id, l.coverage_month, l.posted_on, l.position, l.number
"""

YEARLY = """
SELECT extract(year FROM month)::int AS year, count(*) AS statements,
       sum(lines_cents)::bigint AS lines_cents, sum(paid_cents)::bigint AS paid_cents
FROM statement WHERE client_id = %(stream)s
GROUP BY 1 ORDER BY 1 DESC
"""

# The ids of payees with lines, one look-up in the index for each, from after one of them.
_WITH_LINES = """
earning AS (
    (SELECT l.payee_id FROM commission_line l
     WHERE l.payee_id > %(after)s ORDER BY l.payee_id LIMIT 1)
    UNION ALL
    SELECT (SELECT l.payee_id FROM commission_line l
            WHERE l.payee_id > e.payee_id ORDER BY l.payee_id LIMIT 1)
    FROM earning e WHERE e.payee_id IS NOT NULL
)
"""
PAYEES = f"""
WITH RECURSIVE {_WITH_LINES}
(SELECT payee_id FROM earning WHERE payee_id IS NOT NULL LIMIT %(limit)s)
UNION
(SELECT payee_id FROM payee
 WHERE payee_id > %(after)s ORDER BY payee_id LIMIT %(limit)s)
ORDER BY payee_id LIMIT %(limit)s
"""
# A statement has no line that was settled for a later month: such a payee waits for that one's run.
PAYEES_TO_PAY = f"""
WITH RECURSIVE {_WITH_LINES}
SELECT e.payee_id, coalesce(s.through_position, 0) AS after_position, u.line_count, u.lines_cents
FROM earning e
LEFT JOIN LATERAL (
    SELECT s.through_position, s.month FROM statement s
    WHERE s.payee_id = e.payee_id ORDER BY s.through_position DESC LIMIT 1
) s ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS line_count, coalesce(sum(l.share_cents), 0)::bigint AS lines_cents,
           max(l.statement_month) AS settled_for
    FROM commission_line l
    WHERE l.payee_id = e.payee_id
      AND l.position > coalesce(s.through_position, 0) AND l.position <= %(through_position)s
) u
WHERE e.payee_id IS NOT NULL AND u.settled_for <= %(month)s
  AND (s.month IS NULL OR s.month < %(month)s)
LIMIT %(limit)s
"""

# Settled is what came before the client's last settlement and was dated before its month.
CLIENTS_TO_SETTLE = """
SELECT a.client_id
FROM account a
LEFT JOIN settlement s ON s.client_id = a.client_id
WHERE a.client_id > %(after)s
  AND (s.statement_month IS NULL OR s.statement_month <= %(month)s)
  AND (
      EXISTS (
          SELECT 1 FROM posting p
          WHERE p.client_id = a.client_id AND p.posted_on < %(month)s
            AND p.position > coalesce(s.position, 0)
      )
      OR EXISTS (
          SELECT 1 FROM posting p
          WHERE p.client_id = a.client_id AND p.posted_on < %(month)s
            AND p.posted_on >= s.statement_month
      )
  )
ORDER BY a.client_id
LIMIT %(limit)s
"""
