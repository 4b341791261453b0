"""Produce a statement: "The run pays this payee for the month."

The commission run has settled every client and added up the payee's lines between two positions of
the log: those after the payee's statement before, through where the log stood at the run. So a line
is on one statement, and what is recorded after the run waits for the next. What a negative
statement leaves is brought forward; less than nothing is paid as 0.00 (handbook §6). A produced
statement never changes, and says how it was paid.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from domain.client.account_days import require_first_of_month
from domain.client.inputs import Day
from domain.client.produce_invoice import RUN_IN_FUTURE
from domain.client.settle_commission import STATEMENT_TOO_EARLY
from domain.kernel import Cause, Command, Context, Event, Refusal
from domain.payee.state import PayBy, Payee
from domain.types import PersonalText

STATEMENT_OUT_OF_ORDER = Refusal(
    "statement_out_of_order", "{latest} has its statement already: {month} is before it."
)
STATEMENT_POSITIONS_WRONG = Refusal(
    "statement_positions_wrong",
    "Statements go through position {through} so far: the next begins after it, and ends later.",
)

Position = Annotated[int, Field(strict=True, ge=0, le=2**62)]
"""A position of the log."""
_Cents = Annotated[int, Field(strict=True, ge=-(10**15), le=10**15)]


class StatementProduced(Event, frozen=True, kw_only=True):
    """A payee was paid commission for a month."""

    type: ClassVar[str] = "statement_produced"
    month: date
    """Its 1st; paid is what was posted before it."""
    run_on: date
    after_position: int
    """Its lines are those recorded after this position of the log …"""
    through_position: int
    """… up to and with this one."""
    line_count: int
    lines_cents: int
    brought_forward_cents: int
    """What the statement before left: 0 or less."""
    paid_cents: int
    """Lines and what was brought forward, or 0 if they are less than nothing."""
    carried_cents: int
    """What this statement leaves to the next: 0 or less."""
    pay_by: PayBy
    account_ending: PersonalText | None = None

    def evolve(self, payee: Payee, cause: Cause) -> None:
        payee.last_month = self.month
        payee.through_position = self.through_position
        payee.carried_cents = self.carried_cents
        year = str(self.month.year)
        paid = payee.paid_cents_by_year.get(year, 0)
        payee.paid_cents_by_year[year] = paid + self.paid_cents

    def takes_effect_on(self) -> date:
        return self.month


class ProduceStatement(Command):
    """Pay a payee commission for a month."""

    sent_by: ClassVar = "carrier"
    title: ClassVar = "Produce a statement"
    example: ClassVar = {
        "type": "produce_statement",
        "month": "2026-05-01",
        "run_on": "2026-05-05",
        "after_position": 0,
        "through_position": 988,
        "line_count": 3,
        "lines_cents": 12000,
    }

    type: Literal["produce_statement"] = "produce_statement"
    month: Day
    """The 1st of the statement month: it pays on what was posted before."""
    run_on: Day | None = None
    """The date of the run, which the statement bears; the day of receipt if not stated."""
    after_position: Position
    """Through which the payee's statements go so far; 0 before the first."""
    through_position: Position
    """Where the log stood when everything was settled."""
    line_count: Annotated[int, Field(strict=True, ge=0, le=2**31)]
    lines_cents: _Cents
    """What the payee's parts of the lines between these positions add up to, in cents."""

    def asks_effect_on(self) -> date:
        return self.month

    def decide(self, payee: Payee, context: Context) -> list[Event]:
        if self.month == payee.last_month:
            return []  # one month, one statement: what was settled since waits for the next
        run_on = self.run_on or context.received_on
        self._require_its_turn(payee, run_on, context)
        cents = self.lines_cents + payee.carried_cents
        return [
            StatementProduced(
                month=self.month,
                run_on=run_on,
                after_position=self.after_position,
                through_position=self.through_position,
                line_count=self.line_count,
                lines_cents=self.lines_cents,
                brought_forward_cents=payee.carried_cents,
                paid_cents=max(0, cents),
                carried_cents=min(0, cents),
                pay_by=payee.pay_by,
                account_ending=payee.account_ending,
            )
        ]

    def _require_its_turn(self, payee: Payee, run_on: date, context: Context) -> None:
        require_first_of_month(self.month)
        if payee.last_month is not None and self.month < payee.last_month:
            raise STATEMENT_OUT_OF_ORDER.because(latest=payee.last_month, month=self.month)
        if self.month > context.received_on:
            raise STATEMENT_TOO_EARLY.because(month=self.month)
        if run_on > context.received_on:
            raise RUN_IN_FUTURE.because(run_on=run_on)
        through = payee.through_position
        if self.after_position != through or self.through_position <= through:
            raise STATEMENT_POSITIONS_WRONG.because(through=through)
