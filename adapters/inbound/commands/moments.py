"""The two axes of reading, as options of commands: ``--true-on`` and ``--known-at``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from adapters.inbound.as_of import AsOf, NotAMoment, moment_of

TrueOn = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="The day to read; today if left out."),
]
KnownAt = Annotated[
    str | None,
    typer.Option(
        metavar="INSTANT|POSITION",
        help="As known then: what had been received by an instant such as 2026-03-05T12:00:00Z, "
        "or recorded up to a position of the log.",
    ),
]


def as_of(true_on: datetime | None, known_at: str | None) -> AsOf:
    """What these options ask for. Raises ``typer.BadParameter``."""
    day = true_on.date() if true_on else None
    if known_at is None:
        return AsOf(day)
    try:
        return AsOf(day, moment_of(known_at))
    except NotAMoment as wrong:
        raise typer.BadParameter(f"{wrong}.", param_hint="--known-at") from None
