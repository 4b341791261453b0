"""What a family's coverage costs: from the client's state to the rules of ``domain.rating``.

Two questions are answered by the same rules: what is charged for one month (``monthly_charges``),
and what the full monthly premium is over all time (``premium_spans``). The second runs for each
event that a projection folds, so it looks only at the months in which something changes.

A month is rated as things stand on one day of it (handbook §4): under ``full_month`` and ``wash``
on the first billed day, so that what changes later in the month counts from the next; under
``daily`` each part of the month as on its own days.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from msgspec import Struct

from domain.client.coverage import people_of, periods_in, relationship_in, unbroken_since
from domain.client.state import Client, Family, Member, Period, Rate, Relationship, Tier
from domain.client.timeline import in_force
from domain.dates import (
    add_months,
    first_of_month,
    first_of_next_month,
    last_of_month,
    next_day,
    previous_day,
)
from domain.rating import (
    CHILD_RATED_BELOW_AGE,
    billed_months,
    cobra_cents,
    free_children,
    member_premium_cents,
    part_month_cents,
    rating_age,
    tier_of,
)


class MemberCharge(Struct, frozen=True):
    """What a member (by tier: a subscriber) is charged for a month, or for a part of it."""

    member_id: str
    subscriber_id: str
    plan_id: str
    subgroup_id: str
    tier: Tier | None
    monthly_cents: int
    """The full monthly premium, before any part month."""
    billed_cents: int


class PremiumSpan(Struct, frozen=True):
    """The same full monthly premium in each month of a run."""

    member_id: str
    first_month: date
    """The 1st of the first month."""
    last_month: date | None
    """The 1st of the last month; None if nothing known ends the run."""
    monthly_cents: int
    plan_id: str
    subgroup_id: str
    tier: Tier | None


class _Life(NamedTuple):
    """Unbroken coverage of a member in the family, and the months (as 1sts) in which it is billed.

    Open ends are ``date.max``.
    """

    member: Member
    relationship: Relationship
    unbroken_from: date
    """May be earlier than the first day, in another family of the client."""
    first_day: date
    last_day: date
    first_month: date
    last_month: date


class _Basis(NamedTuple):
    """What the premium of each member of a family depends on in a month."""

    plan_year_start: date
    tier: Tier
    free: frozenset[str]
    """The children under 21 who don't pay, because three older ones do."""


class _Standing(NamedTuple):
    """What a family has on a day."""

    plan_id: str
    subgroup_id: str
    rate: Rate
    in_cobra: bool


class _Price(NamedTuple):
    """A full monthly premium, and what it is for."""

    monthly_cents: int
    plan_id: str
    subgroup_id: str
    tier: Tier | None


# ── The two questions ──────────────────────────────────────────────────────────────────────────


def monthly_charges(client: Client, family: Family, month: date) -> list[MemberCharge]:
    """The charges of a family for a month (its 1st), in order of member id.

    One charge for each member with a billed day, also at 0; only for the subscriber where premium
    is by tier. Under ``daily`` a member whose plan or premium changes within the month has one for
    each.
    """
    lives = sorted(_billed_in(_lives(client, family), month), key=_by_member_id)
    covered_days: dict[tuple[str, _Price], int] = {}
    for member_id, price, days in _priced_parts(client, family, lives, month):
        part = member_id, price
        covered_days[part] = covered_days.get(part, 0) + days
    return [
        MemberCharge(
            member_id,
            family.subscriber_id,
            price.plan_id,
            price.subgroup_id,
            price.tier,
            price.monthly_cents,
            part_month_cents(client.part_month_rule, price.monthly_cents, month, days),
        )
        for (member_id, price), days in covered_days.items()
    ]


def premium_spans(client: Client, family: Family) -> list[PremiumSpan]:
    """The full monthly premium of each member over all months, as runs of equal ones.

    Where a month has several parts (``daily``), the last one counts: later months are like it.
    """
    lives = _lives(client, family)
    finished: list[PremiumSpan] = []
    running: dict[str, tuple[date, _Price]] = {}
    for month in _months_of_change(client, family, lives):
        parts = _priced_parts(client, family, _billed_in(lives, month), month)
        priced = {member_id: price for member_id, price, _ in parts}
        for member_id, (since, price) in list(running.items()):
            if priced.get(member_id) != price:
                del running[member_id]
                finished.append(PremiumSpan(member_id, since, add_months(month, -1), *price))
        for member_id, price in priced.items():
            running.setdefault(member_id, (month, price))
    finished += [
        PremiumSpan(member_id, since, None, *price) for member_id, (since, price) in running.items()
    ]
    return finished


# ── Who is billed, and when ────────────────────────────────────────────────────────────────────


def _lives(client: Client, family: Family) -> list[_Life]:
    """All unbroken coverage in the family that has billed days, in order within a member."""
    lives = []
    for member in people_of(client, family):
        for first, last in _adjoining(periods_in(member, family.subscriber_id)):
            months = billed_months(client.part_month_rule, first.first_day, last.last_day)
            if months is not None:
                lives.append(
                    _Life(
                        member=member,
                        relationship=relationship_in(member, last),
                        unbroken_from=unbroken_since(member, first),
                        first_day=first.first_day,
                        last_day=last.last_day or date.max,
                        first_month=months[0],
                        last_month=months[1] or date.max,
                    )
                )
    return lives


def _adjoining(periods: Sequence[Period]) -> list[tuple[Period, Period]]:
    """(first, last) of each run of periods without a day between them."""
    runs: list[tuple[Period, Period]] = []
    for period in periods:
        before = runs[-1][1].last_day if runs else None
        if before is not None and next_day(before) == period.first_day:
            runs[-1] = runs[-1][0], period
        else:
            runs.append((period, period))
    return runs


