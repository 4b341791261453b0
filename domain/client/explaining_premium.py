"""Why a full monthly premium is what it is: rate, age or tier, free children, COBRA (§4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from domain.client.premium import Life, RatedPart
from domain.client.sources import Sources
from domain.client.state import Client
from domain.explanation import Explanation, cited, facts
from domain.money import dollars
from domain.rating import (
    CHILD_RATED_BELOW_AGE,
    COBRA_PERCENT,
    PAYING_CHILDREN,
    age_factor_thousandths,
    member_premium_cents,
    rating_age,
)


def explain_monthly(
    client: Client, sources: Sources, lives: Sequence[Life], part: RatedPart
) -> Explanation:
    """The full monthly premium of a member's part of a month.

    ``lives`` are those of the family that are billed in the month.
    """
    if part.price.tier is not None:
        before = _by_tier(lives, part)
    elif part.life.member.member_id in part.basis.free:
        before = _free(sources, lives, part)
    else:
        before = _by_member(client, sources, lives, part)
    cobra = part.standing.cobra
    if cobra is None:
        return before
    cents = part.price.monthly_cents
    return Explanation(
        label=f"COBRA continuation: {COBRA_PERCENT} % of {dollars(before.cents or 0)}, rounded "
        f"half up to the cent, is {dollars(cents)} a month.",
        cents=cents,
        rule="§4",
        facts=facts(event=cobra.event, first_day=cobra.first_day, last_day=cobra.last_day),
        transactions=cited(cobra.transaction_id),
        children=(before,),
    )


# ── By member ──────────────────────────────────────────────────────────────────────────────────


def _by_member(
    client: Client, sources: Sources, lives: Sequence[Life], part: RatedPart
) -> Explanation:
    base_cents, age = part.standing.rate.rate.base_cents or 0, _age(part.life, part)
    cents = member_premium_cents(base_cents, age)
    return Explanation(
        label=f"{dollars(base_cents)} × {_factor(age)}, rounded half up to the cent, is "
        f"{dollars(cents)} a month.",
        cents=cents,
        rule="§4",
        children=(
            _rate(client, part, base_cents),
            _age_of(sources, part, age),
            *_one_of_the_oldest(sources, lives, part),
        ),
    )


def _rate(client: Client, part: RatedPart, cents: int) -> Explanation:
    rate, plan_id = part.standing.rate, part.standing.plan.plan_id
    return Explanation(
        label=f"The base rate of plan {plan_id}, for age 21 in rating area {client.rating_area}, "
        f"is {dollars(cents)} from {rate.first_day} on.",
        cents=cents,
        facts=facts(plan=plan_id, first_day=rate.first_day, rating_area=client.rating_area),
        transactions=cited(rate.transaction_id),
    )


def _age_of(sources: Sources, part: RatedPart, age: int) -> Explanation:
    """The age, the day it is taken on, and why it is that day."""
    start, unbroken_from = part.basis.plan_year_start, part.life.unbroken_from
    if unbroken_from > start:
        day, why = unbroken_from, "the first day of the unbroken coverage"
        made_by = _began(part.life)
    else:
        day, why = start, "the start of the plan year"
        made_by = sources.plan_years.get(start)
    return Explanation(
        label=f"Age {age} on {day}, {why}: factor {_factor(age)}.",
        rule="§4",
        facts=facts(
            age=age,
            taken_on=day,
            plan_year_start=start,
            unbroken_coverage_since=unbroken_from,
            age_factor=_factor(age),
        ),
        transactions=cited(sources.births.get(part.life.member.member_id), made_by),
    )


def _age(life: Life, part: RatedPart) -> int:
    """Nobody is younger than 0, who is insured before the birth date that was entered neither."""
    return max(
        0, rating_age(life.member.birth_date, part.basis.plan_year_start, life.unbroken_from)
    )


def _factor(age: int) -> str:
    thousandths = age_factor_thousandths(age)
    return f"{thousandths // 1000}.{thousandths % 1000:03d}"


# ── Three children pay ─────────────────────────────────────────────────────────────────────────


def _free(sources: Sources, lives: Sequence[Life], part: RatedPart) -> Explanation:
    age = _age(part.life, part)
    return Explanation(
        label=f"Of the children under {CHILD_RATED_BELOW_AGE} in a family only the "
        f"{PAYING_CHILDREN} oldest pay, and this one, age {age}, is not one of them: 0.00 a month.",
        cents=0,
        rule="§4",
        facts=facts(age=age),
        transactions=cited(sources.births.get(part.life.member.member_id)),
        children=tuple(_paying(sources, lives, part)),
    )


def _one_of_the_oldest(
    sources: Sources, lives: Sequence[Life], part: RatedPart
) -> Iterator[Explanation]:
    """For a child that pays where another does not."""
    children = {member_id for _, member_id in part.basis.children}
    if part.basis.free and part.life.member.member_id in children:
        yield Explanation(
            label=f"One of the {PAYING_CHILDREN} oldest of {len(children)} children under "
            f"{CHILD_RATED_BELOW_AGE}: they pay, the others do not.",
            rule="§4",
            children=tuple(_paying(sources, lives, part)),
        )


def _paying(sources: Sources, lives: Sequence[Life], part: RatedPart) -> Iterator[Explanation]:
    """The children who pay, the oldest first."""
    by_member = {life.member.member_id: life for life in lives}
    for _, member_id in sorted(part.basis.children):
        if member_id not in part.basis.free:
            life = by_member[member_id]
            yield Explanation(
                label=f"Child {member_id}, age {_age(life, part)}, pays.",
                facts=facts(member=member_id, age=_age(life, part)),
                transactions=cited(sources.births.get(member_id), _began(life)),
            )


# ── By tier ────────────────────────────────────────────────────────────────────────────────────


def _by_tier(lives: Sequence[Life], part: RatedPart) -> Explanation:
    """One composite premium for the family, and who makes it the tier that it is."""
    plan, _, rate, _ = part.standing
    tier = part.price.tier
    assert tier is not None
    assert rate.rate.tier_cents is not None
    cents = rate.rate.tier_cents[tier]
    return Explanation(
        label=f"Tier {tier} of plan {plan.plan_id} is {dollars(cents)} a month from "
        f"{rate.first_day} on.",
        cents=cents,
        rule="§4",
        facts=facts(plan=plan.plan_id, tier=tier, first_day=rate.first_day),
        transactions=cited(rate.transaction_id),
        children=tuple(
            Explanation(
                label=f"{_WHO[life.relationship]} {life.member.member_id} has a billed day in the "
                "month.",
                facts=facts(member=life.member.member_id, relationship=life.relationship),
                transactions=cited(_began(life)),
            )
            for life in lives
        ),
    )


_WHO = {
    "subscriber": "Subscriber",
    "spouse": "Spouse",
    "domestic_partner": "Domestic partner",
    "child": "Child",
}


def _began(life: Life) -> str | None:
    """The transaction that began the unbroken coverage."""
    return next(
        (p.began_by for p in life.member.periods if p.first_day == life.unbroken_from), None
    )
