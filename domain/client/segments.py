"""Which segment a group belongs to by its size (handbook §2)."""

from __future__ import annotations

from decimal import Decimal

from domain.client.state import GROUP_SEGMENTS, Segment

LARGEST_SMALL_GROUP = 50
"""Full-time equivalents; one more is a large group."""
_FULL_TIME_HOURS = 120
"""Part-time hours of a month that make one full-time equivalent."""


def full_time_equivalents(full_time_employees: str, part_time_hours: str) -> int:
    """Whole full-time equivalents of a group, from averages of a month of the prior year.

    The fraction is dropped, as in the federal rule for the average of a year (26 CFR
    54.4980H-2(b)): a group between 50 and 51 is one of 50, so a small one.
    """
    return int(Decimal(full_time_employees) + Decimal(part_time_hours) / _FULL_TIME_HOURS)


def is_large(full_time_employees: str, part_time_hours: str) -> bool:
    """Whether a group of this size is large: 51 or more."""
    return full_time_equivalents(full_time_employees, part_time_hours) > LARGEST_SMALL_GROUP


def agrees_with_size(
    segment: Segment, full_time_employees: str | None, part_time_hours: str | None
) -> bool:
    """Whether the numbers a client opens with belong to its segment.

    Groups state both numbers; small groups and Fixed Funding Solutions are for small ones. An
    individual account has no employees to count.
    """
    if segment not in GROUP_SEGMENTS:
        return full_time_employees is None and part_time_hours is None
    if full_time_employees is None or part_time_hours is None:
        return False
    return is_large(full_time_employees, part_time_hours) == (segment == "large_group")