def _billed_in(lives: Sequence[_Life], month: date) -> list[_Life]:
    return [life for life in lives if life.first_month <= month <= life.last_month]


def _by_member_id(life: _Life) -> str:
    return life.member.member_id


def _months_of_change(client: Client, family: Family, lives: Sequence[_Life]) -> list[date]:
    """The months from which premium may differ from the month before, from the first billed one.

    What begins within a month can show in that month or in the next, so both are looked at.
    """
    months = {life.first_month for life in lives}
    if not months:
        return []
    days = client.plan_years + [entry.first_day for entry in family.plans + family.divisions]
    for plan_id in {entry.plan_id for entry in family.plans}:
        days += [entry.first_day for entry in client.plans[plan_id].rates]
    for cobra in family.cobra:
        days += [cobra.first_day, next_day(cobra.last_day)]
    first = min(months)
    for day in days:
        if day > first:
            months.add(first_of_month(day))
            if day.day != 1:
                months.add(first_of_next_month(day))
    for life in lives:
        if life.last_month != date.max:
            months.add(first_of_next_month(life.last_month))
    return sorted(months)


def _priced_parts(
    client: Client, family: Family, lives: Sequence[_Life], month: date
) -> Iterator[tuple[str, _Price, int]]:
    """(member id, full monthly premium, covered days) of each part of a month that is billed.

    ``lives`` are those billed in the month. The days only mean something under ``daily``.
    """
    if not lives:
        return
    basis = _basis(client, lives, month)
    standings: dict[date, _Standing] = {}
    for life, first_day, last_day, rated_on in _parts(client, family, lives, month):
        standing = standings.get(rated_on)
        if standing is None:
            standing = standings[rated_on] = _standing(client, family, rated_on)
        price = _price(basis, standing, life)
        if price is not None:
            yield life.member.member_id, price, (last_day - first_day).days + 1


def _parts(
    client: Client, family: Family, lives: Sequence[_Life], month: date
) -> Iterator[tuple[_Life, date, date, date]]:
    """(life, first day, last day, day as on which it is rated) of each part of a month."""
    if client.part_month_rule == "daily":
        for life in lives:
            for first_day, last_day in _days_alike(family, life, month):
                yield life, first_day, last_day, last_day
        return
    rated: set[str] = set()
    for life in lives:
        # Who leaves and returns within the month is billed once, as at first.
        if life.member.member_id not in rated:
            rated.add(life.member.member_id)
            first_day = max(month, life.first_day)
            yield life, first_day, first_day, first_day


def _days_alike(family: Family, life: _Life, month: date) -> Iterator[tuple[date, date]]:
    """The covered days of a month as runs (first, last day) in one plan, COBRA or not.

    A change of division alone divides nothing: it must not change what the month costs.
    """
    first_day = max(month, life.first_day)
    end = min(last_of_month(month), life.last_day)
    changes = {entry.first_day for entry in family.plans}
    for cobra in family.cobra:
        changes |= {cobra.first_day, next_day(cobra.last_day)}
    for day in sorted(changes):
        if first_day < day <= end:
            yield first_day, previous_day(day)
            first_day = day
    yield first_day, end


# ── What it costs ──────────────────────────────────────────────────────────────────────────────


def _basis(client: Client, lives: Sequence[_Life], month: date) -> _Basis:
    plan_year_start = client.plan_years[0]
    for first_day in client.plan_years:
        if plan_year_start < first_day <= month:
            plan_year_start = first_day
    has_partner = has_children = False
    children: set[tuple[date, str]] = set()
    for life in lives:
        if life.relationship == "child":
            has_children = True
            birth_date = life.member.birth_date
            if rating_age(birth_date, plan_year_start, life.unbroken_from) < CHILD_RATED_BELOW_AGE:
                children.add((birth_date, life.member.member_id))
        elif life.relationship != "subscriber":
            has_partner = True
    return _Basis(plan_year_start, tier_of(has_partner, has_children), free_children(children))


def _standing(client: Client, family: Family, day: date) -> _Standing:
    plan_id = (in_force(family.plans, day) or family.plans[0]).plan_id
    rates = client.plans[plan_id].rates
    return _Standing(
        plan_id=plan_id,
        subgroup_id=(in_force(family.divisions, day) or family.divisions[0]).subgroup_id,
        rate=(in_force(rates, day) or rates[0]).rate,
        in_cobra=any(cobra.first_day <= day <= cobra.last_day for cobra in family.cobra),
    )


def _price(basis: _Basis, standing: _Standing, life: _Life) -> _Price | None:
    """The full monthly premium; None for who has no line of their own (by tier)."""
    plan_id, subgroup_id, rate, in_cobra = standing
    tier = None
    if rate.tier_cents is None:
        monthly_cents = _by_member_cents(rate.base_cents or 0, basis, life)
    elif life.relationship == "subscriber":
        tier = basis.tier
        monthly_cents = rate.tier_cents[tier]
    else:
        return None
    return _Price(
        cobra_cents(monthly_cents) if in_cobra else monthly_cents, plan_id, subgroup_id, tier
    )


def _by_member_cents(base_cents: int, basis: _Basis, life: _Life) -> int:
    member = life.member
    if member.member_id in basis.free:
        return 0
    age = rating_age(member.birth_date, basis.plan_year_start, life.unbroken_from)
    return member_premium_cents(base_cents, age)
