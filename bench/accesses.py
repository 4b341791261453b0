"""What it costs a read that it leaves a record: two servers in one run, one records nothing.

They take turns, so that whatever else the machine does is shared out fairly.
"""

from __future__ import annotations

import itertools
import statistics
import sys

from bench.book import client_name, member, open_book
from bench.connections import hammer, request
from bench.http import serving
from bench.measuring import Effort, Speed
from bench.opened import log_and_processor
from bench.table import Table

_ROUNDS = 6
_CONNECTIONS = (1, 16)
_WITHOUT = (
    "from adapters.inbound import cli, http_edge; "
    "http_edge.noted = lambda scope, status: True; cli.main()"
)
"""The program as it is, but that no answer is recorded: no setting can do this."""


def measure(database_url: str, table: Table, effort: Effort) -> None:
    """A member and a page of a book, read with and without a record."""
    with log_and_processor(database_url) as (_, processor):
        open_book(processor, effort.size(1_000, 100))
    without = (sys.executable, "-c", _WITHOUT)
    with serving(database_url) as recording, serving(database_url, without) as other:
        client = client_name(1)
        for what, target in (
            ("GET a member", f"/v1/clients/{client}/members/{member(1)}"),
            ("GET a client", f"/v1/clients/{client}"),
        ):
            asking = {
                server.port: itertools.repeat(request("GET", target, server.auditor))
                for server in (recording, other)
            }
            for connections in _CONNECTIONS:
                seconds = effort.seconds / _ROUNDS
                speeds: dict[int, list[Speed]] = {port: [] for port in asking}
                for _ in range(_ROUNDS):
                    for port, requests in asking.items():
                        speeds[port].append(hammer(port, requests, connections, seconds, 200))
                with_record, without_one = (_middle(each) for each in speeds.values())
                told = f"{what}, {connections} in flight"
                table.add(f"{told}, recorded", str(with_record))
                table.add(
                    f"{told}, not recorded",
                    f"{without_one}   recorded: "
                    f"{with_record.per_second / without_one.per_second:.2f} ×",
                )


def _middle(speeds: list[Speed]) -> Speed:
    """The median of each figure."""
    return Speed(*(statistics.median(each) for each in zip(*speeds, strict=True)))
