"""Days on which something may begin or end in an account: whole months, and within its life."""

from __future__ import annotations

from datetime import date

from domain.client.state import Client
from domain.dates import last_of_month
from domain.kernel import Refusal

NOT_FIRST_OF_MONTH = Refusal(
    "not_first_of_month", "This takes effect on the 1st of a month, not on {day}."
)
NOT_LAST_OF_MONTH = Refusal(
    "not_last_of_month", "This ends coverage on the last day of a month, not on {day}."
)
BEFORE_CLIENT_EFFECTIVE = Refusal(
    "before_client_effective", "{day} is before the client's effective date, {effective_on}."
)
CLIENT_TERMINATED = Refusal(
    "client_terminated", "The client's last covered day is {terminated_on}: {day} is after it."
)


def require_first_of_month(day: date) -> None:
    """Refuse any day but the 1st of a month."""
    if day.day != 1:
        raise NOT_FIRST_OF_MONTH.because(day=day)


def require_last_of_month(day: date) -> None:
    """Refuse any day but the last one of a month."""
    if day != last_of_month(day):
        raise NOT_LAST_OF_MONTH.because(day=day)


def require_within_account(client: Client, day: date) -> None:
    """Refuse a day before the client's effective date, or after its last covered day."""
    if day < client.effective_on:
        raise BEFORE_CLIENT_EFFECTIVE.because(day=day, effective_on=client.effective_on)
    require_not_terminated(client, day)


def require_not_terminated(client: Client, day: date) -> None:
    """Refuse a day after the client's last covered day."""
    if client.terminated_on is not None and day > client.terminated_on:
        raise CLIENT_TERMINATED.because(day=day, terminated_on=client.terminated_on)
