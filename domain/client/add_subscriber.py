"""Add a subscriber: "This person, with family, is to be covered by that plan from that date."

The subgroup must exist on that date and be offered the plan; the member id is new in the client, or
a former member's who returns. Dependents may come along, all or none, by the rules of
``add_dependent.py``. Within 31 days back (handbook §3).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Annotated, ClassVar, Literal

from msgspec.structs import replace
from pydantic import Field

from domain.client.account_days import require_within_account
from domain.client.add_dependent import (
    ONE_PARTNER_AT_A_TIME,
    PARTNERS,
    DependentAdded,
    DependentIn,
    PersonIn,
    check_dependent,
    check_newcomer,
    dependent_added,
    is_added_already,
)
from domain.client.inputs import Day
from domain.client.offers import find_subgroup_on, require_offered
from domain.client.periods import begin, end_cobra_before, join
from domain.client.state import (
    Address,
    Client,
    ContactPoints,
    DivisionFrom,
    Family,
    PersonName,
    PlanFrom,
)
from domain.client.timeline import set_from
from domain.client.timeliness import check_timely, spend_exception
from domain.kernel import Cause, Command, Context, Event, Refusal, SentBy
from domain.types import Code, PersonalDate

MEMBER_NAMED_TWICE = Refusal(
    "member_named_twice", "Member id {member_id} is given to two people in this transaction."
)
MOST_DEPENDENTS = 30
"""No family is larger; a longer list is a mistake."""


class SubscriberAdded(Event, frozen=True, kw_only=True):
    """A person holds coverage from a day on: in a subgroup, by a plan."""

    type: ClassVar[str] = "subscriber_added"
    member_id: str
    subgroup_id: str
    plan_id: str
    name: PersonName
    birth_date: PersonalDate
    address: Address | None = None
    contact: ContactPoints | None = None
    first_day: date
    exception: str | None = None
    """The transaction that approved an exception to the time limit, spent by this."""

    def evolve(self, client: Client, cause: Cause) -> None:
        by = cause.transaction_id
        family = client.families.setdefault(
            self.member_id, Family(self.member_id, [self.member_id])
        )
        member = join(
            client,
            family,
            self.member_id,
            "subscriber",
            self.name,
            self.birth_date,
            self.address,
            self.contact,
        )
        begin(client, family, member, self.first_day, by)
        set_from(family.plans, PlanFrom(self.first_day, self.plan_id, by))
        set_from(family.divisions, DivisionFrom(self.first_day, self.subgroup_id, by))
        end_cobra_before(family, self.first_day)
        spend_exception(client, self.member_id, self.exception)

    def members(self) -> Sequence[str]:
        return (self.member_id,)

    def takes_effect_on(self) -> date:
        return self.first_day

    def premium_changes_from(self) -> date:
        return self.first_day


class AddSubscriber(PersonIn, Command):
    """Add a subscriber, with dependents if there are any."""

    sent_by: ClassVar[SentBy] = "broker"
    title: ClassVar = "Add a subscriber"
    example: ClassVar = {
        "type": "add_subscriber",
        "member_id": "10000000021",
        "name": {"first": "Ana", "last": "Silva"},
        "birth_date": "1987-05-20",
        "address": {"line1": "12 Quay Street", "city": "Mystic", "state": "CT", "zip": "06355"},
        "contact": {"email": "ana.silva@example.com"},
        "subgroup_id": "MAIN",
        "plan_id": "SILVER",
        "effective_on": "2026-03-01",
        "dependents": [
            {
                "member_id": "10000000022",
                "relationship": "spouse",
                "name": {"first": "Rui", "last": "Silva"},
                "birth_date": "1989-11-02",
            }
        ],
    }

    type: Literal["add_subscriber"] = "add_subscriber"
    subgroup_id: Code | None = None
    """Groups only: an individual account has but its household."""
    plan_id: Code
    effective_on: Day
    """The first covered day, of everyone in the transaction."""
    dependents: Annotated[tuple[DependentIn, ...], Field(max_length=MOST_DEPENDENTS)] = ()

    def members(self) -> Sequence[str]:
        return (self.member_id, *(person.member_id for person in self.dependents))

    def decide(self, client: Client, context: Context) -> list[Event]:
        self._check_distinct()
        require_within_account(client, self.effective_on)
        subgroup = find_subgroup_on(client, self.subgroup_id, self.effective_on)
        added = SubscriberAdded(
            member_id=self.member_id,
            subgroup_id=subgroup.subgroup_id,
            plan_id=self.plan_id,
            name=self.name.value(),
            birth_date=self.birth_date,
            address=self.address.value() if self.address else None,
            contact=self.contact.value() if self.contact else None,
            first_day=self.effective_on,
        )
        dependents = [
            dependent_added(self.member_id, person, self.effective_on) for person in self.dependents
        ]
        if _is_added_already(client, added, dependents):
            return []
        require_offered(client, self.plan_id, subgroup.subgroup_id, self.effective_on)
        check_newcomer(client, self.member_id, self.birth_date, self.effective_on)
        self._check_dependents(client, dependents)
        exception = check_timely(client, context, self.type, self.member_id, self.effective_on)
        return [replace(added, exception=exception), *dependents]

    def _check_distinct(self) -> None:
        member_id, times = Counter(self.members()).most_common(1)[0]
        if times > 1:
            raise MEMBER_NAMED_TWICE.because(member_id=member_id)

    def _check_dependents(self, client: Client, dependents: Sequence[DependentAdded]) -> None:
        nobody_yet = Family(self.member_id, [])
        for dependent in dependents:
            check_dependent(client, nobody_yet, dependent, None)
        partners = [person for person in dependents if person.relationship in PARTNERS]
        if len(partners) > 1:
            raise ONE_PARTNER_AT_A_TIME.because(
                member_id=partners[0].member_id,
                subscriber_id=self.member_id,
                day=self.effective_on,
            )


def _is_added_already(
    client: Client, added: SubscriberAdded, dependents: Sequence[DependentAdded]
) -> bool:
    """Whether the subscriber holds coverage just as asked, and the dependents with them."""
    member = client.members.get(added.member_id)
    if member is None or member.relationship != "subscriber" or not member.periods:
        return False
    family = client.families[added.member_id]
    period, plan, division = member.periods[-1], family.plans[-1], family.divisions[-1]
    return (
        (period.first_day, plan.first_day, division.first_day) == (added.first_day,) * 3
        and not period.endings
        and (plan.plan_id, division.subgroup_id) == (added.plan_id, added.subgroup_id)
        and (member.name, member.birth_date) == (added.name, added.birth_date)
        and added.address in (None, member.address)
        and added.contact in (None, member.contact)
        and all(is_added_already(client, dependent, period) for dependent in dependents)
    )
