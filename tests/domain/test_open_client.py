"""Open a client: its size, its rating area, its household, and what a repeat means."""

from __future__ import annotations

from datetime import date

import pytest

from domain.client.open_client import RATING_AREAS, ClientOpened, OpenClient
from domain.client.state import HOUSEHOLD
from tests.domain.examples import like_example
from tests.domain.given import given

SOLO = {"segment": "solo", "full_time_employees": None, "part_time_hours": None}


def opening(**changes: object) -> OpenClient:
    """The opening of Harbor Bakery, changed."""
    return like_example(OpenClient, **changes)


def test_a_small_group_opens_with_its_facts() -> None:
    """All that was stated is in the event, the county as its rating area."""
    story = (
        given()
        .when(opening(part_time_hours="260.50"))
        .then(
            ClientOpened(
                name="Harbor Bakery",
                segment="small_group",
                state="CT",
                rating_area=6,
                part_month_rule="wash",
                effective_on=date(2026, 1, 1),
                full_time_employees="7",
                part_time_hours="260.5",
            )
        )
    )
    client = story.client
    assert client.is_open
    assert client.is_group
    assert client.plan_years == [date(2026, 1, 1)]
    assert client.subgroups == {}


def test_an_individual_account_opens_with_its_household() -> None:
    """The one subgroup of an account without divisions is made when it opens."""
    story = given().when(opening(**SOLO)).is_accepted()
    assert story.client.subgroups[HOUSEHOLD].effective_on == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("segment", "full_time", "part_time_hours", "agrees"),
    [
        ("small_group", "50", "0", True),
        ("small_group", "48", "240", True),
        ("small_group", "48", "359.99", True),
        ("small_group", "48", "360", False),
        ("small_group", "51", "0", False),
        ("ffs", "50.99", "0", True),
        ("ffs", "51", "0", False),
        ("large_group", "51", "0", True),
        ("large_group", "50", "119", False),
        ("large_group", "50", "120", True),
        ("large_group", None, None, False),
        ("small_group", "7", None, False),
        ("solo", "7", "0", False),
        ("exchange", None, None, True),
    ],
)
def test_the_segment_must_agree_with_the_size(
    segment: str, full_time: str | None, part_time_hours: str | None, agrees: bool
) -> None:
    """50 full-time equivalents or fewer are small, 51 or more large; a fraction is dropped."""
    command = opening(
        segment=segment, full_time_employees=full_time, part_time_hours=part_time_hours
    )
    answer = given().when(command)
    if agrees:
        answer.is_accepted()
    else:
        answer.refused("segment_disagrees_with_size", saying=segment)


@pytest.mark.parametrize(("county", "area"), RATING_AREAS.items())
def test_the_county_decides_the_rating_area_in_connecticut(county: str, area: int) -> None:
    """Handbook §4 names the eight."""
    given().when(opening(county=county)).is_accepted().check(lambda c: c.rating_area == area)


@pytest.mark.parametrize(
    ("state", "county", "area", "known"),
    [
        ("CT", "Kings", None, False),
        ("CT", None, None, False),
        ("CT", None, 3, False),
        ("MA", None, 3, True),
        ("MA", "Hartford", None, False),
        ("MA", None, None, False),
    ],
)
def test_a_client_has_a_rating_area(
    state: str, county: str | None, area: int | None, known: bool
) -> None:
    """Outside Connecticut it is stated by its number, as there is no table of counties."""
    answer = given().when(opening(state=state, county=county, rating_area=area))
    if known:
        answer.is_accepted().check(lambda client: client.rating_area == area)
    else:
        answer.refused("rating_area_unknown")


def test_opening_the_same_client_again_changes_nothing() -> None:
    """A repeat with the same facts decides to nothing, however its numbers are written."""
    given(opening()).when(opening(full_time_employees="7.0")).then_nothing()


@pytest.mark.parametrize(
    "changes",
    [{"name": "Harbor Cakes"}, {"effective_on": "2026-02-01"}, {"county": "Fairfield"}, SOLO],
)
def test_a_client_id_belongs_to_one_client(changes: dict[str, object]) -> None:
    """The same id with other facts is refused."""
    given(opening()).when(opening(**changes)).refused("client_exists")


def test_a_group_of_long_standing_opens_with_its_latest_plan_year() -> None:
    """A group that CBIA still administers is known with its history in short."""
    older = opening(effective_on="2015-03-01", plan_year_start="2024-03-01")
    story = given(older).check(
        lambda client: client.plan_years == [date(2015, 3, 1), date(2024, 3, 1)]
    )
    story.when(older).then_nothing()
    story.when(opening(effective_on="2015-03-01", plan_year_start="2023-03-01")).refused(
        "client_exists"
    )


def test_a_plan_year_starts_on_a_1st_and_not_before_the_client() -> None:
    """Otherwise it is not one of this client's."""
    given().when(opening(plan_year_start="2026-03-15")).refused("not_first_of_month")
    given().when(opening(plan_year_start="2025-03-01")).refused("before_client_effective")
