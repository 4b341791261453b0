"""Change contact points: both are stated, null means none."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from domain.client.change_contact import ChangeContact, ContactChanged
from domain.client.state import ContactPoints
from tests.domain.examples import ANNA, BEN, like_example, with_anna
from tests.domain.given import given

RECEIVED = date(2026, 2, 10)


def reaching(member_id: str = ANNA, **changes: Any) -> ChangeContact:
    """Anna's e-mail address as it is and a phone number, changed."""
    return like_example(ChangeContact, member_id=member_id, **changes)


def test_a_member_is_reached_in_another_way() -> None:
    """What is null is there no more."""
    story = (
        given(client=with_anna())
        .when(reaching(email=None), received_on=RECEIVED)
        .then(
            ContactChanged(
                member_id=ANNA,
                contact=ContactPoints(phone="860-555-0142"),
                effective_on=RECEIVED,
            )
        )
    )
    assert story.client.members[ANNA].contact == ContactPoints(phone="860-555-0142")


def test_both_contact_points_are_stated() -> None:
    """Leaving one out would leave open whether it is to go."""
    for field in ("email", "phone"):
        stated = {key: value for key, value in ChangeContact.example.items() if key != field}
        with pytest.raises(ValidationError):
            ChangeContact.model_validate(stated)


def test_the_same_contact_points_again_change_nothing() -> None:
    """From the same day or a later one; nor does having none where there is none."""
    story = given(client=with_anna())
    story.when(reaching(phone=None), received_on=RECEIVED).then_nothing()
    story.when(reaching(BEN, email=None, phone=None), received_on=RECEIVED).then_nothing()
    changed = story.and_given(reaching(), received_on=RECEIVED)
    changed.when(reaching(), received_on=date(2026, 3, 1)).then_nothing()
    changed.when(reaching(effective_on="2026-01-20")).then(
        ContactChanged(
            member_id=ANNA,
            contact=ContactPoints("anna@example.org", "860-555-0142"),
            effective_on=date(2026, 1, 20),
        )
    )


def test_contact_points_change_at_most_90_days_ahead() -> None:
    """Like any change in future."""
    given(client=with_anna()).when(
        reaching(effective_on="2026-05-12"), received_on=RECEIVED
    ).refused("too_far_ahead")


def test_contact_points_are_a_members() -> None:
    """Strangers are refused by their id."""
    given(client=with_anna()).when(reaching("10000000009")).refused("member_unknown")
