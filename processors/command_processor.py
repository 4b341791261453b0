"""The one door to the history: commands in, events and receipts appended, answers out.

Whatever waits goes together: one decision after the other, one append and one
commit for up to ``batch_limit`` commands (decision 1 of the architecture). Nobody lingers for
company. Each command keeps its own outcome: a refusal, a repeat or a fault of one is never seen by
its neighbours.

A single thread decides and appends, so commands of one client are in order before the database is
asked. Several processes may append to the same log: who loses a race looks again and decides again.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from processors.client_cache import ClientCache
from processors.deciding import Decision, decide
from processors.ports import (
    Clock,
    EventLog,
    LogRead,
    LogUnavailable,
    NewEvent,
    NewReceipt,
    ReceiptRow,
    VersionConflict,
)
from processors.receipts import Answer, KeyReused, Submission, with_position
from processors.snapshotting import Snapshotter
from processors.tallies import CommandTally, Outcome

_CONFLICTS_TOGETHER = 3
"""So often a batch that lost a race is tried again whole; then its commands go one by one."""
_CONFLICTS_ALONE = 100
_LOOKS_AFTER_CONFLICT = 50
"""So many batches look at the log before they decide, after one that did not was wrong."""
_RETRY_SECONDS = 0.05
_RECENT_RECEIPTS = 20_000
_NOTHING = LogRead({}, {}, ())

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Pending:
    submission: Submission
    future: Future[Answer]
    follows: Future[Answer] | None
    since: float
    """By the clock that only measures spans."""


@dataclass(slots=True)
class _Batch:
    """What a batch of commands comes to, before it is appended."""

    events: list[NewEvent] = field(default_factory=list)
    receipts: list[NewReceipt] = field(default_factory=list)
    waiting: list[tuple[_Pending, NewReceipt]] = field(default_factory=list)
    by_transaction: dict[str, NewReceipt] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    """Transactions to which a rule said no."""
    last_index: dict[str, int] = field(default_factory=dict)
    """By client: which event of this append is its newest, counted from 1."""


class CommandProcessor:
    """Decides and appends. Submit from any thread; the answer comes when it is durable."""

    def __init__(
        self,
        event_log: EventLog,
        clock: Clock,
        *,
        batch_limit: int = 256,
        outage_patience_seconds: float = 5.0,
    ) -> None:
        self._log = event_log
        self._clock = clock
        self._batch_limit = batch_limit
        self._patience = outage_patience_seconds
        self._clients = ClientCache()
        self._snapshotter = Snapshotter(event_log)
        self._look_first = 0
        self._recent: OrderedDict[str, ReceiptRow] = OrderedDict()
        self._queue: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._closed = False
        self._closing = threading.Lock()
        self.tally = CommandTally()
        """What became of the commands so far."""
        self._thread = threading.Thread(target=self._run, name="command-processor", daemon=True)
        self._thread.start()

    def submit(
        self, submission: Submission, follows: Future[Answer] | None = None
    ) -> Future[Answer]:
        """Submit a transaction; the future has its answer once that is durable.

        A refusal is an answer. The future raises ``KeyReused``, or ``LogUnavailable`` when the
        database stayed away: then the transaction may or may not be in the log, and sending it
        again with the same key finds out without a second effect. It cannot be cancelled.

        ``follows`` was submitted before; if that is ``LogUnavailable`` this is so too, undecided.
        """
        future: Future[Answer] = Future()
        future.set_running_or_notify_cancel()  # a sender who goes away must not fail its neighbours
        with self._closing:
            if self._closed:
                raise RuntimeError("the command processor is closed")
            self._queue.put(_Pending(submission, future, follows, time.perf_counter()))
        return future

    @property
    def is_running(self) -> bool:
        """Whether what is submitted will be decided; if not so before ``close``, it died."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Answer what was submitted, then stop."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()
        self._snapshotter.close()

    # ── The thread ─────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        open_ = True
        while open_:
            batch = [self._queue.get()]
            while len(batch) < self._batch_limit:
                try:
                    batch.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            open_ = None not in batch
            self._process([pending for pending in batch if pending is not None])

    def _process(self, batch: Sequence[_Pending]) -> None:
        """Bring every command of a batch to its answer, whatever happens to the others."""
        batch = [pending for pending in batch if not self._cut_off(pending)]
        conflicts = 0
        give_up_at = time.monotonic() + self._patience
        while batch:
            try:
                return self._attempt(batch)
            except VersionConflict:
                conflicts += 1
                self._look_first = _LOOKS_AFTER_CONFLICT
                if len(batch) > 1 and conflicts >= _CONFLICTS_TOGETHER:
                    return self._one_by_one(batch)
                if conflicts >= _CONFLICTS_ALONE:
                    return self._fail(batch, "unavailable", LogUnavailable("VersionConflict"))
            except LogUnavailable as error:
                log.warning("log.unavailable", error=str(error), waiting=len(batch))
                if time.monotonic() > give_up_at:
                    return self._fail(batch, "unavailable", error)
                time.sleep(_RETRY_SECONDS)
            except Exception as error:
                # A fault of the program with one command must not fail its neighbours: each gets
                # its own try, and the one at fault its error.
                if len(batch) > 1:
                    return self._one_by_one(batch)
                failed = batch[0].submission.command.type
                log.error("command.failed", exc_info=error, type=failed)
                return self._fail(batch, "failed", error)
            finally:
                # Clients that were evolved but not appended say what never happened.
                self._clients.forget_unconfirmed()
        return None

    def _one_by_one(self, batch: Sequence[_Pending]) -> None:
        self._clients.forget_unconfirmed()
        for pending in batch:
            self._process([pending])

    def _attempt(self, pendings: Sequence[_Pending]) -> None:
        now = self._clock.now()
        read = self._look(pendings)
        batch = _Batch()
        for pending in pendings:
            if pending.future.done():
                continue  # answered at the try before, by an earlier receipt
            transaction_id = pending.submission.transaction_id
            stored = read.receipts.get(transaction_id) or self._recent.get(transaction_id)
            if stored is not None:
                self._repeat(pending, stored)
            else:
                self._decide(batch, pending, now)
        if batch.receipts:
            relied = self._clients.relied_on(batch.last_index)
            first = self._log.append(batch.events, batch.receipts, now, relied)
            self._confirm(batch, first)

    def _look(self, pendings: Sequence[_Pending]) -> LogRead:
        """What happened since the last look.

        When every client is known and no race was lost lately, nothing is read: the append itself
        finds out if a version or a transaction is taken, and then this is tried again with a look.
        """
        known = self._clients.known_versions(p.submission.client_id for p in pendings)
        if self._look_first <= 0 and None not in known.values():
            return _NOTHING
        self._look_first -= 1
        read = self._log.read([p.submission.transaction_id for p in pendings], known)
        self._clients.refresh(read)
        return read

    def _decide(self, batch: _Batch, pending: _Pending, now: datetime) -> None:
        submission = pending.submission
        earlier = batch.by_transaction.get(submission.transaction_id)
        if earlier is not None:
            if earlier.content_hash == submission.content_hash:
                batch.waiting.append((pending, earlier))
            else:
                self._end(pending, "key_reused", KeyReused())
            return
        client = self._clients.evolving(submission.client_id)
        decision = decide(submission, client, now)
        receipt = _new_receipt(batch, submission, decision)
        batch.receipts.append(receipt)
        batch.by_transaction[submission.transaction_id] = receipt
        if decision.refused:
            batch.refused.add(submission.transaction_id)
        batch.waiting.append((pending, receipt))

    def _confirm(self, batch: _Batch, first: int) -> None:
        """The append is durable: note positions, answer everyone."""
        self.tally.batches.note(len(batch.receipts))
        before = first - 1
        newest = {client_id: before + index for client_id, index in batch.last_index.items()}
        for entry in self._clients.confirm(newest):
            self._snapshotter.consider(entry)
        answered: set[str] = set()
        for pending, receipt in batch.waiting:
            index = receipt.event_index
            position = receipt.position if index is None else before + index
            repeated = receipt.transaction_id in answered
            answered.add(receipt.transaction_id)
            body = with_position(receipt.head, position)
            self._remember(ReceiptRow(receipt.transaction_id, receipt.content_hash, body))
            refused = receipt.transaction_id in batch.refused
            outcome: Outcome = "repeated" if repeated else "refused" if refused else "accepted"
            self._end(pending, outcome, Answer(body, repeated))

    def _repeat(self, pending: _Pending, stored: ReceiptRow) -> None:
        if stored.content_hash == pending.submission.content_hash:
            self._end(pending, "repeated", Answer(stored.body, repeated=True))
        else:
            self._end(pending, "key_reused", KeyReused())

    def _cut_off(self, pending: _Pending) -> bool:
        """Fail a command if the one it follows came to no answer."""
        if pending.follows is None or not pending.follows.done():
            return False  # not done: it is in the same batch, and fails or succeeds with it
        error = pending.follows.exception()
        if not isinstance(error, LogUnavailable):
            return False
        self._end(pending, "unavailable", error)
        return True

    def _fail(self, batch: Sequence[_Pending], outcome: Outcome, error: Exception) -> None:
        for pending in batch:
            if not pending.future.done():
                self._end(pending, outcome, error)

    def _end(self, pending: _Pending, outcome: Outcome, answer: Answer | Exception) -> None:
        seconds = time.perf_counter() - pending.since
        self.tally.note(pending.submission.command.type, outcome, seconds)
        if isinstance(answer, Answer):
            pending.future.set_result(answer)
        else:
            pending.future.set_exception(answer)

    def _remember(self, row: ReceiptRow) -> None:
        """Keep the answers given last: most repeats come soon, and need no look at the log."""
        self._recent[row.transaction_id] = row
        if len(self._recent) > _RECENT_RECEIPTS:
            self._recent.popitem(last=False)


def _new_receipt(batch: _Batch, submission: Submission, decision: Decision) -> NewReceipt:
    """Add a decision's events to the batch; returns its receipt, which knows where it points.

    A receipt points at its client's newest event, its own if it has any: then its reader sees what
    it asked for. One that may tell nothing of the client points nowhere.
    """
    batch.events += decision.events
    if decision.events:
        batch.last_index[submission.client_id] = len(batch.events)
    return NewReceipt(
        transaction_id=submission.transaction_id,
        sender=submission.actor.sender,
        key=submission.key,
        client_id=submission.client_id,
        content_hash=submission.content_hash,
        head=decision.head,
        event_index=None if decision.hidden else batch.last_index.get(submission.client_id),
        position=0 if decision.hidden else decision.position,
    )
