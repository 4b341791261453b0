"""Random years of one client: its people, bills, payments and commission, from a seed.

Whatever a carrier and its brokers may send, near the dates on which it matters; what makes no sense
is refused, and is part of the history too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

from domain.client.remove_subscriber import SubscriberRemoved
from domain.client.state import Client, PartMonthRule, Segment
from domain.dates import add_months, first_of_month, last_of_month
from domain.kernel import Cause, Event, TransactionRefused
from domain.money import dollars
from schemas.envelope import Recorded
from tests.projections.histories import History
from tests.projections.random_histories import MEMBERS, PLANS, Facts, Ways, command

CLIENT = "C1"
SEGMENTS: list[Segment] = ["small_group", "ffs", "large_group", "solo", "exchange_direct"]
"""All that are administered here."""
RULES: list[PartMonthRule] = ["full_month", "wash", "daily"]
SIZES: dict[Segment, str] = {"small_group": "7", "ffs": "9", "large_group": "80"}
PEOPLE = [*MEMBERS, *(f"300000000{n}" for n in range(10, 20))]
NEWBORNS = [f"2000000000{n}" for n in range(1, 7)]
Follow = Callable[[Client, Recorded], None]


class BilledWays(Ways):
    """What may be asked of a client that is billed: near the days and ages that rates turn on."""

    def __init__(self, random: Random, segment: Segment, opened: date) -> None:
        super().__init__(random, segment)
        self.opened = opened
        self.known: dict[str, date] = {}
        """The birth date by which each member was last known."""
        self.kinds: dict[str, str] = {}
        """What each member is to a subscriber, where it is a dependent."""
        self.is_round = random.random() < 0.25
        """Whole dollars of which no percent of a hundredth leaves a fraction of a cent."""

    @property
    def is_group(self) -> bool:
        """With subgroups, a size and COBRA."""
        return self.segment in SIZES

    def opened_by(self, rule: PartMonthRule) -> Iterator[Facts]:
        """The client, its subgroups and plans."""
        size = {"full_time_employees": SIZES.get(self.segment), "part_time_hours": "0"}
        yield {
            "type": "open_client",
            "name": "Harbor Bakery",
            "segment": self.segment,
            "county": "Hartford",
            "part_month_rule": rule,
            "effective_on": self.opened,
        } | (size if self.is_group else {})
        names = ("MAIN", "WEST") if self.is_group else ()
        for name in names:
            added: Facts = {"type": "add_subgroup", "subgroup_id": name, "name": name}
            yield added | {"effective_on": self.opened}
        for plan_id in PLANS:
            for subgroup_id in names or (None,):
                yield self.offer(plan_id, subgroup_id, self.opened)

    def anything(self, client: Client, on: date) -> Facts:
        """One command about people, plans, rates, terms or agents."""
        self.known |= {m.member_id: m.birth_date for m in client.members.values()}
        kinds = [self.enrol] * 3 + [self.changes] * 6 + [self.ends] * 3 + [self.returns] * 4
        return self.random.choice([*kinds, *[self.account_acts] * 3, self.newborn])(client, on)

    def enrolled_at_first(self) -> Iterator[Facts]:
        """Up to three families, mostly from the first day on."""
        people = self.random.sample(PEOPLE, len(PEOPLE))
        for _ in range(self.random.randint(1, 3)):
            some = [people.pop() for _ in range(self.random.choice([1, 2, 4, 6]))]
            later = self.random.choice([0, 0, 0, 14, 15, 31])
            yield self.person(some[0]) | {
                "type": "add_subscriber",
                "subgroup_id": self.subgroup(),
                "plan_id": self.random.choice(PLANS),
                "effective_on": self.opened + timedelta(days=later),
                "dependents": [self.dependent(member_id) for member_id in some[1:]],
            }

    def person(self, member_id: str) -> Facts:
        """Who is added: near the ages at which premium changes or coverage ends; some twins."""
        if member_id not in self.known:
            is_child = self.kinds.get(member_id) == "child"
            ages = [0, 3, 9, 14, 15, 18, 20, 21, 25] if is_child else [20, 21, 26, 33, 50, 63, 64]
            years = self.random.choice(ages)
            day = self.random.choice([(1, 1), (2, 28), (6, 15), (12, 31)])
            born = date(self.opened.year - years, *day)
            if self.random.random() < 0.1:
                born = date(self.random.choice([1988, 2000, 2004, 2008]), 2, 29)
            self.known[member_id] = born
        name = {"first": "A", "last": "B"}
        return {"member_id": member_id, "name": name, "birth_date": self.known[member_id]}

    def dependent(self, member_id: str) -> Facts:
        """Mostly a child, so that families have more than three; always the same to whomever."""
        kinds = ["spouse", "domestic_partner", *["child"] * 4]
        kind = self.kinds.setdefault(member_id, self.random.choice(kinds))
        return self.person(member_id) | {"relationship": kind}

    def newborn(self, client: Client, on: date) -> Facts:
        """A child covered from birth, told up to 61 days later."""
        born = on - timedelta(days=self.random.randint(0, 64))
        return self.person(MEMBERS[0]) | {
            "type": "add_dependent",
            "subscriber_id": self.random.choice([*client.families] or MEMBERS),
            "member_id": self.random.choice(NEWBORNS),
            "relationship": "child",
            "birth_date": born,
            "effective_on": born,
            "reason": "birth",
        }

    def changes(self, client: Client, on: date) -> Facts:
        """Something that changes what those who are covered cost."""
        day, choice = self.day_near(on), self.random.choice
        years = choice([3, 14, 15, 20, 21, 26, 40])
        born = date(self.opened.year - years, choice([1, 2, 7]), choice([1, 28]))
        facts: list[Facts] = [
            {"type": "change_plan", "plan_id": choice(PLANS), "effective_on": day},
            {"type": "change_plan", "plan_id": choice(PLANS), "effective_on": day},
            {
                "type": "change_division",
                "subgroup_id": choice(["MAIN", "WEST"]),
                "effective_on": day,
            },
            {"type": "correct_birth_date", "birth_date": born},
        ]
        asked = choice(facts)
        is_family = asked["type"] != "correct_birth_date" and self.random.random() < 0.9
        whose = [*client.families] if is_family else [*client.members]
        return asked | {"member_id": choice(whose or MEMBERS)}

    def ends(self, client: Client, on: date) -> Facts:
        """Someone leaves, now or long ago, or was never covered."""
        day, choice = self.day_near(on), self.random.choice
        last_day = choice([day - timedelta(days=1), last_of_month(day)])
        if self.random.random() < 0.08:
            last_day = self.opened - timedelta(days=1)
        who = choice([*client.members.values()]) if client.members else None
        is_subscriber = who is None or who.relationship == "subscriber"
        return {
            "type": "remove_subscriber" if is_subscriber else "remove_dependent",
            "member_id": who.member_id if who else choice(MEMBERS),
            "last_day": last_day,
        }

    def returns(self, client: Client, on: date) -> Facts:
        """Someone who has left comes back: as before, in COBRA, anew, or in another family."""
        choice = self.random.choice
        left = [(m, p.last_day) for m in client.members.values() for p in m.periods if p.last_day]
        if not left:
            return self.enrol(client, on)
        member, last_day = choice(left)
        day = choice([last_day + timedelta(days=1)] * 3 + [self.day_near(on)])
        dated = {"member_id": member.member_id, "effective_on": day}
        plan = {"subgroup_id": self.subgroup(), "plan_id": choice(PLANS)}
        joins = {"type": "add_dependent", "subscriber_id": choice([*client.families])}
        brought = [self.dependent(m) for m in client.members if m != member.member_id]
        anew = {"type": "add_subscriber", "dependents": choice([[], brought[:2]])}
        return choice(
            [
                dated | {"type": "reinstate_member"},
                dated | {"type": "reinstate_member"},
                dated | {"type": "elect_cobra", "event": choice(["termination", "disability"])},
                dated | {"type": "elect_cobra", "event": choice(["termination", "disability"])},
                self.person(member.member_id) | anew | plan | dated,
                self.dependent(member.member_id) | joins | dated,
            ]
        )

    def continued(self, member_id: str, last_day: date) -> Facts:
        """What a removed subscriber mostly does next: COBRA, or it was a mistake."""
        facts: Facts = {"type": "reinstate_member", "effective_on": last_day + timedelta(days=1)}
        if self.is_group and self.random.random() < 0.7:
            facts = {"type": "elect_cobra", "event": "termination"}
        return facts | {"member_id": member_id}

    def account_acts(self, client: Client, on: date) -> Facts:
        """What the carrier does to the client as a whole."""
        month = add_months(first_of_month(on), self.random.choice([0, 1, 1, 2]))
        if self.random.random() < 0.35:
            renewal = add_months(first_of_month(on), self.random.choice([-2, -1, 0, 1, 2]))
            renewed = {plan_id: self.rate() for plan_id in PLANS}
            return {"type": "renew_client", "effective_on": renewal, "rates": renewed}
        if self.random.random() < 0.5:
            return self.terms(month)
        if self.random.random() < 0.1:
            ended = add_months(first_of_month(on), self.random.choice([-2, -1, 0, 1]))
            return {"type": "terminate_client", "last_day": last_of_month(ended)}
        return self.agent(on)

    def terms(self, month: date) -> Facts:
        """Terms of any kind."""
        choice = self.random.choice
        bands = [
            {"percent": "6", "up_to": "1500"},
            {"percent": "2.5", "up_to": "6000.01"},
            {"percent": choice(["0", "1.75"])},
        ]
        terms: Facts = choice(
            [
                {"kind": "percent", "percent": choice(["4", "2.5", "3.75", "100"])},
                {"kind": "pmpm", "pmpm": choice(["21.50", "7.01"])},
                {"kind": "graded", "bands": bands},
            ]
        )
        return {"type": "set_commission_terms", "effective_on": month, "terms": terms}

    def agent(self, on: date) -> Facts:
        """An agent of record, alone or sharing."""
        choice = self.random.choice
        thirds = [("A1", "33.33"), ("P1", "33.33"), ("P9", "33.34")]
        halves = [("P2", "50"), ("A2", "50")]
        return {
            "type": "assign_agent_of_record",
            "producer_id": choice(["P1", "P2", "P3"]),
            "agency_id": choice(["A1", "A2"]),
            "payee": choice(["agency", "producer"]),
            "shares": [
                {"payee_id": payee, "percent": percent}
                for payee, percent in choice([[], thirds, halves])
            ],
            "appointed": True,
            "licence_number": "123456789",
            "licensed_states": ["CT"],
            "letter_received_on": on,
        }

    def rate(self) -> Facts:
        """A rate of the kind that the segment pays by, to the odd cent; or round."""
        amount = 50_000 * self.random.randint(1, 2)
        if not self.is_round:
            amount = self.random.randint(30_000, 60_000)
        if self.segment != "large_group":
            return {"base": dollars(amount)}
        step = 5_000 if self.is_round else 12_345
        tiers = enumerate(("EMP", "ESP", "ECH", "FAM"))
        return {"tiers": {tier: dollars(amount + n * step) for n, tier in tiers}}

    def subgroup(self) -> str | None:
        """A subgroup; an individual account names none."""
        return self.random.choice(["MAIN", "WEST"]) if self.is_group else None

    def day_near(self, on: date) -> date:
        """Often a 1st, around the 15th, or a month's last day; from three months back."""
        near = max(on, self.opened)
        first = add_months(first_of_month(near), self.random.choice([-3, -1, -1, 0, 0, 0, 1, 2]))
        days = [1, 1, 1, 2, 15, 16, 17, self.random.randint(1, 28)]
        return self.random.choice([*(first.replace(day=d) for d in days), last_of_month(first)])


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
