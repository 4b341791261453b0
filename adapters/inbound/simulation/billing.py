"""A made-up client's bills: a run each month, payments as people pay, commission settled.

What is owed is read off the account's own copy of the client, as an employer reads the invoice.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

from adapters.inbound.simulation.account import LAST_DAY, Account, Line
from adapters.inbound.simulation.market import CARRIER
from domain.client.account import Account as Balance
from domain.dates import add_months
from domain.money import dollars

_RUN_DAY = 15
"""Of the month before the one that is billed (handbook §5)."""
_FIRST_RUN_AFTER_DAYS = 5
"""After the client was opened: by then its first people are enrolled."""
_SETTLED_ON_DAY = 5
_ROUND_SUM_CENTS = 100_00
_GOODWILL_CENTS = 25_00

_Act = Callable[[date], None]


def begin(account: Account, opened_on: date) -> None:
    """Put the runs, and the months in which commission is settled, on the agenda."""
    month = account.here_from
    while month <= LAST_DAY:
        run_on = add_months(month, -1).replace(day=_RUN_DAY)
        run_on = max(run_on, opened_on + timedelta(days=_FIRST_RUN_AFTER_DAYS))
        account.at(run_on, partial(_run, account, month))
        settled_on = add_months(month, 1).replace(day=_SETTLED_ON_DAY)
        account.at(settled_on, partial(_settle, account))
        month = add_months(month, 1)


def _run(account: Account, month: date, day: date) -> None:
    """Bill the month, if there is anything to bill it for; then people pay, one way or another."""
    client = account.client
    is_over = client.terminated_on is not None and client.terminated_on < month
    if is_over and not client.account.due:
        return
    account.send(CARRIER, day, "produce_invoice", month=month, run_on=day)
    chance = account.billing_rng.random()
    for below, pays in _WAYS_TO_PAY:
        if chance < below:
            pays(account, max(day, month))
            break


def _settle(account: Account, day: date) -> None:
    month = day.replace(day=1)
    if any(posting.posted_on < month for posting in account.client.account.unsettled):
        account.send(CARRIER, day, "settle_commission", statement_month=month)


# ── Ways to pay ────────────────────────────────────────────────────────────────────────────────


def _later(account: Account, after: date, days_min: int, days_max: int, act: _Act) -> None:
    """As the account's own, by chances of its own: bills change nothing else in a life."""
    account.at(after + timedelta(days=account.billing_rng.randint(days_min, days_max)), act)


def _pay(account: Account, day: date, part_percent: int = 100, more_cents: int = 0) -> None:
    """Pay what is owed on that day, or part of it, or more; nothing if nothing is owed."""
    owed = _balance(account).balance_cents
    if owed > 0:
        _post(account, day, "payment", owed * part_percent // 100 + more_cents)


def _post(account: Account, day: date, kind: str, cents: int) -> Line:
    return account.send(CARRIER, day, "post_payment", kind=kind, amount=dollars(cents), paid_on=day)


def _in_time(account: Account, due_on: date) -> None:
    _later(account, due_on, -3, 0, partial(_pay, account))


def _late(account: Account, due_on: date) -> None:
    _later(account, due_on, 4, 40, partial(_pay, account))


def _in_part(account: Account, due_on: date) -> None:
    _later(account, due_on, 0, 5, partial(_pay, account, part_percent=60))


def _too_much(account: Account, due_on: date) -> None:
    """Some of what is too much is paid back later."""
    _later(account, due_on, -3, 2, partial(_pay, account, more_cents=_ROUND_SUM_CENTS))
    _later(account, due_on, 20, 30, partial(_refund, account))


def _refund(account: Account, day: date) -> None:
    if _balance(account).credit_cents > 0:
        _post(account, day, "refund", _balance(account).credit_cents)


def _bounces(account: Account, due_on: date) -> None:
    """The payment does not hold; it is made good some days later."""

    def pay(day: date) -> None:
        owed = _balance(account).balance_cents
        if owed > 0:
            _later(account, day, 3, 6, partial(bounce, _post(account, day, "payment", owed)))
            _later(account, day, 9, 16, partial(_pay, account))

    def bounce(line: Line, day: date) -> None:
        payment = account.transaction_id(line)
        account.send(CARRIER, day, "post_payment", kind="bounced", payment=payment, paid_on=day)

    _later(account, due_on, -2, 3, pay)


def _with_goodwill(account: Account, due_on: date) -> None:
    """The carrier gives a little credit for a mistake of its own."""

    account.at(due_on, partial(_post_credit, account))
    _later(account, due_on, 1, 6, partial(_pay, account))


def _post_credit(account: Account, day: date) -> None:
    _post(account, day, "credit", _GOODWILL_CENTS)


def _not_at_all(account: Account, due_on: date) -> None:
    """The next invoice carries it as its prior balance."""


def _balance(account: Account) -> Balance:
    return account.client.account


_WAYS_TO_PAY: tuple[tuple[float, Callable[[Account, date], None]], ...] = (
    (0.70, _in_time),
    (0.83, _late),
    (0.89, _in_part),
    (0.94, _too_much),
    (0.96, _bounces),
    (0.98, _with_goodwill),
    (1.00, _not_at_all),
)
"""Each with the chance up to which it is the month's."""
