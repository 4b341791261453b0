"""A worker's patience: with a topic that brings nothing, and with partitions that come and go."""

from __future__ import annotations

import asyncio
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import IllegalStateError
from structlog.testing import capture_logs

from processors.faust_workers import Worker, _Consumer
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


class Rebalancing(_Consumer):
    """A consumer whose partitions are taken from it while it goes back to where it was."""

    flow_active = should_stop = False

    def __init__(self) -> None:
        """Without a broker."""

    async def _wait_next_records(self, timeout: float) -> Any:
        return {}, None

    async def perform_seek(self) -> None:
        """As Faust does where a partition was revoked meanwhile."""
        raise IllegalStateError("No current assignment")


def test_a_partition_that_is_taken_away_ends_no_worker() -> None:
    """Faust would end the process: it was never asked to, and has other partitions."""

    async def messages() -> list[Any]:
        return [message async for message in Rebalancing().getmany(1.0)]

    assert asyncio.run(messages()) == []
