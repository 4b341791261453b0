"""Licence numbers of producers (handbook §7)."""

from __future__ import annotations

import re

from domain.kernel import Refusal

LICENCE_NUMBER_INVALID = Refusal(
    "licence_number_invalid",
    "A licence number has nine digits; one of seven is padded with two leading zeros.",
)


def nine_digits(number: str) -> str:
    """The licence number in nine digits; seven get two leading zeros, anything else is refused."""
    if not re.fullmatch(r"[0-9]{7}|[0-9]{9}", number):
        raise LICENCE_NUMBER_INVALID.because()
    return number.zfill(9)
