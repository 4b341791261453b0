"""How periods of coverage begin, end and come back: the part of ``evolve`` that actions share.

A period keeps every reason it ends (``Ending``), and ends on the earliest one. So a removal
replaces a later one without forgetting it, and undoing a removal leaves exactly what would hold
without it (handbook §3). A period whose end is before its first day is cancelled from inception: it
is kept apart, as it returns if what cancelled it is undone. Everything here is O(family).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from msgspec.structs import replace

from domain.client.coverage import people_of, periods_in, reaches, subscriber_of
from domain.client.state import (
    Address,
    Client,
    ContactPoints,
    Ending,
    Family,
    Member,
    Period,
    PersonName,
    Relationship,
)
from domain.dates import next_day, previous_day
from domain.kernel import Refusal
from domain.types import PersonalDate

ALREADY_REMOVED = Refusal(
    "already_removed",
    "The coverage of member {member_id} ends on {last_day} already: only an earlier last day "
    "replaces that.",
)

# ── Joining and beginning ──────────────────────────────────────────────────────────────────────


def join(
    client: Client,
    family: Family,
    member_id: str,
    relationship: Relationship,
    name: PersonName,
    birth_date: PersonalDate,
    address: Address | None,
    contact: ContactPoints | None,
) -> Member:
    """Enter a person in the family: someone new, or a former member returning, maybe elsewhere."""
    member = client.members.get(member_id)
    if member is None:
        member = Member(member_id, family.subscriber_id, relationship, name, birth_date)
        client.members[member_id] = member
    else:
        _leave_present_family(member, family.subscriber_id, relationship)
        member.name = name
    member.address = address or member.address
    member.contact = contact or member.contact
    if member_id not in family.member_ids:
        family.member_ids.append(member_id)
    return member


def _leave_present_family(member: Member, subscriber_id: str, relationship: Relationship) -> None:
    """Note in earlier periods where, and as what, they were held, before that changes."""
    before = member.subscriber_id, member.relationship
    if before == (subscriber_id, relationship):
        return
    for periods in (member.periods, member.cancelled):
        periods[:] = [
            period
            if period.subscriber_id
            else replace(period, subscriber_id=before[0], relationship=before[1])
            for period in periods
        ]
    member.subscriber_id, member.relationship = subscriber_id, relationship


def begin(
    client: Client,
    family: Family,
    member: Member,
    first_day: date,
    transaction_id: str,
    endings: tuple[Ending, ...] = (),
    age_limit: date | None = None,
) -> None:
    """Begin coverage. It ends, for good, whatever an undone removal could otherwise bring back.

    A subscriber who returns begins the family's coverage anew: dependents of before are not in it,
    unless they are brought along.
    """
    succession = Ending(transaction_id, previous_day(first_day), kind="succession")
    _end_periods(client, member, succession, lambda period: True)
    if member.member_id == family.subscriber_id:
        end_in_family(client, family, family.member_ids[1:], succession)
    period = Period(first_day, transaction_id, endings=endings, age_limit=age_limit)
    member.periods.append(period)
    settle(client, member)


# ── Ending and undoing ─────────────────────────────────────────────────────────────────────────


def end_in_family(
    client: Client, family: Family, member_ids: Sequence[str], ending: Ending
) -> None:
    """Record a reason why these members' coverage in the family ends."""
    for member_id in member_ids:
        member = client.members[member_id]
        _end_periods(client, member, ending, _held_in(member, family))


def _held_in(member: Member, family: Family) -> Callable[[Period], bool]:
    return lambda period: subscriber_of(member, period) == family.subscriber_id


def _end_periods(
    client: Client, member: Member, ending: Ending, concerns: Callable[[Period], bool]
) -> None:
    for periods in (member.periods, member.cancelled):
        periods[:] = [
            replace(period, endings=(*period.endings, ending))
            if concerns(period) and not _is_over_by(period, ending.last_day)
            else period
            for period in periods
        ]
    member.reinstated_from = None
    settle(client, member)


def _is_over_by(period: Period, day: date) -> bool:
    """Whether nothing can bring the period back beyond the day: a later one has begun."""
    return any(ending.kind == "succession" and ending.last_day <= day for ending in period.endings)


