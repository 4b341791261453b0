"""A projection rebuilt beside the one that serves: the same rows, and no one notices the switch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.rebuild_store import PostgresRebuildStore
from adapters.outbound.row_store import PostgresRowStore
from processors import rebuild as rebuild_module
from processors.applying import TakenOver
from processors.ports import TablesReplaced
from processors.rebuild import Beside, Rebuild, RebuildRefused
from projections.kernel import Row
from tests.adapters.tally import LatestRow, Poisoned, Tally, append
from tests.processors.following import (
    FixedClock,
    catch_up,
    digest_by_hand,
    hurried,
    running,
    tally_projector,
)

__all__ = ["hurried"]

names = (f"tally_{n}" for n in count(1))


class World:
    """A log, rows that serve, and a rebuild of them."""

    def __init__(self, database_url: str, tally: Tally | None = None) -> None:
        self.url = database_url
        self.log = PostgresEventLog(database_url)
        self.rows = PostgresRowStore(database_url)
        self.tally = tally or Tally(name=next(names))

    def close(self) -> None:
        """Give the connections back."""
        self.rows.close()
        self.log.close()

    def project(self) -> None:
        """Bring the rows that serve up to the log."""
        catch_up(tally_projector(self.log, self.rows, self.tally))

    def rebuild(self, tally: Tally | None = None) -> Rebuild:
        """A process that rebuilds."""
        store = PostgresRebuildStore(self.url)
        return Rebuild(tally or self.tally, self.log, self.rows, store, FixedClock())

    def shown(self) -> set[Row]:
        """The rows that serve."""
        return set(self.rows.rows(self.tally))


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """On a database of its own."""
    with closing(World(database_url)) as world:
        yield world


def built(work: Rebuild, shares: int = 2) -> Rebuild:
    """Fill all shares and complete."""
    work.begin(shares)
    for number in range(shares):
        list(work.fill(number))
    work.complete()
    return work


def some_events(*clients: str) -> list[tuple[str, str]]:
    """An event of each of these clients."""
    return [(client, "x") for client in clients]


def test_a_rebuilt_projection_has_the_same_rows(world: World) -> None:
    """Also of what came while it was built; it serves after the switch and goes on from there."""
    append(world.log, *some_events("A", "B", "A", "C"))
    world.project()
    work = built(world.rebuild())
    append(world.log, *some_events("B", "D"))
    world.project()
    assert work.compare().differences == []
    work.switch()
    assert world.rows.digest(world.tally) == digest_by_hand(world.log)
    append(world.log, *some_events("A", "D"))
    world.project()
    assert world.rows.digest(world.tally) == digest_by_hand(world.log)


def test_rows_that_were_wrong_are_listed_and_mended_by_the_switch(world: World) -> None:
    """Which row, which columns, on which side; no values."""
    append(world.log, *some_events("A", "B"))
    world.project()
    with world.rows._connection() as conn:
        conn.execute(
            f"UPDATE {world.tally.name}.tally SET code = 'y', events = 7 WHERE client_id = 'A'"
        )
        conn.execute(f"DELETE FROM {world.tally.name}.latest WHERE client_id = 'B'")
        conn.execute(f"INSERT INTO {world.tally.name}.latest VALUES ('Z', 1, 0)")
    work = built(world.rebuild())
    found = work.compare()
    assert [(d.kind, d.table, d.client_id, d.columns) for d in found.differences] == [
        ("only_new", "latest", "B", []),
        ("only_old", "latest", "Z", []),
        ("differs", "tally", "A", ["events", "code"]),
    ]
    work.switch()
    assert world.rows.digest(world.tally) == digest_by_hand(world.log)


def test_rows_that_are_ahead_of_a_log_whose_end_is_gone_are_mended(world: World) -> None:
    """They skipped what came in the place of what was cut off; the new ones have it."""
    append(world.log, *some_events("A", "B"))
    world.project()
    with world.rows._connection() as conn:
        conn.execute("DELETE FROM stored_events WHERE notification_id = 2")
    work = built(world.rebuild())
    work.switch()
    assert world.rows.position(world.tally.name) == 1
    append(world.log, *some_events("C"))
    world.project()
    assert world.rows.digest(world.tally) == digest_by_hand(world.log)


def test_what_moves_while_it_is_compared_is_no_difference(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows that serve are ahead of the new ones: who moved is compared again."""
    append(world.log, *some_events("A", "B"))
    world.project()
    work = built(world.rebuild())
    caught_up = work.catch_up
    moves = iter([some_events("A"), some_events("B")])

    def catch_up_and_be_overtaken(position: int | None = None) -> int:
        reached = caught_up(position)
        if (more := next(moves, None)) is not None:
            append(world.log, *more)
            world.project()
        return reached

    monkeypatch.setattr(work, "catch_up", catch_up_and_be_overtaken)
    assert work.compare().differences == []
    assert next(moves, None) is None, "it was overtaken twice"


