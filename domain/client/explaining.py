"""Why a member's month costs what it costs: the rules of handbook §4 at work, step by step.

Nothing is computed by other rules than billing uses: ``premium.rated_month`` gives what they looked
at, ``domain.rating`` each amount.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from msgspec.structs import replace

from domain.client.administration import administered_by
from domain.client.billing import first_billed_month
from domain.client.coverage import covers, periods_in, subscriber_of
from domain.client.explaining_premium import explain_monthly
from domain.client.premium import (
    Life,
    MemberCharge,
    Price,
    RatedPart,
    monthly_charges,
    rated_month,
)
from domain.client.sources import Sources
from domain.client.state import Client, Member, PartMonthRule, Period
from domain.dates import days_in_month, last_of_month
from domain.explanation import Explanation, cited, facts, month_text
from domain.money import dollars

_RULES: dict[PartMonthRule, str] = {
    "full_month": "any covered day bills the month in full",
    "wash": "the month is billed in full if coverage starts on or before the 15th and does not "
    "end before the 16th, otherwise not at all",
    "daily": "the full premium × covered days ÷ days in the month, rounded half up to the cent",
}


def explain_premium(client: Client, sources: Sources, member_id: str, month: date) -> Explanation:
    """What a member costs in a month (its 1st), and why; 0.00 where nothing is billed.

    Who depends on a subscriber with a premium by tier has none of their own: the family's is told.
    ``KeyError`` for who was never in the client.
    """
    member = client.members[member_id]
    held_by = {subscriber_of(member, p) for p in member.periods} | {member.subscriber_id}
    costs = [
        cost
        for subscriber_id in sorted(held_by)
        if (cost := _in_family(client, sources, subscriber_id, member_id, month)) is not None
    ]
    if not costs:
        costs = [_nothing(client, sources, member.subscriber_id, member, month)]
    cents = sum(cost.cents or 0 for cost in costs)
    tree = costs[0]
    if len(costs) > 1:
        tree = Explanation(
            label=f"Member {member_id} costs {dollars(cents)} in {month_text(month)}, in "
            f"{len(costs)} families.",
            cents=cents,
            facts=facts(member=member_id, month=month),
            children=tuple(costs),
        )
    return replace(tree, children=(*tree.children, *_billed_elsewhere(client, sources, month)))


def _in_family(
    client: Client, sources: Sources, subscriber_id: str, member_id: str, month: date
) -> Explanation | None:
    """What the member costs in one family; None without a billed day there."""
    lives, parts = rated_month(client, client.families[subscriber_id], month)
    if any(part.life.member.member_id == member_id for part in parts):
        return explain_charge(client, sources, subscriber_id, member_id, month)
    if not parts or not any(life.member.member_id == member_id for life in lives):
        return None
    of_family = explain_charge(client, sources, subscriber_id, subscriber_id, month)
    return Explanation(
        label=f"Member {member_id} has no premium of their own: it is by tier, and the family of "
        f"subscriber {subscriber_id} costs {dollars(of_family.cents or 0)} in "
        f"{month_text(month)}.",
        cents=of_family.cents,
        rule="§4",
        facts=facts(member=member_id, subscriber=subscriber_id, month=month),
        children=(of_family,),
    )


def _billed_elsewhere(client: Client, sources: Sources, month: date) -> Iterator[Explanation]:
    """For a month before the first that is billed here."""
    first = first_billed_month(client)
    if first is None or month < first:
        administrator = administered_by(client, month)
        if administrator != "here":
            yield Explanation(
                label=f"{month_text(month)} is administered by {administrator}: no invoice of this "
                "system bills it.",
                rule="§2",
                facts=facts(first_month_billed_here=first),
                transactions=cited(sources.opened),
            )


def explain_charge(
    client: Client, sources: Sources, subscriber_id: str, member_id: str, month: date
) -> Explanation:
    """Why the member (by tier: the subscriber) costs in a month (its 1st) what ``charges_of`` says.

    ``KeyError`` for who was never in that family.
    """
    family = client.families[subscriber_id]
    lives, rated = rated_month(client, family, month)
    parts = [part for part in rated if part.life.member.member_id == member_id]
    charges = [c for c in monthly_charges(client, family, month) if c.member_id == member_id]
    if not charges:
        return _nothing(client, sources, subscriber_id, client.members[member_id], month)
    cents = sum(charge.billed_cents for charge in charges)
    return Explanation(
        label=f"Member {member_id} costs {dollars(cents)} in {month_text(month)}.",
        cents=cents,
        facts=facts(member=member_id, subscriber=subscriber_id, month=month),
        children=tuple(
            _part(client, sources, lives, charge, _of_price(charge, parts), month)
            for charge in charges
        ),
    )


def _of_price(charge: MemberCharge, parts: Sequence[RatedPart]) -> list[RatedPart]:
    """The parts of the month that a charge is for."""
    price = Price(charge.monthly_cents, charge.plan_id, charge.subgroup_id, charge.tier)
    return [part for part in parts if part.price == price]


# ── A month that costs nothing ─────────────────────────────────────────────────────────────────


def _nothing(
    client: Client, sources: Sources, subscriber_id: str, member: Member, month: date
) -> Explanation:
    periods = [_period(sources, member, period, subscriber_id, month) for period in member.periods]
    periods += [_cancelled(member, period) for period in member.cancelled]
    rule = Explanation(
        label=f"Rule {client.part_month_rule}: {_RULES[client.part_month_rule]}.",
        rule="§4",
        transactions=cited(sources.opened),
    )
    return Explanation(
        label=f"Member {member.member_id} has no billed day in {month_text(month)}.",
        cents=0,
        facts=facts(member=member.member_id, subscriber=subscriber_id, month=month),
        children=(*periods, rule),
    )


def _period(
    sources: Sources, member: Member, period: Period, subscriber_id: str, month: date
) -> Explanation:
    # An end that age sets says when a child was born: it is told where the month depends on it.
    is_aged_out = period.age_out and not _goes_on_after(period, month)
    last_day = None if period.age_out and not is_aged_out else period.last_day
    held_by = subscriber_of(member, period)
    through = "" if last_day is None else f" through {last_day}"
    elsewhere = "" if held_by == subscriber_id else f", in the family of subscriber {held_by}"
    why = ", where the child's age ends it" if is_aged_out else ""
    again = sources.reinstated.get(member.member_id, {})
    return Explanation(
        label=f"Covered from {period.first_day}{through}{elsewhere}{why}.",
        facts=facts(first_day=period.first_day, last_day=last_day),
        transactions=cited(
            period.began_by,
            *(by for day, by in again.items() if covers(period, day)),
            period.ended_by,
            sources.births.get(member.member_id) if is_aged_out else None,
        ),
    )


def _goes_on_after(period: Period, month: date) -> bool:
    return period.last_day is None or period.last_day > last_of_month(month)


def _cancelled(member: Member, period: Period) -> Explanation:
    return Explanation(
        label=f"Coverage of member {member.member_id} from {period.first_day} was cancelled from "
        "inception.",
        transactions=cited(period.began_by, period.ended_by),
    )


# ── A part of a month ──────────────────────────────────────────────────────────────────────────


def _part(
    client: Client,
    sources: Sources,
    lives: Sequence[Life],
    charge: MemberCharge,
    parts: Sequence[RatedPart],
    month: date,
) -> Explanation:
    """The charge for the parts of a month that have one price."""
    standings = [part.standing for part in parts]
    chosen = [by for s in standings for by in (s.plan.transaction_id, s.division.transaction_id)]
    rated = {_rated_by(part): part for part in parts}
    return Explanation(
        label=f"Plan {charge.plan_id} in subgroup {charge.subgroup_id}: "
        f"{dollars(charge.billed_cents)}.",
        cents=charge.billed_cents,
        facts=facts(plan=charge.plan_id, subgroup=charge.subgroup_id, tier=charge.tier),
        transactions=cited(*chosen),
        children=(
            *_coverage(sources, charge.subscriber_id, parts, month),
            *(explain_monthly(client, sources, lives, part) for part in rated.values()),
            _part_month(client, sources, charge, parts, month),
        ),
    )


def _rated_by(part: RatedPart) -> tuple[str, date, str | None]:
    """What can differ between parts of one price."""
    _, _, rate, cobra = part.standing
    return rate.transaction_id, rate.first_day, cobra.transaction_id if cobra else None


def _coverage(
    sources: Sources, subscriber_id: str, parts: Sequence[RatedPart], month: date
) -> Iterator[Explanation]:
    """The periods of coverage in which the parts lie."""
    seen: list[Life] = []
    for part in parts:
        life = part.life
        if life in seen:
            continue
        seen.append(life)
        for period in periods_in(life.member, subscriber_id):
            if life.first_day <= period.first_day <= life.last_day:
                yield _period(sources, life.member, period, subscriber_id, month)


def _part_month(
    client: Client,
    sources: Sources,
    charge: MemberCharge,
    parts: Sequence[RatedPart],
    month: date,
) -> Explanation:
    """The client's own rule for part months."""
    rule = client.part_month_rule
    billed = dollars(charge.billed_cents)
    label = f"Rule {rule}: {_RULES[rule]}: {billed}."
    looked_at = facts(rule=rule)
    if rule == "daily":
        days, of = sum(part.days for part in parts), days_in_month(month)
        label = f"Rule {rule}: {_RULES[rule]}: {dollars(charge.monthly_cents)} × {days} ÷ {of} = "
        label += f"{billed}."
        spans = "; ".join(f"{part.first_day} to {part.last_day}" for part in parts)
        looked_at = facts(rule=rule, covered_days=days, days_in_month=of, days=spans)
    return Explanation(
        label=label,
        cents=charge.billed_cents,
        rule="§4",
        facts=looked_at,
        transactions=cited(sources.opened),
    )
