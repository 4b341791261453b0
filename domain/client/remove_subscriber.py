"""Remove a subscriber: "Her last day with us is that day; the family's coverage ends with hers."

Every dependent ends on the same day. A last day before the first covered one cancels from
inception. A removal earlier than one recorded replaces it; a later one is refused. Within 60 days
back (handbook §3).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar, Literal

from domain.client.coverage import find_subscriber, people_of, periods_in, reaches
from domain.client.inputs import Day
from domain.client.periods import end_in_family, is_removed_by
from domain.client.state import Client, Ending
from domain.client.timeliness import check_timely, spend_exception
from domain.dates import next_day
from domain.kernel import Cause, Command, Context, Event
from domain.types import MemberId


class SubscriberRemoved(Event, frozen=True, kw_only=True):
    """A subscriber's coverage ends, and with it that of everyone on it."""

    type: ClassVar[str] = "subscriber_removed"
    member_id: str
    last_day: date
    """The last covered day; before the first covered day: cancelled from inception."""
    dependent_ids: tuple[str, ...] = ()
    """The dependents whose coverage ends by this."""
    exception: str | None = None
    """The transaction that approved an exception to the time limit, spent by this."""

    def evolve(self, client: Client, cause: Cause) -> None:
        family = client.families[self.member_id]
        ending = Ending(cause.transaction_id, self.last_day, removed_id=self.member_id)
        end_in_family(client, family, family.member_ids, ending)
        spend_exception(client, self.member_id, self.exception)

    def members(self) -> Sequence[str]:
        return (self.member_id, *self.dependent_ids)

    def takes_effect_on(self) -> date:
        return self.last_day

    def premium_changes_from(self) -> date:
        return self.last_day


class RemoveSubscriber(Command):
    """End a subscriber's coverage, and that of the dependents on it."""

    sent_by: ClassVar = "broker"
    title: ClassVar = "Remove a subscriber"
    example: ClassVar = {
        "type": "remove_subscriber",
        "member_id": "10000000001",
        "last_day": "2026-03-31",
    }

    type: Literal["remove_subscriber"] = "remove_subscriber"
    member_id: MemberId
    last_day: Day
    """The last covered day; before the first covered day, it cancels from inception."""

    def members(self) -> Sequence[str]:
        return (self.member_id,)

    def asks_effect_on(self) -> date:
        return self.last_day

    def decide(self, client: Client, context: Context) -> list[Event]:
        member = find_subscriber(client, self.member_id)
        family = client.families[self.member_id]
        if is_removed_by(member, self.last_day):
            return []
        exception = check_timely(client, context, self.type, self.member_id, self.last_day)
        first_uncovered = next_day(self.last_day)
        dependent_ids = tuple(
            dependent.member_id
            for dependent in people_of(client, family)
            if dependent is not member
            and any(
                reaches(period, first_uncovered)
                for period in periods_in(dependent, family.subscriber_id)
            )
        )
        return [
            SubscriberRemoved(
                member_id=self.member_id,
                last_day=self.last_day,
                dependent_ids=dependent_ids,
                exception=exception,
            )
        ]
