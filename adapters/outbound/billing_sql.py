"""The SQL of reads of billing: each page is cut in a primary key's index before it is joined."""

from __future__ import annotations

_MEMBER = """
LEFT JOIN LATERAL (
    SELECT first_name || ' ' || last_name AS member_name, relationship
    FROM member
    WHERE client_id = %(client)s AND member_id = {0}.member_id
    LIMIT 1
) m ON true
"""
"""Joins who a line is about, as the book has them today; a look-up for each line of the page."""

ACCOUNT = """
SELECT billed_cents AS billed, posted_cents AS posted, open_cents AS open,
       funds_cents AS payments, credit_cents AS credit, balance_cents AS balance,
       billed_through, next_month, last_run_on
FROM account WHERE client_id = %(client)s
"""
ACCOUNT_ON = """
SELECT billed, posted, billed - posted AS open, payments, payments - posted AS credit,
       billed - payments AS balance, i.billed_through,
       coalesce((i.billed_through + interval '1 month')::date, a.first_month) AS next_month,
       i.last_run_on
FROM account a, (
    SELECT coalesce(sum(current_cents + adjustments_cents), 0)::bigint AS billed,
           max(month) AS billed_through, max(run_on) AS last_run_on
    FROM invoice WHERE client_id = %(client)s AND run_on <= %(true_on)s
) i, (
    SELECT coalesce(sum(cents), 0)::bigint AS posted
    FROM posting WHERE client_id = %(client)s AND posted_on <= %(true_on)s
) p, (
    SELECT coalesce(sum(cents), 0)::bigint AS payments
    FROM funds WHERE client_id = %(client)s AND paid_on <= %(true_on)s
) f
WHERE a.client_id = %(client)s
"""
"""The account when nothing dated later had happened (handbook §5: charges billed = posted + open,
payments = posted + credit)."""

_INVOICE = """
SELECT client_id, month, run_on, due_on, prior_balance_cents, current_cents, adjustments_cents,
       total_cents, line_count, adjustment_count, subscriber_count, transaction_id, recorded_at
FROM invoice WHERE client_id = %(client)s
"""
INVOICE = _INVOICE + "AND month = %(month)s"
INVOICES = (
    _INVOICE
    + """
  AND month >= %(since)s AND month < %(before)s
  AND (%(true_on)s::date IS NULL OR run_on <= %(true_on)s)
ORDER BY month DESC LIMIT %(limit)s
"""
)

LINES = f"""
SELECT l.number, l.kind, l.month, l.subscriber_id, l.member_id, m.member_name, m.relationship,
       l.plan_id, l.subgroup_id, l.tier, l.cents, l.billed_before_cents,
       l.cause_transaction_id AS transaction_id, l.cause_type, l.cause_received_on,
       l.cause_effective_on, l.cause_member_id
FROM (
    SELECT * FROM invoice_line
    WHERE client_id = %(client)s AND invoice_month = %(month)s
      AND number BETWEEN %(first)s AND %(last)s AND number > %(after)s
      AND (%(subscriber)s::text IS NULL OR subscriber_id = %(subscriber)s)
    ORDER BY number LIMIT %(limit)s
) l {_MEMBER.format("l")}
ORDER BY l.number
"""

OPEN_ITEMS = f"""
SELECT c.month, c.subscriber_id, c.member_id, m.member_name, c.open_cents
FROM (
    SELECT * FROM open_charge
    WHERE client_id = %(client)s
      AND (month, subscriber_id, member_id)
          > (%(after_month)s, %(after_subscriber)s, %(after_member)s)
    ORDER BY month, subscriber_id, member_id LIMIT %(limit)s
) c {_MEMBER.format("c")}
ORDER BY c.month, c.subscriber_id, c.member_id
"""

# A posting of 0.00 only tells commission that a subscriber-month is paid in full.
POSTINGS = """
SELECT position, number, coverage_month, posted_on, cents, source, transaction_id
FROM posting
WHERE client_id = %(client)s AND coverage_month >= %(since)s AND cents <> 0
  AND (position, number) < (%(before_position)s, %(before_number)s)
ORDER BY position DESC, number DESC LIMIT %(limit)s
"""

FUNDS = """
SELECT position, kind, cents, paid_on, reference, transaction_id, payment, recorded_at
FROM funds
WHERE client_id = %(client)s AND paid_on >= %(since)s AND position < %(before_position)s
ORDER BY position DESC LIMIT %(limit)s
"""
