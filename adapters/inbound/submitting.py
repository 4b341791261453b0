"""Many transactions from one place, in order, with a bounded number on their way.

What a file or a simulation sends goes the way a portal's batch goes: a line of JSON is read and
checked, submitted, and answered in the order of the lines.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass

from adapters.inbound.incoming import IncomingLine, read_line
from adapters.inbound.problems import Problem
from adapters.outbound.api_keys import COMMAND_LINE_SENDER
from domain.kernel import Actor
from processors.command_processor import CommandProcessor
from processors.receipts import Answer, KeyReused, Submission

IN_FLIGHT = 512
CLI = Actor(COMMAND_LINE_SENDER, "carrier", None, frozenset({"backfill"}))
"""As whom this program submits: carrier staff who may state when a transaction was received."""


class InOrder:
    """Submits what one sender sends, so that an outage does not leave a hole in a client's order.

    A line that came to no answer takes the later ones of its client with it, undecided. Decided
    without it they would be refused, or would come before it, and be answered so for ever.
    """

    def __init__(self, processor: CommandProcessor) -> None:
        self._processor = processor
        self._last: dict[str, Future[Answer]] = {}
        """By client, what was submitted last; those answered are forgotten now and then."""
        self._room = IN_FLIGHT

    def submit(self, submission: Submission) -> Future[Answer]:
        """Submit the next transaction: see ``CommandProcessor.submit``."""
        future = self._processor.submit(submission, self._last.get(submission.client_id))
        self._last[submission.client_id] = future
        if len(self._last) > self._room:
            self._last = {c: f for c, f in self._last.items() if not f.done() or f.exception()}
            self._room = max(IN_FLIGHT, 2 * len(self._last))
        return future


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one line: an answer, or a problem with the line itself."""

    number: int
    """Of the line, counted from 1."""
    incoming: IncomingLine | None
    answer: Answer | None
    problem: Problem | None


def submit_lines(
    processor: CommandProcessor, lines: Iterable[tuple[Actor, bytes]], in_flight: int = IN_FLIGHT
) -> Iterator[Outcome]:
    """Submit lines and give their outcomes in order; blank lines are counted, not sent.

    Raises ``LogUnavailable`` when the database stays away. Sending the same lines again is safe.
    """
    waiting: deque[tuple[int, IncomingLine | None, Future[Answer] | Problem]] = deque()
    in_order = InOrder(processor)
    for number, (actor, line) in enumerate(lines, start=1):
        if not line.strip():
            continue
        waiting.append((number, *_submit(in_order, actor, line)))
        if len(waiting) >= in_flight:
            yield _outcome(*waiting.popleft())
    while waiting:
        yield _outcome(*waiting.popleft())


def _submit(
    in_order: InOrder, actor: Actor, line: bytes
) -> tuple[IncomingLine | None, Future[Answer] | Problem]:
    try:
        incoming = read_line(line)
    except Problem as problem:
        return None, problem
    submission = Submission(
        actor,
        incoming.client_id,
        incoming.key,
        incoming.transaction.command,
        incoming.transaction.received_at,
        incoming.correlation_id,
    )
    return incoming, in_order.submit(submission)


def _outcome(
    number: int, incoming: IncomingLine | None, pending: Future[Answer] | Problem
) -> Outcome:
    if isinstance(pending, Problem):
        return Outcome(number, incoming, None, pending)
    try:
        return Outcome(number, incoming, pending.result(), None)
    except KeyReused:
        return Outcome(number, incoming, None, Problem("idempotency_key_reused"))
