"""What every record of runs must do. The test classes of each one inherit this suite."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta

import pytest

from processors.receipts import KeyReused
from processors.runs import (
    LOST_AFTER,
    Begun,
    BehindClient,
    RefusedClient,
    Run,
    RunInProgress,
    RunRequest,
    RunStore,
    Tally,
)
from tests.runs.in_memory import FEBRUARY, JANUARY, asked

NOON = datetime(2026, 1, 5, 17, 0, 0, 123_456, tzinfo=UTC)
TODAY = date(2026, 1, 5)
LATER = NOON + LOST_AFTER + timedelta(seconds=1)


def a_tally() -> Tally:
    """Something of everything."""
    tally = Tally(total=7, done=3, position=12, behind=[BehindClient("C2", JANUARY)])
    tally.count("invoiced", 2)
    tally.refuse("C1", "run_out_of_order", "A run was made.")
    return tally


def begin(store: RunStore, request: RunRequest, now: datetime = NOON) -> Begun:
    """Ask for a run."""
    return store.begin(request, TODAY, now)


def ended(store: RunStore, request: RunRequest, state: str = "finished") -> Run:
    """A run that was begun and has ended."""
    run = begin(store, request).run
    assert store.finish(run, Tally(), state, None, NOON)  # type: ignore[arg-type]  # a state
    return run


class RunStoreContract:
    """Inherit, and provide ``store`` as a fixture."""

    @pytest.fixture
    def store(self) -> RunStore:
        """A record without runs."""
        raise NotImplementedError

    def test_a_run_comes_back_as_it_was_begun(self, store: RunStore) -> None:
        """Every field, instants to the microsecond."""
        request = asked(JANUARY, clients=("C1", "C2"), received_at=NOON, key="k1")
        begun = begin(store, request)
        assert begun.is_ours
        run = begun.run
        assert store.find(run.run_id) == run
        assert (run.kind, run.month, run.run_on, run.started_by) == (
            *("billing", JANUARY, TODAY, "staff"),
        )
        assert (run.clients, run.received_at) == (("C1", "C2"), NOON)
        assert (run.state, run.attempt, run.tally) == ("running", 1, Tally())
        assert run.started_at == run.attempted_at == run.updated_at == NOON
        assert store.find("0" * 32) is None

    def test_the_date_stated_is_the_runs(self, store: RunStore) -> None:
        """The day of receipt is only for who states none."""
        run = begin(store, asked(JANUARY, run_on=date(2026, 1, 2))).run
        assert run.run_on == date(2026, 1, 2)

    def test_what_is_saved_comes_back(self, store: RunStore) -> None:
        """The tally with its lists, and when."""
        run = begin(store, asked(JANUARY)).run
        assert store.save(run, a_tally(), LATER)
        found = store.find(run.run_id)
        assert found is not None
        assert (found.tally, found.updated_at, found.state) == (a_tally(), LATER, "running")
        assert found.tally.first_refused == [
            RefusedClient("C1", "run_out_of_order", "A run was made.")
        ]

    def test_a_finished_run_says_when_and_why(self, store: RunStore) -> None:
        """And takes no further word."""
        run = begin(store, asked(JANUARY)).run
        assert store.finish(run, a_tally(), "failed", "database_away", LATER)
        found = store.find(run.run_id)
        assert found is not None
        assert (found.state, found.reason, found.finished_at) == ("failed", "database_away", LATER)
        assert not store.save(run, Tally(), LATER)
        assert not store.finish(run, Tally(), "finished", None, LATER)
        assert store.find(run.run_id) == found

    def test_one_run_at_a_time_for_a_kind_and_month(self, store: RunStore) -> None:
        """Another month, or kind, has its own."""
        first = begin(store, asked(JANUARY)).run
        with pytest.raises(RunInProgress) as other:
            begin(store, asked(JANUARY, clients=("C1",)))
        assert other.value.run.run_id == first.run_id
        begin(store, asked(FEBRUARY))
        begin(store, RunRequest(kind="commission", month=JANUARY, started_by="staff"))
        store.finish(first, Tally(), "finished", None, NOON)
        assert begin(store, asked(JANUARY)).run.run_id != first.run_id

    def test_of_many_who_ask_at_once_one_begins(self, store: RunStore) -> None:
        """The others are told which run is in progress."""
        begun: list[Run] = []
        told: list[str] = []
        barrier = threading.Barrier(8)

        def ask() -> None:
            barrier.wait()
            try:
                begun.append(begin(store, asked(JANUARY)).run)
            except RunInProgress as other:
                told.append(other.run.run_id)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(begun) == 1
        assert told == [begun[0].run_id] * 7

    def test_the_same_key_is_the_same_run(self, store: RunStore) -> None:
        """While it goes on and afterwards; of another sender it is another key."""
        first = begin(store, asked(JANUARY, key="k1")).run
        again = begin(store, asked(JANUARY, key="k1"))
        assert (again.run.run_id, again.is_ours) == (first.run_id, False)
        store.finish(first, Tally(), "finished", None, NOON)
        again = begin(store, asked(JANUARY, key="k1"), LATER)
        assert (again.run.run_id, again.is_ours) == (first.run_id, False)
        other = RunRequest(kind="billing", month=JANUARY, started_by="other", key="k1")
        assert begin(store, other).run.run_id != first.run_id

    @pytest.mark.parametrize(
        "changed", [{"month": FEBRUARY}, {"clients": ("C1",)}, {"run_on": TODAY}]
    )
    def test_a_key_does_not_stand_for_something_else(
        self, store: RunStore, changed: dict[str, object]
    ) -> None:
        """Also not for the date that the first one got by itself."""
        ended(store, asked(JANUARY, key="k1"))
        options: dict[str, object] = {"month": JANUARY, "key": "k1", **changed}
        with pytest.raises(KeyReused):
            begin(store, asked(**options))  # type: ignore[arg-type]  # a month and options

    @pytest.mark.parametrize("state", ["interrupted", "failed"])
    def test_a_broken_off_run_goes_on(self, store: RunStore, state: str) -> None:
        """As the same run, from a new tally; its former worker has nothing more to say."""
        first = ended(store, asked(JANUARY, run_on=date(2026, 1, 2)), state)
        again = begin(store, asked(JANUARY), LATER)
        assert again.is_ours
        run = again.run
        assert (run.run_id, run.attempt, run.state) == (first.run_id, 2, "running")
        assert (run.run_on, run.started_at) == (date(2026, 1, 2), NOON)
        assert (run.attempted_at, run.finished_at, run.tally) == (LATER, None, Tally())
        assert not store.save(first, Tally(), LATER)
        assert not store.finish(first, Tally(), "finished", None, LATER)
        assert store.save(run, Tally(), LATER)

    @pytest.mark.parametrize("changed", [{"clients": ("C1",)}, {"run_on": TODAY}])
    def test_another_run_does_not_continue_it(
        self, store: RunStore, changed: dict[str, object]
    ) -> None:
        """Other clients, or another date stated, are another run."""
        first = ended(store, asked(JANUARY, run_on=date(2026, 1, 2)), "interrupted")
        assert begin(store, asked(JANUARY, **changed)).run.run_id != first.run_id

    def test_an_old_broken_off_run_rests_after_a_newer_one(self, store: RunStore) -> None:
        """Its month has been run since; asking for it by its key only tells of it."""
        first = ended(store, asked(JANUARY, key="k1"), "interrupted")
        second = ended(store, asked(JANUARY, clients=("C1",)))
        third = begin(store, asked(JANUARY)).run
        assert third.run_id not in (first.run_id, second.run_id)
        again = begin(store, asked(JANUARY, key="k1"))
        assert (again.run.run_id, again.is_ours) == (first.run_id, False)

    def test_a_run_without_a_heartbeat_is_taken_over(self, store: RunStore) -> None:
        """Its process has died; until that is certain it is in progress."""
        first = begin(store, asked(JANUARY)).run
        with pytest.raises(RunInProgress):
            begin(store, asked(JANUARY), NOON + LOST_AFTER)
        again = begin(store, asked(JANUARY), LATER)
        assert (again.run.run_id, again.run.attempt, again.is_ours) == (first.run_id, 2, True)
        assert not store.save(first, Tally(), LATER)

    def test_a_lost_run_makes_room_for_another(self, store: RunStore) -> None:
        """Of other clients: then the lost one is recorded as interrupted."""
        first = begin(store, asked(JANUARY)).run
        second = begin(store, asked(JANUARY, clients=("C1",)), LATER).run
        assert second.run_id != first.run_id
        found = store.find(first.run_id)
        assert found is not None
        assert (found.state, found.reason, found.finished_at) == ("interrupted", "lost", NOON)

    def test_runs_are_listed_newest_first_in_pages(self, store: RunStore) -> None:
        """Of a kind, or of all."""
        months = [date(2026, month, 1) for month in (1, 2, 3)]
        runs = [begin(store, asked(month)).run for month in months]
        begin(store, RunRequest(kind="commission", month=JANUARY, started_by="staff"))
        page = store.page("billing", None, 2)
        assert [run.run_id for run in page] == [runs[2].run_id, runs[1].run_id]
        rest = store.page("billing", page[-1].number, 2)
        assert [run.run_id for run in rest] == [runs[0].run_id]
        assert [run.kind for run in store.page(None, None, 9)] == [
            *("commission", "billing", "billing", "billing"),
        ]
