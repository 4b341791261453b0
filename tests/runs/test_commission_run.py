"""Commission runs, in memory: payees are paid to the cent, and once, whatever happens."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

import pytest

from adapters.outbound.in_memory import InMemoryEventLog
from domain.money import dollars
from domain.payee.state import stream_id
from processors.ports import NewEvent
from processors.submitting_many import WINDOW_MOST
from tests.adapters.served import EXAMPLE, HARBOR
from tests.processors.sending import Faulty
from tests.runs.in_memory import APRIL, FEBRUARY, MARCH, Carrier, asked, carrier, until
from tests.runs.paid_january import AGENCY, EARNED, january_is_paid, paid, pay, said, today

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)


@pytest.fixture
def world() -> Iterator[Carrier]:
    """A carrier without clients, on 2025-12-10."""
    with carrier() as made:
        today(made, "2025-12-10")
        yield made


# ── What payees are paid ───────────────────────────────────────────────────────────────────────


def test_the_worked_example_is_paid_month_by_month(world: Carrier) -> None:
    """Handbook §9: 204.31 for January, February and March each; then what April and May posted."""
    today(world, "2026-07-01")
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        body = json.loads(line)
        received_at = datetime.fromisoformat(body["received_at"])
        if body["type"] == "settle_commission":
            run = world.settle(date.fromisoformat(body["statement_month"]), received_at=received_at)
            assert said(run) == ("finished", None, {"settled": 1, "statements": 1})
        else:
            _send_line(world, body, received_at)
    assert paid(world, "A-10") == {
        FEBRUARY: "204.31",
        MARCH: "204.31",
        APRIL: "204.31",
        MAY: "120.00",
        JUNE: "318.31",
    }
    june = world.statements("A-10")[JUNE]
    lines = world.facts.lines("A-10", june.after_position, june.through_position)
    assert [dollars(line.share_cents) for line in lines] == [
        *("144.67", "224.43", "-91.74", "-91.74", "132.69"),
    ]
    assert (june.line_count, june.run_on) == (5, date(2026, 6, 5))


def _send_line(world: Carrier, body: dict[str, Any], received_at: datetime) -> None:
    stated = {n: v for n, v in body.items() if n not in ("client_id", "key", "received_at")}
    world.send(HARBOR, stated, received_at)


def test_each_payee_of_a_split_gets_a_statement(world: Carrier) -> None:
    """Shares in order, each rounded; the last takes the remainder: together they are the line."""
    shares = [{"payee_id": AGENCY, "percent": "70"}, {"payee_id": "P-2", "percent": "30"}]
    january_is_paid(world, {"C1": {"shares": shares}, "C2": {}})
    run = world.settle(FEBRUARY)
    assert said(run) == ("finished", None, {"settled": 2, "statements": 2})
    assert paid(world, AGENCY) == {FEBRUARY: "47.45"}  # 19.54 of C1, 27.91 of C2
    assert paid(world, "P-2") == {FEBRUARY: "8.37"}


def test_a_registered_payee_is_paid_as_registered(world: Carrier) -> None:
    """The statement says how; who is not registered gets a check."""
    january_is_paid(world, {"C1": {}, "C2": {"agency_id": "A-2"}})
    account = {"kind": "agency", "principal_id": "P-9", "pay_by": "eft", "account_ending": "4417"}
    world.send(stream_id(AGENCY), {"type": "register_payee", **account})
    world.settle(FEBRUARY)
    by_eft, by_check = (world.statements(each)[FEBRUARY] for each in (AGENCY, "A-2"))
    assert (by_eft.pay_by, by_eft.account_ending) == ("eft", "4417")
    assert (by_check.pay_by, by_check.account_ending) == ("check", None)


def test_less_than_nothing_is_paid_as_nothing_and_carried_forward(world: Carrier) -> None:
    """January's payment bounces; the statement after the next pays what is left over."""
    january_is_paid(world, {"C1": {}})
    world.settle(FEBRUARY)
    [payment] = [e for e in world.log.history("C1", 0, 100) if e.event.type == "payment_posted"]
    bounced = {"type": "post_payment", "kind": "bounced", "payment": payment.cause.transaction_id}
    world.send("C1", bounced)
    today(world, "2026-03-05")
    world.settle(MARCH)
    taken = world.statements(AGENCY)[MARCH]
    assert (taken.lines_cents, taken.paid_cents, taken.carried_cents) == (-2791, 0, -2791)
    world.bill(FEBRUARY)
    pay(world, "C1", amount="1395.52")
    today(world, "2026-04-05")
    world.settle(APRIL)
    after = world.statements(AGENCY)[APRIL]
    assert (after.lines_cents, after.brought_forward_cents) == (5582, -2791)
    assert paid(world) == {FEBRUARY: EARNED, MARCH: "0.00", APRIL: EARNED}


