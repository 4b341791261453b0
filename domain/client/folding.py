"""Folding an event into its client: what it says, and what that changes in bills already sent.

An event that moves coverage, plan, birth date or rates may change what months already invoiced
cost. Which charges those are, and by which transaction, is noted at once, while only that event is
new: so every difference has one cause, and a run needs to look at no earlier month (handbook §5).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from domain.client.account import Account, Change, Due
from domain.client.billing import charges_of, first_billed_month
from domain.client.coverage import subscriber_of
from domain.client.posting import billed_cents
from domain.client.state import Client, Family
from domain.dates import add_months, carrier_date, first_of_month, previous_day
from domain.kernel import Cause, Event
from domain.streams import Stream


def fold(client: Stream, event: Event, cause: Cause) -> None:
    """Evolve the client by an event, and note which charges of earlier months it changes.

    A payee is only evolved: nothing is billed to it.
    """
    event.evolve(client, cause)
    changes_from = event.premium_changes_from()
    if changes_from is None or not isinstance(client, Client):
        return
    through = client.account.billed_through
    if through is None:
        return
    # Coverage that begins on the 1st ends, for who held it before, in the month before.
    first_month = (
        first_of_month(previous_day(changes_from)) if changes_from > date.min else date.min
    )
    first_month = max(first_month, first_billed_month(client) or first_month)
    if first_month <= through:
        _note(client, _families_of(client, event.members()), first_month, through, event, cause)


def _families_of(client: Client, member_ids: Iterable[str]) -> Iterator[Family]:
    """The families these members are or were in; all families where no member is named."""
    subscriber_ids = set()
    for member_id in member_ids:
        member = client.members[member_id]
        subscriber_ids |= {subscriber_of(member, p) for p in member.periods + member.cancelled}
        subscriber_ids.add(member.subscriber_id)
    if not subscriber_ids:
        yield from client.families.values()
    for subscriber_id in sorted(subscriber_ids):
        yield client.families[subscriber_id]


def _note(
    client: Client, families: Iterable[Family], first_month: date, through: date, event: Event,
    cause: Cause,
) -> None:  # fmt: skip
    account = client.account
    is_cause = False
    for family in families:
        month = first_month
        while month <= through:
            is_cause |= _note_month(client, family, month, cause.transaction_id)
            month = add_months(month, 1)
    if is_cause and cause.transaction_id not in account.changes:
        # Of a transaction's events the first says most: whoever is brought along comes later.
        account.changes[cause.transaction_id] = Change(
            cause.transaction_id,
            cause.transaction_type,
            carrier_date(cause.received_at),
            cause.effective_on,
            next(iter(event.members()), None),
        )


def _note_month(client: Client, family: Family, month: date, transaction_id: str) -> bool:
    """Compare what a family's month costs now with what was known; true if anything differs."""
    account, subscriber_id = client.account, family.subscriber_id
    charged = charges_of(client, family, month)
    known = account.due.get(subscriber_id, {})
    # Who was added and is cancelled before a run has billed them is only in what is due.
    members = charged.keys() | account.billed.get(subscriber_id, {}).keys() | known.keys()
    differs = False
    for member_id in members:
        cents = charged[member_id].cents if member_id in charged else 0
        due = known.get(member_id, {}).get(month)
        billed = billed_cents(account, subscriber_id, member_id, month)
        if cents != (due.cents if due else billed):
            differs = True
            _set_due(account, subscriber_id, member_id, month, billed, Due(cents, transaction_id))
    return differs


def _set_due(
    account: Account, subscriber_id: str, member_id: str, month: date, billed: int, due: Due
) -> None:
    of_family = account.due.setdefault(subscriber_id, {})
    months = of_family.setdefault(member_id, {})
    if due.cents != billed:
        months[month] = due
        return
    months.pop(month, None)  # it costs again what was billed
    if not months:
        del of_family[member_id]
    if not of_family:
        del account.due[subscriber_id]
