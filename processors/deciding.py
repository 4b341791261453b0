"""One submission against one client or payee: what to append and what to answer. No I/O.

It is evolved by what is decided, so that the next command of the batch decides on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.client import access as client_access
from domain.client.folding import fold
from domain.kernel import Cause, Command, Context, Event, Refusal, Refused, TransactionRefused
from domain.payee import access as payee_access
from domain.payee.state import Payee
from domain.streams import Stream, is_known
from processors.ports import NewEvent
from processors.receipts import EventName, Receipt, Submission, receipt_head

RECEIVED_OUT_OF_ORDER = Refusal(
    "received_out_of_order",
    "There is a transaction received at {last}, after the received instant stated here; "
    "transactions of a client or payee must be imported in the order they were received.",
)
RECEIVED_IN_FUTURE = Refusal(
    "received_in_future", "The stated received instant {stated} has not come yet."
)
CLIENT_NOT_FOUND_CODE = "client_not_found"
PAYEE_NOT_FOUND_CODE = "payee_not_found"
HIDDEN_CODES = frozenset(
    {CLIENT_NOT_FOUND_CODE, "not_agent_of_record", PAYEE_NOT_FOUND_CODE, "not_the_payee"}
)
"""Refusals after which the sender learns nothing but "not found" (handbook §3)."""


@dataclass(slots=True)
class Decision:
    """What one submission comes to."""

    events: list[NewEvent]
    head: bytes
    """The receipt, but for its position."""
    position: int
    """The client's newest event before this batch."""
    hidden: bool = False
    """The sender may not learn whether there is such a client or payee."""
    refused: bool = False
    """A rule said no."""


def decide(submission: Submission, client: Stream, now: datetime) -> Decision:
    """Decide a submission; a refusal is a decision too. ``client`` is evolved in place."""
    received_at = _received_at(submission, client, now)
    context = Context(submission.actor, received_at, submission.transaction_id)
    command = submission.command
    try:
        _check_access(client, command, context)
        _check_received(submission, client, now)
        events: list[Event] = list(command.decide(client, context))
    except Refused as refused:
        return _refuse(submission, client, context, refused, now)
    recorded = _evolve(submission, client, context, events)
    receipt = _receipt(submission, context, now, client.version, events)
    return Decision(recorded, receipt_head(receipt), client.position)


def _refuse(
    submission: Submission, client: Stream, context: Context, refused: Refused, now: datetime
) -> Decision:
    command = submission.command
    event = TransactionRefused(
        code=refused.code, sentence=refused.sentence, member_ids=tuple(command.members())
    )
    if refused.code in HIDDEN_CODES:
        # Where there is one, its history keeps what was tried; the sender is told nothing.
        recorded = _evolve(submission, client, context, [event]) if is_known(client) else []
        told = _not_found(client)
        receipt = _receipt(submission, context, now, None, [], told)
        return Decision(recorded, receipt_head(receipt), 0, hidden=True, refused=True)
    recorded = _evolve(submission, client, context, [event])
    receipt = _receipt(submission, context, now, client.version, [event], refused)
    return Decision(recorded, receipt_head(receipt), client.position, refused=True)


def _check_access(client: Stream, command: Command, context: Context) -> None:
    if isinstance(client, Payee):
        payee_access.check_access(client, command, context.actor)
    else:
        client_access.check_access(client, command, context.actor, context.received_on)


def _not_found(client: Stream) -> Refused:
    """What a sender is told of a client or payee that there is not, or not for them."""
    if isinstance(client, Payee):
        return Refused(PAYEE_NOT_FOUND_CODE, f"There is no payee {client.payee_id}.")
    return Refused(CLIENT_NOT_FOUND_CODE, f"There is no client {client.client_id}.")


def _received_at(submission: Submission, client: Stream, now: datetime) -> datetime:
    """The instant that counts; within a client it never goes back (handbook §1).

    A stated instant that is refused must not count, nor may a clock that differs a little between
    two machines turn the order round: then the client's last one stands.
    """
    last = client.last_received_at
    if submission.received_at is None:
        return max(now, last) if last else now
    if submission.received_at > now:
        return last or now
    return max(submission.received_at, last) if last else submission.received_at


def _check_received(submission: Submission, client: Stream, now: datetime) -> None:
    stated, last = submission.received_at, client.last_received_at
    if stated is None:
        return
    if stated > now:
        raise RECEIVED_IN_FUTURE.because(stated=stated.isoformat())
    if last is not None and stated < last:
        raise RECEIVED_OUT_OF_ORDER.because(last=last.isoformat())


def _evolve(
    submission: Submission, client: Stream, context: Context, events: list[Event]
) -> list[NewEvent]:
    recorded = []
    for index, event in enumerate(events, start=1):
        cause = Cause(
            transaction_id=submission.transaction_id,
            transaction_type=submission.command.type,
            sender=context.actor.sender,
            role=context.actor.role,
            key=submission.key,
            received_at=context.received_at,
            producer_id=context.actor.producer_id,
            correlation_id=submission.correlation_id,
            effective_on=submission.command.asks_effect_on(),
            index=index,
            count=len(events),
        )
        fold(client, event, cause)
        client.version += 1
        client.last_received_at = context.received_at
        recorded.append(NewEvent(client.client_id, client.version, cause, event))
    return recorded


def _receipt(
    submission: Submission,
    context: Context,
    now: datetime,
    client_version: int | None,
    events: list[Event],
    refused: Refused | None = None,
) -> Receipt:
    return Receipt(
        transaction_id=submission.transaction_id,
        client_id=submission.client_id,
        type=submission.command.type,
        status="refused" if refused else "accepted",
        code=refused.code if refused else None,
        sentence=refused.sentence if refused else None,
        effective_on=submission.command.asks_effect_on(),
        takes_effect_on=next((d for e in events if (d := e.takes_effect_on())), None),
        received_at=context.received_at,
        recorded_at=now,
        client_version=client_version,
        events=tuple(EventName(e.type, e.version) for e in events),
    )
