"""What every row store must do with partitions of the clients. Test classes inherit the suite."""

from __future__ import annotations

import pytest

from processors.ports import Bookmark, NotLevel, RowStore
from projections.kernel import Changes
from tests.adapters.row_store_contract import (
    TALLY,
    RowStoreContract,
    a_tally,
    changes,
    everything,
    write,
)


def share(bookmark: Bookmark, *partitions: int) -> Bookmark:
    """What one of several workers knows of where a projection stands."""
    return Bookmark({partition: bookmark.marks[partition] for partition in partitions})


class PartitionsContract(RowStoreContract):
    """The suite; a subclass says with ``store`` which store it is about."""

    def test_there_is_one_partition_until_the_clients_are_divided(self, store: RowStore) -> None:
        """Then each stands where all of them stood."""
        store.prepare(TALLY)
        write(store, changes(a_tally()), 7)
        assert (store.partitions(), store.positions("tally")) == (1, {0: 7})
        store.divide(3)
        assert (store.partitions(), store.positions("tally")) == (3, {0: 7, 1: 7, 2: 7})
        assert store.prepare(TALLY).position == 7
        assert everything(store) == {a_tally()}

    def test_a_projection_that_is_prepared_later_has_the_same_partitions(
        self, store: RowStore
    ) -> None:
        """Each from the beginning."""
        store.divide(2)
        assert store.prepare(TALLY).marks.keys() == {0, 1}
        assert store.positions("tally") == {0: 0, 1: 0}
        assert store.positions("unknown") == {}

    def test_workers_of_different_partitions_write_beside_each_other(self, store: RowStore) -> None:
        """Each moves its own; the projection stands where the last of them does."""
        store.divide(3)
        stands = store.prepare(TALLY)
        first, rest = share(stands, 0), share(stands, 1, 2)
        assert store.write(TALLY, changes(a_tally("C1")), first, first.at(5))
        after = store.write(TALLY, changes(a_tally("C2")), rest, rest.moved({2: 9}))
        assert after is not None
        assert store.positions("tally") == {0: 5, 1: 0, 2: 9}
        assert (store.position("tally"), after.position) == (0, 0)
        assert store.write(TALLY, Changes({}), after, after.at(7))
        assert store.positions("tally") == {0: 5, 1: 7, 2: 9}
        assert everything(store) == {a_tally("C1"), a_tally("C2")}

    def test_a_worker_that_lost_one_of_its_partitions_writes_nothing(self, store: RowStore) -> None:
        """Not for the others either: it must look what is still its own."""
        store.divide(2)
        stands = store.prepare(TALLY)
        taken = share(stands, 1)
        assert store.write(TALLY, Changes({}), taken, taken.at(4))
        assert store.write(TALLY, changes(a_tally()), stands, stands.at(5)) is None
        assert store.positions("tally") == {0: 0, 1: 4}
        assert everything(store) == set()

    def test_who_knew_the_partitions_before_writes_nothing_after(self, store: RowStore) -> None:
        """A worker of the time before the clients were divided is late."""
        before = store.prepare(TALLY)
        store.divide(2)
        assert store.write(TALLY, Changes({}), before, before.at(3)) is None
        store.divide(1)
        assert store.write(TALLY, Changes({}), before, before.at(3)) is None
        assert store.positions("tally") == {0: 0}

    def test_clients_are_not_divided_anew_while_partitions_differ(self, store: RowStore) -> None:
        """A client would come to a partition that stands elsewhere, and miss or repeat events."""
        store.divide(2)
        first = share(store.prepare(TALLY), 0)
        assert store.write(TALLY, Changes({}), first, first.at(4))
        with pytest.raises(NotLevel):
            store.divide(3)
        store.divide(2)  # that they are
        write(store, Changes({}), 4)
        store.divide(3)
        assert store.positions("tally") == {0: 4, 1: 4, 2: 4}
