"""Why a figure is what it is, as a tree: from the figure to the rules, facts and transactions."""

from __future__ import annotations

from datetime import date

from msgspec import Struct


class Fact(Struct, frozen=True):
    """Something that a rule looked at. Never personal data: an age, not a birth date."""

    name: str
    value: str


class Explanation(Struct, frozen=True, kw_only=True):
    """A step on the way to a figure; its children are what it follows from."""

    label: str
    """A sentence."""
    cents: int | None = None
    """What the step comes to, if that is an amount."""
    rule: str | None = None
    """The section of the handbook whose rule is applied, such as ``§4``."""
    facts: tuple[Fact, ...] = ()
    transactions: tuple[str, ...] = ()
    """The transactions that made the facts so, by id, each once."""
    children: tuple[Explanation, ...] = ()


def facts(**values: object) -> tuple[Fact, ...]:
    """Facts by name, in the order given; those that are None are left out."""
    return tuple(
        Fact(name.replace("_", " "), str(value))
        for name, value in values.items()
        if value is not None
    )


def cited(*transaction_ids: str | None) -> tuple[str, ...]:
    """Each of the transactions once, in the order given; None where there is none."""
    return tuple(dict.fromkeys(each for each in transaction_ids if each is not None))


def month_text(month: date) -> str:
    """A month in words, such as ``January 2026``."""
    return f"{_MONTHS[month.month - 1]} {month.year}"


_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
