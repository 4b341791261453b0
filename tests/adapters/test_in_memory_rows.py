"""The row store in memory passes the contract of row stores."""

from __future__ import annotations

import pytest

from adapters.outbound.in_memory_rows import InMemoryRowStore
from processors.ports import RowStore
from tests.adapters.shown_rows_contract import ShownRowsContract


class TestInMemoryRowStore(ShownRowsContract):
    """The contract, in memory."""

    @pytest.fixture
    def store(self) -> RowStore:
        """A store with nothing in it."""
        return InMemoryRowStore()
