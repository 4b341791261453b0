"""Amounts, dates and months as an American reader writes them."""

from __future__ import annotations

import re
from datetime import date

from domain.money import parse_cents

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_ISO_DAY = re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b")


def cents_of(amount: str) -> int:
    """The cents of an amount in a view, such as ``-1223.04``."""
    return parse_cents(amount)


def usd(cents: int) -> str:
    """Cents as ``$1,234.56``; below zero ``-$1,234.56``."""
    sign = "-" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def day(on: date) -> str:
    """A day, such as ``May 15, 2026``."""
    return f"{_MONTHS[on.month - 1]} {on.day}, {on.year}"


def short_day(on: date) -> str:
    """A day in a narrow column, such as ``05/15/2026``."""
    return f"{on.month:02d}/{on.day:02d}/{on.year:04d}"


def with_short_days(text: str) -> str:
    """A sentence with its days written as in a narrow column."""
    return _ISO_DAY.sub(lambda found: short_day(date.fromisoformat(found[0])), text)


def month(first: date) -> str:
    """A month, such as ``June 2026``."""
    return f"{_MONTHS[first.month - 1]} {first.year}"


def short_month(first: date) -> str:
    """A month in a narrow column, such as ``Jun 2026``."""
    return f"{_MONTHS[first.month - 1][:3]} {first.year}"


def counted(count: int, one: str) -> str:
    """A number of things, such as ``1 line`` and ``1,200 lines``."""
    return f"{count:,} {one}" if count == 1 else f"{count:,} {one}s"


def in_words(code: str) -> str:
    """A code as words, such as ``Domestic partner``."""
    return code.replace("_", " ").capitalize()
