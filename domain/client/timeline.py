"""Timelines: short lists of entries in order of their first day, each holding until the next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol, TypeVar


class FromDay(Protocol):
    """An entry of a timeline."""

    @property
    def first_day(self) -> date:
        """The day from which it holds."""
        ...


Entry = TypeVar("Entry", bound=FromDay)


def in_force(timeline: Sequence[Entry], on: date) -> Entry | None:
    """What holds on a day; None before the first entry."""
    for entry in reversed(timeline):
        if entry.first_day <= on:
            return entry
    return None


def set_from(timeline: list[Entry], entry: Entry) -> None:
    """Make ``entry`` hold from its first day on; it replaces what was to start later (§3)."""
    while timeline and timeline[-1].first_day >= entry.first_day:
        timeline.pop()
    timeline.append(entry)


def changes_after(timeline: Sequence[Entry], day: date) -> bool:
    """Whether something else is to hold from a later day on."""
    return bool(timeline) and timeline[-1].first_day > day
