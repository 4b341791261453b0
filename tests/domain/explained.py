"""Explanations as tests read them: a history from its first command on, and a line's tree.

``adds_up`` reckons every figure of a tree again, from its sentences alone: by what a reader of them
would use, a pocket calculator.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from domain.catalog import COMMANDS
from domain.client.assign_agent_of_record import AgentOfRecordAssigned
from domain.client.bookings import Booked, PostingEvent
from domain.client.explaining_balance import explain_balance
from domain.client.explaining_commission import (
    Behind,
    explain_share,
    payment_of_share,
    year_before_cents,
)
from domain.client.explaining_invoices import Produced, explain_line
from domain.client.explaining_postings import explain_posting
from domain.client.post_payment import CreditRefunded, PaymentBounced, PaymentPosted
from domain.client.produce_invoice import InvoiceProduced
from domain.client.set_commission_terms import CommissionTermsSet
from domain.client.settle_commission import CommissionSettled
from domain.client.sources import Sources
from domain.client.state import Client, PartMonthRule, Segment
from domain.explanation import Explanation
from domain.kernel import Command
from schemas.envelope import Recorded
from tests.domain.bills import bill, run_day
from tests.domain.families import person
from tests.domain.given import CLIENT, OPENED
from tests.projections.histories import History

KIDS = [person(f"2000000000{n}", "child", date(2006 + 2 * n, 3, 1)) for n in range(1, 5)]
"""Four children, the oldest first: 17, 15, 13 and 11 on 2026-01-01."""
SIZES: dict[Segment, str] = {"small_group": "7", "large_group": "80"}
TIERS = {"EMP": "500.00", "ESP": "1000.00", "ECH": "900.00", "FAM": "1500.00"}
BEFORE = date(2025, 12, 1)
"""When the client of these histories is opened; transaction t1 does it."""


def opened(
    rule: PartMonthRule = "full_month",
    segment: Segment = "small_group",
    gold: str = "480.00",
    silver: str = "410.00",
) -> History:
    """A group with division MAIN (t2) and the plans GOLD (t3) and SILVER (t4)."""
    history = History()
    rates = {"GOLD": {"base": gold}, "SILVER": {"base": silver}}
    if segment == "large_group":
        rates = {"GOLD": {"tiers": TIERS}, "SILVER": {"tiers": TIERS}}
    about: dict[str, Any] = {"segment": segment, "county": "Hartford", "part_month_rule": rule}
    size = {"full_time_employees": SIZES[segment], "part_time_hours": "0"}
    tell(history, "open_client", BEFORE, name="Harbor Bakery", effective_on=OPENED, **about, **size)
    tell(history, "add_subgroup", BEFORE, subgroup_id="MAIN", name="Main", effective_on=OPENED)
    for plan_id, rate in rates.items():
        offer = {"plan_id": plan_id, "name": plan_id, "subgroup_id": "MAIN", "rate": rate}
        tell(history, "offer_plan", BEFORE, effective_on=OPENED, **offer)
    return history


def tell(history: History, what: str | Command, on: date, **facts: Any) -> str:
    """Something happens, and is not refused; its transaction."""
    command = COMMANDS[what].model_validate(facts) if isinstance(what, str) else what
    history.accept(command, on)
    return f"t{history.sent}"


def billed(history: History, *months: date) -> None:
    """These months are billed on their days, or as soon as can be."""
    for month in months:
        now = history.events[-1].cause.received_at.date()
        tell(history, bill(month), max(run_day(month), now))


# ── Lines ──────────────────────────────────────────────────────────────────────────────────────


def why(history: History, month: date, number: int) -> Explanation:
    """Why a line of the invoice of a month is what it is, by everything before the run."""
    (run,) = (e for e in history.events if is_invoice(e, month))
    return why_line(history.events, run, number)


def is_invoice(recorded: Recorded, month: date) -> bool:
    """Whether this is the invoice of a month."""
    return isinstance(recorded.event, InvoiceProduced) and recorded.event.month == month


def why_line(events: list[Recorded], run: Recorded, number: int) -> Explanation:
    """The same, for a run of one client's events."""
    assert isinstance(run.event, InvoiceProduced)
    client, sources, earlier = Client(CLIENT), Sources(), []
    for recorded in events[: events.index(run)]:
        recorded.evolve(client)
        sources.note(recorded.event, recorded.cause)
        if isinstance(recorded.event, InvoiceProduced):
            earlier.append(Produced(recorded.event, recorded.cause.transaction_id))
    produced = Produced(run.event, run.cause.transaction_id)
    return explain_line(client, sources, produced, number, earlier)


def line_number(history: History, month: date, member_id: str, of: date | None = None) -> int:
    """The number of a member's line on the invoice of a month; ``of`` an earlier one."""
    (event,) = (e.event for e in history.events if is_invoice(e, month))
    assert isinstance(event, InvoiceProduced)
    lines = [(line.member_id, None) for line in event.lines]
    lines += [(line.member_id, line.month) for line in event.adjustments]
    return lines.index((member_id, of)) + 1


