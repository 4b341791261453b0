"""Verification on a running system: exact while everything moves; and round and round."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count

import pytest

from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.in_memory import InMemoryEventLog
from adapters.outbound.in_memory_rows import InMemoryRowStore
from adapters.outbound.row_store import PostgresRowStore
from processors import verifying
from processors.ports import LogUnavailable, TablesReplaced
from processors.replay_ports import ShownRows, WholeLog
from processors.verification import Verification
from processors.verifying import ContinuousVerification
from projections.kernel import Changes
from tests.adapters.row_store_contract import a_tally
from tests.adapters.tally import Tally, TallyRow, append
from tests.processors.following import catch_up, hurried, running, tally_projector

__all__ = ["hurried"]


@pytest.fixture(params=["memory", "postgres"])
def stores(
    request: pytest.FixtureRequest, database_url: str
) -> Iterator[tuple[WholeLog, ShownRows]]:
    """A log and rows, in memory and on PostgreSQL."""
    if request.param == "memory":
        yield InMemoryEventLog(), InMemoryRowStore()
        return
    with (
        closing(PostgresEventLog(database_url)) as log,
        closing(PostgresRowStore(database_url)) as rows,
    ):
        yield log, rows


def _meddle(rows: ShownRows, tally: Tally, *given: TallyRow) -> None:
    """Write rows that no history made."""
    stands = rows.prepare(tally)
    scopes = {(TallyRow, (row.client_id,)): [row] for row in given}
    assert rows.write(tally, Changes({**scopes}), stands, stands)


def test_what_is_being_written_is_no_difference(
    stores: tuple[WholeLog, ShownRows], hurried: None
) -> None:
    """A projector runs and events come all the while; each look is as of one moment."""
    log, rows = stores
    tally, clients = Tally(), [f"C{n}" for n in range(6)]
    append(log, *[(client_id, "x") for client_id in clients])
    with running(tally_projector(log, rows, tally, batch_events=3)):
        for n in range(40):
            append(log, (clients[n % 6], "x"), (clients[n % 5], "yy"))
            assert Verification(log, rows).check([tally], clients).findings == []


def test_a_parked_client_and_one_that_waits_behind_are_compared_up_to_there(
    stores: tuple[WholeLog, ShownRows],
) -> None:
    """What came before the event that failed is shown, and compared; a released client in full."""
    log, rows = stores
    tally = Tally(["poison"])
    append(log, ("A", "x"), ("A", "poison"), ("A", "x"), ("B", "x"))
    projector = tally_projector(log, rows, tally)
    catch_up(projector)
    assert [parked.client_id for parked in rows.parked()] == ["A"]
    verification = Verification(log, rows)
    assert verification.check([tally], ["A", "B"]).findings == []
    assert verification.check([Tally()], ["A", "B"]).findings == [], "the fold is not asked for it"
    tally.poison = set()
    catch_up(tally_projector(log, rows, tally))
    assert verification.check([tally], ["A", "B"]).findings == []
    assert verification.check([Tally(["poison"])], ["A"]).findings[0].kind == "not_replayable"


def test_rows_of_nobody_are_found(stores: tuple[WholeLog, ShownRows]) -> None:
    """Clients whom the log has never heard of."""
    log, rows = stores
    append(log, ("A", "x"))
    catch_up(tally_projector(log, rows))
    _meddle(rows, Tally(), a_tally("ghost"))
    [found] = Verification(log, rows).unknown(Tally())
    assert (found.kind, found.client_id, found.table) == ("row_unfounded", "ghost", "tally")


class _Turns:
    """Lets so many waits pass, with something that happens at each; then all is to end."""

    def __init__(self, *happenings: Callable[[], object]) -> None:
        self.left = list(happenings)
        self.seconds: list[float] = []

    def __call__(self, stop: threading.Event, seconds: float) -> None:
        """What stands where the thread would wait."""
        self.seconds.append(seconds)
        if self.left:
            self.left.pop(0)()
        else:
            stop.set()


def _continuous(log: WholeLog, rows: ShownRows, turns: _Turns) -> ContinuousVerification:
    return ContinuousVerification(Verification(log, rows), log, [Tally()], 0.03, turns)


def test_going_round_a_difference_is_told_until_it_is_mended() -> None:
    """Rows that differ, and rows of nobody."""
    log, rows = InMemoryEventLog(), InMemoryRowStore()
    append(log, ("A", "x"), ("B", "x"))
    catch_up(tally_projector(log, rows))
    right = next(r for r in rows.moment(Tally(), ["A"]).rows if isinstance(r, TallyRow))
    seen: list[set[str]] = []

    def look() -> None:
        seen.append(set(work.so_far.differing["tally"]))

    turns = _Turns(
        *(look, lambda: _meddle(rows, Tally(), a_tally("A"), a_tally("ghost"))),
        *(look, look, look, lambda: _meddle(rows, Tally(), right)),
        *(look, look),
    )
    work = _continuous(log, rows, turns)
    work.run(threading.Event())
    assert seen[0] == set()
    assert {"A"} in seen
    assert {"A", "ghost"} in seen
    assert seen[-1] == {"ghost"}
    assert work.so_far.rounds >= 3
    assert work.so_far.streams >= 6


def test_going_round_takes_a_small_part_of_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each slice it rests so much longer than the slice took."""
    log, rows = InMemoryEventLog(), InMemoryRowStore()
    append(log, *[(f"C{n}", "x") for n in range(60)])
    catch_up(tally_projector(log, rows))
    ticks = count(step=0.03)
    monkeypatch.setattr(verifying.time, "monotonic", lambda: next(ticks))
    turns = _Turns(lambda: None, lambda: None)
    _continuous(log, rows, turns).run(threading.Event())
    assert turns.seconds[:3] == pytest.approx([0.97, 0.97, 0.97])


def test_going_round_survives_that_the_log_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on when that is back; it ends where the tables are another version's."""
    log, rows = InMemoryEventLog(), InMemoryRowStore()
    append(log, ("A", "x"))
    catch_up(tally_projector(log, rows))
    work = _continuous(log, rows, _Turns(lambda: None, monkeypatch.undo, lambda: None))

    def away(*_: object) -> object:
        raise LogUnavailable("gone")

    monkeypatch.setattr(log, "streams", away)
    work.run(threading.Event())
    assert work.so_far.rounds == 1
    revised = Tally()
    revised.revision = 2
    rows.prepare(revised)
    with pytest.raises(TablesReplaced):
        Verification(log, rows).check([Tally()], ["A"])
    _continuous(log, rows, _Turns()).run(threading.Event())
