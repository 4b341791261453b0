"""What changed between two knowings of a client: the rows that differ, and what made each so."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from processors.differences import Change, differences
from processors.ports import EventLog
from processors.replaying import StreamReplay
from projections.kernel import Projection, Row, Scope
from schemas.envelope import Recorded

_PAGE_EVENTS = 1_000
_Identity = tuple[str, tuple[Any, ...]]
"""A row's table and the values of its key."""


class Difference(msgspec.Struct, frozen=True):
    """A row that is not what it was, with the transactions that touched it in between."""

    change: Change
    causes: tuple[Recorded, ...]
    """The first event of each transaction, in order; the last one made the row what it is."""


def compared(
    log: EventLog, projections: Collection[Projection], client_id: str, earlier: int, later: int
) -> list[Difference]:
    """The rows that differ between two versions of a client, by table and key.

    A row that changed and changed back does not differ. Only what was touched in between is
    derived, so it takes as long as there is to tell.
    """
    story = _Story(log, projections, client_id, earlier)
    for transaction in _transactions(log, client_id, earlier, later):
        story.goes_on(transaction)
    return list(story.differences())


def _transactions(
    log: EventLog, client_id: str, after: int, up_to: int
) -> Iterator[Sequence[Recorded]]:
    """The events after a version, those of each transaction together."""
    events = _events(log, client_id, after, up_to)
    for _, group in itertools.groupby(events, lambda recorded: recorded.cause.transaction_id):
        yield list(group)


def _events(log: EventLog, client_id: str, after: int, up_to: int) -> Iterator[Recorded]:
    while page := log.history(client_id, after, _PAGE_EVENTS, up_to):
        yield from page
        after = page[-1].version


class _Story:
    """The rows of what was touched: as they were before, and as they are now."""

    def __init__(
        self, log: EventLog, projections: Collection[Projection], client_id: str, earlier: int
    ) -> None:
        self._projections = projections
        self._had = log.load({client_id: earlier})[client_id]
        # A state is changed in place, so the one that goes on is another.
        state = log.load({client_id: earlier})[client_id]
        self._replay = StreamReplay(list(projections), client_id, state)
        self._existed = {
            projection.name: set(projection.scopes(self._had)) for projection in projections
        }
        self._before: dict[Scope, Sequence[Row]] = {}
        self._now: dict[Scope, Sequence[Row]] = {}
        self._causes: dict[_Identity, dict[str, Recorded]] = {}

    def goes_on(self, transaction: Sequence[Recorded]) -> None:
        """Fold a transaction's events in, and note which rows it changes."""
        for recorded in transaction:
            self._replay.apply(recorded)
        for projection in self._projections:
            for scope, rows in self._replay.take(projection).scopes.items():
                if scope not in self._now:
                    self._before[scope] = self._now[scope] = self._rows_before(projection, scope)
                for change in differences(self._now[scope], rows):
                    causes = self._causes.setdefault(_identity(change), {})
                    causes.setdefault(transaction[0].cause.transaction_id, transaction[0])
                self._now[scope] = rows

    def differences(self) -> Iterator[Difference]:
        """What differs in the end."""
        for change in differences(_all(self._before), _all(self._now)):
            yield Difference(change, tuple(self._causes[_identity(change)].values()))

    def _rows_before(self, projection: Projection, scope: Scope) -> Sequence[Row]:
        """Of derived tables, from the state; rows of other tables come with their event."""
        return (
            projection.rows(self._had, scope, None)
            if scope in self._existed[projection.name]
            else ()
        )


def _all(scopes: dict[Scope, Sequence[Row]]) -> Iterable[Row]:
    return itertools.chain.from_iterable(scopes.values())


def _identity(change: Change) -> _Identity:
    return change.table, tuple(change.key.values())
