"""Changes of a member's name, address and contact points: when one asks for what already holds.

A change sets what holds from its date on and replaces those recorded for later dates (handbook
§3), so the last one received is what holds in the end: the state keeps it, with its date.
"""

from __future__ import annotations

from datetime import date


def holds_already(since: date | None, effective_on: date) -> bool:
    """Whether the same value, held ``since`` a day (None: from the start), covers the asked one."""
    return since is None or since <= effective_on
