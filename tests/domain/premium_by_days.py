"""The premium of a family's month, reckoned day by day: the reference of all tests of premium.

Written from handbook §4 in decimal arithmetic, with none of the code under test: every day of the
month is looked at, for everyone who is or was in the family. Only facts are taken from the client:
who is covered from when to when, in which plan, at which rates.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from domain.client.state import Client, Family, Member, Period, Relationship, Tier
from domain.dates import days_in_month
from tests.domain.test_rating import handbook_factor

FACTORS = [handbook_factor(years) for years in range(130)]


class ByDays(NamedTuple):
    """What a member costs in a month, and what for: on the last billed day of the month under
    ``daily``, otherwise on the first."""

    cents: int
    plan_id: str
    subgroup_id: str
    tier: Tier | None


class FamilyMonth:
    """A month (its 1st) of a family, day by day."""

    def __init__(self, client: Client, family: Family, month: date) -> None:
        self.client, self.family, self.month = client, family, month
        self.days = [month + timedelta(days=n) for n in range(days_in_month(month))]
        self.billed: dict[str, dict[date, Relationship]] = {}
        """By member: the days that the client's rule bills, and what the member is on them."""
        for member_id in sorted(family.member_ids):
            days = self._billed_days(client.members[member_id])
            if days:
                self.billed[member_id] = days
        self._ages: dict[tuple[str, date], int] = {}
        self._free = self._children_who_pay_nothing()

    def costs(self) -> dict[str, ByDays]:
        """What everyone with a line costs, also if nothing; by tier the subscriber alone."""
        found: dict[str, ByDays] = {}
        for member_id, days in self.billed.items():
            if self.client.segment == "large_group" and member_id != self.family.subscriber_id:
                continue
            is_daily = self.client.part_month_rule == "daily"
            day = max(days) if is_daily else min(days)
            cents = self._by_days(member_id) if is_daily else self.premium(member_id, day)
            tier = self._tier() if self.client.segment == "large_group" else None
            found[member_id] = ByDays(cents, self._plan(day), self._subgroup(day), tier)
        return found

    def premium(self, member_id: str, day: date) -> int:
        """The full monthly premium of a member as things stand on a day."""
        rate = [e for e in self.client.plans[self._plan(day)].rates if e.first_day <= day][-1].rate
        if rate.tier_cents is not None:
            cents = rate.tier_cents[self._tier()]
        else:
            assert rate.base_cents is not None
            factor = FACTORS[max(0, self._age(member_id, day))]
            cents = 0 if member_id in self._free else half_up(rate.base_cents * factor)
        if self._in_cobra(day):
            cents = half_up(cents * Decimal("1.02"))
        return cents

    def _by_days(self, member_id: str) -> int:
        """The days in each plan and price as a part of the month, each rounded."""
        known: dict[tuple[str, bool, date], int] = {}
        parts: Counter[tuple[str, int]] = Counter()
        for day in self.billed[member_id]:
            # The premium is the same on days that have these in common: it is reckoned once.
            alike = self._plan(day), self._in_cobra(day), self._began(member_id, day)
            if alike not in known:
                known[alike] = self.premium(member_id, day)
            parts[alike[0], known[alike]] += 1
        return sum(
            half_up(Decimal(cents * days) / len(self.days)) for (_, cents), days in parts.items()
        )

    # ── Who is billed ──────────────────────────────────────────────────────────────────────────

    def _billed_days(self, member: Member) -> dict[date, Relationship]:
        """The days on which the member is covered in the family, if the rule bills them.

        Starting on or before the 15th and not ending before the 16th is being covered on both.
        """
        covered: dict[date, Relationship] = {}
        for day in self.days:
            for period in member.periods:
                in_family = (period.subscriber_id or member.subscriber_id) == (
                    self.family.subscriber_id
                )
                if in_family and period.first_day <= day <= (period.last_day or date.max):
                    covered[day] = period.relationship or member.relationship
        if self.client.part_month_rule != "wash":
            return covered
        if {self.days[14], self.days[15]} - covered.keys():
            return {}
        first = last = 14
        while first > 0 and self.days[first - 1] in covered:
            first -= 1
        while last + 1 < len(self.days) and self.days[last + 1] in covered:
            last += 1
        return {day: covered[day] for day in self.days[first : last + 1]}

    def _children_who_pay_nothing(self) -> set[str]:
        """Of the children under 21, twins in order of member id: all but the three oldest."""
        children = sorted(
            (self.client.members[member_id].birth_date, member_id)
            for member_id, days in self.billed.items()
            if any(what == "child" and self._age(member_id, d) < 21 for d, what in days.items())
        )
        return {member_id for _, member_id in children[3:]}

    def _tier(self) -> Tier:
        there = {relationship for days in self.billed.values() for relationship in days.values()}
        has_partner = bool(there & {"spouse", "domestic_partner"})
        tiers: list[Tier] = ["EMP", "ESP", "ECH", "FAM"]
        return tiers[has_partner + 2 * ("child" in there)]

    # ── What holds on a day ────────────────────────────────────────────────────────────────────

    def _plan(self, day: date) -> str:
        return [entry for entry in self.family.plans if entry.first_day <= day][-1].plan_id

    def _subgroup(self, day: date) -> str:
        return [entry for entry in self.family.divisions if entry.first_day <= day][-1].subgroup_id

    def _in_cobra(self, day: date) -> bool:
        return any(cobra.first_day <= day <= cobra.last_day for cobra in self.family.cobra)

    def _began(self, member_id: str, day: date) -> date:
        """The first day of the unbroken coverage that the day is in."""
        periods, began = self.client.members[member_id].periods, day
        while previous := [p for p in periods if p.first_day < began <= _day_after(p)]:
            began = previous[0].first_day
        return began

    def _age(self, member_id: str, day: date) -> int:
        """On the later of plan-year start and first day of the unbroken coverage."""
        began = self._began(member_id, day)
        if (member_id, began) not in self._ages:
            started = [first for first in self.client.plan_years if first <= self.month]
            on = max(max(started, default=self.client.effective_on), began)
            birth = self.client.members[member_id].birth_date
            birthdays = (birthday(birth, year) for year in range(birth.year + 1, on.year + 1))
            self._ages[member_id, began] = sum(1 for each in birthdays if each <= on)
        return self._ages[member_id, began]


def half_up(amount: Decimal) -> int:
    """A whole number of cents; halves away from zero."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def birthday(birth: date, year: int) -> date:
    """In a year without 29 February, such a birthday is on 1 March."""
    if (birth.month, birth.day) == (2, 29) and days_in_month(date(year, 2, 1)) == 28:
        return date(year, 3, 1)
    return birth.replace(year=year)


def _day_after(period: Period) -> date:
    return date.max if period.last_day is None else period.last_day + timedelta(days=1)
