"""Calendar arithmetic of the business. Dates are America/New_York calendar dates (handbook)."""

from __future__ import annotations

import calendar
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

CARRIER_ZONE = ZoneInfo("America/New_York")


def carrier_date(instant: datetime) -> date:
    """The calendar date of a UTC instant where the carrier is."""
    return instant.astimezone(CARRIER_ZONE).date()


def first_of_month(day: date) -> date:
    """The first day of the month of ``day``."""
    return day.replace(day=1)


def days_in_month(day: date) -> int:
    """How many days the month of ``day`` has."""
    return calendar.monthrange(day.year, day.month)[1]


def last_of_month(day: date) -> date:
    """The last day of the month of ``day``."""
    return day.replace(day=days_in_month(day))


def first_of_next_month(day: date) -> date:
    """The first day of the month after that of ``day``."""
    return last_of_month(day) + timedelta(days=1)


def add_months(first_day: date, months: int) -> date:
    """The same day of the month so many months later (or earlier), clipped to the month's end."""
    index = first_day.year * 12 + first_day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(first_day.day, calendar.monthrange(year, month + 1)[1]))


def last_day_of_months(first_day: date, months: int) -> date:
    """The last of so many months that begin on a day: 18 from 31 March end with September.

    That is the day before the same day of a later month; where that month has no such day, it is
    the month's last one.
    """
    return max(
        previous_day(add_months(first_day, months)), add_months(previous_day(first_day), months)
    )


def age_on(birth_date: date, day: date) -> int:
    """Age in whole years; a birthday on 29 February is kept on 1 March in other years."""
    before_birthday = (day.month, day.day) < (birth_date.month, birth_date.day)
    return day.year - birth_date.year - before_birthday


def next_day(day: date) -> date:
    """The day after."""
    return day + timedelta(days=1)


def previous_day(day: date) -> date:
    """The day before."""
    return day - timedelta(days=1)
