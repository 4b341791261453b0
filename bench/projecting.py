"""From the log to rows: how many events a second, and how soon after the acknowledgement."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice

from adapters.inbound.simulation.book import simulate
from bench import references
from bench.book import moves, open_book, submit_all
from bench.following import followers
from bench.measuring import Effort
from bench.opened import log_and_processor
from bench.table import Table
from bench.visibility import measure_visibility
from projections.catalog import PROJECTIONS
from projections.kernel import Projection

_MEMBERS = 5
"""Of each client: so many that few are changed twice in one batch, and most events are a row."""

_RUNS: dict[str, Sequence[Projection]] = {
    **{f"{projection.name} alone": [projection] for projection in PROJECTIONS},
    "all four, as embedded": PROJECTIONS,
}


def measure(database_url: str, table: Table, effort: Effort) -> None:
    """Each projection alone and both together, beside one event at a time; then visibility."""
    library = references.library_projection(database_url, effort.seconds)
    table.add("library's projection, an event a transaction", f"{library:10,.0f} /s")
    clients = effort.size(2_000, 200)
    with log_and_processor(database_url) as (log, processor):
        with ExitStack() as stack:
            runs = {
                name: stack.enter_context(followers(database_url, log, projections))
                for name, projections in _RUNS.items()
            }

            def follow(what: str) -> None:
                for name, run in runs.items():
                    applied = run.catch_up()
                    ratio = f"{applied.per_second / library:.1f} × library"
                    table.add(f"{what}: {name}", str(applied), ratio)

            open_book(processor, clients, _MEMBERS)
            with followers(database_url, log, PROJECTIONS, batch_events=1) as one_by_one:
                applied = one_by_one.catch_up(effort.seconds)
            table.add("clients opened: all four, an event a transaction", str(applied))
            follow("clients opened")
            submit_all(processor, islice(moves(clients, _MEMBERS), effort.size(60_000, 6_000)))
            follow("address changes")
            simulate(processor, effort.size(150, 10), seed=1)
            follow("simulated years")
        measure_visibility(database_url, log, processor, moves(clients, _MEMBERS), table, effort)
