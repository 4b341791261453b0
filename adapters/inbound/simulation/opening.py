"""How made-up clients begin: opened, plans offered, an agent, the first people enrolled."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from random import Random
from typing import Any

from adapters.inbound.simulation import billing, people
from adapters.inbound.simulation.account import Account, Household
from adapters.inbound.simulation.market import (
    CARRIER,
    Producer,
    a_producer,
    plans_for,
    rate_of,
    renewed,
)
from adapters.inbound.simulation.people import Person
from domain.client.administration import TRANSITION
from domain.client.open_client import RATING_AREAS
from domain.client.state import PartMonthRule, Segment
from domain.dates import add_months, previous_day
from domain.kernel import Actor

_FIRST_MONTH = date(2023, 7, 1)
_MONTHS = 31
_WITH_PRODUCER = 0.92
_HOUSEHOLDS: dict[Segment, tuple[int, int]] = {
    "large_group": (52, 75),
    "small_group": (2, 12),
    "ffs": (4, 16),
}
_RULES: dict[Segment, tuple[PartMonthRule, ...]] = {
    "large_group": ("daily", "full_month"),
    "small_group": ("wash", "wash", "full_month"),
    "ffs": ("daily", "full_month"),
}


def begin(account: Account) -> None:
    """Put the client's opening on its agenda, and what recurs every year."""
    rng = account.rng
    account.effective_on = add_months(_FIRST_MONTH, rng.randrange(_MONTHS))
    account.plans = plans_for(rng, account.segment)
    account.here_from = _here_from(account)
    opens_on = account.effective_on - timedelta(days=rng.randint(12, 25))
    account.at(opens_on, partial(_open, account))
    renewal = add_months(account.effective_on, 12)
    while renewal <= add_months(_FIRST_MONTH, 48):
        _plan_renewal(account, renewal)
        renewal = add_months(renewal, 12)
    if account.segment != "medicare_advantage":
        _plan_first_enrolments(account)
        billing.begin(account, opens_on)


def _here_from(account: Account) -> date:
    """The effective date; for a group that was CBIA's, its first renewal after the transition."""
    first = account.effective_on
    while account.segment in ("small_group", "ffs") and first < TRANSITION:
        first = add_months(first, 12)
    return first


def _open(account: Account, day: date) -> None:
    rng, segment = account.rng, account.segment
    account.send(
        CARRIER,
        day,
        "open_client",
        name=people.company_name(rng) if account.is_group else _one_persons_name(rng),
        segment=segment,
        state="CT",
        county=rng.choice(sorted(RATING_AREAS)),
        part_month_rule=rng.choice(_RULES.get(segment, ("full_month",))),
        effective_on=account.effective_on,
        **_size(rng, segment),
    )
    if account.is_group:
        account.subgroups = ["MAIN", "EAST", "OFFICE"][: rng.choice((1, 1, 2, 3))]
    for division in account.subgroups:
        name = f"{division.capitalize()} division"
        _carrier_sends(account, day, "add_subgroup", subgroup_id=division, name=name)
    for plan_id, cents in account.plans.items():
        for subgroup_id in account.subgroups or (None,):
            name, rate = f"{plan_id.capitalize()} plan", rate_of(segment, cents)
            offer: dict[str, Any] = {"plan_id": plan_id, "name": name, "rate": rate}
            _carrier_sends(account, day, "offer_plan", subgroup_id=subgroup_id, **offer)
    if rng.random() < _WITH_PRODUCER:
        assign_agent(account, CARRIER, day, a_producer(rng))
    terms = {"terms": {"kind": "percent", "percent": rng.choice(("3.5", "4", "4.5"))}}
    if segment == "large_group":
        terms = {"terms": {"kind": "pmpm", "pmpm": rng.choice(("24.00", "28.00", "31.50"))}}
    _carrier_sends(account, day, "set_commission_terms", **terms)


def _carrier_sends(account: Account, day: date, type_: str, **fields: Any) -> None:
    account.send(CARRIER, day, type_, effective_on=account.effective_on, **fields)


def _one_persons_name(rng: Random) -> str:
    return f"{people.first_name(rng)} {people.last_name(rng)}"


