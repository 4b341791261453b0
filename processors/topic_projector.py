"""Keeps the rows of some partitions up with a topic that the log is relayed to.

The topic is only the quicker way to what the log has. Every record says from which position to
which it leads (``schemas/cloud_events.py``): a repeat is passed over, and where one is missing
(a gap, a topic that was made anew, a worker that was set to a wrong offset) the log itself is read
instead. So nothing depends on offsets, and whatever happens to the topic, the rows end up right.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from operator import attrgetter

import structlog

from processors.applying import BATCH_EVENTS, Applier
from processors.ports import Bookmark, EventLog
from processors.tallies import Distribution
from schemas.cloud_events import NotOfTheLog, Passed, read_record
from schemas.envelope import Recorded

_BATCH_BYTES = 4_000_000
"""As much as is read of the log at once."""

_log = structlog.get_logger(__name__)
_position_of = attrgetter("position")


class _Taken:
    """Events of some partitions, and how far each is with them."""

    def __init__(self) -> None:
        self.events: list[Recorded] = []
        self.reached: dict[int, int] = {}
        self.size = 0

    def add(self, partition: int, passed: Passed) -> None:
        """Take one more record of a partition."""
        self.reached[partition] = passed.position
        if passed.entry is not None:
            self.events.append(passed.entry.read())
            self.size += len(passed.entry.state)


class TopicProjector:
    """One projection's rows, in the partitions that one worker has. For one thread.

    Every method may raise ``TakenOver``, ``LogUnavailable`` or ``RowsUnavailable``; begin again
    then, with ``take``.
    """

    def __init__(self, applier: Applier, log: EventLog, batch_events: int = BATCH_EVENTS) -> None:
        self._applier = applier
        self._log = log
        self._batch_events = batch_events
        self._head = 0
        self.foreign_records = 0
        """Records so far that were none of the log's."""

    @property
    def share(self) -> Collection[int]:
        """The partitions that this one has."""
        return self._applier.stands.marks.keys()

    @property
    def stands(self) -> Bookmark:
        """Where the rows of its partitions are."""
        return self._applier.stands

    @property
    def batches(self) -> Distribution:
        """Events applied in one transaction, so far."""
        return self._applier.batches

    def take(self, partitions: Collection[int]) -> Bookmark:
        """Begin, or begin again, with these partitions, from where their rows are."""
        return self._applier.start(remake=False, share=partitions)

    def apply(self, values: Mapping[int, Iterable[bytes]]) -> None:
        """Apply records by partition, in the order of each, and in one transaction if they go on
        from where the rows are and are not too large.
        """
        taken = _Taken()
        for partition, of_partition in values.items():
            for passed in self._of_the_log(of_partition):
                reached = taken.reached.get(partition, self._position(partition))
                if passed.position <= reached:
                    continue  # a repeat
                if passed.after > reached:
                    taken = self._pass(taken)
                    self.catch_up(passed.after)
                    if passed.position <= self._position(partition):
                        continue  # the log was read further than asked for
                taken.add(partition, passed)
                if taken.size > _BATCH_BYTES:
                    taken = self._pass(taken)
        self._pass(taken)

    def catch_up(self, position: int) -> None:
        """Read the log itself, up to a position, for all partitions of this one's."""
        while (stands := self._applier.stands).position < position:
            events = self._log.follow(stands.position, self._batch_events)
            if not events:
                return
            self._applier.apply(events, stands.at(events[-1].position))

    def retry_due(self) -> bool:
        """Try a parked client whose time has come; false if there is none."""
        return self._applier.retry_due()

    def _position(self, partition: int) -> int:
        return self._applier.stands.marks[partition].position

    def _pass(self, taken: _Taken) -> _Taken:
        """Apply what was taken; returns what is left: nothing."""
        if taken.reached:
            taken.events.sort(key=_position_of)
            self._applier.apply(taken.events, self._applier.stands.moved(taken.reached))
        return _Taken()

    def _of_the_log(self, values: Iterable[bytes]) -> Iterable[Passed]:
        """What the records say; others are told, counted and left out."""
        for value in values:
            try:
                passed = read_record(value)
            except NotOfTheLog:
                self._tell_foreign()
                continue
            if passed.position > self._head:
                self._head = self._log.head()
            if passed.position > self._head or passed.after >= passed.position:
                self._tell_foreign()
                continue
            yield passed

    def _tell_foreign(self) -> None:
        self.foreign_records += 1
        _log.error("worker.foreign_record", projection=self._applier.projection.name)
