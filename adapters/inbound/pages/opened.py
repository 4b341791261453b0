"""A transaction opened: its events, what they changed, what they cost, and their proof."""

from __future__ import annotations

from typing import NamedTuple

from adapters.inbound.changes import changes_of_versions
from adapters.inbound.http_transaction_reads import known_by_receipt
from adapters.inbound.pages.words import Field, event_fields
from adapters.inbound.progress import progress_of
from adapters.inbound.proofs import NotProven, inclusion_of
from adapters.outbound.billing_reads import shown_since
from adapters.outbound.change_views import ClientChanges
from adapters.outbound.effect_reads import Effects
from adapters.outbound.reading import NotFound
from adapters.outbound.views import TransactionView
from adapters.services import Services
from domain.dates import carrier_date
from processors.merkle import TreeDamaged
from processors.proving import is_as_proven
from schemas.envelope import Recorded
from schemas.notes import parse_checkpoint, parse_note, parse_proof

CHANGES, EFFECTS, EVENTS = 50, 50, 50
"""Of a page."""


class Proof(NamedTuple):
    """That an event is in the tree of the newest checkpoint; or a sentence why not."""

    why_not: str | None
    leaf_index: int = 0
    size: int = 0
    origin: str = ""
    root: str = ""
    leaf: str = ""
    hashes: tuple[str, ...] = ()
    is_as_stored: bool = False
    """The event as it is stored now is the one that was proven."""


class OpenedEvent(NamedTuple):
    """An event of the transaction."""

    recorded: Recorded
    fields: list[Field]
    proof: Proof


class Opened(NamedTuple):
    """A transaction with everything that came of it."""

    transaction: TransactionView
    key: str | None
    """What its sender called it; None if no event keeps it."""
    events: list[OpenedEvent]
    changes: ClientChanges | None
    """None where there is no event."""
    effects: Effects


def opened(services: Services, client_id: str, transaction_id: str) -> Opened:
    """A client's transaction. Raises ``NotFound``."""
    try:
        transaction = services.transactions.one(transaction_id, progress_of(services))
    except NotFound:
        transaction = known_by_receipt(services, transaction_id)
    if transaction.client_id != client_id:
        raise NotFound
    events = _events(services, transaction)
    since = shown_since(carrier_date(services.clock.now()))
    return Opened(
        transaction=transaction,
        key=events[0].cause.key if events else None,
        events=[
            OpenedEvent(recorded, event_fields(recorded.event), proof_of(services, recorded))
            for recorded in events
        ],
        changes=_changes(services, events),
        effects=services.effects.of(client_id, transaction_id, since, EFFECTS),
    )


def _events(services: Services, transaction: TransactionView) -> list[Recorded]:
    """They follow each other in the log."""
    first = max(0, transaction.position - transaction.event_count)
    events = services.log.follow(first, min(transaction.event_count, EVENTS))
    return [each for each in events if each.cause.transaction_id == transaction.transaction_id]


def _changes(services: Services, events: list[Recorded]) -> ClientChanges | None:
    if not events:
        return None
    first, last = events[0], events[-1]
    return changes_of_versions(
        services, first.client_id, None, first.version - 1, last.version, 0, CHANGES
    )


def proof_of(services: Services, recorded: Recorded) -> Proof:
    """The proof of an event by the newest checkpoint, checked."""
    store, position = services.proofs, recorded.position
    try:
        proof = parse_proof(inclusion_of(store, position, None))
    except NotProven as none:
        return Proof(str(none))
    except TreeDamaged:
        return Proof(
            "The stored tree does not lead to the newest checkpoint: what is stored was altered."
        )
    head = parse_checkpoint(parse_note(proof.checkpoint).text)
    (leaf,) = store.leaves(position, position)
    return Proof(
        why_not=None,
        leaf_index=proof.index,
        size=head.size,
        origin=head.origin,
        root=head.root.hex(),
        leaf=leaf.hex(),
        hashes=tuple(each.hex() for each in proof.hashes),
        is_as_stored=is_as_proven(services.log, store, position),
    )
