"""What senders write: days, amounts, people and rates, and what is no such thing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from domain.client import inputs
from domain.client.state import Address, ContactPoints, PersonName, Rate

TIERS = {"EMP": "1", "ESP": "2.00", "ECH": "3.10", "FAM": "4"}


def accepts(kind: Any, value: object) -> bool:
    """Whether the value is one of this kind, as JSON or Python would bring it."""
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("value", "is_day"),
    [
        ("2026-02-28", True),
        (date(2026, 2, 28), True),
        ("2026-02-29", False),
        ("2026-2-28", False),
        ("2026-02-28T00:00:00", False),
        ("20260228", False),
        (1772236800, False),
        (True, False),
        ("1899-12-31", False),
        ("2200-01-01", False),
    ],
)
def test_a_day_is_a_calendar_date(value: object, is_day: bool) -> None:
    """Written YYYY-MM-DD and nothing else, in the years a policy can be about."""
    assert accepts(inputs.Day, value) is is_day


@pytest.mark.parametrize(
    ("value", "cents"),
    [
        ("480.00", 480_00),
        ("480", 480_00),
        ("0.29", 29),
        ("999999999.99", 99_999_999_999),
        ("480.0", None),
        ("480.001", None),
        ("-1.00", None),
        ("1e3", None),
        (480, None),
        (480.0, None),
    ],
)
def test_money_is_dollars_and_cents_in_a_string(value: object, cents: int | None) -> None:
    """Never a JSON number, which readers may make a binary float of."""
    assert accepts(inputs.MoneyText, value) is (cents is not None)
    if isinstance(value, str) and cents is not None:
        assert inputs.cents(value) == cents


@pytest.mark.parametrize(
    ("value", "basis_points"),
    [("4", 400), ("2.25", 225), ("100", 10_000), ("100.01", None), ("2.255", None), (4, None)],
)
def test_a_percent_has_steps_of_a_hundredth(value: object, basis_points: int | None) -> None:
    """And is at most all of it."""
    assert accepts(inputs.PercentText, value) is (basis_points is not None)
    if isinstance(value, str) and basis_points is not None:
        assert inputs.basis_points(value) == basis_points


@pytest.mark.parametrize(
    ("written", "kept"), [("4.00", "4"), ("100", "100"), ("0.50", "0.5"), ("0", "0")]
)
def test_a_number_is_kept_in_one_way(written: str, kept: str) -> None:
    """So that the same number written differently is the same."""
    assert inputs.plain(written) == kept


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (inputs.ZipText, ["06355", "06355-1234"], ["6355", "06355-", "ABCDE"]),
        (
            inputs.EmailText,
            ["a@b.co", " a.b+c@d-e.org "],
            ["a@b", "a b@c.de", "a@@b.co", "a@b.c\0"],
        ),
        (inputs.PhoneText, ["860-555-0142", "+1 (860) 555-0142"], ["12345", "call me", "1" * 30]),
        (inputs.StateCode, ["CT"], ["ct", "Conn", ""]),
        (inputs.Label, ["Main"], ["", "  ", "a\nb", "x" * 121]),
    ],
)
def test_places_and_ways_to_reach_people(kind: Any, good: list[str], bad: list[str]) -> None:
    """Plain formats; control characters are in none of them."""
    assert all(accepts(kind, value) for value in good)
    assert not any(accepts(kind, value) for value in bad)


def test_people_are_kept_as_they_were_written() -> None:
    """Name, address and contact points become the values that events keep."""
    name = inputs.NameIn(first=" Anna ", last="Rivera", middle="B")
    assert name.value() == PersonName("Anna", "Rivera", "B")
    address = inputs.AddressIn(
        line1="12 Water Street", line2="Apt 4", city="Mystic", state="CT", zip="06355"
    )
    assert address.value() == Address("12 Water Street", "Mystic", "CT", "06355", "Apt 4")
    contact = inputs.ContactIn(phone="860-555-0142")
    assert contact.value() == ContactPoints(None, "860-555-0142")


def test_a_rate_is_by_member_or_by_tier() -> None:
    """One of the two, and all four tiers."""
    assert inputs.RateIn(base="480.00").value() == Rate(base_cents=480_00)
    by_tier = inputs.RateIn.model_validate({"tiers": TIERS}).value()
    assert by_tier == Rate(tier_cents={"EMP": 100, "ESP": 200, "ECH": 310, "FAM": 400})
    three = {tier: amount for tier, amount in TIERS.items() if tier != "FAM"}
    for nonsense in ({}, {"base": "1", "tiers": TIERS}, {"tiers": three}, {"tiers": {}}):
        assert not accepts(inputs.RateIn, nonsense)


def test_errors_never_repeat_what_was_written() -> None:
    """What is wrong may be personal data all the same."""

    class Letter(BaseModel):
        """A model that says nothing about errors itself."""

        model_config = inputs.Input.model_config
        address: inputs.AddressIn

    wrong = {"line1": "9 Canary Lane", "city": "Mystic", "state": "Canary", "zip": "Canary"}
    with pytest.raises(ValidationError) as error:
        Letter.model_validate({"address": wrong})
    assert "Canary" not in str(error.value)
    with pytest.raises(ValidationError) as error:
        inputs.AddressIn.model_validate(wrong)
    assert "Canary" not in str(error.value)
