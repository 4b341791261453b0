"""Renew a client: a plan year on a 1st, with a rate for every plan that stays."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.client.administration import administered_by
from domain.client.offer_plan import OfferPlan
from domain.client.renew_client import ClientRenewed, RenewClient
from domain.client.state import Rate
from domain.client.timeline import in_force
from tests.domain.examples import like_example
from tests.domain.given import OPENED, given, group

RECEIVED = date(2026, 10, 20)
RATES = {"GOLD": {"base": "505.00"}, "SILVER": {"base": "498.50"}, "BRONZE": {"base": "427"}}
TIERS = {"EMP": "510.00", "ESP": "1020.00", "ECH": "920.00", "FAM": "1530.00"}


def renewing(effective_on: str = "2027-01-01", rates: Any = None) -> RenewClient:
    """The renewal with a rate for each plan of the ready-made group."""
    return like_example(RenewClient, effective_on=effective_on, rates=rates or RATES)


def test_a_renewal_starts_a_plan_year_at_its_rates() -> None:
    """The rates before it stay for the months before it."""
    story = (
        given(client=group())
        .when(renewing(), received_on=RECEIVED)
        .then(
            ClientRenewed(
                first_day=date(2027, 1, 1),
                rates={
                    "GOLD": Rate(base_cents=505_00),
                    "SILVER": Rate(base_cents=498_50),
                    "BRONZE": Rate(base_cents=427_00),
                },
            )
        )
    )
    assert story.client.plan_years == [OPENED, date(2027, 1, 1)]
    rates = story.client.plans["SILVER"].rates
    held = [in_force(rates, day) for day in (date(2026, 12, 31), date(2027, 1, 1))]
    assert [each and each.rate.base_cents for each in held] == [480_00, 498_50]


def test_a_large_group_renews_by_tier() -> None:
    """Base rates are refused for it, and tiers for others."""
    tiers = {plan_id: {"tiers": TIERS} for plan_id in RATES}
    large = given(client=group("large_group"))
    large.when(renewing(rates=tiers), received_on=RECEIVED).is_accepted()
    large.when(renewing(), received_on=RECEIVED).refused("rate_kind_wrong")
    given(client=group()).when(renewing(rates=tiers), received_on=RECEIVED).refused(
        "rate_kind_wrong"
    )


def test_every_plan_that_stays_on_offer_needs_its_rate() -> None:
    """A plan whose offers ended by then does not; one that the client has not is refused."""
    without_gold = {plan_id: rate for plan_id, rate in RATES.items() if plan_id != "GOLD"}
    story = given(client=group())
    story.when(renewing(rates=without_gold), received_on=RECEIVED).refused(
        "rates_incomplete", saying="GOLD"
    )
    ended = [
        like_example(
            OfferPlan,
            plan_id="GOLD",
            name="Gold",
            subgroup_id=subgroup_id,
            last_day="2026-12-31",
            rate=None,
        )
        for subgroup_id in ("MAIN", "WEST")
    ]
    story.and_given(ended[0]).when(renewing(rates=without_gold), received_on=RECEIVED).refused(
        "rates_incomplete"
    )
    story.and_given(*ended).when(renewing(rates=without_gold), received_on=RECEIVED).is_accepted()
    for_a_day = like_example(
        OfferPlan, plan_id="GOLD", name="Gold", last_day="2027-01-01", rate=None
    )
    story.and_given(*ended, for_a_day).when(
        renewing(rates=without_gold), received_on=RECEIVED
    ).refused("rates_incomplete")
    unknown = {**RATES, "PEARL": {"base": "1.00"}}
    story.when(renewing(rates=unknown), received_on=RECEIVED).refused(
        "plan_unknown", saying="PEARL"
    )


@pytest.mark.parametrize(
    ("effective_on", "code"),
    [
        ("2027-01-15", "not_first_of_month"),
        ("2026-12-31", "not_first_of_month"),
        ("2025-12-01", "before_client_effective"),
        ("2026-01-01", "renewal_out_of_order"),
        ("2027-02-01", "too_far_ahead"),
        ("2027-01-01", None),
    ],
)
def test_a_renewal_has_a_possible_day(effective_on: str, code: str | None) -> None:
    """The 1st of a month after the client's effective date, at most 90 days ahead."""
    answer = given(client=group()).when(renewing(effective_on), received_on=RECEIVED)
    if code is None:
        answer.is_accepted()
    else:
        answer.refused(code, saying=effective_on)


def test_plan_years_are_recorded_in_their_order() -> None:
    """None is put in before the latest one."""
    story = given(renewing(), client=group(), received_on=RECEIVED)
    story.when(renewing("2026-12-01")).refused("renewal_out_of_order", saying="2027-01-01")


def test_recording_a_renewal_again_changes_nothing_but_what_differs() -> None:
    """The same rates decide to nothing; others correct it, in the same plan year."""
    story = given(renewing(), client=group(), received_on=RECEIVED)
    story.when(renewing()).then_nothing()
    corrected = renewing(rates={**RATES, "GOLD": {"base": "506.00"}})
    story = story.when(corrected, received_on=date(2027, 2, 1)).is_accepted()
    assert story.client.plan_years == [OPENED, date(2027, 1, 1)]
    gold = [each.rate.base_cents for each in story.client.plans["GOLD"].rates]
    assert gold == [480_00, 506_00]


def test_a_renewal_brings_a_group_over_from_cbia() -> None:
    """On its day, if that is on or after 2024-06-01."""
    story = given(client=group(opened=date(2015, 3, 1)))
    before = story.and_given(renewing("2024-03-01"), received_on=date(2024, 2, 1))
    assert administered_by(before.client, date(2025, 2, 28)) == "CBIA"
    after = before.and_given(renewing("2025-03-01"), received_on=date(2025, 2, 1))
    assert administered_by(after.client, date(2025, 2, 28)) == "CBIA"
    assert administered_by(after.client, date(2025, 3, 1)) == "here"


def test_a_terminated_client_does_not_renew() -> None:
    """Its last day is over by then."""
    client = group()
    client.terminated_on = date(2026, 12, 31)
    given(client=client).when(renewing(), received_on=RECEIVED).refused("client_terminated")
