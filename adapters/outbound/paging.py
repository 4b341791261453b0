"""Pages by keyset: a page begins after the last row of the one before, at a cost that stays flat.

A cursor is opaque to its holder. It carries the sort values of the last row shown, so what is
added or removed meanwhile never shifts a page.
"""

from __future__ import annotations

import base64
import binascii
from typing import TypeVar

import msgspec

T = TypeVar("T", bound=tuple[str | int, ...])


class BadCursor(ValueError):
    """This is not a cursor that a page of this kind gave out."""


def cursor_of(*values: str | int) -> str:
    """The cursor for a page that begins after these sort values."""
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).rstrip(b"=").decode()


def after_cursor(cursor: str, form: type[T]) -> T:
    """The sort values in a cursor, as a tuple of ``form``. Raises ``BadCursor``."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        values = msgspec.json.decode(base64.b64decode(padded, b"-_", validate=True), type=form)
        if any("\0" in value for value in values if isinstance(value, str)):
            raise BadCursor  # PostgreSQL's text cannot hold it
        return values
    except (binascii.Error, UnicodeEncodeError, msgspec.DecodeError, ValueError) as error:
        raise BadCursor from error
