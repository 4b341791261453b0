"""Amounts of money: US dollars kept as integer cents, never in binary floating point.

"Half up" rounds halves away from zero, for negative amounts too (handbook, preamble).
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

_LARGEST_CENTS = 10**15
"""Ten trillion dollars: more than any account owes, and still exact in every column and sum."""


def half_up(numerator: int, denominator: int) -> int:
    """The quotient rounded to a whole number, halves away from zero; ``denominator`` > 0."""
    if numerator < 0:
        return -((-2 * numerator + denominator) // (2 * denominator))
    return (2 * numerator + denominator) // (2 * denominator)


def parse_cents(text: str) -> int:
    """The cents in an amount written in dollars, such as ``480``, ``480.5`` or ``-480.00``.

    Raises ``ValueError`` for what is not a plain decimal number, has a fraction of a cent, or is
    larger than any amount this system handles.
    """
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError("an amount is a decimal number of dollars, such as 480.00") from None
    if not amount.is_finite() or abs(amount) > _LARGEST_CENTS // 100:
        raise ValueError("an amount is a decimal number of dollars, such as 480.00")
    cents = amount * 100
    if cents != cents.to_integral_value():
        raise ValueError("an amount has no fractions of a cent")
    return int(cents)


def dollars(cents: int) -> str:
    """Cents as dollars with two decimals and no separators, such as ``-1223.04``."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"
