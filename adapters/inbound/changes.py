"""What changed between two knowings of a client, for the doors."""

from __future__ import annotations

from datetime import date

from adapters.inbound.as_of import BILLS, BOOK
from adapters.outbound.billing_reads import shown_since
from adapters.outbound.change_views import ClientChanges, changed_row
from adapters.outbound.paging import BadCursor, after_cursor, cursor_of
from adapters.services import Services
from domain.dates import carrier_date
from processors.comparing import Difference, compared
from processors.differences import Change
from processors.knowing import KnownAt, NotKnownThen, version_known

_DAYS_OF_BILLING = ("invoice_month", "month", "coverage_month", "paid_on")
_BILLS_TABLES = {table.table for table in BILLS.tables}


class KnownBefore(ValueError):
    """The second knowing is of an earlier moment than the first."""


def changes_between(
    services: Services, client_id: str, viewer: str | None,
    known_from: KnownAt, known_to: KnownAt | None,
    cursor: str | None, limit: int,
) -> ClientChanges:  # fmt: skip
    """A page of what differs in the book and the bills; ``known_to`` None is now.

    A cursor keeps the versions of its first page. Raises ``NotFound``, ``KnownInFuture``,
    ``NotKnownThen`` (at the later moment), ``KnownBefore`` and ``BadCursor``.
    """
    today = carrier_date(services.clock.now())
    services.reads.require_visible(client_id, viewer, today)
    if cursor is None:
        earlier, later = _versions(services, client_id, known_from, known_to)
        return changes_of_versions(services, client_id, viewer, earlier, later, 0, limit)
    earlier, later, shown = after_cursor(cursor, tuple[int, int, int])
    newest = version_known(services.log, client_id, services.log.head())
    if not 0 <= earlier <= later <= newest or shown < 0:
        raise BadCursor
    return changes_of_versions(services, client_id, viewer, earlier, later, shown, limit)


def changes_of_versions(
    services: Services, client_id: str, viewer: str | None,
    earlier: int, later: int, shown: int, limit: int,
) -> ClientChanges:  # fmt: skip
    """The page after so many rows of what differs between two versions of a visible client."""
    since = None if viewer is None else shown_since(carrier_date(services.clock.now()))
    differences = [
        each
        for each in compared(services.log, [BOOK, BILLS], client_id, earlier, later)
        if since is None or _is_shown(each, since)
    ]
    end = shown + limit
    return ClientChanges(
        client_id=client_id,
        from_version=earlier,
        to_version=later,
        count=len(differences),
        items=[changed_row(each) for each in differences[shown:end]],
        next=cursor_of(earlier, later, end) if len(differences) > end else None,
    )


def _versions(
    services: Services, client_id: str, known_from: KnownAt, known_to: KnownAt | None
) -> tuple[int, int]:
    knowledge = services.as_known.knowledge
    moments = known_from, services.log.head() if known_to is None else known_to
    for moment in moments:
        knowledge.require_past(moment)
    earlier, later = (version_known(services.log, client_id, moment) for moment in moments)
    if later < earlier:
        raise KnownBefore
    if later == 0:
        raise NotKnownThen
    return earlier, later


def _is_shown(difference: Difference, since: date) -> bool:
    """Billing detail is shown to portals as their reads of bills show it: for 24 months (§5)."""
    day = _billing_day(difference.change)
    return day is None or day >= since


def _billing_day(change: Change) -> date | None:
    """The day by which a row of bills is shown or not."""
    if change.table not in _BILLS_TABLES:
        return None
    for name in _DAYS_OF_BILLING:
        if name in change.key:
            return date.fromisoformat(str(change.key[name]))
        if name in change.columns:
            before, after = change.columns[name]
            return date.fromisoformat(str(after or before))
    return None
