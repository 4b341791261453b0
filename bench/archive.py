"""An archive of a whole log: how long to write, how long to verify, with how much memory."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import ofrecord_verify
from adapters.bootstrap import open_proving, signing_keys
from adapters.outbound.event_store import PostgresEventLog
from adapters.settings import Settings
from bench.book import client_name, move, open_book, submission, submit_all
from bench.copies import CopiedBook
from bench.measuring import Effort
from bench.opened import log_and_processor
from bench.table import Table

_EVENTS, _QUICK_EVENTS = 1_000_000, 5_000
_MODEL_CLIENTS, _MOVES = 100, 5
_OFRECORD = "from adapters.inbound.cli import main; main()"


def measure(database_url: str, table: Table, effort: Effort) -> None:
    """Make a log, prove it, export it, verify the archive."""
    events = effort.size(_EVENTS, _QUICK_EVENTS)
    with log_and_processor(database_url) as (_, processor):
        open_book(processor, _MODEL_CLIENTS)
        everyone = range(1, _MODEL_CLIENTS + 1)
        houses = range(1, _MOVES + 1)
        submit_all(
            processor, (submission(client_name(n), move(1, h)) for h in houses for n in everyone)
        )
    book = CopiedBook(database_url)
    with closing(PostgresEventLog(database_url)) as log:
        book.grow(log.head(), events)
        events = log.head()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(database_url=database_url, proof_keys=Path(folder) / "keys")
        _measure_proving(settings, database_url, table, events)
        archive = Path(folder) / "log.zip"
        _measure_command(
            table, f"export of {events:,} events", events,
            *("-c", _OFRECORD, "--database-url", database_url, "export", str(archive)),
        )  # fmt: skip
        table.note(f"the archive has {archive.stat().st_size / 1e6:,.0f} MB")
        vkey = (Path(folder) / "vkey").read_text()
        _measure_command(
            table, "verify it, on all cores", events,
            *(ofrecord_verify.__file__, str(archive), "--key", vkey),
        )  # fmt: skip


def _measure_proving(settings: Settings, database_url: str, table: Table, events: int) -> None:
    began = time.perf_counter()
    with open_proving(settings, database_url) as proving:
        proving.prover.start()
        while proving.prover.step():
            pass
    assert settings.proof_keys is not None
    [key] = signing_keys(settings).verifiers()
    (settings.proof_keys.parent / "vkey").write_text(key.text())
    took = time.perf_counter() - began
    table.add("prove them, from the first", f"{took:10.1f} s   {events / took:,.0f} events/s")


def _measure_command(table: Table, what: str, events: int, *arguments: str) -> None:
    """Run a command of Python, in a process of its own, whose peak memory is looked at."""
    began, peak = time.perf_counter(), 0
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, _memory_kb(process.pid))
            time.sleep(0.05)
    if process.returncode:
        raise AssertionError(f"{what}: exit code {process.returncode}")
    took = time.perf_counter() - began
    table.add(what, f"{took:10.1f} s   {events / took:,.0f} events/s", f"peak {peak / 1e3:,.0f} MB")


def _memory_kb(pid: int) -> int:
    """What a process and its children have in memory now; 0 where the system does not tell."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        [own] = re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()) or ["0"]
    except OSError:
        return 0
    return int(own) + sum(_memory_kb(int(child)) for child in children)
