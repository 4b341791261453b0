"""Billing runs, in memory: who is invoiced, who is not and why, and never twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from processors.billing_run import BillingAccount, Standing, standing
from processors.runs import SHOWN, RunNotPossible
from processors.submitting_many import WINDOW_MOST, Window
from tests.processors.sending import NOON
from tests.runs.in_memory import APRIL, FEBRUARY, JANUARY, MARCH, Carrier, asked, carrier


@pytest.fixture
def world() -> Iterator[Carrier]:
    """A carrier without clients."""
    with carrier() as made:
        yield made


def _account(**changes: object) -> BillingAccount:
    """Billed through February, not ended."""
    facts = {
        "client_id": "C1",
        "first_month": JANUARY,
        "billed_through": FEBRUARY,
        "next_month": MARCH,
        "ends_on": None,
        "has_changes": False,
    }
    return BillingAccount(**(facts | changes))  # type: ignore[arg-type]  # checked by the tests


@pytest.mark.parametrize(
    ("month", "changes", "expected"),
    [
        (MARCH, {}, "due"),
        (FEBRUARY, {}, "already"),
        (date(2025, 12, 1), {}, "not_begun"),
        (APRIL, {}, "behind"),
        (MARCH, {"next_month": None}, "elsewhere"),
        (JANUARY, {"next_month": FEBRUARY, "billed_through": None}, "not_begun"),
        (MARCH, {"ends_on": date(2026, 3, 31)}, "due"),
        (MARCH, {"ends_on": date(2026, 2, 28)}, "ended"),
        (MARCH, {"ends_on": date(2026, 2, 28), "has_changes": True}, "due"),
        (APRIL, {"ends_on": date(2026, 2, 28), "has_changes": True}, "due"),
        (APRIL, {"ends_on": date(2026, 3, 31), "has_changes": True}, "behind"),
        (FEBRUARY, {"ends_on": date(2026, 2, 28), "has_changes": True}, "already"),
    ],
)
def test_how_a_client_stands_to_a_month(
    month: date, changes: dict[str, object], expected: Standing
) -> None:
    """As the client's own history would decide it; after its end months may be skipped."""
    assert standing(_account(**changes), month) == expected


def test_everyone_whose_turn_it_is_gets_an_invoice(world: Carrier) -> None:
    """And a second run of the month makes none."""
    world.open("C1", "C2", "C3")
    run = world.bill(JANUARY)
    assert (run.state, run.tally.total, run.tally.done) == ("finished", 3, 3)
    assert run.tally.counts == {"invoiced": 3}
    again = world.bill(JANUARY)
    assert again.tally.counts == {"already": 3}
    assert again.run_id != run.run_id
    assert world.invoices() == {"C1": [JANUARY], "C2": [JANUARY], "C3": [JANUARY]}


def test_a_run_reports_the_position_that_shows_all_of_it(world: Carrier) -> None:
    """Who passes it to a read sees every invoice of the run."""
    world.open("C1", "C2")
    assert world.bill(JANUARY).tally.position == world.log.head()


def test_invoices_bear_the_date_of_the_run(world: Carrier) -> None:
    """The date stated, else the day of receipt; and the run is their correlation."""
    world.open("C1")
    run = world.bill(JANUARY, run_on=date(2026, 1, 3))
    world.bill(FEBRUARY)
    produced = [e for e in world.log.history("C1", 0, 10) if e.event.type == "invoice_produced"]
    assert [e.event.run_on for e in produced] == [date(2026, 1, 3), date(2026, 1, 5)]  # type: ignore[attr-defined]  # invoices
    assert produced[0].cause.correlation_id == run.run_id
    assert (produced[0].cause.sender, produced[0].cause.role) == ("billing-run", "carrier")


def test_a_skipped_month_leaves_its_clients_behind(world: Carrier) -> None:
    """They are not asked, but named, with the month that comes first."""
    world.open("C1", "C2")
    world.bill(JANUARY, clients=("C2",))
    run = world.bill(FEBRUARY)
    assert run.tally.counts == {"invoiced": 1, "behind": 1}
    assert [(b.client_id, b.next_month) for b in run.tally.behind] == [("C1", JANUARY)]
    assert world.invoices() == {"C2": [JANUARY, FEBRUARY]}
    assert len(world.watched.submitted) == 2, "who is behind is not asked"


def test_of_many_behind_the_first_are_named(world: Carrier) -> None:
    """Counted are all."""
    names = [f"C{number:03}" for number in range(SHOWN + 5)]
    world.open(*names)
    run = world.bill(FEBRUARY)
    assert run.tally.counts == {"behind": SHOWN + 5}
    assert [b.client_id for b in run.tally.behind] == names[:SHOWN]


def test_an_ended_client_is_not_asked(world: Carrier) -> None:
    """Billed to its end, nothing to put right; nor is its history touched."""
    world.open("C1")
    world.bill(JANUARY)
    world.send("C1", {"type": "terminate_client", "last_day": "2026-01-31"})
    before = len(world.log.history("C1", 0, 100))
    run = world.bill(FEBRUARY)
    assert run.tally.counts == {"ended": 1}
    assert len(world.log.history("C1", 0, 100)) == before


