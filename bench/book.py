"""A plain book to measure on: groups with subscribers and an agent, and what happens to them."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.bootstrap import SystemClock
from domain.catalog import COMMANDS
from domain.dates import carrier_date, first_of_month
from domain.kernel import Actor
from processors.command_processor import CommandProcessor
from processors.receipts import Answer, Submission

CARRIER = Actor("bench", "carrier")
PRODUCER = "P-100"
"""The agent of record of every client, but of large groups: those have none yet."""
_NAME = {"first": "Anna", "last": "Rivera"}
_TIERS = {"EMP": "500.00", "ESP": "1000.00", "ECH": "900.00", "FAM": "1500.00"}
_SMALL_GROUP_MAX = 50
_WAITING_MAX = 2_000

_NOW = SystemClock().now()
_FIRST = first_of_month(carrier_date(_NOW))
THIS_MONTH = _FIRST.isoformat()
LAST_MONTH = datetime(_FIRST.year, _FIRST.month, 1, 12, tzinfo=UTC) - timedelta(days=15)
"""When clients were opened: an agent assigned then is the agent of record today."""
_keys = itertools.count(time.time_ns())  # several processes may send to one log


def submission(
    client_id: str, command: dict[str, Any], received_at: datetime | None = None
) -> Submission:
    """A command under a key of its own, validated as a door does."""
    kind = COMMANDS[command["type"]]
    key = f"bench-{next(_keys)}"
    return Submission(CARRIER, client_id, key, kind.model_validate(command), received_at)


def client_name(number: int) -> str:
    """The client ids of the book."""
    return f"C{number:07d}"


def opening(client_id: str, members: int = 1) -> Iterator[Submission]:
    """A small group (a large one if it has many members): agent, two plans, subscribers."""
    for command in (*_account(client_id, members), *map(subscriber, range(1, members + 1))):
        yield submission(client_id, command, LAST_MONTH)


def _account(client_id: str, members: int) -> Iterator[dict[str, Any]]:
    large = members > _SMALL_GROUP_MAX
    yield {
        "type": "open_client", "name": f"Shop {client_id}", "state": "CT", "county": "New London",
        "segment": "large_group" if large else "small_group", "part_month_rule": "full_month",
        "effective_on": THIS_MONTH, "full_time_employees": str(members), "part_time_hours": "0",
    }  # fmt: skip
    if not large:
        yield {
            "type": "assign_agent_of_record", "producer_id": PRODUCER, "agency_id": "A-1",
            "licence_number": "2345678", "licensed_states": ["CT"], "appointed": True,
            "letter_received_on": LAST_MONTH.date().isoformat(), "payee": "agency",
        }  # fmt: skip
    yield {
        "type": "add_subgroup", "subgroup_id": "MAIN", "name": "Main", "effective_on": THIS_MONTH,
    }  # fmt: skip
    for plan_id in ("SILVER", "GOLD") if large else ("SILVER",):
        yield {
            "type": "offer_plan", "plan_id": plan_id, "name": plan_id.title(),
            "subgroup_id": "MAIN", "effective_on": THIS_MONTH,
            "rate": {"tiers": _TIERS} if large else {"base": "480.00"},
        }  # fmt: skip


def subscriber(number: int) -> dict[str, Any]:
    """The command that adds the number-th member."""
    return {
        "type": "add_subscriber", "member_id": member(number), "name": _NAME,
        "birth_date": "1987-05-20", "address": _address(0), "subgroup_id": "MAIN",
        "plan_id": "SILVER", "effective_on": THIS_MONTH,
    }  # fmt: skip


def member(number: int) -> str:
    """The number-th member of a client."""
    return f"{number:011d}"


def move(number: int, house: int) -> dict[str, Any]:
    """A member moves to a house: always an event if the house is another one than before."""
    return {"type": "change_address", "member_id": member(number), "address": _address(house)}


def _address(house: int) -> dict[str, str]:
    return {"line1": f"{house} Water Street", "city": "Mystic", "state": "CT", "zip": "06355"}


def moves(clients: int, members: int = 1, seed: int = 1) -> Iterator[Submission]:
    """Members of random clients move, for ever."""
    chosen = random.Random(seed)
    for house in itertools.count(1):
        client_id = client_name(chosen.randint(1, clients))
        yield submission(client_id, move(chosen.randint(1, members), house))


def submit_all(processor: CommandProcessor, submissions: Iterable[Submission]) -> None:
    """Submit a lot with many in flight, all of which must be accepted."""
    waiting = []
    for one in submissions:
        waiting.append(processor.submit(one))
        if len(waiting) >= _WAITING_MAX:
            for future in waiting:
                require_accepted(future.result(60))
            waiting = []
    for future in waiting:
        require_accepted(future.result(60))


def require_accepted(answer: Answer) -> None:
    """Return if it was: what is measured is what is meant."""
    receipt = answer.receipt
    if receipt.status != "accepted":
        raise AssertionError(f"{receipt.type}: {receipt.code}: {receipt.sentence}")


def open_book(processor: CommandProcessor, clients: int, members: int = 1) -> None:
    """Open so many clients of so many subscribers each."""
    names = (client_name(number) for number in range(1, clients + 1))
    everyone = (opening(name, members) for name in names)
    submit_all(processor, itertools.chain.from_iterable(everyone))
