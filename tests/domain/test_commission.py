"""What premium earns: percents, bands of a year, dollars a subscriber-month, and shares of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.client.state import Band, CommissionTerms, Share
from domain.commission import commission_cents, in_bands, split

FOUR_PERCENT = CommissionTerms(kind="percent", percent="4")
GRADED = CommissionTerms(
    kind="graded", bands=(Band("5", 10_000_00), Band("3.5", 25_000_00), Band("1"))
)
TWENTY_TWO_FIFTY = CommissionTerms(kind="pmpm", pmpm_cents=22_50)


@pytest.mark.parametrize(
    ("posted_cents", "earned_cents"),
    [
        (5_107_68, 204_31),  # January, February and March of the worked example (§9)
        (503_04, 20_12),  # April's postings
        (1_993_92, 79_76),
        (3_616_80, 144_67),  # May's
        (5_610_72, 224_43),
        (-2_293_44, -91_74),
        (3_317_28, 132_69),
        (0, 0),
    ],
)
def test_the_worked_example_at_four_percent(posted_cents: int, earned_cents: int) -> None:
    """Handbook §9, posting by posting, rounded for each line."""
    assert commission_cents(FOUR_PERCENT, posted_cents, 0, 0) == earned_cents


@pytest.mark.parametrize(("posted_cents", "earned_cents"), [(12, 0), (13, 1), (-12, 0), (-13, -1)])
def test_a_percent_is_rounded_half_up_away_from_zero(posted_cents: int, earned_cents: int) -> None:
    """4 % of 0.12 is 0.48 cents; half of a cent would round away from zero, also below it."""
    assert commission_cents(FOUR_PERCENT, posted_cents, 0, 0) == earned_cents
    half = CommissionTerms(kind="percent", percent="50")
    assert commission_cents(half, 1, 0, 0) == 1
    assert commission_cents(half, -1, 0, 0) == -1


def test_steps_of_a_hundredth_of_a_percent_are_exact() -> None:
    """0.07 % of 10,000.00 is 7.00: no binary fraction comes near it."""
    terms = CommissionTerms(kind="percent", percent="0.07")
    assert commission_cents(terms, 10_000_00, 0, 0) == 7_00


@pytest.mark.parametrize("posted_cents", [0, 1_000_00, -1_000_00])
def test_dollars_a_month_count_subscribers_not_premium(posted_cents: int) -> None:
    """What is posted does not matter, only how many subscriber-months became fully posted."""
    assert commission_cents(TWENTY_TWO_FIFTY, posted_cents, 3, 99_00) == 67_50
    assert commission_cents(TWENTY_TWO_FIFTY, posted_cents, -2, 99_00) == -45_00
    assert commission_cents(TWENTY_TWO_FIFTY, posted_cents, 0, 99_00) == 0


@pytest.mark.parametrize(
    ("before_cents", "posted_cents", "earned_cents"),
    [
        (0, 10_000_00, 500_00),  # to the first bound
        (10_000_00, 100_00, 3_50),  # just above it
        (9_900_00, 200_00, 8_50),  # across it: 100 at 5 %, 100 at 3.5 %
        (0, 30_000_00, 1_075_00),  # across both: 500 + 525 + 50
        (25_000_00, 1_000_00, 10_00),  # the last band has no end
        (10_100_00, -200_00, -8_50),  # it falls by what it had risen
        (30_000_00, -30_000_00, -1_075_00),
        (1_00, -3_00, -15),  # a year that falls below nothing stays in the first band
        (0, -10_000_00, -500_00),
    ],
)
def test_graded_is_the_banded_amount_after_less_before(
    before_cents: int, posted_cents: int, earned_cents: int
) -> None:
    """Bands of what was posted in the year, rising and falling alike."""
    assert commission_cents(GRADED, posted_cents, 0, before_cents) == earned_cents


@given(st.lists(st.integers(-5_000_000, 5_000_000), min_size=1, max_size=12))
def test_graded_over_a_year_is_the_banded_total(postings: list[int]) -> None:
    """Line by line it comes to what the year comes to at once, but for a cent's rounding a line."""
    before = earned = 0
    for posted in postings:
        earned += commission_cents(GRADED, posted, 0, before)
        before += posted
    assert abs(earned - commission_cents(GRADED, before, 0, 0)) <= len(postings)


@pytest.mark.parametrize(
    ("year_cents", "by_band"),
    [
        (-1, [-1]),
        (0, [0]),
        (10_000_00, [10_000_00]),
        (10_000_01, [10_000_00, 1]),
        (25_000_00, [10_000_00, 15_000_00]),
        (25_000_01, [10_000_00, 15_000_00, 1]),
    ],
)
def test_a_band_is_reached_by_the_first_cent_above_the_one_before(
    year_cents: int, by_band: list[int]
) -> None:
    """Less than nothing falls in the first band."""
    assert [cents for _, cents in in_bands(GRADED.bands, year_cents)] == by_band


THIRDS = (Share("A1", 33_33), Share("P1", 33_33), Share("P2", 33_34))


@pytest.mark.parametrize(
    ("cents", "shares", "parts"),
    [
        (204_31, (Share("A1", 10_000),), [204_31]),
        (204_31, (Share("A1", 70_00), Share("P1", 30_00)), [143_02, 61_29]),
        (1, (Share("A1", 50_00), Share("P1", 50_00)), [1, 0]),
        (-1, (Share("A1", 50_00), Share("P1", 50_00)), [-1, 0]),
        (100, THIRDS, [33, 33, 34]),
        (2, (Share("A1", 25_00), Share("P1", 25_00), Share("P2", 50_00)), [1, 1, 0]),
        (3, (Share("A1", 50_00), Share("P1", 49_99), Share("P2", 1)), [2, 1, 0]),
        (1, (Share("A1", 50_00), Share("P1", 49_99), Share("P2", 1)), [1, 0, 0]),
        (1, (Share("A1", 50_00), Share("P1", 50_00), Share("P2", 0)), [1, 1, -1]),
        (0, THIRDS, [0, 0, 0]),
    ],
)
def test_each_share_is_rounded_and_the_last_takes_the_remainder(
    cents: int, shares: tuple[Share, ...], parts: list[int]
) -> None:
    """In the order given; the remainder may be less than nothing."""
    assert split(cents, shares) == parts


@given(st.integers(-(10**9), 10**9))
def test_shares_add_up_and_a_clawback_mirrors_what_was_earned(cents: int) -> None:
    """Whatever is taken back in full leaves nobody with a cent too much."""
    parts = split(cents, THIRDS)
    assert sum(parts) == cents
    assert split(-cents, THIRDS) == [-part for part in parts]
