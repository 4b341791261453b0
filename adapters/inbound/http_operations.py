"""For operations: lag, parked and overdue work, in ids and numbers; no personal data here."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from adapters.inbound.authentication import key_for
from adapters.inbound.describing import ALWAYS, KEYED, answers, problems
from adapters.inbound.http_edge import only_known_parameters
from adapters.inbound.http_reads import Cursor, Limit, json_answer
from adapters.inbound.problems import status_of_refusal
from adapters.inbound.progress import lags_of, progress_of
from adapters.outbound.metrics import exposed
from adapters.outbound.views import Overdue, View, WorkCounts
from adapters.services import Services
from domain.kernel import REFUSALS
from processors.lag import Lag
from processors.ports import ParkedClient

router = APIRouter(tags=["operations"], dependencies=[Depends(only_known_parameters)])
public = APIRouter(tags=["service"], dependencies=[Depends(only_known_parameters)])

_METRICS = {
    "description": "Prometheus' text format.",
    "content": {"text/plain": {"schema": {"type": "string"}}},
}
_staff = [Depends(key_for("operations", "auditor", "carrier"))]


class LagAnswer(View, frozen=True, kw_only=True):
    """How far each projection is behind the log."""

    items: list[Lag]


class ParkedAnswer(View, frozen=True, kw_only=True):
    """Clients whose events a projection could not apply; their later events wait."""

    items: list[ParkedClient]


class Health(View, frozen=True, kw_only=True):
    """The service's own word on how it is."""

    status: Literal["ok"] = "ok"


class RefusalEntry(View, frozen=True, kw_only=True):
    """A rule that can say no."""

    code: str
    sentence: str
    """With the names of what is filled in, in braces."""
    status: int


class RefusalCatalogue(View, frozen=True, kw_only=True):
    """Every rule that can say no, by its stable code."""

    items: list[RefusalEntry]


@router.get("/v1/lag", dependencies=_staff, responses=answers(LagAnswer, *KEYED))
def read_lag(request: Request) -> Response:
    """How far each projection is behind the log, in events and in seconds."""
    services: Services = request.app.state.services
    return json_answer(LagAnswer(items=lags_of(services)))


@router.get("/v1/parked", dependencies=_staff, responses=answers(ParkedAnswer, *KEYED))
def read_parked(request: Request) -> Response:
    """Clients whose events a projection could not apply, and how it failed."""
    services: Services = request.app.state.services
    return json_answer(ParkedAnswer(items=list(services.rows.parked())))


@router.get(
    "/v1/overdue", dependencies=_staff, responses=answers(Overdue, *KEYED, "invalid_request")
)
def read_overdue(request: Request, cursor: Cursor = None, limit: Limit = 100) -> Response:
    """Transactions accepted more than 24 hours ago and not completed, oldest first."""
    services: Services = request.app.state.services
    return json_answer(services.transactions.overdue(progress_of(services), cursor, limit))


@router.get(
    "/v1/counts", dependencies=_staff, responses=answers(WorkCounts, *KEYED, "invalid_request")
)
def read_counts(
    request: Request,
    days: Annotated[int, Query(ge=1, le=366, description="Refusals of so many days.")] = 7,
) -> Response:
    """How many transactions are overdue, and how often each rule said no lately."""
    services: Services = request.app.state.services
    since = services.clock.now() - timedelta(days=days)
    return json_answer(services.transactions.counts(progress_of(services), since))


@router.get(
    "/metrics",
    dependencies=_staff,
    response_class=Response,
    responses={200: _METRICS} | problems(*KEYED, "invalid_request"),
)
def read_metrics(request: Request) -> Response:
    """What Prometheus is told of this process: commands, durations, lag, parked clients."""
    body, media_type = exposed(request.app.state.registry, request.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": media_type, "Cache-Control": "no-store"})


@public.get("/v1/refusals", responses=answers(RefusalCatalogue, "internal_error"))
def read_refusals() -> Response:
    """Every rule that can say no: its code, its sentence, and the status it is answered with."""
    entries = [
        RefusalEntry(code=code, sentence=refusal.sentence, status=status_of_refusal(code))
        for code, refusal in sorted(REFUSALS.items())
    ]
    return json_answer(RefusalCatalogue(items=entries))


@public.get("/healthz", responses=answers(Health, "internal_error"))
async def healthz() -> Response:
    """The process answers."""
    return json_answer(Health())


@public.get("/readyz", responses=answers(Health, *ALWAYS))
def readyz(request: Request) -> Response:
    """The process answers, and so does its database."""
    services: Services = request.app.state.services
    services.reads.ready()
    return json_answer(Health())


VIEWS: tuple[type[msgspec.Struct], ...] = (LagAnswer, ParkedAnswer, Health, RefusalCatalogue)
