"""Transactions a second through a real server in its own process, and what reads cost there.

The server is ``ofrecord serve`` as it is; the client is this process, on the same machine.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any

from psycopg_pool import ConnectionPool

from adapters.bootstrap import SystemClock
from adapters.outbound.api_keys import ApiKeys
from bench.book import PRODUCER, client_name, move, open_book, opening, submit_all
from bench.connections import hammer, request, stream
from bench.measuring import Effort, one_after_the_other, peak_memory_mb, speed_of
from bench.opened import log_and_processor
from bench.table import Table

_CONNECTIONS = (1, 16, 64)
_ROSTER = "LARGE"
_ROSTER_MEMBERS = 200
_START_SECONDS_MAX = 60.0
_WARM_SECONDS = 0.5
_LINES_PER_SECOND = 3_000
"""So many lines a batch has for each second of effort: it then lasts about that long."""


def measure(database_url: str, table: Table, effort: Effort) -> None:
    """Single transactions and the batch door, then reads."""
    clients = effort.size(1_000, 100)
    with log_and_processor(database_url) as (_, processor):
        open_book(processor, clients)
        submit_all(processor, opening(_ROSTER, _ROSTER_MEMBERS))
    with serving(database_url) as server:
        _singles(server, table, effort, clients)
        _batch(server, table, effort, clients)
        _reads(server, table, effort)
        table.note(f"the server's peak memory: {server.peak_memory()}")


class Server:
    """A server and a portal's and an auditor's key."""

    def __init__(self, port: int, pid: int, keys: ApiKeys) -> None:
        self.port = port
        self._pid = pid
        self._keys = itertools.count(1)
        self._houses = itertools.count(1)
        self.portal = _authorization(keys.create("portal", "bench", PRODUCER).token)
        self.auditor = _authorization(keys.create("auditor", "bench-reads").token)

    def moves(self, clients: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Client, key and transaction of one address change after the other, for ever."""
        for number in itertools.cycle(range(1, clients + 1)):
            yield client_name(number), f"http-{next(self._keys)}", move(1, next(self._houses))

    def peak_memory(self) -> str:
        """For people."""
        peak = peak_memory_mb(self._pid)
        return f"{peak:,.0f} MB" if peak else "not told by this system"


def _authorization(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def serving(
    database_url: str, program: Sequence[str] = (str(Path(sys.executable).with_name("ofrecord")),)
) -> Iterator[Server]:
    """A server of the book, in its own process."""
    command = [*program, "--database-url", database_url, "serve", "--port", "0"]
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT) as process,
        ConnectionPool(database_url, min_size=1, max_size=1) as pool,
    ):
        try:
            yield Server(_port(process, said), process.pid, ApiKeys(pool, SystemClock()))
        finally:
            process.terminate()


def _port(process: subprocess.Popen[bytes], said: IO[str]) -> int:
    give_up = time.monotonic() + _START_SECONDS_MAX
    while time.monotonic() < give_up and process.poll() is None:
        said.seek(0)
        if found := re.search(r"serves http://127\.0\.0\.1:(\d+)", said.read()):
            return int(found[1])
        time.sleep(0.05)
    said.seek(0)
    raise AssertionError(f"the server did not start:\n{said.read()}")


# ── What is measured ───────────────────────────────────────────────────────────────────────────


def _singles(server: Server, table: Table, effort: Effort, clients: int) -> None:
    headers = server.portal | {"Content-Type": "application/json"}
    requests = (
        request(
            "POST",
            f"/v1/clients/{client_id}/transactions",
            headers | {"Idempotency-Key": key},
            json.dumps(transaction).encode(),
        )
        for client_id, key, transaction in server.moves(clients)
    )
    hammer(server.port, requests, 16, _WARM_SECONDS, 201)
    for connections in _CONNECTIONS:
        speed = hammer(server.port, requests, connections, effort.seconds, 201)
        table.add(f"POST one transaction, {_told(connections)}", str(speed))


def _batch(server: Server, table: Table, effort: Effort, clients: int) -> None:
    count = round(_LINES_PER_SECOND * effort.seconds)
    lines = b"".join(
        json.dumps({"client_id": client_id, "key": key, **transaction}).encode() + b"\n"
        for client_id, key, transaction in itertools.islice(server.moves(clients), count)
    )
    headers = server.portal | {"Content-Type": "application/x-ndjson"}
    headers["Content-Length"] = str(len(lines))
    answer, seconds = stream(
        server.port, request("POST", "/v1/transaction-batches", headers), lines
    )
    accepted = sum(json.loads(line)["status"] == 201 for line in answer.splitlines())
    if accepted != count:
        raise AssertionError(f"{count - accepted} of {count} lines were not accepted")
    table.add(f"POST a batch of {count:,} lines", f"{count / seconds:10,.0f} lines/s")


def _reads(server: Server, table: Table, effort: Effort) -> None:
    for what, target, who in (
        ("GET a book, 50 clients", f"/v1/producers/{PRODUCER}/book", server.portal),
        ("GET a roster, 100 members", f"/v1/clients/{_ROSTER}/roster", server.auditor),
        ("GET a client", f"/v1/clients/{client_name(1)}", server.portal),
    ):
        asking = itertools.repeat(request("GET", target, who))
        for connections in (1, 16):
            speed = hammer(server.port, asking, connections, effort.seconds / 2, 200)
            table.add(f"{what}, {_told(connections)}", str(speed))
    _own_writes(server, table, effort)


def _own_writes(server: Server, table: Table, effort: Effort) -> None:
    """A read that waits for its own write: how long that read takes."""
    moves = server.moves(1)
    took: list[float] = []

    def write_then_read(connection: HTTPConnection) -> None:
        client_id, key, transaction = next(moves)
        headers = server.portal | {"Idempotency-Key": key, "Content-Type": "application/json"}
        path = f"/v1/clients/{client_id}"
        body = json.dumps(transaction)
        connection.request("POST", f"{path}/transactions", body, headers)
        position = json.loads(connection.getresponse().read())["position"]
        since = time.perf_counter()
        connection.request("GET", f"{path}?after={position}", headers=server.portal)
        response = connection.getresponse()
        response.read()
        assert response.status == 200, response.status
        took.append(time.perf_counter() - since)

    with closing(HTTPConnection("127.0.0.1", server.port)) as connection:
        one_after_the_other(lambda: write_then_read(connection), effort.seconds / 2)
    table.add("GET a client ?after= the write just made", str(speed_of(took, sum(took))))


def _told(connections: int) -> str:
    return "1 connection" if connections == 1 else f"{connections} connections"
