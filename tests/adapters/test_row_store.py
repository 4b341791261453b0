"""The row store on PostgreSQL passes the contract of row stores, and survives its database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from adapters.outbound.in_memory_rows import InMemoryRowStore
from adapters.outbound.row_sql import table_sql
from adapters.outbound.row_store import PostgresRowStore
from processors.ports import RowsUnavailable
from projections.catalog import PROJECTIONS
from projections.kernel import Changes, Projection
from tests.adapters.row_store_contract import (
    TALLY,
    a_parked,
    a_tally,
    changes,
    everything,
    latest,
    write,
)
from tests.adapters.shown_rows_contract import ShownRowsContract
from tests.adapters.tally import TallyRow
from tests.conftest import PostgresForTests


class TestPostgresRowStore(ShownRowsContract):
    """The contract, on PostgreSQL, and what only a database can do."""

    @pytest.fixture
    def store(self, database_url: str) -> Iterator[PostgresRowStore]:
        """A store with nothing in it."""
        store = PostgresRowStore(database_url)
        yield store
        store.close()

    def test_rows_are_real_tables_in_a_schema_of_the_projection(
        self, store: PostgresRowStore, database_url: str
    ) -> None:
        """Anyone with SQL can read them, in typed columns."""
        store.prepare(TALLY)
        write(store, changes(a_tally()), 1)
        with psycopg.connect(database_url) as conn:
            row = conn.execute("SELECT client_id, events + 1, NOT is_even FROM tally.tally")
            assert row.fetchall() == [("C1", 2, True)]

    def test_a_schema_of_the_same_name_that_is_not_ours_is_left_alone(
        self, store: PostgresRowStore, database_url: str
    ) -> None:
        """Someone else's tables are never dropped to make room for a projection's."""
        with psycopg.connect(database_url) as conn:
            conn.execute("CREATE SCHEMA tally CREATE TABLE precious (id int)")
        with pytest.raises(RowsUnavailable, match="DuplicateSchema"):
            store.prepare(TALLY)
        with psycopg.connect(database_url) as conn:
            assert conn.execute("SELECT count(*) FROM tally.precious").fetchall() == [(0,)]

    def test_a_database_that_goes_away_is_unavailable_and_comes_back(
        self, store: PostgresRowStore, database_url: str, postgres: PostgresForTests
    ) -> None:
        """Calls fail by name meanwhile, and the store needs nobody's help afterwards."""
        stands = store.prepare(TALLY)
        postgres.take_away(database_url)
        for _ in range(2):
            with pytest.raises(RowsUnavailable):
                store.write(TALLY, changes(a_tally()), stands, stands.at(1))
        with pytest.raises(RowsUnavailable):
            store.position("tally")
        postgres.bring_back(database_url)
        assert write(store, changes(a_tally()), 1)
        assert everything(store) == {a_tally()}

    def test_a_write_cut_before_its_commit_leaves_nothing(
        self, store: PostgresRowStore, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Rows, position and parked clients are one transaction: all of them, or none (I4)."""
        store.prepare(TALLY)
        stands = write(store, changes(a_tally()), 1)

        def cut(self: psycopg.Connection[Any], statement: str, *values: Any) -> Any:
            if "parked_clients" in statement:  # the last one: position and rows are sent
                raise psycopg.OperationalError
            return execute(self, statement, *values)

        execute = psycopg.Connection.execute
        for size in (1, 30_000):  # in a pipeline, and too large for one
            both = changes(a_tally("C2", code="x" * size), more=[latest("C2", 1)])
            with monkeypatch.context() as patch:
                patch.setattr(psycopg.Connection, "execute", cut)
                with pytest.raises(RowsUnavailable):
                    store.write(TALLY, both, stands, stands.at(2), parked=[a_parked("C3")])
        assert everything(store) == {a_tally()}
        assert store.position("tally") == 1
        assert store.parked() == []

    def test_writes_of_any_size_are_written(self, store: PostgresRowStore) -> None:
        """From one row to many megabytes, more than a socket takes at once."""
        store.prepare(TALLY)
        for number, size in enumerate([1, 20, 200, 2_000, 8_000], start=1):
            many = [a_tally(f"C{n}", events=number, code="x" * 1_000) for n in range(size)]
            write(store, changes(*many, more=[latest("C1", number)]), number)
            assert everything(store) == {*many, *latest("C1", number)[1]}

    @pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
    def test_scopes_of_many_rows_are_found_by_the_primary_key(
        self, store: PostgresRowStore, projection: Projection
    ) -> None:
        """In tables just made, too: the plan of then is kept while they grow."""
        store.prepare(projection)
        for row_type in projection.tables:
            if row_type.scope == row_type.key:
                continue  # one row: it is put in its place, and nothing is looked for
            replace = table_sql(projection.name, row_type).replace
            with store._connection() as conn:
                plan = conn.execute(f"EXPLAIN {replace}", ("[]", "[]")).fetchall()
            found_by = re.findall(r"(?:using|Index Scan on) (\w+)", str(plan))
            assert found_by == [f"{row_type.table}_pkey"]

    def test_digests_are_the_same_in_every_store(self, store: PostgresRowStore) -> None:
        """So a replay in memory verifies what is in the database."""
        memory = InMemoryRowStore()
        written = changes(a_tally("C1"), a_tally("C2", code=None), more=[latest("C1", 1, 2)])
        for each in (store, memory):
            each.prepare(TALLY)
            write(each, written, 1)
        assert store.digest(TALLY) == memory.digest(TALLY)
        write(memory, Changes({(TallyRow, ("C1",)): []}), 2)
        assert store.digest(TALLY) != memory.digest(TALLY)
