"""Correct a birth date: "We had it wrong; this is the right one."

No time limit: every month it touches is billed anew, and a child's last covered day moves with it
(handbook §3). A child whom the right date makes too old on the first covered day was never covered.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar, Literal

from domain.client.add_dependent import NOT_YET_BORN
from domain.client.coverage import age_limit
from domain.client.inputs import PersonalDay
from domain.client.lookup import find_member
from domain.client.periods import set_age_limit
from domain.client.state import Client
from domain.kernel import Cause, Command, Context, Event
from domain.types import MemberId, PersonalDate


class BirthDateCorrected(Event, frozen=True, kw_only=True):
    """A member was born on another day than was known."""

    type: ClassVar[str] = "birth_date_corrected"
    member_id: str
    birth_date: PersonalDate
    age_limit: date
    """The last covered day, at the latest, wherever the member is covered as a child."""

    def evolve(self, client: Client, cause: Cause) -> None:
        member = client.members[self.member_id]
        member.birth_date = self.birth_date
        set_age_limit(client, member, self.age_limit)

    def members(self) -> Sequence[str]:
        return (self.member_id,)

    def premium_changes_from(self) -> date:
        return date.min


class CorrectBirthDate(Command):
    """Correct a member's birth date."""

    sent_by: ClassVar = "broker"
    title: ClassVar = "Correct a birth date"
    example: ClassVar = {
        "type": "correct_birth_date",
        "member_id": "10000000001",
        "birth_date": "1987-05-02",
    }

    type: Literal["correct_birth_date"] = "correct_birth_date"
    member_id: MemberId
    birth_date: PersonalDay

    def members(self) -> Sequence[str]:
        return (self.member_id,)

    def decide(self, client: Client, context: Context) -> list[Event]:
        member = find_member(client, self.member_id)
        if member.birth_date == self.birth_date:
            return []
        alive_on = [period.first_day for period in member.periods[:1]]
        earliest = min([*alive_on, context.received_on])
        if self.birth_date > earliest:
            raise NOT_YET_BORN.because(member_id=self.member_id, day=earliest)
        return [
            BirthDateCorrected(
                member_id=self.member_id,
                birth_date=self.birth_date,
                age_limit=age_limit(self.birth_date),
            )
        ]
