"""What the processors need from outside, as the outbound adapters provide it.

PostgreSQL adapters and in-memory ones implement the same protocols and pass the same contract
suite (``tests/adapters``). What proofs need besides is in ``proof_ports.py``,
and what goes through whole histories in ``replay_ports.py``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from domain.client.state import Client
from domain.kernel import Cause, Event
from domain.streams import Stream
from projections.kernel import Changes, Projection, Row
from schemas.envelope import LogEntry, Recorded


class Clock(Protocol):
    """The only source of "now"; tests and backfills set it."""

    def now(self) -> datetime:
        """The current instant, UTC and aware."""
        ...


# ── The log ────────────────────────────────────────────────────────────────────────────────────


class ReceiptRow(msgspec.Struct, frozen=True):
    """A stored answer: the bytes that every repeat gets, and what they answer."""

    transaction_id: str
    content_hash: bytes
    body: bytes


class NewEvent(msgspec.Struct, frozen=True):
    """An event to append, at the client's version decided for it."""

    client_id: str
    version: int
    cause: Cause
    event: Event


class NewReceipt(msgspec.Struct, frozen=True):
    """A receipt to store with the events it is for, in the same database transaction.

    ``head`` is the receipt's JSON without its position and closing brace; the store adds
    ``"position"`` when it is known: that of the ``event_index``-th event of this append, or
    ``position`` where the transaction caused no event.
    """

    transaction_id: str
    sender: str
    key: str
    client_id: str
    content_hash: bytes
    head: bytes
    event_index: int | None
    position: int


class Snapshot(msgspec.Struct, frozen=True):
    """A client's state at a version, encoded; only a shortcut, the history is the truth.

    ``form`` is the fingerprint of the state's declaration: a snapshot of another form is ignored.
    """

    client_id: str
    version: int
    form: str
    state: bytes


SNAPSHOT_STRIDE_EVENTS = 25_000
"""Of a long history's snapshots one is kept in each so many events."""


class LogRead(msgspec.Struct, frozen=True):
    """What one look at the log found for a batch of commands."""

    receipts: Mapping[str, ReceiptRow]
    """By transaction id, which stands for sender and key."""
    snapshots: Mapping[str, Client]
    """The newest snapshot of each client of whom nothing was known, decoded."""
    events: Sequence[Recorded]
    """Events of the asked clients after the versions already known, by client and version."""


class VersionConflict(Exception):
    """Another process appended to one of the clients, or used one of the keys, meanwhile."""


class LogUnavailable(Exception):
    """The log cannot be reached now. Whether an append in flight took effect is not known."""


