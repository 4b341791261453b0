"""Add a dependent: "Her husband, or their child, is to be covered with her from that date."

A spouse, a domestic partner or a child; one spouse or partner at a time; a child through the month
of the 26th birthday; covered only while the subscriber is (handbook §3). A newborn or adopted child
is covered from the day of the birth or adoption, and may be reported within 61 days of it; anyone
else within 31. Who was a member before may return.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar, Literal

from msgspec.structs import replace

from domain.client.account_days import require_within_account
from domain.client.coverage import (
    age_limit,
    covers,
    find_subscriber,
    people_of,
    periods_in,
    reaches,
    relationship_in,
    require_covered,
)
from domain.client.inputs import AddressIn, ContactIn, Day, Input, NameIn, PersonalDay
from domain.client.periods import begin, join
from domain.client.state import (
    Address,
    Client,
    ContactPoints,
    Family,
    Member,
    Period,
    PersonName,
    Relationship,
)
from domain.client.timeliness import NEWBORN_DAYS_BACK, check_timely, spend_exception
from domain.kernel import Cause, Command, Context, Event, Refusal, SentBy
from domain.types import MemberId, PersonalDate

ALREADY_COVERED = Refusal(
    "already_covered", "Member {member_id} is covered on {day} or later already."
)
BIRTH_DATE_DISAGREES = Refusal(
    "birth_date_disagrees",
    "Member id {member_id} belongs to a former member with another birth date: correct the birth "
    "date first if it is the same person.",
)
NOT_YET_BORN = Refusal("not_yet_born", "Member {member_id} was not yet born on {day}.")
CHILD_OVER_AGE = Refusal(
    "child_over_age",
    "A child is covered through the month of the 26th birthday: {member_id} can't be from {day}.",
)
ONE_PARTNER_AT_A_TIME = Refusal(
    "one_partner_at_a_time",
    "Member {member_id} is covered as spouse or partner of {subscriber_id} on {day}.",
)
NEWBORN_FROM_BIRTH = Refusal(
    "newborn_from_birth", "A newborn child is covered from the day of the birth, not from {day}."
)
REASON_NEEDS_CHILD = Refusal("reason_needs_child", "Only a child joins a family by {reason}.")

NewChildReason = Literal["birth", "adoption"]
DependentRelationship = Literal["spouse", "domestic_partner", "child"]
PARTNERS: frozenset[Relationship] = frozenset({"spouse", "domestic_partner"})


class DependentAdded(Event, frozen=True, kw_only=True):
    """A person is covered as a subscriber's dependent from a day on, as long as the subscriber."""

    type: ClassVar[str] = "dependent_added"
    member_id: str
    subscriber_id: str
    relationship: Relationship
    name: PersonName
    birth_date: PersonalDate
    address: Address | None = None
    """Where it is not the subscriber's."""
    contact: ContactPoints | None = None
    first_day: date
    age_limit: date | None = None
    """A child's last covered day, at the latest."""
    reason: NewChildReason | None = None
    """What made the child new to the family, where that allowed more time to report it."""
    exception: str | None = None
    """The transaction that approved an exception to the time limit, spent by this."""

    def evolve(self, client: Client, cause: Cause) -> None:
        family = client.families[self.subscriber_id]
        subscriber = client.members[self.subscriber_id]
        member = join(
            client,
            family,
            self.member_id,
            self.relationship,
            self.name,
            self.birth_date,
            self.address,
            self.contact,
        )
        begin(
            client,
            family,
            member,
            self.first_day,
            cause.transaction_id,
            endings=_period_held_on(subscriber, self.first_day).endings,
            age_limit=self.age_limit,
        )
        spend_exception(client, self.member_id, self.exception)

    def members(self) -> Sequence[str]:
        return (self.member_id, self.subscriber_id)

    def takes_effect_on(self) -> date:
        return self.first_day

    def premium_changes_from(self) -> date:
        return self.first_day


class PersonIn(Input):
    """A person who is to be covered."""

    member_id: MemberId
    name: NameIn
    birth_date: PersonalDay
    address: AddressIn | None = None
    contact: ContactIn | None = None


class DependentIn(PersonIn):
    """A dependent; without an address of their own, they live where the subscriber does."""

    relationship: DependentRelationship


