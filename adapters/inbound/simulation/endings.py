"""How coverage of made-up people ends: who leaves, goes on under COBRA, or comes back."""

from __future__ import annotations

from datetime import date, timedelta

from adapters.inbound.simulation.account import Account, Household
from adapters.inbound.simulation.market import CARRIER, EXCHANGE
from adapters.inbound.simulation.people import Person
from domain.dates import add_months, last_of_month, next_day
from domain.kernel import Actor


def leaves(account: Account, household: Household, day: date) -> None:
    """The subscriber leaves with everyone; some come back, go on under COBRA, or left earlier."""
    rng = account.rng
    last_day = last_of_month(day)
    if rng.random() < 0.3:
        last_day = day - timedelta(days=rng.randint(0, 50))
    last_day = max(last_day, household.subscriber.first_day)
    send_ending(account, day, "remove_subscriber", household.subscriber, last_day)
    for person in household.everyone(next_day(last_day)):
        person.last_day = last_day
    _what_follows(account, household, day, last_day)


def _what_follows(account: Account, household: Household, day: date, last_day: date) -> None:
    rng, subscriber = account.rng, household.subscriber
    chance = rng.random()

    def elects_cobra(on: date) -> None:
        event = rng.choice(("termination", "termination", "dependent_event"))
        account.broker_sends(on, "elect_cobra", member_id=subscriber.member_id, event=event)

    def is_reinstated(on: date) -> None:
        first = next_day(last_day)
        account.broker_sends(
            on, "reinstate_member", member_id=subscriber.member_id, effective_on=first
        )
        for person in (subscriber, *household.dependents):
            if person.last_day == last_day:
                person.last_day = None

    def left_earlier(on: date) -> None:
        earlier = max(last_day - timedelta(days=rng.randint(5, 20)), subscriber.first_day)
        send_ending(account, on, "remove_subscriber", subscriber, earlier)

    def left_later(on: date) -> None:
        send_ending(account, on, "remove_subscriber", subscriber, next_day(last_day))

    if chance < 0.2 and account.is_group:
        account.later(max(day, last_day), 2, 70, elects_cobra)
    elif chance < 0.35:
        account.later(day, 1, 25, is_reinstated)
    elif chance < 0.42:
        account.later(day, 1, 10, left_earlier)
    elif chance < 0.48:
        account.later(day, 1, 10, left_later)


def send_ending(account: Account, day: date, type_: str, person: Person, last_day: date) -> None:
    """Who may end coverage depends on the segment; brokers do not always remember (§2)."""
    sender: Actor = account.broker_on(day)
    forgets = account.rng.random() < 0.2
    if account.segment == "exchange" and not forgets:
        sender = EXCHANGE
    if account.segment == "solo":
        if forgets:
            account.send(sender, day, type_, member_id=person.member_id, last_day=last_day)
        sender = CARRIER
    account.send(sender, day, type_, member_id=person.member_id, last_day=last_day)


def loses_dependent(account: Account, household: Household, day: date) -> None:
    """A divorce, or a child with coverage of their own."""
    leaving = household.everyone(day)[1:]
    if leaving:
        person = account.rng.choice(leaving)
        person.last_day = max(last_of_month(day), person.first_day)
        send_ending(account, day, "remove_dependent", person, person.last_day)


def removed_too_late(account: Account, household: Household, day: date) -> None:
    """A notice that lay around for months; carrier staff sometimes let it through."""
    person = household.subscriber
    last_day = max(last_of_month(add_months(day, -4)), person.first_day)
    send_ending(account, day, "remove_subscriber", person, last_day)
    if account.rng.random() < 0.5 or account.segment in ("solo", "exchange"):
        return

    def approved(on: date) -> None:
        account.send(
            CARRIER,
            on,
            "approve_exception",
            member_id=person.member_id,
            transaction_type="remove_subscriber",
            effective_on=last_day,
            reason="The employer's notice was delivered late.",
        )
        send_ending(account, on, "remove_subscriber", person, last_day)
        for each in (person, *household.dependents):
            each.last_day = min(each.last_day or last_day, last_day)

    account.later(day, 2, 9, approved)


def terminates(account: Account, day: date) -> None:
    """The client leaves as a whole."""
    elsewhere = account.segment in ("exchange", "medicare_advantage") or day < account.here_from
    if not elsewhere:
        last_day = last_of_month(day)
        account.send(CARRIER, day, "terminate_client", last_day=last_day)
        account.is_terminated = True
        for household in account.households:
            for person in household.everyone(next_day(last_day)):
                person.last_day = last_day
