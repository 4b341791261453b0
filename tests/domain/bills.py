"""Invoices and payments as tests write them: runs on the 15th of the month before."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from domain.client.account import Posting
from domain.client.post_payment import PaymentBounced, PaymentPosted, PostPayment
from domain.client.produce_invoice import InvoiceProduced, ProduceInvoice
from domain.dates import add_months
from domain.money import dollars
from tests.domain.families import ANNA, BEN_SPOUSE, CLEO_CHILD, EVAN, add_anna, anna_with
from tests.domain.given import OPENED, Decided, Story, given, group

JANUARY, FEBRUARY, MARCH, APRIL, MAY, JUNE = [date(2026, month, 1) for month in range(1, 7)]
FIRST, LAST = (ANNA, ANNA), (EVAN, EVAN)
"""The first and the last line of ``two_families``."""


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


def couple(*months: date) -> Story:
    """Anna 598.08 and Ben 590.40, so 1,188.48 a month, billed for these."""
    return billed(anna_with(BEN_SPOUSE), *months)


def two_families(*months: date) -> Story:
    """Anna 598.08 with Cleo 399.84, Evan 598.08 with Ben 590.40: 2,186.40 a month, 4 lines."""
    story = given(add_anna(BEN_SPOUSE, member_id=EVAN), add_anna(CLEO_CHILD), client=group())
    return billed(story, *months)


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


def posted(decided: Decided) -> list[tuple[date, str]]:
    """The same of what followed a payment, or that it bounced."""
    decided.is_accepted()
    (event,) = decided.events
    assert isinstance(event, PaymentPosted | PaymentBounced)
    return by_month(event.postings)


def unpaid(story: Story) -> list[tuple[int, str, str, str]]:
    """Number of the coverage month, subscriber, member and dollars of what is open, in order."""
    return sorted(
        (month.month, subscriber_id, member_id, dollars(cents))
        for month, of_month in story.client.account.open.items()
        for subscriber_id, charges in of_month.items()
        for member_id, cents in charges.items()
    )


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
