"""Elect COBRA: "She has left the company and goes on with the coverage at her own cost."

A removed subscriber of a group, received within 60 days after the last covered day, goes on without
a gap, with the dependents covered on that day, at 102 % of the premium, for at most 18, 29 or 36
months, depending on the event (handbook §3).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar, Literal

from domain.client.account_days import require_within_account
from domain.client.coverage import covers, find_subscriber, people_of, periods_in, subscriber_of
from domain.client.inputs import Day
from domain.client.periods import end_cobra_before, in_cobra, settle, settled_end
from domain.client.reinstate_member import NOT_REMOVED
from domain.client.state import Client, Cobra, CobraEvent, Ending, Family, Member, Period
from domain.client.timeliness import require_not_too_far_ahead
from domain.dates import last_day_of_months, next_day
from domain.kernel import Cause, Command, Context, Event, Refusal
from domain.types import MemberId

COBRA_GROUPS_ONLY = Refusal(
    "cobra_groups_only", "COBRA continues the coverage of a group: an individual account has none."
)
COBRA_ALREADY_ELECTED = Refusal(
    "cobra_already_elected",
    "Member {member_id} has elected COBRA from {first_day} already, for a {event} event.",
)
COBRA_TOO_LATE = Refusal(
    "cobra_too_late",
    "COBRA is elected within {limit} days after the last covered day, {last_day}; this was "
    "received on {received_on}.",
)
COBRA_LEAVES_GAP = Refusal(
    "cobra_leaves_gap", "COBRA goes on without a gap: for member {member_id} from {first_day}."
)

ELECTION_DAYS = 60
"""After the last covered day."""
LONGEST_MONTHS: dict[CobraEvent, int] = {
    "termination": 18,
    "disability": 29,
    "dependent_event": 36,
}


class CobraElected(Event, frozen=True, kw_only=True):
    """A subscriber whose coverage ended goes on at 102 %, for a limited time."""

    type: ClassVar[str] = "cobra_elected"
    member_id: str
    event: CobraEvent
    first_day: date
    last_day: date
    """The last day of the longest duration."""
    dependent_ids: tuple[str, ...] = ()
    """The dependents who go on too."""

    def evolve(self, client: Client, cause: Cause) -> None:
        family = client.families[self.member_id]
        limit = Ending(cause.transaction_id, self.last_day, kind="cobra_limit")
        for member_id in (self.member_id, *self.dependent_ids):
            member = client.members[member_id]
            member.periods[-1] = in_cobra(member.periods[-1], self.member_id, limit)
            member.cancelled.clear()
            settle(client, member)
        end_cobra_before(family, self.first_day)
        family.cobra.append(Cobra(self.event, self.first_day, self.last_day, cause.transaction_id))

    def members(self) -> Sequence[str]:
        return (self.member_id, *self.dependent_ids)

    def takes_effect_on(self) -> date:
        return self.first_day

    def premium_changes_from(self) -> date:
        return self.first_day


class ElectCobra(Command):
    """Continue a removed subscriber's group coverage under COBRA."""

    sent_by: ClassVar = "broker"
    title: ClassVar = "Elect COBRA"
    example: ClassVar = {
        "type": "elect_cobra",
        "member_id": "10000000001",
        "event": "termination",
    }

    type: Literal["elect_cobra"] = "elect_cobra"
    member_id: MemberId
    """The removed subscriber."""
    event: CobraEvent
    effective_on: Day | None = None
    """If stated, the day after the last covered one: there is no other choice."""

    def members(self) -> Sequence[str]:
        return (self.member_id,)

    def decide(self, client: Client, context: Context) -> list[Event]:
        if not client.is_group:
            raise COBRA_GROUPS_ONLY.because()
        subscriber = find_subscriber(client, self.member_id)
        family = client.families[self.member_id]
        periods = periods_in(subscriber, self.member_id)
        if not periods or periods[-1].last_day is None:
            raise NOT_REMOVED.because(member_id=self.member_id)
        running = _cobra_held(family, periods[-1].last_day)
        if running is not None:
            return self._asked_again(running, periods[-1])
        last_day = periods[-1].last_day
        first_day = next_day(last_day)
        require_within_account(client, first_day)
        if self.effective_on not in (None, first_day):
            raise COBRA_LEAVES_GAP.because(member_id=self.member_id, first_day=first_day)
        if (context.received_on - last_day).days > ELECTION_DAYS:
            raise COBRA_TOO_LATE.because(
                limit=ELECTION_DAYS, last_day=last_day, received_on=context.received_on
            )
        require_not_too_far_ahead(context, first_day)
        limit = last_day_of_months(first_day, LONGEST_MONTHS[self.event])
        return [
            CobraElected(
                member_id=self.member_id,
                event=self.event,
                first_day=first_day,
                last_day=limit,
                dependent_ids=_going_on(client, family, last_day, limit),
            )
        ]

    def _asked_again(self, running: Cobra, period: Period) -> list[Event]:
        """Nothing, if the same was elected and still holds; only one COBRA follows a coverage."""
        same = self.event == running.event and self.effective_on in (None, running.first_day)
        if same and period.endings[-1].kind == "cobra_limit":
            return []
        raise COBRA_ALREADY_ELECTED.because(
            member_id=self.member_id, first_day=running.first_day, event=running.event
        )


def _cobra_held(family: Family, last_day: date) -> Cobra | None:
    """The COBRA that the coverage ending on that day was part of."""
    for cobra in family.cobra:
        if cobra.first_day <= last_day <= cobra.last_day:
            return cobra
    return None


def _going_on(client: Client, family: Family, last_day: date, limit: date) -> tuple[str, ...]:
    """The dependents who were covered on the last day, and whom nothing else ends then."""
    ending = Ending("", limit, kind="cobra_limit")

    def goes_on(member: Member) -> bool:
        if member.member_id == family.subscriber_id or not member.periods:
            return False
        period = member.periods[-1]
        if subscriber_of(member, period) != family.subscriber_id or not covers(period, last_day):
            return False
        continued = settled_end(client, in_cobra(period, family.subscriber_id, ending))
        return covers(continued, next_day(last_day))

    return tuple(person.member_id for person in people_of(client, family) if goes_on(person))
