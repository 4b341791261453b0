"""``make bench``: one table, every ratio taken in one run on one server."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from adapters.outbound.embedded_postgres import EmbeddedPostgres
from adapters.outbound.logs import configure_logs
from adapters.outbound.migrations import migrate
from adapters.runtime import tune_interpreter
from bench import (
    accesses,
    archive,
    as_of,
    billing,
    commands,
    distributed,
    growth,
    http,
    large_client,
    projecting,
    proofs,
    rebuild,
    recovery,
    references,
)
from bench.databases import fresh_database
from bench.measuring import Effort
from bench.table import Table

_PARTS: dict[str, Callable[[str, Table, Effort], None]] = {
    "commands": commands.measure,
    "http": http.measure,
    "accesses": accesses.measure,
    "projector": projecting.measure,
    "large_client": large_client.measure,
    "as_of": as_of.measure,
    "growth": growth.measure,
    "rebuild": rebuild.measure,
    "billing": billing.measure,
    "archive": archive.measure,
    "proofs": proofs.measure,
    "distributed": distributed.measure,
    "recovery": recovery.measure,
}


def main() -> None:
    """Measure the parts asked for, or all."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*_PARTS, []], help="default: all")
    parser.add_argument("--seconds", type=float, help="for each figure (default 4)")
    parser.add_argument(
        "--quick", action="store_true", help="small logs and short figures: does it run at all"
    )
    arguments = parser.parse_args()
    effort = Effort(arguments.seconds or (0.5 if arguments.quick else 4.0), arguments.quick)
    configure_logs("json", "warning")
    tune_interpreter()
    table = Table()
    table.head(f"Of Record on {references.machine()}, PostgreSQL with fsync on")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with EmbeddedPostgres(Path(folder) / "data") as server:
            for name in arguments.parts or _PARTS:
                began = time.perf_counter()
                table.head(name)
                url = fresh_database(server, name)
                migrate(url)
                _PARTS[name](url, table, effort)
                table.note(f"measured in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
