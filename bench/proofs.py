"""Proofs: how fast a log is proven and checked, what a proof costs, and what the append pays."""

from __future__ import annotations

import random
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from psycopg_pool import ConnectionPool

from adapters.bootstrap import SystemClock
from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.migrations import migrate
from adapters.outbound.proof_store import PostgresProofStore
from adapters.outbound.signing_keys import SigningKeyFolder
from bench.book import moves, open_book, require_accepted
from bench.copies import CopiedBook
from bench.databases import fresh_database
from bench.measuring import Effort, Speed, in_flight, one_after_the_other, peak_memory_mb
from bench.opened import log_and_processor
from bench.table import Table
from processors.merkle import consistency_proof, inclusion_proof
from processors.proof_ports import ProofStore
from processors.proving import Prover, measure_proven, root_of_log

_CLIENTS = 1_000
_IN_FLIGHT = (1, 64)
_ROUNDS = 3
_LOOK_SECONDS = 0.05


def measure(database_url: str, table: Table, effort: Effort) -> None:
    """A long log from nothing; then what each part of it costs."""
    with log_and_processor(database_url) as (log, processor):
        open_book(processor, effort.size(_CLIENTS, 50))
        book = CopiedBook(database_url)
        book.grow(log.head(), effort.size(250_000, 3_000))
    with (
        TemporaryDirectory() as folder,
        closing(PostgresEventLog(database_url, pool_size=1)) as log,
        _proving(database_url, log, folder) as (prover, store),
    ):
        _measure_catching_up(log, prover, table)
        _measure_proofs(store, prover.size, table, effort)
        began = time.perf_counter()
        assert root_of_log(log, prover.size) is not None
        _add(table, "checked against every event", prover.size, time.perf_counter() - began)
    _measure_append(fresh_database(database_url, "proofs_append"), table, effort)


def _measure_catching_up(log: PostgresEventLog, prover: Prover, table: Table) -> None:
    before = peak_memory_mb() or 0
    began = time.perf_counter()
    _catch_up(prover)
    assert prover.size == log.head()
    _add(table, "proven, from the first event", prover.size, time.perf_counter() - began)
    table.note(f"peak memory {peak_memory_mb() or 0:,.0f} MB, {before:,.0f} before")


def _measure_proofs(store: ProofStore, size: int, table: Table, effort: Effort) -> None:
    chosen = random.Random(1)
    included = one_after_the_other(
        lambda: inclusion_proof(store, chosen.randint(1, size), size), effort.seconds / 2
    )
    table.add("an inclusion proof, nothing remembered", str(included))
    consistent = one_after_the_other(
        lambda: consistency_proof(store, chosen.randint(1, size), size), effort.seconds / 2
    )
    table.add("a consistency proof, likewise", str(consistent))


def _measure_append(database_url: str, table: Table, effort: Effort) -> None:
    """Commands with a prover beside them in the process, and without, in turns."""
    migrate(database_url)
    with log_and_processor(database_url) as (_, processor):
        open_book(processor, effort.size(_CLIENTS, 50))
        commands = moves(effort.size(_CLIENTS, 50))

        def commanded(many: int) -> Speed:
            return in_flight(
                lambda: processor.submit(next(commands)),
                *(many, effort.seconds, require_accepted),
            )

        commanded(_IN_FLIGHT[-1])
        with (
            TemporaryDirectory() as folder,
            closing(PostgresEventLog(database_url, pool_size=1)) as log,
            _proving(database_url, log, folder) as (prover, store),
        ):
            for many in _IN_FLIGHT:
                alone, beside, delays = [], [], list[float]()
                for _ in range(_ROUNDS):
                    alone.append(commanded(many))
                    _catch_up(prover)  # what was appended meanwhile
                    with _running(prover), _watched(log, store, delays):
                        beside.append(commanded(many))
                without, proven = (_best(speeds) for speeds in (alone, beside))
                ratio = f"{proven.per_second / without.per_second:.2f} ×"
                table.add(f"commands, {many} in flight, proofs off, best of 3", str(without))
                table.add(f"commands, {many} in flight, proofs on", str(proven), ratio)
                table.note(
                    f"what was not proven meanwhile was at most {max(delays):.2f} s old,"
                    f" p50 {statistics.median(delays):.2f} s"
                )


def _best(speeds: list[Speed]) -> Speed:
    return max(speeds, key=lambda speed: speed.per_second)


def _catch_up(prover: Prover) -> None:
    prover.start()
    while prover.step():
        pass


@contextmanager
def _proving(
    database_url: str, log: PostgresEventLog, folder: str
) -> Iterator[tuple[Prover, ProofStore]]:
    with ConnectionPool(database_url, min_size=1, max_size=2, open=True) as pool:
        keys = SigningKeyFolder(Path(folder) / "keys", "bench.localhost/log")
        store = PostgresProofStore(pool)
        keys.prepare()
        yield Prover(log, store, keys, SystemClock()), store


@contextmanager
def _running(prover: Prover) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=prover.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def _watched(log: PostgresEventLog, store: ProofStore, delays: list[float]) -> Iterator[None]:
    """Note again and again for how long the oldest event that is not proven has been there."""
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(_LOOK_SECONDS):
            delays.append(measure_proven(log, store, SystemClock()).seconds_unproven)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _add(table: Table, what: str, events: int, seconds: float) -> None:
    table.add(what, f"{events / seconds:10,.0f} /s   {events:,} events in {seconds:.1f} s")
