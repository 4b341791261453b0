"""The two axes of a page of transactions as a picture: when it was known, and from when it is true.

A picture of the table beside it, and no more: whoever does not see it misses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

_LEFT, _TOP, _RIGHT, _BOTTOM = 78, 14, 706, 262
_TICKS = 4


class Told(NamedTuple):
    """A change: the day on which it became known, and from when it holds."""

    known_on: date
    true_from: date


class Point(NamedTuple):
    """A change on the picture."""

    x: float
    y: float
    is_late: bool
    """It was told after the day from which it holds."""


class Tick(NamedTuple):
    """A day on an axis."""

    at: float
    label: str


class Plot(NamedTuple):
    """What the template draws; ``diagonal`` is where a change is told on the day it holds from."""

    points: list[Point]
    across: list[Tick]
    up: list[Tick]
    diagonal: tuple[float, float, float, float] | None
    late: int


class _Axis:
    def __init__(self, days: Sequence[date], begin: int, end: int) -> None:
        margin = max((max(days) - min(days)).days // 20, 1)
        self.first = min(days) - timedelta(margin)
        self.last = max(days) + timedelta(margin)
        self._begin, self._end = begin, end

    def at(self, day: date) -> float:
        share = (day - self.first).days / (self.last - self.first).days
        return round(self._begin + share * (self._end - self._begin), 1)

    def ticks(self) -> list[Tick]:
        step = max((self.last - self.first).days // _TICKS, 1)
        days = [self.first + timedelta(step * n) for n in range(_TICKS + 1)]
        return [Tick(self.at(day), day.isoformat()) for day in days if day <= self.last]


def plotted(changes: Sequence[Told]) -> Plot | None:
    """The picture of these changes; None of fewer than two, for nothing could be compared."""
    if len(changes) < 2:
        return None
    known = _Axis([each.known_on for each in changes], _LEFT, _RIGHT)
    true = _Axis([each.true_from for each in changes], _BOTTOM, _TOP)
    points = [
        Point(known.at(each.known_on), true.at(each.true_from), each.known_on > each.true_from)
        for each in changes
    ]
    late = sum(point.is_late for point in points)
    return Plot(points, known.ticks(), true.ticks(), _diagonal(known, true), late)


def _diagonal(known: _Axis, true: _Axis) -> tuple[float, float, float, float] | None:
    first, last = max(known.first, true.first), min(known.last, true.last)
    if first >= last:
        return None
    return known.at(first), true.at(first), known.at(last), true.at(last)
