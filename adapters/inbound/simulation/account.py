"""One made-up client: what the book knows of it, its agenda, and the transactions it sends.

Everything about client ``index`` follows from (seed, index) alone, so a longer book begins with
the shorter one. The people here only believe; what is true, the command processor decides. What the
client owes is in a copy of it that decides the same: its bills, as it were.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from random import Random
from typing import Any

from adapters.inbound.simulation.market import CARRIER, Producer
from adapters.inbound.simulation.people import Person
from domain.catalog import COMMANDS
from domain.client.state import GROUP_SEGMENTS, Client, Segment
from domain.dates import add_months, first_of_month
from domain.kernel import Actor
from processors.deciding import decide
from processors.receipts import Submission

LAST_DAY = date(2026, 6, 30)
"""The book's last day; every life is played to its end or to this day."""

_OPENING_HOURS = time(14, 0, tzinfo=UTC)
_SECONDS_BETWEEN = 20
_ENVELOPE = frozenset({"client_id", "key", "received_at"})
"""Of a line's fields, those that are not the transaction's own."""


@dataclass(frozen=True, slots=True)
class Line:
    """A transaction as its sender submits it: who, and the line of JSON it would be."""

    actor: Actor
    fields: dict[str, Any]
    """client_id, key, received_at, and the transaction itself (type, effective_on, …)."""


@dataclass(slots=True)
class Household:
    """A subscriber with dependents, as the book believes them."""

    subscriber: Person
    dependents: list[Person]
    plan_id: str
    subgroup_id: str | None
    card_open: bool = False
    address: dict[str, Any] = field(default_factory=dict)

    def everyone(self, on: date) -> list[Person]:
        """Those covered on a day, the subscriber first."""
        return [p for p in (self.subscriber, *self.dependents) if p.covered_on(on)]


class Account:
    """A client's life: an agenda of days, and on each a transaction or more."""

    def __init__(self, seed: int, index: int, segment: Segment) -> None:
        self.rng = Random(f"{seed}:{index}")
        self.client_id = f"S{seed}-{index:06}"
        self.segment = segment
        self.effective_on = date.min
        self.plans: dict[str, int] = {}
        """Cents a month for one person, by plan id."""
        self.subgroups: list[str] = []
        self.households: list[Household] = []
        self.agents: list[tuple[date, Producer]] = []
        self.here_from = date.min
        """From when transactions of members are ours to decide (handbook §2)."""
        self.is_terminated = False
        self.client = Client(self.client_id)
        """The client as its transactions left it."""
        self.billing_rng = Random(f"{seed}:{index}:billing")
        self._members = count(1)
        self._member_prefix = f"{seed % 9 + 1}{index % 1_000_000:06}"
        self._keys = count(1)
        self._key_prefix = f"{self.client_id}-"
        self._agenda: list[tuple[date, int, Callable[[date], None]]] = []
        self._order = count()
        self._lines: list[Line] = []
        self._now = datetime.min.replace(tzinfo=UTC)

    @property
    def is_group(self) -> bool:
        """An employer group."""
        return self.segment in GROUP_SEGMENTS

    # ── Time ───────────────────────────────────────────────────────────────────────────────────

    def at(self, day: date, act: Callable[[date], None]) -> None:
        """Put something on the agenda, if the book lasts that long."""
        if day <= LAST_DAY:
            heapq.heappush(self._agenda, (day, next(self._order), act))

    def later(self, after: date, days_min: int, days_max: int, act: Callable[[date], None]) -> None:
        """Put something on the agenda, so many days after a day."""
        self.at(after + timedelta(days=self.rng.randint(days_min, days_max)), act)

    def every_month(self, from_day: date, act: Callable[[date], None]) -> None:
        """Put something on the agenda for the 1st of each month, from that of a day on."""
        month = first_of_month(from_day)
        while month <= LAST_DAY:
            self.at(month, act)
            month = add_months(month, 1)

    def play(self) -> Iterator[Line]:
        """The client's transactions, in the order in which they are received."""
        while self._agenda:
            day, _, act = heapq.heappop(self._agenda)
            act(day)
            yield from self._lines
            self._lines.clear()

    # ── Who and what ───────────────────────────────────────────────────────────────────────────

    def new_member_id(self) -> str:
        """A member id nobody has."""
        return f"{self._member_prefix}{next(self._members):04}"

    def producer_on(self, day: date) -> Producer | None:
        """The agent of record on a day."""
        return next((p for first, p in reversed(self.agents) if first <= day), None)

    def broker_on(self, day: date) -> Actor:
        """Who sends a broker's transactions on a day: the agent's portal, else the carrier."""
        producer = self.producer_on(day)
        return CARRIER if producer is None else producer.portal

    # ── Sending ────────────────────────────────────────────────────────────────────────────────

    def send(self, actor: Actor, day: date, type_: str, **fields: Any) -> Line:
        """Send a transaction on a day: a little after the one before."""
        begins = datetime.combine(day, _OPENING_HOURS)
        self._now = max(self._now + timedelta(seconds=_SECONDS_BETWEEN), begins)
        line = Line(
            actor,
            {
                "client_id": self.client_id,
                "key": f"{self._key_prefix}{next(self._keys)}",
                "received_at": self._now.isoformat(),
                "type": type_,
                **{name: _plain(value) for name, value in fields.items() if value is not None},
            },
        )
        self._lines.append(line)
        decide(self._submission(line), self.client, self._now)
        return line

    def transaction_id(self, line: Line) -> str:
        """The id that a line's transaction has."""
        return self._submission(line).transaction_id

    def _submission(self, line: Line) -> Submission:
        fields = {name: value for name, value in line.fields.items() if name not in _ENVELOPE}
        command = COMMANDS[line.fields["type"]].model_validate(fields)
        return Submission(line.actor, self.client_id, line.fields["key"], command, self._now)

    def broker_sends(self, day: date, type_: str, **fields: Any) -> Line:
        """Send a transaction as the broker."""
        return self.send(self.broker_on(day), day, type_, **fields)

    def send_again(self, line: Line) -> None:
        """Send a line a second time, as after an answer that got lost."""
        self._lines.append(line)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
