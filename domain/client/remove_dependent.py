"""Remove a dependent: "He is no longer covered with her after that day."

A last day before the first covered one cancels from inception. A removal earlier than one recorded
replaces it; a later one is refused. Within 60 days back (handbook §3).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar, Literal

from domain.client.coverage import NOT_A_DEPENDENT
from domain.client.inputs import Day
from domain.client.lookup import find_member
from domain.client.periods import end_in_family, is_removed_by
from domain.client.state import Client, Ending
from domain.client.timeliness import check_timely, spend_exception
from domain.kernel import Cause, Command, Context, Event
from domain.types import MemberId


class DependentRemoved(Event, frozen=True, kw_only=True):
    """A dependent's coverage ends, the subscriber's does not."""

    type: ClassVar[str] = "dependent_removed"
    member_id: str
    subscriber_id: str
    last_day: date
    """The last covered day; before the first covered day: cancelled from inception."""
    exception: str | None = None
    """The transaction that approved an exception to the time limit, spent by this."""

    def evolve(self, client: Client, cause: Cause) -> None:
        family = client.families[self.subscriber_id]
        ending = Ending(cause.transaction_id, self.last_day, removed_id=self.member_id)
        end_in_family(client, family, (self.member_id,), ending)
        spend_exception(client, self.member_id, self.exception)

    def members(self) -> Sequence[str]:
        return (self.member_id, self.subscriber_id)

    def takes_effect_on(self) -> date:
        return self.last_day

    def premium_changes_from(self) -> date:
        return self.last_day


class RemoveDependent(Command):
    """End a dependent's coverage."""

    sent_by: ClassVar = "broker"
    title: ClassVar = "Remove a dependent"
    example: ClassVar = {
        "type": "remove_dependent",
        "member_id": "10000000002",
        "last_day": "2026-03-31",
    }

    type: Literal["remove_dependent"] = "remove_dependent"
    member_id: MemberId
    last_day: Day
    """The last covered day; before the first covered day, it cancels from inception."""

    def members(self) -> Sequence[str]:
        return (self.member_id,)

    def asks_effect_on(self) -> date:
        return self.last_day

    def decide(self, client: Client, context: Context) -> list[Event]:
        member = find_member(client, self.member_id)
        if member.relationship == "subscriber":
            raise NOT_A_DEPENDENT.because(member_id=self.member_id)
        if is_removed_by(member, self.last_day):
            return []
        exception = check_timely(client, context, self.type, self.member_id, self.last_day)
        return [
            DependentRemoved(
                member_id=self.member_id,
                subscriber_id=member.subscriber_id,
                last_day=self.last_day,
                exception=exception,
            )
        ]
