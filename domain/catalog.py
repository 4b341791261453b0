"""What there is: every action and every event by its stable name, derived from the indexes."""

from __future__ import annotations

from domain.client import ACTIONS, EVENT_TYPES
from domain.kernel import Command, Event
from domain.payee import PAYEE_ACTIONS, PAYEE_EVENT_TYPES

COMMANDS: dict[str, type[Command]] = {action.wire_type(): action for action in ACTIONS}
"""Every action on a client, by its name on the wire."""

PAYEE_COMMANDS: dict[str, type[Command]] = {action.wire_type(): action for action in PAYEE_ACTIONS}
"""Every action on a payee, by its name on the wire."""

EVENTS: dict[str, type[Event]] = {event.type: event for event in EVENT_TYPES + PAYEE_EVENT_TYPES}
"""Every event of clients and of payees, in its current version, by its stored name."""
