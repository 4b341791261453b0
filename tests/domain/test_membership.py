"""What holds of families' coverage whatever is asked, in whatever order (handbook §3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import msgspec
from hypothesis import given as for_any
from hypothesis import settings
from hypothesis import strategies as st

from domain.client.change_division import ChangeDivision
from domain.client.change_plan import ChangePlan
from domain.client.correct_birth_date import CorrectBirthDate
from domain.client.coverage import (
    age_limit,
    covered_on,
    period_on,
    relationship_in,
    spans_of,
    subscriber_of,
)
from domain.client.elect_cobra import ElectCobra
from domain.client.reinstate_member import ReinstateMember
from domain.client.remove_dependent import RemoveDependent
from domain.client.remove_subscriber import RemoveSubscriber
from domain.client.state import Client, Member
from domain.dates import next_day
from domain.kernel import Command
from tests.domain.families import ANNA, BEN, CLEO, EVAN, add_anna, add_to_anna, person
from tests.domain.given import OPENED, Story, given, group

BORN = {
    ANNA: date(1987, 5, 20),
    BEN: date(1989, 11, 2),
    CLEO: date(2000, 3, 4),
    EVAN: date(1988, 8, 8),
}
RECEIVED = OPENED + timedelta(days=20)
"""All the days below are neither too far back nor too far ahead of it."""

Ask = Callable[[Story], Command]
"""What is asked may depend on what is known, so that it is not refused all the time."""
Coverage = dict[str, list[tuple[date, date | None]]]


# ── What may be asked ──────────────────────────────────────────────────────────────────────────


def _born(story: Story, member_id: str) -> date:
    member = story.client.members.get(member_id)
    return member.birth_date if member else BORN[member_id]


def _join(member_id: str, on: date, with_ben: bool) -> Ask:
    def ask(story: Story) -> Command:
        brought = [person(BEN, "spouse", _born(story, BEN))] if with_ben else []
        born = _born(story, member_id)
        return add_anna(*brought, member_id=member_id, birth_date=born, on=on)

    return ask


def _add(member_id: str, subscriber_id: str, relationship: str, on: date) -> Ask:
    def ask(story: Story) -> Command:
        dependent = person(member_id, relationship, _born(story, member_id))
        return add_to_anna(dependent, on, subscriber_id=subscriber_id)

    return ask


def _reinstate(member_id: str) -> Ask:
    def ask(story: Story) -> Command:
        return ReinstateMember(member_id=member_id, effective_on=_uncovered(story, member_id))

    return ask


def _uncovered(story: Story, member_id: str) -> date:
    member = story.client.members.get(member_id)
    if member is None or not (member.periods or member.cancelled):
        return OPENED
    if not member.periods:
        return member.cancelled[-1].first_day
    return next_day(member.periods[-1].last_day or OPENED)


def _plainly(command: Command) -> Ask:
    return lambda story: command


days = st.integers(0, 12).map(lambda week: OPENED + timedelta(days=7 * week - 3))
subscribers = st.sampled_from([ANNA, EVAN])
dependents = st.sampled_from([BEN, CLEO, EVAN])
relationships = st.sampled_from(["spouse", "domestic_partner", "child"])
plans, divisions = st.sampled_from(["GOLD", "SILVER"]), st.sampled_from(["MAIN", "WEST"])
births = st.sampled_from([date(2000, 1, 9), date(2000, 3, 4), date(2001, 3, 4)])
events = st.sampled_from(["termination", "disability"])

removals = st.one_of(
    st.builds(RemoveSubscriber, member_id=subscribers, last_day=days),
    st.builds(RemoveDependent, member_id=dependents, last_day=days),
)
others = st.one_of(
    st.builds(ElectCobra, member_id=subscribers, event=events),
    st.builds(ChangePlan, member_id=subscribers, plan_id=plans, effective_on=days),
    st.builds(ChangeDivision, member_id=subscribers, subgroup_id=divisions, effective_on=days),
    st.builds(CorrectBirthDate, member_id=st.just(CLEO), birth_date=births),
)
asks = st.one_of(
    st.builds(_join, subscribers, days, st.booleans()),
    st.builds(_add, dependents, subscribers, relationships, days),
    removals.map(_plainly),
    st.builds(_reinstate, st.sampled_from(sorted(BORN))),
    others.map(_plainly),
)


# ── What must hold ─────────────────────────────────────────────────────────────────────────────


def _coverage(story: Story) -> Coverage:
    return {
        member.member_id: [(period.first_day, period.last_day) for period in member.periods]
        for member in story.client.members.values()
    }


def _days_to_look_at(client: Client) -> set[date]:
    """Every day on which somebody's coverage begins or ends, and the days beside it."""
    edges = {OPENED}
    for member in client.members.values():
        for period in member.periods:
            edges |= {period.first_day, period.last_day or date(2040, 1, 1)}
    return {day + timedelta(days=shift) for day in edges for shift in (-1, 0, 1)}


