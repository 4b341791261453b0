"""What there is: every action and every event by its stable name, derived from the index."""

from __future__ import annotations

from domain.client import ACTIONS, EVENT_TYPES
from domain.kernel import Command, Event

COMMANDS: dict[str, type[Command]] = {action.wire_type(): action for action in ACTIONS}
"""Every action by its name on the wire."""

EVENTS: dict[str, type[Event]] = {event.type: event for event in EVENT_TYPES}
"""Every event, in its current version, by its stored name."""
