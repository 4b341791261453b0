"""Why a member costs in a month what it costs, whether it was billed or not; also if nothing."""

from __future__ import annotations

from datetime import date

import pytest

from domain.client.elect_cobra import ElectCobra
from domain.client.explaining import explain_premium
from domain.client.remove_subscriber import RemoveSubscriber
from domain.client.sources import Sources
from domain.client.state import Client
from domain.explanation import Explanation
from tests.domain.bills import APRIL, FEBRUARY, JANUARY, JUNE, MARCH
from tests.domain.explained import BEFORE, KIDS, adds_up, opened, sentences, step, steps, tell
from tests.domain.families import (
    ANNA,
    BEN,
    BEN_SPOUSE,
    CLEO,
    CLEO_CHILD,
    DORA,
    DORA_CHILD,
    add_anna,
    add_to_anna,
)
from tests.domain.given import CLIENT, OPENED
from tests.projections.histories import History

KATE = KIDS[3].member_id
"""The fourth child of a family."""


def why_premium(
    history: History, member_id: str, month: date, version: int | None = None
) -> Explanation:
    """Why a member costs what it costs, by the history up to a version; its figures add up."""
    client, sources = Client(CLIENT), Sources()
    for recorded in history.events[:version]:
        recorded.evolve(client)
        sources.note(recorded.event, recorded.cause)
    tree = explain_premium(client, sources, member_id, month)
    adds_up(tree)
    return tree


def test_a_premium_is_told_without_any_invoice() -> None:
    """Anna's March: t1 opened, t3 offered, t5 added; each rule names its section."""
    history = opened()
    tell(history, add_anna(), OPENED)
    tree = why_premium(history, ANNA, MARCH)
    assert tree.cents == 598_08
    assert sentences(tree)[:2] == [
        "Member 10000000001 costs 598.08 in March 2026.",
        "  Plan GOLD in subgroup MAIN: 598.08. t5",
    ]
    sections = [each.rule for each in steps(tree)]
    assert sections == [None, None, None, "§4", None, "§4", "§4"]


def test_who_joined_late_costs_nothing_as_known_before() -> None:
    """Ben, from 9 February, told on 4 March: as known the day before he is nobody."""
    history = opened("wash")
    tell(history, add_anna(), OPENED)
    known_before = len(history.events)
    late = tell(history, add_to_anna(BEN_SPOUSE, date(2026, 2, 9)), date(2026, 3, 4))
    with pytest.raises(KeyError):
        why_premium(history, BEN, FEBRUARY, known_before)
    tree = why_premium(history, BEN, FEBRUARY)
    assert (tree.cents, step(tree, "Covered").transactions) == (590_40, (late,))


# ── Nothing is billed ──────────────────────────────────────────────────────────────────────────


def test_who_is_not_covered_costs_nothing() -> None:
    """Anna left at the end of January: who added, who removed, and the client's rule."""
    history = opened()
    tell(history, add_anna(), OPENED)
    gone = tell(history, RemoveSubscriber(member_id=ANNA, last_day=date(2026, 1, 31)), JANUARY)
    tree = why_premium(history, ANNA, FEBRUARY)
    assert sentences(tree) == [
        "Member 10000000001 has no billed day in February 2026.",
        f"  Covered from 2026-01-01 through 2026-01-31. t5 {gone}",
        "  Rule full_month: any covered day bills the month in full. t1",
    ]
    assert tree.cents == 0
    assert tree.children[-1].rule == "§4"


def test_a_month_that_is_washed_out_costs_nothing() -> None:
    """Covered from 16 February: under wash that is too late."""
    history = opened("wash")
    tell(history, add_anna(on=date(2026, 2, 16)), FEBRUARY)
    tree = why_premium(history, ANNA, FEBRUARY)
    assert tree.cents == 0
    assert "starts on or before the 15th" in tree.children[-1].label
    assert why_premium(history, ANNA, MARCH).cents == 598_08


def test_the_fourth_child_costs_nothing_and_is_told_who_pays() -> None:
    """0.00, because three older ones pay: each of them is named."""
    history = opened()
    tell(history, add_anna(*KIDS), OPENED)
    tree = why_premium(history, KATE, MARCH)
    free = step(tree, "only the 3 oldest pay")
    assert tree.cents == 0
    assert [child.label[6:17] for child in free.children] == [k.member_id for k in KIDS[:3]]
    assert free.rule == "§4"


def test_whom_age_ends_costs_nothing_afterwards() -> None:
    """Dora turns 26 in May."""
    history = opened()
    tell(history, add_anna(DORA_CHILD), OPENED)
    tree = why_premium(history, DORA, JUNE)
    assert tree.cents == 0
    assert tree.children[0].label == (
        "Covered from 2026-01-01 through 2026-05-31, where the child's age ends it."
    )
    earlier = str(sentences(why_premium(history, DORA, APRIL)))
    assert "2026-05" not in earlier


