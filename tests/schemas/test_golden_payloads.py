"""What was stored stays readable: golden payloads decode, whatever version they are of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from domain.catalog import EVENTS
from schemas.envelope import decode, encode
from schemas.publishing import PUBLISHED
from tests.schemas.golden_payloads import GOLDEN, add_missing, file_of, representatives

_PAYLOADS = sorted(GOLDEN.glob("*.json"))


def _each_payload(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", _PAYLOADS, ids=_each_payload)
def test_a_golden_payload_decodes_to_the_current_version(path: Path) -> None:
    """Bytes of any version become an event of today."""
    _, event = decode(path.stem, path.read_bytes())
    assert type(event) is EVENTS[event.type]
    assert path.stem.startswith(f"{event.type}.v")


@pytest.mark.parametrize("path", _PAYLOADS, ids=_each_payload)
def test_a_golden_payload_of_the_current_version_encodes_to_the_same_bytes(path: Path) -> None:
    """What is written today is what was written then, to the byte."""
    stored = path.read_bytes()
    cause, event = decode(path.stem, stored)
    if path.stem == f"{event.type}.v{event.version}":
        assert encode(cause, event) == stored


@pytest.mark.parametrize("path", _PAYLOADS, ids=_each_payload)
def test_a_golden_payload_is_as_its_published_schema_says(path: Path) -> None:
    """Readers of the history who rely on a published schema can read what is stored."""
    schema = json.loads((PUBLISHED / path.name).read_text(encoding="utf-8"))
    checker = Draft202012Validator.FORMAT_CHECKER
    Draft202012Validator(schema, format_checker=checker).validate(json.loads(path.read_bytes()))


def test_each_published_version_has_a_golden_payload_and_the_other_way_round() -> None:
    """Schemas and payloads come in pairs, one for each version ever published."""
    assert {path.name for path in PUBLISHED.glob("*.json")} == {path.name for path in _PAYLOADS}


def test_missing_payloads_are_added_and_the_others_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The generator writes what is missing, and never writes over a payload."""
    monkeypatch.setattr("tests.schemas.golden_payloads.GOLDEN", tmp_path)
    old = file_of("plan_changed.v1")
    old.write_bytes(b"as stored long ago")
    assert len(add_missing()) == len(EVENTS) - 1
    assert old.read_bytes() == b"as stored long ago"
    assert {path.stem for path in tmp_path.iterdir()} == set(representatives())
    assert add_missing() == []
