"""What every row store must do. The test classes of each store inherit this suite."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from threading import Barrier, Thread
from typing import ClassVar

import msgspec
import pytest

from processors.ports import Bookmark, ParkedClient, RowsRejected, RowStore, TablesReplaced
from projections.kernel import Changes, Row, Scope
from tests.adapters.tally import NOON, LatestRow, Tally, TallyRow

TALLY = Tally()


class WiderTallyRow(Row, frozen=True, kw_only=True):
    """The tally's row as another version of the program would declare it."""

    table: ClassVar[str] = "tally"
    key: ClassVar[tuple[str, ...]] = ("client_id",)
    scope: ClassVar[tuple[str, ...]] = ("client_id",)

    client_id: str
    events: int
    remark: str | None


def a_tally(client_id: str = "C1", events: int = 1, code: str | None = "x") -> TallyRow:
    """A row with a value in every column."""
    return TallyRow(
        client_id=client_id,
        events=events,
        is_even=events % 2 == 0,
        code=code,
        recorded_at=NOON,
        effective_on=date(2026, 1, 31),
    )


def latest(client_id: str, *versions: int) -> tuple[Scope, Sequence[Row]]:
    """A scope of several rows."""
    rows = [LatestRow(client_id=client_id, version=v, age=max(versions) - v) for v in versions]
    return (LatestRow, (client_id,)), rows


def changes(*rows: TallyRow, more: Sequence[tuple[Scope, Sequence[Row]]] = ()) -> Changes:
    """Scopes of one row each, and more scopes."""
    return Changes({(TallyRow, (row.client_id,)): [row] for row in rows} | dict(more))


def a_parked(client_id: str, minutes: int = 0, version: int = 4) -> ParkedClient:
    """A client parked some minutes after noon."""
    return ParkedClient("tally", client_id, 9, version, "KeyError", NOON + timedelta(0, 0, minutes))


def write(
    store: RowStore,
    written: Changes,
    position: int,
    parked: Sequence[ParkedClient] = (),
    released: Sequence[str] = (),
) -> Bookmark:
    """Write for the tally, as the worker who wrote last would."""
    expected = store.prepare(TALLY, remake=False)
    after = store.write(TALLY, written, expected, expected.at(position), parked, released)
    assert after is not None
    return after


def everything(store: RowStore) -> set[Row]:
    """All rows of the tally."""
    rows = list(store.rows(TALLY))
    assert len(rows) == len(set(rows))
    return set(rows)


