"""The reference of commission: each posting's line, from all that was recorded (handbook §6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from domain.client.assign_agent_of_record import AgentOfRecordAssigned
from domain.client.set_commission_terms import CommissionTermsSet
from domain.client.settle_commission import CommissionLine, PayeeShare
from domain.client.state import Band, CommissionTerms, Share
from tests.billing.funds import Entry
from tests.domain.premium_by_days import half_up


@dataclass
class Payroll:
    """Who earns on a client, by which terms, and what was settled so far."""

    terms: list[tuple[str, CommissionTermsSet]] = field(default_factory=list)
    """In the order recorded, each with its transaction."""
    agents: list[tuple[str, AgentOfRecordAssigned]] = field(default_factory=list)
    paid_on: dict[date, date] = field(default_factory=dict)
    """By coverage month: the latest statement that paid on it."""
    lines: list[CommissionLine] = field(default_factory=list)

    def terms_of(self, month: date) -> tuple[str, CommissionTerms] | None:
        """Those of a coverage month: the last recorded that had begun by then."""
        found = [(by, event.terms) for by, event in self.terms if event.first_day <= month]
        return found[-1] if found else None

    def agent_of(self, month: date) -> tuple[str, AgentOfRecordAssigned] | None:
        """The agent of record of a coverage month, likewise."""
        found = [(by, event) for by, event in self.agents if event.first_day <= month]
        return found[-1] if found else None

    def settle(self, statement: date, entries: list[Entry]) -> tuple[int, list[CommissionLine]]:
        """How many postings the statement of a month is about, and its lines."""
        found, count = [], 0
        for index, entry in enumerate(entries):
            if entry.is_settled or entry.on >= statement:
                continue
            entry.is_settled = True
            count += 1
            line = self._line(entry, year_before(entries[:index], entry.on.year))
            if line is not None:
                found.append(line)
                if line.commission_cents > 0:
                    self.paid_on[line.coverage_month] = statement
        self.lines += found
        return count, found

    def _line(self, entry: Entry, before: int) -> CommissionLine | None:
        terms, agent = self.terms_of(entry.month), self.agent_of(entry.month)
        if terms is None or agent is None:
            return None
        cents = half_up(earned(terms[1], entry, before))
        is_negative = entry.cents < 0 or entry.subscriber_months < 0
        return CommissionLine(
            coverage_month=entry.month,
            posting=entry.transaction_id,
            posted_on=entry.on,
            posted_cents=entry.cents,
            subscriber_months=entry.subscriber_months,
            terms=terms[0],
            terms_kind=terms[1].kind,
            rate=rate_of(terms[1]),
            agent=agent[0],
            producer_id=agent[1].producer_id,
            commission_cents=cents,
            shares=shares_of(cents, agent[1].shares),
            takes_back_from=self.paid_on.get(entry.month) if is_negative else None,
        )


def earned(terms: CommissionTerms, entry: Entry, before: int) -> Decimal:
    """What a posting earns, in cents, not yet rounded."""
    if terms.kind == "pmpm":
        assert terms.pmpm_cents is not None
        return Decimal(entry.subscriber_months * terms.pmpm_cents)
    if terms.kind == "percent":
        assert terms.percent is not None
        return entry.cents * Decimal(terms.percent) / 100
    return banded(terms.bands, before + entry.cents) - banded(terms.bands, before)


def year_before(entries: list[Entry], year: int) -> int:
    """The premium that these postings brought to a calendar year."""
    return sum(entry.cents for entry in entries if entry.on.year == year)


def banded(bands: tuple[Band, ...], cents: int) -> Decimal:
    """What the bands give on the premium of a year; a year below zero is in the first band."""
    if cents < 0:
        return cents * Decimal(bands[0].percent) / 100
    total, lower = Decimal(0), 0
    for band in bands:
        upper = cents if band.up_to_cents is None else min(cents, band.up_to_cents)
        total += max(0, upper - lower) * Decimal(band.percent) / 100
        lower = upper
    return total


def shares_of(cents: int, shares: tuple[Share, ...]) -> tuple[PayeeShare, ...]:
    """Each rounded half up in the order given; the last one takes the remainder."""
    found = [
        PayeeShare(share.payee_id, half_up(cents * Decimal(share.basis_points) / 10_000))
        for share in shares[:-1]
    ]
    rest = cents - sum(share.cents for share in found)
    return (*found, PayeeShare(shares[-1].payee_id, rest))


def rate_of(terms: CommissionTerms) -> str:
    """How a line states its rate."""
    if terms.kind == "pmpm":
        return f"{Decimal(terms.pmpm_cents or 0) / 100:.2f} a month"
    percents = [terms.percent] if terms.kind == "percent" else [b.percent for b in terms.bands]
    return " / ".join(f"{percent} %" for percent in percents)
