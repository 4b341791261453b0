"""Why a payee's part of a commission line is what it is: posting, terms, agent of record, share."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.client.explaining_commission import payment_of_share
from domain.client.post_payment import PostPayment
from domain.client.settle_commission import CommissionLine, CommissionSettled, PayeeShare
from domain.explanation import Explanation
from tests.domain.bills import FEBRUARY, JANUARY, MARCH, bill, bounced
from tests.domain.explained import (
    BEFORE,
    adds_up,
    billed,
    opened,
    sentences,
    step,
    steps,
    tell,
    why_share,
)
from tests.domain.families import ANNA, BEN_SPOUSE, add_anna
from tests.domain.given import OPENED
from tests.projections.histories import History

PERCENT = {"kind": "percent", "percent": "4"}
PMPM = {"kind": "pmpm", "pmpm": "21.50"}
GRADED = {
    "kind": "graded",
    "bands": [
        {"percent": "6", "up_to": "1000.00"},
        {"percent": "2.5", "up_to": "2000.00"},
        {"percent": "1"},
    ],
}
THIRDS = {"A-1": "33.33", "P-1": "33.33", "P-9": "33.34"}


def earning(terms: dict[str, Any], shares: dict[str, str] | None = None) -> History:
    """Anna and Ben, 1188.48 a month, with terms (t5) and an agent of record (t6); t7 added them."""
    history = opened()
    tell(history, "set_commission_terms", BEFORE, effective_on=OPENED, terms=terms)
    parts = [{"payee_id": payee, "percent": part} for payee, part in (shares or {}).items()]
    tell(
        history,
        "assign_agent_of_record",
        BEFORE,
        producer_id="P-1",
        agency_id="A-1",
        licence_number="1234567",
        licensed_states=["CT"],
        appointed=True,
        letter_received_on=BEFORE,
        payee="agency",
        shares=parts,
    )
    tell(history, add_anna(BEN_SPOUSE), BEFORE)
    return history


def pay(history: History, amount: str, on: date) -> str:
    """A payment; its transaction."""
    return tell(history, PostPayment(amount=amount, paid_on=on), on)


def settle(history: History, month: date) -> str:
    """The settlement of a statement month; its transaction."""
    return tell(history, "settle_commission", month.replace(day=5), statement_month=month)


def share_of(history: History, number: int, payee_id: str, **more: Any) -> Explanation | None:
    """Why a payee has its part of a line of the last settlement."""
    settled = [e for e in history.events if isinstance(e.event, CommissionSettled)][-1]
    return why_share(history.events, settled, number, payee_id, **more)


def explained(history: History, number: int = 1, payee_id: str = "A-1", **more: Any) -> Explanation:
    """The same, of a payee who has one; it adds up."""
    tree = share_of(history, number, payee_id, **more)
    assert tree is not None
    adds_up(tree)
    return tree


# ── What is earned ─────────────────────────────────────────────────────────────────────────────


def test_a_percent_is_told_from_the_share_down_to_the_payment() -> None:
    """4 % of 1188.48 is 47.5392: paid by t9, settled by t10."""
    history = earning(PERCENT)
    billed(history, JANUARY)
    pay(history, "1188.48", OPENED)
    settle(history, FEBRUARY)
    tree = explained(history)
    assert tree.label == (
        "Payee A-1: 47.54 of the commission on January 2026 of client C1, for what was posted on "
        "2026-01-01."
    )
    posted = "1188.48 was posted for January 2026 on 2026-01-01 by a payment"
    assert sentences(tree)[1:] == [
        "  The whole commission goes to one payee: 47.54. t6",
        "  4 % of 1188.48, rounded half up to the cent, is 47.54.",
        f"    {posted}; 1 subscriber-month fully posted. t9",
        "    Terms of January 2026: percent, 4 %, from 2026-01-01 on. t5",
        "  Agent of record of January 2026: producer P-1, of agency A-1, from 2026-01-01 on. t6",
    ]
    assert (tree.cents, tree.transactions) == (47_54, ("t10",))


def test_a_percent_is_rounded_half_up() -> None:
    """2.5 % of a dollar is two and a half cents."""
    history = earning(PERCENT | {"percent": "2.5"})
    billed(history, JANUARY)
    pay(history, "1.00", OPENED)
    settle(history, FEBRUARY)
    assert step(explained(history), "2.5 % of 1.00, rounded half up to the cent, is 0.03.")


def test_a_pmpm_counts_the_subscriber_months_that_are_fully_posted() -> None:
    """Two months are paid at once: a line each, of one subscriber-month."""
    history = earning(PMPM)
    billed(history, JANUARY, FEBRUARY)
    pay(history, "2376.96", date(2026, 1, 20))
    settle(history, FEBRUARY)
    tree = explained(history, 2)
    assert tree.cents == 21_50
    earned = step(tree, "1 subscriber-month × 21.50 is 21.50.")
    assert earned.children[0].label.endswith("by a payment; 1 subscriber-month fully posted.")
    assert earned.children[1].label == (
        "Terms of February 2026: pmpm, 21.50 a month, from 2026-01-01 on."
    )


def test_graded_terms_tell_each_band_before_and_after() -> None:
    """700.00 and then 1676.96 in the year: the second posting reaches into all three bands."""
    history = earning(GRADED)
    billed(history, JANUARY, FEBRUARY)
    pay(history, "700.00", OPENED)
    pay(history, "1676.96", date(2026, 1, 20))
    settle(history, FEBRUARY)
    tree = explained(history, 2)  # January's rest: 488.48
    bands = step(tree, "What the bands give")
    assert [line.strip() for line in sentences(bands)[3:]] == [
        "700.00 was posted before it in 2026: the bands give 42 on it.",
        "6 % of the 700.00 in the band up to 1000.00.",
        "1188.48 was posted in 2026 after it: the bands give 64.712 on it.",
        "6 % of the 1000.00 in the band up to 1000.00.",
        "2.5 % of the 188.48 in the band up to 2000.00.",
    ]
    assert tree.cents == 22_71
    above = explained(history, 3)
    assert step(above, "1 % of the 376.96 in the band above.")


def test_what_was_posted_in_another_year_is_in_no_band() -> None:
    """January is billed and partly paid in December: the rest begins the bands of 2026."""
    history = earning(GRADED)
    tell(history, bill(JANUARY), date(2025, 12, 15))
    pay(history, "700.00", date(2025, 12, 30))
    pay(history, "488.48", date(2026, 1, 5))
    settle(history, FEBRUARY)
    assert step(explained(history, 1), "700.00 was posted in 2025 after it")
    second = explained(history, 2)
    assert step(second, "0.00 was posted before it in 2026: the bands give 0 on it.")
    assert step(second, "488.48 was posted in 2026 after it: the bands give 29.3088 on it.")


# ── Who earns ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("payee_id", "said"),
    [
        ("A-1", "33.33 % of 47.54, rounded half up to the cent, is 15.85."),
        ("P-1", "33.33 % of 47.54, rounded half up to the cent, is 15.85."),
        ("P-9", "The last share takes the remainder: 47.54 less 31.70 is 15.84."),
    ],
)
def test_a_split_tells_a_payee_its_own_part(payee_id: str, said: str) -> None:
    """In the order given; the others are not named."""
    history = earning(PERCENT, THIRDS)
    billed(history, JANUARY)
    pay(history, "1188.48", OPENED)
    settle(history, FEBRUARY)
    tree = explained(history, payee_id=payee_id)
    assert tree.children[0].label == said
    told = str(list(steps(tree)))
    assert "P-9" not in told or payee_id == "P-9"


def test_who_has_no_share_is_told_nothing() -> None:
    """Not even why."""
    history = earning(PERCENT)
    billed(history, JANUARY)
    pay(history, "1188.48", OPENED)
    settle(history, FEBRUARY)
    assert share_of(history, 1, "P-1") is None


# ── What is taken back ─────────────────────────────────────────────────────────────────────────


def test_a_clawback_names_the_statement_and_the_settlement_that_paid() -> None:
    """January was paid by February's statement; its payment bounces in February."""
    history = earning(PERCENT)
    billed(history, JANUARY)
    payment = pay(history, "1188.48", OPENED)
    paid_by = settle(history, FEBRUARY)
    bounce = tell(history, bounced(payment, date(2026, 2, 10)), date(2026, 2, 10))
    settle(history, MARCH)
    tree = explained(history, statement=FEBRUARY)
    assert tree.cents == -47_54
    assert tree.label.endswith("for what was taken back on 2026-02-10.")
    posted = step(tree, "1188.48 was taken back")
    assert posted.label.endswith("by a payment that bounced; 1 subscriber-month taken back.")
    assert posted.transactions == (bounce,)
    taken = step(tree, "What is taken back was paid by the statement of February 2026")
    assert taken.transactions == (paid_by,)