def _size(rng: Random, segment: Segment) -> dict[str, Any]:
    if segment == "large_group":
        numbers = (rng.randint(51, 190), rng.randint(0, 2400))
        return _employees(*numbers) | {"account_manager": "Large Group Desk"}
    return _employees(rng.randint(2, 38), rng.randint(0, 1200)) if segment in _HOUSEHOLDS else {}


def _employees(full_time: int, part_time_hours: int) -> dict[str, Any]:
    return {"full_time_employees": str(full_time), "part_time_hours": str(part_time_hours)}


def assign_agent(account: Account, sender: Actor, day: date, producer: Producer) -> None:
    """Send an assignment that holds from the 1st of the next month."""
    account.send(
        sender,
        day,
        "assign_agent_of_record",
        producer_id=producer.producer_id,
        agency_id=producer.agency_id,
        licence_number=producer.licence_number,
        licensed_states=["CT", "MA"],
        appointed=True,
        letter_received_on=previous_day(day),
        payee="producer" if producer.is_paid_directly else "agency",
    )
    account.agents.append((add_months(day.replace(day=1), 1), producer))


def _plan_renewal(account: Account, renewal: date) -> None:
    def renew(day: date) -> None:
        if account.is_terminated:
            return
        for plan_id, cents in account.plans.items():
            account.plans[plan_id] = renewed(account.rng, cents)
        rates = {plan: rate_of(account.segment, cents) for plan, cents in account.plans.items()}
        account.send(CARRIER, day, "renew_client", effective_on=renewal, rates=rates)

    account.at(renewal - timedelta(days=account.rng.randint(35, 60)), renew)


# ── People ─────────────────────────────────────────────────────────────────────────────────────


def _plan_first_enrolments(account: Account) -> None:
    """The first ones come from the carrier's enrolment file, or from the broker a little late."""
    first = account.here_from
    number = account.rng.randint(*_HOUSEHOLDS.get(account.segment, (1, 1)))
    for _ in range(number):
        by_broker = account.rng.random() < (0.3 if account.is_group else 0.7)
        days = (1, 12) if by_broker else (-10, -3)
        account.later(first, *days, partial(enrol, account, effective_on=first))


def enrol(account: Account, day: date, effective_on: date) -> None:
    """A household joins: the subscriber, and the family it brings along."""
    rng = account.rng
    household = _household(account, effective_on)
    subscriber = household.subscriber
    account.send(
        account.broker_on(day),
        day,
        "add_subscriber",
        member_id=subscriber.member_id,
        subgroup_id=household.subgroup_id,
        plan_id=household.plan_id,
        effective_on=effective_on,
        name=subscriber.name(),
        birth_date=subscriber.birth_date,
        address=household.address,
        contact=people.contact(rng, subscriber) if rng.random() < 0.8 else None,
        dependents=[
            {
                "member_id": person.member_id,
                "relationship": person.relationship,
                "name": person.name(),
                "birth_date": person.birth_date.isoformat(),
            }
            for person in household.dependents
        ],
    )
    account.households.append(household)


def _household(account: Account, first_day: date) -> Household:
    rng = account.rng
    youngest, oldest = (20, 63)
    born = people.birth_date(rng, youngest, oldest, first_day)
    last = people.last_name(rng)
    subscriber = Person(
        account.new_member_id(), "subscriber", people.first_name(rng), last, born, first_day
    )
    dependents = []
    if rng.random() < 0.45:
        partner = rng.choice(("spouse", "spouse", "spouse", "domestic_partner"))
        dependents.append(relative(account, partner, last, 22, 62, first_day))
    if rng.random() < 0.4:
        for _ in range(rng.choice((1, 1, 2, 2, 3, 4))):
            dependents.append(relative(account, "child", last, 0, 24, first_day))
    return Household(
        subscriber,
        dependents,
        plan_id=rng.choice(sorted(account.plans)),
        subgroup_id=rng.choice(account.subgroups) if account.subgroups else None,
        address=people.address(rng),
    )


def relative(
    account: Account, relationship: Any, last: str, age_min: int, age_max: int, first_day: date
) -> Person:
    """Somebody who joins a household, of an age between two."""
    rng = account.rng
    return Person(
        account.new_member_id(),
        relationship,
        people.first_name(rng),
        last,
        people.birth_date(rng, age_min, age_max, first_day),
        first_day,
    )
