"""What belongs to an action, and where it is forgotten: each place is named in a sentence.

A check is a function from an action to sentences, one for each place that lacks something.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from pydantic import ValidationError

import domain.client
import domain.payee
from domain.catalog import COMMANDS, EVENTS, PAYEE_COMMANDS
from domain.client import ACTIONS, EVENT_TYPES
from domain.kernel import Command, Event
from domain.payee import PAYEE_ACTIONS, PAYEE_EVENT_TYPES
from projections.catalog import PROJECTIONS
from projections.kernel import Projection
from schemas import publishing
from tests.every_action import every_action
from tests.schemas import golden_payloads
from tests.tidy_rules import ROOT

Base = TypeVar("Base")

SHOWS_EVERY_EVENT = {"transactions"}
"""Projections that show all events alike, as part of their transaction, and so name few of them."""
SHOWS_NO_PAYEES = {"book_of_business", "invoices"}
"""Projections of clients alone: they leave out the streams of payees."""


@dataclass(frozen=True)
class Index:
    """Where the actions of one kind of stream are, and where they are listed."""

    folder: str
    """Under ``domain``: one file for each action."""
    actions_name: str
    events_name: str
    actions: tuple[type[Command], ...]
    event_types: tuple[type[Event], ...]


CLIENTS = Index("client", "ACTIONS", "EVENT_TYPES", ACTIONS, EVENT_TYPES)
PAYEES = Index("payee", "PAYEE_ACTIONS", "PAYEE_EVENT_TYPES", PAYEE_ACTIONS, PAYEE_EVENT_TYPES)


@dataclass(frozen=True)
class Action:
    """An action, and the events that its file declares."""

    command: type[Command]
    events: tuple[type[Event], ...]
    index: Index = CLIENTS

    @property
    def name(self) -> str:
        """Its name on the wire."""
        return self.command.wire_type()


def actions() -> list[Action]:
    """Every action that there is a class for, in the index or not."""
    return [*_actions(domain.client, CLIENTS), *_actions(domain.payee, PAYEES)]


def _actions(package: ModuleType, index: Index) -> Iterator[Action]:
    prefix = f"domain.{index.folder}."
    for module in pkgutil.iter_modules(package.__path__, prefix):
        importlib.import_module(module.name)
    for command in _declared(Command, prefix):
        yield Action(command, tuple(_declared(Event, command.__module__)), index)


def _declared(base: type[Base], module: str) -> Iterator[type[Base]]:
    for subclass in base.__subclasses__():
        if subclass.__module__.startswith(module):
            yield subclass
        yield from _declared(subclass, module)


# ── The checks ─────────────────────────────────────────────────────────────────────────────────


def it_has_a_file_of_its_own(action: Action) -> Iterator[str]:
    """Listing the folder shows what can be done to a client, or to a payee."""
    expected = f"domain.{action.index.folder}.{action.name}"
    for declared in (action.command, *action.events):
        if declared.__module__ != expected:
            yield (
                f"{action.name} has no file of its own for {declared.__name__}: declare it in "
                f"domain/{action.index.folder}/{action.name}.py."
            )


def it_is_in_the_index(action: Action) -> Iterator[str]:
    """What the index does not list, no door offers and no reader of the log understands."""
    index = action.index
    place = f"domain/{index.folder}/__init__.py"
    if action.command not in index.actions:
        yield (
            f"{action.name} is not in the index: add {action.command.__name__} to "
            f"{index.actions_name} in {place}."
        )
    for event in action.events:
        if event not in index.event_types:
            yield (
                f"{event.type} is not in the index: add {event.__name__} to {index.events_name} in "
                f"{place}."
            )


def its_example_is_valid(action: Action) -> Iterator[str]:
    """The API's document shows the example, and newcomers send it."""
    try:
        action.command.model_validate(action.command.example)
    except (ValidationError, AttributeError) as error:
        what = error.errors()[0]["loc"] if isinstance(error, ValidationError) else "there is none"
        yield (
            f"{action.name} has no valid example ({what}): mend {action.command.__name__}.example "
            f"in domain/{action.index.folder}/{action.name}.py."
        )


def it_has_a_test(action: Action) -> Iterator[str]:
    """The rules of an action are asserted in one file, under the action's name."""
    place = f"tests/domain/test_{action.name}.py"
    text = _text(place)
    if "def test_" not in text:
        yield f"{action.name} has no test: add {place}."
        return
    for event in action.events:
        if not re.search(rf"\b{event.__name__}\b", _all_tests("domain")):
            yield f"{event.type} is expected by no test: assert {event.__name__} in {place}."


