"""The commission run of a month: settle every client, then produce every payee's statement (§6).

Three steps, each safe to do again, so that a run which was cut off anywhere is simply run again:

1. *Settle.* Each client with postings dated before the month, and not settled yet, gets a
   ``settle_commission``. What a client's history has settled is never settled again.
2. *Look.* When the projections have applied all of that, the log's head is the position ``P``
   through which the statements go.
3. *Produce.* Each payee with lines after the last position of the payee's latest statement gets a
   ``produce_statement`` through ``P``, with what those lines come to. A payee whose statement of
   the month exists is left alone: what was settled after it waits for the next month's.

Keys are made of what the transaction says, so that a repeat is a repeat and other content has
another key. Clients and payees are gone through in pages: memory does not grow with their number.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from msgspec import Struct

from domain.client.settle_commission import SettleCommission
from domain.kernel import Actor, Command
from domain.payee.produce_statement import ProduceStatement
from domain.payee.state import stream_id
from processors.ports import EventLog, RowStore
from processors.receipts import Answer, Submission

_PAGE = 256
"""Clients or payees on their way at once: as many as share a commit."""
_PAUSE_SECONDS = 0.02
_WAITED_FOR = ("invoices", "commissions")
"""The projections that a run reads."""


class CommissionRunStopped(Exception):
    """The run cannot go on now; what it did stays, and the same run again goes on from there.

    Its text says why, in names of projections and ids of clients.
    """


# ── What a run needs ───────────────────────────────────────────────────────────────────────────


class ClientToSettle(Struct, frozen=True):
    """A client with postings on which no commission was settled."""

    client_id: str
    posted_through: int
    """Position of the newest of them."""


class PayeeToPay(Struct, frozen=True):
    """A payee with lines that are on no statement."""

    payee_id: str
    after_position: int
    """The last position of the payee's latest statement; 0 before the first."""
    line_count: int
    lines_cents: int


class CommissionFacts(Protocol):
    """What the projections know of unsettled postings and unpaid lines."""

    def clients_to_settle(self, month: date, after: str, limit: int) -> Sequence[ClientToSettle]:
        """Clients with unsettled postings dated before the month, by id, from after ``after``."""
        ...

    def payees_to_pay(
        self, month: date, through_position: int, after: str, limit: int
    ) -> Sequence[PayeeToPay]:
        """Payees with unpaid lines up to a position, by id, from after ``after``.

        Not those who have a statement of the month, or of a later one.
        """
        ...


class Submits(Protocol):
    """The door to the history: ``CommandProcessor``."""

    def submit(
        self, submission: Submission, follows: Future[Answer] | None = None
    ) -> Future[Answer]:
        """See ``CommandProcessor.submit``."""
        ...


@dataclass(frozen=True, slots=True)
class CommissionRunNeeds:
    """The parts of the system that a run works with."""

    commands: Submits
    log: EventLog
    rows: RowStore
    facts: CommissionFacts
    patience_seconds: float = 60.0
    """So long a projection may stand still, while there is work, before the run stops."""


# ── The run ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class CommissionRun:
    """Which run: the same one again goes on where it was cut off."""

    actor: Actor
    """As whom it submits: carrier staff."""
    month: date
    """The statement month, its 1st: postings dated before it are paid."""
    run_on: date
    """The date that its statements bear."""
    client_ids: frozenset[str] | None = None
    """Settle only these clients; None: all."""
    payee_ids: frozenset[str] | None = None
    """Produce only these payees' statements; None: all."""
    received_at: datetime | None = None
    """When the carrier received it, where an importer states that; else now."""


@dataclass(slots=True)
class CommissionProgress:
    """How far a run is."""

    step: str = "settling"
    """``settling``, ``waiting``, ``producing`` or ``done``."""
    clients_settled: int = 0
    settlements_refused: int = 0
    through_position: int | None = None
    """Through which position the statements go; None until everything is settled."""
    statements_produced: int = 0
    statements_refused: int = 0
    """Such as where another run came first: what is unpaid waits for the next."""


