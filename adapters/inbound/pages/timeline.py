"""A client's page: the moment it is read at, what was true as known then, and what led there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from adapters.inbound.as_of import BILLS, BOOK, AsOf, roster_of, seen
from adapters.inbound.pages.plot import Plot, Told, plotted
from adapters.inbound.progress import progress_of
from adapters.outbound.billing_views import BillingTab
from adapters.outbound.paging import BadCursor, after_cursor, cursor_of
from adapters.outbound.reading import NotFound
from adapters.outbound.rows_wanted import OF_ACCOUNT, OF_CENSUS, OF_CLIENT
from adapters.outbound.transaction_reads import TransactionFilter
from adapters.outbound.views import Census, ClientView, Roster, TransactionView
from adapters.services import Services
from domain.catalog import COMMANDS
from domain.dates import carrier_date
from processors.knowing import KnownAt, KnownInFuture, version_known
from schemas.envelope import Recorded

TRANSACTIONS, PEOPLE = 25, 25
"""Of a page."""
_SLIDER_NAMES = 200
"""So many versions around the chosen one have a name on the slider."""


class Version(NamedTuple):
    """A version of a client on the slider, and what led to it."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class Moment:
    """The version of a client that a page shows, among all there are."""

    recorded: Recorded
    """The last event that was known."""
    newest: int
    is_now: bool
    """Nothing was asked for: it is what is known now."""

    @property
    def version(self) -> int:
        """The version."""
        return self.recorded.version

    @property
    def known_at(self) -> int | None:
        """The position by which reads find the same moment; None for the live ones."""
        return None if self.is_now else self.recorded.position

    @property
    def name(self) -> str:
        """The moment in words."""
        return _name(self.recorded)


def moment_at(
    services: Services, client_id: str, version: int | None, known_at: KnownAt | None
) -> Moment:
    """The moment asked for: an instant or position before a version, or now.

    Raises ``NotFound``, ``KnownInFuture`` and ``NotKnownThen``.
    """
    newest = version_known(services.log, client_id, services.log.head())
    if newest == 0:
        raise NotFound
    is_now = version is None and known_at is None
    if known_at is not None:
        version = services.as_known.knowledge.version(client_id, known_at)
    version = version or newest
    if version > newest:
        raise KnownInFuture
    (recorded,) = services.log.history(client_id, version - 1, 1)
    rest = recorded.cause.count - recorded.cause.index
    if rest > 0:  # a version within a transaction: the transaction is known when it is whole
        (recorded,) = services.log.history(client_id, version + rest - 1, 1)
    return Moment(recorded, newest, is_now)


def versions_around(services: Services, client_id: str, moment: Moment) -> list[Version]:
    """The versions near the moment by name: all of a small client's."""
    last = min(moment.newest, max(moment.version + _SLIDER_NAMES // 2, _SLIDER_NAMES))
    events = services.log.history(client_id, max(0, last - _SLIDER_NAMES), _SLIDER_NAMES, last)
    return [Version(recorded.version, _name(recorded)) for recorded in events]


def _name(recorded: Recorded) -> str:
    cause = recorded.cause
    at = cause.received_at.replace(tzinfo=None).isoformat(" ", "minutes")
    return f"{at} UTC, {transaction_title(cause.transaction_type)}"


def transaction_title(transaction_type: str) -> str:
    """A kind of transaction in a broker's words."""
    action = COMMANDS.get(transaction_type)
    return action.title if action else transaction_type.replace("_", " ").capitalize()


# ── What was true ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Truth:
    """What was true of a client on a day, as known at a moment."""

    client: ClientView
    census: Census
    billing: BillingTab | None
    """None where nothing was kept of it yet."""
    people: Roster


def truth_of(services: Services, client_id: str, as_of: AsOf, people: str | None) -> Truth | None:
    """None while the client was not opened yet. ``people`` is a cursor. Raises ``BadCursor``."""
    try:
        see = seen(services, client_id, None, as_of, [BOOK], OF_CLIENT)
        client = see.reads.client(client_id, None, see.on)
    except NotFound:
        return None
    see = seen(services, client_id, None, as_of, [BOOK], OF_CENSUS)
    census = see.reads.census(client_id, None, see.on)
    return Truth(
        client=client,
        census=census,
        billing=_billing(services, client_id, as_of),
        people=roster_of(services, client_id, None, as_of, cursor=people, limit=PEOPLE),
    )


def _billing(services: Services, client_id: str, as_of: AsOf) -> BillingTab | None:
    try:
        see = seen(services, client_id, None, as_of, [BOOK, BILLS], OF_ACCOUNT)
        return see.invoices.tab(client_id, None, see.today, true_on=as_of.true_on)
    except NotFound:
        return None


# ── What led there ─────────────────────────────────────────────────────────────────────────────


class Line(NamedTuple):
    """A transaction on the timeline."""

    transaction: TransactionView
    title: str
    true_from: date | None
    days_late: int | None
    """From the day it holds from to the day it was received; negative: it was told ahead."""


class Timeline(NamedTuple):
    """A page of what was known at a moment, newest first."""

    lines: list[Line]
    plot: Plot | None
    next: str | None


def timeline_of(services: Services, client_id: str, moment: Moment, cursor: str | None) -> Timeline:
    """The transactions known at the moment. Raises ``BadCursor``."""
    beyond = moment.recorded.position + 1
    if cursor is not None:
        (before,) = after_cursor(cursor, tuple[int])
        if before > beyond:
            raise BadCursor
        beyond = before
    wanted = TransactionFilter(client_id=client_id)
    page = services.transactions.page(
        wanted, progress_of(services), cursor_of(beyond), TRANSACTIONS
    )
    lines = [_line(transaction) for transaction in page.items]
    return Timeline(lines, plotted(_told(lines)), page.next)


def _line(transaction: TransactionView) -> Line:
    true_from = transaction.effective_on or transaction.takes_effect_on
    known_on = carrier_date(transaction.received_at)
    days_late = None if true_from is None else (known_on - true_from).days
    return Line(transaction, transaction_title(transaction.type), true_from, days_late)


def _told(lines: Sequence[Line]) -> list[Told]:
    return [
        Told(carrier_date(line.transaction.received_at), line.true_from)
        for line in lines
        if line.true_from is not None and line.transaction.status != "refused"
    ]