class EventLog(Protocol):
    """The history of all clients and payees: one order, no gaps, receipts beside the events."""

    def read(self, transaction_ids: Sequence[str], known: Mapping[str, int | None]) -> LogRead:
        """Receipts of transactions, and what happened to clients since the version known of each.

        ``None`` as known version: nothing is known; the newest snapshot, if there is one, comes
        along, with the events after it.
        """
        ...

    def append(
        self,
        events: Sequence[NewEvent],
        receipts: Sequence[NewReceipt],
        recorded_at: datetime,
        relied: Mapping[str, int],
    ) -> int:
        """Store all or nothing, durably; returns the position of the first event.

        ``relied`` are the versions of clients that decisions without events rest on. Without
        events it returns the log's head. Raises ``VersionConflict`` when a version or a
        transaction id is taken or a relied-on version has passed (nothing was stored), or
        ``LogUnavailable`` (unknown: look the transactions up again).
        """
        ...

    def follow(self, after: int, limit: int) -> Sequence[Recorded]:
        """Events in log order from the position after ``after``, at most ``limit``.

        Fewer where they are large; none only if there are none.
        """
        ...

    def entries(self, after: int, limit: int) -> Sequence[LogEntry]:
        """As ``follow``, in bytes."""
        ...

    def history(
        self, client_id: str, after_version: int, limit: int, up_to_version: int | None = None
    ) -> Sequence[Recorded]:
        """A client's events in order, from the version after ``after_version``."""
        ...

    def selected(
        self,
        client_id: str,
        types: Collection[str],
        up_to_version: int,
        naming: Collection[str] | None = None,
    ) -> Sequence[Recorded]:
        """A client's events of these types up to a version, in order.

        With ``naming``: of those, the ones whose data has one of these ids (or dates, as written)
        as a text. So a family's part is read out of a large client's history without the rest.
        """
        ...

    def load(self, up_to: Mapping[str, int]) -> Mapping[str, Stream]:
        """Clients and payees as they were at a version each (0: an empty shell).

        The newest snapshot comes first, where there is one.
        """
        ...

    def receipt(self, transaction_id: str) -> ReceiptRow | None:
        """The receipt of one transaction, if it is stored."""
        ...

    def head(self) -> int:
        """The position of the newest event; 0 for an empty log."""
        ...

    def recorded_at(self, position: int) -> datetime | None:
        """When the event at a position was recorded; None beyond the head."""
        ...

    def wait(self, after: int, timeout_seconds: float) -> bool:
        """Block until the log has grown beyond ``after``, or the time is over (false).

        Wakes at once when a commit is announced, and looks by itself now and then, so that a lost
        announcement delays but never blocks. Several threads may wait.
        """
        ...

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot. A client's two newest stay, and of earlier ones the first in each
        ``SNAPSHOT_STRIDE_EVENTS``: so the way to any earlier moment is short, too.
        """
        ...


# ── Rows of projections ────────────────────────────────────────────────────────────────────────


class ParkedClient(msgspec.Struct, frozen=True):
    """A client whose event a projection could not apply; its later events wait behind it."""

    projection: str
    client_id: str
    position: int
    """Of the event that failed; what the client did before it is applied."""
    version: int
    error: str
    """The kind of failure: exception class and place in the code, no data."""
    parked_at: datetime
    attempts: int = 1
    retry_requested: bool = False
    """Someone asked for another attempt now; the projector makes it and clears this."""


class RowsUnavailable(Exception):
    """The row store cannot be reached now. Whether a write in flight took effect is not known."""


class RowsRejected(Exception):
    """The store cannot hold these rows (a value outside its column's type, a key twice).

    Nothing was written. Its text is the kind of failure, without data.
    """


class NotLevel(Exception):
    """A projection has not applied the same positions in all its partitions."""


class TablesReplaced(Exception):
    """The tables were made for another declaration, by another version of the program."""


class Mark(msgspec.Struct, frozen=True):
    """Where a projection stands in one partition of the clients."""

    position: int
    """Everything of the partition's clients up to here in the log is applied, but for what waits
    behind parked clients."""
    writes: int = 0
    """Grows with every write, also with those of parked clients, which move no position."""


class Bookmark(msgspec.Struct, frozen=True):
    """Where a projection stands, in all partitions or in those that one worker has.

    Every write makes new marks, and only who knows the newest may write on.
    """

    marks: Mapping[int, Mark]
    """By partition (``processors/partitions.py``)."""

    @property
    def position(self) -> int:
        """Everything up to here is applied, in all of these partitions."""
        return min((mark.position for mark in self.marks.values()), default=0)

    @property
    def writes(self) -> int:
        """The most that any of these partitions was written."""
        return max((mark.writes for mark in self.marks.values()), default=0)

    def at(self, position: int) -> Bookmark:
        """The same partitions when the whole log up to a position is applied; none goes back."""
        return self.moved(dict.fromkeys(self.marks, position))

    def moved(self, positions: Mapping[int, int]) -> Bookmark:
        """The same partitions, some of them further on; none goes back."""
        return Bookmark(
            {
                partition: Mark(max(mark.position, positions.get(partition, 0)), mark.writes)
                for partition, mark in self.marks.items()
            }
        )

    def written(self, reached: Bookmark) -> Bookmark:
        """The bookmark after one more write, which moved these partitions to where they are in
        ``reached``.
        """
        return Bookmark(
            {
                partition: Mark(reached.marks[partition].position, mark.writes + 1)
                for partition, mark in self.marks.items()
            }
        )


class RowStore(Protocol):
    """Rows of projections together with the position they reflect.

    Every method may raise ``RowsUnavailable``.
    """

    def prepare(self, projection: Projection, remake: bool = True) -> Bookmark:
        """Make the projection's tables if need be; returns where it stands, in all partitions.

        When the declaration differs from what the tables were made for, they are made anew, at
        position 0; or, unless ``remake``, ``TablesReplaced`` is raised.
        """
        ...

    def partitions(self) -> int:
        """Into how many partitions the clients are divided; 1 until ``divide``."""
        ...

    def divide(self, partitions: int) -> None:
        """Divide the clients into so many partitions, each projection where it stands.

        Raises ``NotLevel`` unless each projection stands at one position in all its partitions:
        with others, one partition could take clients of two positions over.
        """
        ...

    def position(self, projection: str) -> int:
        """The position up to which the rows are applied in all partitions; 0 if nothing is."""
        ...

    def positions(self, projection: str) -> Mapping[int, int]:
        """The same by partition, in their order."""
        ...

    def write(
        self,
        projection: Projection,
        changes: Changes,
        expected: Bookmark,
        reached: Bookmark,
        parked: Collection[ParkedClient] = (),
        released: Collection[str] = (),
    ) -> Bookmark | None:
        """Rows, positions and parked clients in one transaction.

        The partitions are those of ``expected``, and go where they are in ``reached``. Scopes in
        ``changes`` are replaced by the rows given for them. A client in ``parked`` who is parked
        already gets the new facts; one in ``released`` is no longer parked.

        Returns where these partitions stand now; None, with nothing written, if one did not stand
        at ``expected`` or its tables are another declaration's: another worker has taken over.
        Raises ``RowsRejected`` for rows that cannot be stored.
        """
        ...

    def parked(self, projection: str | None = None) -> Sequence[ParkedClient]:
        """Parked clients, oldest first."""
        ...

    def request_retry(self, projection: str, client_id: str) -> bool:
        """Ask the projector, in whichever process it runs, to try a parked client again soon.

        False if that client is not parked in that projection.
        """
        ...

    def rows(self, projection: Projection) -> Iterator[Row]:
        """Every row of a projection, in no order; for verification."""
        ...

    def digest(self, projection: Projection) -> Mapping[str, str]:
        """A fingerprint of each client's rows, equal if and only if the rows are."""
        ...
