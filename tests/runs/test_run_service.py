"""The service of runs, in memory: in the background, one at a time, and broken off anywhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from adapters.outbound.in_memory import InMemoryEventLog
from domain.client.produce_invoice import ProduceInvoice
from processors import run_service
from processors.ports import RowsUnavailable
from processors.runs import LOST_AFTER, RunInProgress
from tests.processors.sending import Faulty
from tests.runs.in_memory import FEBRUARY, JANUARY, Carrier, asked, carrier, until

_CLIENTS = [f"C{number:02}" for number in range(40)]


@pytest.fixture
def world() -> Iterator[Carrier]:
    """A carrier with forty clients."""
    with carrier() as made:
        made.open(*_CLIENTS)
        yield made


def _each_has_one_invoice(world: Carrier) -> bool:
    return world.invoices() == {client_id: [JANUARY] for client_id in _CLIENTS}


def test_a_run_goes_on_in_the_background(world: Carrier) -> None:
    """Who begins it gets its record at once, and can watch how far it is."""
    world.watched.gate.clear()
    begun = world.runs.begin(asked(JANUARY))
    assert (begun.run.state, begun.is_ours) == ("running", True)
    assert not world.runs.wait(begun.run.run_id, 0.01)
    world.watched.gate.set()
    assert world.runs.wait(begun.run.run_id, 30)
    run = world.runs.find(begun.run.run_id)
    assert run is not None
    assert (run.state, run.tally.counts) == ("finished", {"invoiced": 40})


def test_a_second_run_is_told_of_the_first(world: Carrier) -> None:
    """Also if another process asks; the first one is not disturbed."""
    world.watched.gate.clear()
    first = world.runs.begin(asked(JANUARY)).run
    for runs in (world.runs, world.another_process()):
        with pytest.raises(RunInProgress) as told:
            runs.begin(asked(JANUARY))
        assert told.value.run.run_id == first.run_id
    world.watched.gate.set()
    assert world.runs.wait(first.run_id, 30)
    assert _each_has_one_invoice(world)


def test_a_stopped_run_says_how_far_it_came_and_goes_on(world: Carrier) -> None:
    """What was on its way is answered and counted; the same again does the rest."""
    world.watched.closes_after = 10
    run_id = world.runs.begin(asked(JANUARY)).run.run_id
    until(lambda: len(world.watched.submitted) >= 10)
    world.runs.stop(run_id)
    world.watched.gate.set()
    assert world.runs.wait(run_id, 30)
    run = world.runs.find(run_id)
    assert run is not None
    assert (run.state, run.reason) == ("interrupted", "stopped")
    assert 10 <= run.tally.done < 40
    assert run.tally.counts == {"invoiced": len(world.invoices())} == {"invoiced": run.tally.done}
    again = world.bill(JANUARY)
    assert (again.run_id, again.attempt, again.state) == (run_id, 2, "finished")
    assert again.tally.counts == {"already": run.tally.done, "invoiced": 40 - run.tally.done}
    assert _each_has_one_invoice(world)


def test_closing_interrupts_what_is_running(world: Carrier) -> None:
    """As a stop of the server does; and nothing new is begun."""
    world.watched.closes_after = 5
    run_id = world.runs.begin(asked(JANUARY)).run.run_id
    until(lambda: len(world.watched.submitted) >= 5)
    closing = threading.Thread(target=world.runs.close)
    closing.start()
    until(lambda: not world.runs.goes_on(run_id))
    world.watched.gate.set()
    closing.join(30)
    run = world.runs.find(run_id)
    assert run is not None
    assert (run.state, run.reason) == ("interrupted", "stopped")
    with pytest.raises(RowsUnavailable):
        world.runs.begin(asked(FEBRUARY))
    world.runs = world.another_process()
    assert world.bill(JANUARY).state == "finished"
    assert _each_has_one_invoice(world)


def test_a_run_without_heartbeat_is_interrupted_and_taken_over(
    world: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process seemed dead; when it wakes it finds itself given up, and stops."""
    monkeypatch.setattr(run_service, "HEARTBEAT_SECONDS", 0.02)
    world.watched.closes_after = 5
    store, world.runs._store = world.store, _Silent(world.store)  # type: ignore[assignment]  # as far as it is used
    run_id = world.runs.begin(asked(JANUARY)).run.run_id
    until(lambda: len(world.watched.submitted) >= 5)
    world.clock.instant += LOST_AFTER + timedelta(seconds=1)
    seen = world.another_process().find(run_id)
    assert seen is not None
    assert (seen.state, seen.reason) == ("interrupted", "lost")
    other = world.another_process()
    taken = other.begin(asked(JANUARY)).run
    assert (taken.run_id, taken.attempt) == (run_id, 2)
    world.runs._store = store
    until(lambda: not world.runs.goes_on(run_id))
    world.watched.gate.set()
    assert world.runs.wait(run_id, 30)
    assert other.wait(run_id, 30)
    run = other.find(run_id)
    assert run is not None
    assert (run.state, run.attempt) == ("finished", 2)
    assert _each_has_one_invoice(world)
    other.close()


class _Silent:
    """A record that hears no heartbeat."""

    def __init__(self, inner: object) -> None:
        self._inner = inner

    def save(self, *_: object) -> bool:
        """Nothing is heard."""
        raise RowsUnavailable

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)


@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_run_fails_while_the_log_is_away_and_goes_on_later(fault: str) -> None:
    """Whether the append in flight took effect is not known then; still nobody is billed twice."""
    log = Faulty(InMemoryEventLog())
    with carrier(log) as world:  # type: ignore[arg-type]  # it passes everything on
        world.open(*_CLIENTS)
        log.faults = ["", "", fault]
        run = world.bill(JANUARY)
        assert (run.state, run.reason) == ("failed", "database_away")
        assert run.tally.done < 40
        again = world.bill(JANUARY)
        assert (again.run_id, again.state) == (run.run_id, "finished")
        assert _each_has_one_invoice(world)


def test_a_fault_of_the_program_with_one_client_is_told_and_the_others_go_on(
    world: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted as failed, named by its kind, without its text."""
    decide = ProduceInvoice.decide

    def faulty(self: ProduceInvoice, client: object, context: object) -> object:
        if client.client_id == "C07":  # type: ignore[attr-defined]  # a client
            raise ZeroDivisionError("Ada Moor")
        return decide(self, client, context)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(ProduceInvoice, "decide", faulty)
    run = world.bill(JANUARY)
    assert (run.state, run.tally.counts) == ("finished", {"invoiced": 39, "failed": 1})
    [failed] = run.tally.first_refused
    assert (failed.client_id, failed.code, failed.sentence) == (
        *("C07", "failed", "ZeroDivisionError"),
    )


def test_a_run_whose_steps_break_is_recorded_as_failed(
    world: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the kind of failure; the same again goes on."""

    def broken(*_: object) -> object:
        raise ZeroDivisionError("Ada Moor")

    monkeypatch.setattr(world.accounts, "after", broken)
    run = world.bill(JANUARY)
    assert (run.state, run.reason) == ("failed", "ZeroDivisionError")
    monkeypatch.undo()
    assert world.bill(JANUARY).run_id == run.run_id
    assert _each_has_one_invoice(world)