def test_what_comes_just_before_the_switch_is_in_the_new_tables(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They catch up once more while the old ones stand still."""
    append(world.log, *some_events("A", "B"))
    world.project()
    work = built(world.rebuild())
    caught_up = work.catch_up

    def catch_up_and_be_overtaken(position: int | None = None) -> int:
        reached = caught_up(position)
        if position is None:
            append(world.log, *some_events("B", "C"))
            world.project()
        return reached

    monkeypatch.setattr(work, "catch_up", catch_up_and_be_overtaken)
    work.switch()
    assert world.rows.digest(world.tally) == digest_by_hand(world.log)


def test_a_client_that_cannot_be_folded_parks_in_the_rebuilt_one(world: World) -> None:
    """At the very event, with what came before it applied; everyone else is there."""
    append(world.log, ("A", "x"), ("A", "poison"), ("A", "x"), ("B", "x"))
    world.project()
    world.tally.poison = {"poison"}
    work = built(world.rebuild())
    work.catch_up()
    assert {d.client_id for d in work.compare().differences} == {"A"}
    work.switch()
    [parked] = world.rows.parked(world.tally.name)
    assert (parked.client_id, parked.version, parked.position) == ("A", 2, 2)
    assert parked.error.startswith(Poisoned.__name__)
    assert {
        row.version for row in world.shown() if isinstance(row, LatestRow) and row.client_id == "A"
    } == {1}
    world.tally.poison = set()
    world.project()
    assert world.rows.parked() == []
    assert world.rows.digest(world.tally) == digest_by_hand(world.log)


def test_rows_that_no_table_can_hold_park_their_client_alone(world: World) -> None:
    """One bad row would fail the whole handful: everyone else's rows are written all the same."""
    append(world.log, ("A", "x"), ("B", "nul"), ("C", "x"))
    world.project()
    work = built(world.rebuild())
    work.switch()
    assert [parked.client_id for parked in world.rows.parked(world.tally.name)] == ["B"]
    assert world.rows.digest(world.tally) == digest_by_hand(world.log, but=["B"])


class _Twins(Tally):
    """Derives one key twice for client B, as a bug would."""

    def rows(self, client, scope, recorded):  # type: ignore[no-untyped-def]  # as inherited
        found = list(super().rows(client, scope, recorded))
        is_twice = recorded.client_id == "B" and scope[0] is LatestRow
        return [*found, *found[:1]] if is_twice else found


def test_a_key_twice_parks_its_client_alone(world: World) -> None:
    """Found when the key is made; the others' rows are not made again for it."""
    append(world.log, *some_events("A", "B", "C", "B"))
    world.tally = _Twins(name=world.tally.name)
    world.project()
    work = built(world.rebuild())
    work.switch()
    assert [parked.client_id for parked in world.rows.parked(world.tally.name)] == ["B"]
    assert world.rows.digest(world.tally) == digest_by_hand(world.log, but=["B"])


def test_a_rebuild_goes_on_where_it_broke_off(world: World) -> None:
    """Handful by handful: nothing is folded again, and nothing is doubled."""
    append(world.log, *some_events(*"ABCDEFGH"))
    world.project()
    first = world.rebuild()
    first.begin(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rebuild_module, "stream_chunks", _one_at_a_time)
        filling = first.fill(0)
        reached = [next(filling) for _ in range(3)][-1]
        append(world.log, *some_events("I", "A"))
        second = world.rebuild()
        state = second.begin(1)
        assert (state.events, state.shares[0].after_stream) == (3, reached.after_stream)
        assert [share.streams for share in second.fill(0)] == [4, 5, 6, 7, 8, 8, 8]
        with pytest.raises(TakenOver):
            next(filling)
    second.complete()
    second.switch()
    world.project()
    assert world.rows.digest(world.tally) == digest_by_hand(world.log)


def _one_at_a_time(log, share, after):  # type: ignore[no-untyped-def]  # as what it replaces
    for size in log.streams(after, 100, share):
        yield [size]


def test_who_follows_the_log_goes_on_with_the_new_tables_by_itself(
    world: World, hurried: None
) -> None:
    """A projector that runs all the while, and events all the while."""
    append(world.log, *some_events("A", "B", "C"))
    projector = tally_projector(world.log, world.rows, world.tally)
    with running(projector):
        work = built(world.rebuild())
        for n in range(30):
            append(world.log, *some_events("A", f"N{n}"))
        work.switch()
        append(world.log, *some_events("B", "Z"))
        while world.rows.position(world.tally.name) < world.log.head():
            pass
    assert world.rows.digest(world.tally) == digest_by_hand(world.log)


class _Fewer(Tally):
    """The tally as a newer program declares it: without one of its tables."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.revision, self.tables = 2, (LatestRow,)

    def touched(self, client, recorded):  # type: ignore[no-untyped-def]  # as inherited
        return [(LatestRow, (recorded.client_id,))]


def test_another_declaration_is_built_beside_the_one_that_serves(world: World) -> None:
    """The old program serves until the switch; what has another meaning is said, not compared."""
    append(world.log, *some_events("A", "B"))
    world.project()
    revised = _Fewer(name=world.tally.name)
    work = built(world.rebuild(revised))
    append(world.log, *some_events("A"))
    world.project()
    found = work.compare()
    assert (found.differences, found.not_comparable) == ([], ["tally (only old)"])
    old = tally_projector(world.log, world.rows, world.tally)
    work.switch()
    with pytest.raises(TablesReplaced):
        world.rows.prepare(world.tally, remake=False)
    append(world.log, *some_events("B"))
    with pytest.raises(TakenOver):
        old.step()
    assert world.rows.prepare(revised, remake=False).position == world.log.head() - 1


def test_old_tables_are_kept_until_they_are_dropped(world: World) -> None:
    """No rebuild begins meanwhile, since its switch would have to drop them."""
    append(world.log, *some_events("A"))
    world.project()
    work = built(world.rebuild())
    work.switch()
    old = Beside(world.tally, f"{world.tally.name}__old")
    assert len(list(world.rows.rows(old))) == 2
    with pytest.raises(RebuildRefused, match="kept as"):
        world.rebuild().begin(1)
    work.drop()
    assert world.rebuild().state is None
    work = built(world.rebuild())
    work.drop()
    assert world.rebuild().state is None, "given up before the switch"
    assert world.rows.digest(world.tally) == digest_by_hand(world.log)


def test_one_rebuild_at_a_time(world: World) -> None:
    """Another process is told; the lock goes with whoever had it."""
    with world.rebuild().alone() as first:
        assert first
        with world.rebuild().alone() as second:
            assert not second
    with world.rebuild().alone() as third:
        assert third


def test_a_switch_waits_for_those_who_began_to_read_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To their next statement the new tables would be older than the old ones were."""
    from adapters.outbound import rebuild_store  # noqa: PLC0415  # only to hurry it

    append(world.log, *some_events("A"))
    world.project()
    work = built(world.rebuild())
    monkeypatch.setattr(rebuild_store, "_READERS_SECONDS", 0.05)
    with world.rows._connection() as reader:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT 1 FROM projections").fetchall()
        with pytest.raises(RebuildRefused, match="reading"):
            work.switch()
        reader.execute("COMMIT")
    work.switch()
    assert world.rows.digest(world.tally) == digest_by_hand(world.log)


# ── Whatever happens ───────────────────────────────────────────────────────────────────────────

_CODES = ["a", "bb", "poison"]
_events = st.lists(
    st.tuples(st.sampled_from(["C1", "C2", "C3", "C4"]), st.sampled_from(_CODES)), max_size=12
)


@pytest.fixture(scope="module")
def shared_world(module_database_url: str) -> Iterator[World]:
    """For all examples: the log grows from one to the next, and each has its own projection."""
    with closing(World(module_database_url)) as world:
        yield world


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(before=_events, meanwhile=_events, needs_client=st.booleans(), shares=st.integers(1, 3))
def test_i4_rebuilt_rows_are_the_rows_that_serve(
    shared_world: World,
    before: list[tuple[str, str]],
    meanwhile: list[tuple[str, str]],
    needs_client: bool,
    shares: int,
) -> None:
    """Whatever the history, with poison; parked alike, too."""
    world = shared_world
    world.tally = Tally(["poison"], needs_client, next(names))
    append(world.log, ("C1", "a"), *before)
    world.project()
    work = built(world.rebuild(), shares)
    append(world.log, ("C1", "a"), *meanwhile)
    world.project()
    assert work.compare().differences == []
    served, parked = world.shown(), _parked(world)
    work.switch()
    assert (world.shown(), _parked(world)) == (served, parked)


def _parked(world: World) -> list[tuple[str, int, int]]:
    parked = world.rows.parked(world.tally.name)
    return sorted((each.client_id, each.version, each.position) for each in parked)
