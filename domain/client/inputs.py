"""What senders write inside transactions: names, addresses, days, amounts; checked on the way in.

Commands declare these; ``decide`` turns them into the values of ``state.py`` that events keep.
Amounts and percents are decimals in strings, so that no JSON reader makes binary floats of them.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    model_validator,
)

from domain.client.state import Address, ContactPoints, PersonName, Rate, Tier
from domain.money import parse_cents
from domain.types import PERSONAL, PersonalText

# ── Days ───────────────────────────────────────────────────────────────────────────────────────

_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FIRST_YEAR, _LAST_YEAR = 1900, 2199


def _only_days(value: object) -> object:
    """Dates, and strings that are written like one: no timestamps and no other formats."""
    is_day = isinstance(value, date) and not isinstance(value, datetime)
    if is_day or (isinstance(value, str) and _ISO_DAY.fullmatch(value)):
        return value
    raise ValueError("a date is written YYYY-MM-DD")


def _in_our_time(day: date) -> date:
    if _FIRST_YEAR <= day.year <= _LAST_YEAR:
        return day
    raise ValueError(f"a date lies in the years {_FIRST_YEAR} to {_LAST_YEAR}")


Day = Annotated[date, BeforeValidator(_only_days), AfterValidator(_in_our_time)]
"""A calendar date, ``YYYY-MM-DD``, in the years a policy can be about."""
PersonalDay = Annotated[Day, PERSONAL]
"""A date that is personal data, such as a birth date."""


# ── Amounts and numbers ────────────────────────────────────────────────────────────────────────

MoneyText = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{2})?$")]
"""US dollars, such as "480.00" or "480"."""
CountText = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,7}(\.[0-9]{1,4})?$")]
"""A number that may have decimals, such as an average of employees or hours."""


def _at_most_all(percent: str) -> str:
    if Decimal(percent) <= 100:
        return percent
    raise ValueError("a percent is at most 100")


PercentText = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,2})?$"),
    AfterValidator(_at_most_all),
]
"""A percent in steps of a hundredth, such as "4" or "2.25"."""


def cents(amount: MoneyText) -> int:
    """The amount in whole cents."""
    return parse_cents(amount)


def basis_points(percent: PercentText) -> int:
    """The percent in hundredths of a percent."""
    return int(Decimal(percent) * 100)


def plain(number: str) -> str:
    """The number as it is kept: without superfluous zeros, so that "4" and "4.00" are the same."""
    return f"{Decimal(number).normalize():f}"


Label = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$"
    ),
]
"""A name of something that is not a person."""

# ── People and places ──────────────────────────────────────────────────────────────────────────

StateCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""A US state by its two letters."""
ZipText = Annotated[str, PERSONAL, StringConstraints(pattern=r"^[0-9]{5}(-[0-9]{4})?$")]
EmailText = Annotated[
    str,
    PERSONAL,
    StringConstraints(
        strip_whitespace=True, max_length=254, pattern=r"^[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+$"
    ),
]
PhoneText = Annotated[
    str,
    PERSONAL,
    StringConstraints(strip_whitespace=True, pattern=r"^\+?[0-9][0-9 ().-]{6,23}$"),
]


class Input(BaseModel):
    """A part of a command: immutable, nothing unknown in it, its values never in error messages."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class NameIn(Input):
    """A person's name."""

    first: PersonalText
    last: PersonalText
    middle: PersonalText | None = None

    def value(self) -> PersonName:
        """The name as it is kept."""
        return PersonName(first=self.first, last=self.last, middle=self.middle)


class AddressIn(Input):
    """A postal address in the United States."""

    line1: PersonalText
    line2: PersonalText | None = None
    city: PersonalText
    state: Annotated[StateCode, PERSONAL]
    zip: ZipText

    def value(self) -> Address:
        """The address as it is kept."""
        return Address(
            line1=self.line1, city=self.city, state=self.state, zip=self.zip, line2=self.line2
        )


class ContactIn(Input):
    """How a member is reached; what is left out, there is none of."""

    email: EmailText | None = None
    phone: PhoneText | None = None

    def value(self) -> ContactPoints:
        """The contact points as they are kept."""
        return ContactPoints(email=self.email, phone=self.phone)


# ── Rates ──────────────────────────────────────────────────────────────────────────────────────


class RateIn(Input):
    """What a plan costs a month: a base rate for age 21, or one premium for each of the tiers."""

    base: MoneyText | None = None
    tiers: dict[Tier, MoneyText] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.base is None) == (self.tiers is None):
            raise ValueError("a rate is either a base rate or premiums by tier")
        if self.tiers is not None and len(self.tiers) != 4:
            raise ValueError("premiums by tier name all of EMP, ESP, ECH and FAM")
        return self

    def value(self) -> Rate:
        """The rate as it is kept, in cents."""
        if self.tiers is None:
            return Rate(base_cents=None if self.base is None else cents(self.base))
        return Rate(tier_cents={tier: cents(amount) for tier, amount in self.tiers.items()})
