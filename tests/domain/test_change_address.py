"""Change an address: the member's own, or what holds by way of the subscriber."""

from __future__ import annotations

from datetime import date
from typing import Any

from domain.client.change_address import AddressChanged, ChangeAddress
from domain.client.state import Address
from tests.domain.examples import ANNA, BEN, like_example, with_anna
from tests.domain.given import given

RECEIVED = date(2026, 2, 10)
WATER_STREET = Address("12 Water Street", "Mystic", "CT", "06355")


def moving(member_id: str = ANNA, **changes: Any) -> ChangeAddress:
    """A member moves to Water Street, changed."""
    return like_example(ChangeAddress, member_id=member_id, **changes)


def test_a_member_moves() -> None:
    """From the day of receipt, unless another is stated."""
    story = given(client=with_anna())
    story.when(moving(effective_on="2026-03-01"), received_on=RECEIVED).then(
        AddressChanged(member_id=ANNA, address=WATER_STREET, effective_on=date(2026, 3, 1))
    )
    story = story.when(moving(), received_on=RECEIVED).then(
        AddressChanged(member_id=ANNA, address=WATER_STREET, effective_on=RECEIVED)
    )
    assert story.client.members[ANNA].address == WATER_STREET


def test_a_dependent_lives_where_the_subscriber_does() -> None:
    """Saying so changes nothing; living elsewhere does, and then moving back does too."""
    story = given(moving(), client=with_anna(), received_on=RECEIVED)
    story.when(moving(BEN)).then_nothing()
    away = {**ChangeAddress.example["address"], "line1": "3 Elm Street", "line2": "Apt 4"}
    story = story.when(moving(BEN, address=away)).is_accepted()
    assert story.client.members[BEN].address == Address(
        "3 Elm Street", "Mystic", "CT", "06355", "Apt 4"
    )
    assert story.client.members[ANNA].address == WATER_STREET
    story.when(moving(BEN)).then(
        AddressChanged(member_id=BEN, address=WATER_STREET, effective_on=RECEIVED)
    )


def test_the_same_address_again_changes_nothing() -> None:
    """From the same day or a later one; that it held earlier is news."""
    story = given(moving(), client=with_anna(), received_on=RECEIVED)
    story.when(moving(), received_on=date(2026, 3, 1)).then_nothing()
    story.when(moving(effective_on="2026-02-01")).then(
        AddressChanged(member_id=ANNA, address=WATER_STREET, effective_on=date(2026, 2, 1))
    )


def test_a_move_is_at_most_90_days_ahead() -> None:
    """Like any change in future; there is no limit back."""
    story = given(client=with_anna())
    story.when(moving(effective_on="2026-05-12"), received_on=RECEIVED).refused("too_far_ahead")
    story.when(moving(effective_on="2024-05-12"), received_on=RECEIVED).is_accepted()


def test_an_address_is_a_members() -> None:
    """Strangers are refused by their id."""
    given(client=with_anna()).when(moving("10000000009")).refused("member_unknown")
