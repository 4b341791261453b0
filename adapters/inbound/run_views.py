"""Runs as they are asked for and told: the same at the HTTP door and on the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from adapters.outbound.views import Count, View
from domain.client.inputs import Day
from domain.types import ClientId
from processors.runs import (
    BehindClient,
    RefusedClient,
    Run,
    RunKind,
    RunState,
    Tally,
)

MONTH_PATTERN = r"^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])(-01)?$"
CLIENTS_MAX = 10_000
_month = re.compile(MONTH_PATTERN.removesuffix("$"))
_OUTCOMES: Mapping[RunKind, tuple[str, ...]] = {
    "billing": (
        *("invoiced", "already", "refused", "failed", "behind"),
        *("not_begun", "ended", "elsewhere", "parked"),
    ),
    "commission": ("settled", "statements", "already", "refused", "failed"),
}


# ── What is asked ──────────────────────────────────────────────────────────────────────────────


def read_month(value: object) -> date:
    """A month written ``YYYY-MM`` or ``YYYY-MM-01``, as its 1st. Raises ``ValueError``."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _month.fullmatch(value):
        raise ValueError("A month is written like 2026-04")
    return date.fromisoformat(f"{value[:7]}-01")


def _read_instant(value: object) -> object:
    if not isinstance(value, str):
        return value if value is None or isinstance(value, datetime) else "?"
    try:
        instant = msgspec.convert(value, Annotated[datetime, msgspec.Meta(tz=True)])
        return instant.astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        raise ValueError("An instant is written like 2026-03-04T15:00:00Z") from None


Month = Annotated[
    date,
    BeforeValidator(read_month),
    WithJsonSchema({"type": "string", "pattern": MONTH_PATTERN, "examples": ["2026-04"]}),
]
"""A month by its 1st: ``YYYY-MM``, or ``YYYY-MM-01``."""
ReceivedAt = Annotated[
    datetime,
    BeforeValidator(_read_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class CommissionRunBody(BaseModel):
    """A commission run to begin: over all clients and payees."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    month: Month
    """The statement month: what was posted before it is paid."""
    run_on: Day | None = Field(None, description="The run's date; today if left out.")
    received_at: ReceivedAt | None = Field(
        None, description="When the carrier received it; only with the permission `backfill`."
    )


class BillingRunBody(CommissionRunBody):
    """A billing run to begin."""

    clients: list[ClientId] | None = Field(
        None,
        min_length=1,
        max_length=CLIENTS_MAX,
        description="Only these; all who are due if left out.",
    )


# ── What is told ───────────────────────────────────────────────────────────────────────────────


class RunView(View, frozen=True, kw_only=True):
    """A run: what was asked, how far it is, what came of it."""

    run_id: str
    kind: RunKind
    month: date
    run_on: date
    state: RunState
    """``interrupted`` and ``failed`` ones go on when the same is asked for again."""
    reason: str | None
    """Why it was interrupted or failed: ``stopped``, ``lost`` (its process died), or a failure."""
    done: Count
    total: Count | None
    """Null until it is known. A commission run counts clients first, and statements once all are
    settled."""
    counts: dict[str, int]
    """Clients by outcome: ``invoiced``, ``already`` (had it, or nothing to do), ``refused``,
    ``failed``, ``behind`` (an earlier month comes first), ``not_begun``, ``ended``, ``elsewhere``
    (another administers them), ``parked`` (their rows may be old). A commission run: clients
    ``settled``, ``statements`` of payees."""
    refused_by_code: dict[str, int]
    first_refused: list[RefusedClient]
    """The first 20, also of those that failed."""
    behind: list[BehindClient]
    """The first 20."""
    position: int
    """Pass it as ``?after=`` to see what the run did."""
    seconds: float
    """Of this attempt, so far."""
    seconds_left: float | None
    """As fast as so far; null while that is not known."""
    attempt: int
    """How often it was begun or continued."""
    clients: list[str] | None
    """Only these; null: all."""
    received_at: datetime | None
    started_by: str
    started_at: datetime
    updated_at: datetime
    """Its last sign of life."""
    finished_at: datetime | None


class RunsPage(View, frozen=True, kw_only=True):
    """A page of runs, newest first."""

    items: list[RunView]
    next: str | None


class BillingPreview(View, frozen=True, kw_only=True):
    """What a billing run of a month would do now."""

    month: date
    counts: dict[str, int]
    """Clients: ``due``, and as in a run's counts."""
    behind: list[BehindClient]
    """The first 20 who miss the invoice of an earlier month."""
    unknown: list[str]
    """The first 20 of the clients asked for that there are not."""


def run_view(run: Run, tally: Tally | None = None) -> RunView:
    """A run as it is told; ``tally``: as it is at this moment, if that is known better."""
    tally = tally or run.tally
    seconds = max(0.0, ((run.finished_at or run.updated_at) - run.attempted_at).total_seconds())
    same: Any = {name: getattr(run, name) for name in _SAME}
    return RunView(
        **same,
        done=tally.done,
        total=tally.total,
        counts=dict.fromkeys(_OUTCOMES[run.kind], 0) | tally.counts,
        refused_by_code=dict(tally.refused),
        first_refused=list(tally.first_refused),
        behind=list(tally.behind),
        position=tally.position,
        seconds=round(seconds, 1),
        seconds_left=_left(tally, seconds) if run.state == "running" else None,
        clients=None if run.clients is None else list(run.clients),
    )


_SAME = tuple(
    name
    for name in RunView.__struct_fields__
    if name in Run.__struct_fields__ and name not in ("clients",)
)


def _left(tally: Tally, seconds: float) -> float | None:
    if tally.total is None or not tally.done:
        return None
    return round(max(0, tally.total - tally.done) * seconds / tally.done, 1)


def is_clean(view: RunView) -> bool:
    """Whether the run ended with nothing left for someone to look after."""
    troubles = sum(view.counts.get(name, 0) for name in ("refused", "failed", "behind"))
    return view.state == "finished" and not troubles


VIEWS: tuple[type[msgspec.Struct], ...] = (RunView, RunsPage, BillingPreview)


def body_schemas() -> dict[str, Any]:
    """The schemas of what is asked, for the API's document."""
    return {form.__name__: form.model_json_schema() for form in (BillingRunBody, CommissionRunBody)}
