"""A book of groups to bill: families, a producer, terms, and months that go by."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from bench.book import submission
from domain.dates import add_months
from processors.receipts import Submission

LARGE_FROM = 51
_LARGEST = 5_000
_SPOUSE_IN = 2
"""Every second subscriber has a spouse, of those every second two children."""
_TIERS = {"EMP": "500.00", "ESP": "1000.00", "ECH": "900.00", "FAM": "1500.00"}
_NAME = {"first": "Anna", "last": "Rivera"}
_ADDRESS = {"line1": "1 Water Street", "city": "Mystic", "state": "CT", "zip": "06355"}


@dataclass(frozen=True)
class Group:
    """A client of the book."""

    client_id: str
    subscribers: int
    members: int


def groups(members: int, seed: int = 1) -> list[Group]:
    """Groups of 2 to 5,000 members, as many small ones as people are in large ones."""
    chosen = random.Random(seed)
    made: list[Group] = []
    missing = members
    while missing > 1:
        size = round(2 * (_LARGEST / 2) ** chosen.random() ** 1.6)
        group = sized(f"G{len(made):06d}", min(size, missing))
        made.append(group)
        missing -= group.members
    return made


def sized(client_id: str, members: int) -> Group:
    """A group of about so many members."""
    subscribers, people = 0, 0
    while people < members:
        subscribers += 1
        people += 1 + len(_dependents(subscribers))
    return Group(client_id, subscribers, people)


def opening(group: Group, effective_on: date) -> Iterator[Submission]:
    """Opens a group and enrols everyone, all received in the month before."""
    received_at = noon(add_months(effective_on, -1))
    for command in (*_account(group, effective_on), *_enrolments(group, effective_on)):
        yield submission(group.client_id, command, received_at)


def noon(day: date) -> datetime:
    """An instant of that day."""
    return datetime.combine(day, time(17), UTC)


def subscriber_id(number: int) -> str:
    """The number-th subscriber of a group; dependents have the ids that follow."""
    return f"{number * 10:011d}"


def _account(group: Group, effective_on: date) -> Iterator[dict[str, Any]]:
    large = group.members >= LARGE_FROM
    day = effective_on.isoformat()
    yield {
        "type": "open_client", "name": f"Shop {group.client_id}", "state": "CT",
        "county": "New London", "segment": "large_group" if large else "small_group",
        "part_month_rule": "wash", "effective_on": day,
        "full_time_employees": str(60 if large else 10), "part_time_hours": "0",
    }  # fmt: skip
    yield {"type": "add_subgroup", "subgroup_id": "MAIN", "name": "Main", "effective_on": day}
    yield {
        "type": "offer_plan", "plan_id": "SILVER", "name": "Silver", "subgroup_id": "MAIN",
        "effective_on": day, "rate": {"tiers": _TIERS} if large else {"base": "480.00"},
    }  # fmt: skip
    yield {
        "type": "assign_agent_of_record", "producer_id": "P-100", "agency_id": "A-1",
        "licence_number": "2345678", "licensed_states": ["CT"], "appointed": True,
        "letter_received_on": add_months(effective_on, -1).isoformat(), "payee": "agency",
    }  # fmt: skip
    terms = {"kind": "percent", "percent": "4"}
    yield {"type": "set_commission_terms", "effective_on": day, "terms": terms}


def _enrolments(group: Group, effective_on: date) -> Iterator[dict[str, Any]]:
    for number in range(1, group.subscribers + 1):
        yield {
            "type": "add_subscriber", "member_id": subscriber_id(number), "name": _NAME,
            "birth_date": f"{1960 + number % 40}-05-20", "address": _ADDRESS,
            "subgroup_id": "MAIN", "plan_id": "SILVER", "effective_on": effective_on.isoformat(),
            "dependents": _dependents(number),
        }  # fmt: skip


def _dependents(number: int) -> list[dict[str, Any]]:
    if number % _SPOUSE_IN:
        return []
    births = ["1980-05-20"] + (["2012-05-20", "2015-05-20"] if number % 4 == 0 else [])
    return [
        {
            "member_id": f"{number * 10 + place:011d}", "name": _NAME, "birth_date": birth_date,
            "relationship": "spouse" if place == 1 else "child",
        }
        for place, birth_date in enumerate(births, start=1)
    ]  # fmt: skip


# ── What goes by ───────────────────────────────────────────────────────────────────────────────


def bill(group: Group, month: date) -> Submission:
    """The run of a month for a group, on the 15th of the month before."""
    run_on = add_months(month, -1).replace(day=15)
    command = {"type": "produce_invoice", "month": month.isoformat(), "run_on": run_on.isoformat()}
    return submission(group.client_id, command, noon(run_on))


def payment(group: Group, cents: int, paid_on: date) -> Submission:
    """A payment of a group."""
    command = {
        "type": "post_payment", "amount": f"{cents // 100}.{cents % 100:02d}",
        "paid_on": paid_on.isoformat(),
    }  # fmt: skip
    return submission(group.client_id, command, noon(paid_on))


def settlement(group: Group, month: date) -> Submission:
    """The commission of a group for a statement month."""
    command = {"type": "settle_commission", "statement_month": month.isoformat()}
    return submission(group.client_id, command, noon(month.replace(day=5)))


def leaving(group: Group, number: int, last_day: date, received_on: date) -> Submission:
    """A subscriber leaves, told late."""
    command = {
        "type": "remove_subscriber", "member_id": subscriber_id(number),
        "last_day": last_day.isoformat(),
    }  # fmt: skip
    return submission(group.client_id, command, noon(received_on))
