"""A client of 20,000 members and 200,000 events: deciding when warm, loading when cold."""

from __future__ import annotations

import itertools
import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from typing import Any, NamedTuple, TypeVar

import psycopg

from adapters.bootstrap import SystemClock
from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.read_store import ReadStore
from adapters.outbound.reading import read_pool
from adapters.runtime import tune_interpreter
from bench.book import (
    THIS_MONTH,
    member,
    move,
    opening,
    require_accepted,
    submission,
    submit_all,
    subscriber,
)
from bench.following import followers
from bench.measuring import Effort, in_flight, one_after_the_other, peak_memory_mb
from bench.opened import log_and_processor
from bench.table import Table
from domain.client.state import Client
from domain.dates import carrier_date
from processors.ports import EventLog
from processors.receipts import Submission
from projections.catalog import PROJECTIONS
from schemas.snapshots import decode_client, encode_client

_CLIENT = "LARGE"
_PAGE = 5_000
_COLD_STARTS = 3

Result = TypeVar("Result")


def measure(database_url: str, table: Table, effort: Effort) -> None:
    """Fill the client's history, command it, project it, load it anew."""
    members, events = effort.size(20_000, 2_000), effort.size(200_000, 10_000)
    with log_and_processor(database_url) as (log, processor):
        began = time.perf_counter()
        submit_all(processor, opening(_CLIENT, members))
        quiet = _quiet(members)
        while (missing := events - log.head()) > 0:
            submit_all(processor, itertools.islice(quiet, min(missing, _PAGE)))
        made = log.head() / (time.perf_counter() - began)
        table.add(f"made: {members:,} members, {log.head():,} events", f"{made:10,.0f} events/s")
        busy = _busy(members)
        for many in (1, 16):
            speed = in_flight(
                lambda: processor.submit(next(busy)), many, effort.seconds, require_accepted
            )
            longest = f"longest {speed.longest_ms:.0f} ms"
            table.add(f"mixed commands when warm, {many} in flight", str(speed), longest)
        with followers(database_url, log, PROJECTIONS) as following:
            table.add("both projections, from its first event", str(following.catch_up()))
            _measure_roster(following.rows_url, table, effort)
    _measure_loading(database_url, table, members)


def _measure_roster(rows_url: str, table: Table, effort: Effort) -> None:
    """Pages of a roster of everyone, one after the other."""
    today = carrier_date(SystemClock().now())
    cursor: str | None = None
    with closing(read_pool(rows_url)) as pool:
        reads = ReadStore(pool)

        def next_page() -> None:
            nonlocal cursor
            cursor = reads.roster(_CLIENT, None, today, cursor=cursor, limit=100).next

        speed = one_after_the_other(next_page, effort.seconds / 2)
    table.add("a page of its roster, 100 members", str(speed))


# ── What happens to the members ────────────────────────────────────────────────────────────────


def _quiet(members: int) -> Iterator[Submission]:
    """Moves, and now and then a change of plan."""
    everyone = itertools.cycle(range(1, members + 1))
    for house, plan_id in enumerate(itertools.cycle(("GOLD", "GOLD", "SILVER")), start=1):
        for _ in range(3):
            yield submission(_CLIENT, move(next(everyone), house))
        yield submission(_CLIENT, _change_plan(next(everyone), plan_id))


def _busy(members: int) -> Iterator[Submission]:
    """Someone joins, someone moves, someone changes plan, the one who joined leaves."""
    everyone = itertools.cycle(range(1, members + 1))
    for joining in itertools.count(members + 1):
        for command in (
            subscriber(joining),
            move(next(everyone), joining),
            _change_plan(joining, "GOLD"),
            {"type": "remove_subscriber", "member_id": member(joining), "last_day": THIS_MONTH},
        ):
            yield submission(_CLIENT, command)


def _change_plan(number: int, plan_id: str) -> dict[str, Any]:
    return {
        "type": "change_plan", "member_id": member(number), "plan_id": plan_id,
        "effective_on": THIS_MONTH,
    }  # fmt: skip


# ── Loading, each time in a new process ────────────────────────────────────────────────────────


def _measure_loading(database_url: str, table: Table, members: int) -> None:
    replays = [_in_new_process(_replay, database_url, up_to) for up_to in (members, None)]
    for replay in replays:
        table.add(
            f"replayed without a snapshot: {replay.events:,} events",
            f"{replay.seconds:10.2f} s   {replay.fold_microseconds:.1f} µs an event in the state",
        )
    snapshot = _in_new_process(_snapshot, database_url)
    table.add(
        "snapshot",
        f"{snapshot.megabytes:10.1f} MB  encoded in {snapshot.encode_ms:.0f} ms,"
        f" decoded in {snapshot.decode_ms:.0f} ms",
    )
    for what, keeps_snapshots in (("from its snapshot", True), ("without any snapshot", False)):
        cold = [_cold_start(database_url, keeps_snapshots) for _ in range(_COLD_STARTS)]
        table.add(
            f"first command of a process, {what}",
            f"{max(start.seconds for start in cold):10.2f} s   slowest of {len(cold)};"
            f" peak memory {cold[0].peak_megabytes or 0:,.0f} MB",
        )


def _cold_start(database_url: str, keeps_snapshots: bool) -> _Start:
    if not keeps_snapshots:  # each process leaves one behind
        with psycopg.connect(database_url) as conn:
            conn.execute("DELETE FROM snapshots")
    return _in_new_process(_first_command, database_url)


def _in_new_process(do: Callable[..., Result], *arguments: object) -> Result:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=tune_interpreter) as process:
        return process.submit(do, *arguments).result()


class _Start(NamedTuple):
    seconds: float
    peak_megabytes: float | None


def _first_command(database_url: str) -> _Start:
    """From the submission to the receipt; connections are there already."""
    with log_and_processor(database_url) as (log, processor):
        log.head()
        one = submission(_CLIENT, move(1, time.time_ns()))
        began = time.perf_counter()
        require_accepted(processor.submit(one).result())
        return _Start(time.perf_counter() - began, peak_memory_mb())


class _Replay(NamedTuple):
    events: int
    seconds: float
    fold_microseconds: float


def _replay(database_url: str, up_to: int | None) -> _Replay:
    """Read and fold the history from its first event."""
    client, folding = Client(_CLIENT), 0.0
    with closing(PostgresEventLog(database_url)) as log:
        began = time.perf_counter()
        while page := log.history(_CLIENT, client.version, _PAGE, up_to):
            since = time.perf_counter()
            for recorded in page:
                recorded.evolve(client)
            folding += time.perf_counter() - since
        seconds = time.perf_counter() - began
    return _Replay(client.version, seconds, folding / client.version * 1e6)


class _Snapshot(NamedTuple):
    megabytes: float
    encode_ms: float
    decode_ms: float


def _snapshot(database_url: str) -> _Snapshot:
    with closing(PostgresEventLog(database_url)) as log:
        client = _newest(log)
    began = time.perf_counter()
    state = encode_client(client)
    encoded = time.perf_counter()
    decode_client(state)
    decoded = time.perf_counter()
    return _Snapshot(len(state) / 1e6, (encoded - began) * 1e3, (decoded - encoded) * 1e3)


def _newest(log: EventLog) -> Client:
    newest = log.load({_CLIENT: log.head()})[_CLIENT]
    assert isinstance(newest, Client)
    return newest
