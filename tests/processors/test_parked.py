"""Parked clients: a poison event stops its client alone, shows, and is retried and released."""

from __future__ import annotations

import msgspec
import pytest
from structlog.testing import capture_logs

from adapters.outbound.in_memory import InMemoryEventLog
from adapters.outbound.in_memory_rows import InMemoryRowStore
from processors.ports import ParkedClient
from processors.projector import Projector
from tests.adapters.tally import NOON, Tally, TallyRow, append
from tests.processors.following import (
    FixedClock,
    catch_up,
    digest_by_hand,
    hurried,
    tally_projector,
)

pytestmark = pytest.mark.usefixtures("hurried")
__all__ = ["hurried"]

EVENTS = [
    ("C1", "a"),
    ("C2", "a"),
    ("C1", "poison"),
    ("C2", "b"),
    ("C1", "b"),
    ("C3", "a"),
    ("C1", "c"),
]


@pytest.fixture
def log() -> InMemoryEventLog:
    """A log in which the third event, C1's second, is one that some programs cannot apply."""
    log = InMemoryEventLog()
    append(log, *EVENTS)
    return log


@pytest.fixture
def rows() -> InMemoryRowStore:
    """A row store with nothing in it."""
    return InMemoryRowStore()


def only_parked(rows: InMemoryRowStore) -> ParkedClient:
    """The one client that is parked."""
    [parked] = rows.parked()
    return parked


@pytest.mark.parametrize("batch_events", [1, 2, 3, 100])
@pytest.mark.parametrize("needs_client", [True, False], ids=["with state", "stateless"])
def test_a_poison_event_parks_its_client_and_no_one_else(
    log: InMemoryEventLog, rows: InMemoryRowStore, batch_events: int, needs_client: bool
) -> None:
    """Later events of that client wait; what came before and everyone else is applied."""
    tally = Tally({"poison"}, needs_client=needs_client)
    catch_up(tally_projector(log, rows, tally, batch_events=batch_events))
    digest = dict(rows.digest(tally))
    before = InMemoryEventLog()
    append(before, ("C1", "a"))
    assert digest.pop("C1") == digest_by_hand(before)["C1"]
    assert digest == digest_by_hand(log, but=["C1"])
    assert rows.position("tally") == log.head()
    parked = only_parked(rows)
    assert (parked.client_id, parked.position, parked.version) == ("C1", 3, 2)
    assert (parked.parked_at, parked.attempts) == (NOON, 1)


def test_what_is_told_of_a_failure_is_its_class_and_place_never_its_text(
    log: InMemoryEventLog, rows: InMemoryRowStore
) -> None:
    """Messages of exceptions quote data, and parked clients are shown to operations (I7)."""
    with capture_logs() as lines:
        catch_up(tally_projector(log, rows, Tally({"poison"})))
    parked = only_parked(rows)
    assert parked.error.startswith("Poisoned at adapters/tally.py:")
    assert parked.error.endswith(" touched")
    assert "Gonzalez" not in f"{parked} {lines}"
    [line] = lines
    assert (line["event"], line["error"], line["client_id"]) == (
        "projector.parked",
        "Poisoned",
        "C1",
    )


def test_rows_that_no_store_can_hold_park_their_client(rows: InMemoryRowStore) -> None:
    """The failure shows only in the write; its client is found all the same."""
    log = InMemoryEventLog()
    append(log, ("C1", "a"), ("C2", "a"), ("C1", "nul"), ("C2", "b"), ("C3", "a"))
    catch_up(tally_projector(log, rows))
    parked = only_parked(rows)
    assert (parked.client_id, parked.version) == ("C1", 2)
    assert parked.error.startswith("DataError at ")
    digest = dict(rows.digest(Tally()))
    del digest["C1"]
    assert digest == digest_by_hand(log, but=["C1"])


@pytest.mark.parametrize("needs_client", [True, False], ids=["with state", "stateless"])
@pytest.mark.parametrize("stored", [("refused_by_law.v1", b"{}"), ("transaction_refused.v1", b"{")])
def test_an_event_that_cannot_even_be_read_parks_its_client(
    log: InMemoryEventLog, rows: InMemoryRowStore, stored: tuple[str, bytes], needs_client: bool
) -> None:
    """Written by a newer program, or damaged: whose it is is known all the same."""
    readable = log._entries[2]
    topic, state = stored
    log._entries[2] = msgspec.structs.replace(readable, topic=topic, state=state)
    tally = Tally(needs_client=needs_client)
    catch_up(tally_projector(log, rows, tally))
    parked = only_parked(rows)
    assert (parked.client_id, parked.version, parked.position) == ("C1", 2, 3)
    assert parked.error.startswith("LookupError at ")
    log._entries[2] = readable
    catch_up(tally_projector(log, rows, tally))
    assert rows.parked() == []
    assert rows.digest(tally) == digest_by_hand(log)


