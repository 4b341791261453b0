"""The document of the topics is AsyncAPI's, is the program's, and describes what is really sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from adapters.bootstrap import open_application
from adapters.inbound.asyncapi import DOCUMENT, document, text
from adapters.inbound.kafka_commands import Outgoing
from adapters.outbound.topics import DEAD_LETTERS, RECEIPTS, all_topics
from processors.ports import NewEvent
from schemas.cloud_events import MARKER_TYPE, event_record, marker_record
from schemas.envelope import LogEntry, encode, topic_of
from tests.adapters.commanded import Portals, a_record, an_address
from tests.adapters.served import SUBSCRIBER
from tests.adapters.tally import NOON
from tests.schemas.golden_payloads import representatives

_VENDORED = Path(__file__).parent / "vendored" / "asyncapi-3.0.0.json"


def _retrieve(uri: str) -> Resource[Any]:
    contents = json.loads((DOCUMENT.parent / uri.removeprefix("schemas:/")).read_text("utf-8"))
    return Resource.from_contents(contents, default_specification=DRAFT202012)


_FILES: Registry[Any] = Registry(retrieve=_retrieve)  # type: ignore[call-arg]  # attrs makes it


def faults(message: str, part: str, value: Any) -> list[str]:
    """What the document has against the payload or the headers of a message."""
    place = f"schemas:/asyncapi.json#/components/messages/{message}/{part}"
    validator = Draft202012Validator({"$ref": place}, registry=_FILES)
    return [f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(value)]


def test_the_document_is_what_the_program_goes_by() -> None:
    """``python -m adapters.inbound.asyncapi`` would not change it."""
    assert DOCUMENT.read_text(encoding="utf-8") == text()


def test_the_document_is_valid_by_asyncapi() -> None:
    """Its own schema of version 3.0.0 has nothing against it; and it notices what is wrong."""
    validator = Draft7Validator(json.loads(_VENDORED.read_text(encoding="utf-8")))
    assert not [error.message for error in validator.iter_errors(document())]
    assert list(validator.iter_errors({**document(), "channels": {"events": {"address": 1}}}))


def test_every_topic_is_a_channel() -> None:
    """None is missing, and none is there that does not exist."""
    channels = document()["channels"].values()
    assert {each["address"] for each in channels} == {topic.name for topic in all_topics(1, 1)}


@pytest.mark.parametrize("new", representatives().values(), ids=lambda new: topic_of(new.event))
def test_every_event_is_as_it_says(new: NewEvent) -> None:
    """A record that the relay would send of a real event is one of its message, and no other's."""
    state = encode(new.cause, new.event)
    entry = LogEntry(7, new.client_id, new.version, NOON, topic_of(new.event), state)
    sent = json.loads(event_record(entry, after=5))
    assert not faults(sent["type"], "payload", sent)
    assert faults(MARKER_TYPE, "payload", sent)
    del sent["data"]["cause"]
    assert faults(sent["type"], "payload", sent)


def test_a_marker_is_as_it_says() -> None:
    """It has no key, no subject and no data."""
    sent = json.loads(marker_record(5, 7, NOON))
    assert not faults(MARKER_TYPE, "payload", sent)


@pytest.fixture(scope="module")
def portals(module_database_url: str) -> Iterator[Portals]:
    """A door with Harbor Bakery behind it."""
    with open_application(module_database_url) as application:
        yield Portals(application)


def _headers(answer: Outgoing) -> dict[str, str]:
    return {name: value.decode() for name, value in answer.headers}


def test_commands_and_answers_are_as_it_says(portals: Portals) -> None:
    """A command that is accepted, one that is refused, and one that nobody signed."""
    for body, message in (
        (an_address("1 First St"), "receipt"),
        (
            {"type": "remove_subscriber", "member_id": SUBSCRIBER, "last_day": "2026-01-31"},
            "problem",
        ),
    ):
        record = portals.record(body, f"asyncapi-{message}", correlation_id=b"task-1")
        sent = {name: (value or b"").decode() for name, value in record.headers or ()}
        assert not faults("transaction", "headers", sent)
        assert not faults("transaction", "payload", body)
        (answer,) = portals.door.answer([record])
        assert answer.topic == RECEIPTS
        assert not faults(message, "headers", _headers(answer))
        assert not faults(message, "payload", json.loads(answer.value))
    (answer,) = portals.door.answer([a_record(b"{}", {"idempotency-key": b"k"})])
    assert answer.topic == DEAD_LETTERS
    assert not faults("dead_letter", "headers", _headers(answer))
    assert faults("dead_letter", "headers", {**_headers(answer), "reason": "because"})
