"""Assign an agent of record: "From the 1st, this producer serves the client."

The client's letter asks for it, and the producer must be licensed in the client's state and
appointed. It holds from the 1st of the month after receipt; for a group of 51 or more that has no
producer, from its next renewal. Nobody assigns themselves, but the current agent of record may hand
the client to another (handbook §6). What the sender attests of the producer is kept as evidence.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal

import msgspec
from pydantic import Field, StrictBool

from domain.client.access import agent_on
from domain.client.account_days import require_not_terminated
from domain.client.inputs import Day, Input, Label, PercentText, StateCode, basis_points
from domain.client.licence import nine_digits
from domain.client.state import AgentFrom, Client, Share
from domain.client.timeline import in_force, set_from
from domain.dates import add_months, first_of_month, first_of_next_month
from domain.kernel import Cause, Command, Context, Event, Refusal
from domain.types import Code

LETTER_MISSING = Refusal(
    "letter_missing", "A change of the agent of record needs the client's letter, received by now."
)
PRODUCER_NOT_APPOINTED = Refusal(
    "producer_not_appointed",
    "Producer {producer_id} is not both licensed in {state} and appointed.",
)
SELF_ASSIGNMENT = Refusal(
    "self_assignment", "Producer {producer_id} cannot assign themselves to a client."
)
SHARES_DO_NOT_ADD_UP = Refusal(
    "shares_do_not_add_up", "The shares of the commission add up to {total} %, not to 100 %."
)

_WHOLE = 10_000
"""All of the commission, in hundredths of a percent."""


class AgentOfRecordAssigned(Event, frozen=True, kw_only=True):
    """A producer serves the client from the 1st of a month on."""

    type: ClassVar[str] = "agent_of_record_assigned"
    first_day: date
    producer_id: str
    agency_id: str
    payee: Literal["agency", "producer"]
    shares: tuple[Share, ...]
    licence_number: str
    licensed_states: tuple[str, ...]
    letter_received_on: date

    def evolve(self, client: Client, cause: Cause) -> None:
        set_from(client.agents, self.entry(cause.transaction_id))

    def takes_effect_on(self) -> date:
        return self.first_day

    def entry(self, transaction_id: str) -> AgentFrom:
        """The entry in the client's timeline of agents that a transaction makes."""
        return AgentFrom(
            first_day=self.first_day,
            producer_id=self.producer_id,
            agency_id=self.agency_id,
            payee=self.payee,
            shares=self.shares,
            licence_number=self.licence_number,
            transaction_id=transaction_id,
        )


class ShareIn(Input):
    """A payee's share of the commission, in percent."""

    payee_id: Code
    percent: PercentText


class AssignAgentOfRecord(Command):
    """Assign an agent of record, or hand the client to another."""

    sent_by: ClassVar = "carrier"
    title: ClassVar = "Assign an agent of record"
    example: ClassVar = {
        "type": "assign_agent_of_record",
        "producer_id": "P2",
        "agency_id": "A2",
        "licence_number": "2345678",
        "licensed_states": ["CT", "MA"],
        "appointed": True,
        "letter_received_on": "2025-12-10",
        "payee": "agency",
        "shares": [{"payee_id": "A2", "percent": "70"}, {"payee_id": "P2", "percent": "30"}],
    }

    type: Literal["assign_agent_of_record"] = "assign_agent_of_record"
    producer_id: Code
    agency_id: Code
    licence_number: Label
    licensed_states: Annotated[tuple[StateCode, ...], Field(max_length=60)]
    appointed: StrictBool
    letter_received_on: Day | None = None
    payee: Literal["agency", "producer"]
    shares: Annotated[tuple[ShareIn, ...], Field(max_length=20)] = ()
    """In the order in which they are paid; without any, the payee has all."""

    def decide(self, client: Client, context: Context) -> list[Event]:
        if context.actor.role == "portal" and self.producer_id == context.actor.producer_id:
            raise SELF_ASSIGNMENT.because(producer_id=self.producer_id)
        letter = self.letter_received_on
        if letter is None or letter > context.received_on:
            raise LETTER_MISSING.because()
        licence_number = nine_digits(self.licence_number)
        if not (self.appointed and client.state in self.licensed_states):
            raise PRODUCER_NOT_APPOINTED.because(producer_id=self.producer_id, state=client.state)
        first_day = _first_day(client, context.received_on)
        require_not_terminated(client, first_day)
        assigned = AgentOfRecordAssigned(
            first_day=first_day,
            producer_id=self.producer_id,
            agency_id=self.agency_id,
            payee=self.payee,
            shares=self._shares(),
            licence_number=licence_number,
            licensed_states=self.licensed_states,
            letter_received_on=letter,
        )
        return [] if _holds_already(client, assigned) else [assigned]

    def _shares(self) -> tuple[Share, ...]:
        if not self.shares:
            payee_id = self.agency_id if self.payee == "agency" else self.producer_id
            return (Share(payee_id, _WHOLE),)
        shares = tuple(Share(share.payee_id, basis_points(share.percent)) for share in self.shares)
        total = sum(share.basis_points for share in shares)
        if total != _WHOLE:
            raise SHARES_DO_NOT_ADD_UP.because(total=f"{total // 100}.{total % 100:02}")
        return shares


def _first_day(client: Client, received_on: date) -> date:
    """The 1st from which an assignment received on that day holds."""
    if client.segment == "large_group" and agent_on(client, received_on) is None:
        return _next_renewal(client, received_on)
    return first_of_next_month(received_on)


def _next_renewal(client: Client, after: date) -> date:
    """When the client's next plan year starts: as recorded, else twelve months after the last."""
    upcoming = [day for day in client.plan_years if day > after]
    if upcoming:
        return upcoming[0] if upcoming[0].day == 1 else first_of_next_month(upcoming[0])
    renewal = first_of_month(client.plan_years[-1])
    while renewal <= after:
        renewal = add_months(renewal, 12)
    return renewal


def _holds_already(client: Client, assigned: AgentOfRecordAssigned) -> bool:
    current = in_force(client.agents, assigned.first_day)
    if current is None:
        return False
    as_if_new = assigned.entry(current.transaction_id)
    return msgspec.structs.replace(as_if_new, first_day=current.first_day) == current
