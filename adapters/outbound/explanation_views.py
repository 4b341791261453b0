"""What readers get of an explained figure; amounts, dates and instants as in ``views.py``."""

from __future__ import annotations

from datetime import datetime

from adapters.outbound.views import Money, View, money
from domain.explanation import Explanation
from domain.types import Role
from processors.explaining import Explained
from schemas.envelope import Recorded


class FactView(View, frozen=True, kw_only=True):
    """Something that a rule looked at."""

    name: str
    value: str


class CitedTransaction(View, frozen=True, kw_only=True):
    """A transaction that made something so: what it was, who sent it and when."""

    transaction_id: str
    type: str
    sender: str
    role: Role
    producer_id: str | None
    """For whom a portal sent it."""
    received_at: datetime
    recorded_at: datetime
    position: int
    """In the log, of its first event that matters here."""


class ExplanationView(View, frozen=True, kw_only=True):
    """A step on the way to a figure, with what it follows from. No personal data beyond ids."""

    label: str
    """A sentence."""
    amount: Money | None
    """What the step comes to, if that is an amount."""
    rule: str | None
    """The section of the handbook whose rule the step applies, such as ``§4``."""
    facts: list[FactView]
    transactions: list[CitedTransaction]
    """The transactions that made the facts so."""
    children: list[ExplanationView]


def explanation_view(explained: Explained) -> ExplanationView:
    """The tree, each transaction in it with its sender."""
    return _view(explained.tree, explained)


def _view(tree: Explanation, explained: Explained) -> ExplanationView:
    return ExplanationView(
        label=tree.label,
        amount=None if tree.cents is None else money(tree.cents),
        rule=tree.rule,
        facts=[FactView(name=fact.name, value=fact.value) for fact in tree.facts],
        transactions=[
            cited_transaction(explained.transactions[each]) for each in tree.transactions
        ],
        children=[_view(child, explained) for child in tree.children],
    )


def cited_transaction(recorded: Recorded) -> CitedTransaction:
    """The transaction of an event: of its first one that matters."""
    cause = recorded.cause
    return CitedTransaction(
        transaction_id=cause.transaction_id,
        type=cause.transaction_type,
        sender=cause.sender,
        role=cause.role,
        producer_id=cause.producer_id,
        received_at=cause.received_at,
        recorded_at=recorded.recorded_at,
        position=recorded.position,
    )
