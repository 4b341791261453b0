"""The commission run of a month: settle every client, then produce every payee's statement (§6).

Three steps, each safe to do again, so that a run which was cut off anywhere is simply run again:

1. *Settle.* Each client with postings dated before the month, and not settled yet, gets a
   ``settle_commission``. What a client's history has settled is never settled again.
2. *Look.* When the projections have applied all of that, the log's head is the position ``P``
   through which the statements go.
3. *Produce.* Each payee with lines after the last position of the payee's latest statement gets a
   ``produce_statement`` through ``P``, with what those lines come to. A payee whose statement of
   the month exists is left alone: what was settled after it waits for the next month's.

A client whose events wait behind a parked one would have lines that turn up later, at positions of
a statement that was produced: where anything is parked nothing is produced, and the run says so. A
client whose settlement is refused, or fails, has no lines yet; it is told, and its lines are on the
next statements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from msgspec import Struct

from domain.client.produce_invoice import RUN_IN_FUTURE
from domain.client.settle_commission import STATEMENT_TOO_EARLY, SettleCommission
from domain.kernel import Actor, Command
from domain.payee.access import COMMISSION_RUN
from domain.payee.produce_statement import ProduceStatement
from domain.payee.state import stream_id
from processors.applied import Applied
from processors.command_processor import CommandProcessor
from processors.receipts import Submission
from processors.run_service import RunAtWork, RunBroken
from processors.runs import Run, RunNotPossible, RunRequest
from processors.submitting_many import count, submit_many

_ACTOR = Actor(COMMISSION_RUN, "carrier")
_LINES = "commissions"
_READ = ("invoices", _LINES)
"""The projections that a run reads."""
_PAGE = 500


# ── What is to be done ─────────────────────────────────────────────────────────────────────────


class PayeeToPay(Struct, frozen=True):
    """A payee with lines that are on no statement."""

    payee_id: str
    after_position: int
    """The last position of the payee's latest statement; 0 before the first."""
    line_count: int
    lines_cents: int


class CommissionFacts(Protocol):
    """What the projections know of unsettled postings and unpaid lines.

    Both methods may raise ``RowsUnavailable``.
    """

    def clients_to_settle(self, month: date, after: str, limit: int) -> Sequence[str]:
        """Ids of clients with unsettled postings dated before the month, from after ``after``.

        Not those who were settled for a later month.
        """
        ...

    def payees_to_pay(
        self, month: date, through_position: int, after: str, limit: int
    ) -> Sequence[PayeeToPay]:
        """Payees with unpaid lines up to a position, by id, from after ``after``.

        Not those who have a statement of the month, or of a later one, or an unpaid line that was
        settled for a later one.
        """
        ...


# ── The steps ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class CommissionRun:
    """The steps of commission runs."""

    commands: CommandProcessor
    applied: Applied
    facts: CommissionFacts

    def check(self, request: RunRequest, received_on: date) -> None:
        """As ``settle_commission`` would refuse it."""
        if request.month.day != 1:
            raise RunNotPossible("month", "A month is named by its 1st.")
        if request.month > received_on:
            sentence = STATEMENT_TOO_EARLY.sentence.format(month=request.month)
            raise RunNotPossible("month", sentence)
        if request.run_on is not None and request.run_on > received_on:
            raise RunNotPossible("run_on", RUN_IN_FUTURE.sentence.format(run_on=request.run_on))
        if request.clients is not None:
            # A payee has one statement of a month: of some clients only, the others would wait.
            raise RunNotPossible("clients", "A commission run is always over all clients.")

    def work(self, at_work: RunAtWork) -> None:
        """Settle every client, then produce every payee's statement."""
        run, tally = at_work.run, at_work.tally
        self._look(at_work)
        tally.total = sum(1 for _ in self._unsettled(run, at_work))
        settlements = (_settlement(run, client_id) for client_id in self._unsettled(run, at_work))
        self._submit(at_work, settlements, "settled")
        through = self._look(at_work)
        if not at_work.goes_on():
            return
        tally.total = tally.done + sum(1 for _ in self._unpaid(run, at_work, through))
        statements = (
            _statement(run, payee, through) for payee in self._unpaid(run, at_work, through)
        )
        self._submit(at_work, statements, "statements")

    def _look(self, at_work: RunAtWork) -> int:
        """Wait until the projections show everything; the log's position then."""
        position = self.applied.all_of_the_log(at_work, _READ)
        if at_work.goes_on():
            self.applied.require_none_parked(_READ)
        return position

    def _submit(self, at_work: RunAtWork, submissions: Iterable[Submission], outcome: str) -> None:
        for submitted in submit_many(self.commands, submissions, at_work.goes_on):
            count(at_work.tally, submitted, outcome)

    def _unsettled(self, run: Run, at_work: RunAtWork) -> Iterator[str]:
        after = ""
        while at_work.goes_on() and (page := self.facts.clients_to_settle(run.month, after, _PAGE)):
            after = page[-1]
            yield from page

    def _unpaid(self, run: Run, at_work: RunAtWork, through: int) -> Iterator[PayeeToPay]:
        after = ""
        while at_work.goes_on() and (
            page := self.facts.payees_to_pay(run.month, through, after, _PAGE)
        ):
            after = page[-1].payee_id
            if self.applied.rows.position(_LINES) < through:
                # Its tables were made anew meanwhile: what is added up there lacks lines.
                raise RunBroken("projection_made_anew")
            yield from page


# ── What it submits ────────────────────────────────────────────────────────────────────────────


def _settlement(run: Run, client_id: str) -> Submission:
    return _submission(run, client_id, SettleCommission(statement_month=run.month))


def _statement(run: Run, payee: PayeeToPay, through_position: int) -> Submission:
    command = ProduceStatement(
        month=run.month,
        run_on=run.run_on,
        after_position=payee.after_position,
        through_position=through_position,
        line_count=payee.line_count,
        lines_cents=payee.lines_cents,
    )
    return _submission(run, stream_id(payee.payee_id), command)


def _submission(run: Run, stream: str, command: Command) -> Submission:
    """Under a key of this attempt: each one is decided anew, where a repeat changes nothing."""
    key = f"{run.month:%Y-%m}/{run.run_id}/{run.attempt}/{stream}"
    return Submission(_ACTOR, stream, key, command, run.received_at, run.run_id)
