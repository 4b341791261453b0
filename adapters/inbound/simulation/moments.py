"""What happens in households and accounts: hires, births, moves, removals, and people's mistakes.

Chances are for one household and month, and for one account and month.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

from adapters.inbound.simulation import endings, mistakes, people
from adapters.inbound.simulation.account import Account, Household
from adapters.inbound.simulation.market import CARRIER, a_producer
from adapters.inbound.simulation.opening import assign_agent, enrol, relative
from adapters.inbound.simulation.people import Person
from domain.client.add_dependent import PARTNERS
from domain.dates import add_months, days_in_month

HouseholdMoment = Callable[[Account, Household, date], None]
AccountMoment = Callable[[Account, date], None]


def month(account: Account, first_day: date) -> None:
    """Put what happens in a month on the agenda."""
    rng = account.rng
    if account.is_terminated:
        return
    for chance, moment in ACCOUNT_MOMENTS:
        if rng.random() < chance and (account.is_group or moment is not hires):
            account.at(_a_day(account, first_day), partial(moment, account))
    more = 1 if account.is_group else 2
    for household in account.households:
        if not household.everyone(first_day):
            continue
        for likelihood, happens in HOUSEHOLD_MOMENTS:
            if rng.random() < likelihood * more:
                account.at(
                    _a_day(account, first_day), partial(_happens, happens, account, household)
                )


def _happens(moment: HouseholdMoment, account: Account, household: Household, day: date) -> None:
    if household.subscriber.covered_on(day):
        moment(account, household, day)


def _a_day(account: Account, first_day: date) -> date:
    return first_day.replace(day=account.rng.randint(1, days_in_month(first_day)))


def _anyone(account: Account, household: Household, day: date) -> Person:
    return account.rng.choice(household.everyone(day))


# ── A household's moments ──────────────────────────────────────────────────────────────────────


def moves(account: Account, household: Household, day: date) -> None:
    """A new address; now and then it is sent twice, and the second asks for what holds."""
    household.address = people.address(account.rng)
    for _ in range(account.rng.choice((1, 1, 1, 2))):
        account.broker_sends(
            day,
            "change_address",
            member_id=household.subscriber.member_id,
            address=household.address,
        )


def changes_contact(account: Account, household: Household, day: date) -> None:
    """A new e-mail address and telephone number."""
    person = household.subscriber
    contact = people.contact(account.rng, person)
    account.broker_sends(day, "change_contact", member_id=person.member_id, **contact)


def changes_name(account: Account, household: Household, day: date) -> None:
    """A new last name, and a card that shows it."""
    person = _anyone(account, household, day)
    person.last = people.last_name(account.rng)
    account.broker_sends(day, "change_name", member_id=person.member_id, name=person.name())
    if account.rng.random() < 0.6:
        order_card(account, household, person, day, "name_change")


def has_newborn(account: Account, household: Household, day: date) -> None:
    """A child, covered from birth; told within two months, or too late."""
    born = day - timedelta(days=account.rng.choice((3, 10, 20, 35, 50, 59, 75)))
    if household.subscriber.first_day > born:
        return
    child = relative(account, "child", household.subscriber.last, 0, 0, born)
    child.birth_date = born
    _add_dependent(account, household, child, day, reason="birth")


def marries(account: Account, household: Household, day: date) -> None:
    """A spouse joins; a second one, whom somebody enters by mistake, is refused."""
    if _has_partner(household, day) and account.rng.random() < 0.85:
        return
    first = max(day - timedelta(days=account.rng.randint(0, 28)), household.subscriber.first_day)
    spouse = relative(account, "spouse", household.subscriber.last, 22, 60, first)
    _add_dependent(account, household, spouse, day)


def _add_dependent(
    account: Account, household: Household, person: Person, day: date, **more: Any
) -> None:
    taken = _has_partner(household, person.first_day)
    account.broker_sends(
        day,
        "add_dependent",
        subscriber_id=household.subscriber.member_id,
        member_id=person.member_id,
        relationship=person.relationship,
        effective_on=person.first_day,
        name=person.name(),
        birth_date=person.birth_date,
        **more,
    )
    if not (taken and person.relationship in PARTNERS):
        household.dependents.append(person)


def _has_partner(household: Household, day: date) -> bool:
    return any(person.relationship in PARTNERS for person in household.everyone(day))


def corrects_birth_date(account: Account, household: Household, day: date) -> None:
    """A birth date that was off by a few days."""
    person = _anyone(account, household, day)
    person.birth_date -= timedelta(days=account.rng.randint(1, 9))
    account.broker_sends(
        day,
        "correct_birth_date",
        member_id=person.member_id,
        birth_date=person.birth_date,
    )


def changes_plan(account: Account, household: Household, day: date) -> None:
    """The whole family moves to another plan, from the 1st of next month or a day near."""
    others = sorted(account.plans.keys() - {household.plan_id})
    household.plan_id = account.rng.choice(others)
    effective = account.rng.choice((add_months(day.replace(day=1), 1), day))
    account.broker_sends(
        day,
        "change_plan",
        member_id=household.subscriber.member_id,
        plan_id=household.plan_id,
        effective_on=effective,
    )
    if account.rng.random() < 0.5:
        order_card(account, household, household.subscriber, day, "plan_change")


def changes_division(account: Account, household: Household, day: date) -> None:
    """Another division of the group."""
    others = [each for each in account.subgroups if each != household.subgroup_id]
    if others:
        household.subgroup_id = account.rng.choice(others)
        account.broker_sends(
            day,
            "change_division",
            member_id=household.subscriber.member_id,
            subgroup_id=household.subgroup_id,
            effective_on=add_months(day.replace(day=1), 1),
        )


def loses_card(account: Account, household: Household, day: date) -> None:
    """Somebody needs a new card; the impatient order it twice."""
    person = _anyone(account, household, day)
    order_card(account, household, person, day, account.rng.choice(("lost", "lost", "new")))
    if account.rng.random() < 0.15:
        reason = {"member_id": person.member_id, "reason": "lost"}
        account.broker_sends(day, "order_id_card", **reason)


def order_card(
    account: Account, household: Household, person: Person, day: date, reason: str
) -> None:
    """Order a card; most are mailed within some days, a few never are."""
    account.broker_sends(day, "order_id_card", member_id=person.member_id, reason=reason)
    if account.rng.random() < 0.96 and not household.card_open:
        household.card_open = True

        def mailed(on: date) -> None:
            household.card_open = False
            account.send(CARRIER, on, "confirm_id_card", member_id=person.member_id)

        account.later(day, 1, 8, mailed)


# ── An account's moments ───────────────────────────────────────────────────────────────────────


def hires(account: Account, day: date) -> None:
    """A new employee, covered from the 1st of next month."""
    first = add_months(day.replace(day=1), 1)
    if first >= account.here_from:
        enrol(account, day, first)


def changes_agent(account: Account, day: date) -> None:
    """By the client's letter, or handed over by the agent of record."""
    current = account.producer_on(day)
    by_agent = current is not None and account.rng.random() < 0.4
    sender = account.broker_on(day) if by_agent else CARRIER
    assign_agent(account, sender, day, a_producer(account.rng, other_than=current))


HOUSEHOLD_MOMENTS: tuple[tuple[float, HouseholdMoment], ...] = (
    (0.010, moves),
    (0.008, changes_contact),
    (0.004, changes_name),
    (0.006, has_newborn),
    (0.004, marries),
    (0.002, endings.loses_dependent),
    (0.001, corrects_birth_date),
    (0.006, changes_plan),
    (0.003, changes_division),
    (0.015, loses_card),
    (0.011, endings.leaves),
    (0.001, endings.removed_too_late),
    (0.001, mistakes.planned_too_far_ahead),
    (0.001, mistakes.sent_by_somebody_else),
    (0.001, mistakes.sent_twice),
)
ACCOUNT_MOMENTS: tuple[tuple[float, AccountMoment], ...] = (
    (0.080, hires),
    (0.015, changes_agent),
    (0.006, mistakes.carrier_mistakes),
    (0.050, mistakes.broker_tries),
    (0.003, endings.terminates),
)
