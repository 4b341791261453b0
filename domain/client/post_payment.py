"""Post a payment: "Money came in, was given as credit, was sent back, or did not hold."

Payments and credits are funds: they pay open charges, oldest coverage month first, and what is left
over stays as credit. A refund is paid out of credit only. A payment that bounced takes its amount
back from the credit first, then from what is posted (handbook §5). The postings are recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import ClassVar, Literal, Self

from msgspec.structs import replace
from pydantic import model_validator

from domain.client import posting
from domain.client.account import Account, Funds, PaymentKind, Posting
from domain.client.inputs import Day, Label, MoneyText, cents
from domain.client.state import Client
from domain.client.timeliness import DAYS_AHEAD
from domain.kernel import Cause, Command, Context, Event, Refusal
from domain.money import dollars
from domain.types import Code

PAID_IN_FUTURE = Refusal("paid_in_future", "{paid_on} has not come yet.")
PAID_TOO_EARLY = Refusal(
    "paid_too_early", "{paid_on} is too early: it cannot have been before {earliest}."
)
REFUND_EXCEEDS_CREDIT = Refusal(
    "refund_exceeds_credit",
    "A refund is paid out of credit only: there are {credit}, not {amount}.",
)
PAYMENT_NOT_FOUND = Refusal(
    "payment_not_found", "Transaction {transaction_id} posted no payment of this client."
)


class PaymentPosted(Event, frozen=True, kw_only=True):
    """Funds came in, and paid what was open."""

    type: ClassVar[str] = "payment_posted"
    kind: PaymentKind
    cents: int
    paid_on: date
    postings: tuple[Posting, ...] = ()
    """Oldest coverage month first; what they leave over is credit."""
    reference: str | None = None

    def evolve(self, client: Client, cause: Cause) -> None:
        account = client.account
        account.funds_cents += self.cents
        account.funds[cause.transaction_id] = Funds(self.kind, self.cents, self.paid_on)
        for posted in self.postings:
            posting.pay(account, posted.coverage_month, posted.cents)
            posting.note(account, posted, cause.transaction_id, self.paid_on)

    def takes_effect_on(self) -> date:
        return self.paid_on


class CreditRefunded(Event, frozen=True, kw_only=True):
    """Credit was paid back to the client."""

    type: ClassVar[str] = "credit_refunded"
    cents: int
    paid_on: date
    reference: str | None = None

    def evolve(self, client: Client, cause: Cause) -> None:
        client.account.funds_cents -= self.cents

    def takes_effect_on(self) -> date:
        return self.paid_on


class PaymentBounced(Event, frozen=True, kw_only=True):
    """A payment did not hold: what it had brought is gone, and charges are open again."""

    type: ClassVar[str] = "payment_bounced"
    payment: str
    """The transaction that had posted it."""
    cents: int
    paid_on: date
    """The day it bounced."""
    postings: tuple[Posting, ...] = ()
    """What is taken back, latest coverage month first, after what the credit covered."""
    reference: str | None = None

    def evolve(self, client: Client, cause: Cause) -> None:
        account = client.account
        account.funds_cents -= self.cents
        bounced = replace(account.funds[self.payment], bounced_by=cause.transaction_id)
        account.funds[self.payment] = bounced
        for posted in self.postings:
            posting.reopen(account, posted.coverage_month, -posted.cents)
            posting.note(account, posted, cause.transaction_id, self.paid_on)

    def takes_effect_on(self) -> date:
        return self.paid_on


class PostPayment(Command):
    """Post a payment or credit, a refund, or that a payment bounced."""

    sent_by: ClassVar = "carrier"
    title: ClassVar = "Post a payment"
    example: ClassVar = {
        "type": "post_payment",
        "kind": "payment",
        "amount": "3000.00",
        "paid_on": "2026-04-01",
        "reference": "ACH 20260401-0017",
    }

    type: Literal["post_payment"] = "post_payment"
    kind: Literal["payment", "credit", "refund", "bounced"] = "payment"
    amount: MoneyText | None = None
    """In dollars, more than 0. Not stated for what bounced: that is the payment's own amount."""
    payment: Code | None = None
    """The transaction whose payment bounced."""
    paid_on: Day | None = None
    """When it was paid, refunded or bounced: its postings count on that day. Received if None."""
    reference: Label | None = None
    """The sender's own, such as a check number."""

    @model_validator(mode="after")
    def _what_the_kind_needs(self) -> Self:
        has_bounced = self.kind == "bounced"
        if (self.amount is None, self.payment is not None) != (has_bounced, has_bounced):
            raise ValueError("what bounced names its payment, everything else an amount")
        if self.amount is not None and cents(self.amount) == 0:
            raise ValueError("an amount is more than 0")
        return self

    def asks_effect_on(self) -> date | None:
        return self.paid_on

    def decide(self, client: Client, context: Context) -> list[Event]:
        paid_on = self.paid_on or context.received_on
        if paid_on > context.received_on:
            raise PAID_IN_FUTURE.because(paid_on=paid_on)
        # No account is opened longer before it begins.
        _require_not_before(paid_on, client.effective_on - timedelta(days=DAYS_AHEAD))
        if self.kind == "bounced":
            return self._bounced(client.account, paid_on)
        amount = cents(self.amount or "0")
        if self.kind == "refund":
            return self._refunded(client.account, amount, paid_on)
        tried = posting.fork(client.account)
        tried.funds_cents += amount
        return [
            PaymentPosted(
                kind=self.kind,
                cents=amount,
                paid_on=paid_on,
                postings=tuple(posting.spend(tried)),
                reference=self.reference,
            )
        ]

    def _refunded(self, account: Account, amount: int, paid_on: date) -> list[Event]:
        if amount > account.credit_cents:
            credit = dollars(max(0, account.credit_cents))
            raise REFUND_EXCEEDS_CREDIT.because(credit=credit, amount=dollars(amount))
        return [CreditRefunded(cents=amount, paid_on=paid_on, reference=self.reference)]

    def _bounced(self, account: Account, paid_on: date) -> list[Event]:
        assert self.payment is not None
        funds = account.funds.get(self.payment)
        if funds is None or funds.kind != "payment":
            raise PAYMENT_NOT_FOUND.because(transaction_id=self.payment)
        if funds.bounced_by is not None:
            return []
        _require_not_before(paid_on, funds.paid_on)
        return [
            PaymentBounced(
                payment=self.payment,
                cents=funds.cents,
                paid_on=paid_on,
                postings=tuple(_taken_back(account, funds.cents)),
                reference=self.reference,
            )
        ]


def _require_not_before(paid_on: date, earliest: date) -> None:
    if paid_on < earliest:
        raise PAID_TOO_EARLY.because(paid_on=paid_on, earliest=earliest)


def _taken_back(account: Account, amount: int) -> Sequence[Posting]:
    tried = posting.fork(account)
    return posting.take_back(tried, amount - min(amount, max(0, tried.credit_cents)))
