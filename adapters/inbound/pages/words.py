"""Fields, tables and values of the system in words, for who reads its pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from adapters.inbound.documents.wording import in_words, usd

ITEMS_SHOWN = 20
"""Of a list in an event: an invoice can have thousands of lines."""
_TABLES = {
    "agent": "Agent of record",
    "premium": "Monthly premium",
    "invoice_line": "Invoice line",
    "open_charge": "Open charge",
    "funds": "Payment or credit",
    "coverage": "Coverage span",
    "rate": "Plan rate",
    "offer": "Plan offered",
}
_WITHOUT = frozenset({"position", "client_version", "recorded_at"})
"""Columns of rows that say where a row comes from: the causes do."""


class Field(NamedTuple):
    """A name and what is there: a text, or fields in turn."""

    name: str
    text: str | None
    fields: Sequence[Field] = ()


def table_name(table: str) -> str:
    """A table in words."""
    return _TABLES.get(table, in_words(table))


def is_told(column: str) -> bool:
    """Whether a column says something that its row's causes do not."""
    return column not in _WITHOUT


def value(found: Any) -> str:
    """A value of a view or an event as text."""
    match found:
        case None | "":
            return "–"
        case bool():
            return "yes" if found else "no"
        case datetime():
            return f"{found.astimezone(UTC).replace(tzinfo=None).isoformat(' ')} UTC"
        case _:
            return str(found)


def event_fields(event: msgspec.Struct) -> list[Field]:
    """Everything that an event says, in words; of long lists the beginning."""
    return list(_fields({name: getattr(event, name) for name in event.__struct_fields__}))


def _fields(named: Mapping[str, Any]) -> Iterator[Field]:
    for name, found in named.items():
        if found is None or found in ((), []):
            continue
        yield _field(name, found)


def _field(name: str, found: Any) -> Field:
    label = in_words(name.removesuffix("_cents"))
    if isinstance(found, msgspec.Struct):
        inner = {each: getattr(found, each) for each in found.__struct_fields__}
        return Field(label, None, list(_fields(inner)))
    if isinstance(found, Mapping):
        return Field(label, None, list(_fields({str(key): each for key, each in found.items()})))
    if isinstance(found, list | tuple | set | frozenset):
        return _listed(label, list(found))
    is_amount = name == "cents" or name.endswith("_cents")
    return Field("Amount" if name == "cents" else label, usd(found) if is_amount else value(found))


def _listed(label: str, found: list[Any]) -> Field:
    if not isinstance(found[0], msgspec.Struct | Mapping | tuple | list):
        shown = ", ".join(map(value, found[:ITEMS_SHOWN]))
        more = len(found) - ITEMS_SHOWN
        return Field(label, f"{shown} and {more:,} more" if more > 0 else shown)
    items = [_field(str(number), each) for number, each in enumerate(found[:ITEMS_SHOWN], start=1)]
    if len(found) > ITEMS_SHOWN:
        items.append(Field("…", f"and {len(found) - ITEMS_SHOWN:,} more"))
    return Field(f"{label} ({len(found):,})", None, items)
