"""Anna's family, for tests of what happens to it: Anna, her husband Ben, their children."""

from __future__ import annotations

from datetime import date
from typing import Any

from domain.client.add_dependent import AddDependent, DependentIn
from domain.client.add_subscriber import AddSubscriber
from domain.client.state import Client, Period
from tests.domain.given import OPENED, Story, given, group

ANNA, BEN, CLEO, DORA = "10000000001", "10000000002", "10000000003", "10000000004"
EVAN = "10000000005"
"""Somebody else: a second husband, another employee."""


def person(member_id: str, relationship: str, birth_date: date) -> DependentIn:
    """A dependent as senders describe one."""
    return DependentIn.model_validate(
        {
            "member_id": member_id,
            "relationship": relationship,
            "name": {"first": "Given", "last": "Family"},
            "birth_date": birth_date,
        }
    )


BEN_SPOUSE = person(BEN, "spouse", date(1989, 11, 2))
CLEO_CHILD = person(CLEO, "child", date(2010, 3, 4))
DORA_CHILD = person(DORA, "child", date(2000, 5, 17))
"""Turns 26 on 2026-05-17, so her last covered day is 2026-05-31."""
EVAN_SPOUSE = person(EVAN, "spouse", date(1988, 8, 8))


def add_anna(*dependents: DependentIn, on: date = OPENED, **other: Any) -> AddSubscriber:
    """Anna takes GOLD in division MAIN, unless told otherwise."""
    command = {
        "member_id": ANNA,
        "name": {"first": "Anna", "last": "Family"},
        "birth_date": date(1987, 5, 20),
        "subgroup_id": "MAIN",
        "plan_id": "GOLD",
        "effective_on": on,
        "dependents": dependents,
    }
    return AddSubscriber.model_validate(command | other)


def add_to_anna(dependent: DependentIn, on: date, **other: Any) -> AddDependent:
    """The dependent joins Anna's family."""
    return AddDependent.model_validate(
        dependent.model_dump() | {"subscriber_id": ANNA, "effective_on": on} | other
    )


def anna_with(*dependents: DependentIn, client: Client | None = None, **other: Any) -> Story:
    """Anna and these dependents have been covered since the group opened."""
    return given(add_anna(*dependents, **other), client=client or group())


def covered(story: Story, member_id: str) -> list[tuple[date, date | None]]:
    """The first and last days of a member's periods of coverage."""
    return [(period.first_day, period.last_day) for period in periods(story, member_id)]


def periods(story: Story, member_id: str) -> list[Period]:
    """The member's periods of coverage."""
    return story.client.members[member_id].periods
