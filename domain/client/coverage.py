"""Reading coverage: who is covered when, by which plan, and until when at most. Pure questions.

A member's coverage spans are the member's periods, cut wherever the family's plan or division
changes or COBRA begins. How periods begin, end and come back is in ``periods.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from domain.client.lookup import find_member
from domain.client.state import Client, CobraEvent, Family, Member, Period, Relationship
from domain.client.timeline import in_force
from domain.dates import first_of_next_month, last_of_month, next_day, previous_day
from domain.kernel import Refusal

NOT_A_SUBSCRIBER = Refusal(
    "not_a_subscriber", "Member {member_id} is a dependent: name the subscriber."
)
NOT_A_DEPENDENT = Refusal(
    "not_a_dependent", "Member {member_id} is a subscriber, not somebody's dependent."
)
SUBSCRIBER_NOT_COVERED = Refusal(
    "subscriber_not_covered", "Subscriber {subscriber_id} is not covered on {day}."
)

LIMITING_AGE = 26
"""A child is covered through the month of this birthday (handbook §3)."""


class Span(Struct, frozen=True):
    """Member × plan × first day × last covered day (handbook §1), with what billing needs."""

    first_day: date
    last_day: date | None
    plan_id: str
    subgroup_id: str
    subscriber_id: str
    relationship: Relationship
    cobra: CobraEvent | None


# ── Periods and days ───────────────────────────────────────────────────────────────────────────


def covers(period: Period, day: date) -> bool:
    """Whether the day is one of the period."""
    return period.first_day <= day and reaches(period, day)


def reaches(period: Period, day: date) -> bool:
    """Whether the period ends on that day or later."""
    return period.last_day is None or period.last_day >= day


def period_on(member: Member, day: date) -> Period | None:
    """The period of coverage, in whichever family, that the day belongs to."""
    return next((period for period in member.periods if covers(period, day)), None)


def covered_on(member: Member, day: date) -> bool:
    """Whether the member is covered on the day."""
    return period_on(member, day) is not None


def subscriber_of(member: Member, period: Period) -> str:
    """Whose family the period was in."""
    return period.subscriber_id or member.subscriber_id


def relationship_in(member: Member, period: Period) -> Relationship:
    """What the member was to the subscriber in that period."""
    return period.relationship or member.relationship


def periods_in(member: Member, subscriber_id: str) -> list[Period]:
    """The member's periods in one family: a former member may have returned in another one."""
    return [period for period in member.periods if subscriber_of(member, period) == subscriber_id]


def unbroken_since(member: Member, period: Period) -> date:
    """The first day of the unbroken coverage that the period goes on: periods may adjoin (§4)."""
    first_day = period.first_day
    for earlier in reversed(member.periods):
        if earlier.last_day is not None and next_day(earlier.last_day) == first_day:
            first_day = earlier.first_day
    return first_day


# ── Families ───────────────────────────────────────────────────────────────────────────────────


def find_subscriber(client: Client, member_id: str) -> Member:
    """The subscriber of that id, present or former; a dependent or unknown member is refused."""
    member = find_member(client, member_id)
    if member.relationship != "subscriber":
        raise NOT_A_SUBSCRIBER.because(member_id=member_id)
    return member


def require_covered(subscriber: Member, day: date) -> Period:
    """The period in which the subscriber holds coverage on the day, or a refusal."""
    period = period_on(subscriber, day)
    if period is None or subscriber_of(subscriber, period) != subscriber.member_id:
        raise SUBSCRIBER_NOT_COVERED.because(subscriber_id=subscriber.member_id, day=day)
    return period


def people_of(client: Client, family: Family) -> Iterator[Member]:
    """Everyone who is or was in the family: the subscriber first."""
    return (client.members[member_id] for member_id in family.member_ids)


# ── Days that rules give ───────────────────────────────────────────────────────────────────────


def age_limit(birth_date: date) -> date:
    """A child's last possible covered day: the end of the month of the 26th birthday (§3)."""
    year = birth_date.year + LIMITING_AGE
    if (birth_date.month, birth_date.day) == (2, 29):
        # 26 years after a leap year there is none: that birthday is kept on 1 March.
        return date(year, 3, 31)
    return last_of_month(birth_date.replace(year=year))


def shifted(client: Client, day: date) -> date:
    """When a change of plan or division asked for a day takes effect (handbook §4).

    Only ``daily`` can bill a part of a month: otherwise what is dated after the 1st waits for the
    1st of the next month.
    """
    if client.part_month_rule == "daily" or day.day == 1:
        return day
    return first_of_next_month(day)


# ── Spans ──────────────────────────────────────────────────────────────────────────────────────


def spans_of(client: Client, member: Member) -> list[Span]:
    """The member's coverage spans, in order; equal ones that adjoin are one."""
    spans: list[Span] = []
    for period in member.periods:
        for span in _spans_in(client, member, period):
            joined = _joined(spans[-1], span) if spans else None
            if joined is None:
                spans.append(span)
            else:
                spans[-1] = joined
    return spans


def _spans_in(client: Client, member: Member, period: Period) -> Iterator[Span]:
    family = client.families[subscriber_of(member, period)]
    cuts = {entry.first_day for entry in family.plans}
    cuts |= {entry.first_day for entry in family.divisions}
    for cobra in family.cobra:
        cuts |= {cobra.first_day, next_day(cobra.last_day)}
    first_days = [
        period.first_day,
        *sorted(day for day in cuts if day > period.first_day and reaches(period, day)),
    ]
    last_days = [*map(previous_day, first_days[1:]), period.last_day]
    for first_day, last_day in zip(first_days, last_days, strict=True):
        yield Span(
            first_day,
            last_day,
            plan_id=(in_force(family.plans, first_day) or family.plans[0]).plan_id,
            subgroup_id=(in_force(family.divisions, first_day) or family.divisions[0]).subgroup_id,
            subscriber_id=family.subscriber_id,
            relationship=relationship_in(member, period),
            cobra=_cobra_event_on(family, first_day),
        )


def _cobra_event_on(family: Family, day: date) -> CobraEvent | None:
    for cobra in family.cobra:
        if cobra.first_day <= day <= cobra.last_day:
            return cobra.event
    return None


def _joined(earlier: Span, later: Span) -> Span | None:
    """Both as one span, if the later goes on where the earlier ends, with nothing else changed."""
    if earlier.last_day is None or next_day(earlier.last_day) != later.first_day:
        return None
    joined = replace(earlier, last_day=later.last_day)
    return joined if joined == replace(later, first_day=earlier.first_day) else None
