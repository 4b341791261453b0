"""Why a payee's part of a commission line is what it is (handbook §6).

The line records what it was computed from: the posting, the terms and the agent of record of the
coverage month. The events behind those give the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from domain.client.account import Posting
from domain.client.assign_agent_of_record import AgentOfRecordAssigned
from domain.client.bookings import PostingEvent, booked_on, source_of
from domain.client.set_commission_terms import CommissionTermsSet
from domain.client.settle_commission import CommissionLine, CommissionSettled
from domain.client.state import CommissionTerms
from domain.commission import banded_dollars, in_bands
from domain.explanation import Explanation, cited, facts, month_text
from domain.money import dollars


class Behind(NamedTuple):
    """What a line was computed from, found by the transactions that it names."""

    client_id: str
    agent: AgentOfRecordAssigned
    terms: CommissionTermsSet
    posting: PostingEvent
    year_before_cents: int | None
    """For graded terms: the premium posted before in the calendar year of the posting."""
    takes_back_from: date | None
    """For what is taken back: the month of the statement that paid it …"""
    paid_by: str | None
    """… and the transaction that settled what it paid."""


def line_of(settled: CommissionSettled, number: int) -> CommissionLine | None:
    """The line of that number, from 1; None beyond them."""
    return settled.lines[number - 1] if 0 < number <= len(settled.lines) else None


def explain_share(
    settled: CommissionSettled, transaction_id: str, line: CommissionLine, payee_id: str,
    behind: Behind,
) -> Explanation | None:  # fmt: skip
    """Why this payee has this share of the line; None if the payee has none.

    The other payees' parts are not told: each of them sees only their own (handbook §6).
    """
    place = next((n for n, s in enumerate(line.shares) if s.payee_id == payee_id), None)
    if place is None:
        return None
    cents, month = line.shares[place].cents, month_text(line.coverage_month)
    return Explanation(
        label=f"Payee {payee_id}: {dollars(cents)} of the commission on {month} of client "
        f"{behind.client_id}, for what was {_verb(line)} on {line.posted_on}.",
        cents=cents,
        facts=facts(
            payee=payee_id,
            client=behind.client_id,
            settled_for=settled.statement_month,
            posted_on=line.posted_on,
        ),
        transactions=(transaction_id,),
        children=(
            _share(line, place, behind.agent),
            _commission(line, behind),
            _agent(line, behind.agent),
            *_taken_back(line, behind),
        ),
    )


def year_before_cents(history: Sequence[tuple[str, PostingEvent]], line: CommissionLine) -> int:
    """The premium posted before a line's posting in the calendar year of that posting.

    ``history`` are the client's posting events in order, each with its transaction.
    """
    total = 0
    for transaction_id, event in history:
        posted_on = booked_on(event)
        for posting in event.postings:
            if transaction_id == line.posting and _is_of(line, posting):
                return total
            if posted_on.year == line.posted_on.year:
                total += posting.cents
    raise LookupError("a commission line names a posting that is not in the history")


def _is_of(line: CommissionLine, posting: Posting) -> bool:
    of_posting = posting.coverage_month, posting.cents, posting.subscriber_months
    return of_posting == (line.coverage_month, line.posted_cents, line.subscriber_months)


def payment_of_share(
    earlier: Sequence[tuple[str, Sequence[CommissionLine]]], month: date, payee_id: str
) -> str | None:
    """The transaction of the latest settlement with a line that paid on a coverage month.

    ``earlier`` are the lines settled before, in order, each with its transaction. A line that paid
    the payee counts more than one that paid only others. None if nothing was paid.
    """
    to_payee = to_anyone = None
    for transaction_id, lines in earlier:
        for line in lines:
            if line.coverage_month == month:
                if line.commission_cents > 0:
                    to_anyone = transaction_id
                if any(s.payee_id == payee_id and s.cents > 0 for s in line.shares):
                    to_payee = transaction_id
    return to_payee or to_anyone


# ── Who earns ──────────────────────────────────────────────────────────────────────────────────


def _share(line: CommissionLine, place: int, agent: AgentOfRecordAssigned) -> Explanation:
    cents, commission = line.shares[place].cents, dollars(line.commission_cents)
    points = agent.shares[place].basis_points
    percent = f"{points // 100}.{points % 100:02d} %"
    if len(line.shares) == 1:
        label = f"The whole commission goes to one payee: {dollars(cents)}."
    elif place == len(line.shares) - 1:
        others = dollars(line.commission_cents - cents)
        label = f"The last share takes the remainder: {commission} less {others} is "
        label += f"{dollars(cents)}."
    else:
        label = f"{percent} of {commission}, rounded half up to the cent, is "
        label += f"{dollars(cents)}."
    return Explanation(
        label=label,
        cents=cents,
        rule="§6",
        facts=facts(share=percent, place=place + 1),
        transactions=(line.agent,),
    )


def _agent(line: CommissionLine, agent: AgentOfRecordAssigned) -> Explanation:
    return Explanation(
        label=f"Agent of record of {month_text(line.coverage_month)}: producer {line.producer_id}, "
        f"of agency {agent.agency_id}, from {agent.first_day} on.",
        rule="§6",
        facts=facts(
            producer=line.producer_id,
            agency=agent.agency_id,
            first_day=agent.first_day,
            paid_to=agent.payee,
        ),
        transactions=(line.agent,),
    )


def _taken_back(line: CommissionLine, behind: Behind) -> Iterator[Explanation]:
    if line.posted_cents < 0 and behind.takes_back_from is not None:
        statement = behind.takes_back_from
        yield Explanation(
            label=f"What is taken back was paid by the statement of {month_text(statement)}: the "
            f"latest that paid on {month_text(line.coverage_month)}.",
            rule="§6",
            facts=facts(statement=statement),
            transactions=cited(behind.paid_by),
        )


# ── What is earned ─────────────────────────────────────────────────────────────────────────────


def _commission(line: CommissionLine, behind: Behind) -> Explanation:
    terms, result = behind.terms.terms, dollars(line.commission_cents)
    posted, months = dollars(line.posted_cents), line.subscriber_months
    if terms.kind == "percent":
        label = f"{terms.percent} % of {posted}, rounded half up to the cent, is {result}."
    elif terms.kind == "pmpm":
        label = f"{counted(months)} × {dollars(terms.pmpm_cents or 0)} is {result}."
    else:
        label = "What the bands give on the year's premium after the posting, less what they gave "
        label += f"before it, rounded half up to the cent, is {result}."
    return Explanation(
        label=label,
        cents=line.commission_cents,
        rule="§6",
        children=(_posted(line, behind.posting), _terms(line, behind.terms), *_bands(line, behind)),
    )


def _posted(line: CommissionLine, event: PostingEvent) -> Explanation:
    months = line.subscriber_months
    count = ""
    if months:
        count = f"; {counted(abs(months))} {'fully posted' if months > 0 else 'taken back'}"
    return Explanation(
        label=f"{dollars(abs(line.posted_cents))} was {_verb(line)} for "
        f"{month_text(line.coverage_month)} on {line.posted_on} by {source_of(event)}{count}.",
        cents=line.posted_cents,
        facts=facts(
            coverage_month=line.coverage_month,
            posted_on=line.posted_on,
            subscriber_months=months or None,
        ),
        transactions=(line.posting,),
    )


def _verb(line: CommissionLine) -> str:
    return "taken back" if line.posted_cents < 0 else "posted"


def counted(months: int) -> str:
    """So many subscriber-months, in words."""
    return f"{months} subscriber-month" + ("" if abs(months) == 1 else "s")


def _terms(line: CommissionLine, event: CommissionTermsSet) -> Explanation:
    return Explanation(
        label=f"Terms of {month_text(line.coverage_month)}: {line.terms_kind}, {line.rate}, from "
        f"{event.first_day} on.",
        facts=facts(kind=line.terms_kind, rate=line.rate, first_day=event.first_day),
        transactions=(line.terms,),
    )


def _bands(line: CommissionLine, behind: Behind) -> Iterator[Explanation]:
    """Of graded terms: what the bands give on the year's premium before and after the posting."""
    before, terms = behind.year_before_cents, behind.terms.terms
    if terms.kind == "graded" and before is not None:
        year = line.posted_on.year
        yield _banded(terms, before, f"before it in {year}")
        yield _banded(terms, before + line.posted_cents, f"in {year} after it")


def _banded(terms: CommissionTerms, year_cents: int, when: str) -> Explanation:
    given = banded_dollars(terms.bands, year_cents)
    return Explanation(
        label=f"{dollars(year_cents)} was posted {when}: the bands give {given:f} on it.",
        facts=facts(posted=dollars(year_cents), bands_give=f"{given:f}"),
        children=tuple(
            Explanation(
                label=f"{band.percent} % of the {dollars(cents)} in the band "
                + ("above." if band.up_to_cents is None else f"up to {dollars(band.up_to_cents)}."),
                facts=facts(percent=band.percent, premium=dollars(cents)),
            )
            for band, cents in in_bands(terms.bands, year_cents)
        ),
    )
