"""Golden payloads: for each event version ever published, the bytes of one stored event.

``python -m tests.schemas.golden_payloads`` adds the ones that are missing and changes none: the
bytes of a version stay readable for ever, whatever becomes of the code that once wrote them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from domain.catalog import EVENTS
from processors.ports import NewEvent
from schemas.envelope import encode, topic_of
from tests.every_action import decided, every_action

GOLDEN = Path(__file__).parent / "golden"


def file_of(topic: str) -> Path:
    """Where the golden payload of an event version is."""
    return GOLDEN / f"{topic}.json"


@cache
def representatives() -> Mapping[str, NewEvent]:
    """By stored name, the fullest event of its kind in the story of every action."""
    events = [event for _, decision in decided(every_action()) for event in decision.events]
    events.sort(key=lambda new: len(encode(new.cause, new.event)))
    return {topic_of(new.event): new for new in events}


def add_missing() -> list[str]:
    """Write the payloads of current versions that have none; returns their names."""
    added = []
    for topic, new in representatives().items():
        assert new.event.type in EVENTS
        if not file_of(topic).exists():
            file_of(topic).write_bytes(encode(new.cause, new.event))
            added.append(file_of(topic).name)
    return added


if __name__ == "__main__":
    for name in add_missing():
        sys.stdout.write(f"added {name}\n")