def booked(events: Iterable[Recorded]) -> list[Booked]:
    """What moved the account."""
    moving = InvoiceProduced | PaymentPosted | PaymentBounced | CreditRefunded
    return [Booked(e.event, e.cause) for e in events if isinstance(e.event, moving)]


def why_balance(history: History, events: Sequence[Recorded] | None = None) -> Explanation:
    """Why the client owes what it owes, by these events of it or all."""
    return explain_balance(CLIENT, booked(history.events if events is None else events))


def why_posting(history: History, transaction_id: str, number: int) -> Explanation:
    """Why a posting of a transaction is what it is."""
    events = booked(history.events)
    (index,) = (n for n, each in enumerate(events) if each.transaction_id == transaction_id)
    return explain_posting(CLIENT, events[:index], events[index], number)


def why_share(
    events: list[Recorded],
    settled: Recorded,
    number: int,
    payee_id: str,
    statement: date | None = None,
) -> Explanation | None:
    """Why a payee's part of a settlement's line is what it is; ``statement`` paid what it takes."""
    assert isinstance(settled.event, CommissionSettled)
    line = settled.event.lines[number - 1]
    before = [(e.cause.transaction_id, e.event) for e in events[: events.index(settled)]]
    agents = {by: event for by, event in before if isinstance(event, AgentOfRecordAssigned)}
    terms = {by: event for by, event in before if isinstance(event, CommissionTermsSet)}
    postings: list[tuple[str, PostingEvent]] = [
        (by, event)
        for by, event in before
        if isinstance(event, InvoiceProduced | PaymentPosted | PaymentBounced)
    ]
    earlier = [(by, event.lines) for by, event in before if isinstance(event, CommissionSettled)]
    earlier.append((settled.cause.transaction_id, settled.event.lines[: number - 1]))
    is_graded = line.terms_kind == "graded"
    behind = Behind(
        client_id=CLIENT,
        agent=agents[line.agent],
        terms=terms[line.terms],
        posting=dict(postings)[line.posting],
        year_before_cents=year_before_cents(postings, line) if is_graded else None,
        takes_back_from=statement,
        paid_by=payment_of_share(earlier, line.coverage_month, payee_id),
    )
    return explain_share(settled.event, settled.cause.transaction_id, line, payee_id, behind)


# ── Trees ──────────────────────────────────────────────────────────────────────────────────────


def steps(tree: Explanation) -> Iterator[Explanation]:
    """Every step, the root first."""
    yield tree
    for child in tree.children:
        yield from steps(child)


def step(tree: Explanation, containing: str) -> Explanation:
    """The one step whose sentence contains this."""
    found = [each for each in steps(tree) if containing in each.label]
    assert len(found) == 1, [each.label for each in steps(tree)]
    return found[0]


def sentences(tree: Explanation, indent: str = "") -> list[str]:
    """The tree as people read it, with the transactions of each step."""
    said = " ".join([indent + tree.label, *tree.transactions])
    return [said, *(line for child in tree.children for line in sentences(child, indent + "  "))]


# ── Does it add up? ────────────────────────────────────────────────────────────────────────────

_AMOUNT = r"(-?\d+\.\d\d)"
_CENT = Decimal("0.01")


def adds_up(tree: Explanation) -> None:
    """Each step comes to what its sentence says, and to what the steps below it give."""
    for each in steps(tree):
        assert each.label[-1] == ".", each.label
        assert len(set(each.transactions)) == len(each.transactions)
        if each.cents is not None:
            said = [abs(Decimal(amount)) for amount in re.findall(_AMOUNT, each.label)]
            assert abs(_dollars(each)) in said or not each.cents, each.label
        _reckoned(each)
        _from_below(each)


def _dollars(each: Explanation) -> Decimal:
    assert each.cents is not None, each.label
    return Decimal(each.cents).scaleb(-2)


def _half_up(exact: Decimal) -> Decimal:
    return exact.quantize(_CENT, ROUND_HALF_UP)


def _reckoned(each: Explanation) -> None:
    """The calculation that a sentence writes out."""
    if found := re.search(rf"{_AMOUNT} × (\d\.\d\d\d), rounded .* is {_AMOUNT}", each.label):
        base, factor, result = map(Decimal, found.groups())
        assert result == _half_up(base * factor), each.label
        assert [base, factor] == [_dollars(each.children[0]), Decimal(_fact(each.children[1]))]
    if found := re.search(rf"102 % of {_AMOUNT}, rounded .* is {_AMOUNT}", each.label):
        before, result = map(Decimal, found.groups())
        assert result == _half_up(before * Decimal("1.02")), each.label
        assert before == _dollars(each.children[0])
    if found := re.search(rf"{_AMOUNT} × (\d+) ÷ (\d+) = {_AMOUNT}", each.label):
        full, days, of, result = map(Decimal, found.groups())
        assert result == _half_up(full * days / of), each.label
    if found := re.match(rf"(\S+) % of {_AMOUNT}, rounded .* is {_AMOUNT}", each.label):
        percent, whole, result = map(Decimal, found.groups())
        assert result == _half_up(whole * percent / 100), each.label
        assert not each.children or whole == _dollars(each.children[0]), each.label
    if found := re.match(rf"(-?\d+) subscriber-months? × {_AMOUNT} is {_AMOUNT}", each.label):
        months, dollars, result = map(Decimal, found.groups())
        assert result == months * dollars, each.label
    if found := re.search(rf"remainder: {_AMOUNT} less {_AMOUNT} is {_AMOUNT}", each.label):
        whole, others, result = map(Decimal, found.groups())
        assert result == whole - others, each.label
    if found := re.search(r"the bands give (\S+) on it", each.label):
        parts = [re.match(rf"(\S+) % of the {_AMOUNT}", child.label) for child in each.children]
        given = [Decimal(part[1]) * Decimal(part[2]) / 100 for part in parts if part]
        assert Decimal(found[1]) == sum(given), each.label
        assert len(given) == len(parts)

    _reckoned_of_account(each)


