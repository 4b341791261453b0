"""Commission runs, in memory: what stands in their way is told, and pays nobody wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from domain.client.settle_commission import SettleCommission
from domain.payee.produce_statement import ProduceStatement
from domain.payee.state import stream_id
from processors.runs import RunNotPossible
from projections.commissions import Commissions
from projections.invoices import Invoices
from tests.runs.in_memory import FEBRUARY, Carrier, asked, carrier
from tests.runs.paid_january import EARNED, january_is_paid, paid, said, today


@pytest.fixture
def world() -> Iterator[Carrier]:
    """A carrier without clients, on 2025-12-10."""
    with carrier() as made:
        today(made, "2025-12-10")
        yield made


@pytest.mark.parametrize("projection", [Invoices, Commissions])
def test_where_a_client_is_parked_nothing_is_paid_and_the_run_says_so(
    world: Carrier, monkeypatch: pytest.MonkeyPatch, projection: type[Invoices | Commissions]
) -> None:
    """Its lines would turn up later in a statement that was produced; mended, the run goes on."""
    january_is_paid(world, {"C1": {}, "C2": {}})
    touched = projection.touched
    world.apply()

    def poisoned(self: Any, client: Any, recorded: Any) -> Any:
        if recorded.client_id == "C2":
            raise ZeroDivisionError
        return touched(self, client, recorded)

    monkeypatch.setattr(projection, "touched", poisoned)
    world.bill(FEBRUARY)
    run = world.settle(FEBRUARY)
    name = projection.name
    assert said(run)[:2] == ("failed", f"parked in the projection {name}: C2")
    assert paid(world) == {}
    monkeypatch.undo()
    world.retry_parked()
    again = world.settle(FEBRUARY)
    assert (again.run_id, again.state) == (run.run_id, "finished")
    assert paid(world) == {FEBRUARY: "55.82"}


def test_who_is_parked_while_the_run_settles_stops_it_before_it_pays(
    world: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks again when everything is settled."""
    january_is_paid(world, {"C1": {}, "C2": {}})
    rows = Commissions.rows

    def poisoned(self: Any, client: Any, scope: Any, recorded: Any) -> Any:
        if recorded.client_id == "C2":
            raise ZeroDivisionError
        return rows(self, client, scope, recorded)

    monkeypatch.setattr(Commissions, "rows", poisoned)
    run = world.settle(FEBRUARY)
    assert said(run) == ("failed", "parked in the projection commissions: C2", {"settled": 2})
    assert paid(world) == {}


def test_a_refused_settlement_is_told_and_the_others_are_paid(world: Carrier) -> None:
    """Here the run is said to be received before what is known of the client."""
    january_is_paid(world, {"C1": {}, "C2": {"agency_id": "A-2"}})
    world.send("C2", {"type": "terminate_client", "last_day": "2026-02-28"})
    today(world, "2026-02-06")
    run = world.settle(FEBRUARY, received_at=datetime(2026, 2, 5, 12, tzinfo=UTC))
    assert said(run)[2] == {"refused": 1, "settled": 1, "statements": 1}
    assert run.tally.refused == {"received_out_of_order": 1}
    assert [refused.client_id for refused in run.tally.first_refused] == ["C2"]
    assert (paid(world), paid(world, "A-2")) == ({FEBRUARY: EARNED}, {})
    assert said(world.settle(FEBRUARY))[2] == {"settled": 1, "statements": 1}
    assert paid(world, "A-2") == {FEBRUARY: EARNED}


@pytest.mark.parametrize("failing", [SettleCommission, ProduceStatement])
def test_a_fault_of_the_program_with_one_is_told_and_the_others_are_paid(
    world: Carrier, monkeypatch: pytest.MonkeyPatch, failing: type[Any]
) -> None:
    """Counted as failed, named by its kind, without its text."""
    january_is_paid(world, {"C1": {}, "C2": {"agency_id": "A-2"}})
    decide = failing.decide

    def faulty(self: Any, stream: Any, context: Any) -> Any:
        if stream.client_id in ("C2", stream_id("A-2")):
            raise ZeroDivisionError("Ada Moor")
        return decide(self, stream, context)

    monkeypatch.setattr(failing, "decide", faulty)
    run = world.settle(FEBRUARY)
    assert (run.state, run.tally.counts["failed"]) == ("finished", 1)
    assert run.tally.first_refused[0].sentence == "ZeroDivisionError"
    assert (paid(world), paid(world, "A-2")) == ({FEBRUARY: EARNED}, {})
    monkeypatch.undo()
    world.settle(FEBRUARY)
    assert paid(world, "A-2") == {FEBRUARY: EARNED}


@pytest.mark.parametrize(
    ("month", "options", "field"),
    [
        (date(2025, 12, 2), {}, "month"),
        (FEBRUARY, {}, "month"),
        (date(2025, 12, 1), {"run_on": date(2025, 12, 11)}, "run_on"),
        (date(2025, 12, 1), {"clients": ("C1",)}, "clients"),
    ],
)
def test_what_makes_no_sense_is_not_begun(
    world: Carrier, month: date, options: dict[str, Any], field: str
) -> None:
    """A day that is no 1st, a month or a date to come, some clients only."""
    with pytest.raises(RunNotPossible) as impossible:
        world.runs.begin(asked(month, kind="commission", **options))
    assert impossible.value.field == field
    assert not world.runs.page(None, None, 10)
