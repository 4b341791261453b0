"""Billing and commission runs: begin one, see how far it is, and what came of it.

A run is begun with 202 and goes on in the background; its address tells the rest. Its answers have
ids, numbers and codes; no personal data.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool

from adapters.inbound.applied import applied_in
from adapters.inbound.authentication import authenticate, key_for
from adapters.inbound.describing import KEYED, SCHEMA_PATH, answers, parameter
from adapters.inbound.http_bodies import read_body, require_media_type
from adapters.inbound.http_edge import only_known_parameters, require_known_parameters
from adapters.inbound.http_reads import Cursor, Limit, json_answer
from adapters.inbound.incoming import KEY_PATTERN, Key, faults_of
from adapters.inbound.problems import Fault, Problem
from adapters.inbound.run_views import (
    BillingPreview,
    BillingRunBody,
    CommissionRunBody,
    Month,
    RunsPage,
    RunView,
    run_view,
)
from adapters.outbound.api_keys import ApiKey
from adapters.outbound.paging import after_cursor, cursor_of
from adapters.outbound.reading import NotFound
from adapters.services import Services
from domain.types import Role
from processors.runs import Begun, RunInProgress, RunKind, RunNotPossible, RunRequest

router = APIRouter(tags=["runs"])

_PATHS: dict[RunKind, str] = {"billing": "/v1/billing-runs", "commission": "/v1/commission-runs"}
_staff = [
    Depends(key_for("carrier", "operations", "auditor")),
    Depends(only_known_parameters),
]
_carrier_reads = [Depends(key_for("carrier", "auditor")), Depends(only_known_parameters)]
_POSTED = (
    *KEYED,
    *("backfill_not_permitted", "malformed_json", "body_too_large", "unsupported_media_type"),
    *("run_in_progress", "invalid_request", "idempotency_key_reused"),
)
_HEADERS = {
    "Location": {"description": "Where to see how far it is.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "The key's run had been begun before.",
        "schema": {"type": "string", "const": "true"},
    },
}
_PARAMETERS = [
    parameter(
        "header",
        "Idempotency-Key",
        "Chosen by the sender: the same key again is the same run, and continues a broken-off one.",
        KEY_PATTERN,
    )
]
_BEGINNERS: tuple[Role, ...] = ("carrier",)
_KEY = TypeAdapter[str](Key)
_RUN_ID = r"^[0-9a-f]{32}$"
PathRun = Annotated[str, Path(pattern=_RUN_ID)]
B = TypeVar("B", bound=CommissionRunBody)


def _body(model: type[BaseModel], **example: Any) -> dict[str, Any]:
    """How the document describes the body."""
    content = {"schema": {"$ref": SCHEMA_PATH + model.__name__}, "example": example}
    return {
        "parameters": _PARAMETERS,
        "requestBody": {"required": True, "content": {"application/json": content}},
    }


# ── Billing ────────────────────────────────────────────────────────────────────────────────────


@router.post(
    _PATHS["billing"],
    status_code=202,
    responses=answers(RunView, *_POSTED, status=202, headers=_HEADERS),
    openapi_extra=_body(BillingRunBody, month="2026-04", run_on="2026-03-15"),
)
async def begin_billing_run(request: Request) -> Response:
    """Produce a month's invoice for every client whose turn it is, or for some."""
    key, body = await _read(request, BillingRunBody)
    clients = None if body.clients is None else tuple(sorted(set(body.clients)))
    return await _begin(request, key, _request("billing", key, body, clients))