# ── Once, whatever happens ─────────────────────────────────────────────────────────────────────


def test_a_second_run_pays_nothing_twice(world: Carrier) -> None:
    """It finds nothing to do, and leaves no trace in the log."""
    january_is_paid(world, {"C1": {}, "C2": {}})
    first = world.settle(FEBRUARY)
    head = world.log.head()
    assert first.tally.position == head
    again = world.settle(FEBRUARY)
    assert said(again) == ("finished", None, {})
    assert (again.tally.total, again.tally.done) == (0, 0)
    assert again.run_id != first.run_id
    assert world.log.head() == head


def test_what_is_recorded_after_the_run_waits_for_the_next(world: Carrier) -> None:
    """Also if it is dated before: the statement that was produced never changes."""
    january_is_paid(world, {"C1": {}})
    world.settle(FEBRUARY)
    produced = world.statements(AGENCY)[FEBRUARY]
    world.bill(FEBRUARY)
    pay(world, "C1", paid_on="2026-01-30")
    late = world.settle(FEBRUARY)
    assert said(late) == ("finished", None, {"settled": 1})
    assert world.statements(AGENCY) == {FEBRUARY: produced}
    on_it = world.facts.lines(AGENCY, produced.after_position, produced.through_position)
    assert sum(line.share_cents for line in on_it) == produced.lines_cents
    today(world, "2026-03-05")
    assert said(world.settle(MARCH)) == ("finished", None, {"statements": 1})
    assert paid(world) == {FEBRUARY: EARNED, MARCH: EARNED}


def test_a_line_of_a_later_month_is_on_no_earlier_statement(world: Carrier) -> None:
    """Its payee waits for the later month's run, with everything that is unpaid."""
    january_is_paid(world, {"C1": {}, "C2": {"agency_id": "A-2"}})
    today(world, "2026-03-05")
    world.send("C1", {"type": "settle_commission", "statement_month": "2026-03-01"})
    assert said(world.settle(FEBRUARY)) == ("finished", None, {"settled": 1, "statements": 1})
    assert (paid(world, AGENCY), paid(world, "A-2")) == ({}, {FEBRUARY: EARNED})
    assert said(world.settle(MARCH)) == ("finished", None, {"statements": 1})
    assert paid(world, AGENCY) == {MARCH: EARNED}


_MANY = {f"C{number:02}": {"agency_id": f"A-{number:02}"} for number in range(20)}
"""Clients with a payee each: twenty settlements, then twenty statements."""


def _each_is_paid_once(world: Carrier) -> bool:
    settled = [e.client_id for e in _events(world) if e.event.type == "commission_settled"]
    by_payee = [paid(world, agent["agency_id"]) for agent in _MANY.values()]
    return sorted(settled) == list(_MANY) and by_payee == [{FEBRUARY: EARNED}] * len(_MANY)


def _events(world: Carrier) -> list[Any]:
    return list(world.log.follow(0, 1_000_000))


