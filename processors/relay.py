"""Passes the log on to a topic, in order, so that workers elsewhere can follow it.

One relay at a time: the one that has the lease, a row of the database; others stand by and take
over when it was given back or has run out. Whoever takes over opens the topic anew, which fences
off whoever had it open: a relay that was asleep meanwhile cannot write.

A batch is one transaction of the topic. After it every partition stands at the batch's last
position, by an event or by a marker: so one number says how far the relay is. It is stored when the
topic has acknowledged; a crash between the two repeats the batch, which readers see and pass over
(``schemas/cloud_events.py``). A topic that was made anew is filled again from the first event.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec
import structlog

from processors.applying import kind_of, place_of
from processors.partitions import partition_of
from processors.ports import EventLog, RowsUnavailable
from processors.tallies import Pulse
from schemas.cloud_events import event_record, marker_record
from schemas.envelope import LogEntry

BATCH_EVENTS = 5_000
"""Large: a transaction of the topic takes as long for a thousand records as for one."""
LEASE_SECONDS = 5.0
_RENEW_SECONDS = 1.0
_LOOK_SECONDS = 3.0
"""How often the topic is looked at: whether it is still the same."""
_IDLE_SECONDS = 0.5
_STANDBY_SECONDS = 0.5
_BACKOFF_SECONDS = (0.1, 2.0)

Record = tuple[bytes | None, bytes]
"""Key and value."""

_log = structlog.get_logger(__name__)


class TopicUnavailable(Exception):
    """The topic's broker cannot be used now. Whether a send in flight took effect is not known.

    Its text is the kind of failure.
    """


class FencedOff(Exception):
    """The topic was opened by another relay since: this one must not write any more."""


class TopicUnfit(Exception):
    """The log cannot be passed on to this topic, until someone has done something about it."""


class _Interrupted(Exception):
    """The work at hand must not go on: its text says why."""


class TopicFacts(msgspec.Struct, frozen=True):
    """What the broker says of a topic."""

    incarnation: str
    """The broker's id of it, another one each time it is made."""
    partitions: int
    is_empty: bool
    """Whether nothing was ever written to it."""


class EventTopic(Protocol):
    """The topic that the log is passed on to. For one thread.

    Every method but ``close`` may raise ``TopicUnavailable``. ``waiting`` is called now and then
    while a method waits; what it raises ends the waiting.
    """

    @property
    def name(self) -> str:
        """The topic's name."""
        ...

    def look(self) -> TopicFacts | None:
        """What there is; None if the topic is missing."""
        ...

    def create(self, partitions: int) -> None:
        """Make the topic, unless it is there."""
        ...

    def open(self, waiting: Callable[[], None]) -> None:
        """Begin to write, and fence off whoever did."""
        ...

    def send(self, records: Mapping[int, Sequence[Record]], waiting: Callable[[], None]) -> None:
        """Write records to their partitions in one transaction, durably. Raises ``FencedOff``."""
        ...

    def close(self) -> None:
        """End writing; ``open`` begins it again."""
        ...


class RelayState(msgspec.Struct, frozen=True):
    """How far the log has been passed on to a topic."""

    position: int
    """Everything up to here in the log is in the topic."""
    incarnation: str | None
    """Which making of the topic that is; None if there was none yet."""
    is_held: bool
    """Whether a relay has the lease now."""


class RelayStore(Protocol):
    """Where relays keep their position and agree on who works.

    Every method may raise ``RowsUnavailable``.
    """

    def take(self, topic: str, holder: str, seconds: float) -> RelayState | None:
        """Take the lease, or keep it, for so long from now; None while another relay has it."""
        ...

    def begin_again(self, topic: str, holder: str, incarnation: str) -> bool:
        """Go to position 0 of a topic made anew; false if the lease is another's."""
        ...

    def advance(self, topic: str, holder: str, position: int, seconds: float) -> bool:
        """Keep a position, and the lease for so long from now; false if it is another's."""
        ...

    def release(self, topic: str, holder: str) -> None:
        """Give the lease back, if it is this holder's: another may take it at once."""
        ...

    def state(self, topic: str) -> RelayState | None:
        """How far the topic is; None if no relay ever worked."""
        ...


