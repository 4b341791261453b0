"""What may be asked of one client that is billed: commands of every kind that changes its bills.

Near the days and ages that premium turns on; what makes no sense is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from domain.client.state import Client, PartMonthRule, Segment
from domain.dates import add_months, first_of_month, last_of_month
from domain.money import dollars
from tests.projections.random_histories import MEMBERS, PLANS, Facts, Ways

SIZES: dict[Segment, str] = {"small_group": "7", "ffs": "9", "large_group": "80"}
PEOPLE = [*MEMBERS, *(f"300000000{n}" for n in range(10, 20))]
NEWBORNS = [f"2000000000{n}" for n in range(1, 7)]


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
