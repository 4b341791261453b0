"""What all doors for transactions share: HTTP, a batch's lines and Kafka differ only in transport.

On the way in a known sender, what stands beside the body, and the body become a submission; on the
way out an answer becomes a status and a body. So what is right at one door is right at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import structlog

from adapters.inbound.authentication import actor_for
from adapters.inbound.http_edge import problem_for
from adapters.inbound.incoming import Incoming, check_address, read_transaction
from adapters.inbound.problems import Problem, refusal_body, status_of_refusal
from adapters.outbound.api_keys import ApiKey
from domain.catalog import COMMANDS, PAYEE_COMMANDS
from domain.kernel import Actor
from domain.payee.state import is_payee, stream_id
from domain.types import Role
from processors.receipts import Answer, Submission

SENDERS: tuple[Role, ...] = ("portal", "carrier")
"""Who submits transactions; auditors and operations only read."""
ACCEPTED = 201

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Single:
    """A single transaction of a known sender, but for its body; checked."""

    sender: ApiKey
    actor: Actor
    stream: str
    """The client, or the payee's stream."""
    key: str
    """The idempotency key."""
    correlation_id: str | None

    def submission(self, body: bytes) -> Submission:
        """The submission that it makes with its body. Raises ``Problem``."""
        actions = PAYEE_COMMANDS if is_payee(self.stream) else COMMANDS
        incoming = read_transaction(body, actions)
        return submission_of(
            self.sender, self.actor, self.stream, self.key, incoming, self.correlation_id
        )


def single(
    sender: ApiKey,
    place: str,
    addressed: str,
    key: str | None,
    correlation_id: str | None,
    producer_id: str | None,
) -> Single:
    """Check what stands beside the body of a single transaction. Raises ``Problem``.

    ``place`` says where its client or payee is named, ``path:client_id``, and ``addressed`` is what
    stands there.
    """
    actor = actor_for(sender, producer_id)
    chosen = check_address(place, addressed, key, correlation_id)
    stream = stream_id(addressed) if place.endswith("payee_id") else addressed
    return Single(sender, actor, stream, chosen, correlation_id)


def submission_of(
    sender: ApiKey,
    actor: Actor,
    stream: str,
    key: str,
    incoming: Incoming,
    correlation_id: str | None,
) -> Submission:
    """The submission of a transaction that was read. Raises ``Problem``.

    Only some may state when a transaction was received.
    """
    if incoming.received_at is not None and "backfill" not in sender.permissions:
        raise Problem("backfill_not_permitted")
    return Submission(
        actor=actor,
        client_id=stream,
        key=key,
        command=incoming.command,
        received_at=incoming.received_at,
        correlation_id=correlation_id,
    )


class Reply(NamedTuple):
    """What a sender is told of one transaction, with HTTP's status whatever the door."""

    status: int
    body: bytes
    """The receipt if the status is ``ACCEPTED``, else a problem."""
    repeated: bool = False


def reply_to(answer: Answer) -> Reply:
    """What a decided transaction's sender is told."""
    receipt = answer.receipt
    if receipt.status == "accepted":
        return Reply(ACCEPTED, answer.body, answer.repeated)
    code = receipt.code or ""
    body = refusal_body(code, receipt.sentence or "", answer.body)
    return Reply(status_of_refusal(code), body, answer.repeated)


def problem_of(error: Exception, route: str) -> Problem:
    """The problem that any exception is to a sender; one that nobody expected is logged."""
    try:
        return problem_for(error)
    except Exception as unexpected:
        log.error("request.failed", exc_info=unexpected, route=route)
        return Problem("internal_error")
