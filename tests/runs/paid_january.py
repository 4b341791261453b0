"""Small groups of one member each, whose January 2026 is paid and earns their agent 4 %."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from domain.catalog import COMMANDS
from domain.money import dollars
from processors.runs import Run
from tests.runs.in_memory import JANUARY, Carrier

AGENCY = "A-1"
EARNED = "27.91"
"""4 % of a month of the one member."""


def today(world: Carrier, day: str) -> None:
    """From now on it is 17:00 UTC of a day."""
    world.clock.instant = datetime.combine(date.fromisoformat(day), time(17), UTC)


def january_is_paid(world: Carrier, agents: dict[str, dict[str, Any]]) -> None:
    """Clients by id with what their agents' assignments say, billed and paid; then 2026-02-05."""
    example = COMMANDS["assign_agent_of_record"].example
    world.open(*agents)
    for number, (client_id, assigned) in enumerate(agents.items()):
        world.enrol(client_id, f"100{number:08}")
        agent = {**example, "shares": [], "agency_id": AGENCY, **assigned}
        world.send(client_id, {**agent, "licensed_states": ["CT"]})
        terms = {"kind": "percent", "percent": "4"}
        body = {"type": "set_commission_terms", "effective_on": "2026-01-01", "terms": terms}
        world.send(client_id, body)
    today(world, "2025-12-15")
    world.bill(JANUARY)
    today(world, "2026-01-02")
    for client_id in agents:
        pay(world, client_id)
    today(world, "2026-02-05")


def pay(world: Carrier, client_id: str, **stated: Any) -> str:
    """A month's premium is paid; the transaction."""
    body = {"type": "post_payment", "amount": "697.76", **stated}
    return world.send(client_id, body).transaction_id


def paid(world: Carrier, payee_id: str = AGENCY) -> dict[date, str]:
    """By month: what the payee's statements paid."""
    statements = world.statements(payee_id)
    return {month: dollars(each.paid_cents) for month, each in statements.items()}


def said(run: Run) -> tuple[str, str | None, dict[str, int]]:
    """How it ended, and what it counted."""
    return run.state, run.reason, run.tally.counts
