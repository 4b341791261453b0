"""Random histories of two clients, of commands of every kind; what makes no sense is refused.

They are billed and pay as they go, with a random source of their own.

A seed says what happens, so that a failure is found again; commands mostly name people who exist
and dates near the day of receipt, so that most of them are accepted.
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from domain.catalog import COMMANDS
from domain.client.state import Client, PartMonthRule, Segment
from domain.dates import add_months, first_of_month, last_of_month
from domain.money import dollars
from tests.projections.histories import History

OPENED = date(2026, 1, 1)
MEMBERS = [f"1000000000{n}" for n in range(1, 9)]
PLANS = ("GOLD", "SILVER")
GROUPS: dict[Segment, str] = {"small_group": "7", "large_group": "80"}
"""The segments of groups, with a number of employees that agrees."""
SEGMENTS: list[Segment] = ["small_group", "large_group", "solo"]
RULES: list[PartMonthRule] = ["full_month", "wash", "daily"]
Facts = dict[str, Any]


def histories() -> st.SearchStrategy[History]:
    """Up to a year of two clients."""
    return st.builds(random_history, st.integers(0, 2**32), st.integers(10, 60))


def random_history(seed: int, steps: int) -> History:
    """The history that a seed stands for."""
    history, random, tills = History(), Random(seed), Random(f"tills {seed}")
    ways = {client_id: Ways(random, random.choice(SEGMENTS)) for client_id in ("C1", "C2")}
    for client_id, way in ways.items():
        for facts in way.opening(random.choice(RULES)):
            history.accept(command(facts), OPENED, client_id)
    on = OPENED
    for _ in range(steps):
        client_id = random.choice(["C1", "C1", "C1", "C2"])
        on += timedelta(days=random.choice([0, 0, 1, 4, 14]))
        history.send(
            command(ways[client_id].anything(history.clients[client_id], on)), on, client_id
        )
        while tills.random() < 0.5:
            history.send(command(billing(tills, history, client_id, on)), on, client_id)
    return history


def billing(random: Random, history: History, client_id: str, on: date) -> Facts:
    """A run, a payment of any kind, or a settlement; paid in full, in part, or too much."""
    account = history.clients[client_id].account
    through, amount = account.billed_through, random.choice([500_00, 1234_56, account.open_cents])
    next_month = add_months(through, 1) if through else OPENED
    paid: Facts = {"type": "post_payment", "amount": dollars(amount or 100_00)}
    credit = dollars(max(1, account.credit_cents // random.choice([1, 2])))
    bounced = {"kind": "bounced", "payment": random.choice([*account.funds] or ["none"])}
    settled: Facts = {"type": "settle_commission", "statement_month": first_of_month(on)}
    run: Facts = {"type": "produce_invoice", "month": next_month}
    return random.choice(
        [
            *[run] * 6,
            *[paid] * 3,
            paid | {"kind": "credit"},
            paid | {"kind": "refund", "amount": credit},
            {"type": "post_payment", **bounced},
            settled,
        ]
    )


def command(facts: Facts) -> Any:
    """The command that a portal would write so."""
    return COMMANDS[facts["type"]].model_validate(facts)


class Ways:
    """What may be asked of a client of a segment."""

    def __init__(self, random: Random, segment: Segment) -> None:
        self.random = random
        self.segment = segment

    def opening(self, rule: PartMonthRule) -> list[Facts]:
        """The client with subgroups MAIN and WEST (a group), two plans, and an agent."""
        opened: Facts = {
            "type": "open_client",
            "name": "Harbor Bakery",
            "segment": self.segment,
            "county": "Hartford",
            "part_month_rule": rule,
            "effective_on": OPENED,
        }
        if self.segment not in GROUPS:
            return [opened, *(self.offer(plan_id, None, OPENED) for plan_id in PLANS)]
        size = {"full_time_employees": GROUPS[self.segment], "part_time_hours": "0"}
        subgroups = [
            {"type": "add_subgroup", "subgroup_id": name, "name": name, "effective_on": OPENED}
            for name in ("MAIN", "WEST")
        ]
        offers = [self.offer(plan_id, s, OPENED) for plan_id in PLANS for s in ("MAIN", "WEST")]
        return [{**opened, **size}, *subgroups, *offers]

    def anything(self, client: Client, on: date) -> Facts:
        """One command of a random kind."""
        kinds = [self.enrol] * 4 + [self.member_acts] * 12 + [self.carrier_acts]
        return self.random.choice(kinds)(client, on)

    def enrol(self, client: Client, on: date) -> Facts:
        """A subscriber, maybe with dependents, or another dependent."""
        newcomer, *others = self.random.sample(MEMBERS, 4)
        first_day = self.day_near(on)
        if client.families and self.random.random() < 0.5:
            added = self.dependent(newcomer) | {"type": "add_dependent", "effective_on": first_day}
            return added | {"subscriber_id": self.random.choice(list(client.families))}
        brought = [self.dependent(m) for m in others[: self.random.choice([0, 0, 1, 3])]]
        return self.person(newcomer) | {
            "type": "add_subscriber",
            "subgroup_id": self.subgroup(),
            "plan_id": self.random.choice(PLANS),
            "effective_on": first_day,
            "dependents": brought,
        }

    def member_acts(self, client: Client, on: date) -> Facts:
        """Something about someone who is there."""
        day, choice = self.day_near(on), self.random.choice
        address = {"line1": "1 Quay St", "city": choice("AB"), "state": "CT", "zip": "06355"}
        facts: list[Facts] = [
            {"type": "change_plan", "plan_id": choice(PLANS), "effective_on": day},
            {
                "type": "change_division",
                "subgroup_id": choice(["MAIN", "WEST"]),
                "effective_on": day,
            },
            {"type": "elect_cobra", "event": "termination"},
            {"type": "reinstate_member", "effective_on": self.day_after_coverage(client) or day},
            {"type": "remove_dependent", "last_day": day - timedelta(days=1)},
            {"type": "remove_subscriber", "last_day": day - timedelta(days=1)},
            {"type": "change_address", "address": address},
            {"type": "change_name", "name": {"first": choice("AB"), "last": "Moor"}},
            {"type": "change_contact", "email": choice(["a@b.org", None]), "phone": None},
            {"type": "correct_birth_date", "birth_date": date(2000 + choice(range(9)), 6, 10)},
            {"type": "order_id_card", "reason": "lost"},
            {"type": "confirm_id_card"},
        ]
        return choice(facts) | {"member_id": choice([*client.members] or MEMBERS)}

    def carrier_acts(self, client: Client, on: date) -> Facts:
        """What the carrier does to the client as a whole; ending it is rare."""
        choice, month = self.random.choice, add_months(first_of_month(on), 1)
        agent: Facts = {
            "type": "assign_agent_of_record",
            "producer_id": choice(["P1", "P2"]),
            "agency_id": "A1",
            "payee": "agency",
            "appointed": True,
            "licence_number": "123456789",
            "licensed_states": ["CT"],
            "letter_received_on": OPENED,
        }
        renewed = {plan_id: self.rate() for plan_id in PLANS}
        terms = {"kind": "percent", "percent": choice("45")}
        ended: Facts = {"type": "terminate_client", "last_day": last_of_month(on)}
        return choice(
            [
                agent,
                agent,
                {"type": "renew_client", "effective_on": month, "rates": renewed},
                {"type": "renew_client", "effective_on": month, "rates": renewed},
                {"type": "set_commission_terms", "effective_on": month, "terms": terms},
                self.offer("BRONZE", self.subgroup(), month),
                {
                    "type": "approve_exception",
                    "member_id": choice(MEMBERS),
                    "transaction_type": "remove_subscriber",
                    "effective_on": on,
                    "reason": "Lost in the mail.",
                },
                ended if self.random.random() < 0.3 else agent,
            ]
        )

    def person(self, member_id: str) -> Facts:
        """Who is added under a member id: always the same person, born from 1975 to 2021."""
        number = int(member_id) % 10
        born = date(2027 - 6 * number, 2, number)
        return {"member_id": member_id, "name": {"first": "A", "last": "B"}, "birth_date": born}

    def dependent(self, member_id: str) -> Facts:
        """The person as a spouse or, more often, a child."""
        return self.person(member_id) | {
            "relationship": self.random.choice(["spouse", "child", "child"])
        }

    def offer(self, plan_id: str, subgroup_id: str | None, day: date) -> Facts:
        """A plan offered to a subgroup, with a rate if it has none yet."""
        facts: Facts = {"type": "offer_plan", "plan_id": plan_id, "name": plan_id.title()}
        facts |= {"subgroup_id": subgroup_id, "effective_on": day}
        return facts if subgroup_id == "WEST" else facts | {"rate": self.rate()}

    def rate(self) -> Facts:
        """A rate of the kind that the segment pays by."""
        dollars = self.random.randint(400, 404)
        if self.segment == "large_group":
            tiers = enumerate(("EMP", "ESP", "ECH", "FAM"))
            return {"tiers": {tier: f"{dollars + n}.00" for n, tier in tiers}}
        return {"base": f"{dollars}.00"}

    def subgroup(self) -> str | None:
        """A subgroup; an individual account names none."""
        return self.random.choice(["MAIN", "WEST"]) if self.segment in GROUPS else None

    def day_near(self, on: date) -> date:
        """A day that may be an effective date: often a 1st, at most some weeks away."""
        first = add_months(first_of_month(on), self.random.choice([-1, 0, 1, 2]))
        return self.random.choice(
            [first, first, first + timedelta(days=self.random.randint(0, 27))]
        )

    def day_after_coverage(self, client: Client) -> date | None:
        """The first day that someone's removal left uncovered."""
        ends = [p.last_day for m in client.members.values() for p in m.periods if p.last_day]
        return self.random.choice(ends) + timedelta(days=1) if ends else None
