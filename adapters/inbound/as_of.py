"""Reading on two axes: what was true on a day, as it was known at an instant or a position.

``true_on`` chooses among the spans of dates that every row is; ``known_at`` chooses the rows: left
out, the live ones, else those that the history gives for that moment, read by the same statements.
Who may see a client today may see what was known of it: the viewer is judged by the live rows.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import Depends, Query
from pydantic import AwareDatetime, Field, TypeAdapter

from adapters.inbound.problems import Fault, Problem
from adapters.outbound.as_known import Looked
from adapters.outbound.billing_reads import BillingReads
from adapters.outbound.paging import after_cursor
from adapters.outbound.read_store import ReadStore
from adapters.outbound.rows_wanted import of_roster
from adapters.outbound.views import Roster
from adapters.services import Services
from domain.client.inputs import Day
from domain.dates import carrier_date
from processors.knowing import KnownAt, Wanted
from projections.book_of_business import BookOfBusiness
from projections.invoices import Invoices
from projections.kernel import Projection

BOOK, BILLS = BookOfBusiness(), Invoices()

_POSITION_MAX = 2**63 - 1
_position: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=1, le=_POSITION_MAX)])
_instant: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)
_HAS_DAY_AND_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ].+")
NOT_A_MOMENT = (
    "A position of the log from 1 on, or an instant with its offset from UTC, such as "
    "2026-03-05T12:00:00Z"
)


class NotAMoment(ValueError):
    """What should say when something was known says neither an instant nor a position."""


def moment_of(text: str) -> KnownAt:
    """The position or instant (UTC) that a text gives. Raises ``NotAMoment``."""
    try:
        if text.isascii() and text.isdigit():
            return _position.validate_python(int(text))
        if _HAS_DAY_AND_TIME.fullmatch(text):  # what else it takes for an instant is a number
            return _instant.validate_strings(text).astimezone(UTC)
    except (OverflowError, ValueError):
        pass
    raise NotAMoment(NOT_A_MOMENT)


@dataclass(frozen=True, slots=True)
class AsOf:
    """The two axes; None is today, and what is known now."""

    true_on: date | None = None
    known_at: KnownAt | None = None

    def day(self, services: Services) -> date:
        """The day that is read: today, where the carrier is, unless another was asked for."""
        return self.true_on or carrier_date(services.clock.now())


_TrueOn = Annotated[Day | None, Query(description="The day to read; today if left out.")]
_KnownAt = Annotated[
    str | None,
    Query(
        max_length=40,
        description="As known then: an instant such as `2026-03-05T12:00:00Z`, by when it was"
        " received, or a position of the log. Left out: as known now.",
    ),
]


def known(known_at: _KnownAt = None) -> AsOf:
    """The dependency of reads of what was known. Raises ``Problem``."""
    if known_at is None:
        return AsOf()
    try:
        return AsOf(known_at=moment_of(known_at))
    except NotAMoment as wrong:
        fault = Fault("query:known_at", str(wrong))
        raise Problem("invalid_request", errors=[fault]) from None


Known = Annotated[AsOf, Depends(known)]


def as_of(known: Known, true_on: _TrueOn = None) -> AsOf:
    """The dependency of reads on both axes."""
    return AsOf(true_on, known.known_at)


AsOfAsked = Annotated[AsOf, Depends(as_of)]


@dataclass(frozen=True, slots=True)
class Seen:
    """The reads that show what was asked for, and through whose eyes they still have to look."""

    reads: ReadStore
    invoices: BillingReads
    viewer: str | None
    on: date
    """The day that is read."""
    today: date
    """The day by which the viewer is judged."""


def seen(
    services: Services,
    client_id: str,
    viewer: str | None,
    as_of: AsOf,
    projections: Collection[Projection],
    wanted: Wanted,
) -> Seen:
    """One client as of a moment; ``wanted`` says which rows the read needs.

    Raises ``NotFound``, ``KnownInFuture`` and ``NotKnownThen``.
    """
    today = carrier_date(services.clock.now())
    on = as_of.true_on or today
    if as_of.known_at is None:
        return Seen(services.reads, services.invoices, viewer, on, today)
    services.reads.require_visible(client_id, viewer, today)
    then = services.as_known.client(client_id, as_of.known_at, projections, wanted)
    return Seen(ReadStore(then), BillingReads(then), None, on, today)


def roster_of(
    services: Services, client_id: str, viewer: str | None, as_of: AsOf,
    *, cursor: str | None = None, limit: int | None = None,
) -> Roster:  # fmt: skip
    """A page of who is covered on a day, or all. Raises as ``seen``, and ``BadCursor``."""
    first_family = after_cursor(cursor, tuple[str, str])[0] if cursor else ""
    wanted = of_roster(as_of.day(services), first_family, limit)
    see = seen(services, client_id, viewer, as_of, [BOOK], wanted)
    return see.reads.roster(
        client_id, see.viewer, see.on, seen_on=see.today, cursor=cursor, limit=limit
    )


def _unwatched(looked_at: int, of: int) -> None:
    """Nobody wants to know how far it is."""


def seen_book(
    services: Services, producer_id: str, as_of: AsOf, segment: str | None = None,
    cursor: str | None = None, clients_max: int | None = None, looked: Looked = _unwatched,
) -> ReadStore:  # fmt: skip
    """The reads that show a producer's book as of a moment; at most so many clients of it.

    Raises ``KnownInFuture`` and ``BadCursor``.
    """
    if as_of.known_at is None:
        return services.reads
    after = after_cursor(cursor, tuple[str, str]) if cursor else ("", "")
    return ReadStore(
        services.as_known.book(
            producer_id,
            as_of.known_at,
            as_of.day(services),
            segment=segment,
            after=after,
            clients_max=clients_max,
            looked=looked,
        )
    )
