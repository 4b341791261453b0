"""Posting: how charges, funds and adjustments move a client's account (handbook §5).

Each function changes the account it is given. Deciding works on a ``fork``, so that what a payment
or a run comes to is known before it is recorded; evolving applies what was recorded.

Funds pay open charges oldest coverage month first, then in line order (subscriber id, member id). A
payment that bounced takes back latest month first, in reverse order.
"""

from __future__ import annotations

from datetime import date

from msgspec.structs import replace

from domain.client.account import Account, Posting, Unsettled
from domain.client.month_runs import value_in, with_value


def fork(account: Account) -> Account:
    """A copy on which posting can be tried out."""
    return replace(
        account,
        open={
            month: {subscriber_id: dict(charges) for subscriber_id, charges in of_month.items()}
            for month, of_month in account.open.items()
        },
        billed=dict(account.billed),
        earned=dict(account.earned),
        posted=dict(account.posted),
        posted_in_year=dict(account.posted_in_year),
        unsettled=[],
    )


# ── Charges ────────────────────────────────────────────────────────────────────────────────────


def billed_cents(account: Account, subscriber_id: str, member_id: str, month: date) -> int:
    """What was billed so far for a member and month."""
    return value_in(account.billed.get(subscriber_id, {}).get(member_id, []), month)


def open_cents(account: Account, subscriber_id: str, member_id: str, month: date) -> int:
    """What is still unpaid of a charge."""
    return account.open.get(month, {}).get(subscriber_id, {}).get(member_id, 0)


def charge(account: Account, subscriber_id: str, member_id: str, month: date, cents: int) -> None:
    """Bill a member more for a month: the whole of it is open."""
    if cents:
        _bill(account, subscriber_id, member_id, month, cents)
        charges = account.open.setdefault(month, {}).setdefault(subscriber_id, {})
        charges[member_id] = charges.get(member_id, 0) + cents


def reverse(
    account: Account, subscriber_id: str, member_id: str, month: date, cents: int, taken_cents: int
) -> None:
    """Bill a member less for a month: ``taken_cents`` of it had been paid, the rest was open."""
    _bill(account, subscriber_id, member_id, month, -cents)
    if cents > taken_cents:
        _reduce(account, subscriber_id, member_id, month, cents - taken_cents)


def _bill(account: Account, subscriber_id: str, member_id: str, month: date, cents: int) -> None:
    members = account.billed.get(subscriber_id, {})
    runs = members.get(member_id, [])
    runs = with_value(runs, month, value_in(runs, month) + cents)
    account.billed[subscriber_id] = {**members, member_id: runs}
    account.billed_cents += cents


def _reduce(account: Account, subscriber_id: str, member_id: str, month: date, cents: int) -> None:
    """Take an amount off what is open of a charge; what is open nowhere leaves no trace."""
    of_month = account.open[month]
    charges = of_month[subscriber_id]
    charges[member_id] -= cents
    if not charges[member_id]:
        del charges[member_id]
    if not charges:
        del of_month[subscriber_id]
    if not of_month:
        del account.open[month]


# ── Funds ──────────────────────────────────────────────────────────────────────────────────────


def spend(account: Account) -> list[Posting]:
    """Let the funds that are there pay what is open; the months they reach, oldest first."""
    postings = []
    for month in sorted(account.open):
        if account.credit_cents <= 0:
            break
        charges = account.open[month].values()
        cents = min(account.credit_cents, sum(sum(of_one.values()) for of_one in charges))
        postings.append(pay(account, month, cents))
    return postings


def pay(account: Account, month: date, cents: int) -> Posting:
    """Pay so much of what is open of a month, in line order."""
    assert cents > 0
    left, gained, reached = cents, 0, ("", "")
    for subscriber_id in sorted(account.open[month]):
        charges = account.open[month][subscriber_id]
        for member_id in sorted(charges):
            reached = subscriber_id, member_id
            paid = min(left, charges[member_id])
            left -= paid
            _reduce(account, subscriber_id, member_id, month, paid)
            if not left:
                break
        gained += is_newly_earned(account, subscriber_id, month)
        if not left:
            break
    assert not left, "more was paid than was open"
    _move(account, month, cents)
    return Posting(month, cents, gained, reached)


