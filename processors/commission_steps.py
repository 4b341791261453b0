"""The commission run as a run with a record: counted, told, and stopped like a billing run.

What it does and in which order is said in ``commission_run.py``.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date

from domain.client.settle_commission import STATEMENT_TOO_EARLY
from domain.kernel import Actor
from processors.commission_run import (
    CommissionFacts,
    CommissionProgress,
    CommissionRun,
    CommissionRunNeeds,
    CommissionRunStopped,
    Submits,
    run_commissions,
)
from processors.ports import EventLog, RowStore
from processors.receipts import Answer, Submission
from processors.run_service import RunAtWork, RunBroken
from processors.runs import RunNotPossible, RunRequest, Tally

COMMISSION_SENDER = "commission-run"
"""The sender of what commission runs submit: no key has its name."""
_ACTOR = Actor(COMMISSION_SENDER, "carrier")
_STATEMENT = "produce_statement"


class _Stopped(Exception):
    """The run was told to stop."""


@dataclass(frozen=True, slots=True)
class CommissionSteps:
    """The steps of commission runs."""

    commands: Submits
    log: EventLog
    rows: RowStore
    facts: CommissionFacts

    def check(self, request: RunRequest, received_on: date) -> None:
        """As ``settle_commission`` would refuse it."""
        if request.month.day != 1:
            raise RunNotPossible("month", "A month is named by its 1st.")
        if request.month > received_on:
            sentence = STATEMENT_TOO_EARLY.sentence.format(month=request.month)
            raise RunNotPossible("month", sentence)
        if request.run_on is not None and request.run_on > received_on:
            sentence = f"The run's date {request.run_on} has not come yet."
            raise RunNotPossible("run_on", sentence)
        if request.clients is not None:
            # A payee has one statement of a month: of some clients only, the others would wait.
            raise RunNotPossible("clients", "A commission run is always over all clients.")

    def work(self, at_work: RunAtWork) -> None:
        """Settle every client, then produce every payee's statement."""
        counted = _Counted(self.commands, at_work.tally)
        needs = CommissionRunNeeds(counted, self.log, self.rows, self.facts)
        asked = at_work.run
        run = CommissionRun(_ACTOR, asked.month, asked.run_on, received_at=asked.received_at)

        def report(progress: CommissionProgress) -> None:
            if progress.step == "done":
                at_work.tally.total = at_work.tally.done
            elif not at_work.goes_on():
                raise _Stopped

        try:
            run_commissions(needs, run, report)
        except CommissionRunStopped as stopped:
            raise RunBroken(str(stopped)) from None
        except _Stopped:
            return


class _Counted:
    """Submits, and counts what comes of it."""

    def __init__(self, commands: Submits, tally: Tally) -> None:
        self._commands = commands
        self._tally = tally

    def submit(
        self, submission: Submission, follows: Future[Answer] | None = None
    ) -> Future[Answer]:
        """See ``CommandProcessor.submit``."""
        future = self._commands.submit(submission, follows)
        future.add_done_callback(lambda done: self._count(submission, done))
        return future

    def _count(self, submission: Submission, done: Future[Answer]) -> None:
        tally, stream = self._tally, submission.client_id
        tally.done += 1
        failure = done.exception()
        if failure is not None:
            tally.fail(stream, type(failure).__name__)
            return
        receipt = done.result().receipt
        tally.position = max(tally.position, receipt.position)
        if receipt.status == "refused":
            tally.refuse(stream, receipt.code or "", receipt.sentence or "")
        elif not receipt.events:
            tally.count("already")
        else:
            is_statement = submission.command.type == _STATEMENT
            tally.count("statements" if is_statement else "settled")
