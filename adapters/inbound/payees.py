"""Payees as the log has them now, and who may see what is theirs (handbook §6).

Read from the payee's history, which has a few events a year: so what a payee has allowed, or taken
back, holds for the very next read.
"""

from __future__ import annotations

from adapters.outbound.reading import NotFound
from domain.kernel import Actor
from domain.payee.state import Payee, may_see, stream_id
from processors.ports import EventLog


def payee_of(log: EventLog, payee_id: str) -> Payee:
    """The payee; one of whom nothing is recorded is at version 0."""
    stream = stream_id(payee_id)
    payee = Payee(stream)
    for recorded in log.read((), {stream: None}).events:
        recorded.evolve(payee)
    return payee


def require_may_see(log: EventLog, payee_id: str, actor: Actor) -> Payee:
    """The payee, if the reader may see its statements; else ``NotFound`` is raised.

    Who may see all payees gets one that there is not (version 0), too.
    """
    payee = payee_of(log, payee_id)
    if not may_see(payee, actor):
        raise NotFound
    return payee
