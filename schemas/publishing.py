"""Published schemas: the JSON Schema of every event version that has ever been stored.

``python -m schemas.publishing`` adds what is missing to ``schemas/published/`` and refuses to
change the shape of what is there: readers of the history depend on it for ever (architecture,
decision 4). An event that must change gets a new version and an upcaster; the old file stays.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from domain.catalog import EVENTS
from domain.kernel import Cause, Event

PUBLISHED = Path(__file__).parent / "published"


class PublishedSchemaChanged(Exception):
    """An event differs from the schema that was published for its version."""


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The JSON Schema of a stored event: its cause and its data."""
    (cause, data), components = msgspec.json.schema_components(
        (Cause, event), ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:ofrecord:event:{event.type}:v{event.version}",
        "title": f"{event.type}.v{event.version}",
        "description": (event.__doc__ or "").strip(),
        "type": "object",
        "properties": {"cause": cause, "data": data},
        "required": ["cause", "data"],
        "$defs": components,
    }


def shape_of(schema: Any) -> Any:
    """A schema without its descriptions: words may be improved, shapes may not."""
    if isinstance(schema, dict):
        return {k: shape_of(v) for k, v in schema.items() if k != "description"}
    if isinstance(schema, list):
        return [shape_of(item) for item in schema]
    return schema


def _shape_in(text: str) -> Any:
    """The shape of a schema as it is written: what Python keeps as tuples are lists there."""
    return shape_of(json.loads(text))


def file_of(event: type[Event]) -> Path:
    """Where the schema of an event's current version is published."""
    return PUBLISHED / f"{event.type}.v{event.version}.json"


def text_of(event: type[Event]) -> str:
    """The file's content."""
    return json.dumps(schema_of(event), indent=2, sort_keys=True) + "\n"


def publish() -> list[str]:
    """Write the schemas that are not published yet; returns their names.

    Raises ``PublishedSchemaChanged`` if a published one would change, and then writes nothing.
    """
    missing = []
    for event in EVENTS.values():
        file = file_of(event)
        if not file.exists():
            missing.append(event)
        elif _shape_in(file.read_text(encoding="utf-8")) != _shape_in(text_of(event)):
            raise PublishedSchemaChanged(
                f"{event.type} is published as version {event.version} with another shape: give "
                f"it version {event.version + 1} and an upcaster in schemas/upcasters.py."
            )
    for event in missing:
        file_of(event).write_text(text_of(event), encoding="utf-8")
    return [file_of(event).name for event in missing]


if __name__ == "__main__":
    try:
        for name in publish():
            sys.stdout.write(f"published {name}\n")
    except PublishedSchemaChanged as changed:
        sys.exit(str(changed))
