"""A small projection for tests of stores and projectors: it counts, and keeps the latest three."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar

from domain.client.state import Client
from domain.kernel import Cause, Event, TransactionRefused
from domain.streams import Stream
from processors.ports import EventLog, NewEvent
from projections.kernel import Row, Scope
from schemas.envelope import Recorded

NOON = datetime(2026, 3, 1, 17, 0, 0, 123456, tzinfo=UTC)


class TallyRow(Row, frozen=True, kw_only=True):
    """How many events a client has, and facts of the newest, with every type of column."""

    table: ClassVar[str] = "tally"
    key: ClassVar[tuple[str, ...]] = ("client_id",)
    scope: ClassVar[tuple[str, ...]] = ("client_id",)
    indexes: ClassVar[tuple[tuple[str, ...], ...]] = (("code", "client_id"),)

    client_id: str
    events: int
    is_even: bool
    code: str | None
    recorded_at: datetime
    effective_on: date | None


class LatestRow(Row, frozen=True, kw_only=True):
    """One of the three newest versions of a client: rows come and go within a scope."""

    table: ClassVar[str] = "latest"
    key: ClassVar[tuple[str, ...]] = ("client_id", "version")
    scope: ClassVar[tuple[str, ...]] = ("client_id",)

    client_id: str
    version: int
    age: int


class Poisoned(Exception):
    """What the tally raises for the events it is told to fail on."""


class Tally:
    """The projection. ``poison`` are codes it cannot fold, as a bug would have it."""

    def __init__(
        self, poison: Iterable[str] = (), needs_client: bool = True, name: str = "tally"
    ) -> None:
        self.name = name
        self.tables: tuple[type[Row], ...] = (TallyRow, LatestRow)
        self.needs_client = needs_client
        self.revision = 1
        self.derived: tuple[type[Row], ...] = ()
        self.facts: tuple[type[Event], ...] | None = None
        self.poison = set(poison)

    def scopes(self, client: Stream) -> Iterable[Scope]:
        """None: every row depends on the newest event."""
        return []

    def touched(self, client: Client | None, recorded: Recorded) -> Iterable[Scope]:
        """Every event changes its client's tally and latest versions."""
        assert isinstance(recorded.event, TransactionRefused)
        if recorded.event.code in self.poison:
            raise Poisoned("Maria Gonzalez")
        return [(TallyRow, (recorded.client_id,)), (LatestRow, (recorded.client_id,))]

    def rows(self, client: Client | None, scope: Scope, recorded: Recorded) -> Sequence[Row]:
        """One tally, up to three latest versions."""
        version = recorded.version
        if self.needs_client:
            assert client is not None
            version = client.version
        if scope[0] is TallyRow:
            return [tally_row(recorded.client_id, version, recorded)]
        return [
            LatestRow(client_id=recorded.client_id, version=v, age=version - v)
            for v in range(max(1, version - 2), version + 1)
        ]


def tally_row(client_id: str, events: int, recorded: Recorded) -> TallyRow:
    """The row after an event; its code "nul" makes one that no store can hold."""
    assert isinstance(recorded.event, TransactionRefused)
    code = recorded.event.code
    return TallyRow(
        client_id=client_id,
        events=events,
        is_even=events % 2 == 0,
        code="a\0b" if code == "nul" else code,
        recorded_at=recorded.recorded_at,
        effective_on=recorded.cause.effective_on,
    )


def append(log: EventLog, *events: tuple[str, str]) -> int:
    """Append events, each a client and a code, in one go; returns the log's head."""
    known = log.read([], {client_id: 0 for client_id, _ in events}).events
    versions = {recorded.client_id: recorded.version for recorded in known}
    new: list[NewEvent] = []
    for client_id, code in events:
        versions[client_id] = versions.get(client_id, 0) + 1
        cause = Cause(
            transaction_id=f"{client_id}-{versions[client_id]}",
            transaction_type="change_address",
            sender="portal",
            role="portal",
            key=f"{client_id}-{versions[client_id]}",
            received_at=NOON,
            effective_on=date(2026, 4, 1) if len(code) % 2 else None,
        )
        event = TransactionRefused(code=code, sentence="No.")
        new.append(NewEvent(client_id, versions[client_id], cause, event))
    first = log.append(new, [], NOON + timedelta(seconds=log.head()), {})
    return first + len(new) - 1
