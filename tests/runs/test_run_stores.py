"""The record of runs on PostgreSQL and in memory pass the contract."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from psycopg_pool import ConnectionPool

from adapters.outbound.in_memory_runs import InMemoryRuns
from adapters.outbound.runs import PostgresRuns
from processors.ports import RowsUnavailable
from processors.runs import Run, RunStore, Tally
from tests.conftest import PostgresForTests
from tests.runs.in_memory import JANUARY, asked
from tests.runs.run_store_contract import RunStoreContract, begin


class TestInMemoryRuns(RunStoreContract):
    """The contract, in memory."""

    @pytest.fixture
    def store(self) -> RunStore:
        """A record without runs."""
        return InMemoryRuns()


class TestPostgresRuns(RunStoreContract):
    """The contract, on PostgreSQL."""

    @pytest.fixture
    def store(self, database_url: str) -> Iterator[RunStore]:
        """A record without runs."""
        with ConnectionPool(database_url, min_size=0, max_size=4, timeout=0.5, open=True) as pool:
            yield PostgresRuns(pool)

    def test_a_database_that_is_away_is_told_as_such(
        self, store: RunStore, database_url: str, postgres: PostgresForTests
    ) -> None:
        """And works again when it is back."""
        run = begin(store, asked(JANUARY)).run
        postgres.take_away(database_url)
        with pytest.raises(RowsUnavailable):
            store.save(run, Tally(), run.started_at)
        with pytest.raises(RowsUnavailable):
            store.find(run.run_id)
        postgres.bring_back(database_url)
        assert _found_again(store, run.run_id) == run


def _found_again(store: RunStore, run_id: str) -> Run | None:
    """The pool tries to connect again after a second, then two: longer than one call waits."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return store.find(run_id)
        except RowsUnavailable:
            assert time.monotonic() < deadline