def test_an_ended_client_gets_what_has_to_be_put_right(world: Carrier) -> None:
    """A month after the end, also with months between."""
    world.open("C1")
    world.enrol("C1", "10000000021")
    world.bill(JANUARY)
    world.bill(FEBRUARY)
    world.send("C1", {"type": "terminate_client", "last_day": "2026-01-31"})
    run = world.bill(APRIL)
    assert run.tally.counts == {"invoiced": 1}
    assert world.invoices() == {"C1": [JANUARY, FEBRUARY, APRIL]}
    assert world.bill(APRIL).tally.counts == {"already": 1}


def test_only_some_clients(world: Carrier) -> None:
    """One that there is not is refused, without leaving a trace in the log."""
    world.open("C1", "C2", "C3")
    head = world.log.head()
    run = world.bill(JANUARY, clients=("C2", "nobody"))
    assert run.tally.counts == {"invoiced": 1, "refused": 1}
    assert run.tally.refused == {"client_not_found": 1}
    assert [r.client_id for r in run.tally.first_refused] == ["nobody"]
    assert (run.tally.total, run.tally.done) == (2, 2)
    assert world.invoices() == {"C2": [JANUARY]}
    assert world.log.head() == head + 1


def test_a_refusal_is_counted_by_its_code_and_the_others_go_on(world: Carrier) -> None:
    """Here one client had a run on a later date already."""
    world.open("C1", "C2")
    world.bill(JANUARY, clients=("C1",), run_on=date(2026, 1, 4))
    world.bill(JANUARY, clients=("C2",), run_on=date(2026, 1, 2))
    run = world.bill(FEBRUARY, run_on=date(2026, 1, 3))
    assert run.tally.counts == {"invoiced": 1, "refused": 1}
    assert run.tally.refused == {"run_out_of_order": 1}
    [refused] = run.tally.first_refused
    assert (refused.client_id, refused.code) == ("C1", "run_out_of_order")
    assert "2026-01-04" in refused.sentence


@pytest.mark.parametrize(
    ("month", "options", "field"),
    [
        (date(2026, 1, 2), {}, "month"),
        (date(2026, 5, 1), {}, "month"),
        (JANUARY, {"run_on": date(2026, 1, 6)}, "run_on"),
        (JANUARY, {"received_at": datetime(2026, 1, 6, tzinfo=UTC)}, "received_at"),
    ],
)
def test_what_every_client_would_refuse_is_not_begun(
    world: Carrier, month: date, options: dict[str, object], field: str
) -> None:
    """A day that is no 1st, a month too far ahead, a date or instant to come: no history has it."""
    world.open("C1")
    with pytest.raises(RunNotPossible) as impossible:
        world.runs.begin(asked(month, **options))
    assert impossible.value.field == field
    assert not world.runs.page(None, None, 10)


def test_history_can_be_made(world: Carrier) -> None:
    """An importer states when the run was received: its date is that day's."""
    world.clock.instant = datetime(2025, 12, 10, tzinfo=UTC)
    world.open("C1")
    world.clock.instant = NOON
    run = world.bill(JANUARY, received_at=datetime(2025, 12, 15, 17, tzinfo=UTC))
    assert (run.run_on, run.tally.counts) == (date(2025, 12, 15), {"invoiced": 1})
    last = world.log.history("C1", 0, 10)[-1]
    assert last.cause.received_at == datetime(2025, 12, 15, 17, tzinfo=UTC)


def test_a_plan_says_what_a_run_would_do(world: Carrier) -> None:
    """Without doing it."""
    world.open("C1", "C2")
    world.bill(JANUARY, clients=("C1",))
    head = world.log.head()
    world.apply()
    plan = world.billing.plan(FEBRUARY, None)
    assert plan.counts == {"due": 1, "behind": 1}
    assert world.billing.plan(FEBRUARY, ("x",)).unknown == ["x"]
    assert world.log.head() == head


def test_memory_is_bounded_by_a_window_and_pages(world: Carrier) -> None:
    """However many clients there are: a page of accounts, and few commands on their way."""
    world.open(*(f"C{number:04}" for number in range(1_200)))
    run = world.bill(JANUARY)
    assert run.tally.counts == {"invoiced": 1_200}
    assert world.watched.most <= WINDOW_MOST
    assert max(world.accounts.pages) <= 500
    assert len(world.watched.submitted) == 1_200


def test_slow_answers_make_the_window_small() -> None:
    """So that large groups' invoices go one at a time, and portals need not wait for many."""
    window = Window()
    for _ in range(100):
        window.answered(0.01)
    assert window.room == WINDOW_MOST
    for expected in (16, 8, 4, 2, 1, 1):
        window.answered(1.0)
        assert window.room == expected
    window.answered(0.01)
    assert window.room == 2
