"""An independent reckoning of a client's bills, postings and commission, compared line by line.

Written from handbook §4 to §6, by the plainest possible method: after every transaction all months
of all members are reckoned from scratch. From the product come facts only: who is covered from when
to when, in which plan and at which rates; and the shape of an event, to compare with.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from msgspec.structs import asdict

from domain.client.account import Account, Change
from domain.client.assign_agent_of_record import AgentOfRecordAssigned
from domain.client.post_payment import CreditRefunded, PaymentBounced, PaymentPosted
from domain.client.produce_invoice import InvoiceProduced
from domain.client.set_commission_terms import CommissionTermsSet
from domain.client.settle_commission import CommissionSettled
from domain.client.state import Client
from domain.dates import carrier_date
from domain.kernel import Cause, Event
from schemas.envelope import Recorded
from tests.billing.commissions import Payroll
from tests.billing.costs import Key, costs, first_month_here, months_between
from tests.billing.funds import Purse
from tests.domain.premium_by_days import ByDays


class Books:
    """What a client should have been billed, have paid and have earned its agents so far."""

    def __init__(self) -> None:
        self.purse = Purse()
        self.payroll = Payroll()
        self.invoices: list[InvoiceProduced] = []
        self.known: dict[Key, int] = {}
        """What each member and month already billed costs, as known at the last look."""
        self.causes: dict[Key, Change] = {}
        """The last transaction since the last run after which that changed."""
        self.has_differences_before_last_step = False
        self.before_transaction: dict[Key, int] = {}
        self.about: Event | None = None
        """The first event of the present transaction that changed a bill."""

    @property
    def billed_through(self) -> date | None:
        """The last month that has an invoice."""
        return self.invoices[-1].month if self.invoices else None

    def follow(self, client: Client, recorded: Recorded) -> None:
        """Compare an event, already folded into the client."""
        cause = recorded.cause
        if cause.index == 1:
            self.has_differences_before_last_step = self.has_differences()
            self.before_transaction, self.about = self.known, None
        self._compare(client, cause.transaction_id, recorded.event)
        self._look(client, recorded)
        self.compare_account(client.account)

    def has_differences(self) -> bool:
        """Whether an earlier month costs something else than what was billed."""
        keys = self.known.keys() | self.purse.charges.keys()
        return any(self.known.get(key, 0) != self._billed(key) for key in keys)

    def _billed(self, key: Key) -> int:
        return self.purse.charges[key].billed if key in self.purse.charges else 0

    def _compare(self, client: Client, by: str, event: Event) -> None:
        purse = self.purse
        match event:
            case InvoiceProduced():
                self._compare_invoice(client, by, event)
            case PaymentPosted():
                same(event.postings, purse.receive(by, event.paid_on, event.kind, event.cents))
            case CreditRefunded():
                purse.refund(event.cents)
            case PaymentBounced():
                assert event.cents == purse.payments[event.payment].cents
                same(event.postings, purse.bounce(by, event.paid_on, event.payment))
            case CommissionTermsSet():
                self.payroll.terms.append((by, event))
            case AgentOfRecordAssigned():
                self.payroll.agents.append((by, event))
            case CommissionSettled():
                count, lines = self.payroll.settle(event.statement_month, purse.entries)
                assert event.postings == count
                same(event.lines, lines)

    def _look(self, client: Client, recorded: Recorded) -> None:
        """See what the transaction changed in the months already billed, once it is complete."""
        if self.billed_through is None:
            return
        now = {key: cost.cents for key, cost in costs(client, self.billed_through).items()}
        if now != self.known and self.about is None:
            self.about = recorded.event
        self.known, before = now, self.before_transaction
        if recorded.cause.index < recorded.cause.count:
            return
        for key in now.keys() | before.keys():
            if now.get(key, 0) != before.get(key, 0):
                assert self.about is not None
                self.causes[key] = change_of(recorded.cause, self.about)

    # ── Invoices ───────────────────────────────────────────────────────────────────────────────

    def _compare_invoice(self, client: Client, by: str, event: InvoiceProduced) -> None:
        prior = self.purse.open() - self.purse.credit()
        now = costs(client, event.month)
        lines = {key: cost.cents for key, cost in now.items() if key[0] == event.month}
        earlier = {key for key in now.keys() | self.purse.charges.keys() if key[0] < event.month}
        differences = {key: cents(now, key) - self._billed(key) for key in earlier}
        differences = {key: difference for key, difference in differences.items() if difference}
        billed_before = {key: self._billed(key) for key in differences}
        taken, postings = self.purse.bill(by, event.run_on, differences, lines)
        totals = prior, sum(lines.values()), sum(differences.values())
        same([asdict(line) for line in event.lines], expected_lines(now, sorted(lines)))
        same(
            [known_part(asdict(line)) for line in event.adjustments],
            [
                known_part(
                    {
                        **described(key, now.get(key)),
                        "month": key[0],
                        "cents": differences[key],
                        "billed_before_cents": billed_before[key],
                        "transaction_id": self.causes[key].transaction_id,
                        "taken_cents": taken[key],
                    }
                )
                for key in sorted(differences, key=lambda key: (*key[1:], key[0]))
            ],
        )
        stated = event.prior_balance_cents, event.current_cents, event.adjustments_cents
        assert (*stated, event.total_cents) == (*totals, sum(totals))
        assert event.due_on == event.month
        changes = {self.causes[key].transaction_id: self.causes[key] for key in differences}
        same({change.transaction_id: change for change in event.changes}, changes)
        same(event.postings, postings)
        self.invoices.append(event)
        self.known = self.before_transaction = {key: cost.cents for key, cost in now.items()}
        self.causes = {}

    def months_as_known_at_the_last_run(self, client: Client) -> dict[date, tuple[int, int]]:
        """By month: all that its invoices and later adjustments billed, and its premium now.

        Both are the same for a client to whom nothing happened since the last run.
        """
        assert self.billed_through is not None
        months = months_between(first_month_here(client), self.billed_through)
        billed, premium = dict.fromkeys(months, 0), dict.fromkeys(months, 0)
        for invoice in self.invoices:
            billed[invoice.month] += sum(line.cents for line in invoice.lines)
            for adjusted in invoice.adjustments:
                billed[adjusted.month] += adjusted.cents
        for key, cost in costs(client, self.billed_through).items():
            premium[key[0]] += cost.cents
        return {month: (billed[month], premium[month]) for month in months}

    # ── The account ────────────────────────────────────────────────────────────────────────────

    def compare_account(self, account: Account) -> None:
        """Charge by charge, and the identities of §5."""
        purse = self.purse
        same(billed_in(account), {k: c.billed for k, c in purse.charges.items() if c.billed})
        same(open_in(account), {k: c.open for k, c in purse.charges.items() if c.open})
        for charge in purse.charges.values():
            assert 0 <= charge.open <= charge.billed
        assert account.billed_cents == sum(billed_in(account).values())
        assert account.open_cents == sum(open_in(account).values())
        assert account.billed_cents == account.posted_cents + account.open_cents
        assert account.funds_cents == account.posted_cents + account.credit_cents
        assert account.funds_cents == purse.funds
        assert account.posted_cents == purse.posted() == sum(e.cents for e in purse.entries)
        by_month: dict[date, int] = {}
        for entry in purse.entries:
            by_month[entry.month] = by_month.get(entry.month, 0) + entry.cents
        same(account.posted, {month: posted for month, posted in by_month.items() if posted})
        earned = {(month, who) for who, runs in account.earned.items() for month in in_runs(runs)}
        same(earned, purse.earned)
        # Credit is only left when all is paid; it is negative only once refunded money bounced.
        assert account.credit_cents <= 0 or account.open_cents == 0
        assert account.credit_cents >= 0 or (purse.refunded and account.posted_cents == 0)


# ── Comparing ──────────────────────────────────────────────────────────────────────────────────


def same(found: Any, expected: Any) -> None:
    """Found is what was expected, whichever kind of list it is in; or what differs is said."""
    if isinstance(found, tuple | list):
        found, expected = list(found), list(expected)
    if found == expected:
        return
    if isinstance(found, list):
        missing = [each for each in expected if each not in found]
        surplus = [each for each in found if each not in expected]
        raise AssertionError(f"expected {missing or expected}, found {surplus or found}")
    raise AssertionError(f"expected {expected}, found {found}")


def cents(now: dict[Key, ByDays], key: Key) -> int:
    """What a member and month costs; nothing for who is not covered."""
    return now[key].cents if key in now else 0


def change_of(cause: Cause, about: Event) -> Change:
    """A transaction as an invoice names it, with the first of its events that changed a bill."""
    return Change(
        cause.transaction_id,
        cause.transaction_type,
        carrier_date(cause.received_at),
        cause.effective_on,
        next(iter(about.members()), None),
    )


def described(key: Key, cost: ByDays | None) -> dict[str, Any]:
    """The words of a line."""
    return {
        "subscriber_id": key[1],
        "member_id": key[2],
        "plan_id": cost and cost.plan_id,
        "subgroup_id": cost and cost.subgroup_id,
        "tier": cost and cost.tier,
        "is_covered": cost is not None,
    }


def expected_lines(now: dict[Key, ByDays], keys: list[Key]) -> list[dict[str, Any]]:
    """The lines of the invoice's own month."""
    lines = [{**described(key, now[key]), "cents": now[key].cents} for key in keys]
    for line in lines:
        del line["is_covered"]
    return lines


def known_part(line: dict[str, Any]) -> dict[str, Any]:
    """Without plan and subgroup where nobody is covered any more: §5 does not say which to name."""
    is_nothing_left = line["billed_before_cents"] + line["cents"] == 0
    unknown = {"is_covered"} | ({"plan_id", "subgroup_id", "tier"} if is_nothing_left else set())
    return {name: value for name, value in line.items() if name not in unknown}


def billed_in(account: Account) -> dict[Key, int]:
    """What the account has billed, charge by charge."""
    return {
        (month, subscriber_id, member_id): value
        for subscriber_id, members in account.billed.items()
        for member_id, runs in members.items()
        for month, value in in_runs(runs).items()
    }


def open_in(account: Account) -> dict[Key, int]:
    """What is unpaid, charge by charge."""
    return {
        (month, subscriber_id, member_id): value
        for month, of_month in account.open.items()
        for subscriber_id, charges in of_month.items()
        for member_id, value in charges.items()
    }


def in_runs(runs: Any) -> dict[date, int]:
    """The months of runs, one by one."""
    return {
        month: run.value
        for run in runs
        for month in months_between(run.first_month, run.last_month)
    }
