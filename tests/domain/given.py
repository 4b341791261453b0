"""Given a history, when a command arrives, then these events follow, or a named refusal.

    given(client=group())
        .and_given(add_anna, received_on=date(2026, 1, 5))
        .when(remove_anna, received_on=date(2026, 4, 2))
        .then(SubscriberRemoved(member_id=ANNA, last_day=date(2026, 3, 31), …))

History is given as commands (decided and folded) or as events (folded as they are). Everything is
deterministic: transactions are named t1, t2, … in the order sent, whatever became of them, and are
received at 17:00 UTC of the day named, which is noon or one o'clock in Connecticut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import UTC, date, datetime, time

from msgspec.structs import replace

from domain.client.folding import fold as fold_event
from domain.client.state import (
    HOUSEHOLD,
    Client,
    Offer,
    PartMonthRule,
    Plan,
    Rate,
    RateFrom,
    Segment,
    Subgroup,
)
from domain.kernel import Actor, Cause, Command, Context, Event, Refused

CLIENT = "C1"
OPENED = date(2026, 1, 1)
"""When the ready-made clients below become effective, and their plans are offered from."""
PORTAL = Actor(sender="portal-1", role="portal", producer_id="P1")
CARRIER = Actor(sender="carrier-1", role="carrier")


class Story:
    """A client's history so far, folded."""

    def __init__(self, client: Client, sent: int = 0, today: date = OPENED) -> None:
        self.client = client
        self.sent = sent
        """How many transactions there have been."""
        self.today = today
        """When the last one was received; the default for the next."""

    def and_given(
        self,
        *history: Command | Event,
        received_on: date | None = None,
        actor: Actor | None = None,
    ) -> Story:
        """The same history, longer. A command that is given must not be refused."""
        story = self
        for item in history:
            on = received_on or story.today
            if isinstance(item, Event):
                story = story._with_events(item, on)
            else:
                story = story.when(item, received_on=on, actor=actor).is_accepted()
        return story

    def when(
        self,
        command: Command,
        *,
        received_on: date | None = None,
        actor: Actor | None = None,
    ) -> Decided:
        """The command arrives on a day (default: the day of the last one); decided and folded."""
        on = received_on or self.today
        sender = actor or (PORTAL if command.sent_by == "broker" else CARRIER)
        cause = self._cause(command.wire_type(), on, sender, command.asks_effect_on())
        context = Context(sender, cause.received_at, cause.transaction_id)
        client = deepcopy(self.client)
        after = Story(client, self.sent + 1, on)
        try:
            events = list(command.decide(client, context))
        except Refused as refused:
            assert client == self.client, "a refused command changed the client"
            return Decided(after, [], refused)
        assert client == self.client, "decide changed the client; only evolve may"
        fold(client, events, cause)
        return Decided(after, events, None)

    def check(self, claim: Callable[[Client], bool]) -> Story:
        """The client, as folded so far, is as claimed."""
        assert claim(self.client)
        return self

    def _with_events(self, event: Event, on: date) -> Story:
        client = deepcopy(self.client)
        fold(client, [event], self._cause("given", on, CARRIER, None))
        return Story(client, self.sent + 1, on)

    def _cause(
        self, transaction_type: str, on: date, actor: Actor, effective_on: date | None
    ) -> Cause:
        return Cause(
            transaction_id=f"t{self.sent + 1}",
            transaction_type=transaction_type,
            sender=actor.sender,
            role=actor.role,
            key=f"key-{self.sent + 1}",
            received_at=datetime.combine(on, time(17), UTC),
            producer_id=actor.producer_id,
            effective_on=effective_on,
        )


class Decided:
    """What a command was answered: events, or a refusal."""

    def __init__(self, after: Story, events: list[Event], refusal: Refused | None) -> None:
        self.after = after
        self.events = events
        self.refusal = refusal

    def is_accepted(self) -> Story:
        """Not refused, whatever follows; returns the story so far, to go on."""
        if self.refusal is not None:
            raise AssertionError(f"refused: {self.refusal.code}: {self.refusal.sentence}")
        return self.after

    def then(self, *expected: Event) -> Story:
        """Exactly these events follow, in this order."""
        story = self.is_accepted()
        assert self.events == list(expected)
        return story

    def then_nothing(self) -> Story:
        """What was asked for already holds: accepted, and no event."""
        return self.then()

    def refused(self, code: str, *, saying: str = "") -> Story:
        """The rule named ``code`` said no, in a sentence that contains ``saying``."""
        assert self.refusal is not None, f"accepted, with {self.events}"
        assert self.refusal.code == code, f"{self.refusal.code}: {self.refusal.sentence}"
        assert saying in self.refusal.sentence
        assert "{" not in self.refusal.sentence, "a placeholder of the sentence was not filled"
        return self.after


def given(
    *history: Command | Event,
    client: Client | None = None,
    received_on: date | None = None,
    actor: Actor | None = None,
) -> Story:
    """A client (by default one whose history is empty) to which this has happened."""
    story = Story(client if client is not None else Client(client_id=CLIENT))
    return story.and_given(*history, received_on=received_on, actor=actor)


def fold(client: Client, events: Sequence[Event], cause: Cause) -> None:
    """Apply the events of one transaction, as the processor does."""
    for index, event in enumerate(events, start=1):
        fold_event(client, event, replace(cause, index=index, count=len(events)))
        client.version += 1
        client.last_received_at = cause.received_at


# ── Ready-made clients ─────────────────────────────────────────────────────────────────────────


def group(
    segment: Segment = "small_group", rule: PartMonthRule = "full_month", opened: date = OPENED
) -> Client:
    """A group with divisions MAIN and WEST; GOLD and SILVER in both, BRONZE in WEST only."""
    client = _opened(segment, rule, opened)
    for subgroup_id in ("MAIN", "WEST"):
        client.subgroups[subgroup_id] = Subgroup(subgroup_id, subgroup_id.title(), opened, "t0")
    client.plans["GOLD"] = _plan("GOLD", segment, opened, "MAIN", "WEST")
    client.plans["SILVER"] = _plan("SILVER", segment, opened, "MAIN", "WEST")
    client.plans["BRONZE"] = _plan("BRONZE", segment, opened, "WEST")
    return client


def individual(
    segment: Segment = "solo", rule: PartMonthRule = "full_month", opened: date = OPENED
) -> Client:
    """An individual account with its one household; GOLD and SILVER are offered to it."""
    client = _opened(segment, rule, opened)
    client.subgroups[HOUSEHOLD] = Subgroup(HOUSEHOLD, "Household", opened, "t0")
    client.plans["GOLD"] = _plan("GOLD", segment, opened, HOUSEHOLD)
    client.plans["SILVER"] = _plan("SILVER", segment, opened, HOUSEHOLD)
    return client


def _opened(segment: Segment, rule: PartMonthRule, opened: date) -> Client:
    return Client(
        client_id=CLIENT,
        is_open=True,
        name="Harbor Bakery",
        segment=segment,
        part_month_rule=rule,
        effective_on=opened,
        plan_years=[opened],
    )


def _plan(plan_id: str, segment: Segment, opened: date, *subgroup_ids: str) -> Plan:
    if segment == "large_group":
        rate = Rate(tier_cents={"EMP": 500_00, "ESP": 1000_00, "ECH": 900_00, "FAM": 1500_00})
    else:
        rate = Rate(base_cents=480_00)
    return Plan(
        plan_id=plan_id,
        name=plan_id.title(),
        rates=[RateFrom(opened, rate, "t0")],
        offers={subgroup_id: [Offer(opened, None, "t0")] for subgroup_id in subgroup_ids},
    )
