"""What a first start shows: Harbor Bakery, a small made-up book, and a key for each role.

The past is played in the order in which it was received, with a commission run in each month: so
the payees have years of statements.
"""

from __future__ import annotations

import heapq
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from itertools import groupby
from pathlib import Path

import msgspec

from adapters.inbound.simulation import market
from adapters.inbound.simulation.account import LAST_DAY, Line
from adapters.inbound.simulation.book import life_of
from adapters.inbound.submitting import CLI, submit_lines
from adapters.outbound.api_keys import ApiKeys, split_token
from adapters.services import Services
from domain.dates import add_months, first_of_month
from domain.types import Role
from processors.runs import HEARTBEAT_SECONDS, RunRequest

HARBOR_BAKERY = Path(__file__).parents[2] / "examples" / "harbor_bakery.jsonl"
"""The handbook's worked example as transactions (§9); there in a clone, not in a wheel."""
HARBOR_BAKERYS_PRODUCER = "P-100"
_HARBOR_BAKERYS_AGENCY = "A-10"

_SEED = 1
_BEGINNING = "2023-05-01T14:00:00+00:00"
_PAID_ON_DAY, _PAID_AT = 5, time_of_day(22, tzinfo=UTC)
_KEYS: dict[Role, tuple[str | None, tuple[str, ...]]] = {
    "portal": (HARBOR_BAKERYS_PRODUCER, ()),
    "carrier": (None, ("backfill",)),
    "auditor": (None, ()),
    "operations": (None, ()),
}
"""The producer that the role's key speaks for, and its permissions."""


def load_demonstration(
    services: Services, folder: Path, clients: int, *, projects_here: bool = True
) -> bool:
    """Load it into an empty log; true if that was done now.

    Commission runs wait for projections: where others than this process project, which may not be
    there yet, they are left to the carrier.

    A start that was killed meanwhile leaves a mark, and the next one goes on: the keys of
    transactions and runs make sure that nothing is done twice.
    """
    begun, done = folder / "demonstration.begun", folder / "demonstration.done"
    if clients == 0 or done.exists() or (services.log.head() > 0 and not begun.exists()):
        return False
    begun.touch()
    lives = (life_of(_SEED, index) for index in range(1, clients + 1))
    past = heapq.merge(_payees(), _harbor_bakery(), *lives, key=_received_at)
    for month, lines in groupby(past, _statement_month):
        # As the command line would: who submits the file of the README again repeats it.
        sent = ((line.actor, msgspec.json.encode(line.fields)) for line in lines)
        for outcome in submit_lines(services.commands, sent):
            assert outcome.answer is not None, outcome.problem
        if projects_here and month <= LAST_DAY:
            _pay(services, month)
    begun.rename(done)
    return True


# ── What happened, in the order in which it was received ───────────────────────────────────────


def _payees() -> Iterator[Line]:
    """Everyone who is paid commission is registered before the first of it."""
    harbor_bakerys = {"kind": "agency", "principal_id": HARBOR_BAKERYS_PRODUCER, "pay_by": "check"}
    for payee_id, registered in (*market.payees(), (_HARBOR_BAKERYS_AGENCY, harbor_bakerys)):
        about = {"payee_id": payee_id, "key": f"payee-{payee_id}", "type": "register_payee"}
        yield Line(market.CARRIER, {**about, "received_at": _BEGINNING, **registered})


def _harbor_bakery() -> Iterator[Line]:
    if HARBOR_BAKERY.exists():
        for line in HARBOR_BAKERY.read_bytes().splitlines():
            yield Line(CLI, msgspec.json.decode(line))


def _received_at(line: Line) -> datetime:
    return datetime.fromisoformat(line.fields["received_at"])


def _statement_month(line: Line) -> date:
    """The month of the first commission run after it."""
    received_at = _received_at(line)
    month = first_of_month(received_at.date())
    return month if received_at < _paid_at(month) else add_months(month, 1)


def _paid_at(month: date) -> datetime:
    """When a month's commission run is received: after everybody has settled that day."""
    return datetime.combine(month.replace(day=_PAID_ON_DAY), _PAID_AT)


def _pay(services: Services, month: date) -> None:
    """The commission run of a month."""
    asked = RunRequest(
        kind="commission",
        month=month,
        started_by=market.CARRIER.sender,
        received_at=_paid_at(month),
        key=f"demonstration-{month:%Y-%m}",
    )
    while services.runs.do(asked).state == "running":
        time.sleep(HEARTBEAT_SECONDS)  # a start was killed a moment ago; soon it counts as lost


# ── Keys ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class DemonstrationKey:
    """A key to try things with."""

    role: Role
    token: str
    producer_id: str | None


def demonstration_keys(keys: ApiKeys, path: Path) -> list[DemonstrationKey]:
    """A key for each role: those in the file if they still open the door, else new ones.

    The database has only hashes of keys, so the file, readable by its owner alone, is what later
    starts can show them from.
    """
    stored: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    tokens: dict[Role, str] = {}
    for role, (producer_id, permissions) in _KEYS.items():
        token = stored.get(role, "")
        if not _opens(keys, token):
            token = keys.create(role, f"demo-{role}", producer_id, permissions).token
        tokens[role] = token
    if tokens != stored:
        _write_for_owner(path, json.dumps(tokens, indent=2) + "\n")
    return [DemonstrationKey(role, tokens[role], _KEYS[role][0]) for role in _KEYS]


def _opens(keys: ApiKeys, token: str) -> bool:
    parts = split_token(token)
    key = keys.find(parts[0]) if parts else None
    return parts is not None and key is not None and key.opened_by(parts[1])


def _write_for_owner(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    new.replace(path)
