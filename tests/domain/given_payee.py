"""Given a payee's history: the same words as for a client's (``given.py``).

given_payee(an_agency()).when(statement()).then(StatementProduced(…))
"""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from domain.client.state import Client
from domain.kernel import Actor, Command, Event
from domain.payee.produce_statement import ProduceStatement
from domain.payee.register_payee import RegisterPayee
from domain.payee.state import Payee, stream_id
from tests.domain.examples import like_example
from tests.domain.given import CARRIER, Story

AGENCY = "A-200"
PRINCIPAL = Actor("portal-1", "portal", producer_id="P1")
COLLEAGUE = Actor("portal-2", "portal", producer_id="P2")
TODAY = date(2026, 5, 5)


def given_payee(
    *history: Command | Event, payee_id: str = AGENCY, received_on: date = TODAY
) -> Story:
    """A payee to which this has happened, sent by the carrier."""
    # A story only decides and folds: it asks nothing of a client.
    story = Story(cast("Client", Payee(stream_id(payee_id))), today=received_on)
    return story.and_given(*history, actor=CARRIER)


def an_agency(**changes: Any) -> RegisterPayee:
    """An agency whose principal is P1, paid by EFT unless changed."""
    return like_example(RegisterPayee, **{"principal_id": "P1", **changes})


def a_producer(**changes: Any) -> RegisterPayee:
    """A producer, paid by check unless changed."""
    return RegisterPayee.model_validate({"kind": "producer", "pay_by": "check", **changes})


def statement(month: str = "2026-05-01", **changes: Any) -> ProduceStatement:
    """Three lines of 120.00 together, up to position 988, the first of the payee."""
    run_on = changes.pop("run_on", None)
    return like_example(ProduceStatement, month=month, run_on=run_on, **changes)
