"""A Faust worker: some partitions of the relayed topic, applied to one projection's rows.

Faust brings membership, rebalancing and reading. It is not relied on for more: the state lives in
PostgreSQL, the positions beside the rows, and what Faust does not deliver is read from the log
(``topic_projector.py``). Its offsets only say where reading starts.

Applying takes turns in a thread of its own, so that heartbeats go on meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import faust
import structlog
from faust.transport.drivers import aiokafka as driver

from processors.applying import TakenOver, kind_of, place_of
from processors.ports import TablesReplaced
from processors.tallies import Pulse
from processors.topic_projector import TopicProjector

_HEARTBEATS_IN_SESSION = 3
_HEARTBEAT_SECONDS_MAX = 1.0
"""By its heartbeat a worker hears that others come or go: all of them wait for the last one."""
_BUNDLE_RECORDS_MAX = 2_000
_METADATA_MILLISECONDS = 3_000
"""So soon a topic that was made anew is noticed; Faust would take five minutes."""
_LOOK_SECONDS = 1.0
_PATIENCE_SECONDS = 3.0
"""What was relayed so long ago and has not come, while nothing came, is read from the log."""
_BACKOFF_SECONDS = (0.05, 5.0)
_TICK_SECONDS = 0.02

_log = structlog.get_logger(__name__)


class Worker:
    """The work of one projection in one process.

    ``relayed`` says up to which position the log is in the topic. ``assigned`` is called, from
    another thread, with the number of partitions whenever it begins with others than before.
    """

    def __init__(
        self,
        projection: str,
        projector: TopicProjector,
        relayed: Callable[[], int],
        assigned: Callable[[int], None] = lambda count: None,
        pulse: Pulse | None = None,
    ) -> None:
        self._projection = projection
        self.projector = projector
        self.pulse = pulse or Pulse()
        self._relayed = relayed
        self._assigned = assigned
        self._must_take = True
        self._failures = 0
        self._expected = 0
        self._expected_since = 0.0
        self._seen = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"worker-{projection}")
        self.is_replaced = False
        """The tables are another version's: this worker is of no use any more."""

    async def apply(
        self, assigned: Callable[[], Collection[int]], values: Mapping[int, Sequence[bytes]]
    ) -> None:
        """Apply records by partition, trying again while it fails and partitions are ours."""
        while not self.is_replaced:
            mine = set(assigned())
            ours = {partition: some for partition, some in values.items() if partition in mine}
            work = functools.partial(self.projector.apply, ours)
            if not ours or await self._in_turn(mine, work):
                return

    async def look(self, assigned: Callable[[], Collection[int]]) -> None:
        """Do what no record says: retry parked clients, read what the topic failed to bring."""
        mine = set(assigned())
        if not mine:
            self.pulse.worked()  # others have all partitions: there is nothing to do
        elif not self.is_replaced:
            await self._in_turn(mine, self._look)

    def close(self) -> None:
        """Wait for what is being written."""
        self._thread.shutdown()

    async def _in_turn(self, mine: Collection[int], work: Callable[[], None]) -> bool:
        """Do it in the thread; false if it failed, after a pause."""
        loop = asyncio.get_running_loop()
        pause = await loop.run_in_executor(self._thread, self._attempt, mine, work)
        if pause is None:
            return True
        await asyncio.sleep(pause)
        return False

    def _attempt(self, mine: Collection[int], work: Callable[[], None]) -> float | None:
        """Returns for how long to pause after a failure; None if there was none.

        Nothing in memory is trusted after a failure: it begins again from what is stored.
        """
        try:
            if self._must_take or set(self.projector.share) != mine:
                position = self.projector.take(mine).position
                self._must_take = False
                _log.info(
                    "worker.assigned",
                    projection=self._projection,
                    count=len(mine),
                    position=position,
                )
                self._assigned(len(mine))
            work()
            self._failures = 0
            self.pulse.worked()
            return None
        except TakenOver:
            _log.warning("worker.taken_over", projection=self._projection)
        except TablesReplaced:
            self.is_replaced = True
            _log.error("worker.replaced", projection=self._projection)
        except Exception as error:  # noqa: BLE001  # whatever it is, the partitions are still ours
            _log.warning(
                "worker.interrupted",
                projection=self._projection,
                error=kind_of(error),
                where=place_of(error),
            )
        self.pulse.beat()
        self._must_take = True
        self._failures = min(self._failures + 1, 16)
        return float(min(_BACKOFF_SECONDS[0] * 2**self._failures, _BACKOFF_SECONDS[1]))

    def _look(self) -> None:
        while self.projector.retry_due():
            pass
        now, position = time.monotonic(), self.projector.stands.position
        if position >= self._expected or position != self._seen:  # it gets on, however far it is
            self._expected, self._expected_since, self._seen = self._relayed(), now, position
        elif now - self._expected_since > _PATIENCE_SECONDS:
            _log.info(
                "worker.reads_log",
                projection=self._projection,
                position=position,
                head=self._expected,
            )
            self.projector.catch_up(self._expected)


