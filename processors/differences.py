"""What differs between the rows of two moments, or of two stores: row by row, column by column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from projections.kernel import Row

_Identity = tuple[str, tuple[Any, ...]]
"""A row's table and the values of its key."""


class Change(msgspec.Struct, frozen=True):
    """A row that is only on one side, or that has other values there."""

    table: str
    key: dict[str, Any]
    """The columns of the primary key."""
    kind: Literal["added", "gone", "changed"]
    columns: dict[str, tuple[Any, Any]]
    """Before and after, in the order of the declaration: of a changed row the columns that differ;
    of one added or gone all but its key, with None on the side where it is not."""


def differences(before: Iterable[Row], after: Iterable[Row]) -> list[Change]:
    """Every row that differs, by table and key; none where the same rows are on both sides."""
    old, new = _by_identity(before), _by_identity(after)
    return [
        change
        for identity in sorted(old.keys() | new.keys())
        if (change := _change(identity, old.get(identity), new.get(identity))) is not None
    ]


def _by_identity(rows: Iterable[Row]) -> dict[_Identity, Row]:
    return {(row.table, tuple(getattr(row, column) for column in row.key)): row for row in rows}


def _change(identity: _Identity, before: Row | None, after: Row | None) -> Change | None:
    if before == after:
        return None
    either = after or before
    assert either is not None
    table, values = identity
    columns = {
        column: pair
        for column in either.__struct_fields__
        if column not in either.key and (pair := _pair(before, after, column)) is not None
    }
    kind: Literal["added", "gone", "changed"] = (
        "added" if before is None else "gone" if after is None else "changed"
    )
    return Change(table, dict(zip(either.key, values, strict=True)), kind, columns)


def _pair(before: Row | None, after: Row | None, column: str) -> tuple[Any, Any] | None:
    """A column's values; None where it has the same in two rows."""
    was = getattr(before, column, None)
    becomes = getattr(after, column, None)
    return None if before and after and was == becomes else (was, becomes)