@router.get(
    _PATHS["billing"],
    dependencies=_staff,
    responses=answers(RunsPage, *KEYED, "invalid_request"),
)
def list_billing_runs(request: Request, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Billing runs, newest first."""
    return _page(request, "billing", cursor, limit)


@router.get(
    _PATHS["billing"] + "/preview",
    dependencies=[*_carrier_reads, Depends(applied_in("invoices"))],
    responses=answers(BillingPreview, *KEYED, "invalid_request", "not_yet_applied"),
)
def preview_billing_run(
    request: Request, month: Annotated[Month, Query(description="Such as 2026-04.")]
) -> Response:
    """What a billing run of the month would do now; nothing is done."""
    services: Services = request.app.state.services
    plan = services.billing.plan(month, None)
    return json_answer(
        BillingPreview(month=month, counts=plan.counts, behind=plan.behind, unknown=plan.unknown)
    )


@router.get(
    _PATHS["billing"] + "/{run_id}",
    dependencies=_staff,
    responses=answers(RunView, *KEYED, "not_found", "invalid_request"),
)
def read_billing_run(request: Request, run_id: PathRun) -> Response:
    """How far a billing run is, and what came of it."""
    return _one(request, "billing", run_id)


# ── Commission ─────────────────────────────────────────────────────────────────────────────────


@router.post(
    _PATHS["commission"],
    status_code=202,
    responses=answers(RunView, *_POSTED, status=202, headers=_HEADERS),
    openapi_extra=_body(CommissionRunBody, month="2026-05"),
)
async def begin_commission_run(request: Request) -> Response:
    """Settle what was posted before a month, and produce every payee's statement of it."""
    key, body = await _read(request, CommissionRunBody)
    return await _begin(request, key, _request("commission", key, body, None))


@router.get(
    _PATHS["commission"],
    dependencies=_staff,
    responses=answers(RunsPage, *KEYED, "invalid_request"),
)
def list_commission_runs(request: Request, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Commission runs, newest first."""
    return _page(request, "commission", cursor, limit)


@router.get(
    _PATHS["commission"] + "/{run_id}",
    dependencies=_staff,
    responses=answers(RunView, *KEYED, "not_found", "invalid_request"),
)
def read_commission_run(request: Request, run_id: PathRun) -> Response:
    """How far a commission run is, and what came of it."""
    return _one(request, "commission", run_id)


# ── What both do ───────────────────────────────────────────────────────────────────────────────


async def _read(request: Request, form: type[B]) -> tuple[ApiKey, B]:
    """Who asks, and for what. Raises ``Problem``."""
    services: Services = request.app.state.services
    key = await authenticate(request, _BEGINNERS)
    require_known_parameters(request)
    require_media_type(request, "application/json")
    _check_key(request.headers.get("idempotency-key"))
    content = await read_body(request, services.http.body_limit_bytes)
    try:
        body = form.model_validate_json(content)
    except ValidationError as error:
        kinds = {detail["type"] for detail in error.errors(include_url=False)}
        if kinds & {"json_invalid", "model_type"}:
            raise Problem("malformed_json") from None
        raise Problem("invalid_request", errors=faults_of(error)) from None
    if body.received_at is not None and "backfill" not in key.permissions:
        raise Problem("backfill_not_permitted")
    return key, body


def _check_key(key: str | None) -> None:
    try:
        if key is not None:
            _KEY.validate_python(key)
    except ValidationError as error:
        faults = faults_of(error, "header:Idempotency-Key")
        raise Problem("invalid_request", errors=faults) from None


def _request(
    kind: RunKind, key: ApiKey, body: CommissionRunBody, clients: tuple[str, ...] | None
) -> RunRequest:
    return RunRequest(
        kind=kind,
        month=body.month,
        started_by=key.sender,
        run_on=body.run_on,
        clients=clients,
        received_at=body.received_at,
    )


async def _begin(request: Request, key: ApiKey, asked: RunRequest) -> Response:
    services: Services = request.app.state.services
    asked = msgspec.structs.replace(asked, key=request.headers.get("idempotency-key"))
    path = _PATHS[asked.kind]
    try:
        begun: Begun = await run_in_threadpool(services.runs.begin, asked)
    except RunNotPossible as impossible:
        fault = Fault(f"#/{impossible.field}", impossible.sentence)
        raise Problem("invalid_request", errors=[fault]) from None
    except RunInProgress as other:
        run_id = other.run.run_id
        detail = f"Run {run_id} of this kind and month is in progress: see {path}/{run_id}."
        headers = {"Location": f"{path}/{run_id}"}
        raise Problem("run_in_progress", detail, headers=headers) from None
    headers = {"Location": f"{path}/{begun.run.run_id}"}
    if not begun.is_ours:
        headers["Idempotency-Replayed"] = "true"
    body = msgspec.json.encode(run_view(begun.run))
    return Response(body, 202, headers, "application/json")


def _one(request: Request, kind: RunKind, run_id: str) -> Response:
    services: Services = request.app.state.services
    run = services.runs.find(run_id)
    if run is None or run.kind != kind:
        raise NotFound
    return json_answer(run_view(run))


def _page(request: Request, kind: RunKind, cursor: str | None, limit: int) -> Response:
    services: Services = request.app.state.services
    return json_answer(runs_page(services, kind, cursor, limit))


def runs_page(services: Services, kind: RunKind | None, cursor: str | None, limit: int) -> RunsPage:
    """A page of runs of a kind, or of all. Raises ``BadCursor``."""
    before = after_cursor(cursor, tuple[int])[0] if cursor else None
    found = services.runs.page(kind, before, limit + 1)
    following = cursor_of(found[limit - 1].number) if len(found) > limit else None
    return RunsPage(items=[run_view(run) for run in found[:limit]], next=following)
