"""What is printed on a PDF, and invoices and statements to print."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import chain
from typing import Any, NamedTuple

from msgspec.structs import replace
from pypdfium2 import PdfDocument

from adapters.outbound.billing_views import (
    CommissionLineView,
    InvoiceLineView,
    InvoiceSummary,
    InvoiceView,
    StatementSummary,
    StatementView,
)
from domain.money import dollars, parse_cents

JUNE = date(2026, 6, 1)
_HYPHEN_AT_THE_END = "\ufffe"
"""What the reader gives for a hyphen where a line ends."""


# ── What is printed ────────────────────────────────────────────────────────────────────────────


def pages(pdf: bytes) -> list[list[str]]:
    """The lines of text on each page."""
    texts = (page.get_textpage().get_text_range() for page in PdfDocument(pdf))
    return [text.replace(_HYPHEN_AT_THE_END, "-\n").splitlines() for text in texts]


def lines(pdf: bytes) -> list[str]:
    """All lines of text."""
    return [line for page in pages(pdf) for line in page]


def figures(pdf: bytes) -> list[str]:
    """The lines that have an amount in them."""
    return [line for line in lines(pdf) if "$" in line]


class Box(NamedTuple):
    """Where a piece of text is, in points from the bottom left corner."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: Box) -> bool:
        """Whether they cover each other, by more than a hair."""
        across = min(self.right, other.right) - max(self.left, other.left)
        upwards = min(self.top, other.top) - max(self.bottom, other.bottom)
        return across > 0.5 and upwards > 0.5


def boxes(pdf: bytes) -> list[list[Box]]:
    """The pieces of text on each page."""
    texts = [page.get_textpage() for page in PdfDocument(pdf)]
    return [[Box(*text.get_rect(n)) for n in range(text.count_rects())] for text in texts]


# ── Invoices to print ──────────────────────────────────────────────────────────────────────────


def charge(member_id: int, cents: int, **about: Any) -> InvoiceLineView:
    """A line of the month, by default of a subscriber."""
    unsaid = ("relationship", "tier", "billed_before", "reason", "reason_text", "transaction_id")
    facts: dict[str, Any] = dict.fromkeys(unsaid)
    facts |= {"number": 1, "kind": "current", "month": JUNE, "subscriber_id": f"{member_id:011}"}
    facts |= {"member_name": "Ana Ruiz", "plan_id": "SILVER", "subgroup_id": "MAIN"}
    return InvoiceLineView(member_id=f"{member_id:011}", amount=dollars(cents), **facts | about)


def family(first_id: int, people: int, **about: Any) -> list[InvoiceLineView]:
    """A subscriber with children; 100.00 for each."""
    subscriber = charge(first_id, 100_00, **about)
    of_child = {"subscriber_id": subscriber.member_id, "relationship": "child"} | about
    return [subscriber, *(charge(first_id + n, 100_00, **of_child) for n in range(1, people))]


def adjusted(
    line: InvoiceLineView, months: Sequence[int], cents: int, reason: str, transaction_id: str
) -> list[InvoiceLineView]:
    """Adjustments of a member in months of 2026 that cost 100.00 before."""
    about = {"kind": "adjustment", "billed_before": "100.00", "amount": dollars(cents)}
    about |= {"reason": "change_plan", "reason_text": reason, "transaction_id": transaction_id}
    return [replace(line, month=date(2026, month, 1), **about) for month in months]


def invoice(*parts: Sequence[InvoiceLineView], prior_cents: int = 0, **about: Any) -> InvoiceView:
    """The invoice of June 2026 with these lines, its sums as they come out."""
    found = [replace(line, number=n) for n, line in enumerate(chain.from_iterable(parts), 1)]
    by_kind = {
        kind: [line for line in found if line.kind == kind] for kind in ("current", "adjustment")
    }
    sums = {kind: sum(parse_cents(line.amount) for line in by_kind[kind]) for kind in by_kind}
    total = prior_cents + sum(sums.values())
    summary = InvoiceSummary(
        client_id="C-200",
        month=JUNE,
        run_on=date(2026, 5, 15),
        due_on=JUNE,
        prior_balance=dollars(prior_cents),
        current=dollars(sums["current"]),
        adjustments=dollars(sums["adjustment"]),
        total=dollars(total),
        due=dollars(max(0, total)),
        credit_carried=dollars(max(0, -total)),
        line_count=len(by_kind["current"]),
        adjustment_count=len(by_kind["adjustment"]),
        subscriber_count=len({line.subscriber_id for line in by_kind["current"]}),
        transaction_id="0" * 32,
        recorded_at=datetime(2026, 5, 15, tzinfo=UTC),
    )
    facts = {"client_name": "Two Hundred", "billing_contact": "866-204-3132", **about}
    return InvoiceView(summary=summary, lines=found, **facts)


# ── Statements to print ────────────────────────────────────────────────────────────────────────


def earned(client_id: str, posted_cents: int, cents: int, **about: Any) -> CommissionLineView:
    """A line of a statement, for April 2026."""
    facts: dict[str, Any] = {"client_name": "Harbor Bakery", "coverage_month": date(2026, 4, 1)}
    facts |= {"posted_on": date(2026, 5, 15), "subscriber_months": 1, "takes_back_from": None}
    facts |= {"posting": "1" * 32, "transaction_id": "2" * 32, "number": 1, "rate": "4 %"}
    facts |= {"commission": dollars(cents), "share": dollars(cents)}
    return CommissionLineView(client_id=client_id, posted=dollars(posted_cents), **facts | about)


def statement(*earnings: CommissionLineView, brought_cents: int = 0, **about: Any) -> StatementView:
    """The statement of June 2026 with these lines, its sums as they come out."""
    sum_cents = sum(parse_cents(line.share) for line in earnings)
    total = sum_cents + brought_cents
    facts: dict[str, Any] = {"pay_by": "check", "account_ending": None, **about}
    summary = StatementSummary(
        payee_id="A-10",
        month=JUNE,
        run_on=date(2026, 6, 5),
        line_count=len(earnings),
        lines_total=dollars(sum_cents),
        brought_forward=dollars(brought_cents),
        paid=dollars(max(0, total)),
        carried_forward=dollars(min(0, total)),
        recorded_at=datetime(2026, 6, 5, tzinfo=UTC),
        **facts,
    )
    return StatementView(summary=summary, payee_name=None, lines=list(earnings))