def test_what_the_same_settlement_paid_is_taken_back_by_itself() -> None:
    """The payment and its bounce are settled together, after another that paid on the month."""
    history = earning(PERCENT)
    billed(history, JANUARY)
    pay(history, "188.48", OPENED)
    first = settle(history, FEBRUARY)
    payment = pay(history, "1000.00", date(2026, 2, 6))
    tell(history, bounced(payment, date(2026, 2, 10)), date(2026, 2, 10))
    second = settle(history, MARCH)
    assert first != second
    tree = explained(history, 2, statement=MARCH)
    assert step(tree, "What is taken back was paid by").transactions == (second,)


def test_what_the_payee_was_paid_counts_more_than_what_others_were() -> None:
    """A line of January that paid A-1, a later one that paid P-1 alone, one of another month."""
    ours, theirs = paying(JANUARY, "A-1"), paying(JANUARY, "P-1")
    settled = [("s1", [ours]), ("s2", [theirs]), ("s3", [paying(FEBRUARY, "A-1")])]
    assert payment_of_share(settled, JANUARY, "A-1") == "s1"
    assert payment_of_share(settled, JANUARY, "P-1") == "s2"
    assert payment_of_share(settled, JANUARY, "P-9") == "s2"
    assert payment_of_share(settled, MARCH, "A-1") is None


def paying(month: date, payee_id: str) -> CommissionLine:
    """A line that paid one payee on a coverage month."""
    return CommissionLine(
        coverage_month=month,
        posting="t1",
        posted_on=month,
        posted_cents=100_00,
        subscriber_months=0,
        terms="t2",
        terms_kind="percent",
        rate="4 %",
        agent="t3",
        producer_id="P-1",
        commission_cents=4_00,
        shares=(PayeeShare(payee_id, 4_00),),
    )


def test_what_a_run_takes_back_names_its_invoice() -> None:
    """Anna never was covered: March's run takes January back."""
    history = earning(PERCENT)
    billed(history, JANUARY)
    pay(history, "1188.48", OPENED)
    settle(history, FEBRUARY)
    tell(history, "remove_subscriber", date(2026, 2, 6), member_id=ANNA, last_day="2025-12-31")
    billed(history, FEBRUARY)
    run = f"t{history.sent}"
    settle(history, MARCH)
    tree = explained(history, statement=FEBRUARY)
    posted = step(tree, "by the run that produced the invoice of February 2026")
    assert posted.transactions == (run,)
    assert tree.cents == -47_54
