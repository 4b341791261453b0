"""Change a name: the name from a day on, and a card with it."""

from __future__ import annotations

from datetime import date
from typing import Any

from domain.client.change_name import ChangeName, NameChanged
from domain.client.order_id_card import IdCardOffered
from domain.client.state import PersonName
from tests.domain.examples import ANNA, like_example, with_anna
from tests.domain.given import given

RECEIVED = date(2026, 2, 10)
NEW_NAME = PersonName("Anna", "Rivera-Stone", "B")
OFFERED = IdCardOffered(member_id=ANNA, reason="name_change")


def renaming(**changes: Any) -> ChangeName:
    """Anna becomes Anna B Rivera-Stone, changed."""
    return like_example(ChangeName, **changes)


def renamed(effective_on: date) -> NameChanged:
    """Anna has her new name from that day."""
    return NameChanged(member_id=ANNA, name=NEW_NAME, effective_on=effective_on)


def test_a_member_has_a_new_name_and_is_offered_a_card() -> None:
    """From the day of receipt, unless another is stated."""
    story = given(client=with_anna())
    story.when(renaming(effective_on="2026-01-20"), received_on=RECEIVED).then(
        renamed(date(2026, 1, 20)), OFFERED
    )
    after = story.when(renaming(), received_on=RECEIVED).then(renamed(RECEIVED), OFFERED)
    assert after.client.members[ANNA].name == NEW_NAME
    assert after.client.members[ANNA].card_offer == "name_change"


def test_a_member_without_coverage_is_offered_no_card() -> None:
    """The name changes all the same."""
    over = with_anna(last_day=date(2026, 1, 31))
    given(client=over).when(renaming(), received_on=RECEIVED).then(renamed(RECEIVED))


def test_a_card_on_offer_is_not_offered_again() -> None:
    """A second change of name finds it still due."""
    story = given(renaming(), client=with_anna(), received_on=RECEIVED)
    other = renaming(name={"first": "Anna", "last": "Stone"})
    story.when(other).then(
        NameChanged(member_id=ANNA, name=PersonName("Anna", "Stone"), effective_on=RECEIVED)
    )


def test_the_same_name_again_changes_nothing() -> None:
    """From the same day or a later one; that it held earlier is news."""
    story = given(renaming(), client=with_anna(), received_on=RECEIVED)
    story.when(renaming(), received_on=date(2026, 3, 1)).then_nothing()
    story.when(renaming(effective_on="2026-01-20")).then(renamed(date(2026, 1, 20)))
    first_name = renaming(name={"first": "Anna", "last": "Rivera"}, effective_on="2025-01-01")
    given(client=with_anna()).when(first_name, received_on=RECEIVED).then_nothing()


def test_a_name_changes_at_most_90_days_ahead() -> None:
    """Like any change in future."""
    story = given(client=with_anna())
    story.when(renaming(effective_on="2026-05-11"), received_on=RECEIVED).is_accepted()
    story.when(renaming(effective_on="2026-05-12"), received_on=RECEIVED).refused("too_far_ahead")


def test_a_name_is_a_members() -> None:
    """Strangers are refused by their id."""
    given(client=with_anna()).when(renaming(member_id="10000000009")).refused(
        "member_unknown", saying="10000000009"
    )