def _reckoned_of_account(each: Explanation) -> None:
    """The same of what was billed, paid and posted."""
    for of in re.finditer(rf"{_AMOUNT} [a-z ]+ less {_AMOUNT} [a-z ]+ is {_AMOUNT}", each.label):
        whole, part, result = map(Decimal, of.groups())
        assert result == whole - part, each.label
    if found := re.search(rf"{_AMOUNT} open; {_AMOUNT} of it is paid", each.label):
        assert 0 < Decimal(found[2]) <= Decimal(found[1]), each.label
    if found := re.search(rf"{_AMOUNT} posted; {_AMOUNT} of it is open again", each.label):
        assert 0 < Decimal(found[2]) <= Decimal(found[1]), each.label
    if found := re.search(rf"of {_AMOUNT} .* and {_AMOUNT} .* the smaller, {_AMOUNT}", each.label):
        one, other, result = map(Decimal, found.groups())
        assert result == min(one, other), each.label
        assert [one, other][: len(each.children)] == [_dollars(child) for child in each.children]
    if found := re.search(rf"{_AMOUNT} less is billed; {_AMOUNT} .* {_AMOUNT} had", each.label):
        whole, cancelled, paid = map(Decimal, found.groups())
        assert whole == cancelled + paid, each.label
        assert paid == -_dollars(each), each.label
    if found := re.search(rf"current {_AMOUNT}(?: and adj.* {_AMOUNT})? come to", each.label):
        assert _dollars(each) == Decimal(found[1]) + Decimal(found[2] or 0), each.label


def _fact(each: Explanation) -> str:
    return {fact.name: fact.value for fact in each.facts}["age factor"]


def _from_below(each: Explanation) -> None:
    """What a step comes to, by the steps that it follows from."""
    cents = [child.cents or 0 for child in each.children]
    if each.label.startswith("Line ") and each.children:
        if len(each.children) == 1:
            assert each.cents == cents[0], each.label
        else:
            assert each.cents == cents[1] - cents[2], each.label  # after the reason
    elif each.label.startswith(_SUMS) and each.children:
        assert each.cents == sum(cents), each.label
    elif each.label.startswith(("Balance ", "Open: ", "Credit: ")):
        assert each.cents == cents[0] - cents[1], each.label
        assert cents[2:] in ([], [each.cents]), each.label
    elif each.label.startswith("Charge of "):
        assert Decimal(_billed_of(each)) == Decimal(sum(cents)).scaleb(-2), each.label
    elif re.match(r"Posting \d+ of (a|the) ", each.label):
        told = [c.cents for c in each.children if c.label.startswith(("Funds ", "A ", "By "))]
        assert set(told) <= {each.cents}, each.label
        assert told or not each.cents, each.label
    elif each.label.startswith(("Member ", "Billed before ")):
        assert each.cents == sum(cents), each.label
    elif each.label.startswith("Plan "):
        monthly = {child.cents for child in each.children[:-1] if child.cents is not None}
        assert each.cents == cents[-1], each.label
        assert len(monthly) == 1, each.label
        assert "÷" in each.children[-1].label or monthly == {each.cents}, each.label
        assert "÷" not in each.children[-1].label or f"{_monthly(each)} ×" in (
            each.children[-1].label
        )
    elif each.label.startswith("Payee "):
        assert each.cents == cents[0], each.label
    elif each.label.startswith("What the bands give"):
        after, before = (Decimal(_given(child)) for child in reversed(each.children[2:]))
        assert _dollars(each) == _half_up(after - before), each.label


_SUMS = (
    *("Billed, by ", "Posted, by ", "Posted for ", "Funds: ", "Funds at hand", "Left to take back"),
    *("The same by ", "By charge, ", "A negative adjustment "),
)


def _billed_of(each: Explanation) -> str:
    return {fact.name: fact.value for fact in each.facts}["billed"]


def _monthly(each: Explanation) -> Decimal:
    return next(_dollars(child) for child in each.children if child.cents is not None)


def _given(each: Explanation) -> str:
    return {fact.name: fact.value for fact in each.facts}["bands give"]
