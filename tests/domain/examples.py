"""Commands like their documented example, but for what a test changes; and a member to act on."""

from __future__ import annotations

from datetime import date
from typing import Any, TypeVar

from domain.client.state import (
    Client,
    ContactPoints,
    DivisionFrom,
    Family,
    Member,
    Period,
    PersonName,
    PlanFrom,
    Relationship,
)
from domain.kernel import Command
from tests.domain.given import OPENED, group

ANNA = "10000000001"
"""A subscriber of group ``with_anna`` …"""
BEN = "10000000002"
"""… and her husband."""

AnyCommand = TypeVar("AnyCommand", bound=Command)


def like_example(action: type[AnyCommand], **changes: Any) -> AnyCommand:
    """The command of the action's example with some of its fields changed."""
    return action.model_validate({**action.example, **changes})


def with_anna(first_day: date = OPENED, last_day: date | None = None) -> Client:
    """A small group in which Anna and Ben are covered from one day to another."""
    client = group()
    client.members[ANNA] = _member(ANNA, "subscriber", first_day, last_day)
    client.members[BEN] = _member(BEN, "spouse", first_day, last_day)
    client.families[ANNA] = Family(
        ANNA,
        [ANNA, BEN],
        plans=[PlanFrom(first_day, "GOLD", "t0")],
        divisions=[DivisionFrom(first_day, "MAIN", "t0")],
    )
    return client


def _member(
    member_id: str, relationship: Relationship, first_day: date, last_day: date | None
) -> Member:
    return Member(
        member_id=member_id,
        subscriber_id=ANNA,
        relationship=relationship,
        name=PersonName("Anna" if member_id == ANNA else "Ben", "Rivera"),
        birth_date=date(1987, 5, 20),
        periods=[Period(first_day, "t0", last_day, None if last_day is None else "t0")],
        contact=ContactPoints(email="anna@example.org") if member_id == ANNA else None,
    )
