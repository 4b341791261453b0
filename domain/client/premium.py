"""What a family's coverage costs: from the client's state to the rules of ``domain.rating``.

The same rules answer what is charged for one month (``monthly_charges``), how that came about
(``rated_month``), and what the full monthly premium is over all time (``premium_spans``). The last
runs for each event that a projection folds, so it looks only at the months in which something
changes.

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
from domain.client.state import (
    Client,
    Cobra,
    DivisionFrom,
    Family,
    Member,
    Period,
    PlanFrom,
    RateFrom,
    Relationship,
    Tier,
)
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


class Life(NamedTuple):
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


class Basis(NamedTuple):
    """What the premium of each member of a family depends on in a month."""

    plan_year_start: date
    tier: Tier
    free: frozenset[str]
    """The children under 21 who don't pay, because three older ones do."""
    children: set[tuple[date, str]]
    """All children under 21 billed in the month: (birth date, member id)."""


class Standing(NamedTuple):
    """What a family has on a day, each with the transaction that made it so."""

    plan: PlanFrom
    division: DivisionFrom
    rate: RateFrom
    cobra: Cobra | None


class Price(NamedTuple):
    """A full monthly premium, and what it is for."""

    monthly_cents: int
    plan_id: str
    subgroup_id: str
    tier: Tier | None


class RatedPart(NamedTuple):
    """A part of a member's month that is billed, with all that its premium was found by."""

    life: Life
    basis: Basis
    standing: Standing
    first_day: date
    last_day: date
    """The days only mean something under ``daily``."""
    price: Price

    @property
    def days(self) -> int:
        """How many days it covers."""
        return (self.last_day - self.first_day).days + 1


# ── The questions ──────────────────────────────────────────────────────────────────────────────


def monthly_charges(client: Client, family: Family, month: date) -> list[MemberCharge]:
    """The charges of a family for a month (its 1st), in order of member id.

    One charge for each member with a billed day, also at 0; only for the subscriber where premium
    is by tier. Under ``daily`` a member whose plan or premium changes within the month has one for
    each.
    """
    _, parts = rated_month(client, family, month)
    covered_days: dict[tuple[str, Price], int] = {}
    for life, _, _, first_day, last_day, price in parts:
        part = life.member.member_id, price
        # Put at the end again: who went back to a plan within the month has it last.
        covered_days[part] = covered_days.pop(part, 0) + (last_day - first_day).days + 1
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
    running: dict[str, tuple[date, Price]] = {}
    for month in _months_of_change(client, family, lives):
        parts = _rated_parts(client, family, _billed_in(lives, month), month)
        priced = {rated.life.member.member_id: rated.price for rated in parts}
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


def rated_month(client: Client, family: Family, month: date) -> tuple[list[Life], list[RatedPart]]:
    """Who is billed for a month (its 1st), and the parts behind ``monthly_charges``, in its order.

    For explaining: the same rules, with everything they looked at.
    """
    lives = sorted(_billed_in(_lives(client, family), month), key=_by_member_id)
    return lives, list(_rated_parts(client, family, lives, month))


# ── Who is billed, and when ────────────────────────────────────────────────────────────────────


def _lives(client: Client, family: Family) -> list[Life]:
    """All unbroken coverage in the family that has billed days, in order within a member."""
    lives = []
    for member in people_of(client, family):
        for first, last in _adjoining(periods_in(member, family.subscriber_id)):
            months = billed_months(client.part_month_rule, first.first_day, last.last_day)
            if months is not None:
                lives.append(
                    Life(
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


def _billed_in(lives: Sequence[Life], month: date) -> list[Life]:
    return [life for life in lives if life.first_month <= month <= life.last_month]


def _by_member_id(life: Life) -> str:
    return life.member.member_id


def _months_of_change(client: Client, family: Family, lives: Sequence[Life]) -> list[date]:
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


def _rated_parts(
    client: Client, family: Family, lives: Sequence[Life], month: date
) -> Iterator[RatedPart]:
    """Each part of a month that is billed; ``lives`` are those billed in the month."""
    if not lives:
        return
    basis = _basis(client, lives, month)
    standings: dict[date, Standing] = {}
    for life, first_day, last_day, rated_on in _parts(client, family, lives, month):
        standing = standings.get(rated_on)
        if standing is None:
            standing = standings[rated_on] = _standing(client, family, rated_on)
        price = _price(basis, standing, life)
        if price is not None:
            yield RatedPart(life, basis, standing, first_day, last_day, price)


def _parts(
    client: Client, family: Family, lives: Sequence[Life], month: date
) -> Iterator[tuple[Life, date, date, date]]:
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


def _days_alike(family: Family, life: Life, month: date) -> Iterator[tuple[date, date]]:
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


def _basis(client: Client, lives: Sequence[Life], month: date) -> Basis:
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
    tier = tier_of(has_partner, has_children)
    return Basis(plan_year_start, tier, free_children(children), children)


def _standing(client: Client, family: Family, day: date) -> Standing:
    plan = in_force(family.plans, day) or family.plans[0]
    rates = client.plans[plan.plan_id].rates
    return Standing(
        plan=plan,
        division=in_force(family.divisions, day) or family.divisions[0],
        rate=in_force(rates, day) or rates[0],
        cobra=_cobra_on(family, day) if family.cobra else None,
    )


def _cobra_on(family: Family, day: date) -> Cobra | None:
    return next((cobra for cobra in family.cobra if cobra.first_day <= day <= cobra.last_day), None)


def _price(basis: Basis, standing: Standing, life: Life) -> Price | None:
    """The full monthly premium; None for who has no line of their own (by tier)."""
    plan, division, rate_from, cobra = standing
    rate, tier = rate_from.rate, None
    if rate.tier_cents is None:
        monthly_cents = _by_member_cents(rate.base_cents or 0, basis, life)
    elif life.relationship == "subscriber":
        tier = basis.tier
        monthly_cents = rate.tier_cents[tier]
    else:
        return None
    if cobra is not None:
        monthly_cents = cobra_cents(monthly_cents)
    return Price(monthly_cents, plan.plan_id, division.subgroup_id, tier)


def _by_member_cents(base_cents: int, basis: Basis, life: Life) -> int:
    member = life.member
    if member.member_id in basis.free:
        return 0
    age = rating_age(member.birth_date, basis.plan_year_start, life.unbroken_from)
    return member_premium_cents(base_cents, age)
