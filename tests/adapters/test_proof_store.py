"""The stores of proofs on PostgreSQL and in memory pass the contract."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from adapters.outbound.proof_store import InMemoryProofStore, PostgresProofStore
from processors.merkle import GrowingTree
from processors.ports import RowsUnavailable
from processors.proof_ports import ProofStore
from tests.adapters.proof_store_contract import ProofStoreContract, grow
from tests.conftest import PostgresForTests


class TestInMemoryProofStore(ProofStoreContract):
    """The contract, in memory."""

    @pytest.fixture
    def store(self) -> ProofStore:
        """A store without a tree."""
        return InMemoryProofStore()


class TestPostgresProofStore(ProofStoreContract):
    """The contract, on PostgreSQL."""

    @pytest.fixture
    def store(self, database_url: str) -> Iterator[ProofStore]:
        """A store without a tree."""
        with ConnectionPool(database_url, min_size=0, max_size=8, timeout=5, open=True) as pool:
            yield PostgresProofStore(pool)

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE checkpoints SET note = 'another'",
            "DELETE FROM checkpoints",
            "DELETE FROM checkpoints WHERE size = 2",
            "TRUNCATE checkpoints",
        ],
    )
    def test_a_checkpoint_is_not_changed_by_mistake(
        self, store: ProofStore, database_url: str, statement: str
    ) -> None:
        """The database itself refuses, also for old ones: the largest of its hour stays."""
        tree = GrowingTree()
        grow(store, tree, 1, datetime.now(UTC))
        grow(store, tree, 2)  # years ago
        with (
            psycopg.connect(database_url) as conn,
            pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="only added"),
        ):
            conn.execute(statement)
        assert [each.size for each in store.checkpoints()] == [1, 2]

    def test_a_database_that_is_away_is_told_as_such(
        self, store: ProofStore, database_url: str, postgres: PostgresForTests
    ) -> None:
        """And works again when it is back."""
        tree = GrowingTree()
        grow(store, tree, 1)
        postgres.take_away(database_url)
        with pytest.raises(RowsUnavailable):
            store.newest()
        postgres.bring_back(database_url)
        grow(store, tree, 2)
