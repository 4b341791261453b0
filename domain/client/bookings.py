"""What moved a client's account, event by event: invoices, payments, refunds, what bounced (§5).

For explaining. Totals are sums over these events; the charges of one coverage month are folded from
the parts of them that are about it, so that one month of a large account is there at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from domain.client import posting
from domain.client.account import Posting
from domain.client.post_payment import CreditRefunded, PaymentBounced, PaymentPosted
from domain.client.produce_invoice import InvoiceProduced
from domain.client.state import Client
from domain.explanation import month_text
from domain.kernel import Cause

PostingEvent = InvoiceProduced | PaymentPosted | PaymentBounced
"""Events that post premium, or take it back."""
BookingEvent = PostingEvent | CreditRefunded


class Booked(NamedTuple):
    """An event that moved the account, and its cause."""

    event: BookingEvent
    cause: Cause

    @property
    def transaction_id(self) -> str:
        """The transaction that caused it."""
        return self.cause.transaction_id

    @property
    def booked_on(self) -> date:
        """The day on which it counts."""
        return booked_on(self.event)

    @property
    def billed_cents(self) -> int:
        """What it bills, all coverage months together."""
        event = self.event
        if isinstance(event, InvoiceProduced):
            return event.current_cents + event.adjustments_cents
        return 0

    @property
    def funds_cents(self) -> int:
        """What it brings to the client's funds; negative for what it takes out of them."""
        match self.event:
            case InvoiceProduced():
                return 0
            case PaymentPosted(cents=cents):
                return cents
            case PaymentBounced(cents=cents) | CreditRefunded(cents=cents):
                return -cents

    @property
    def postings(self) -> tuple[Posting, ...]:
        """What it posts, and takes back."""
        return () if isinstance(self.event, CreditRefunded) else self.event.postings

    @property
    def posted_cents(self) -> int:
        """What it posts, less what it takes back."""
        return sum(posted.cents for posted in self.postings)


def booked_on(event: BookingEvent) -> date:
    """The day of the run; of a payment, that of the payment."""
    return event.run_on if isinstance(event, InvoiceProduced) else event.paid_on


def source_of(event: BookingEvent) -> str:
    """What it was, in words."""
    match event:
        case InvoiceProduced():
            return f"the run that produced the invoice of {month_text(event.month)}"
        case PaymentBounced():
            return "a payment that bounced"
        case CreditRefunded():
            return "a refund"
        case PaymentPosted():
            return f"a {event.kind}"


def posting_of(event: BookingEvent, number: int) -> Posting | None:
    """The posting of that number, from 1; None beyond them."""
    postings = () if isinstance(event, CreditRefunded) else event.postings
    return postings[number - 1] if 0 < number <= len(postings) else None


# ── The charges of one coverage month ──────────────────────────────────────────────────────────


def charges_before(client_id: str, before: Iterable[Booked], made: Booked, month: date) -> Client:
    """A client of whom only the charges of a coverage month are known, as an event found them.

    What a run bills is in them already: it posts after that.
    """
    client = Client(client_id)
    for booked in before:
        fold_month(client, booked, month)
    if isinstance(made.event, InvoiceProduced):
        fold_month(client, Booked(replace(made.event, postings=()), made.cause), month)
    return client


def fold_month(client: Client, booked: Booked, month: date) -> None:
    """Evolve a client by what an event bills and posts for a coverage month, and nothing else."""
    postings = tuple(posted for posted in booked.postings if posted.coverage_month == month)
    match event := booked.event:
        case InvoiceProduced():
            adjustments = tuple(each for each in event.adjustments if each.month == month)
            lines = event.lines if event.month == month else ()
            if lines or adjustments or postings:
                about = replace(event, lines=lines, adjustments=adjustments, postings=postings)
                about.evolve(client, booked.cause)
        case PaymentPosted():
            if postings:
                replace(event, postings=postings).evolve(client, booked.cause)
        case PaymentBounced():
            for posted in postings:  # the payment may be known for other months only
                posting.reopen(client.account, month, -posted.cents)
        case CreditRefunded():
            pass
