"""What readers get of the difference between two knowings; amounts as in ``views.py``."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from adapters.outbound.explanation_views import CitedTransaction, cited_transaction
from adapters.outbound.views import Count, View, money
from processors.comparing import Difference

Value = str | int | bool | None
"""Of a column: days and instants as JSON writes them."""
_CENTS = "_cents"


class ChangedColumn(View, frozen=True, kw_only=True):
    """A column of a row, before and after; amounts in dollars."""

    name: str
    before: Value
    after: Value


class ChangedRow(View, frozen=True, kw_only=True):
    """A row that is not what it was, and the transactions that made it so."""

    table: str
    key: dict[str, Value]
    kind: Literal["added", "gone", "changed"]
    columns: list[ChangedColumn]
    """Of a changed row those that differ; of one added or gone all but its key."""
    causes: list[CitedTransaction]
    """In order; the last one made it what it is."""


class ClientChanges(View, frozen=True, kw_only=True):
    """A page of what changed between two knowings of a client, by table and key."""

    client_id: str
    from_version: Count
    """Of the client, as known first; 0: nothing was known."""
    to_version: Count
    """As known last."""
    count: Count
    """Of all rows that differ, on every page."""
    items: list[ChangedRow]
    next: str | None


def changed_row(difference: Difference) -> ChangedRow:
    """A difference with its values as readers get them."""
    change = difference.change
    columns = [
        ChangedColumn(name=_name(name), before=_value(name, before), after=_value(name, after))
        for name, (before, after) in change.columns.items()
    ]
    return ChangedRow(
        table=change.table,
        key={name: _value(name, value) for name, value in change.key.items()},
        kind=change.kind,
        columns=columns,
        causes=[cited_transaction(cause) for cause in difference.causes],
    )


def _name(column: str) -> str:
    """A column as readers know it."""
    return "amount" if column == "cents" else column.removesuffix(_CENTS)


def _value(column: str, value: Any) -> Value:
    is_amount = (column == "cents" or column.endswith(_CENTS)) and value is not None
    shown: Value = money(value) if is_amount else msgspec.to_builtins(value)
    return shown