class Relay:
    """One relay, run by one thread. ``partitions`` says into how many the clients are divided."""

    def __init__(
        self,
        log: EventLog,
        store: RelayStore,
        topic: EventTopic,
        partitions: Callable[[], int],
        batch_events: int = BATCH_EVENTS,
    ) -> None:
        self._log = log
        self._store = store
        self._topic = topic
        self._count_partitions = partitions
        self._batch_events = batch_events
        self._holder = uuid.uuid4().hex
        self._stop = threading.Event()
        self._partitions = 1
        self._position = 0
        self._incarnation = ""
        self._renew_at = self._look_at = 0.0
        self._stands_by = False
        self.pulse = Pulse()
        self.leads = False
        """Whether it is this one that passes the log on."""

    def run(self, stop: threading.Event) -> None:
        """Pass the log on until ``stop`` is set, or stand by for whoever does.

        While the log, the store or the topic is away it tries again for ever, at most some seconds
        apart. At the end the lease is given back.
        """
        self._stop = stop
        failures = 0
        while not stop.is_set():
            try:
                if not self.start():
                    if not self._stands_by:
                        self._tell("relay.stands_by")
                    self._stands_by = True
                    failures = 0
                    self.pulse.worked()  # it has found that there is none for it
                    stop.wait(_STANDBY_SECONDS)
                    continue
                self._tell("relay.started")
                self.leads, self._stands_by = True, False
                while not stop.is_set():
                    if not self.step():
                        self._log.wait(self._position, _IDLE_SECONDS)
                    failures = 0
                    self.pulse.worked()
            except Exception as error:  # noqa: BLE001  # nobody else would go on with it
                self.leads = False
                self.pulse.beat()
                self.close()  # another may have better luck than this one
                pause = min(_BACKOFF_SECONDS[0] * 2**failures, _BACKOFF_SECONDS[1])
                failures = min(failures + 1, 16)
                if not stop.is_set():
                    self._tell_interrupted(error, pause)
                stop.wait(pause)
        self.leads = False
        self.close()
        self._tell("relay.ended")

    def start(self) -> bool:
        """Take over, or begin again from what is stored; false while another relay has the lease.

        Raises ``TopicUnfit``, and what the log, the store and the topic raise.
        """
        self._topic.close()
        state = self._store.take(self._topic.name, self._holder, LEASE_SECONDS)
        if state is None:
            return False
        self._partitions = self._count_partitions()
        self._incarnation = self._fit_topic(state)
        self._position = state.position
        self._look_at = time.monotonic() + _LOOK_SECONDS
        self._topic.open(self._keep)
        if state.incarnation != self._incarnation:
            if not self._store.begin_again(self._topic.name, self._holder, self._incarnation):
                return False
            self._position = 0
        # Who fell asleep before it opened the topic must find out: another may have it by now.
        self._renew_at = 0.0
        self._keep()
        return True

    def step(self) -> bool:
        """Pass a batch on; false if there is nothing to pass on.

        Raises what the log, the store and the topic raise.
        """
        self._keep()
        entries = self._log.entries(self._position, self._batch_events)
        if not entries:
            return False
        self._topic.send(chained(entries, self._position, self._partitions), self._keep)
        reached = entries[-1].position
        if not self._store.advance(self._topic.name, self._holder, reached, LEASE_SECONDS):
            raise _Interrupted("LeaseLost")
        self._position = reached
        self._renew_at = time.monotonic() + _RENEW_SECONDS
        return True

    def close(self) -> None:
        """End writing, and give the lease back."""
        self._topic.close()
        with contextlib.suppress(RowsUnavailable):  # then it runs out
            self._store.release(self._topic.name, self._holder)

    def _fit_topic(self, state: RelayState) -> str:
        """The incarnation of the topic, which is made again if it was deleted."""
        found = self._topic.look()
        if found is None:
            if state.incarnation is None:
                raise TopicUnfit("NeverMade")  # by `ofrecord topics`, which knows how many parts
            self._topic.create(self._partitions)
            found = self._topic.look()
            if found is None:
                raise TopicUnavailable("NotMadeYet")
        if found.partitions != self._partitions:
            raise TopicUnfit("OtherPartitions")
        if state.incarnation is None and not found.is_empty:
            raise TopicUnfit("FilledByAnotherLog")  # its readers would take that one's events
        return found.incarnation

    def _keep(self) -> None:
        """Keep the lease, and look whether the topic is still the same, where it is time to."""
        if self._stop.is_set():
            raise _Interrupted("Stopping")
        self.pulse.beat()
        now = time.monotonic()
        if now >= self._renew_at:
            state = self._store.take(self._topic.name, self._holder, LEASE_SECONDS)
            if state is None or state.position != self._position:
                raise _Interrupted("LeaseLost")
            self._renew_at = now + _RENEW_SECONDS
        if now >= self._look_at:
            found = self._topic.look()
            if found is None or found.incarnation != self._incarnation:
                raise _Interrupted("TopicReplaced")
            self._look_at = now + _LOOK_SECONDS

    def _tell(self, event: str) -> None:
        _log.info(event, topic=self._topic.name, position=self._position)

    def _tell_interrupted(self, error: Exception, pause: float) -> None:
        told = isinstance(error, TopicUnavailable | TopicUnfit | _Interrupted) and str(error)
        _log.warning(
            "relay.topic_unfit" if isinstance(error, TopicUnfit) else "relay.interrupted",
            topic=self._topic.name,
            position=self._position,
            error=told or kind_of(error),
            where=place_of(error),
            seconds=pause,
        )


def chained(
    entries: Sequence[LogEntry], after: int, partitions: int
) -> Mapping[int, Sequence[Record]]:
    """The records of a batch by partition, when every partition had reached ``after`` before it.

    Each goes on from the one before it, and all partitions end at the batch's last position.
    """
    last = entries[-1]
    records: dict[int, list[Record]] = {partition: [] for partition in range(partitions)}
    reached = dict.fromkeys(records, after)
    for entry in entries:
        partition = partition_of(entry.client_id, partitions)
        record = event_record(entry, reached[partition])
        records[partition].append((entry.client_id.encode(), record))
        reached[partition] = entry.position
    for partition, position in reached.items():
        if position < last.position:
            marker = marker_record(position, last.position, last.recorded_at)
            records[partition].append((None, marker))
    return records
