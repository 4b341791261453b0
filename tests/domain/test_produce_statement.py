"""Produce a statement: one a month, in order, its lines between two positions of the log."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from domain.payee.produce_statement import StatementProduced
from tests.domain.given_payee import TODAY, an_agency, given_payee, statement

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)


def produced(**changes: Any) -> StatementProduced:
    """The statement of May as the example asks for it, of a payee paid by EFT."""
    facts: dict[str, Any] = {
        "month": MAY,
        "run_on": TODAY,
        "after_position": 0,
        "through_position": 988,
        "line_count": 3,
        "lines_cents": 120_00,
        "brought_forward_cents": 0,
        "paid_cents": 120_00,
        "carried_cents": 0,
        "pay_by": "eft",
        "account_ending": "4417",
    }
    return StatementProduced(**{**facts, **changes})


def test_a_statement_pays_its_lines_to_the_account_of_the_day() -> None:
    """And says how; what is registered later is of later statements."""
    story = given_payee(an_agency()).when(statement()).then(produced())
    story = story.and_given(an_agency(pay_by="check", account_ending=None))
    story.when(
        statement("2026-06-01", after_position=988, through_position=990), received_on=JUNE
    ).then(
        produced(
            month=JUNE, run_on=JUNE, after_position=988, through_position=990, pay_by="check",
            account_ending=None,
        )
    )  # fmt: skip


def test_a_payee_that_is_not_registered_is_paid_by_check() -> None:
    """Whoever earned is owed."""
    given_payee().when(statement()).then(produced(pay_by="check", account_ending=None))


def test_a_negative_statement_is_paid_0_and_carried_forward() -> None:
    """Until later ones have made up for it, to the cent (handbook §6)."""
    story = given_payee(an_agency())
    expected = [  # lines, brought forward, paid, carried
        (-50_00, 0, 0, -50_00),
        (20_00, -50_00, 0, -30_00),
        (30_00, -30_00, 0, 0),
        (10_01, 0, 10_01, 0),
        (-1, 0, 0, -1),
        (10_00, -1, 9_99, 0),
    ]
    for number, (lines, brought, paid, carried) in enumerate(expected):
        month = date(2026, 1 + number, 1)
        positions = {"after_position": number, "through_position": number + 1}
        asked = statement(month.isoformat(), lines_cents=lines, **positions)
        story = story.when(asked, received_on=month).then(
            produced(
                month=month, run_on=month, lines_cents=lines, brought_forward_cents=brought,
                paid_cents=paid, carried_cents=carried, **positions,
            )
        )  # fmt: skip
    story.check(lambda payee: payee.paid_cents_by_year == {"2026": 20_00})


def test_what_was_paid_is_added_up_by_the_year_of_the_statements_month() -> None:
    """A statement of January counts in its own year, whenever the run was."""
    december = statement("2025-12-01", lines_cents=100)
    january = statement("2026-01-01", lines_cents=7, after_position=988, through_position=989)
    story = given_payee(december, january)
    story.check(lambda payee: payee.paid_cents_by_year == {"2025": 100, "2026": 7})


def test_a_month_has_one_statement_whatever_is_asked_again() -> None:
    """Two runs, also with other figures: what was settled since waits for the next month."""
    story = given_payee(an_agency(), statement())
    story.when(statement()).then_nothing()
    story.when(statement(after_position=988, through_position=1200, lines_cents=5)).then_nothing()


def test_statements_come_in_order() -> None:
    """Months may be left out, since a payee without lines has no statement; none comes later."""
    story = given_payee(statement())
    later = {"after_position": 988, "through_position": 1200}
    story.when(statement("2026-04-01", **later)).refused("statement_out_of_order", saying="2026-05")
    story.when(statement("2026-07-01", **later), received_on=date(2026, 7, 1)).is_accepted()


@pytest.mark.parametrize(
    ("after", "through"), [(0, 1200), (987, 1200), (989, 1200), (988, 988), (988, 987)]
)
def test_a_line_is_on_one_statement(after: int, through: int) -> None:
    """The next statement begins after the position where the one before ended, and ends later."""
    story = given_payee(statement())
    asked = statement("2026-06-01", after_position=after, through_position=through)
    story.when(asked, received_on=JUNE).refused("statement_positions_wrong", saying="988")


def test_a_first_statement_begins_at_the_beginning() -> None:
    """After position 0."""
    given_payee().when(statement(after_position=5)).refused("statement_positions_wrong")
    given_payee().when(statement(through_position=0)).refused("statement_positions_wrong")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (statement("2026-05-02"), "not_first_of_month"),
        (statement("2026-06-01"), "statement_too_early"),
        (statement(run_on="2026-05-06"), "run_in_future"),
    ],
)
def test_a_statement_is_of_a_whole_month_that_has_begun(asked: Any, code: str) -> None:
    """And its run has been."""
    given_payee().when(asked).refused(code)


@pytest.mark.parametrize("cents", [120.0, "120", 120.5, 10**15 + 1])
def test_amounts_are_whole_cents(cents: object) -> None:
    """No binary floating point, and no more than a column holds."""
    with pytest.raises(ValidationError):
        statement(lines_cents=cents)
