"""Add a subgroup: groups have them, once each."""

from __future__ import annotations

from datetime import date

from domain.client.add_subgroup import AddSubgroup, SubgroupAdded
from tests.domain.examples import like_example
from tests.domain.given import given, group, individual

EAST = like_example(AddSubgroup)


def test_a_group_gets_a_subgroup() -> None:
    """It is there from its day on."""
    story = (
        given(client=group())
        .when(EAST)
        .then(
            SubgroupAdded(subgroup_id="EAST", name="East Side shop", effective_on=date(2026, 1, 1))
        )
    )
    assert story.client.subgroups["EAST"].name == "East Side shop"


def test_adding_it_again_changes_nothing() -> None:
    """The same subgroup decides to nothing."""
    given(EAST, client=group()).when(EAST).then_nothing()


def test_a_subgroup_id_belongs_to_one_subgroup() -> None:
    """Other facts under the same id are refused."""
    story = given(EAST, client=group())
    story.when(like_example(AddSubgroup, name="Eastern")).refused("subgroup_exists", saying="EAST")
    story.when(like_example(AddSubgroup, effective_on="2026-02-01")).refused("subgroup_exists")


def test_an_individual_account_has_no_subgroups() -> None:
    """Its household is all there is."""
    given(client=individual()).when(EAST).refused("groups_only")


def test_a_subgroup_begins_within_the_life_of_the_group() -> None:
    """Neither before the group's effective date nor after its end."""
    client = group()
    early = like_example(AddSubgroup, effective_on="2025-12-31")
    given(client=client).when(early).refused("before_client_effective", saying="2026-01-01")
    client.terminated_on = date(2026, 6, 30)
    story = given(client=client)
    last = like_example(AddSubgroup, effective_on="2026-06-30")
    story.when(last).refused("too_far_ahead")
    story.when(last, received_on=date(2026, 4, 1)).is_accepted()
    late = like_example(AddSubgroup, effective_on="2026-07-01")
    given(client=client).when(late).refused("client_terminated", saying="2026-06-30")