def undo_removal(client: Client, family: Family, transaction_id: str) -> None:
    """Take a removal back, from everyone it ended: as if it had not been."""
    for member in people_of(client, family):
        for periods in (member.periods, member.cancelled):
            periods[:] = [without(period, transaction_id) for period in periods]
        settle(client, member)


def without(period: Period, transaction_id: str) -> Period:
    """The period as if that removal had not been; not yet settled."""
    endings = tuple(ending for ending in period.endings if ending.transaction_id != transaction_id)
    return period if len(endings) == len(period.endings) else replace(period, endings=endings)


def is_removed_by(member: Member, last_day: date) -> bool:
    """Whether a removal of that last day takes nothing away; refused if one before it stands (§3).

    Only the present family counts. Without any coverage there, there is nothing to take away.
    """
    recorded = recorded_periods(member)
    ends_on = recorded[-1].last_day if recorded else None
    if ends_on is not None and ends_on < last_day:
        raise ALREADY_REMOVED.because(member_id=member.member_id, last_day=ends_on)
    if recorded and ends_on == last_day and recorded[-1].age_out:
        return False  # age may come to end it later, by a corrected birth date; the removal stands
    covered = periods_in(member, member.subscriber_id)
    return not covered or not reaches(covered[-1], next_day(last_day))


def recorded_periods(member: Member) -> list[Period]:
    """The member's periods in the present family, also those cancelled, in order of first days."""
    return sorted(
        (
            period
            for period in member.periods + member.cancelled
            if subscriber_of(member, period) == member.subscriber_id
        ),
        key=_first_day,
    )


def _first_day(period: Period) -> date:
    return period.first_day


# ── Other things that move an end ──────────────────────────────────────────────────────────────


def set_age_limit(client: Client, member: Member, limit: date) -> None:
    """Move the end that age sets, wherever the member is covered as a child."""
    for periods in (member.periods, member.cancelled):
        periods[:] = [
            period if period.age_limit is None else replace(period, age_limit=limit)
            for period in periods
        ]
    settle(client, member)


def in_cobra(period: Period, subscriber_id: str, limit: Ending) -> Period:
    """The period going on in COBRA, through its limit; not yet settled.

    The subscriber's removal no longer ends it, a dependent's own removal does.
    """
    kept = tuple(
        ending
        for ending in period.endings
        if ending.kind == "removal" and ending.removed_id != subscriber_id
    )
    return replace(period, endings=(*kept, limit))


def end_cobra_before(family: Family, day: date) -> None:
    """From that day on other coverage begins, however long COBRA could have lasted."""
    family.cobra = [
        replace(cobra, last_day=min(cobra.last_day, previous_day(day)))
        for cobra in family.cobra
        if cobra.first_day < day
    ]


# ── Settling on the earliest end ───────────────────────────────────────────────────────────────


def settle(client: Client, member: Member) -> None:
    """Let each of the member's periods end on the earliest of its ends."""
    settled = [settled_end(client, period) for period in member.periods + member.cancelled]
    settled.sort(key=_first_day)
    member.periods = [period for period in settled if not is_cancelled(period)]
    member.cancelled = [
        period
        for period in settled
        if is_cancelled(period) and not _is_over_by(period, previous_day(period.first_day))
    ]


def settled_end(client: Client, period: Period) -> Period:
    """The period with its last day: the earliest of its endings, age limit and termination."""
    last_day, ended_by, age_out = date.max, None, False
    for ending in period.endings:
        if ending.last_day < last_day:
            last_day, ended_by = ending.last_day, ending.transaction_id
    if period.age_limit is not None and period.age_limit < last_day:
        last_day, ended_by, age_out = period.age_limit, None, True
    if client.terminated_on is not None and client.terminated_on < last_day:
        last_day, ended_by, age_out = client.terminated_on, client.terminated_by, False
    return replace(
        period,
        last_day=None if last_day == date.max else last_day,
        ended_by=ended_by,
        age_out=age_out,
    )


def is_cancelled(period: Period) -> bool:
    """Whether a settled period has no covered day at all."""
    return period.last_day is not None and period.last_day < period.first_day
