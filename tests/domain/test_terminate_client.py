"""Terminate a client: everyone's last day, at the end of a month."""

from __future__ import annotations

from datetime import date

import pytest

from domain.client.state import Period
from domain.client.terminate_client import ClientTerminated, TerminateClient
from tests.domain.examples import ANNA, BEN, like_example, with_anna
from tests.domain.given import OPENED, given, group

RECEIVED = date(2026, 2, 10)


def terminating(last_day: str = "2026-03-31") -> TerminateClient:
    """The end of the account on a day."""
    return like_example(TerminateClient, last_day=last_day)


def test_everyone_ends_on_the_last_day() -> None:
    """One event ends the subscriber and the dependents."""
    story = (
        given(client=with_anna())
        .when(terminating(), received_on=RECEIVED)
        .then(ClientTerminated(last_day=date(2026, 3, 31)))
    )
    ended = [Period(OPENED, "t0", date(2026, 3, 31), "t1")]
    assert story.client.members[ANNA].periods == ended
    assert story.client.members[BEN].periods == ended
    assert story.client.terminated_on == date(2026, 3, 31)


def test_coverage_that_would_begin_later_is_cancelled() -> None:
    """It never has a covered day."""
    story = given(client=with_anna(date(2026, 4, 1))).when(terminating(), received_on=RECEIVED)
    assert story.is_accepted().client.members[ANNA].periods == []


def test_an_earlier_end_replaces_a_later_one() -> None:
    """But never the other way round."""
    story = given(terminating(), client=with_anna(), received_on=RECEIVED)
    story.when(terminating("2026-04-30")).refused("already_terminated", saying="2026-03-31")
    story = story.when(terminating("2026-02-28")).is_accepted()
    assert story.client.members[BEN].periods[0].last_day == date(2026, 2, 28)


def test_terminating_again_changes_nothing() -> None:
    """On the same day, that is."""
    given(terminating(), client=with_anna(), received_on=RECEIVED).when(
        terminating()
    ).then_nothing()


@pytest.mark.parametrize(
    ("last_day", "code"),
    [
        ("2026-03-30", "not_last_of_month"),
        ("2026-04-01", "not_last_of_month"),
        ("2026-02-28", None),
        ("2026-04-30", None),
        ("2026-05-31", "too_far_ahead"),
        ("2025-06-30", None),
    ],
)
def test_an_account_ends_with_a_month(last_day: str, code: str | None) -> None:
    """At most 90 days ahead; the carrier may go back as far as it must."""
    answer = given(client=group()).when(terminating(last_day), received_on=RECEIVED)
    if code is None:
        answer.is_accepted()
    else:
        answer.refused(code, saying=last_day)
