"""Payments that bounced: what is taken back, and from where."""

from __future__ import annotations

from datetime import date

import pytest

from domain.client import posting
from domain.client.account import Account, Posting
from domain.client.post_payment import PaymentBounced, PostPayment
from domain.client.remove_dependent import RemoveDependent
from domain.money import dollars
from tests.domain.bills import (
    FEBRUARY,
    FIRST,
    JANUARY,
    LAST,
    MARCH,
    balances,
    billed,
    bounced,
    couple,
    paid,
    posted,
    two_families,
    unpaid,
)
from tests.domain.families import ANNA, BEN, CLEO, EVAN
from tests.domain.given import OPENED


def test_a_bounced_payment_is_taken_back_from_the_credit_first() -> None:
    """All of it, where the credit suffices, though another payment had brought that credit."""
    story = couple(JANUARY).and_given(paid("1188.48"), paid("1200.00"))
    story = story.when(bounced("t3", OPENED)).then(
        PaymentBounced(payment="t3", cents=1188_48, paid_on=OPENED)
    )
    assert balances(story) == ("0.00", "11.52")


def test_what_the_credit_does_not_cover_is_taken_back_from_what_is_posted() -> None:
    """Of 1,500.00 the credit covers 311.52, the rest was all of January."""
    story = couple(JANUARY).and_given(paid("1500.00"))
    story = story.when(PostPayment(kind="bounced", payment="t3", reference="NSF")).then(
        PaymentBounced(
            payment="t3",
            cents=1500_00,
            paid_on=OPENED,
            postings=(Posting(JANUARY, -1188_48, -1, (ANNA, ANNA)),),
            reference="NSF",
        )
    )
    assert balances(story) == ("1188.48", "0.00")
    assert unpaid(story) == [(1, ANNA, ANNA, "598.08"), (1, ANNA, BEN, "590.40")]


def test_the_latest_coverage_month_is_taken_back_first() -> None:
    """Although it is the first payment that bounced, which had paid January."""
    story = couple(JANUARY, FEBRUARY, MARCH).and_given(paid("1300.00"), paid("2000.00"))
    decided = story.when(bounced("t5"))
    assert posted(decided) == [(MARCH, "-923.04"), (FEBRUARY, "-376.96")]
    assert unpaid(decided.after) == [
        (2, ANNA, BEN, "376.96"),
        (3, ANNA, ANNA, "598.08"),
        (3, ANNA, BEN, "590.40"),
    ]


@pytest.mark.parametrize(
    ("amount", "taken", "open_after"),
    [
        ("0.01", Posting(JANUARY, -1, -1, LAST), ["0.01"]),
        ("598.08", Posting(JANUARY, -598_08, -1, LAST), ["598.08"]),
        ("598.09", Posting(JANUARY, -598_09, -1, (EVAN, BEN)), ["0.01", "598.08"]),
        ("1188.48", Posting(JANUARY, -1188_48, -1, (EVAN, BEN)), ["590.40", "598.08"]),
        ("1188.49", Posting(JANUARY, -1188_49, -2, (ANNA, CLEO)), ["0.01", "590.40", "598.08"]),
        (
            "1588.33",
            Posting(JANUARY, -1588_33, -2, FIRST),
            ["0.01", "399.84", "590.40", "598.08"],
        ),
    ],
)
def test_within_a_month_charges_open_again_in_reverse_line_order(
    amount: str, taken: Posting, open_after: list[str]
) -> None:
    """By subscriber id, then member id, from the last: each family loses its month once."""
    story = two_families(JANUARY).and_given(paid(amount))
    rest = dollars(2186_40 + taken.cents)
    decided = story.and_given(paid(rest)).when(bounced("t4"))
    decided.then(
        PaymentBounced(payment="t4", cents=-taken.cents, paid_on=OPENED, postings=(taken,))
    )
    assert [cents for *_, cents in unpaid(decided.after)] == open_after


def test_a_bounced_part_is_taken_back_after_what_is_open_already() -> None:
    """Of Ben's charge 88.48 was never paid: the rest of it opens, 501.92, and 0.08 of Anna's."""
    story = couple(JANUARY).and_given(paid("598.00"), paid("502.00"))
    decided = story.when(bounced("t4"))
    decided.then(
        PaymentBounced(
            payment="t4",
            cents=502_00,
            paid_on=OPENED,
            postings=(Posting(JANUARY, -502_00, 0, (ANNA, ANNA)),),
        )
    )
    assert unpaid(decided.after) == [(1, ANNA, ANNA, "0.08"), (1, ANNA, BEN, "590.40")]