def it_is_part_of_the_story(action: Action) -> Iterator[str]:
    """The story of every action feeds golden payloads and the search for personal data."""
    told = {step.body["type"] for step in every_action()}
    if action.name not in told:
        yield f"{action.name} is not in the story of every action: add it to tests/every_action.py."
        return
    for event in action.events:
        if topic_of_type(event) not in golden_payloads.representatives():
            yield (
                f"{event.type} does not happen in the story of every action: let it happen in "
                "tests/every_action.py."
            )


def its_events_are_shown(action: Action) -> Iterator[str]:
    """Each projection says of each event what it shows of it, be it nothing."""
    for projection in PROJECTIONS:
        if projection.name in SHOWS_EVERY_EVENT:
            continue
        if action.index is PAYEES and projection.name in SHOWS_NO_PAYEES:
            continue
        place, named = cases_of(projection)
        for event in action.events:
            if event.__name__ not in named:
                yield (
                    f"{event.type} has no case in {place}: add `case {event.__name__}():` with "
                    "the rows it changes, or to the events that change none."
                )


def its_events_are_published(action: Action) -> Iterator[str]:
    """Readers of the history depend on published schemas, and on the bytes stored so far."""
    for event in action.events:
        topic = topic_of_type(event)
        published = f"schemas/published/{topic}.json"
        text = _text(published)
        if not text:
            yield f"{topic} has no published schema: run `python -m schemas.publishing`."
        elif publishing.shape_of(json.loads(text)) != _shape_now(event):
            yield (
                f"{topic} differs from {published}: give {event.__name__} version "
                f"{event.version + 1} and an upcaster in schemas/upcasters.py."
            )
        if not golden_payloads.file_of(topic).exists():
            yield (f"{topic} has no golden payload: run `python -m tests.schemas.golden_payloads`.")


def it_is_documented(action: Action) -> Iterator[str]:
    """The README lists what can be done, in a broker's words."""
    if f"`{action.name}`" not in _text("README.md"):
        yield f"{action.name} is not documented: add a line to the list of actions in README.md."


Check = Callable[[Action], Iterator[str]]
CHECKS: tuple[Check, ...] = (
    it_has_a_file_of_its_own,
    it_is_in_the_index,
    its_example_is_valid,
    it_has_a_test,
    it_is_part_of_the_story,
    its_events_are_shown,
    its_events_are_published,
    it_is_documented,
)


def forgotten(action: Action) -> list[str]:
    """Every place where the action lacks something."""
    return [sentence for check in CHECKS for sentence in check(action)]


def untested_refusals(codes: list[str]) -> list[str]:
    """Refusals whose code no test expects, or whose code is not in snake case."""
    tests = _all_tests("")
    sentences = [
        f'refusal {code} is expected by no test: add one that ends in .refused("{code}").'
        for code in codes
        if f'"{code}"' not in tests
    ]
    return sentences + [
        f"refusal {code} is no stable code: use lower case words joined by underscores."
        for code in codes
        if not re.fullmatch(r"[a-z]+(_[a-z]+)*", code)
    ]


def names_used_twice() -> list[str]:
    """Names of actions and events that stand for more than one class."""
    return [
        f"{name} is the name of two: names are for ever, choose another for the newer one."
        for names, index in (
            (
                [action.wire_type() for action in ACTIONS + PAYEE_ACTIONS],
                [*COMMANDS, *PAYEE_COMMANDS],
            ),
            ([event.type for event in EVENT_TYPES + PAYEE_EVENT_TYPES], EVENTS),
        )
        for name in index
        if names.count(name) > 1
    ]


# ── Reading the repository ─────────────────────────────────────────────────────────────────────


def cases_of(projection: Projection) -> tuple[str, set[str]]:
    """The file of a projection's fold, and the classes that its cases name."""
    file = Path(inspect.getfile(type(projection)))
    patterns = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    named = {
        node.cls.id
        for node in patterns
        if isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Name)
    }
    return file.relative_to(ROOT).as_posix(), named


def topic_of_type(event: type[Event]) -> str:
    """The stored name of an event's current version."""
    return f"{event.type}.v{event.version}"


def _shape_now(event: type[Event]) -> object:
    return publishing.shape_of(json.loads(publishing.text_of(event)))


def _text(path: str) -> str:
    file = ROOT / path
    return file.read_text(encoding="utf-8") if file.exists() else ""


@cache
def _all_tests(folder: str) -> str:
    files = sorted((ROOT / "tests" / folder).rglob("*.py"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)
