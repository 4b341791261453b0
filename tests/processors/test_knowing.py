"""What was known: at an instant, at a position, and in the rows that there were then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.outbound.in_memory import InMemoryEventLog
from processors.knowing import Knowledge, KnownInFuture, NotKnownThen, version_known
from processors.ports import EventLog, NewEvent, Snapshot
from projections.catalog import PROJECTIONS
from projections.kernel import Projection, Row
from schemas.envelope import Recorded
from schemas.snapshots import FORM, encode_client
from tests.processors.sending import SetClock
from tests.projections.histories import History, project
from tests.projections.random_histories import histories, random_history

LONG_AFTER = datetime(2099, 1, 1, tzinfo=UTC)


def log_of(history: History) -> InMemoryEventLog:
    """A log with these events, each recorded when it was."""
    log = InMemoryEventLog()
    for recorded in history.events:
        new = NewEvent(recorded.client_id, recorded.version, recorded.cause, recorded.event)
        log.append([new], [], recorded.recorded_at, {})
    return log


def knowledge_of(log: EventLog) -> Knowledge:
    """What is known of it, long afterwards."""
    clock = SetClock()
    clock.instant = LONG_AFTER
    return Knowledge(log, clock)


def had(projection: Projection, events: Sequence[Recorded], client_id: str) -> set[Row]:
    """The rows of a client when just these events had happened."""
    of_client = [recorded for recorded in events if recorded.client_id == client_id]
    return {row for rows in project(projection, of_client).values() for row in rows}


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
@settings(deadline=None, max_examples=40)
@given(history=histories(), share=st.floats(0, 1), snapshot_share=st.floats(0, 1))
def test_as_of_any_position_the_rows_are_those_there_were(
    projection: Projection, history: History, share: float, snapshot_share: float
) -> None:
    """Also where a snapshot of any earlier moment shortens the way."""
    log = log_of(history)
    taken_at = round(snapshot_share * len(history.events))
    for client_id, client in clients_at(history, taken_at).items():
        log.save_snapshot(Snapshot(client_id, client.version, FORM, encode_client(client)))
    position = max(1, round(share * len(history.events)))
    known = whole(history.events[:position])
    knowledge = knowledge_of(log)
    for client_id in {recorded.client_id for recorded in known}:
        version = knowledge.version(client_id, position)
        rows = list(knowledge.rows([projection], client_id, version))
        assert len(set(rows)) == len(rows)
        assert set(rows) == had(projection, known, client_id)


def whole(events: Sequence[Recorded]) -> Sequence[Recorded]:
    """Without the events of a transaction of which there are more to come."""
    last = events[-1].cause
    return events[: -last.index] if last.index < last.count else events


def clients_at(history: History, position: int) -> dict[str, object]:
    """The clients when so much of the log had happened."""
    return dict(
        log_of(history).load(
            {recorded.client_id: recorded.version for recorded in history.events[:position]}
        )
    )


@settings(deadline=None, max_examples=40)
@given(history=histories(), hours=st.integers(0, 24 * 400))
def test_as_of_any_instant_what_had_been_received_is_known(history: History, hours: int) -> None:
    """Also where several transactions were received at one instant."""
    instant = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    log = log_of(history)
    for client_id in history.clients:
        received = [
            recorded.version
            for recorded in history.events
            if recorded.client_id == client_id and recorded.cause.received_at <= instant
        ]
        assert version_known(log, client_id, instant) == max(received, default=0)


def test_what_was_received_at_just_that_instant_is_known() -> None:
    """And a microsecond before it is not."""
    history = random_history(3, 20)
    log = log_of(history)
    knowledge = knowledge_of(log)
    for client_id in history.clients:
        received = [event.cause.received_at for event in log.history(client_id, 0, 1_000)]
        for instant in set(received):
            before = sum(each < instant for each in received)
            assert knowledge.version(client_id, instant) == before + received.count(instant)
            assert version_known(log, client_id, instant - timedelta(microseconds=1)) == before


def test_the_future_is_not_known() -> None:
    """Neither a position beyond the log nor an instant beyond now."""
    log = InMemoryEventLog()
    clock = SetClock()
    knowledge = Knowledge(log, clock)
    with pytest.raises(KnownInFuture):
        knowledge.version("C1", 1)
    with pytest.raises(KnownInFuture):
        knowledge.version("C1", clock.now() + timedelta(seconds=1))


def test_before_its_first_event_nothing_was_known_of_a_client() -> None:
    """As of an instant before it, and of a position before it."""
    knowledge = knowledge_of(InMemoryEventLog())
    with pytest.raises(NotKnownThen):
        knowledge.version("C1", datetime(1900, 1, 1, tzinfo=UTC))
    with pytest.raises(NotKnownThen):
        knowledge.version("C1", 0)
