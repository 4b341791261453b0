"""How far back, and how far ahead, a change may be dated (handbook §3, the table of timeliness).

Counted in days from the effective date (or the last covered day) to the date received. Past the
limit back, carrier staff may have approved an exception; the change that needs it spends it. A
corrected birth date has no limit; COBRA has its own, in ``elect_cobra.py``.
"""

from __future__ import annotations

from datetime import date

from domain.client.state import Client
from domain.kernel import Context, Refusal

RETRO_LIMIT_EXCEEDED = Refusal(
    "retro_limit_exceeded",
    "{day} is {days} days before {received_on}, when this was received; the limit is {limit} days, "
    "unless the carrier approved an exception.",
)
TOO_FAR_AHEAD = Refusal(
    "too_far_ahead",
    "{day} is {days} days after {received_on}, when this was received; the limit is {limit} days.",
)

DAYS_BACK: dict[str, int] = {
    "remove_subscriber": 60,
    "remove_dependent": 60,
    "reinstate_member": 60,  # it undoes a removal, so it has as long as a removal
    "add_subscriber": 31,
    "add_dependent": 31,
    "change_plan": 31,
    "change_division": 31,
}
"""The limit back by type of transaction: those that an exception can be approved for."""
NEWBORN_DAYS_BACK = 61
"""For a newborn or adopted child, from the birth or adoption."""
DAYS_AHEAD = 90


def check_timely(
    client: Client,
    context: Context,
    transaction_type: str,
    member_id: str,
    day: date,
    days_back: int | None = None,
) -> str | None:
    """Refuse a day that is too far back or ahead.

    Answers with the transaction that approved the exception which the change needs, if it needs
    one: the event names it, and so spends it.
    """
    require_not_too_far_ahead(context, day)
    days = (context.received_on - day).days
    limit = DAYS_BACK[transaction_type] if days_back is None else days_back
    if days <= limit:
        return None
    for exception in client.exceptions.get(member_id, ()):
        if (exception.transaction_type, exception.effective_on) == (transaction_type, day):
            return exception.transaction_id
    raise RETRO_LIMIT_EXCEEDED.because(
        day=day, days=days, received_on=context.received_on, limit=limit
    )


def require_not_too_far_ahead(context: Context, day: date) -> None:
    """Refuse a day that is too far ahead: the one limit of changes that know none back."""
    days = (day - context.received_on).days
    if days > DAYS_AHEAD:
        raise TOO_FAR_AHEAD.because(
            day=day, days=days, received_on=context.received_on, limit=DAYS_AHEAD
        )


def spend_exception(client: Client, member_id: str, exception: str | None) -> None:
    """The exception, named by the transaction that approved it, allowed one change: it is spent."""
    if exception is None:
        return
    left = [
        approved
        for approved in client.exceptions.get(member_id, ())
        if approved.transaction_id != exception
    ]
    if left:
        client.exceptions[member_id] = left
    else:
        client.exceptions.pop(member_id, None)
