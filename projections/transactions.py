"""The transactions: what was asked, by whom, what came of it, and what is still to be mailed.

Stateless: each row depends on the one event that writes it. Whether a transaction is completed
is not stored; the reader sees it from the positions of all projections and from open fulfilments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import ClassVar

from domain.client.confirm_id_card import IdCardConfirmed
from domain.client.order_id_card import IdCardOrdered
from domain.kernel import Event, TransactionRefused
from domain.streams import Stream
from projections.kernel import Row, Scope
from schemas.envelope import Recorded

# ── The rows ───────────────────────────────────────────────────────────────────────────────────


class TransactionRow(Row, frozen=True, kw_only=True):
    """A transaction that left events in a client's history: accepted, or refused."""

    table: ClassVar[str] = "transaction"
    key: ClassVar[tuple[str, ...]] = ("transaction_id",)
    scope: ClassVar[tuple[str, ...]] = ("transaction_id",)
    indexes: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("position",),
        ("client_id", "position"),
        ("type", "position"),
        ("sender", "position"),
        ("received_at", "position"),
    )

    transaction_id: str
    client_id: str
    position: int
    """Place in the log of its last event."""
    client_version: int
    """The client's version after its last event."""
    type: str
    outcome: str
    """``accepted`` or ``refused``."""
    code: str | None
    """The refusal's code and sentence; None when accepted."""
    sentence: str | None
    sender: str
    role: str
    producer_id: str | None
    idempotency_key: str
    """As chosen by the sender."""
    correlation_id: str | None
    effective_on: date | None
    """The effective date asked for."""
    takes_effect_on: date | None
    """The date from which it holds; may be later than the one asked for (§4)."""
    received_at: datetime
    recorded_at: datetime
    event_count: int
    needs_fulfilment: bool
    """Something is to be mailed before it is completed: see ``fulfilment``."""


class TransactionMemberRow(Row, frozen=True, kw_only=True):
    """A transaction is about this member: it is found under the member's own transactions."""

    table: ClassVar[str] = "transaction_member"
    key: ClassVar[tuple[str, ...]] = ("client_id", "member_id", "position")
    scope: ClassVar[tuple[str, ...]] = ("client_id", "member_id", "position")

    client_id: str
    member_id: str
    position: int
    """As in ``transaction``: of the transaction's last event."""
    transaction_id: str


class FulfilmentRow(Row, frozen=True, kw_only=True):
    """What a transaction asked to be mailed, requested when that transaction was recorded."""

    table: ClassVar[str] = "fulfilment"
    key: ClassVar[tuple[str, ...]] = ("transaction_id",)
    scope: ClassVar[tuple[str, ...]] = ("transaction_id",)
    indexes: ClassVar[tuple[tuple[str, ...], ...]] = (("confirmed_at", "transaction_id"),)

    transaction_id: str
    """The transaction that asked for it, not the one that confirms it."""
    client_id: str
    member_id: str
    kind: str
    """``id_card``."""
    confirmed_at: datetime | None
    """When its mailing was confirmed; None while it is open."""


# ── The fold ───────────────────────────────────────────────────────────────────────────────────


class Transactions:
    """The projection of transactions. Each row depends on one event, and needs no client."""

    name = "transactions"
    tables: tuple[type[Row], ...] = (TransactionRow, TransactionMemberRow, FulfilmentRow)
    needs_client = False
    revision = 1
    derived: tuple[type[Row], ...] = ()
    facts: tuple[type[Event], ...] | None = None

    def scopes(self, client: Stream) -> Iterable[Scope]:
        """None: every row is written by an event."""
        return ()

    def touched(self, client: Stream | None, recorded: Recorded) -> Iterator[Scope]:
        """The transaction with its first event, which says most; members with each."""
        if recorded.cause.index == 1:
            yield TransactionRow, (recorded.cause.transaction_id,)
        position = recorded.position + _events_to_come(recorded)
        for member_id in recorded.event.members():
            yield TransactionMemberRow, (recorded.client_id, member_id, position)
        match recorded.event:
            case IdCardOrdered():
                yield FulfilmentRow, (recorded.cause.transaction_id,)
            case IdCardConfirmed(order_transaction_id=ordered_by):
                yield FulfilmentRow, (ordered_by,)

    def rows(self, client: Stream | None, scope: Scope, recorded: Recorded | None) -> Sequence[Row]:
        """The one row of the scope."""
        assert recorded is not None
        table, ids = scope
        if table is TransactionRow:
            return [_transaction(recorded)]
        if table is TransactionMemberRow:
            client_id, member_id, position = ids
            return [
                TransactionMemberRow(
                    client_id=client_id,
                    member_id=member_id,
                    position=position,
                    transaction_id=recorded.cause.transaction_id,
                )
            ]
        (transaction_id,) = ids
        return [_fulfilment(transaction_id, recorded)]


def _events_to_come(recorded: Recorded) -> int:
    """How many more events the transaction has: they follow at once, in the log and the client."""
    return recorded.cause.count - recorded.cause.index


def _transaction(recorded: Recorded) -> TransactionRow:
    cause, event = recorded.cause, recorded.event
    refusal = event if isinstance(event, TransactionRefused) else None
    return TransactionRow(
        transaction_id=cause.transaction_id,
        client_id=recorded.client_id,
        position=recorded.position + _events_to_come(recorded),
        client_version=recorded.version + _events_to_come(recorded),
        type=cause.transaction_type,
        outcome="refused" if refusal else "accepted",
        code=refusal.code if refusal else None,
        sentence=refusal.sentence if refusal else None,
        sender=cause.sender,
        role=cause.role,
        producer_id=cause.producer_id,
        idempotency_key=cause.key,
        correlation_id=cause.correlation_id,
        effective_on=cause.effective_on,
        takes_effect_on=event.takes_effect_on(),
        received_at=cause.received_at,
        recorded_at=recorded.recorded_at,
        event_count=cause.count,
        needs_fulfilment=isinstance(event, IdCardOrdered),
    )


def _fulfilment(transaction_id: str, recorded: Recorded) -> FulfilmentRow:
    assert isinstance(recorded.event, IdCardOrdered | IdCardConfirmed)
    is_confirmed = isinstance(recorded.event, IdCardConfirmed)
    return FulfilmentRow(
        transaction_id=transaction_id,
        client_id=recorded.client_id,
        member_id=recorded.event.member_id,
        kind="id_card",
        confirmed_at=recorded.recorded_at if is_confirmed else None,
    )