@pytest.mark.parametrize("month", [date.min, date(9999, 12, 1)])
def test_any_month_can_be_asked_for(month: date) -> None:
    """The first and the last that a calendar has."""
    history = opened("daily")
    tell(history, add_anna(DORA_CHILD), OPENED)
    assert why_premium(history, DORA, month).cents == 0
    assert why_premium(history, ANNA, month).cents == (0 if month == date.min else 598_08)


# ── By tier, COBRA, several families ───────────────────────────────────────────────────────────


def test_a_dependent_of_a_large_group_has_the_familys_premium() -> None:
    """FAM 1,500.00: Cleo has none of her own; Anna's is the family's."""
    history = opened(segment="large_group")
    tell(history, add_anna(BEN_SPOUSE, CLEO_CHILD), OPENED)
    tree = why_premium(history, CLEO, MARCH)
    assert tree.label == (
        f"Member {CLEO} has no premium of their own: it is by tier, and the family of subscriber "
        f"{ANNA} costs 1500.00 in March 2026."
    )
    assert tree.children == (why_premium(history, ANNA, MARCH),)
    assert tree.cents == 1500_00
    assert why_premium(history, CLEO, date(2025, 11, 1)).cents == 0


def test_a_dependent_who_left_has_no_part_in_the_familys_premium() -> None:
    """Ben left in January: Anna's February is EMP, and his is nothing."""
    history = opened(segment="large_group")
    tell(history, add_anna(BEN_SPOUSE), OPENED)
    tell(history, "remove_dependent", JANUARY, member_id=BEN, last_day="2026-01-31")
    assert why_premium(history, ANNA, FEBRUARY).cents == 500_00
    assert why_premium(history, BEN, FEBRUARY).cents == 0


def test_cobra_costs_102_percent() -> None:
    """From February: who elected it is named."""
    history = opened()
    tell(history, add_anna(), OPENED)
    tell(history, RemoveSubscriber(member_id=ANNA, last_day=date(2026, 1, 31)), JANUARY)
    elected = tell(history, ElectCobra(member_id=ANNA, event="termination"), date(2026, 2, 2))
    tree = why_premium(history, ANNA, FEBRUARY)
    assert tree.cents == 610_04
    assert step(tree, "COBRA").transactions == (elected,)
    assert why_premium(history, ANNA, JANUARY).cents == 598_08


def test_who_was_in_two_families_in_a_month_is_billed_in_both() -> None:
    """Ben leaves Anna's on 10 February, and is employed himself from the 20th."""
    history = opened()
    tell(history, add_anna(BEN_SPOUSE), OPENED)
    tell(history, "remove_dependent", date(2026, 2, 1), member_id=BEN, last_day="2026-02-10")
    own = add_anna(member_id=BEN, birth_date=date(1989, 11, 2), on=date(2026, 2, 20))
    tell(history, own, date(2026, 2, 11))
    tree = why_premium(history, BEN, FEBRUARY)
    assert tree.label == f"Member {BEN} costs 1180.80 in February 2026, in 2 families."
    assert [child.cents for child in tree.children] == [590_40, 590_40]
    assert why_premium(history, BEN, JANUARY).cents == 590_40
    assert len(why_premium(history, BEN, MARCH).children) == 1


def test_a_month_that_another_administers_says_so() -> None:
    """A group since March 2024, that comes over from CBIA when it is renewed in March 2025."""
    history = History()
    begins = date(2024, 3, 1)
    about = {"segment": "small_group", "county": "Hartford", "part_month_rule": "full_month"}
    size = {"full_time_employees": "7", "part_time_hours": "0"}
    tell(history, "open_client", begins, name="Old Mill", effective_on=begins, **about, **size)
    tell(history, "add_subgroup", begins, subgroup_id="MAIN", name="Main", effective_on=begins)
    offer = {"plan_id": "GOLD", "name": "Gold", "subgroup_id": "MAIN", "rate": {"base": "480.00"}}
    tell(history, "offer_plan", begins, effective_on=begins, **offer)
    tell(history, add_anna(on=begins), begins)
    rates = {"GOLD": {"base": "500.00"}}
    tell(history, "renew_client", date(2025, 1, 15), effective_on="2025-03-01", rates=rates)
    before = why_premium(history, ANNA, date(2025, 2, 1)).children[-1]
    assert before.label == (
        "February 2025 is administered by CBIA: no invoice of this system bills it."
    )
    assert before.rule == "§2"
    after = why_premium(history, ANNA, date(2025, 3, 1))
    assert "administered" not in str(sentences(after))


def test_the_month_before_the_client_begins_is_nobodys() -> None:
    """Nothing is billed, and nobody else is named."""
    history = opened()
    tell(history, add_anna(), OPENED)
    tree = why_premium(history, ANNA, BEFORE)
    assert tree.cents == 0
    assert "administered" not in str(sentences(tree))
