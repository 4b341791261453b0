"""Invoices and payments as tests write them: runs on the 15th of the month before."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from domain.client.account import Posting
from domain.client.post_payment import PostPayment
from domain.client.produce_invoice import InvoiceProduced, ProduceInvoice
from domain.dates import add_months
from domain.money import dollars
from tests.domain.given import OPENED, Story

JANUARY, FEBRUARY, MARCH, APRIL, MAY, JUNE = [date(2026, month, 1) for month in range(1, 7)]


class Corrected(NamedTuple):
    """An adjustment, said shortly."""

    month: date
    member_id: str
    dollars: str
    cause: str
    """The type of the transaction behind it."""


def run_day(month: date) -> date:
    """The 15th of the month before; the day the ready-made clients open, for what is earlier."""
    return max(OPENED, add_months(month, -1).replace(day=15))


def bill(month: date, run_on: date | None = None) -> ProduceInvoice:
    """The month's run."""
    return ProduceInvoice(month=month, run_on=run_on)


def billed(story: Story, *months: date) -> Story:
    """The same history, in which these months are billed on their days."""
    for month in months:
        story = story.and_given(bill(month), received_on=max(run_day(month), story.today))
    return story


def invoice(story: Story, month: date, on: date | None = None) -> InvoiceProduced:
    """The invoice that a run produces now."""
    decided = story.when(bill(month), received_on=on or max(run_day(month), story.today))
    decided.is_accepted()
    (event,) = decided.events
    assert isinstance(event, InvoiceProduced)
    return event


def corrections(produced: InvoiceProduced) -> list[Corrected]:
    """Its adjustments by month, with the kind of transaction that each names."""
    causes = {change.transaction_id: change.transaction_type for change in produced.changes}
    adjustments = sorted(produced.adjustments, key=lambda each: (each.month, each.member_id))
    assert set(causes) == {each.transaction_id for each in adjustments}
    assert sum(each.cents for each in adjustments) == produced.adjustments_cents
    return [
        Corrected(each.month, each.member_id, dollars(each.cents), causes[each.transaction_id])
        for each in adjustments
    ]


def paid(amount: str, on: date | None = None, **other: Any) -> PostPayment:
    """A payment, unless told otherwise."""
    return PostPayment(amount=amount, paid_on=on, **other)


def bounced(payment: str, on: date | None = None) -> PostPayment:
    """The payment of a transaction did not hold."""
    return PostPayment(kind="bounced", payment=payment, paid_on=on)


def by_month(postings: tuple[Posting, ...]) -> list[tuple[date, str]]:
    """Coverage month and dollars of each posting."""
    return [(posted.coverage_month, dollars(posted.cents)) for posted in postings]


def balances(story: Story) -> tuple[str, str]:
    """What is open and what is credit, in dollars; the identities of handbook §5 hold."""
    account = story.client.account
    held = [
        cents
        for of_month in account.open.values()
        for charges in of_month.values()
        for cents in charges.values()
    ]
    assert sum(held) == account.billed_cents - account.posted_cents
    assert all(cents > 0 for cents in held)
    assert sum(account.posted.values()) == account.posted_cents
    return dollars(account.open_cents), dollars(account.credit_cents)
