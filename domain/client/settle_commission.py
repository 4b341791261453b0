"""Settle commission: "The month's run works out what this client's postings have earned."

The statement of a month pays on what was posted in the months before it, one line for each coverage
month and posting. The agent of record of the coverage month earns, by the terms of the coverage
month. A negative posting takes back, from the latest statement that paid on that coverage month
(handbook §6). What is settled is recorded, and never settled again; what is recorded after the run,
though dated before, waits for the next.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

from msgspec import Struct

from domain.client.account import Unsettled
from domain.client.account_days import require_first_of_month
from domain.client.inputs import Day
from domain.client.state import Client, CommissionTerms
from domain.client.timeline import in_force
from domain.commission import commission_cents, split
from domain.kernel import Cause, Command, Context, Event, Refusal
from domain.money import dollars

STATEMENT_TOO_EARLY = Refusal(
    "statement_too_early",
    "The statement of a month pays on what was posted before it: {month} has not begun.",
)
SETTLEMENT_OUT_OF_ORDER = Refusal(
    "settlement_out_of_order", "{latest} has been settled already: {month} is before it."
)


class PayeeShare(Struct, frozen=True):
    """A payee's part of a line."""

    payee_id: str
    cents: int


class CommissionLine(Struct, frozen=True, omit_defaults=True):
    """What a client, coverage month and posting earned, or lost."""

    coverage_month: date
    posting: str
    """The transaction that posted: a payment, or the run that produced an invoice."""
    posted_on: date
    posted_cents: int
    subscriber_months: int
    terms: str
    """The transaction that set the terms."""
    terms_kind: Literal["percent", "pmpm", "graded"]
    rate: str
    """The percent; the dollars for each subscriber-month; for graded terms the percents' range."""
    agent: str
    """The transaction that assigned the agent of record."""
    producer_id: str
    commission_cents: int
    shares: tuple[PayeeShare, ...]
    """They add up to the commission."""
    takes_back_from: date | None = None
    """Of a negative posting: the month of the latest statement that paid on the coverage month."""


class CommissionSettled(Event, frozen=True, kw_only=True):
    """What a client's postings earned was worked out for a statement month."""

    type: ClassVar[str] = "commission_settled"
    statement_month: date
    postings: int
    """So many of the postings that were waiting, all dated before the statement month."""
    lines: tuple[CommissionLine, ...]

    def evolve(self, client: Client, cause: Cause) -> None:
        account = client.account
        account.settled_through = self.statement_month
        account.unsettled = [
            posting for posting in account.unsettled if posting.posted_on >= self.statement_month
        ]
        for line in self.lines:
            if line.commission_cents > 0:
                account.paid_by_statement[line.coverage_month] = self.statement_month

    def takes_effect_on(self) -> date:
        return self.statement_month


class SettleCommission(Command):
    """Work out what a client's postings have earned, for a statement month."""

    sent_by: ClassVar = "carrier"
    title: ClassVar = "Settle commission"
    example: ClassVar = {"type": "settle_commission", "statement_month": "2026-05-01"}

    type: Literal["settle_commission"] = "settle_commission"
    statement_month: Day
    """The 1st of the month: postings dated before it are settled."""

    def asks_effect_on(self) -> date:
        return self.statement_month

    def decide(self, client: Client, context: Context) -> list[Event]:
        month = self.statement_month
        require_first_of_month(month)
        if month > context.received_on:
            raise STATEMENT_TOO_EARLY.because(month=month)
        account = client.account
        if account.settled_through is not None and month < account.settled_through:
            raise SETTLEMENT_OUT_OF_ORDER.because(latest=account.settled_through, month=month)
        settled = [posting for posting in account.unsettled if posting.posted_on < month]
        if not settled:
            return []
        paid_by = dict(account.paid_by_statement)
        lines = []
        for posting in settled:
            line = _line(client, posting, paid_by.get(posting.coverage_month))
            if line is not None:
                lines.append(line)
                if line.commission_cents > 0:
                    paid_by[line.coverage_month] = month
        return [CommissionSettled(statement_month=month, postings=len(settled), lines=tuple(lines))]


def _line(client: Client, posting: Unsettled, paid_by: date | None) -> CommissionLine | None:
    """The line of a posting; None where nobody earns on its coverage month."""
    agent = in_force(client.agents, posting.coverage_month)
    terms = in_force(client.terms, posting.coverage_month)
    if agent is None or terms is None:
        return None
    cents = commission_cents(
        terms.terms, posting.cents, posting.subscriber_months, posting.year_before_cents
    )
    parts = zip(agent.shares, split(cents, agent.shares), strict=True)
    return CommissionLine(
        coverage_month=posting.coverage_month,
        posting=posting.transaction_id,
        posted_on=posting.posted_on,
        posted_cents=posting.cents,
        subscriber_months=posting.subscriber_months,
        terms=terms.transaction_id,
        terms_kind=terms.terms.kind,
        rate=_rate(terms.terms),
        agent=agent.transaction_id,
        producer_id=agent.producer_id,
        commission_cents=cents,
        shares=tuple(PayeeShare(share.payee_id, part) for share, part in parts),
        takes_back_from=paid_by if posting.cents < 0 else None,
    )


def _rate(terms: CommissionTerms) -> str:
    if terms.kind == "percent":
        return f"{terms.percent} %"
    if terms.kind == "pmpm":
        return f"{dollars(terms.pmpm_cents or 0)} a month"
    return " / ".join(f"{band.percent} %" for band in terms.bands)
