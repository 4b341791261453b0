"""Order an ID card: for the covered, one at a time."""

from __future__ import annotations

from datetime import date

import pytest

from domain.client.confirm_id_card import IdCardConfirmed
from domain.client.order_id_card import IdCardOffered, IdCardOrdered, OrderIdCard
from tests.domain.examples import ANNA, like_example, with_anna
from tests.domain.given import given

LOST = like_example(OrderIdCard)


def test_a_card_is_ordered_for_a_covered_member() -> None:
    """The order is open from then on."""
    story = (
        given(client=with_anna())
        .when(LOST, received_on=date(2026, 2, 3))
        .then(IdCardOrdered(member_id=ANNA, reason="lost", ordered_on=date(2026, 2, 3)))
    )
    order = story.client.members[ANNA].open_card
    assert order is not None
    assert order.transaction_id == "t1"


def test_a_second_order_waits_for_the_first_card() -> None:
    """While one is open another is refused, whatever its reason; once mailed it is not."""
    story = given(LOST, client=with_anna(), received_on=date(2026, 2, 3))
    new = like_example(OrderIdCard, reason="new")
    for again in (LOST, new):
        story.when(again).refused("card_already_ordered", saying="2026-02-03")
    mailed = IdCardConfirmed(member_id=ANNA, order_transaction_id="t1", mailed_on=date(2026, 2, 5))
    story.and_given(mailed).when(new).is_accepted()


def test_ordering_takes_up_the_card_on_offer() -> None:
    """Nothing is due any more."""
    offered = IdCardOffered(member_id=ANNA, reason="name_change")
    story = given(offered, client=with_anna()).check(
        lambda client: client.members[ANNA].card_offer == "name_change"
    )
    story.and_given(LOST).check(lambda client: client.members[ANNA].card_offer is None)


@pytest.mark.parametrize(
    ("first_day", "last_day", "covered"),
    [
        (date(2026, 1, 1), date(2026, 2, 3), True),
        (date(2026, 1, 1), date(2026, 2, 2), False),
        (date(2026, 3, 1), None, True),
        (date(2026, 3, 1), date(2026, 2, 28), False),
    ],
)
def test_a_card_is_for_coverage_today_or_in_future(
    first_day: date, last_day: date | None, covered: bool
) -> None:
    """Past coverage, and coverage cancelled from inception, need no card."""
    answer = given(client=with_anna(first_day, last_day)).when(LOST, received_on=date(2026, 2, 3))
    if covered:
        answer.is_accepted()
    else:
        answer.refused("member_not_covered", saying=ANNA)


def test_a_card_is_for_a_member() -> None:
    """Strangers are refused by their id."""
    given(client=with_anna()).when(like_example(OrderIdCard, member_id="10000000009")).refused(
        "member_unknown", saying="10000000009"
    )
