"""Why a client owes what it owes: billed, posted, open, paid, credit; long accounts stay short."""

from __future__ import annotations

from datetime import date

import pytest

from domain.client.listing import LISTED, Entry, in_years, shortened
from domain.dates import add_months
from domain.explanation import Explanation
from tests.domain.bills import FEBRUARY, JANUARY, bounced, paid
from tests.domain.explained import adds_up, billed, opened, sentences, step, tell, why_balance
from tests.domain.families import ANNA, BEN, BEN_SPOUSE, add_anna
from tests.domain.given import OPENED
from tests.projections.histories import History


def couple() -> History:
    """Anna and Ben, 1,188.48 a month since January (t5)."""
    history = opened()
    tell(history, add_anna(BEN_SPOUSE), OPENED)
    return history


def test_a_balance_is_told_by_invoice_payment_and_month() -> None:
    """January is paid in full, February in part: each figure with its transaction."""
    history = couple()
    billed(history, JANUARY, FEBRUARY)  # t6, t7
    tell(history, paid("1500.00"), date(2026, 2, 1))  # t8
    tree = why_balance(history)
    assert sentences(tree) == [
        "Balance of client C1: 876.96 open less 0.00 credit is 876.96.",
        "  Open: 2376.96 billed less 1500.00 posted is 876.96.",
        "    Billed, by invoice: 2376.96.",
        "      The invoice of January 2026, of 2026-01-01: current 1188.48 come to 1188.48. t6",
        "      The invoice of February 2026, of 2026-01-15: current 1188.48 come to 1188.48. t7",
        "    Posted, by payment and run: 1500.00.",
        "      Posted by a payment on 2026-02-01, 2 postings: 1500.00. t8",
        "    The same by coverage month: 876.96.",
        "      Of February 2026: 1188.48 billed less 311.52 posted is 876.96.",
        "  Credit: 1500.00 of funds less 1500.00 posted is 0.00.",
        "    Funds: payments and credits, less refunds and what bounced: 1500.00.",
        "      A payment of 2026-02-01: 1500.00. t8",
        "    Posted, as above: 1500.00.",
    ]
    assert tree.cents == 876_96
    adds_up(tree)


def test_an_adjustment_and_what_it_leaves_as_credit_are_told() -> None:
    """Ben leaves after January was paid: February's run takes it back, and pays itself of it."""
    history = couple()
    billed(history, JANUARY)
    tell(history, paid("1188.48"), date(2026, 1, 2))
    tell(history, "remove_dependent", date(2026, 1, 5), member_id=BEN, last_day="2025-12-31")
    billed(history, FEBRUARY)
    tree = why_balance(history)
    assert tree.cents == 598_08 - 590_40
    assert step(tree, "The invoice of February").label.endswith(
        "current 598.08 and adjustments -590.40 come to 7.68."
    )
    assert step(tree, "Posted by the run").cents == 0
    assert [each.label for each in step(tree, "by coverage month").children] == [
        "Of February 2026: 598.08 billed less 590.40 posted is 7.68."
    ]
    adds_up(tree)


def test_credit_refunded_and_bounced_money_is_told_as_owed() -> None:
    """Paid 100.00 before any bill, refunded, bounced: 100.00 is owed although nothing is open."""
    history = couple()
    payment = tell(history, paid("100.00"), OPENED)
    refund = tell(history, paid("100.00", kind="refund"), OPENED)
    bounce = tell(history, bounced(payment), OPENED)
    tree = why_balance(history)
    assert tree.cents == 100_00
    assert step(tree, "Credit:").label == (
        "Credit: -100.00 of funds less 0.00 posted is -100.00, which is owed like a charge: "
        "refunded money bounced."
    )
    told = [(each.cents, *each.transactions) for each in step(tree, "Funds:").children]
    assert told == [(100_00, payment), (-100_00, refund), (-100_00, bounce)]
    adds_up(tree)


def test_before_anything_was_billed_nothing_is_owed() -> None:
    """A balance of 0.00 is a figure, too."""
    tree = why_balance(opened())
    assert (tree.cents, tree.transactions) == (0, ())
    adds_up(tree)


def test_as_known_before_the_payment_it_is_not_there() -> None:
    """The same client, by the events before."""
    history = couple()
    billed(history, JANUARY)
    tell(history, paid("1188.48"), date(2026, 1, 2))
    assert why_balance(history).cents == 0
    assert why_balance(history, history.events[:-1]).cents == 1188_48


# ── Long ones ──────────────────────────────────────────────────────────────────────────────────


def entries(months: int) -> list[Entry]:
    """1.00, 2.00 … in the months from January 2021 on, by transactions t1, t2 …"""
    return [
        Entry(
            add_months(date(2021, 1, 15), n),
            Explanation(label=f"{n}.", cents=(n + 1) * 100, transactions=(f"t{n + 1}",)),
        )
        for n in range(months)
    ]


@pytest.mark.parametrize("months", [0, 1, LISTED])
def test_a_list_of_two_years_is_told_one_by_one(months: int) -> None:
    """As long as it can be read."""
    assert [each.label for each in in_years(entries(months))] == [f"{n}." for n in range(months)]


def test_of_a_longer_list_the_older_years_are_summed() -> None:
    """60 months: four years by their sums, with the first and last transaction; twelve months."""
    told = list(in_years(entries(60)))
    assert [each.label for each in told[:5]] == [
        "Earlier, of 2021 (12 of them): 78.00.",
        "Earlier, of 2022 (12 of them): 222.00.",
        "Earlier, of 2023 (12 of them): 366.00.",
        "Earlier, of 2024 (12 of them): 510.00.",
        "48.",
    ]
    assert told[0].transactions == ("t1", "t12")
    assert len(told) == 4 + 12
    assert sum(each.cents or 0 for each in told) == sum(range(1, 61)) * 100


@pytest.mark.parametrize("many", [LISTED, LISTED + 1, 5000])
def test_both_ends_of_a_long_list_of_charges_are_told(many: int) -> None:
    """What is between is counted and summed."""
    items = [(number, number * 100) for number in range(1, many + 1)]
    told = list(shortened(items, lambda n, c: Explanation(label=f"{n}.", cents=c), "charges"))
    assert sum(each.cents or 0 for each in told) == sum(range(1, many + 1)) * 100
    assert [told[0].label, told[-1].label] == ["1.", f"{many}."]
    assert len(told) == (many if many == LISTED else 13)
    if many == 5000:
        assert told[6].label.startswith("Between them 4988 more charges: ")


def test_a_member_is_named_by_id_only() -> None:
    """Nothing personal is in a balance at all."""
    history = couple()
    billed(history, JANUARY)
    assert ANNA not in str(sentences(why_balance(history)))
