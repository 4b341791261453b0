"""A commission statement as CSV: a line for each of its lines, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date

from adapters.outbound.billing_views import CommissionLineView

_COLUMNS = CommissionLineView.__struct_fields__
_AMOUNTS = frozenset({"posted", "commission", "share"})
"""Columns of dollars: a minus there is a minus."""
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_LINES_OF_A_PART = 500


def statement_csv(lines: Iterable[CommissionLineView]) -> Iterator[str]:
    """The lines in parts of text, the first line of all the names of the columns."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(_COLUMNS)
    for number, line in enumerate(lines, start=1):
        writer.writerow(_cell(column, getattr(line, column)) for column in _COLUMNS)
        if number % _LINES_OF_A_PART == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _cell(column: str, value: str | int | date | None) -> str:
    """A value as it stands; text that a spreadsheet would take for a formula gets an apostrophe."""
    text = "" if value is None else str(value)
    is_text = isinstance(value, str) and column not in _AMOUNTS
    return f"'{text}" if is_text and text.startswith(_FORMULA_STARTS) else text
