"""The store of relays on PostgreSQL and in memory pass the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg_pool import ConnectionPool

from adapters.outbound.relay_store import InMemoryRelayStore, PostgresRelayStore
from processors.ports import RowsUnavailable
from processors.relay import RelayStore
from tests.adapters.relay_store_contract import LONG, TOPIC, RelayStoreContract
from tests.conftest import PostgresForTests


class TestInMemoryRelayStore(RelayStoreContract):
    """The contract, in memory."""

    @pytest.fixture
    def store(self) -> RelayStore:
        """A store that no relay has used."""
        return InMemoryRelayStore()


class TestPostgresRelayStore(RelayStoreContract):
    """The contract, on PostgreSQL."""

    @pytest.fixture
    def store(self, database_url: str) -> Iterator[RelayStore]:
        """A store that no relay has used."""
        with ConnectionPool(database_url, min_size=0, max_size=8, timeout=5, open=True) as pool:
            yield PostgresRelayStore(pool)

    def test_a_database_that_is_away_is_told_as_such(
        self, store: RelayStore, database_url: str, postgres: PostgresForTests
    ) -> None:
        """And works again when it is back."""
        store.take(TOPIC, "A", LONG)
        postgres.take_away(database_url)
        with pytest.raises(RowsUnavailable):
            store.advance(TOPIC, "A", 1, LONG)
        postgres.bring_back(database_url)
        assert store.advance(TOPIC, "A", 1, LONG)
