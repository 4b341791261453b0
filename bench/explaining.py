"""How long it takes to say why a figure of a large and old client is what it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from bench.billed_book import Group, subscriber_id
from bench.measuring import Effort, one_after_the_other
from bench.table import Table
from domain.client.post_payment import PaymentPosted
from processors.explaining import Explained, Explainer
from processors.ports import EventLog

_NEWEST = 2**62
_FIGURES = 4


def explain_figures(log: EventLog, table: Table, effort: Effort, group: Group, month: date) -> None:
    """Its last subscriber's month, its balance, and what its last payment posted."""
    explainer, client_id = Explainer(log), group.client_id
    payment = log.selected(client_id, [PaymentPosted.type], _NEWEST)[-1]
    figures: dict[str, Callable[[], Explained | None]] = {
        "a premium": lambda: explainer.premium(client_id, subscriber_id(group.subscribers), month),
        "the balance": lambda: explainer.balance(client_id),
        "a posting": lambda: explainer.posting(payment, 1),
    }
    for name, explain in figures.items():
        assert explain() is not None
        speed = one_after_the_other(explain, effort.seconds / _FIGURES)
        table.add(f"explain {name} of {group.members:,} members", str(speed))
