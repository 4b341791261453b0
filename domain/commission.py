"""What premium earns: the rules of handbook §6 as pure functions. Amounts are integer cents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from domain.client.state import Band, CommissionTerms, Share
from domain.money import half_up

_CENTS = 100
_WHOLE = 10_000
"""All of a commission, in hundredths of a percent."""
_PERCENT_SCALE = 10**8
"""Percents are read with as many decimals as anyone states, and then counted in whole numbers."""


def commission_cents(
    terms: CommissionTerms, posted_cents: int, subscriber_months: int, year_before_cents: int
) -> int:
    """The commission of one posting, rounded half up to the cent; negative for what is taken back.

    ``year_before_cents`` is the premium posted in the calendar year of the posting before it: the
    graded amount is what the bands give after the posting less what they gave before.
    """
    if terms.kind == "pmpm":
        return subscriber_months * (terms.pmpm_cents or 0)
    if terms.kind == "percent":
        scaled = posted_cents * _scaled(terms.percent or "0")
    else:
        after = _graded(terms.bands, year_before_cents + posted_cents)
        scaled = after - _graded(terms.bands, year_before_cents)
    return half_up(scaled, 100 * _PERCENT_SCALE)


def split(cents: int, shares: Sequence[Share]) -> list[int]:
    """Each payee's part, rounded half up in the order given; the last takes the remainder (§6)."""
    parts = [half_up(cents * share.basis_points, _WHOLE) for share in shares[:-1]]
    return [*parts, cents - sum(parts)]


def in_bands(bands: Sequence[Band], year_cents: int) -> Iterator[tuple[Band, int]]:
    """Each band that the premium of a year reaches, with the premium in it, in cents.

    A year in which more was taken back than posted falls in the first band.
    """
    lower = 0
    for band in bands:
        is_last = band.up_to_cents is None or year_cents <= band.up_to_cents
        upper = year_cents if is_last else band.up_to_cents or 0
        yield band, upper - lower
        if is_last:
            break
        lower = upper


def banded_dollars(bands: Sequence[Band], year_cents: int) -> Decimal:
    """What the bands give on the premium of a year, in dollars, not rounded."""
    return Decimal(_graded(bands, year_cents)) / (_CENTS * 100 * _PERCENT_SCALE)


def _graded(bands: Sequence[Band], year_cents: int) -> int:
    """The same in cents × percent, scaled."""
    return sum(cents * _scaled(band.percent) for band, cents in in_bands(bands, year_cents))


def _scaled(percent: str) -> int:
    scaled = Decimal(percent) * _PERCENT_SCALE
    assert scaled == scaled.to_integral_value(), "a percent with more decimals than are read"
    return int(scaled)
