"""The plain values of the business: personal data marked as such, ids, instants, roles."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from pydantic import StringConstraints

# ── Personal data is marked in the type ────────────────────────────────────────────────────────


class _Personal:
    """Marks a field that holds personal data: never in logs, metrics, errors or sentences."""

    def __repr__(self) -> str:
        return "PERSONAL"


PERSONAL = _Personal()
_in_schema = msgspec.Meta(extra_json_schema={"x-personal": True})

PersonalText = Annotated[
    str,
    PERSONAL,
    _in_schema,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$"
    ),
]
PersonalDate = Annotated[date, PERSONAL, _in_schema]

# ── Ids and instants ───────────────────────────────────────────────────────────────────────────

ClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
MemberId = Annotated[str, StringConstraints(pattern=r"^[0-9]{11}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
"""The id of a subgroup, plan, producer, agency or payee."""

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A UTC instant; never without a time zone."""

Role = Literal["portal", "carrier", "auditor", "operations"]
"""What a sender or reader is to this system (handbook, preamble)."""
