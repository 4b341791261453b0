"""What every row store must do for who compares; on top of what every row store must do."""

from __future__ import annotations

import pytest

from processors.ports import TablesReplaced
from processors.replay_ports import ShownRows
from tests.adapters.partitions_contract import PartitionsContract
from tests.adapters.row_store_contract import TALLY, a_parked, a_tally, changes, latest, write
from tests.adapters.tally import Tally


class ShownRowsContract(PartitionsContract):
    """The suite; a subclass says with ``store`` which store it is about."""

    @pytest.fixture
    def store(self) -> ShownRows:
        """A store with nothing in it."""
        raise NotImplementedError

    def test_a_moment_has_the_rows_of_the_clients_asked_for(self, store: ShownRows) -> None:
        """Of all tables; with where the projection stood, and who of them is parked."""
        store.prepare(TALLY)
        given = changes(a_tally("C1"), a_tally("C2"), more=[latest("C1", 1, 2), latest("C2", 1)])
        parked = [a_parked("C1"), a_parked("C2")]
        stands = write(store, given, 9, parked=parked)
        moment = store.moment(TALLY, ["C1", "C9"])
        assert set(moment.rows) == {a_tally("C1"), *latest("C1", 1, 2)[1]}
        assert moment.stands == stands
        assert moment.parked == {"C1": a_parked("C1")}

    def test_a_moment_of_another_declaration_is_not_shown(self, store: ShownRows) -> None:
        """What its rows mean only the program knows that declared them."""
        store.prepare(TALLY)
        write(store, changes(a_tally("C1")), 1)
        revised = Tally()
        revised.revision = 2
        with pytest.raises(TablesReplaced):
            store.moment(revised, ["C1"])

    def test_who_has_rows_is_listed_in_pages(self, store: ShownRows) -> None:
        """In any table, each once, in order."""
        store.prepare(TALLY)
        write(store, changes(a_tally("C3"), a_tally("C1"), more=[latest("C2", 1, 2)]), 3)
        assert store.shown(TALLY, "", 10) == ["C1", "C2", "C3"]
        assert store.shown(TALLY, "", 2) == ["C1", "C2"]
        assert store.shown(TALLY, "C2", 2) == ["C3"]
        assert store.shown(TALLY, "C3", 2) == []
