"""Why a posting is what it is: which funds, which charges in which order, what was cancelled."""

from __future__ import annotations

from datetime import date

import pytest

from domain.dates import add_months
from tests.domain.bills import FEBRUARY, JANUARY, MARCH, bounced, paid
from tests.domain.explained import (
    KIDS,
    adds_up,
    billed,
    opened,
    sentences,
    step,
    steps,
    tell,
    why_posting,
)
from tests.domain.families import ANNA, BEN, BEN_SPOUSE, add_anna
from tests.domain.given import OPENED
from tests.projections.histories import History

LEFT = "remove_dependent"


def couple(*months: date) -> History:
    """Anna 598.08 and Ben 590.40 (t5), billed for these months (t6 …)."""
    history = opened()
    tell(history, add_anna(BEN_SPOUSE), OPENED)
    billed(history, *months)
    return history


_ANNAS = "598.08 billed less 0.00 posted before is 598.08 open;"

# ── A payment ──────────────────────────────────────────────────────────────────────────────────


def test_a_payment_pays_the_oldest_month_first_and_within_it_in_line_order() -> None:
    """1,500.00: January in full, then Anna's February in part; Ben's is not reached."""
    history = couple(JANUARY, FEBRUARY)
    pays = tell(history, paid("1500.00"), date(2026, 2, 1))
    tree = why_posting(history, pays, 2)
    of_funds = "Funds pay open charges, the oldest coverage month first:"
    assert sentences(tree) == [
        f"Posting 2 of a payment: 311.52 for February 2026, on 2026-02-01. {pays}",
        f"  {of_funds} of 311.52 at hand and 1188.48 open for February 2026 the smaller, 311.52.",
        "    Funds at hand: 311.52.",
        "      Credit before it: 0.00 of funds less 0.00 posted is 0.00.",
        f"      It brings 1500.00. {pays}",
        "      Posting 1 of it pays 1188.48 for January 2026.",
        "  By charge, in an invoice's line order: 311.52 is paid.",
        f"    Charge of member {ANNA}, subscriber {ANNA}: {_ANNAS} 311.52 of it is paid.",
        "      Line 1 of the invoice of February 2026: 598.08. t7",
        "    Not reached: 1 charge later in line order, 590.40 open.",
        "  Credit after all postings of it: 1500.00 of funds less 1500.00 posted is 0.00.",
    ]
    adds_up(tree)
    january = why_posting(history, pays, 1)
    charges = [(c.cents, c.label[17:28]) for c in step(january, "By charge").children]
    assert charges == [(598_08, ANNA), (590_40, BEN)]
    assert step(january, "subscriber-month").label == (
        "1 subscriber-month of January 2026: fully posted from now on."
    )
    adds_up(january)


def test_what_a_charge_still_had_open_is_told_from_all_its_lines() -> None:
    """Anna's birth date is corrected: January has a second line, and was paid in part before."""
    history = couple(JANUARY)
    tell(history, paid("1000.00"), date(2026, 1, 2))
    tell(history, "correct_birth_date", date(2026, 1, 5), member_id=ANNA, birth_date="1980-05-20")
    billed(history, FEBRUARY)
    pays = tell(history, paid("500.00"), date(2026, 1, 20))
    tree = why_posting(history, pays, 1)
    anna, ben = step(tree, "By charge").children
    assert [line.cents for line in anna.children] == [598_08, 95_04]
    assert "693.12 billed less 598.08 posted before is 95.04 open; 95.04 of it" in anna.label
    assert "590.40 billed less 401.92 posted before is 188.48 open" in ben.label
    adds_up(tree)


def test_what_is_left_over_becomes_credit_and_the_next_run_pays_itself_of_it() -> None:
    """2,000.00 for one month of 1,188.48: 811.52 pays February, as far as it goes."""
    history = couple(JANUARY)
    pays = tell(history, paid("2000.00"), date(2026, 1, 2))
    assert step(why_posting(history, pays, 1), "Credit after").cents == 811_52
    billed(history, FEBRUARY)
    run = f"t{history.sent}"
    tree = why_posting(history, run, 1)
    assert tree.label.startswith("Posting 1 of the run that produced the invoice of February 2026:")
    assert step(tree, "Credit before it").cents == 811_52
    assert [c.cents for c in step(tree, "By charge").children] == [598_08, 213_44]
    assert step(tree, "Credit after").cents == 0
    adds_up(tree)


# ── A payment that bounced ─────────────────────────────────────────────────────────────────────


