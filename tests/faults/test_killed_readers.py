"""``kill -9`` of a serving process: of the records of reads only the last moment's may be lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
from psycopg_pool import ConnectionPool

from adapters.bootstrap import SystemClock
from adapters.outbound.api_keys import ApiKeys
from tests.adapters.command_line import CommandLine
from tests.adapters.served import EXAMPLE, HARBOR
from tests.faults.processes import Process

_WITHIN_SECONDS = 120.0


@contextmanager
def _serving(database_url: str, folder: Path) -> Iterator[tuple[Process, httpx.Client]]:
    """A process that serves Harbor Bakery, and an auditor who asks it."""
    assert CommandLine(database_url)("submit", str(EXAMPLE)).code == 0
    with ConnectionPool(database_url, min_size=1, open=True) as pool:
        token = ApiKeys(pool, SystemClock()).create("auditor", "audit").token
    folder.mkdir()
    process = Process(database_url, folder, "serve", "--port", "0")
    try:
        deadline = time.monotonic() + _WITHIN_SECONDS
        while process.url is None:
            assert time.monotonic() < deadline, process.said
            time.sleep(0.05)
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=process.url, headers=headers, timeout=60) as client:
            yield process, client
    finally:
        process.end()


def _read(client: httpx.Client, task: str) -> None:
    answer = client.get(f"/v1/clients/{HARBOR}", headers={"Correlation-Id": task})
    assert answer.status_code == 200, answer.text


def _recorded(database_url: str) -> list[tuple[int, str]]:
    query = "SELECT serial, correlation_id FROM accesses WHERE how = 'http' ORDER BY number"
    with psycopg.connect(database_url) as conn:
        return conn.execute(query).fetchall()


def test_a_killed_reader_leaves_all_records_but_the_last_moments(
    database_url: str, tmp_path: Path
) -> None:
    """What is there is a beginning of what was read, and no record seen once is gone.

    Everything read before a record that was seen is there, too: records are written in order.
    """
    with _serving(database_url, tmp_path / "said") as (process, client):
        asked, seen = 0, _recorded(database_url)
        while len(seen) < 20:
            asked += 1
            assert asked < 10_000
            _read(client, f"read-{asked}")
            seen = _recorded(database_url)
        process.end()
        left = _recorded(database_url)
    assert left[: len(seen)] == seen
    assert left == [(number, f"read-{number}") for number in range(1, len(left) + 1)]
    assert len(left) <= asked


def test_a_process_that_is_told_to_end_leaves_every_record(
    database_url: str, tmp_path: Path
) -> None:
    """SIGTERM loses nothing."""
    with _serving(database_url, tmp_path / "said") as (process, client):
        _read(client, "last")
        assert process.stop() == 0
    assert [task for _, task in _recorded(database_url)] == ["last"]