@pytest.mark.parametrize("batch_events", [1, 2, 100])
@pytest.mark.parametrize("needs_client", [True, False], ids=["with state", "stateless"])
def test_i4_a_requested_retry_applies_all_that_waited(
    log: InMemoryEventLog, rows: InMemoryRowStore, batch_events: int, needs_client: bool
) -> None:
    """Once the program can apply the event: from the parked version on, in order, then released."""
    tally = Tally({"poison"}, needs_client=needs_client)
    projector = tally_projector(log, rows, tally, batch_events=batch_events)
    catch_up(projector)
    tally.poison.clear()
    catch_up(projector)
    assert only_parked(rows).attempts == 1, "nobody asked yet, and its time has not come"
    assert rows.request_retry("tally", "C1")
    catch_up(projector)
    assert rows.parked() == []
    assert rows.digest(tally) == digest_by_hand(log)
    append(log, ("C1", "after"))
    catch_up(projector)
    assert rows.digest(tally) == digest_by_hand(log)


def test_a_retry_that_fails_again_parks_again_with_its_age(
    log: InMemoryEventLog, rows: InMemoryRowStore
) -> None:
    """One more attempt, parked since the first; and not tried again without end."""
    tally = Tally({"poison"})
    clock = FixedClock()
    projector = Projector(tally, log, rows, clock)
    projector.start()
    catch_up(projector)
    clock.advance(60)
    rows.request_retry("tally", "C1")
    catch_up(projector)
    parked = only_parked(rows)
    assert (parked.attempts, parked.parked_at, parked.retry_requested) == (2, NOON, False)
    assert (parked.version, parked.position) == (2, 3)


def test_a_retry_goes_as_far_as_it_can(log: InMemoryEventLog, rows: InMemoryRowStore) -> None:
    """Parked anew at the next event that cannot be applied; what is before it is applied."""
    tally = Tally({"poison", "c"})
    projector = tally_projector(log, rows, tally)
    catch_up(projector)
    tally.poison.remove("poison")
    rows.request_retry("tally", "C1")
    catch_up(projector)
    parked = only_parked(rows)
    assert (parked.version, parked.position, parked.attempts) == (4, 7, 2)
    tallies = [row for row in rows.rows(tally) if isinstance(row, TallyRow)]
    applied = {row.client_id: row.events for row in tallies}
    assert applied == {"C1": 3, "C2": 2, "C3": 1}


def test_a_retry_goes_no_further_than_the_projection(rows: InMemoryRowStore) -> None:
    """Rows never show what the position does not say they show."""
    log = InMemoryEventLog()
    append(log, *EVENTS[:3])
    catch_up(tally_projector(log, rows, Tally({"poison"})))
    append(log, *EVENTS[3:])
    projector = tally_projector(log, rows, batch_events=3)
    projector.step()
    assert rows.parked() == []
    assert rows.position("tally") == 6
    before = InMemoryEventLog()
    append(before, *EVENTS[:3])
    append(before, *EVENTS[3:6])
    assert rows.digest(Tally()) == digest_by_hand(before)


def test_i6_a_restart_tries_parked_clients_at_once(
    log: InMemoryEventLog, rows: InMemoryRowStore
) -> None:
    """A new version of the program mends what the old one could not apply, with no one's help."""
    catch_up(tally_projector(log, rows, Tally({"poison"})))
    catch_up(tally_projector(log, rows, Tally()))
    assert rows.parked() == []
    assert rows.digest(Tally()) == digest_by_hand(log)


def test_i6_a_parked_client_is_tried_again_by_itself(
    log: InMemoryEventLog, rows: InMemoryRowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a pause that grows with each attempt."""
    pauses: list[float] = []
    now = [1000.0]
    monkeypatch.setattr("processors.applying.time.monotonic", lambda: now[0])
    projector = tally_projector(log, rows, Tally({"poison"}))
    catch_up(projector)
    for attempts in range(2, 12):
        parked_at = now[0]
        while only_parked(rows).attempts < attempts:
            now[0] += 10.0
            projector.step()
        pauses.append(now[0] - parked_at)
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_a_long_wait_is_caught_up_in_batches(rows: InMemoryRowStore) -> None:
    """Each one stored: a restart in the middle goes on from there."""
    log = InMemoryEventLog()
    append(log, *[("C1", "poison" if n == 1 else "x") for n in range(25)], ("C2", "x"))
    tally = Tally({"poison"})
    projector = tally_projector(log, rows, tally, batch_events=4)
    catch_up(projector)
    tally.poison.clear()
    rows.request_retry("tally", "C1")
    versions = []
    while rows.parked():
        versions.append(only_parked(rows).version)
        assert projector.step()
        projector = tally_projector(log, rows, tally, batch_events=4)
    assert versions == [2, 6, 10, 14, 18, 22, 26]
    assert rows.digest(tally) == digest_by_hand(log)


def test_many_parked_clients_hold_up_no_one(rows: InMemoryRowStore) -> None:
    """A program that fails on every other client still applies the rest in the same batch run."""
    log = InMemoryEventLog()
    append(log, *[(f"C{n % 100}", "poison" if n % 2 else "fine") for n in range(400)])
    tally = Tally({"poison"})
    catch_up(tally_projector(log, rows, tally))
    assert len(rows.parked()) == 50
    bad = [f"C{n}" for n in range(1, 100, 2)]
    assert rows.digest(tally) == digest_by_hand(log, but=bad)
    assert msgspec.structs.replace(rows.parked()[0], error="").version == 1
