"""When a worker reads the log because its topic brings nothing."""

from __future__ import annotations

import asyncio
from contextlib import closing
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from processors.faust_workers import Worker
from tests.processors.test_topic_projector import PARTITIONS, World, relayed


def test_a_worker_that_gets_on_leaves_the_log_alone_and_one_that_does_not_reads_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However much there is to do: it is only late. Else everyone would read all of the log."""
    world, now = World(), 100.0
    monkeypatch.setattr("processors.faust_workers.time", SimpleNamespace(monotonic=lambda: now))
    chains = relayed(world.log)
    with closing(Worker("tally", world.worker(), world.log.head)) as worker:
        with capture_logs() as lines:
            for step in range(4):
                asyncio.run(worker.look(lambda: range(PARTITIONS)))
                some = {n: chain[step * 2 : step * 2 + 2] for n, chain in enumerate(chains)}
                asyncio.run(worker.apply(lambda: range(PARTITIONS), some))
                now += 2.0
            asyncio.run(worker.look(lambda: range(PARTITIONS)))
        assert "worker.reads_log" not in {line["event"] for line in lines}
        assert worker.projector.stands.position < world.log.head()
        now += 4.0
        asyncio.run(worker.look(lambda: range(PARTITIONS)))
    world.assert_applied()
