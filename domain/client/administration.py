"""Who administers a client, whom to call about its bills, and which changes belong elsewhere (§2).

A group of segment ``small_group`` or ``ffs`` is ours from its first renewal (or first effective
date, if new) on or after 2024-06-01. What counts is the date a transaction is to hold from, else
the day it was received: enrolments for the renewal may come before it. A group that has only ever
been ours is never sent to CBIA.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from domain.client.approve_exception import ApproveException
from domain.client.state import Client
from domain.dates import next_day
from domain.kernel import Actor, Command, Refusal

Administrator = Literal["here", "CBIA", "Evolve", "Access Health CT"]
"""Who administers a client: this system, or the one named."""

TRANSITION = date(2024, 6, 1)
"""Small groups and FFS come over from CBIA at their first renewal on or after this day."""

ADMINISTERED_ELSEWHERE = Refusal(
    "administered_elsewhere", "{what}: this change is made with {administrator}, not here."
)
MEMBER_ENDS_COVERAGE = Refusal(
    "member_ends_coverage",
    "Ending this coverage is the member's own act: in the member portal, or by carrier staff on"
    " the member's behalf.",
)

_DESCRIBE_THE_ACCOUNT = frozenset(
    {
        "open_client",
        "add_subgroup",
        "offer_plan",
        "assign_agent_of_record",
        "set_commission_terms",
        "renew_client",
    }
)
"""The carrier keeps every account's description here, whoever administers its members."""
_END_COVERAGE = frozenset({"remove_subscriber", "remove_dependent", "terminate_client"})

_WHY = {
    "CBIA": "The group is not yet with us on {day}",
    "Evolve": "The client is one of Medicare Advantage",
    "Access Health CT": "The client is one of the exchange",
}
_INDIVIDUAL_PHONE = "800-333-1733"
_SMALL_GROUP_PHONE = "866-204-3132"


def administered_here_from(client: Client) -> date | None:
    """The first day on which this system administers the client; None if it does not so far."""
    if client.segment == "medicare_advantage":
        return None
    if client.segment in ("small_group", "ffs"):
        return min((day for day in client.plan_years if day >= TRANSITION), default=None)
    return client.effective_on


def administered_by(client: Client, on: date) -> Administrator:
    """Who administers the client's members on a day.

    The exchange's clients count as ours: only the ending of their coverage belongs elsewhere.
    """
    if client.segment == "medicare_advantage":
        return "Evolve"
    if client.segment in ("small_group", "ffs") and client.effective_on < TRANSITION:
        here_from = administered_here_from(client)
        return "here" if here_from is not None and on >= here_from else "CBIA"
    return "here"


def billing_contact(client: Client, on: date) -> str:
    """Whom the client's page names for billing inquiries: a phone number, a person, or CBIA."""
    if client.segment in ("small_group", "ffs"):
        return "CBIA" if administered_by(client, on) == "CBIA" else _SMALL_GROUP_PHONE
    if client.segment == "large_group":
        return client.account_manager or "the group's account manager"
    return _INDIVIDUAL_PHONE


def check_administration(client: Client, command: Command, actor: Actor, on: date) -> None:
    """Refuse what is not done here, or not by this sender, and name the route (handbook §2).

    ``on`` is the day of receipt.
    """
    action = command.type
    if action in _DESCRIBE_THE_ACCOUNT:
        return
    if action == "post_payment" and client.account.billed_through is not None:
        return  # what was billed here is paid here, also before the first month it is for
    day = command.asks_effect_on() or on
    # An ending is about the days after the last covered one, and so is an exception for it.
    about = command.transaction_type if isinstance(command, ApproveException) else action
    if about in _END_COVERAGE:
        day = next_day(day)
    administrator = administered_by(client, day)
    if action in _END_COVERAGE and client.segment == "exchange":
        administrator = "here" if "exchange_feed" in actor.permissions else "Access Health CT"
    if administrator != "here":
        what = _WHY[administrator].format(day=day)
        raise ADMINISTERED_ELSEWHERE.because(what=what, administrator=administrator)
    if action in _END_COVERAGE and client.segment == "solo" and actor.role == "portal":
        raise MEMBER_ENDS_COVERAGE.because()