def run_commissions(
    needs: CommissionRunNeeds, run: CommissionRun, report: Callable[[CommissionProgress], None]
) -> CommissionProgress:
    """Do the whole run, in the caller's thread; returns what it came to.

    ``report`` is called after every page, and while it waits, with the progress so far; what it
    raises ends the run there. Raises ``CommissionRunStopped``, or ``LogUnavailable`` or
    ``RowsUnavailable`` while the database is away; the same run again is then safe.
    """
    progress = CommissionProgress()
    _wait_until_applied(needs, lambda: report(progress))
    for settled in _clients(needs, run):
        answers = _answers(needs, (_settlement(run, client) for client in settled))
        refused = sum(answer.receipt.status == "refused" for answer in answers)
        progress.clients_settled += len(answers) - refused
        progress.settlements_refused += refused
        report(progress)
    progress.step = "waiting"
    through_position = _wait_until_applied(needs, lambda: report(progress))
    progress.through_position = through_position
    progress.step = "producing"
    for payees in _payees(needs, run, through_position):
        answers = _answers(needs, (_statement(run, payee, through_position) for payee in payees))
        refused = sum(answer.receipt.status == "refused" for answer in answers)
        progress.statements_produced += len(answers) - refused
        progress.statements_refused += refused
        report(progress)
    progress.step = "done"
    report(progress)
    return progress


def _clients(needs: CommissionRunNeeds, run: CommissionRun) -> Iterator[list[ClientToSettle]]:
    after = ""
    while page := needs.facts.clients_to_settle(run.month, after, _PAGE):
        after = page[-1].client_id
        yield [c for c in page if run.client_ids is None or c.client_id in run.client_ids]


def _payees(
    needs: CommissionRunNeeds, run: CommissionRun, through_position: int
) -> Iterator[list[PayeeToPay]]:
    after = ""
    while page := needs.facts.payees_to_pay(run.month, through_position, after, _PAGE):
        after = page[-1].payee_id
        yield [p for p in page if run.payee_ids is None or p.payee_id in run.payee_ids]


def _answers(needs: CommissionRunNeeds, submissions: Iterable[Submission]) -> list[Answer]:
    """Submit a page, all at once; its answers when they are durable."""
    futures = [needs.commands.submit(submission) for submission in submissions]
    return [future.result() for future in futures]


# ── What it submits ────────────────────────────────────────────────────────────────────────────


def _settlement(run: CommissionRun, client: ClientToSettle) -> Submission:
    key = f"commission-{run.month}-settle-{client.client_id}-{client.posted_through}"
    command = SettleCommission(statement_month=run.month)
    return _submission(run, client.client_id, key, command)


def _statement(run: CommissionRun, payee: PayeeToPay, through_position: int) -> Submission:
    span = f"{payee.after_position}-{through_position}"
    key = f"commission-{run.month}-statement-{payee.payee_id}-{span}-{run.run_on}"
    command = ProduceStatement(
        month=run.month,
        run_on=run.run_on,
        after_position=payee.after_position,
        through_position=through_position,
        line_count=payee.line_count,
        lines_cents=payee.lines_cents,
    )
    return _submission(run, stream_id(payee.payee_id), key, command)


def _submission(run: CommissionRun, stream: str, key: str, command: Command) -> Submission:
    if run.received_at is not None:
        key += f"-{run.received_at.isoformat()}"
    return Submission(run.actor, stream, key, command, run.received_at)


# ── Waiting for the projections ────────────────────────────────────────────────────────────────


def _wait_until_applied(needs: CommissionRunNeeds, report: Callable[[], None]) -> int:
    """Wait until what the run reads shows the log as it is now; returns the log's head.

    A client whose events wait behind a parked one would have lines that turn up later, in a
    statement that was produced: then nothing is produced, and the run stops.
    """
    head = needs.log.head()
    for name in _WAITED_FOR:
        applied, patience = -1, time.monotonic() + needs.patience_seconds
        while (position := needs.rows.position(name)) < head:
            now = time.monotonic()
            if position > applied:
                applied, patience = position, now + needs.patience_seconds
            elif now > patience:
                raise CommissionRunStopped(f"the projection {name} does not go on")
            report()
            time.sleep(_PAUSE_SECONDS)
        parked = [parked.client_id for parked in needs.rows.parked(name)]
        if parked:
            raise CommissionRunStopped(f"parked in the projection {name}: {', '.join(parked[:5])}")
    return head
