"""Money: cents, half up away from zero, and amounts in words of the wire."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import dollars, half_up, parse_cents


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [(5, 10, 1), (-5, 10, -1), (4, 10, 0), (-4, 10, 0), (15, 10, 2), (-15, 10, -2), (0, 7, 0)],
)
def test_halves_are_rounded_away_from_zero(numerator: int, denominator: int, rounded: int) -> None:
    """A half goes away from zero, for negative amounts too."""
    assert half_up(numerator, denominator) == rounded


@given(st.integers(-(10**14), 10**14), st.integers(1, 10_000))
def test_rounding_agrees_with_decimal_arithmetic(numerator: int, denominator: int) -> None:
    """Integer rounding gives what ROUND_HALF_UP of the exact decimal quotient gives."""
    exact = Decimal(numerator * 2 + (denominator if numerator >= 0 else -denominator))
    whole = exact / (2 * denominator)
    assert half_up(numerator, denominator) == int(whole)
    if denominator in (1, 2, 4, 5, 8, 10, 100, 1000):
        quotient = Decimal(numerator) / denominator
        assert half_up(numerator, denominator) == int(quotient.quantize(1, ROUND_HALF_UP))


@given(st.integers(-(10**15), 10**15))
def test_dollars_are_read_back_as_the_same_cents(cents: int) -> None:
    """What is written out is read back unchanged."""
    assert parse_cents(dollars(cents)) == cents


@pytest.mark.parametrize("text", ["", "abc", "1,000.00", "NaN", "Infinity", "1e40", "0.001"])
def test_what_is_no_amount_of_cents_is_refused(text: str) -> None:
    """Separators, fractions of a cent and numbers beyond reason are no amounts."""
    with pytest.raises(ValueError, match="amount"):
        parse_cents(text)
