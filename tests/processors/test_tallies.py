"""What a process counts of its work is what it did; and its pulse says whether it goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from adapters.outbound.in_memory import InMemoryEventLog
from adapters.outbound.in_memory_rows import InMemoryRowStore
from processors import tallies
from processors.command_processor import CommandProcessor
from processors.ports import LogUnavailable
from processors.receipts import KeyReused
from processors.tallies import Distribution, Pulse
from tests.adapters.tally import Tally, append
from tests.processors.following import catch_up, tally_projector
from tests.processors.sending import Faulty, SetClock, impossible, opening, send, subgroup


class Counted(Faulty):
    """A log that can also hold an append until a test lets it go, or fail as a program does."""

    def __init__(self) -> None:
        super().__init__(InMemoryEventLog())
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.arrived = threading.Event()

    def append(self, *arguments: object) -> int:
        """Append, later or not."""
        self.arrived.set()
        assert self.goes_on.wait(30)
        if self.faults[:1] == ["bug"]:
            raise ZeroDivisionError
        return super().append(*arguments)  # type: ignore[arg-type]  # as they came


@pytest.fixture
def log() -> Counted:
    """An empty log."""
    return Counted()


@pytest.fixture
def processor(log: Counted) -> Iterator[CommandProcessor]:
    """A processor that gives up at once when the log is away."""
    processor = CommandProcessor(log, SetClock(), outage_patience_seconds=0.0)
    yield processor
    processor.close()


def test_every_answer_is_counted_by_type_and_outcome(
    log: Counted, processor: CommandProcessor
) -> None:
    """Accepted, refused and repeated, in one batch or later; and keys used for something else."""
    send(processor, opening(), opening(), subgroup(1), impossible("k2"))
    send(processor, opening())
    with pytest.raises(KeyReused):
        send(processor, subgroup(1, key="open"))
    assert processor.tally.outcomes == {
        ("open_client", "accepted"): 1,
        ("open_client", "repeated"): 2,
        ("add_subgroup", "accepted"): 1,
        ("add_subgroup", "refused"): 1,
        ("add_subgroup", "key_reused"): 1,
    }
    assert sum(processor.tally.seconds.counts) == 6


def test_what_gets_no_answer_is_counted_too(log: Counted, processor: CommandProcessor) -> None:
    """Unavailable where the log is away, with what follows it; failed where the program is."""
    log.faults = ["before"] * 9
    with pytest.raises(LogUnavailable):
        send(processor, opening())
    log.faults = ["bug"]
    with pytest.raises(ZeroDivisionError):
        send(processor, opening())
    assert processor.tally.outcomes == {
        ("open_client", "unavailable"): 1,
        ("open_client", "failed"): 1,
    }


def test_commands_that_share_an_append_are_counted_together(
    log: Counted, processor: CommandProcessor
) -> None:
    """Given one that is being appended, what comes meanwhile goes together."""
    log.goes_on.clear()
    first = processor.submit(opening())
    assert log.arrived.wait(30)
    others = [processor.submit(subgroup(number)) for number in range(7)]
    log.goes_on.set()
    for each in (first, *others):
        each.result(30)
    batches = processor.tally.batches
    assert (batches.total, sum(batches.counts)) == (8, 2)
    assert dict(zip(batches.bounds, batches.counts, strict=False))[8] == 1


def test_a_processor_says_whether_it_decides(processor: CommandProcessor) -> None:
    """Until it is closed; a thread that died shows likewise."""
    assert processor.is_running
    processor.close()
    assert not processor.is_running


def test_events_of_a_projection_are_counted_by_transaction() -> None:
    """Given seven events, three at a time, one of them poison: six are applied, in halves."""
    log = InMemoryEventLog()
    append(log, *[(f"C{n}", "poison" if n == 4 else "a") for n in range(7)])
    projector = tally_projector(log, InMemoryRowStore(), Tally({"poison"}), batch_events=3)
    catch_up(projector)
    assert projector.batches.total == 6
    assert sum(projector.batches.counts) == 4  # 0 1 2, then 3, then 5, then 6


def test_a_value_counts_under_the_first_bound_that_holds_it() -> None:
    """A bound holds its own value; what is beyond all bounds is kept at the end."""
    distribution = Distribution((1, 10))
    for value in (0, 1, 1.5, 10, 11, 1000):
        distribution.note(value)
    assert (distribution.counts, distribution.total) == ([2, 2, 2], 1023.5)


def test_a_loop_that_cannot_work_goes_on_and_does_not_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A new one goes on and has not worked yet; one that is silent does neither."""
    now = 100.0
    monkeypatch.setattr(tallies.time, "monotonic", lambda: now)
    pulse = Pulse()
    assert (pulse.goes_on(10), pulse.works(10)) == (True, False)
    pulse.worked()
    now = 110.0
    assert (pulse.goes_on(10), pulse.works(10)) == (True, True)
    now = 111.0
    assert (pulse.goes_on(10), pulse.works(10)) == (False, False)
    pulse.beat()
    assert (pulse.goes_on(10), pulse.works(10)) == (True, False)