class AddDependent(DependentIn, Command):
    """Add a spouse, domestic partner or child to a subscriber's coverage."""

    sent_by: ClassVar[SentBy] = "broker"
    title: ClassVar = "Add a dependent"
    example: ClassVar = {
        "type": "add_dependent",
        "subscriber_id": "10000000001",
        "member_id": "10000000003",
        "relationship": "child",
        "name": {"first": "Noah", "last": "Reyes"},
        "birth_date": "2026-02-20",
        "effective_on": "2026-02-20",
        "reason": "birth",
    }

    type: Literal["add_dependent"] = "add_dependent"
    subscriber_id: MemberId
    effective_on: Day
    """The first covered day; for a newborn or adopted child the day of the birth or adoption."""
    reason: NewChildReason | None = None
    """Why a child joins, where that allows more time."""

    def members(self) -> Sequence[str]:
        return (self.member_id, self.subscriber_id)

    def decide(self, client: Client, context: Context) -> list[Event]:
        subscriber = find_subscriber(client, self.subscriber_id)
        family = client.families[self.subscriber_id]
        require_within_account(client, self.effective_on)
        period = require_covered(subscriber, self.effective_on)
        self._check_reason()
        added = dependent_added(self.subscriber_id, self, self.effective_on)
        if is_added_already(client, added, period):
            return []
        check_dependent(client, family, added, period.last_day)
        exception = check_timely(
            client,
            context,
            self.type,
            self.member_id,
            self.effective_on,
            NEWBORN_DAYS_BACK if self._new_child_by() else None,
        )
        return [replace(added, reason=self._new_child_by(), exception=exception)]

    def _check_reason(self) -> None:
        if self.reason is not None and self.relationship != "child":
            raise REASON_NEEDS_CHILD.because(reason=self.reason)
        if self.reason == "birth" and self.effective_on != self.birth_date:
            raise NEWBORN_FROM_BIRTH.because(day=self.effective_on)

    def _new_child_by(self) -> NewChildReason | None:
        """Birth or adoption; a child covered from birth is a newborn, called so or not."""
        covered_from_birth = self.effective_on == self.birth_date
        if self.reason is None and self.relationship == "child" and covered_from_birth:
            return "birth"
        return self.reason


# ── Shared with add_subscriber, which may bring dependents along ───────────────────────────────


def dependent_added(subscriber_id: str, person: DependentIn, first_day: date) -> DependentAdded:
    """The event that covers the person as a dependent."""
    return DependentAdded(
        member_id=person.member_id,
        subscriber_id=subscriber_id,
        relationship=person.relationship,
        name=person.name.value(),
        birth_date=person.birth_date,
        address=person.address.value() if person.address else None,
        contact=person.contact.value() if person.contact else None,
        first_day=first_day,
        age_limit=age_limit(person.birth_date) if person.relationship == "child" else None,
    )


def is_added_already(client: Client, added: DependentAdded, held: Period) -> bool:
    """Whether the person is covered already just as asked, for as long as the subscriber is.

    ``held`` is the subscriber's period on the first day.
    """
    member = client.members.get(added.member_id)
    if member is None or member.subscriber_id != added.subscriber_id:
        return False
    return is_same_person(member, added) and any(
        period.first_day == added.first_day and period.endings == held.endings
        for period in periods_in(member, added.subscriber_id)
    )


def check_dependent(
    client: Client, family: Family, added: DependentAdded, last_day: date | None
) -> None:
    """Refuse a dependent whom the rules don't let join the family on that day.

    ``last_day`` is the subscriber's, if it is known.
    """
    check_newcomer(client, added.member_id, added.birth_date, added.first_day)
    if added.age_limit is not None and added.age_limit < added.first_day:
        raise CHILD_OVER_AGE.because(member_id=added.member_id, day=added.first_day)
    if added.relationship in PARTNERS:
        require_no_partner(client, family, added.member_id, added.first_day, last_day)


def check_newcomer(client: Client, member_id: str, birth_date: date, first_day: date) -> None:
    """Refuse who is not born yet, is covered already, or bears a former member's id (§3)."""
    if birth_date > first_day:
        raise NOT_YET_BORN.because(member_id=member_id, day=first_day)
    member = client.members.get(member_id)
    if member is None:
        return
    if any(reaches(period, first_day) for period in member.periods):
        raise ALREADY_COVERED.because(member_id=member_id, day=first_day)
    if member.birth_date != birth_date:
        raise BIRTH_DATE_DISAGREES.because(member_id=member_id)


def require_no_partner(
    client: Client, family: Family, member_id: str, first_day: date, last_day: date | None
) -> None:
    """Refuse a second spouse or partner at a time: ``member_id`` would be one on these days."""
    for member in people_of(client, family):
        if member.member_id == member_id:
            continue
        for period in periods_in(member, family.subscriber_id):
            overlaps = reaches(period, first_day) and period.first_day <= (last_day or date.max)
            if overlaps and relationship_in(member, period) in PARTNERS:
                raise ONE_PARTNER_AT_A_TIME.because(
                    member_id=member.member_id,
                    subscriber_id=family.subscriber_id,
                    day=max(first_day, period.first_day),
                )


def is_same_person(member: Member, added: DependentAdded) -> bool:
    """Whether what is said about a person is what is known."""
    return (
        (added.relationship, added.name, added.birth_date)
        == (member.relationship, member.name, member.birth_date)
        and added.address in (None, member.address)
        and added.contact in (None, member.contact)
    )


def _period_held_on(subscriber: Member, day: date) -> Period:
    return next(period for period in subscriber.periods if covers(period, day))
