"""Answers on stdout: JSON for programs, or names and aligned columns for people; and documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from adapters.inbound.commands.opening import NOT_UNDERSTOOD, fail

PdfFile = Annotated[
    str | None,
    typer.Option("--pdf", metavar="FILE", help="Write it as a PDF to a file; - is stdout."),
]
_INDENT = "  "


def show(view: Any, as_json: bool) -> None:
    """Print a view, or a list of them: as one line of JSON, or for people."""
    if as_json:
        typer.echo(msgspec.json.encode(view))
        return
    for line in _lines(view, ""):
        typer.echo(line)


def write_document(content: bytes, file: str) -> None:
    """Write a document to a file, or to stdout for ``-``; fails with a sentence."""
    if file == "-":
        typer.echo(content, nl=False)
        return
    try:
        Path(file).write_bytes(content)
    except OSError as error:
        raise fail(f"{file} cannot be written: {error.strerror}.", NOT_UNDERSTOOD) from None


def table(rows: Sequence[Any], indent: str = "") -> list[str]:
    """Records of one kind as aligned columns, those without any value left out; or plain values."""
    if not rows:
        return [f"{indent}(none)"]
    if not isinstance(rows[0], msgspec.Struct):
        return [indent + _cell(row) for row in rows]
    names = [name for name in rows[0].__struct_fields__ if any(_has(row, name) for row in rows)]
    cells = [[name.replace("_", " ") for name in names]]
    cells += [[_cell(getattr(row, name)) for name in names] for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    return [indent + "  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]


def _lines(view: Any, indent: str) -> Iterable[str]:
    if isinstance(view, list | tuple):
        yield from table(view, indent)
        return
    fields = [(name, getattr(view, name)) for name in view.__struct_fields__]
    width = max(len(name) for name, _ in fields)
    for name, value in fields:
        label = name.replace("_", " ")
        if isinstance(value, msgspec.Struct):
            yield f"{indent}{label}"
            yield from _lines(value, indent + _INDENT)
        elif isinstance(value, list):
            yield f"{indent}{label}"
            yield from table(value, indent + _INDENT)
        elif isinstance(value, dict):
            yield f"{indent}{label}"
            yield from (f"{indent}{_INDENT}{key}  {_cell(each)}" for key, each in value.items())
        elif value is not None:
            yield f"{indent}{label.ljust(width)}  {_cell(value)}"


def _has(row: Any, name: str) -> bool:
    return getattr(row, name) not in (None, [], ())


def _cell(value: Any) -> str:
    """A value in one cell; lists of records by what names them."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.isoformat(" ", "seconds")
        case date():
            return value.isoformat()
        case float():
            return f"{value:.1f}"
        case list() | tuple():
            return "; ".join(_cell(each) for each in value)
        case msgspec.Struct():
            parts = (getattr(value, name) for name in value.__struct_fields__)
            return " ".join(_cell(part) for part in parts if part is not None)
        case _:
            return str(value)