def _check_periods(client: Client, member: Member) -> None:
    for period in member.periods:
        assert period.last_day is None or period.first_day <= period.last_day
    for earlier, later in zip(member.periods, member.periods[1:], strict=False):
        assert earlier.last_day is not None, "an open-ended period is the last one"
        assert earlier.last_day < later.first_day, "nobody is covered twice"
    covered = [day for day in _days_to_look_at(client) if covered_on(member, day)]
    spans = spans_of(client, member)
    in_spans = [
        day
        for day in _days_to_look_at(client)
        if any(span.first_day <= day <= (span.last_day or date.max) for span in spans)
    ]
    assert covered == in_spans


def _check_day(client: Client, day: date) -> None:
    partners: list[str] = []
    for member in client.members.values():
        period = period_on(member, day)
        if period is None:
            continue
        subscriber_id = subscriber_of(member, period)
        relationship = relationship_in(member, period)
        if relationship == "subscriber":
            continue
        holding = period_on(client.members[subscriber_id], day)
        assert holding is not None, "a dependent is covered only while the subscriber is"
        assert relationship_in(client.members[subscriber_id], holding) == "subscriber"
        if relationship == "child":
            assert day <= age_limit(member.birth_date)
        else:
            partners.append(subscriber_id)
    assert len(partners) == len(set(partners)), "one spouse or partner at a time"


def _check_client(story: Story) -> None:
    for member in story.client.members.values():
        _check_periods(story.client, member)
    for day in _days_to_look_at(story.client):
        _check_day(story.client, day)


def _check_undone(before: Story, removal: Command, after: Story) -> None:
    """Reinstating leaves what there was, unless nothing had been taken away."""
    member_id = removal.members()[0]
    lost = [
        day
        for day in sorted(_days_to_look_at(before.client) | _days_to_look_at(after.client))
        if covered_on(before.client.members[member_id], day)
        and not covered_on(after.client.members[member_id], day)
    ]
    back = after.and_given(ReinstateMember(member_id=member_id, effective_on=lost[0]))
    assert _coverage(back) == _coverage(before)


@settings(max_examples=150, deadline=None)
@for_any(st.lists(asks, min_size=5, max_size=14))
def test_coverage_holds_together_whatever_is_asked(questions: list[Ask]) -> None:
    """No double cover, no orphaned dependent, no second spouse; repeats change nothing; undoing
    the last removal is exact; and a snapshot of the client is the client."""
    family = person(BEN, "spouse", BORN[BEN]), person(CLEO, "child", BORN[CLEO])
    story = given(add_anna(*family), client=group(), received_on=RECEIVED)
    for ask in questions:
        command = ask(story)
        answer = story.when(command)
        if answer.refusal is not None or not answer.events:
            continue
        after = answer.is_accepted()
        _check_client(after)
        after.when(command).then_nothing()
        if isinstance(command, RemoveSubscriber | RemoveDependent):
            _check_undone(story, command, after)
        story = after
    encoded = msgspec.msgpack.encode(story.client)
    assert msgspec.msgpack.decode(encoded, type=Client) == story.client
