"""An action is complete: nothing that belongs to it was forgotten, and a sentence says what was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import msgspec
import pytest

import adapters.bootstrap  # noqa: F401 - declares the refusals that are not the domain's
from domain.catalog import COMMANDS, PAYEE_COMMANDS
from domain.client import EVENT_TYPES
from domain.client.state import Client
from domain.kernel import REFUSALS, Cause, Command, Context, Event, TransactionRefused
from domain.payee import PAYEE_EVENT_TYPES
from processors.deciding import Decision
from projections.catalog import PROJECTIONS
from projections.kernel import Projection
from schemas import publishing
from schemas.envelope import Recorded
from tests import completeness_rules as rules
from tests.completeness_rules import Action, forgotten
from tests.every_action import decided, every_action
from tests.schemas import golden_payloads

_ACTIONS = rules.actions()

# ── Every action ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("action", _ACTIONS, ids=lambda action: str(action.name))
def test_nothing_of_the_action_is_forgotten(action: Action) -> None:
    """File, index, example, test, cases, schema, golden payload, document line: all there."""
    sentences = forgotten(action)
    assert not sentences, "\n" + "\n".join(sentences)


def test_every_action_of_the_index_is_looked_at() -> None:
    """What an index lists is what its folder declares."""
    for index, commands in ((rules.CLIENTS, COMMANDS), (rules.PAYEES, PAYEE_COMMANDS)):
        of_index = [action for action in _ACTIONS if action.index is index]
        assert {action.name for action in of_index} == set(commands)
    declared = {event for action in _ACTIONS for event in action.events}
    assert declared | {TransactionRefused} == {*EVENT_TYPES, *PAYEE_EVENT_TYPES}


def test_no_two_actions_and_no_two_events_share_a_name() -> None:
    """A stored name means one thing."""
    assert not rules.names_used_twice()


def test_every_refusal_is_expected_by_a_test() -> None:
    """Each rule that says no is seen to say it, under a stable code."""
    sentences = rules.untested_refusals(sorted(REFUSALS))
    assert not sentences, "\n" + "\n".join(sentences)


def test_refusals_are_stored_and_published_like_any_event() -> None:
    """The refusal belongs to no action's file, and lacks nothing either."""
    refusal = Action(Command, (TransactionRefused,))
    checks = (rules.its_events_are_published, rules.its_events_are_shown)
    assert not [sentence for check in checks for sentence in check(refusal)]


# ── The story that golden payloads and the search for personal data rest on ────────────────────


def test_the_story_of_every_action_goes_as_written() -> None:
    """Each of its steps is accepted with events, or refused by the rule it names."""
    for step, decision in decided(every_action()):
        assert _outcome(decision) == (step.refused or "accepted"), step.body


def _outcome(decision: Decision) -> str:
    event = decision.events[0].event
    return event.code if isinstance(event, TransactionRefused) else "accepted"


@pytest.mark.parametrize(
    "projection",
    [p for p in PROJECTIONS if p.name in rules.SHOWS_EVERY_EVENT],
    ids=lambda projection: str(projection.name),
)
def test_a_projection_that_names_few_events_shows_them_all(projection: Projection) -> None:
    """Every kind of event, alone in its transaction, changes a row."""
    for position, new in enumerate(golden_payloads.representatives().values(), start=1):
        cause = msgspec.structs.replace(new.cause, index=1, count=1)
        recorded = Recorded(position, "C", 1, new.cause.received_at, cause, new.event)
        assert list(projection.touched(None, recorded)), new.event.type


# ── The checks notice what is forgotten ────────────────────────────────────────────────────────


class NothingDone(Event, frozen=True, kw_only=True):
    """An event that nobody knows yet."""

    type: ClassVar[str] = "nothing_done"

    def evolve(self, client: Client, cause: Cause) -> None:
        """Nothing."""


class DoNothing(Command):
    """An action of which there is only the class."""

    sent_by: ClassVar = "broker"
    title: ClassVar = "Do nothing"
    example: ClassVar = {"type": "do_nothing", "member_id": "10000000001"}

    type: Literal["do_nothing"] = "do_nothing"

    def decide(self, client: Client, context: Context) -> Sequence[Event]:
        """Nothing."""
        return ()


def test_each_forgotten_place_is_named() -> None:
    """An action of which there is only the class lacks all the rest."""
    assert forgotten(Action(DoNothing, (NothingDone,))) == [
        _declare("DoNothing"),
        _declare("NothingDone"),
        _add_to_index("do_nothing", "DoNothing to ACTIONS"),
        _add_to_index("nothing_done", "NothingDone to EVENT_TYPES"),
        (
            "do_nothing has no valid example (('member_id',)): mend DoNothing.example in "
            "domain/client/do_nothing.py."
        ),
        "do_nothing has no test: add tests/domain/test_do_nothing.py.",
        "do_nothing is not in the story of every action: add it to tests/every_action.py.",
        *map(_add_case, ("book_of_business", "invoices", "commissions")),
        "nothing_done.v1 has no published schema: run `python -m schemas.publishing`.",
        "nothing_done.v1 has no golden payload: run `python -m tests.schemas.golden_payloads`.",
        "do_nothing is not documented: add a line to the list of actions in README.md.",
    ]


def _declare(name: str) -> str:
    return (
        f"do_nothing has no file of its own for {name}: declare it in domain/client/do_nothing.py."
    )


def _add_case(projection: str) -> str:
    return (
        f"nothing_done has no case in projections/{projection}.py: add `case NothingDone():` with "
        "the rows it changes, or to the events that change none."
    )


def _add_to_index(name: str, what: str) -> str:
    return f"{name} is not in the index: add {what} in domain/client/__init__.py."


def test_an_event_that_changed_after_it_was_published_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A published event with another shape needs a version of its own."""
    monkeypatch.setattr(publishing, "text_of", lambda event: '{"type": "object"}')
    changed = next(action for action in _ACTIONS if action.name == "change_plan")
    assert (
        "plan_changed.v1 differs from schemas/published/plan_changed.v1.json: give PlanChanged "
        "version 2 and an upcaster in schemas/upcasters.py."
    ) in forgotten(changed)


def test_an_event_that_no_test_and_no_story_expects_is_noticed() -> None:
    """An action that is known but for one of its events lacks that event everywhere."""
    known = next(action for action in _ACTIONS if action.name == "change_plan")
    sentences = forgotten(Action(known.command, (*known.events, NothingDone)))
    assert (
        "nothing_done is expected by no test: assert NothingDone in "
        "tests/domain/test_change_plan.py."
    ) in sentences
    assert (
        "nothing_done does not happen in the story of every action: let it happen in "
        "tests/every_action.py."
    ) in sentences


def test_a_refusal_without_a_test_or_with_an_unstable_code_is_noticed() -> None:
    """The code of a refusal is expected somewhere, and is in snake case."""
    code = "Nobody " + "expects this"
    assert rules.untested_refusals([code]) == [
        f'refusal {code} is expected by no test: add one that ends in .refused("{code}").',
        f"refusal {code} is no stable code: use lower case words joined by underscores.",
    ]


def test_a_name_used_twice_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two events of one name are told by that name."""
    monkeypatch.setattr(rules, "EVENT_TYPES", (*EVENT_TYPES, TransactionRefused))
    (sentence,) = rules.names_used_twice()
    assert sentence.startswith("transaction_refused is the name of two")


def test_the_story_has_a_step_for_each_rule_it_shows() -> None:
    """The story holds a refusal too, so that one is stored and searched."""
    assert any(step.refused for step in every_action())