@pytest.mark.parametrize(
    ("after", "settled", "statements", "totals"),
    [(1, 1, 0, {20}), (10, 10, 0, {20}), (20, 20, 0, {20, 40}), (21, 20, 1, {40})],
)
def test_a_stopped_run_goes_on_where_it_was(
    world: Carrier, after: int, settled: int, statements: int, totals: set[int]
) -> None:
    """While it settles, between the two, or while it produces: the same again does the rest."""
    january_is_paid(world, _MANY)
    world.watched.closes_after = len(world.watched.submitted) + after
    run_id = world.runs.begin(asked(FEBRUARY, kind="commission")).run.run_id
    until(lambda: not world.watched.gate.is_set())
    world.runs.stop(run_id)
    world.watched.gate.set()
    assert world.runs.wait(run_id, 30)
    stopped = world.runs.find(run_id)
    assert stopped is not None
    assert (stopped.state, stopped.reason) == ("interrupted", "stopped")
    assert stopped.tally.total in totals
    counts = stopped.tally.counts
    assert settled <= counts.get("settled", 0) <= settled + 1
    assert statements <= counts.get("statements", 0) <= statements + 1
    again = world.settle(FEBRUARY)
    assert (again.run_id, again.attempt, again.state) == (run_id, 2, "finished")
    assert again.tally.done == 40 - stopped.tally.done
    assert _each_is_paid_once(world)


class _FailsOnce(Faulty):
    """Fails the append that has an event of a stream, once."""

    stream = ""
    fault = ""

    def append(self, events: Sequence[NewEvent], *others: Any) -> int:
        """Append, or fail."""
        if any(event.client_id == self.stream for event in events):
            self.stream, self.faults = "", [self.fault]
        return super().append(events, *others)


@pytest.mark.parametrize("fault", ["before", "after"])
@pytest.mark.parametrize("stream", ["C00", "C19", "payee:A-00", "payee:A-19"])
def test_a_run_fails_while_the_log_is_away_and_goes_on_later(fault: str, stream: str) -> None:
    """Whether the append in flight took effect is not known then; still nobody is paid twice."""
    log = _FailsOnce(InMemoryEventLog())
    with carrier(log) as world:
        today(world, "2025-12-10")
        january_is_paid(world, _MANY)
        log.stream, log.fault = stream, fault
        run = world.settle(FEBRUARY)
        assert said(run)[:2] == ("failed", "database_away")
        again = world.settle(FEBRUARY)
        assert (again.run_id, again.state) == (run.run_id, "finished")
        assert _each_is_paid_once(world)


# ── How it goes about it ───────────────────────────────────────────────────────────────────────


def test_the_run_is_behind_everything_it_causes(world: Carrier) -> None:
    """Its own sender, its id as correlation; statements bear its date."""
    january_is_paid(world, {"C1": {}})
    before = world.log.head()
    run = world.settle(FEBRUARY, run_on=date(2026, 2, 4))
    caused = world.log.follow(before, 100)
    assert [e.event.type for e in caused] == ["commission_settled", "statement_produced"]
    assert {(e.cause.sender, e.cause.role) for e in caused} == {("commission-run", "carrier")}
    assert {e.cause.correlation_id for e in caused} == {run.run_id}
    assert world.statements(AGENCY)[FEBRUARY].run_on == date(2026, 2, 4)


def test_it_says_how_much_there_is_to_do(world: Carrier) -> None:
    """Clients first; once they are settled, the statements too."""
    january_is_paid(world, _MANY)
    world.watched.closes_after = len(world.watched.submitted) + 5
    run_id = world.runs.begin(asked(FEBRUARY, kind="commission")).run.run_id
    until(lambda: not world.watched.gate.is_set())
    tally = world.runs.tally(run_id)
    assert tally is not None
    assert tally.total == 20
    world.watched.gate.set()
    assert world.runs.wait(run_id, 30)
    assert (tally.total, tally.done) == (40, 40)


def test_memory_is_bounded_by_a_window_and_pages(
    world: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many clients and payees there are; none is left out where a page ends."""
    monkeypatch.setattr("processors.commission_run._PAGE", 7)
    january_is_paid(world, _MANY)
    world.watched.most = 0
    run = world.settle(FEBRUARY)
    assert run.tally.counts == {"settled": 20, "statements": 20}
    assert 0 < world.watched.most <= WINDOW_MOST
    assert max(world.facts.pages) == 7
    assert _each_is_paid_once(world)
