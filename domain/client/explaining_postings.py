"""Why a posting is what it is (handbook §5).

Funds pay open charges, the oldest coverage month first; a payment that bounced takes back from the
credit and then from the latest month; a run posts negatively what adjustments reverse although it
was paid. A posting records its month, its amount and how far it reached: which charge got how much
follows from what the month's charges were before it, by the same rules as then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from domain.client import posting as rules
from domain.client.account import Posting
from domain.client.bookings import (
    Booked,
    charges_before,
    posting_of,
    source_of,
)
from domain.client.explaining_commission import counted
from domain.client.explaining_invoices import Produced, billed_lines
from domain.client.listing import Entry, in_years, shortened
from domain.client.post_payment import PaymentBounced
from domain.client.produce_invoice import InvoiceAdjustment, InvoiceProduced
from domain.client.state import Client
from domain.explanation import Explanation, cited, facts, month_text
from domain.money import dollars

Charge = tuple[str, str]
"""(subscriber id, member id): charges are in this order within a month."""


class _Told(NamedTuple):
    """A posting, and all that was booked before the event that made it."""

    before: Sequence[Booked]
    made: Booked
    number: int
    posting: Posting
    client: Client
    """Of whom the charges of the coverage month are known, as the posting found them."""

    @property
    def month(self) -> date:
        return self.posting.coverage_month

    @property
    def earlier(self) -> Sequence[Posting]:
        """Those of the same event before it."""
        return self.made.postings[: self.number - 1]

    @property
    def invoices(self) -> Iterator[Produced]:
        """All that may have billed what it pays."""
        for booked in (*self.before, self.made):
            if isinstance(booked.event, InvoiceProduced):
                yield Produced(booked.event, booked.transaction_id)


def explain_posting(
    client_id: str, before: Sequence[Booked], made: Booked, number: int
) -> Explanation:
    """Why a posting is what it is; ``before`` is what was booked before its event, in order.

    ``posting_of`` must know the number.
    """
    posting = posting_of(made.event, number)
    assert posting is not None
    month = posting.coverage_month
    client = charges_before(client_id, before, made, month)
    for earlier in made.postings[: number - 1]:
        if earlier.coverage_month == month and earlier.cents < 0:
            rules.take(client.account, month, -earlier.cents)  # moves no charge
    told = _Told(before, made, number, posting, client)
    return Explanation(
        label=f"Posting {number} of {source_of(made.event)}: {dollars(posting.cents)} for "
        f"{month_text(month)}, on {made.booked_on}.",
        cents=posting.cents,
        rule="§5",
        facts=facts(
            client=client_id,
            coverage_month=month,
            posted_on=made.booked_on,
            posting=number,
            reached=None if posting.through is None else " ".join(posting.through),
        ),
        transactions=(made.transaction_id,),
        children=(*_why(told), *_subscriber_months(told), _credit_after(told)),
    )


def _why(told: _Told) -> Iterator[Explanation]:
    if isinstance(told.made.event, PaymentBounced):
        yield _taken_back(told)
        yield _charges(told)
    elif told.posting.cents > 0:
        yield _paid(told)
        yield _charges(told)
    elif told.posting.cents < 0:
        yield from _reversed(told)


# ── Which amount ───────────────────────────────────────────────────────────────────────────────


def _paid(told: _Told) -> Explanation:
    """Funds against what is open."""
    month, cents = month_text(told.month), told.posting.cents
    open_cents = sum(_open(told.client, told.month).values())
    brought = _brought(told)
    at_hand = Explanation(
        label=f"Funds at hand: {dollars(sum(each.cents or 0 for each in brought))}.",
        cents=sum(each.cents or 0 for each in brought),
        children=tuple(brought),
    )
    return Explanation(
        label=f"Funds pay open charges, the oldest coverage month first: of "
        f"{dollars(at_hand.cents or 0)} at hand and {dollars(open_cents)} open for {month} the "
        f"smaller, {dollars(cents)}.",
        cents=cents,
        rule="§5",
        facts=facts(at_hand=dollars(at_hand.cents or 0), open=dollars(open_cents)),
        children=(at_hand,),
    )


def _brought(told: _Told) -> list[Explanation]:
    """Where the funds at hand come from."""
    made, credit = told.made, _credit(told.before)
    steps = [
        Explanation(label=f"Credit before it: {_less(told.before)}.", cents=credit),
    ]
    if made.funds_cents:
        steps.append(
            Explanation(
                label=f"It brings {dollars(made.funds_cents)}.",
                cents=made.funds_cents,
                transactions=(made.transaction_id,),
            )
        )
    return steps + [_earlier(n, each) for n, each in enumerate(told.earlier, start=1)]


def _earlier(number: int, posting: Posting) -> Explanation:
    month, cents = month_text(posting.coverage_month), dollars(abs(posting.cents))
    what = "takes back" if posting.cents < 0 else "pays"
    return Explanation(
        label=f"Posting {number} of it {what} {cents} for {month}.", cents=-posting.cents
    )


def _taken_back(told: _Told) -> Explanation:
    """What bounced against what is posted."""
    event, month = told.made.event, month_text(told.month)
    assert isinstance(event, PaymentBounced)
    covered = min(event.cents, max(0, _credit(told.before)))
    payment = Explanation(
        label=f"The payment had brought {dollars(event.cents)}.",
        cents=event.cents,
        transactions=cited(event.payment, told.made.transaction_id),
    )
    credit = Explanation(
        label=f"The credit covers {dollars(covered)} of it: {_less(told.before)}.", cents=-covered
    )
    steps = [payment, credit]
    for number, each in enumerate(told.earlier, start=1):
        label = f"Posting {number} of it takes back {dollars(-each.cents)} for "
        steps.append(
            Explanation(label=f"{label}{month_text(each.coverage_month)}.", cents=each.cents)
        )
    left = Explanation(
        label=f"Left to take back: {dollars(sum(each.cents or 0 for each in steps))}.",
        cents=sum(each.cents or 0 for each in steps),
        children=tuple(steps),
    )
    posted = _posted(told)
    taken = -told.posting.cents
    return Explanation(
        label="A payment that bounced takes its amount back from the credit first, then from what "
        f"is posted, the latest coverage month first: of {dollars(left.cents or 0)} left and "
        f"{dollars(posted.cents or 0)} posted for {month} the smaller, {dollars(taken)}.",
        cents=-taken,
        rule="§5",
        children=(left, posted),
    )


def _posted(told: _Told) -> Explanation:
    """What was posted for the month before."""
    entries = [
        Entry(
            booked.booked_on,
            Explanation(
                label=f"Posted for it by {source_of(booked.event)} on {booked.booked_on}: "
                f"{dollars(cents)}.",
                cents=cents,
                transactions=(booked.transaction_id,),
            ),
        )
        for booked in told.before
        if (cents := _posted_for(booked, told.month))
    ]
    cents = sum(_posted_for(booked, told.month) for booked in told.before)
    return Explanation(
        label=f"Posted for {month_text(told.month)}: {dollars(cents)}.",
        cents=cents,
        children=tuple(in_years(entries)),
    )


def _posted_for(booked: Booked, month: date) -> int:
    return sum(posted.cents for posted in booked.postings if posted.coverage_month == month)


# ── Which charges ──────────────────────────────────────────────────────────────────────────────


def _charges(told: _Told) -> Explanation:
    """Each charge that it reached, and what it paid or opened of it."""
    month, account = told.month, told.client.account
    is_bounce = isinstance(told.made.event, PaymentBounced)
    before = _open(told.client, month)
    if is_bounce:
        rules.reopen(account, month, -told.posting.cents)
    else:
        rules.pay(account, month, told.posting.cents)
    after = _open(told.client, month)
    moved = {
        charge: before.get(charge, 0) - after.get(charge, 0)
        for charge in sorted(before.keys() | after.keys(), reverse=is_bounce)
    }
    reached = [(charge, cents) for charge, cents in moved.items() if cents]
    order = "the reverse of an invoice's line order" if is_bounce else "an invoice's line order"
    unreached = {charge: cents for charge, cents in moved.items() if not cents}

    def told_of(charge: Charge, cents: int) -> Explanation:
        return _charge(told, charge, before.get(charge, 0), cents)

    return Explanation(
        label=f"By charge, in {order}: {dollars(abs(told.posting.cents))} "
        f"{'is open again' if is_bounce else 'is paid'}.",
        cents=told.posting.cents,
        rule="§5",
        children=(
            *shortened(reached, told_of, "charges"),
            *(() if is_bounce else _unreached([after[charge] for charge in unreached])),
        ),
    )


def _charge(told: _Told, charge: Charge, open_cents: int, moved_cents: int) -> Explanation:
    subscriber_id, member_id = charge
    billed = rules.billed_cents(told.client.account, subscriber_id, member_id, told.month)
    posted = billed - open_cents
    if moved_cents > 0:
        what = f"{dollars(billed)} billed less {dollars(posted)} posted before is "
        what += f"{dollars(open_cents)} open; {dollars(moved_cents)} of it is paid"
    else:
        what = f"{dollars(billed)} billed less {dollars(open_cents)} open before is "
        what += f"{dollars(posted)} posted; {dollars(-moved_cents)} of it is open again"
    return Explanation(
        label=f"Charge of member {member_id}, subscriber {subscriber_id}: {what}.",
        cents=moved_cents,
        facts=facts(member=member_id, subscriber=subscriber_id, billed=dollars(billed)),
        children=tuple(billed_lines(told.invoices, charge, told.month)),
    )


def _unreached(open_cents: Sequence[int]) -> Iterator[Explanation]:
    """What stays open of the month: charges later in line order."""
    if open_cents:
        count = "1 charge" if len(open_cents) == 1 else f"{len(open_cents)} charges"
        yield Explanation(
            label=f"Not reached: {count} later in line order, {dollars(sum(open_cents))} open."
        )


def _open(client: Client, month: date) -> dict[Charge, int]:
    return {
        (subscriber_id, member_id): cents
        for subscriber_id, charges in client.account.open.get(month, {}).items()
        for member_id, cents in charges.items()
    }


# ── What a run takes back ──────────────────────────────────────────────────────────────────────


def _reversed(told: _Told) -> Iterator[Explanation]:
    """The adjustments that bill less for the month: what of it had been paid, what was open."""
    event = told.made.event
    assert isinstance(event, InvoiceProduced)
    less = [
        (number, adjusted)
        for number, adjusted in enumerate(event.adjustments, start=len(event.lines) + 1)
        if adjusted.month == told.month and adjusted.cents < 0
    ]
    yield Explanation(
        label="A negative adjustment first cancels what is unpaid; what had been paid is posted "
        f"negatively and becomes funds: {dollars(told.posting.cents)}.",
        cents=told.posting.cents,
        rule="§5",
        children=tuple(
            shortened(
                [((number, adjusted), -adjusted.taken_cents) for number, adjusted in less],
                _adjusted,
                "lines",
            )
        ),
    )


def _adjusted(line: tuple[int, InvoiceAdjustment], cents: int) -> Explanation:
    number, adjusted = line
    reversed_cents = -adjusted.cents
    return Explanation(
        label=f"Adjustment on line {number}, member {adjusted.member_id}: "
        f"{dollars(reversed_cents)} less is billed; {dollars(reversed_cents + cents)} was unpaid "
        f"and is cancelled, {dollars(-cents)} had been paid.",
        cents=cents,
        facts=facts(member=adjusted.member_id, subscriber=adjusted.subscriber_id, line=number),
        transactions=(adjusted.transaction_id,),
    )


# ── What follows ───────────────────────────────────────────────────────────────────────────────


def _subscriber_months(told: _Told) -> Iterator[Explanation]:
    months = told.posting.subscriber_months
    if months:
        what = "fully posted from now on" if months > 0 else "fully posted no longer"
        yield Explanation(
            label=f"{counted(abs(months))} of {month_text(told.month)}: {what}.",
            rule="§6",
            facts=facts(subscriber_months=months),
        )


def _credit_after(told: _Told) -> Explanation:
    booked = (*told.before, told.made)
    return Explanation(
        label=f"Credit after all postings of it: {_less(booked)}.",
        cents=_credit(booked),
        rule="§5",
    )


def _credit(booked: Sequence[Booked]) -> int:
    return sum(each.funds_cents - each.posted_cents for each in booked)


def _less(booked: Sequence[Booked]) -> str:
    """How credit is reckoned."""
    funds = sum(each.funds_cents for each in booked)
    return (
        f"{dollars(funds)} of funds less {dollars(sum(each.posted_cents for each in booked))} "
        f"posted is {dollars(_credit(booked))}"
    )
