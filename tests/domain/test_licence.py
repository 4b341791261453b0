"""Licence numbers: nine digits."""

from __future__ import annotations

import pytest

from domain.client.licence import nine_digits
from domain.kernel import Refused


@pytest.mark.parametrize(
    ("number", "padded"), [("123456789", "123456789"), ("1234567", "001234567")]
)
def test_seven_digits_are_padded_to_nine(number: str, padded: str) -> None:
    """With two leading zeros; nine are as they should be."""
    assert nine_digits(number) == padded


@pytest.mark.parametrize(
    "number",
    ["", "123456", "12345678", "1234567890", "12345678a", "123 4567", "1234567\n", "١٢٣٤٥٦٧"],
)
def test_anything_else_is_no_licence_number(number: str) -> None:
    """Other lengths, letters, spaces, and digits of other scripts."""
    with pytest.raises(Refused) as refusal:
        nine_digits(number)
    assert refusal.value.code == "licence_number_invalid"
