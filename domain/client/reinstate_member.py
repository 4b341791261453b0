"""Reinstate a member: "She was removed by mistake: it should be as if it had not been."

Undoes the last removal, without a gap; a subscriber's with the dependents that ended on the same
one. Removals that it had replaced stand again. Its effective date is the day that would have been
the first uncovered one (handbook §3). As it undoes a removal, it may come as late as one: within
60 days.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import ClassVar, Literal, NamedTuple

from domain.client.add_dependent import PARTNERS, require_no_partner
from domain.client.coverage import (
    covered_on,
    people_of,
    relationship_in,
    require_covered,
)
from domain.client.inputs import Day
from domain.client.lookup import find_member
from domain.client.periods import (
    is_cancelled,
    recorded_periods,
    settled_end,
    undo_removal,
    without,
)
from domain.client.state import Client, Family, Member, Period
from domain.client.timeliness import check_timely, spend_exception
from domain.dates import next_day
from domain.kernel import Cause, Command, Context, Event, Refusal
from domain.types import MemberId

NOT_REMOVED = Refusal(
    "not_removed", "Member {member_id} has not been removed: there is nothing to undo."
)
LEAVES_GAP = Refusal(
    "not_first_uncovered_day",
    "The removal left member {member_id} uncovered from {day} on: that is the day on which a "
    "reinstatement takes effect.",
)


class MemberReinstated(Event, frozen=True, kw_only=True):
    """A removal is undone: coverage goes on as if it had not been."""

    type: ClassVar[str] = "member_reinstated"
    member_id: str
    subscriber_id: str
    first_day: date
    """The day that the removal had left uncovered first."""
    removal: str
    """The transaction that is undone."""
    dependent_ids: tuple[str, ...] = ()
    """The dependents of a subscriber whose coverage comes back with theirs."""
    exception: str | None = None
    """The transaction that approved an exception to the time limit, spent by this."""

    def evolve(self, client: Client, cause: Cause) -> None:
        undo_removal(client, client.families[self.subscriber_id], self.removal)
        client.members[self.member_id].reinstated_from = self.first_day
        spend_exception(client, self.member_id, self.exception)

    def members(self) -> Sequence[str]:
        return (self.member_id, *self.dependent_ids)

    def takes_effect_on(self) -> date:
        return self.first_day

    def premium_changes_from(self) -> date:
        return self.first_day


class _Regained(NamedTuple):
    """A period that an undone removal gives back, in part or whole."""

    member: Member
    first_day: date
    """The first day that is covered again."""
    period: Period


class ReinstateMember(Command):
    """Undo the last removal of a member."""

    sent_by: ClassVar = "broker"
    title: ClassVar = "Reinstate a member"
    example: ClassVar = {
        "type": "reinstate_member",
        "member_id": "10000000001",
        "effective_on": "2026-04-01",
    }

    type: Literal["reinstate_member"] = "reinstate_member"
    member_id: MemberId
    effective_on: Day
    """The day that would have been the first uncovered one."""

    def members(self) -> Sequence[str]:
        return (self.member_id,)

    def decide(self, client: Client, context: Context) -> list[Event]:
        member = find_member(client, self.member_id)
        family = client.family_of(self.member_id)
        if member.reinstated_from == self.effective_on and covered_on(member, self.effective_on):
            return []
        removal = _last_removal(member)
        regained = list(_regained(client, family, removal)) if removal is not None else []
        own = [back for back in regained if back.member is member]
        if removal is None or not own:
            if member.relationship != "subscriber":
                require_covered(client.members[family.subscriber_id], self.effective_on)
            raise NOT_REMOVED.because(member_id=self.member_id)
        first_day = min(back.first_day for back in own)
        if first_day != self.effective_on:
            raise LEAVES_GAP.because(member_id=self.member_id, day=first_day)
        _require_one_partner(client, family, own)
        exception = check_timely(client, context, self.type, self.member_id, first_day)
        others = dict.fromkeys(back.member.member_id for back in regained if back not in own)
        return [
            MemberReinstated(
                member_id=self.member_id,
                subscriber_id=family.subscriber_id,
                first_day=first_day,
                removal=removal,
                dependent_ids=tuple(others),
                exception=exception,
            )
        ]


def _last_removal(member: Member) -> str | None:
    """The transaction of the member's own last removal that stands, in the present family.

    A removal ends every period there is, so the latest period that has one has the last one.
    """
    for period in reversed(recorded_periods(member)):
        for ending in reversed(period.endings):
            if ending.removed_id == member.member_id:
                return ending.transaction_id
    return None


def _regained(client: Client, family: Family, removal: str) -> Iterator[_Regained]:
    """What comes back, for everyone in the family, if the removal is undone."""
    for member in people_of(client, family):
        for before in member.periods + member.cancelled:
            after = settled_end(client, without(before, removal))
            if is_cancelled(after) or after.last_day == before.last_day:
                continue
            first_day = before.first_day
            if before.last_day is not None and not is_cancelled(before):
                first_day = next_day(before.last_day)
            yield _Regained(member, first_day, after)


def _require_one_partner(client: Client, family: Family, own: Sequence[_Regained]) -> None:
    for member, first_day, period in own:
        if relationship_in(member, period) in PARTNERS:
            require_no_partner(client, family, member.member_id, first_day, period.last_day)
