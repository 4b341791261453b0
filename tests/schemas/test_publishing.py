"""Published schemas are added, never changed; and they mark personal data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from jsonschema import Draft202012Validator

from domain.catalog import EVENTS
from domain.client.change_plan import PlanChanged
from domain.kernel import Event
from schemas import publishing
from schemas.publishing import PublishedSchemaChanged, publish, schema_of, text_of

_PERSONAL = {
    *("first", "middle", "last", "birth_date"),
    *("line1", "line2", "city", "zip", "email", "phone"),
}


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty place to publish to."""
    monkeypatch.setattr(publishing, "PUBLISHED", tmp_path)
    return tmp_path


def test_what_is_published_is_still_so() -> None:
    """No event differs in shape from its published schema, and none is missing."""
    assert publish() == []


def test_each_schema_is_published_once(published: Path) -> None:
    """The first time all are written, the second time none."""
    assert sorted(publish()) == sorted(
        f"{event.type}.v{event.version}.json" for event in EVENTS.values()
    )
    assert publish() == []
    assert (published / "plan_changed.v1.json").read_text(encoding="utf-8") == text_of(PlanChanged)


def test_a_published_schema_is_never_changed(published: Path) -> None:
    """An event of another shape is refused, saying what to do; nothing is written."""
    changed = json.loads(text_of(PlanChanged))
    changed["$defs"]["PlanChanged"]["required"].remove("plan_id")
    file = published / "plan_changed.v1.json"
    file.write_text(json.dumps(changed), encoding="utf-8")
    with pytest.raises(PublishedSchemaChanged, match="give it version 2 and an upcaster"):
        publish()
    assert json.loads(file.read_text(encoding="utf-8")) == changed
    assert list(published.iterdir()) == [file]


def test_the_words_of_a_published_schema_may_be_improved(published: Path) -> None:
    """A description is no shape."""
    schema = schema_of(PlanChanged)
    schema["description"] = "Other words."
    (published / "plan_changed.v1.json").write_text(json.dumps(schema), encoding="utf-8")
    assert "plan_changed.v1.json" not in publish()


def test_a_new_version_gets_a_schema_beside_the_old_one(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The schema of the version before stays as it is."""

    class PlanChangedAgain(Event, frozen=True, kw_only=True):
        """A family moved to another plan, told better."""

        type: ClassVar[str] = "plan_changed"
        version: ClassVar[int] = 2
        plan: str

    publish()
    before = (published / "plan_changed.v1.json").read_bytes()
    monkeypatch.setitem(EVENTS, "plan_changed", PlanChangedAgain)
    assert publish() == ["plan_changed.v2.json"]
    assert (published / "plan_changed.v1.json").read_bytes() == before


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: str(event.type))
def test_a_published_schema_is_a_schema_and_says_what_it_is(event: type[Event]) -> None:
    """It is valid JSON Schema 2020-12, with a title, a description and an id of its own."""
    schema = schema_of(event)
    Draft202012Validator.check_schema(schema)
    assert schema["title"] == f"{event.type}.v{event.version}"
    assert schema["$id"] == f"urn:ofrecord:event:{event.type}:v{event.version}"
    assert schema["description"]


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: str(event.type))
def test_personal_data_is_marked_in_the_schema(event: type[Event]) -> None:
    """Whoever reads a published schema sees which fields say who somebody is."""
    unmarked = {
        f"{owner}.{name}"
        for owner, definition in schema_of(event)["$defs"].items()
        for name, field in definition.get("properties", {}).items()
        if name in _PERSONAL and not _is_marked(field)
    }
    assert not unmarked


def _is_marked(field: dict[str, Any]) -> bool:
    return b'"x-personal":true' in msgspec.json.encode(field)
