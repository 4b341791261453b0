"""Long lists in an explanation, kept readable: what is not told one by one is summed and counted.

Nothing is left out of a sum: the steps of a list always come to the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import NamedTuple, TypeVar

from domain.explanation import Explanation, cited, facts
from domain.money import dollars

LISTED = 24
"""A list of so many is told one by one."""
_NEWEST = 12
_EACH_END = 6

Item = TypeVar("Item")


class Entry(NamedTuple):
    """Something with an amount, and its day."""

    day: date
    step: Explanation


def in_years(entries: Sequence[Entry]) -> Iterable[Explanation]:
    """All of them; of a long list the newest, after a sum for each year of the older ones."""
    older = entries[:-_NEWEST] if len(entries) > LISTED else ()
    by_year: dict[int, list[Entry]] = {}
    for entry in older:
        by_year.setdefault(entry.day.year, []).append(entry)
    for year, of_year in sorted(by_year.items()):
        cents = sum(entry.step.cents or 0 for entry in of_year)
        first, last = of_year[0].step, of_year[-1].step
        yield Explanation(
            label=f"Earlier, of {year} ({len(of_year)} of them): {dollars(cents)}.",
            cents=cents,
            facts=facts(year=year, count=len(of_year)),
            transactions=cited(*first.transactions[:1], *last.transactions[:1]),
        )
    yield from (entry.step for entry in entries[len(older) :])


def shortened(
    items: Sequence[tuple[Item, int]], told: Callable[[Item, int], Explanation], things: str
) -> Iterable[Explanation]:
    """All of them, each (thing, cents) told; of a long list both ends, and a sum between."""
    if len(items) <= LISTED:
        yield from (told(*item) for item in items)
        return
    between = items[_EACH_END:-_EACH_END]
    cents = sum(each for _, each in between)
    yield from (told(*item) for item in items[:_EACH_END])
    yield Explanation(
        label=f"Between them {len(between)} more {things}: {dollars(cents)}.",
        cents=cents,
        facts=facts(count=len(between)),
    )
    yield from (told(*item) for item in items[-_EACH_END:])