def take_back(account: Account, cents: int) -> list[Posting]:
    """Take so much back from what is posted, latest month first; less where less is posted."""
    postings = []
    for month in sorted(account.posted, reverse=True):
        part = min(cents, account.posted[month])
        if part > 0:
            postings.append(reopen(account, month, part))
            cents -= part
    return postings


def reopen(account: Account, month: date, cents: int) -> Posting:
    """Take so much back from what is posted for a month, in reverse line order."""
    left, lost, reached = cents, 0, ("", "")
    for subscriber_id in sorted(account.billed, reverse=True):
        left_before = left
        for member_id in sorted(account.billed[subscriber_id], reverse=True):
            billed = billed_cents(account, subscriber_id, member_id, month)
            part = min(left, billed - open_cents(account, subscriber_id, member_id, month))
            if part > 0:
                charges = account.open.setdefault(month, {}).setdefault(subscriber_id, {})
                charges[member_id] = charges.get(member_id, 0) + part
                left -= part
                reached = subscriber_id, member_id
        if left < left_before and _is_earned(account, subscriber_id, month):
            _set_earned(account, subscriber_id, month, is_earned=False)
            lost += 1
        if not left:
            break
    assert not left, "more was taken back than was posted"
    _move(account, month, -cents)
    return Posting(month, -cents, -lost, reached)


def take(account: Account, month: date, cents: int) -> None:
    """Post negatively what adjustments reverse of a month although it was paid."""
    _move(account, month, -cents)


def _move(account: Account, month: date, cents: int) -> None:
    account.posted_cents += cents
    posted = account.posted.pop(month, 0) + cents
    if posted:
        account.posted[month] = posted


# ── Subscriber-months (§6, pmpm) ───────────────────────────────────────────────────────────────


def is_newly_earned(account: Account, subscriber_id: str, month: date) -> bool:
    """Whether a subscriber-month is fully posted now and was not before; it is noted."""
    if subscriber_id in account.open.get(month, {}) or _is_earned(account, subscriber_id, month):
        return False
    if not _is_billed(account, subscriber_id, month):
        return False
    _set_earned(account, subscriber_id, month, is_earned=True)
    return True


def is_newly_void(account: Account, subscriber_id: str, month: date) -> bool:
    """Whether nothing is billed any more for a subscriber-month that was earned; it is noted."""
    if not _is_earned(account, subscriber_id, month) or _is_billed(account, subscriber_id, month):
        return False
    _set_earned(account, subscriber_id, month, is_earned=False)
    return True


def _is_earned(account: Account, subscriber_id: str, month: date) -> bool:
    return value_in(account.earned.get(subscriber_id, []), month) == 1


def _set_earned(account: Account, subscriber_id: str, month: date, *, is_earned: bool) -> None:
    runs = account.earned.get(subscriber_id, [])
    account.earned[subscriber_id] = with_value(runs, month, int(is_earned))


def _is_billed(account: Account, subscriber_id: str, month: date) -> bool:
    return any(value_in(runs, month) for runs in account.billed.get(subscriber_id, {}).values())


# ── What commission will be settled on ─────────────────────────────────────────────────────────


def note(account: Account, posting: Posting, transaction_id: str, posted_on: date) -> None:
    """Keep a posting, in order, until commission is settled on it."""
    before = account.posted_in_year.get(posted_on.year, 0)
    account.posted_in_year[posted_on.year] = before + posting.cents
    account.unsettled.append(
        Unsettled(
            transaction_id,
            posted_on,
            posting.coverage_month,
            posting.cents,
            posting.subscriber_months,
            before,
        )
    )
