"""What a projection is: rows declared once, and a pure fold that says which rows an event changes.

A projection is keyed by client, or by a payee's stream. ``touched`` says which scopes of rows an
event changes; after a whole batch is folded, ``rows`` derives each touched scope once. So a row is
written once however many events of the batch changed it. No I/O and no clock: what depends on
"today" is stored as spans of dates and chosen by the reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Protocol

import msgspec

from domain.kernel import Event
from domain.streams import Stream
from schemas.envelope import Recorded


# gc=False: plain values that nothing refers back to; the collector has nothing to look for in them.
class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of a real table, with typed columns: one field, one column.

    ``key`` is the primary key. ``scope`` is a prefix of it: the rows of one scope are derived and
    replaced together (a member's coverage spans, say). Fields are str, int, bool, date, datetime,
    or an optional of these; money is integer cents in a field that ends in ``_cents``.
    """

    table: ClassVar[str]
    key: ClassVar[tuple[str, ...]]
    scope: ClassVar[tuple[str, ...]]
    indexes: ClassVar[tuple[tuple[str, ...], ...]] = ()


Scope = tuple[type[Row], tuple[Any, ...]]
"""A table and the values of its scope columns."""


class Changes(msgspec.Struct):
    """What a batch writes: for each touched scope, all the rows that are in it now."""

    scopes: dict[Scope, Sequence[Row]]


class Projection(Protocol):
    """A pure fold from events to rows."""

    name: str
    revision: int
    """Raised when the fold means something else with the same tables: they are then made anew."""
    tables: tuple[type[Row], ...]
    needs_client: bool
    """Whether the fold needs the client's state; it is then evolved before ``touched`` sees it."""
    derived: tuple[type[Row], ...]
    """Tables whose rows follow from the client's state alone, whatever led to it."""
    facts: tuple[type[Event], ...] | None
    """The events that write the other tables: none, or (None) any."""

    def scopes(self, client: Stream) -> Iterable[Scope]:
        """Every scope of the derived tables that has rows, or may have some, in this state."""
        ...

    def touched(self, client: Stream | None, recorded: Recorded) -> Iterable[Scope]:
        """The scopes that this event changes; ``client`` is the state after the event."""
        ...

    def rows(self, client: Stream | None, scope: Scope, recorded: Recorded | None) -> Sequence[Row]:
        """All rows of a scope, derived from the state and the last event touching it.

        The event may be missing (None) for scopes of derived tables: they don't need it.
        """
        ...