def test_what_opened_again_is_paid_again_in_order() -> None:
    """Oldest month and first line first, as if it had never been paid."""
    story = couple(JANUARY, FEBRUARY).and_given(paid("2376.96"), bounced("t4"))
    assert balances(story) == ("2376.96", "0.00")
    decided = story.when(paid("1200.00"))
    assert posted(decided) == [(JANUARY, "1188.48"), (FEBRUARY, "11.52")]
    assert unpaid(decided.after)[0] == (2, ANNA, ANNA, "586.56")


def test_a_payment_bounces_once() -> None:
    """Told again, nothing follows; another payment may still bounce."""
    story = couple(JANUARY).and_given(paid("700.00"), paid("400.00"), bounced("t3"))
    story.when(bounced("t3")).then_nothing()
    story.when(bounced("t3", OPENED), received_on=date(2026, 3, 1)).then_nothing()
    story = story.and_given(bounced("t4"))
    assert balances(story) == ("1188.48", "0.00")
    story.when(bounced("t4")).then_nothing()
    assert [each.bounced_by for each in story.client.account.funds.values()] == ["t5", "t6"]


@pytest.mark.parametrize("transaction_id", ["t2", "t3", "t4", "t6", "t99"])
def test_only_a_payment_of_this_client_bounces(transaction_id: str) -> None:
    """No run (t2), credit (t3), refund (t4) or bounce (t6) does, and nothing unheard of."""
    story = couple(JANUARY).and_given(paid("1300.00", kind="credit"))
    story = story.and_given(paid("10.00", kind="refund"), paid("50.00"), bounced("t5"))
    story.when(bounced(transaction_id)).refused("payment_not_found", saying=transaction_id)


def test_money_that_was_refunded_and_bounced_is_owed() -> None:
    """Nothing is posted any more and 311.52 is gone: the next payment makes up for it first."""
    story = couple(JANUARY).and_given(paid("1500.00"), paid("311.52", kind="refund"))
    decided = story.when(bounced("t3"))
    assert posted(decided) == [(JANUARY, "-1188.48")]
    assert balances(decided.after) == ("1188.48", "-311.52")
    story = decided.after
    story.when(paid("0.01", kind="refund")).refused("refund_exceeds_credit", saying="are 0.00")
    assert posted(story.when(paid("311.52"))) == []
    assert posted(story.when(paid("311.53"))) == [(JANUARY, "0.01")]
    assert balances(story.and_given(paid("1500.00"))) == ("0.00", "0.00")


def test_a_bounce_takes_nothing_from_a_month_that_was_reversed() -> None:
    """Ben's paid February was taken back by the run; what bounces then comes from the others."""
    story = couple(JANUARY, FEBRUARY).and_given(paid("2376.96"))
    leaves = RemoveDependent(member_id=BEN, last_day=date(2026, 1, 31))
    story = billed(story.and_given(leaves), MARCH)  # Ben's 590.40 pays most of March
    assert balances(story) == ("7.68", "0.00")
    decided = story.when(bounced("t4"))
    assert posted(decided) == [
        (MARCH, "-590.40"),
        (FEBRUARY, "-598.08"),
        (JANUARY, "-1188.48"),
    ]
    assert unpaid(decided.after) == [
        (1, ANNA, ANNA, "598.08"),
        (1, ANNA, BEN, "590.40"),
        (2, ANNA, ANNA, "598.08"),
        (3, ANNA, ANNA, "598.08"),
    ]


def test_a_family_that_a_bounce_does_not_reach_keeps_its_month() -> None:
    """Evan's paid charge gave way to Ben's, which is open: only Anna has something to give."""
    account = Account()
    for subscriber_id in (ANNA, EVAN):
        posting.charge(account, subscriber_id, subscriber_id, JANUARY, 100_00)
    assert posting.pay(account, JANUARY, 200_00).subscriber_months == 2
    posting.charge(account, EVAN, BEN, JANUARY, 50_00)
    posting.reverse(account, EVAN, EVAN, JANUARY, 100_00, taken_cents=100_00)
    posting.take(account, JANUARY, 100_00)
    assert posting.reopen(account, JANUARY, 1) == Posting(JANUARY, -1, -1, (ANNA, ANNA))
