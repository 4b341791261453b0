"""The addresses of the pages about the bakery."""

from __future__ import annotations

import httpx

from tests.adapters.commission_house import AGENCY
from tests.adapters.served import AGENT, HARBOR, SUBSCRIBER, Served

CLIENT = f"/audit/clients/{HARBOR}"
SPOUSE = "20260100010"
BEFORE, AFTER = "2026-03-03T12:00:00Z", "2026-03-05T12:00:00Z"
"""The spouse of handbook §9, covered from 9 February, was told between these two."""
FEBRUARY = "2026-02-20"


def transaction_of(api: Served, kind: str, index: int = 0) -> str:
    """The id of the bakery's newest transaction of a kind, or of an earlier one."""
    found = api.get(f"/v1/clients/{HARBOR}/transactions?type={kind}").json()["items"]
    return str(found[index]["transaction_id"])


def every_page(api: Served) -> dict[str, str]:
    """An address for each page, by the name of its route."""
    line = api.get(f"/v1/payees/{AGENCY}/statements/2026-06").json()["lines"][0]
    settled = f"{line['transaction_id']}/{line['number']}"
    explain = f"/audit/explain/clients/{HARBOR}"
    return {
        "audit_index": "/audit",
        "read_audit_book": f"/audit/book?producer_id={AGENT}&true_on={FEBRUARY}&known_at={AFTER}",
        "read_audit_client": f"{CLIENT}?true_on={FEBRUARY}&known_at={AFTER}",
        "read_audit_transaction": f"{CLIENT}/transactions/{transaction_of(api, 'add_dependent')}",
        "read_audit_changes": f"{CLIENT}/changes?from={BEFORE}&to={AFTER}",
        "read_audit_invoice": f"{CLIENT}/invoices/2026-04",
        "read_audit_accesses": f"/audit/accesses?client_id={HARBOR}",
        "explain_audit_premium": f"{explain}/members/{SUBSCRIBER}/premium/2026-04",
        "explain_audit_balance": f"{explain}/balance",
        "explain_audit_invoice_line": f"{explain}/invoices/2026-04/lines/8",
        "explain_audit_posting": (f"{explain}/postings/{transaction_of(api, 'post_payment')}/1"),
        "explain_audit_commission_line": (
            f"/audit/explain/payees/{AGENCY}/statements/2026-06/lines/{settled}"
        ),
    }


def fetched(api: Served, path: str, who: str | None = "auditor") -> httpx.Response:
    """What a browser that signed in as someone gets; redirects are not followed."""
    auth = None if who is None else ("anybody", api.tokens[who])
    return httpx.get(api.url + path, auth=auth, timeout=60)
