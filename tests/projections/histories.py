"""Histories for tests of projections: commands decided as the processor does, and events folded
as a projector does, in whatever batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import TypeVar

from msgspec.structs import replace

from domain.client.state import Client
from domain.kernel import Actor, Cause, Command, Context, Event, Refused, TransactionRefused
from projections.kernel import Projection, Row, Scope
from schemas.envelope import Recorded
from tests.domain.given import CARRIER, CLIENT, PORTAL

Rows = dict[Scope, Sequence[Row]]
AnyRow = TypeVar("AnyRow", bound=Row)


class History:
    """A log of clients' events that grows by commands; refusals are events too."""

    def __init__(self) -> None:
        self.events: list[Recorded] = []
        self.clients: dict[str, Client] = {}
        self.sent = 0

    def __repr__(self) -> str:
        """What a failing example shows."""
        return "\n".join(
            f"{e.client_id} {e.cause.received_at:%m-%d} {e.event}" for e in self.events
        )

    def send(
        self, command: Command, on: date, client_id: str = CLIENT, actor: Actor | None = None
    ) -> list[Event]:
        """Decide and record a command; what it caused."""
        self.sent += 1
        client = self.clients.setdefault(client_id, Client(client_id))
        sender = actor or (PORTAL if command.sent_by == "broker" else CARRIER)
        received_at = datetime.combine(on, time(17), UTC)
        cause = Cause(
            transaction_id=f"t{self.sent}",
            transaction_type=command.wire_type(),
            sender=sender.sender,
            role=sender.role,
            key=f"key-{self.sent}",
            received_at=received_at,
            producer_id=sender.producer_id,
            effective_on=command.asks_effect_on(),
        )
        try:
            events = list(command.decide(client, Context(sender, received_at, f"t{self.sent}")))
        except Refused as no:
            events = [TransactionRefused(code=no.code, sentence=no.sentence)]
        for index, event in enumerate(events, start=1):
            self._record(client, replace(cause, index=index, count=len(events)), event)
        return events

    def accept(self, command: Command, on: date, client_id: str = CLIENT) -> None:
        """Send a command that must not be refused."""
        for event in self.send(command, on, client_id):
            assert not isinstance(event, TransactionRefused), event

    def _record(self, client: Client, cause: Cause, event: Event) -> None:
        recorded = Recorded(
            position=len(self.events) + 1,
            client_id=client.client_id,
            version=client.version + 1,
            recorded_at=cause.received_at + timedelta(seconds=1),
            cause=cause,
            event=event,
        )
        recorded.evolve(client)
        self.events.append(recorded)


def project(
    projection: Projection, events: Sequence[Recorded], batch_sizes: Iterable[int] = ()
) -> Rows:
    """The rows by scope after all events, in batches of these sizes and then all the rest."""
    clients: dict[str, Client] = {}
    table: Rows = {}
    rest = iter(events)
    for size in (*batch_sizes, len(events)):
        touched: dict[Scope, Recorded] = {}
        for recorded in islice(rest, size):
            client = clients.setdefault(recorded.client_id, Client(recorded.client_id))
            recorded.evolve(client)
            for scope in projection.touched(client, recorded):
                touched[scope] = recorded
        for scope, recorded in touched.items():
            table[scope] = projection.rows(clients[recorded.client_id], scope, recorded)
    return {scope: rows for scope, rows in table.items() if rows}


def rows_of(table: Rows, row_type: type[AnyRow]) -> list[AnyRow]:
    """All rows of a table, by key."""
    found = [row for rows in table.values() for row in rows if isinstance(row, row_type)]
    return sorted(found, key=lambda row: tuple(getattr(row, name) for name in row_type.key))
