"""Offer a plan: to whom, from when, at which rate."""

from __future__ import annotations

from datetime import date

import pytest

from domain.client.offer_plan import OfferPlan, PlanOffered
from domain.client.state import HOUSEHOLD, Offer, Rate
from tests.domain.examples import like_example
from tests.domain.given import OPENED, given, group, individual

TIERS = {"EMP": "500.00", "ESP": "1000", "ECH": "900.00", "FAM": "1500.00"}


def offering(**changes: object) -> OfferPlan:
    """The offer of PLATINUM to MAIN from 2026-01-01, changed."""
    return like_example(OfferPlan, **changes)


def test_a_plan_is_offered_with_its_rate() -> None:
    """The rate is kept in cents, from the day of the offer."""
    story = (
        given(client=group())
        .when(offering())
        .then(
            PlanOffered(
                plan_id="PLATINUM",
                name="Platinum 1000",
                subgroup_id="MAIN",
                first_day=OPENED,
                rate=Rate(base_cents=560_00),
            )
        )
    )
    plan = story.client.plans["PLATINUM"]
    assert plan.rates[0].first_day == OPENED
    assert plan.offers == {"MAIN": [Offer(OPENED, None, "t1")]}


def test_an_individual_account_is_offered_plans_for_its_household() -> None:
    """Nobody has to name the household."""
    story = given(client=individual()).when(offering(subgroup_id=None)).is_accepted()
    assert list(story.client.plans["PLATINUM"].offers) == [HOUSEHOLD]


def test_a_group_names_a_subgroup_that_it_has() -> None:
    """Missing and unknown ones are refused."""
    given(client=group()).when(offering(subgroup_id=None)).refused("subgroup_missing")
    given(client=group()).when(offering(subgroup_id="NORTH")).refused(
        "subgroup_unknown", saying="NORTH"
    )


def test_a_large_group_pays_by_tier_and_everyone_else_by_member() -> None:
    """The rate must be of the kind that the segment pays by."""
    large = given(client=group("large_group"))
    large.when(offering(rate={"tiers": TIERS})).is_accepted().check(
        lambda client: (client.plans["PLATINUM"].rates[0].rate.tier_cents or {})["ESP"] == 1000_00
    )
    large.when(offering()).refused("rate_kind_wrong", saying="each tier")
    given(client=group()).when(offering(rate={"tiers": TIERS})).refused(
        "rate_kind_wrong", saying="base rate"
    )


def test_a_plan_without_a_rate_on_that_day_needs_one() -> None:
    """A rate that only starts later does not count."""
    given(client=group()).when(offering(rate=None)).refused("rate_missing", saying="PLATINUM")
    later = given(offering(effective_on="2026-03-01"), client=group())
    west = offering(subgroup_id="WEST", rate=None)
    later.when(west).refused("rate_missing", saying="2026-01-01")


def test_a_further_subgroup_gets_the_plan_at_the_rate_that_it_has() -> None:
    """The rate need not be repeated, and another is refused until the renewal."""
    story = given(offering(), client=group())
    west = PlanOffered(
        plan_id="PLATINUM", name="Platinum 1000", subgroup_id="WEST", first_day=OPENED
    )
    story.when(offering(subgroup_id="WEST", rate=None)).then(west)
    story.when(offering(subgroup_id="WEST", rate={"base": "560"})).then(west)
    story.when(offering(subgroup_id="WEST", rate={"base": "561.00"})).refused(
        "rate_changes_at_renewal", saying="PLATINUM"
    )


def test_a_rate_from_an_earlier_day_comes_before_the_one_there_is() -> None:
    """The later rate still holds from its own day on."""
    story = given(
        offering(effective_on="2026-03-01"),
        offering(subgroup_id="WEST", rate={"base": "550.00"}),
        client=group(),
    )
    rates = [
        (each.first_day, each.rate.base_cents) for each in story.client.plans["PLATINUM"].rates
    ]
    assert rates == [(OPENED, 550_00), (date(2026, 3, 1), 560_00)]


def test_offering_what_is_offered_changes_nothing() -> None:
    """Also from a later day on: it is on offer then already."""
    story = given(offering(), client=group())
    story.when(offering()).then_nothing()
    story.when(offering(effective_on="2026-05-01", rate=None)).then_nothing()


def test_an_offer_can_be_ended_and_made_again() -> None:
    """A new offer holds from its first day; what was offered before ends there."""
    story = given(
        offering(),
        offering(effective_on="2026-03-01", last_day="2026-06-30", rate=None),
        offering(effective_on="2026-09-01", rate=None),
        client=group(),
        received_on=date(2026, 6, 10),
    )
    assert story.client.plans["PLATINUM"].offers["MAIN"] == [
        Offer(OPENED, date(2026, 2, 28), "t1"),
        Offer(date(2026, 3, 1), date(2026, 6, 30), "t2"),
        Offer(date(2026, 9, 1), None, "t3"),
    ]


def test_an_offer_replaces_those_recorded_for_later_days() -> None:
    """A change sets what holds from its date on."""
    story = given(
        offering(last_day="2026-06-30"),
        offering(effective_on="2026-09-01", rate=None),
        offering(effective_on="2026-05-01", rate=None),
        client=group(),
        received_on=date(2026, 6, 10),
    )
    assert story.client.plans["PLATINUM"].offers["MAIN"] == [
        Offer(OPENED, date(2026, 4, 30), "t1"),
        Offer(date(2026, 5, 1), None, "t3"),
    ]
    twice = given(
        offering(last_day="2026-06-30"),
        offering(effective_on="2026-09-01", rate=None),
        offering(last_day="2026-06-30"),
        client=group(),
        received_on=date(2026, 6, 10),
    )
    assert twice.client.plans["PLATINUM"].offers["MAIN"] == [Offer(OPENED, date(2026, 6, 30), "t3")]


def test_an_offer_is_made_at_most_90_days_ahead() -> None:
    """Like any change in future (handbook §3)."""
    story = given(client=group())
    story.when(offering(effective_on="2026-04-01")).is_accepted()
    story.when(offering(effective_on="2026-04-02")).refused("too_far_ahead")


def test_a_new_name_of_a_plan_is_recorded() -> None:
    """Everything else may hold already."""
    story = given(offering(), client=group()).when(offering(name="Platinum II")).is_accepted()
    assert story.client.plans["PLATINUM"].name == "Platinum II"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"effective_on": "2025-12-31"}, "before_client_effective"),
        ({"last_day": "2025-12-31"}, "offer_ends_too_early"),
    ],
)
def test_an_offer_has_possible_days(changes: dict[str, object], code: str) -> None:
    """From the client's effective date on, and not ending before it begins."""
    given(client=group()).when(offering(**changes)).refused(code)


def test_a_subgroup_is_offered_nothing_before_it_begins() -> None:
    """The offer waits for the subgroup."""
    client = group(opened=date(2026, 1, 1))
    client.subgroups["MAIN"] = type(client.subgroups["MAIN"])(
        "MAIN", "Main", date(2026, 4, 1), "t0"
    )
    given(client=client).when(offering()).refused("before_subgroup_effective", saying="MAIN")
