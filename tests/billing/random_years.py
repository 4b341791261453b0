"""Random years of one client: its people, bills, payments and commission, from a seed.

Whatever a carrier and its brokers may send, near the dates on which it matters; what makes no sense
is refused, and is part of the history too.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any

from domain.client.remove_subscriber import SubscriberRemoved
from domain.client.state import Client, PartMonthRule, Segment
from domain.dates import add_months, first_of_month
from domain.kernel import Cause, Event, TransactionRefused
from domain.money import dollars
from schemas.envelope import Recorded
from tests.billing.billed_ways import BilledWays
from tests.projections.histories import History
from tests.projections.random_histories import Facts, command

CLIENT = "C1"
SEGMENTS: list[Segment] = ["small_group", "ffs", "large_group", "solo", "exchange_direct"]
"""All that are administered here."""
RULES: list[PartMonthRule] = ["full_month", "wash", "daily"]
Follow = Callable[[Client, Recorded], None]


class Watched(History):
    """A history whose events are followed as each is folded."""

    def __init__(self, follow: Follow) -> None:
        super().__init__()
        self.follow = follow

    def _record(self, client: Client, cause: Cause, event: Event) -> None:
        super()._record(client, cause, event)
        self.follow(client, self.events[-1])


class Life:
    """One client's history as it is lived; ``follow`` sees each event, folded."""

    def __init__(self, seed: int, follow: Follow) -> None:
        self.history, self.random = Watched(follow), Random(seed)
        segment = self.random.choice(SEGMENTS)
        self.opened = date(2026, 1, 1)
        if segment in ("small_group", "ffs") and self.random.random() < 0.3:
            self.opened = date(2024, 3, 1)  # administered by CBIA until it is renewed
        elif self.random.random() < 0.1:
            self.opened = date(2026, 1, 10)
        self.ways = BilledWays(self.random, segment, self.opened)
        self.payments: list[str] = []
        self.sent_on = first_of_month(self.opened) - timedelta(days=40)
        self.accepted: dict[str, int] = {}
        """How many transactions of each type had an effect."""

    @property
    def client(self) -> Client:
        """As it is now."""
        return self.history.clients[CLIENT]

    def live(self, months: int) -> Life:
        """The client opens, and so many months go by."""
        for facts in self.ways.opened_by(self.random.choice(RULES)):
            self.send(facts, self.sent_on)
        for facts in (self.ways.terms(first_of_month(self.opened)), self.ways.agent(self.sent_on)):
            if self.random.random() < 0.85:
                self.send(facts, self.sent_on)
        for facts in self.ways.enrolled_at_first():
            self.send(facts, self.sent_on)
        month = first_of_month(self.sent_on)
        for _ in range(months):
            self._month(month)
            month = add_months(month, 1)
        return self

    def send(self, facts: Facts, on: date) -> list[Event]:
        """Send a command; received at never goes back."""
        self.sent_on = on = max(on, self.sent_on)
        events = self.history.send(command(facts), on, CLIENT)
        if events and not isinstance(events[0], TransactionRefused):
            self.accepted[facts["type"]] = self.accepted.get(facts["type"], 0) + 1
        return events

    # ── A month ────────────────────────────────────────────────────────────────────────────────

    def _month(self, month: date) -> None:
        random = self.random
        days: list[tuple[int, int, Callable[[date], Any]]] = []
        for _ in range(random.choice([0, 1, 2, 4, 6])):
            days.append((random.randint(1, 28), 0, self._something))
        for _ in range(random.choice([0, 1, 1, 2])):
            days.append((random.choice([1, 1, 3, 20, 28]), 1, self._money))
        if random.random() < 0.8:
            days.append((random.choice([10, 15, 15, 16, 25]), 2, self._run))
        if random.random() < 0.7:
            days.append((random.choice([2, 5, 5, 27]), 3, self._settle))
        for day, _, act in sorted(days, key=lambda each: each[:2]):
            act(month.replace(day=day))

    def _something(self, on: date) -> None:
        facts = self.ways.anything(self.client, on)
        self._except(facts, on)
        happened = self.send(facts, on)
        is_gone = isinstance(happened[0], SubscriberRemoved) if happened else False
        if is_gone and self.random.random() < 0.4:
            again = self.ways.continued(facts["member_id"], facts["last_day"])
            self.send(again, on + timedelta(days=self.random.choice([0, 1, 30, 60])))

    def _except(self, facts: Facts, on: date) -> None:
        """Approve an exception first, where it comes far too late, or what was meant is unclear."""
        dated = facts.get("last_day") or facts.get("effective_on")
        limited = facts["type"].startswith(("add_sub", "add_dep", "remove", "change", "reinst"))
        if limited and dated and (on - dated).days > 31 and self.random.random() < 0.7:
            approved = {"type": "approve_exception", "reason": "Lost in the mail."}
            about = {"transaction_type": facts["type"], "effective_on": dated}
            self.send(approved | about | {"member_id": facts["member_id"]}, on)

    def next_month(self) -> date:
        """The month that the next run is for."""
        through = self.client.account.billed_through
        return add_months(through, 1) if through else self._first_month()

    def _first_month(self) -> date:
        if self.ways.segment in ("small_group", "ffs"):
            starts = [day for day in self.client.plan_years if day >= date(2024, 6, 1)]
            return first_of_month(min(starts, default=date(2025, 1, 1)))
        return first_of_month(self.opened)

    def _run(self, on: date) -> None:
        """All months that are due by now, one after the other; some run too much or too little."""
        random = self.random
        if random.random() < 0.05:
            wrong = add_months(self.next_month(), random.choice([-1, 1]))
            self.run(wrong, on)
        ahead = random.choice([1, 1, 1, 2])
        while self.next_month() <= add_months(first_of_month(on), ahead):
            if not self.run(self.next_month(), on):
                break

    def run(self, month: date, on: date) -> list[Event]:
        """A run, dated at or shortly before its receipt; nothing where it is refused."""
        last = self.client.account.last_run_on
        run_on = max(on - timedelta(days=self.random.choice([0, 0, 0, 2, 20])), last or date.min)
        if self._is_elsewhere():
            return []
        facts: Facts = {"type": "produce_invoice", "month": month, "run_on": min(run_on, on)}
        events = self.send(facts, on)
        return [event for event in events if not isinstance(event, TransactionRefused)]

    def _is_elsewhere(self) -> bool:
        """Such a client's runs are refused before they are decided."""
        is_theirs = self.ways.segment in ("small_group", "ffs")
        return is_theirs and max(self.client.plan_years) < date(2024, 6, 1)

    def _settle(self, on: date) -> None:
        statement = add_months(first_of_month(on), self.random.choice([0, 0, 0, 0, -1]))
        self.send({"type": "settle_commission", "statement_month": statement}, on)

    def _money(self, on: date) -> None:
        account, random = self.client.account, self.random
        paid_on = on - timedelta(days=random.choice([0, 0, 0, 1, 9, 40]))
        facts: Facts = {"type": "post_payment", "paid_on": paid_on}
        if self.payments and random.random() < 0.2:
            facts |= {"kind": "bounced", "payment": random.choice(self.payments)}
        elif account.credit_cents > 0 and random.random() < 0.4:
            part = random.choice([account.credit_cents, random.randint(1, account.credit_cents)])
            facts |= {"kind": "refund", "amount": dollars(part)}
        else:
            owed = max(account.balance_cents, 1)
            amounts = [owed, owed, random.randint(1, owed), owed + random.randint(1, 200_000)]
            kind = random.choice(["payment"] * 4 + ["credit"])
            facts |= {"kind": kind, "amount": dollars(random.choice([*amounts, 100_000]))}
        events = self.send(facts, on)
        if facts["kind"] == "payment" and events:
            self.payments.append(f"t{self.history.sent}")
