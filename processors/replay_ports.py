"""What verifying and rebuilding need besides ``ports.py``: the log by streams, rows by clients.

The adapters of the log and of rows implement these too, and pass the same contract suites.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from processors.ports import Bookmark, EventLog, ParkedClient, RowStore
from projections.kernel import Projection, Row
from schemas.envelope import Recorded

# ── The log ────────────────────────────────────────────────────────────────────────────────────


class Share(NamedTuple):
    """A part of all streams, by a hash of their ids: so several workers go through all of them."""

    number: int = 0
    of: int = 1


class StreamSize(NamedTuple):
    """A client or payee, and how many events there are of it."""

    stream_id: str
    events: int


class WholeLog(EventLog, Protocol):
    """The log, also read stream by stream. Every method may raise ``LogUnavailable``."""

    def streams(self, after: str, limit: int, share: Share) -> Sequence[StreamSize]:
        """Clients and payees of a share, from the one after ``after`` ("": the first).

        In an order of the log's own, in which a walk meets each that was there when it began once.
        """
        ...

    def histories(self, up_to: Mapping[str, int]) -> Iterator[Recorded]:
        """Whole histories, up to a position each: stream after stream, by version.

        Read as it goes, so that a history of any length may pass by.
        """
        ...

    def known(self, stream_ids: Collection[str]) -> Collection[str]:
        """Those of these streams that have any event."""
        ...

    def missing(self, up_to: int) -> int:
        """How many positions the log lacks up to one; always 0, unless someone meddled with it."""
        ...


# ── Rows of projections ────────────────────────────────────────────────────────────────────────


class Moment(NamedTuple):
    """What a projection shows of some clients at one moment, also while it is written."""

    stands: Bookmark
    """In all partitions."""
    parked: Mapping[str, ParkedClient]
    """By client: those of these that are parked."""
    rows: Sequence[Row]


class ShownRows(RowStore, Protocol):
    """Rows of projections, also client by client. Every method may raise ``RowsUnavailable``."""

    def moment(self, projection: Projection, client_ids: Collection[str]) -> Moment:
        """The rows of some clients, and where the projection stood when they were so.

        Raises ``TablesReplaced`` if the tables are another declaration's.
        """
        ...

    def shown(self, projection: Projection, after: str, limit: int) -> Sequence[str]:
        """Ids of clients that have rows, in order, from the one after ``after`` ("": the first)."""
        ...
