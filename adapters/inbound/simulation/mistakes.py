"""What a rule answers in the made-up book: too early, sent by the wrong one, or elsewhere."""

from __future__ import annotations

from datetime import date

from adapters.inbound.simulation import people
from adapters.inbound.simulation.account import Account, Household
from adapters.inbound.simulation.market import CARRIER, a_producer
from domain.dates import add_months


def planned_too_far_ahead(account: Account, household: Household, day: date) -> None:
    """A change that nobody can know yet."""
    account.broker_sends(
        day,
        "change_plan",
        member_id=household.subscriber.member_id,
        plan_id=account.rng.choice(sorted(account.plans)),
        effective_on=add_months(day.replace(day=1), 6),
    )


def sent_by_somebody_else(account: Account, household: Household, day: date) -> None:
    """A producer who is not the agent of record: told that there is no such client."""
    stranger = a_producer(account.rng, other_than=account.producer_on(day))
    person = household.subscriber
    contact = people.contact(account.rng, person)
    account.send(stranger.portal, day, "change_contact", member_id=person.member_id, **contact)


def sent_twice(account: Account, household: Household, day: date) -> None:
    """The answer got lost, so the portal sends the same again with the same key."""
    fields = {"member_id": household.subscriber.member_id, "reason": "lost"}
    line = account.send(account.broker_on(day), day, "order_id_card", **fields)
    account.send_again(line)


def carrier_mistakes(account: Account, day: date) -> None:
    """Terms dated back, or a producer without an appointment."""
    if account.rng.random() < 0.5:
        terms = {"kind": "percent", "percent": "5"}
        first = add_months(day.replace(day=1), -2)
        account.send(CARRIER, day, "set_commission_terms", effective_on=first, terms=terms)
        return
    producer = a_producer(account.rng)
    account.send(
        CARRIER,
        day,
        "assign_agent_of_record",
        producer_id=producer.producer_id,
        agency_id=producer.agency_id,
        licence_number=producer.licence_number,
        licensed_states=["NY"],
        appointed=False,
        letter_received_on=day,
        payee="agency",
    )


def broker_tries(account: Account, day: date) -> None:
    """A change where changes are made elsewhere: with CBIA, or in Evolve (handbook §2)."""
    if account.segment == "medicare_advantage" or day < account.here_from:
        fields = {"member_id": account.new_member_id(), "reason": "new"}
        account.broker_sends(day, "order_id_card", **fields)
