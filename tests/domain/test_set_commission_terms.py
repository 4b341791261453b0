"""Set commission terms: three kinds, from the 1st of a month, never for months before receipt."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from domain.client.set_commission_terms import CommissionTermsSet, SetCommissionTerms
from domain.client.state import Band, CommissionTerms
from tests.domain.examples import like_example
from tests.domain.given import given, group

RECEIVED = date(2026, 1, 31)
BANDS = [
    {"percent": "5", "up_to": "10000.00"},
    {"percent": "3.50", "up_to": "25000"},
    {"percent": "1"},
]


def setting(effective_on: str = "2026-02-01", **terms: Any) -> SetCommissionTerms:
    """Terms from a day on: 4 % unless stated."""
    stated = terms or {"kind": "percent", "percent": "4"}
    return like_example(SetCommissionTerms, effective_on=effective_on, terms=stated)


@pytest.mark.parametrize(
    ("terms", "kept"),
    [
        (
            {"kind": "percent", "percent": "4.50"},
            CommissionTerms(kind="percent", percent="4.5"),
        ),
        ({"kind": "pmpm", "pmpm": "22.5"}, None),
        ({"kind": "pmpm", "pmpm": "22.50"}, CommissionTerms(kind="pmpm", pmpm_cents=22_50)),
        (
            {"kind": "graded", "bands": BANDS},
            CommissionTerms(
                kind="graded",
                bands=(Band("5", 10_000_00), Band("3.5", 25_000_00), Band("1")),
            ),
        ),
        ({"kind": "graded", "bands": BANDS[:2]}, None),
        ({"kind": "graded", "bands": [BANDS[1], BANDS[0], BANDS[2]]}, None),
        ({"kind": "graded", "bands": [BANDS[2], BANDS[2]]}, None),
        ({"kind": "graded", "bands": [BANDS[0], BANDS[0], BANDS[2]]}, None),
        ({"kind": "graded"}, None),
        ({"kind": "percent"}, None),
        ({"kind": "percent", "percent": "101"}, None),
        ({"kind": "percent", "percent": "4", "pmpm": "22.50"}, None),
        ({"kind": "pmpm", "percent": "4"}, None),
    ],
)
def test_terms_are_of_one_kind_and_complete(
    terms: dict[str, Any], kept: CommissionTerms | None
) -> None:
    """A percent, dollars a subscriber and month, or rising bands of which the last has no end."""
    if kept is None:
        with pytest.raises(ValidationError):
            setting(**terms)
    else:
        given(client=group()).when(setting(**terms), received_on=RECEIVED).then(
            CommissionTermsSet(first_day=date(2026, 2, 1), terms=kept)
        )


@pytest.mark.parametrize(
    ("effective_on", "code"),
    [
        ("2025-12-01", "terms_backdated"),
        ("2026-01-01", None),
        ("2026-02-01", None),
        ("2026-01-02", "not_first_of_month"),
        ("2026-01-31", "not_first_of_month"),
    ],
)
def test_terms_hold_from_the_month_of_receipt_at_the_earliest(
    effective_on: str, code: str | None
) -> None:
    """From the 1st of it, or of a later one."""
    answer = given(client=group()).when(setting(effective_on), received_on=RECEIVED)
    if code is None:
        answer.is_accepted()
    else:
        answer.refused(code, saying=effective_on)


def test_setting_the_same_terms_again_changes_nothing() -> None:
    """However they are written, and from when they hold already."""
    story = given(setting(), client=group(), received_on=RECEIVED)
    story.when(setting(kind="percent", percent="4.00")).then_nothing()
    story.when(setting("2026-05-01")).then_nothing()
    story.when(setting("2026-02-01"), received_on=date(2026, 3, 5)).then_nothing()
    story.when(setting(kind="percent", percent="4.01")).is_accepted()


def test_terms_replace_those_recorded_for_later_months() -> None:
    """A change sets what holds from its date on."""
    later = setting("2026-05-01", kind="pmpm", pmpm="20.00")
    story = given(setting(), later, client=group(), received_on=RECEIVED)
    assert [each.first_day for each in story.client.terms] == [date(2026, 2, 1), date(2026, 5, 1)]
    story = story.when(setting("2026-04-01"), received_on=RECEIVED).is_accepted()
    assert [each.first_day for each in story.client.terms] == [date(2026, 2, 1), date(2026, 4, 1)]


def test_terms_are_set_at_most_90_days_ahead() -> None:
    """Like any change in future (handbook §3)."""
    story = given(client=group())
    story.when(setting("2026-05-01"), received_on=RECEIVED).is_accepted()
    story.when(setting("2026-06-01"), received_on=RECEIVED).refused("too_far_ahead")


def test_a_terminated_client_gets_no_terms_after_its_end() -> None:
    """There would be no coverage month to use them."""
    client = group()
    client.terminated_on = date(2026, 1, 31)
    given(client=client).when(setting(), received_on=RECEIVED).refused("client_terminated")
