"""The outer edge of the HTTP door: one log line for each request, no exception beyond it.

Plain ASGI around the whole application. What is logged is the route's template, never the path,
the query or the body: those carry personal data.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.inbound.auditing import noted
from adapters.inbound.explanations import LineNotFound, PostingNotFound
from adapters.inbound.incoming import fault_of
from adapters.inbound.problems import Fault, Problem
from adapters.outbound.billing_reads import InvoiceNotFound, InvoiceNotShown
from adapters.outbound.commission_reads import PayeeNotFound, StatementNotFound
from adapters.outbound.paging import BadCursor
from adapters.outbound.reading import NotFound, ReadsUnavailable
from processors.knowing import KnownInFuture, NotKnownThen
from processors.ports import LogUnavailable, RowsUnavailable
from processors.receipts import KeyReused

RETRY_SECONDS = 1
_CLIENT_CLOSED_REQUEST = 499

log = structlog.get_logger("http")


class Edge:
    """ASGI middleware: logs each request, and answers 500 where anything was not expected."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0
        is_withheld = False

        async def watched_send(message: Message) -> None:
            nonlocal status, is_withheld
            if is_withheld:
                return
            if message["type"] == "http.response.start":
                status = message["status"]
                if not noted(scope, status):
                    is_withheld, status = True, await _withhold(scope, receive, send)
                    return
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except ClientDisconnect:
            status = status or _CLIENT_CLOSED_REQUEST
        except Exception as error:
            log.error("request.failed", exc_info=error, method=scope["method"], route=_route(scope))
            if not status:
                await Problem("internal_error").response()(scope, receive, watched_send)
        finally:
            _log_request(scope, status, time.perf_counter() - started)


async def _withhold(scope: Scope, receive: Receive, send: Send) -> int:
    """Answer that the database takes nothing now: what leaves no record is not shown."""
    problem = problem_for(LogUnavailable())
    await problem.response()(scope, receive, send)
    return problem.status


def _route(scope: Scope) -> str:
    route = scope.get("route")
    return getattr(route, "path", "(none)")


def _log_request(scope: Scope, status: int, seconds: float) -> None:
    key = scope.get("state", {}).get("key")
    log.info(
        "request",
        method=scope["method"],
        route=_route(scope),
        status=status,
        milliseconds=round(seconds * 1000, 2),
        key_id=getattr(key, "key_id", None),
        sender=getattr(key, "sender", None),
    )


def _offered(request: Request) -> Mapping[str, frozenset[str]]:
    """By method of this path: the names of its query parameters; empty if it is not documented."""
    offered: Mapping[str, Mapping[str, frozenset[str]]] = request.app.state.offered
    return offered.get(_route(request.scope), {})


def require_known_parameters(request: Request) -> None:
    """Refuse a query parameter that does not exist: ignoring a filter would answer too much."""
    if request.scope["query_string"]:
        refuse_others(request, _offered(request).get(request.method, frozenset()))


def refuse_others(request: Request, known: Collection[str]) -> None:
    """Refuse query parameters that are none of these. Raises ``Problem``."""
    faults = [
        fault_of({"loc": [name], "msg": "There is no such parameter"}, "query:")
        for name in request.query_params
        if name not in known
    ]
    if faults:
        raise Problem("invalid_request", errors=faults)


async def only_known_parameters(request: Request) -> None:
    """``require_known_parameters`` as a dependency of routes."""
    require_known_parameters(request)


# ── Exceptions that have a meaning ─────────────────────────────────────────────────────────────

_KNOWN: dict[type[Exception], str] = {
    LogUnavailable: "log_unavailable",
    RowsUnavailable: "log_unavailable",
    ReadsUnavailable: "log_unavailable",
    KeyReused: "idempotency_key_reused",
    InvoiceNotFound: "invoice_not_found",  # before what it is a kind of
    InvoiceNotShown: "invoice_not_shown",
    PayeeNotFound: "payee_not_found",
    StatementNotFound: "statement_not_found",
    LineNotFound: "line_not_found",
    PostingNotFound: "posting_not_found",
    NotKnownThen: "not_known_then",
    KnownInFuture: "known_in_future",
    NotFound: "not_found",
    BadCursor: "invalid_request",
}
_OF_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


def problem_for(error: Exception) -> Problem:
    """The problem that an expected exception means; others are raised again."""
    if isinstance(error, Problem):
        return error
    for kind, code in _KNOWN.items():
        if isinstance(error, kind):
            retry = {"Retry-After": str(RETRY_SECONDS)} if code == "log_unavailable" else None
            faults = [Fault("query:cursor", "This is no cursor of this list")]
            return Problem(code, errors=faults if kind is BadCursor else None, headers=retry)
    raise error


def add_handlers(app: FastAPI) -> None:
    """Answer every expected exception with its problem."""

    async def known(_request: Request, error: Exception) -> Response:
        return problem_for(error).response()

    app.add_exception_handler(Problem, known)
    for kind in _KNOWN:
        app.add_exception_handler(kind, known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_exception)


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [_fault_of_parameter(detail) for detail in error.errors()]
    return Problem("invalid_request", errors=faults).response()


def _fault_of_parameter(detail: Any) -> Fault:
    place, *rest = detail["loc"]
    return fault_of({**detail, "loc": rest}, f"{place}:")


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _OF_STATUS.get(error.status_code, "malformed_json")
    headers = dict(error.headers or {})
    if "Allow" in headers:  # the framework names the methods of one route; a path may have two
        headers["Allow"] = ", ".join(sorted(_offered(request) or ("GET",)))
    return Problem(code, headers=headers).response()
