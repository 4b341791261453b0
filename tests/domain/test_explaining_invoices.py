"""Why a line of an invoice is what it is: its cause, what is due, what had been billed before."""

from __future__ import annotations

from datetime import date

from domain.client.explaining_invoices import line_of
from domain.client.produce_invoice import InvoiceAdjustment, InvoiceLine, InvoiceProduced
from tests.domain.bills import APRIL, FEBRUARY, JANUARY, MARCH, MAY, paid
from tests.domain.explained import (
    KIDS,
    adds_up,
    billed,
    line_number,
    opened,
    sentences,
    step,
    steps,
    tell,
    why,
)
from tests.domain.families import (
    ANNA,
    BEN,
    BEN_SPOUSE,
    CLEO_CHILD,
    DORA_CHILD,
    add_anna,
    add_to_anna,
)
from tests.domain.given import OPENED

# ── Earlier months ─────────────────────────────────────────────────────────────────────────────


def test_an_adjustment_tells_its_cause_what_is_due_and_what_was_billed() -> None:
    """Ben is added in March from February: no invoice has a line for him."""
    history = opened()
    tell(history, add_anna(), OPENED)
    billed(history, JANUARY, FEBRUARY, MARCH)
    added = tell(history, add_to_anna(BEN_SPOUSE, date(2026, 2, 9)), date(2026, 3, 4))
    billed(history, APRIL)
    tree = why(history, APRIL, line_number(history, APRIL, BEN, FEBRUARY))
    assert tree.label == (
        "Line 3 of the invoice of April 2026: member 10000000002, 590.40: as known at the run "
        "February 2026 costs 590.40, and 0.00 had been billed."
    )
    cause, due, before = tree.children
    assert cause.label == (
        "The difference was made by: add dependent, received 2026-03-04, effective 2026-02-09."
    )
    assert cause.transactions == (added,)
    assert due.label == "Member 10000000002 costs 590.40 in February 2026."
    assert sentences(before) == [
        "Billed before for February 2026: 0.00: no earlier invoice has a line for it."
    ]
    adds_up(tree)


def test_an_adjustment_names_each_invoice_that_billed_the_month() -> None:
    """February of Ben: taken back on April's invoice, and put back on May's."""
    history = opened()
    tell(history, add_anna(BEN_SPOUSE), OPENED)
    billed(history, JANUARY, FEBRUARY, MARCH)
    runs = [e.cause.transaction_id for e in history.events if isinstance(e.event, InvoiceProduced)]
    removed = tell(history, "remove_dependent", date(2026, 3, 2), member_id=BEN,
                   last_day="2026-01-31")  # fmt: skip
    billed(history, APRIL)
    runs.append(f"t{history.sent}")
    again = tell(history, "reinstate_member", date(2026, 3, 20), member_id=BEN,
                 effective_on="2026-02-01")  # fmt: skip
    billed(history, MAY)
    taken = why(history, APRIL, line_number(history, APRIL, BEN, FEBRUARY))
    assert [line.strip() for line in sentences(taken)][2:] == [
        "Member 10000000002 has no billed day in February 2026.",
        f"Covered from 2026-01-01 through 2026-01-31. t5 {removed}",
        "Rule full_month: any covered day bills the month in full. t1",
        "Billed before for February 2026: 590.40.",
        f"Line 2 of the invoice of February 2026: 590.40. {runs[1]}",
    ]
    back = why(history, MAY, line_number(history, MAY, BEN, FEBRUARY))
    assert [line.strip() for line in sentences(back)][-3:] == [
        "Billed before for February 2026: 0.00.",
        f"Line 2 of the invoice of February 2026: 590.40. {runs[1]}",
        f"Line 2 of the invoice of April 2026: -590.40. {runs[3]}",
    ]
    assert step(back, "Covered from").transactions == ("t5", again)
    adds_up(taken)
    adds_up(back)


def test_what_had_been_paid_of_a_reversed_charge_is_told() -> None:
    """It is posted negatively, and becomes funds (§5)."""
    history = opened()
    tell(history, add_anna(BEN_SPOUSE), OPENED)
    billed(history, JANUARY, FEBRUARY)
    tell(history, paid("1188.48"), date(2026, 1, 20))
    tell(history, "remove_dependent", date(2026, 1, 21), member_id=BEN, last_day="2025-12-31")
    billed(history, MARCH)
    tree = why(history, MARCH, line_number(history, MARCH, BEN, JANUARY))
    assert tree.children[-1].label == (
        "590.40 of it had been paid: that is posted negatively for January 2026 and becomes funds."
    )
    assert tree.children[-1].cents == -590_40
    unpaid = why(history, MARCH, line_number(history, MARCH, BEN, FEBRUARY))
    assert not [each for each in steps(unpaid) if "had been paid" in each.label]
    assert step(tree, "cancelled from inception").transactions == ("t5", "t9")


def test_a_cause_that_is_about_someone_else_says_so() -> None:
    """The oldest child leaves: the fourth moves up, and pays from then on."""
    history = opened()
    tell(history, add_anna(*KIDS), OPENED)
    billed(history, JANUARY, FEBRUARY)
    left = tell(history, "remove_dependent", date(2026, 2, 3), member_id=KIDS[0].member_id,
                last_day="2026-01-31")  # fmt: skip
    billed(history, MARCH)
    tree = why(history, MARCH, line_number(history, MARCH, KIDS[3].member_id, FEBRUARY))
    cause = tree.children[0]
    assert cause.label.endswith(
        "it is about member 20000000001, and what others cost follows from it."
    )
    assert cause.transactions == (left,)
    own = why(history, MARCH, line_number(history, MARCH, KIDS[0].member_id, FEBRUARY))
    assert "follows" not in own.children[0].label
    adds_up(tree)


# ── Nothing personal, and nothing beyond ───────────────────────────────────────────────────────


def test_no_birth_date_is_told_nor_what_one_follows_from() -> None:
    """A child's last possible day says when it was born: it is told only where it is the reason."""
    history = opened()
    tell(history, add_anna(CLEO_CHILD, DORA_CHILD), OPENED)
    months = [date(2026, month, 1) for month in range(1, 6)]
    billed(history, *months)
    for month in months:
        for number in (1, 2, 3):
            told = str(list(steps(why(history, month, number))))
            personal = ["1987-05", "2010-03", "2000-05", "2036-03", "Given", "Family"]
            assert not [text for text in personal if text in told]
            assert ("2026-05-31" in told) == (month == MAY and number == 3)
    dora = why(history, MAY, line_number(history, MAY, DORA_CHILD.member_id))
    assert step(dora, "Covered").label == (
        "Covered from 2026-01-01 through 2026-05-31, where the child's age ends it."
    )


def test_lines_are_numbered_as_the_invoice_shows_them() -> None:
    """The month's own first, then those of earlier months; no others."""
    line = InvoiceLine(ANNA, ANNA, "GOLD", "MAIN", 598_08)
    adjusted = InvoiceAdjustment(JANUARY, ANNA, BEN, "GOLD", "MAIN", 1, 0, "t9")
    produced = InvoiceProduced(
        month=FEBRUARY,
        run_on=OPENED,
        due_on=FEBRUARY,
        prior_balance_cents=0,
        current_cents=598_08,
        adjustments_cents=1,
        total_cents=598_09,
        lines=(line,),
        adjustments=(adjusted,),
    )
    assert [line_of(produced, number) for number in (1, 2)] == [line, adjusted]
    assert [line_of(produced, number) for number in (-1, 0, 3)] == [None] * 3