class RowStoreContract:
    """The suite; a subclass says with ``store`` which store it is about."""

    @pytest.fixture
    def store(self) -> RowStore:
        """A store with nothing in it."""
        raise NotImplementedError

    def test_a_new_projection_has_no_rows_and_reflects_nothing(self, store: RowStore) -> None:
        """Position 0 means: begin at the first event."""
        assert store.position("tally") == 0
        assert store.prepare(TALLY).position == 0
        assert everything(store) == set()

    def test_rows_come_back_as_they_were_written(self, store: RowStore) -> None:
        """Every type of column, absent values and any text included."""
        store.prepare(TALLY)
        odd = a_tally("C2", 2**62, "O'Brien \"\\ \n ☂ {}")
        bare = msgspec.structs.replace(a_tally("C3"), code=None, effective_on=None)
        assert write(store, changes(a_tally(), odd, bare), 3)
        assert everything(store) == {a_tally(), odd, bare}
        assert store.position("tally") == 3

    def test_a_scope_is_replaced_by_the_rows_given_for_it(self, store: RowStore) -> None:
        """Rows no longer given go, the same ones stay, others change or come; not other scopes."""
        store.prepare(TALLY)
        before = changes(a_tally(), more=[latest("C1", 1, 2, 3), latest("C2", 1, 2)])
        write(store, before, 5)
        goes, stays, was = latest("C1", 1, 2, 3)[1]
        changed = LatestRow(client_id="C1", version=3, age=7)
        comes = LatestRow(client_id="C1", version=4, age=0)
        scope = (LatestRow, ("C1",)), [stays, changed, comes]
        write(store, changes(a_tally(events=2), more=[scope]), 6)
        assert everything(store) == {
            a_tally(events=2),
            *(stays, changed, comes),
            *latest("C2", 1, 2)[1],
        }
        assert not {goes, was} & everything(store)

    def test_a_scope_without_rows_is_emptied(self, store: RowStore) -> None:
        """Scopes of one row, and of several."""
        store.prepare(TALLY)
        full = changes(a_tally("C1"), a_tally("C2"), more=[latest("C1", 1, 2), latest("C2", 1)])
        write(store, full, 1)
        gone: dict[Scope, Sequence[Row]] = {(TallyRow, ("C1",)): [], (LatestRow, ("C1",)): []}
        write(store, Changes(gone), 2)
        assert everything(store) == {a_tally("C2"), *latest("C2", 1)[1]}

    def test_scopes_with_and_without_rows_go_together(self, store: RowStore) -> None:
        """One client leaves a table in the same write in which another enters it."""
        store.prepare(TALLY)
        write(store, changes(a_tally("C1")), 1)
        both = changes(a_tally("C2"))
        both.scopes[TallyRow, ("C1",)] = []
        write(store, both, 2)
        assert everything(store) == {a_tally("C2")}

    def test_a_worker_whose_position_is_stale_writes_nothing(self, store: RowStore) -> None:
        """Another worker has taken over: rows, position and parked clients stay as it left them."""
        before = store.prepare(TALLY)
        write(store, changes(a_tally(events=7)), 7)
        stale = changes(a_tally(events=3), a_tally("C2"))
        assert store.write(TALLY, stale, before, before.at(3), [a_parked("C2")]) is None
        assert everything(store) == {a_tally(events=7)}
        assert store.position("tally") == 7
        assert store.parked() == []

    def test_a_worker_that_missed_a_change_of_parked_clients_is_stale_too(
        self, store: RowStore
    ) -> None:
        """Such a write moves no position, but who missed it would skip released clients."""
        store.prepare(TALLY)
        before = write(store, Changes({}), 9, parked=[a_parked("C1")])
        write(store, changes(a_tally("C1")), 9, released=["C1"])
        assert store.write(TALLY, Changes({}), before, before.at(10)) is None
        assert store.position("tally") == 9

    def test_of_two_workers_at_once_one_wins(self, store: RowStore) -> None:
        """However their writes interleave, the position moves once."""
        store.prepare(TALLY)
        for round_number in range(0, 20, 2):
            expected = store.prepare(TALLY)
            won: list[int] = []
            barrier = Barrier(2)

            def work(
                events: int,
                expected: Bookmark = expected,
                barrier: Barrier = barrier,
                won: list[int] = won,
            ) -> None:
                row = changes(a_tally(events=events))
                barrier.wait()
                if store.write(TALLY, row, expected, expected.at(expected.position + 2)):
                    won.append(events)

            workers = [Thread(target=work, args=(round_number + n,)) for n in (1, 2)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            assert len(won) == 1
            assert everything(store) == {a_tally(events=won[0])}

    @pytest.mark.parametrize(
        "bad",
        [
            changes(a_tally("C1"), a_tally("C2", code="Gonzalez\0")),
            changes(a_tally("C1"), a_tally("C2", events=2**63)),
            Changes({(LatestRow, ("C1",)): [*latest("C1", 1)[1], *latest("C1", 1, 2)[1]]}),
        ],
        ids=["text that cannot be stored", "a number out of range", "a key twice"],
    )
    def test_rows_that_cannot_be_stored_are_rejected_whole(
        self, store: RowStore, bad: Changes
    ) -> None:
        """Nothing of them is written, and the refusal does not quote what is in them."""
        store.prepare(TALLY)
        write(store, changes(a_tally()), 1)
        with pytest.raises(RowsRejected) as caught:
            write(store, bad, 2)
        assert everything(store) == {a_tally()}
        assert store.position("tally") == 1
        assert "Gonzalez" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert write(store, changes(a_tally("C2")), 2)

    def test_preparing_again_keeps_rows_and_position(self, store: RowStore) -> None:
        """A restart goes on where the rows are."""
        store.prepare(TALLY)
        stands = write(store, changes(a_tally()), 4)
        assert store.prepare(TALLY) == stands
        assert stands.position == 4
        assert everything(store) == {a_tally()}

    def test_another_declaration_starts_from_nothing(self, store: RowStore) -> None:
        """Tables are made anew and nothing is parked; a worker of the old declaration is stale."""
        store.prepare(TALLY)
        before = write(store, changes(a_tally()), 4, parked=[a_parked("C2")])
        wider = Tally()
        wider.tables = (WiderTallyRow,)
        expected = store.prepare(wider)
        assert expected.position == 0
        assert expected.writes > before.writes, "else an old bookmark might fit again one day"
        assert list(store.rows(wider)) == []
        assert store.parked("tally") == []
        row = WiderTallyRow(client_id="C1", events=1, remark=None)
        scopes: dict[Scope, Sequence[Row]] = {(WiderTallyRow, ("C1",)): [row]}
        after = store.write(wider, Changes(scopes), expected, expected.at(4))
        assert after is not None
        for bookmark in (before, after):
            assert store.write(TALLY, Changes({}), bookmark, bookmark.at(5)) is None
        with pytest.raises(TablesReplaced):
            store.prepare(TALLY, remake=False)
        assert store.prepare(wider, remake=False) == after
        assert list(store.rows(wider)) == [row]

    def test_another_revision_of_the_fold_starts_from_nothing(self, store: RowStore) -> None:
        """The tables are the same, what they mean is not."""
        store.prepare(TALLY)
        write(store, changes(a_tally()), 4)
        revised = Tally()
        revised.revision = 2
        with pytest.raises(TablesReplaced):
            store.prepare(revised, remake=False)
        assert store.prepare(revised).position == 0
        assert list(store.rows(revised)) == []

    def test_parked_clients_are_listed_oldest_first(self, store: RowStore) -> None:
        """They are stored in the same step as the position that passes them over."""
        store.prepare(TALLY)
        parked = [a_parked("C2", minutes=5), a_parked("C1", minutes=9), a_parked("C3", minutes=1)]
        write(store, Changes({}), 9, parked=parked)
        assert [client.client_id for client in store.parked()] == ["C3", "C2", "C1"]
        assert store.parked("tally")[1] == a_parked("C2", minutes=5)
        assert store.parked("other") == []

    def test_a_client_parked_again_keeps_when_it_was_first_parked(self, store: RowStore) -> None:
        """So its age is honest however often it was tried."""
        store.prepare(TALLY)
        write(store, Changes({}), 9, parked=[a_parked("C1")])
        again = msgspec.structs.replace(a_parked("C1", minutes=30, version=6), attempts=2)
        write(store, Changes({}), 9, parked=[again])
        assert store.parked() == [msgspec.structs.replace(again, parked_at=NOON)]

    def test_a_released_client_is_no_longer_parked(self, store: RowStore) -> None:
        """Released in the same step as its rows are written."""
        store.prepare(TALLY)
        both = [a_parked("C1"), a_parked("C2")]
        write(store, Changes({}), 9, parked=both)
        write(store, changes(a_tally("C1")), 9, released=["C1"])
        assert store.parked() == [a_parked("C2")]
        assert everything(store) == {a_tally("C1")}

    def test_a_retry_can_be_requested_for_a_parked_client_only(self, store: RowStore) -> None:
        """The request is seen with the parked client, until the projector stores it anew."""
        store.prepare(TALLY)
        write(store, Changes({}), 9, parked=[a_parked("C1")])
        assert not store.request_retry("tally", "C2")
        assert not store.request_retry("other", "C1")
        assert store.request_retry("tally", "C1")
        assert [client.retry_requested for client in store.parked()] == [True]
        write(store, Changes({}), 9, parked=[a_parked("C1")])
        assert [client.retry_requested for client in store.parked()] == [False]

    def test_a_digest_depends_on_the_rows_alone(self, store: RowStore) -> None:
        """Not on the order or the batches in which they were written; on every value in them."""
        store.prepare(TALLY)
        write(store, changes(a_tally("C1"), a_tally("C2")), 2)
        first = store.digest(TALLY)
        assert set(first) == {"C1", "C2"}
        write(store, changes(a_tally("C2", events=5)), 3)
        changed = store.digest(TALLY)
        assert changed["C1"] == first["C1"]
        assert changed["C2"] != first["C2"]
        write(store, changes(a_tally("C2"), a_tally("C1")), 4)
        assert store.digest(TALLY) == first
        more = changes(more=[latest("C1", 1)])
        write(store, more, 5)
        assert store.digest(TALLY)["C1"] != first["C1"]
