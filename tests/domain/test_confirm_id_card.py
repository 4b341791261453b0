"""Confirm an ID card: it closes the order."""

from __future__ import annotations

from datetime import date

from domain.client.confirm_id_card import ConfirmIdCard, IdCardConfirmed
from domain.client.order_id_card import OrderIdCard
from tests.domain.examples import ANNA, BEN, like_example, with_anna
from tests.domain.given import given

CONFIRMED = like_example(ConfirmIdCard)


def test_a_mailed_card_closes_its_order() -> None:
    """The event names the transaction that ordered it, so that it is completed by that alone."""
    story = given(like_example(OrderIdCard), client=with_anna(), received_on=date(2026, 2, 3))
    story = story.when(CONFIRMED, received_on=date(2026, 2, 6)).then(
        IdCardConfirmed(member_id=ANNA, order_transaction_id="t1", mailed_on=date(2026, 2, 6))
    )
    assert story.client.members[ANNA].open_card is None


def test_confirming_again_changes_nothing() -> None:
    """The order is closed already."""
    story = given(like_example(OrderIdCard), CONFIRMED, client=with_anna())
    story.when(CONFIRMED).then_nothing()


def test_nothing_is_confirmed_that_was_never_ordered() -> None:
    """Not even after another member's order."""
    story = given(like_example(OrderIdCard), CONFIRMED, client=with_anna())
    story.when(like_example(ConfirmIdCard, member_id=BEN)).refused("no_card_ordered", saying=BEN)


def test_a_card_is_of_a_member() -> None:
    """Strangers are refused by their id."""
    stranger = like_example(ConfirmIdCard, member_id="10000000009")
    given(client=with_anna()).when(stranger).refused("member_unknown", saying="10000000009")
