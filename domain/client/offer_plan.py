"""Offer a plan: "People of this subgroup may choose this plan from that date, at this rate."

Rates are for the whole client and change at renewals only; a plan that has one on that date keeps
it, for every subgroup that it is offered to.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

import msgspec

from domain.client.account_days import require_within_account
from domain.client.inputs import Day, Label, RateIn
from domain.client.lookup import find_subgroup
from domain.client.rates import fitting_rate
from domain.client.state import Client, Offer, Plan, Rate, RateFrom
from domain.client.timeline import in_force, set_from
from domain.client.timeliness import require_not_too_far_ahead
from domain.dates import previous_day
from domain.kernel import Cause, Command, Context, Event, Refusal
from domain.types import Code

RATE_MISSING = Refusal("rate_missing", "Plan {plan_id} has no rate on {day} yet: state it.")
RATE_CHANGES_AT_RENEWAL = Refusal(
    "rate_changes_at_renewal",
    "Plan {plan_id} has another rate on {day}; rates change when the client renews.",
)
OFFER_ENDS_TOO_EARLY = Refusal(
    "offer_ends_too_early", "The offer's last day, {last_day}, is before its first, {day}."
)
BEFORE_SUBGROUP = Refusal(
    "before_subgroup_effective", "Subgroup {subgroup_id} begins on {effective_on}, after {day}."
)


class PlanOffered(Event, frozen=True, kw_only=True):
    """A plan may be chosen in a subgroup; from its first day this replaces earlier offers of it."""

    type: ClassVar[str] = "plan_offered"
    plan_id: str
    name: str
    subgroup_id: str
    first_day: date
    last_day: date | None = None
    rate: Rate | None = None
    """Where the plan had none on that day."""

    def evolve(self, client: Client, cause: Cause) -> None:
        plan = client.plans.setdefault(self.plan_id, Plan(self.plan_id, self.name, []))
        plan.name = self.name
        if self.rate is not None:
            # It comes before any rate there is: a renewal's rate still follows it.
            plan.rates.insert(0, RateFrom(self.first_day, self.rate, cause.transaction_id))
        offers = plan.offers.setdefault(self.subgroup_id, [])
        before = in_force(offers, previous_day(self.first_day))
        set_from(offers, Offer(self.first_day, self.last_day, cause.transaction_id))
        if before is not None and (before.last_day is None or before.last_day >= self.first_day):
            offers[-2] = msgspec.structs.replace(before, last_day=previous_day(self.first_day))

    def takes_effect_on(self) -> date:
        return self.first_day

    def premium_changes_from(self) -> date:
        return self.first_day


class OfferPlan(Command):
    """Offer a plan to a subgroup."""

    sent_by: ClassVar = "carrier"
    title: ClassVar = "Offer a plan"
    example: ClassVar = {
        "type": "offer_plan",
        "plan_id": "PLATINUM",
        "name": "Platinum 1000",
        "subgroup_id": "MAIN",
        "effective_on": "2026-01-01",
        "rate": {"base": "560.00"},
    }

    type: Literal["offer_plan"] = "offer_plan"
    plan_id: Code
    name: Label
    subgroup_id: Code | None = None
    """Groups only: an individual account has but its household."""
    effective_on: Day
    last_day: Day | None = None
    """Last day on which it may be chosen; none if it stays on offer."""
    rate: RateIn | None = None
    """For a plan that has no rate on that date yet."""

    def decide(self, client: Client, context: Context) -> list[Event]:
        subgroup = find_subgroup(client, self.subgroup_id)
        require_within_account(client, self.effective_on)
        if self.last_day is not None and self.last_day < self.effective_on:
            raise OFFER_ENDS_TOO_EARLY.because(day=self.effective_on, last_day=self.last_day)
        if self.effective_on < subgroup.effective_on:
            raise BEFORE_SUBGROUP.because(
                subgroup_id=subgroup.subgroup_id,
                effective_on=subgroup.effective_on,
                day=self.effective_on,
            )
        rate = self._new_rate(client)
        if rate is None and self._holds_already(client, subgroup.subgroup_id):
            return []
        require_not_too_far_ahead(context, self.effective_on)
        return [
            PlanOffered(
                plan_id=self.plan_id,
                name=self.name,
                subgroup_id=subgroup.subgroup_id,
                first_day=self.effective_on,
                last_day=self.last_day,
                rate=rate,
            )
        ]

    def _new_rate(self, client: Client) -> Rate | None:
        """The rate to set: None where the plan has one on that date; it must be the same then."""
        plan = client.plans.get(self.plan_id)
        stated = None if self.rate is None else fitting_rate(client, self.plan_id, self.rate)
        current = None if plan is None else in_force(plan.rates, self.effective_on)
        if current is None:
            if stated is None:
                raise RATE_MISSING.because(plan_id=self.plan_id, day=self.effective_on)
            return stated
        if stated is not None and stated != current.rate:
            raise RATE_CHANGES_AT_RENEWAL.because(plan_id=self.plan_id, day=self.effective_on)
        return None

    def _holds_already(self, client: Client, subgroup_id: str) -> bool:
        plan = client.plans[self.plan_id]
        offer = in_force(plan.offers.get(subgroup_id, []), self.effective_on)
        if offer is None or offer.last_day != self.last_day or plan.name != self.name:
            return False
        return plan.offers[subgroup_id][-1] is offer
