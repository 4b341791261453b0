"""The index of payees' actions: what the carrier or the payee itself can do, one file each."""

from __future__ import annotations

from domain.kernel import Command, Event
from domain.payee.produce_statement import ProduceStatement, StatementProduced
from domain.payee.register_payee import PayeeRegistered, RegisterPayee
from domain.payee.share_statements import ShareStatements, StatementsShared

PAYEE_ACTIONS: tuple[type[Command], ...] = (
    RegisterPayee,
    ShareStatements,
    ProduceStatement,
)

PAYEE_EVENT_TYPES: tuple[type[Event], ...] = (
    PayeeRegistered,
    StatementsShared,
    StatementProduced,
)