# ── Faust ──────────────────────────────────────────────────────────────────────────────────────


class _Consumer(driver.Consumer):
    """Hands on what has come as one message for each partition, and all of it with the first one.

    Message by message costs Faust 65 µs each, five times as much as reading them; and what has come
    is applied in one transaction, of whatever partitions it is. A message has its partition's last
    offset, and acknowledges all before it. The others follow when the first one is applied.
    """

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[Any, Any]]:
        """As the inherited one, but for what a message is."""
        records, active = await self._wait_next_records(timeout)
        if records is None or self.should_stop:
            return
        if not self.flow_active:
            with contextlib.suppress(Exception):  # a partition is another's by now: as inherited
                await self.perform_seek()
            return
        bundles = {
            partition: bundle
            for partition, bundle in records.items()
            if bundle and (active is None or partition in active)
        }
        values = {
            partition.partition: [record.value for record in bundle]
            for partition, bundle in bundles.items()
        }
        for partition, bundle in bundles.items():
            if not self.flow_active:
                return
            if bundle[-1].offset < (self._read_offset[partition] or 0):
                await self._begin_again(partition)
            message: Any = self._to_message(partition, bundle[-1])
            message.value, values = values, {}
            yield partition, message

    async def _begin_again(self, partition: Any) -> None:
        """Forget what was read of a topic before it was made anew, once it is done with.

        Faust would drop its records until there were as many as in the old one.
        """
        while any(message.tp == partition for message in self._unacked_messages):
            if self.should_stop:
                return
            await asyncio.sleep(_TICK_SECONDS)
        # One of the old topic that is under way would be remembered, and smaller ones then dropped.
        await self.maybe_wait_for_commit_to_finish()
        _log.info("worker.topic_begins_again", partition=partition.partition)
        for known in (self._read_offset, self._committed_offset, self._acked, self._acked_index):
            known.pop(partition, None)

    async def _add_gap(self, tp: Any, offset_from: int, offset_to: int) -> None:
        """Nothing: offsets that no message has do not matter below."""

    def _new_offset(self, tp: Any) -> int | None:
        """What to acknowledge: a partition's messages are applied in order, so up to the newest.

        Faust would go on by one gap each time, three seconds apart, and fall behind for good:
        whoever got the partition would read everything since.
        """
        acked = self._acked[tp]
        if not acked:
            return None
        newest = max(acked)
        acked.clear()
        self._acked_index[tp].clear()
        return newest + 1


class _Transport(driver.Transport):
    Consumer = _Consumer


class _App(faust.App):
    """An app that writes nothing to the disk."""

    def _new_transport(self) -> _Transport:
        return _Transport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        pass


def make_app(
    servers: str, topic: str, group: str, worker: Worker, session_seconds: float
) -> faust.App:
    """The Faust app in which a worker works.

    ``servers`` are ``host:port``, by commas. Who is not heard of for ``session_seconds`` has lost
    its partitions.
    """
    app = _App(
        group,
        broker=";".join(f"kafka://{server.strip()}" for server in servers.split(",")),
        store="memory://",
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=session_seconds,
        broker_heartbeat_interval=min(
            session_seconds / _HEARTBEATS_IN_SESSION, _HEARTBEAT_SECONDS_MAX
        ),
        broker_max_poll_records=_BUNDLE_RECORDS_MAX,
        consumer_metadata_max_age_ms=_METADATA_MILLISECONDS,
        worker_redirect_stdouts=False,
    )
    source = app.topic(topic, key_serializer="raw", value_serializer="raw")

    def assigned() -> list[int]:
        """The partitions that are this process's now."""
        return [each.partition for each in app.consumer.assignment() if each.topic == topic]

    async def follow(stream: Any) -> None:
        async for event in stream.events():
            await worker.apply(assigned, event.message.value)

    async def look() -> None:
        await worker.look(assigned)
        if worker.is_replaced:
            await app.stop()

    app.agent(source, name=f"{group}.follow")(follow)
    app.timer(interval=_LOOK_SECONDS)(look)
    return app


def run(app: faust.App) -> None:
    """Work until SIGTERM or Ctrl-C; partitions are given back at once, to whoever is left.

    Raises ``SystemExit`` if it failed.
    """
    # They write dozens of lines a second, without what would be filled in, while a broker is away
    # or others come and go. What matters of it, lag and this module tell.
    for library in ("aiokafka", "faust", "mode"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    worker = faust.Worker(app, quiet=True, override_logging=False)
    worker.spinner = None  # even quiet it would write a terminal's codes
    try:
        worker.execute_from_commandline()
    except SystemExit as ended:  # Faust ends the process also when all is well
        if ended.code:
            _log.error("worker.failed", code=str(ended.code))
            raise
