"""How fast Faust reads a topic, with nothing done to the records: a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import faust

_TAKE_RECORDS = 500
_TAKE_SECONDS = 0.05
_POLL_RECORDS = 2_000


def records_per_second(servers: str, topic: str, records: int) -> float:
    """Let a fresh process read so many records; timed from its first to its last."""
    command = [sys.executable, "-m", "bench.faust_reading", servers, topic, str(records)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            # Before it stand the characters by which Faust gives a terminal its cursor back.
            return float(process.stdout.readline().split()[-1])
        finally:
            process.kill()


def _app(servers: str, topic: str, records: int) -> faust.App:
    app = faust.App(
        f"bench-{time.time_ns()}",
        broker=f"kafka://{servers}",
        store="memory://",
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
        broker_max_poll_records=_POLL_RECORDS,
    )
    source = app.topic(topic, key_serializer="raw", value_serializer="raw")

    async def read(stream: Any) -> None:
        began, count = 0.0, 0
        async for values in stream.take(_TAKE_RECORDS, within=_TAKE_SECONDS):
            began = began or time.perf_counter()
            count += len(values)
            if count >= records:
                sys.stdout.write(f" {count / (time.perf_counter() - began)}\n")
                sys.stdout.flush()

    app.agent(source, name="read")(read)
    return app


if __name__ == "__main__":
    app = _app(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    faust.Worker(
        app, quiet=True, override_logging=False, redirect_stdouts=False
    ).execute_from_commandline()
