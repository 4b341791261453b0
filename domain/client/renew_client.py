"""Renew a client: "A new plan year starts on the 1st, at these rates."

Carries the base rates, or tiers, of all plans that stay on offer (handbook §3). A renewal on or
after 2024-06-01 also brings a group over from CBIA (§2). Plan years are recorded in their order;
recording the latest one again corrects its rates.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

from domain.client.account_days import require_first_of_month, require_within_account
from domain.client.inputs import Day, RateIn
from domain.client.lookup import find_plan
from domain.client.rates import fitting_rate
from domain.client.state import Client, Plan, Rate, RateFrom
from domain.client.timeline import changes_after, in_force, set_from
from domain.client.timeliness import require_not_too_far_ahead
from domain.kernel import Cause, Command, Context, Event, Refusal
from domain.types import Code

RENEWAL_OUT_OF_ORDER = Refusal(
    "renewal_out_of_order",
    "A plan year started on {latest} already: a renewal on {day} would be out of order.",
)
RATES_INCOMPLETE = Refusal(
    "rates_incomplete", "The renewal names no rate for {plan_ids}, which stay on offer."
)


class ClientRenewed(Event, frozen=True, kw_only=True):
    """A plan year starts, with its rates by plan."""

    type: ClassVar[str] = "client_renewed"
    first_day: date
    rates: dict[str, Rate]

    def evolve(self, client: Client, cause: Cause) -> None:
        if client.plan_years[-1] != self.first_day:
            client.plan_years.append(self.first_day)
        for plan_id, rate in self.rates.items():
            set_from(
                client.plans[plan_id].rates, RateFrom(self.first_day, rate, cause.transaction_id)
            )

    def takes_effect_on(self) -> date:
        return self.first_day

    def premium_changes_from(self) -> date:
        return self.first_day


class RenewClient(Command):
    """Start a plan year with its rates."""

    sent_by: ClassVar = "carrier"
    title: ClassVar = "Renew a client"
    example: ClassVar = {
        "type": "renew_client",
        "effective_on": "2026-04-01",
        "rates": {
            "GOLD": {"base": "505.00"},
            "SILVER": {"base": "498.50"},
            "BRONZE": {"base": "427.00"},
        },
    }

    type: Literal["renew_client"] = "renew_client"
    effective_on: Day
    rates: dict[Code, RateIn]
    """By plan id."""

    def decide(self, client: Client, context: Context) -> list[Event]:
        require_first_of_month(self.effective_on)
        require_within_account(client, self.effective_on)
        latest = client.plan_years[-1]
        if self.effective_on < latest or self.effective_on == client.effective_on:
            raise RENEWAL_OUT_OF_ORDER.because(latest=latest, day=self.effective_on)
        rates = {
            plan_id: fitting_rate(client, find_plan(client, plan_id).plan_id, rate)
            for plan_id, rate in self.rates.items()
        }
        missing = sorted(_stay_on_offer(client, self.effective_on) - rates.keys())
        if missing:
            raise RATES_INCOMPLETE.because(plan_ids=", ".join(missing))
        renewed = ClientRenewed(first_day=self.effective_on, rates=rates)
        if _holds_already(client, renewed):
            return []
        require_not_too_far_ahead(context, self.effective_on)
        return [renewed]


def _stay_on_offer(client: Client, day: date) -> set[str]:
    return {plan.plan_id for plan in client.plans.values() if _is_offered_from(plan, day)}


def _is_offered_from(plan: Plan, day: date) -> bool:
    return any(
        offer.last_day is None or offer.last_day >= day
        for offers in plan.offers.values()
        for offer in offers
    )


def _holds_already(client: Client, renewed: ClientRenewed) -> bool:
    if client.plan_years[-1] != renewed.first_day:
        return False
    for plan_id, rate in renewed.rates.items():
        timeline = client.plans[plan_id].rates
        current = in_force(timeline, renewed.first_day)
        if current is None or current.rate != rate or changes_after(timeline, renewed.first_day):
            return False
    return True
