"""Who may see a client, and who may send what to it (handbook §3, §6).

Checked before every decision, so that no action repeats it. A portal speaks for one producer and
sees the clients of which that producer is agent of record on the day of receipt. To anyone else a
client is hidden, whether it exists or not: the sender is answered that there is none, while the
client's history keeps ``not_agent_of_record``.
"""

from __future__ import annotations

from datetime import date

from domain.client.administration import check_administration
from domain.client.state import AgentFrom, Client
from domain.client.timeline import in_force
from domain.kernel import Actor, Command, Refusal

CLIENT_NOT_FOUND = Refusal("client_not_found", "There is no such client.")
NOT_AGENT_OF_RECORD = Refusal(
    "not_agent_of_record", "Producer {producer_id} is not the client's agent of record on {day}."
)
CARRIER_ONLY = Refusal("carrier_only", "Only the carrier sends {action}.")
MAY_NOT_SEND = Refusal("may_not_send", "A key of role {role} reads; it sends no transactions.")

_HANDED_OVER_BY_BROKERS = frozenset({"assign_agent_of_record"})
"""Carrier actions that the current agent of record may send too."""


def agent_on(client: Client, on: date) -> AgentFrom | None:
    """The agent of record on a day."""
    return in_force(client.agents, on)


def may_see(client: Client, actor: Actor, on: date) -> bool:
    """Whether the sender may see the client and its people on a day.

    Operations see lag and parked work, no client; a portal sees its producer's clients.
    """
    if actor.role == "portal":
        agent = agent_on(client, on)
        return agent is not None and agent.producer_id == actor.producer_id
    return actor.role in ("carrier", "auditor")


def check_access(client: Client, command: Command, actor: Actor, on: date) -> None:
    """Refuse a transaction that this sender may not send to this client.

    ``on`` is the day of receipt. Seeing comes first, so that no refusal tells an outsider that a
    client exists.
    """
    if actor.role not in ("portal", "carrier"):
        raise MAY_NOT_SEND.because(role=actor.role)
    action = command.type
    if not client.is_open:
        if actor.role == "carrier" and action == "open_client":
            return
        raise CLIENT_NOT_FOUND.because()
    if not may_see(client, actor, on):
        raise NOT_AGENT_OF_RECORD.because(producer_id=actor.producer_id, day=on)
    by_carrier = command.sent_by == "carrier" and action not in _HANDED_OVER_BY_BROKERS
    if actor.role == "portal" and by_carrier:
        raise CARRIER_ONLY.because(action=action)
    check_administration(client, command, actor, on)
