"""Approve an exception: one change, one member, one date, and why."""

from __future__ import annotations

from datetime import date
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from domain.client.approve_exception import ApproveException, ExceptionApproved, LimitedAction
from domain.client.timeliness import DAYS_BACK
from tests.domain.examples import ANNA, like_example, with_anna
from tests.domain.given import given

REASON = "The employer's notice was lost in the mail."


def approving(**changes: Any) -> ApproveException:
    """Anna's removal as of 2025-12-31 may come late, changed."""
    return like_example(ApproveException, **changes)


def test_an_exception_is_kept_for_the_change_that_needs_it() -> None:
    """With its reason and who approved it."""
    story = (
        given(client=with_anna())
        .when(approving())
        .then(
            ExceptionApproved(
                member_id=ANNA,
                transaction_type="remove_subscriber",
                effective_on=date(2025, 12, 31),
                reason=REASON,
            )
        )
    )
    (approved,) = story.client.exceptions[ANNA]
    assert (approved.transaction_id, approved.reason) == ("t1", REASON)


def test_approving_it_again_changes_nothing() -> None:
    """Until it is spent; another date or another change is another exception."""
    story = given(approving(), client=with_anna())
    story.when(approving(reason="It was on holiday.")).then_nothing()
    other = approving(effective_on="2025-11-30")
    story = story.when(other).is_accepted()
    story = story.when(approving(transaction_type="change_plan")).is_accepted()
    assert len(story.client.exceptions[ANNA]) == 3


def test_a_person_still_to_be_added_can_have_an_exception() -> None:
    """A late addition is one of the changes that a limit stops."""
    late = approving(member_id="10000000009", transaction_type="add_subscriber")
    given(client=with_anna()).when(late).is_accepted()


def test_exceptions_are_for_the_changes_that_have_a_limit() -> None:
    """Exactly those that timeliness knows, and never without a reason."""
    assert set(get_args(LimitedAction)) == set(DAYS_BACK)
    for nonsense in ({"transaction_type": "change_name"}, {"reason": " "}):
        with pytest.raises(ValidationError):
            approving(**nonsense)