def test_what_bounced_is_taken_from_the_credit_and_then_from_the_latest_month() -> None:
    """Of 2,500.00, 123.04 is credit; the rest reopens February and January, Ben before Anna."""
    history = couple(JANUARY, FEBRUARY)
    kept = tell(history, paid("700.00"), date(2026, 2, 1))
    lost = tell(history, paid("1800.00"), date(2026, 2, 2))
    bounce = tell(history, bounced(lost), date(2026, 2, 3))
    february, january = why_posting(history, bounce, 1), why_posting(history, bounce, 2)
    assert (february.cents, january.cents) == (-1188_48, -488_48)
    left = step(january, "Left to take back")
    assert [(c.cents, *c.transactions) for c in left.children] == [
        (1800_00, lost, bounce),
        (-123_04,),
        (-1188_48,),
    ]
    posted = step(january, "Posted for January")
    assert [(c.cents, *c.transactions) for c in posted.children] == [(700_00, kept), (488_48, lost)]
    assert [c.label[17:28] for c in step(february, "By charge").children] == [BEN, ANNA]
    assert [c.cents for c in step(january, "By charge").children] == [-488_48]
    assert "is fully posted" not in str(sentences(january))
    assert step(january, "subscriber-month").label.endswith("fully posted no longer.")
    for tree in (february, january):
        adds_up(tree)


# ── A run ──────────────────────────────────────────────────────────────────────────────────────


def test_what_a_run_takes_back_is_told_by_what_was_paid_and_what_is_cancelled() -> None:
    """Ben never was covered: January was paid, of February 200.00; Anna's lines are not touched."""
    history = couple(JANUARY, FEBRUARY)
    tell(history, paid("1986.56"), date(2026, 2, 1))  # January, Anna's February, 200.00 of Ben's
    left = tell(history, LEFT, date(2026, 2, 3), member_id=BEN, last_day="2025-12-31")
    billed(history, MARCH)
    run = f"t{history.sent}"
    january, february, march = (why_posting(history, run, n) for n in (1, 2, 4))
    assert (january.cents, february.cents, march.cents) == (-590_40, -200_00, 598_08)
    taken = step(february, "A negative adjustment")
    assert taken.label.endswith(
        "what had been paid is posted negatively and becomes funds: -200.00."
    )
    (adjusted,) = taken.children
    assert adjusted.transactions == (left,)
    assert adjusted.label == (
        "Adjustment on line 3, member 10000000002: 590.40 less is billed; 390.40 was unpaid and is "
        "cancelled, 200.00 had been paid."
    )
    at_hand = step(march, "Funds at hand")
    assert [child.cents for child in at_hand.children] == [0, 590_40, 200_00, 0]
    assert step(march, "Credit after").cents == 192_32
    for tree in (january, february, march):
        adds_up(tree)


def test_a_posting_of_nothing_says_that_a_subscriber_month_is_paid() -> None:
    """Ben's open part is cancelled, so Anna's family has paid January: 0.00 is posted."""
    history = couple(JANUARY)
    tell(history, paid("598.08"), date(2026, 1, 2))
    tell(history, LEFT, date(2026, 1, 5), member_id=BEN, last_day="2025-12-31")
    billed(history, FEBRUARY)
    tree = why_posting(history, f"t{history.sent}", 1)
    assert tree.label.endswith("of February 2026: 0.00 for January 2026, on 2026-01-15.")
    assert [each.label for each in tree.children] == [
        "1 subscriber-month of January 2026: fully posted from now on.",
        "Credit after all postings of it: 598.08 of funds less 598.08 posted is 0.00.",
    ]
    adds_up(tree)


# ── Many ───────────────────────────────────────────────────────────────────────────────────────


def test_of_many_charges_both_ends_are_told_and_the_rest_is_summed() -> None:
    """30 employees at 598.08: six, eighteen together, six; the last one in part."""
    history = opened()
    for number in range(1, 31):
        tell(history, add_anna(member_id=f"3000000{number:04d}"), OPENED)
    billed(history, JANUARY)
    pays = tell(history, paid("17900.00"), date(2026, 1, 2))
    tree = why_posting(history, pays, 1)
    told = step(tree, "By charge").children
    assert [each.cents for each in told] == [*[598_08] * 6, 18 * 598_08, *[598_08] * 5, 555_68]
    assert told[6].label == "Between them 18 more charges: 10765.44."
    adds_up(tree)


@pytest.mark.parametrize("months", [10, 30])
def test_what_was_posted_before_stays_short(months: int) -> None:
    """A payment a day, of 10.00: those of a year together where there are many."""
    history = couple(JANUARY)
    for number in range(months):
        tell(history, paid("10.00"), add_months(date(2026, 1, 3), number))
    last = tell(history, paid("10.00"), add_months(date(2026, 1, 3), months))
    bounce = tell(history, bounced(last), add_months(date(2026, 1, 4), months))
    tree = why_posting(history, bounce, 1)
    assert len(step(tree, "Posted for January").children) == (11 if months == 10 else 2 + 12)
    adds_up(tree)


def test_nothing_personal_is_told() -> None:
    """Ids only."""
    history = opened()
    tell(history, add_anna(*KIDS), OPENED)
    billed(history, JANUARY)
    told = str(list(steps(why_posting(history, tell(history, paid("900.00"), OPENED), 1))))
    assert not [text for text in ("Given", "Family", "Anna", "1987", "2008-03") if text in told]
