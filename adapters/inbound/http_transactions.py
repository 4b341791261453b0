"""The doors for one transaction, of a client or of a payee.

``POST /v1/clients/{client_id}/transactions`` and ``POST /v1/payees/{payee_id}/transactions``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from adapters.inbound.authentication import FOR_PRODUCER, authenticate
from adapters.inbound.describing import KEYED, SCHEMA_PATH, answers, parameter
from adapters.inbound.door import ACCEPTED, SENDERS, reply_to, single
from adapters.inbound.http_bodies import read_body, require_media_type
from adapters.inbound.http_edge import require_known_parameters
from adapters.inbound.incoming import (
    CLIENT_PATTERN,
    CORRELATION_PATTERN,
    KEY_PATTERN,
    PAYEE_PATTERN,
)
from adapters.inbound.problems import MEDIA_TYPE
from adapters.services import Services
from domain.catalog import COMMANDS, PAYEE_COMMANDS
from domain.kernel import Command
from processors.receipts import Answer, Receipt

router = APIRouter(tags=["transactions"])

_PROBLEMS = (
    *KEYED,
    *("producer_not_permitted", "producer_required", "backfill_not_permitted"),
    *("malformed_json", "invalid_request", "idempotency_key_reused"),
    *("body_too_large", "unsupported_media_type"),
)
_HEADERS = {
    "Location": {"description": "Where to read it.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "On a repeat, also of a refusal.",
        "schema": {"type": "string", "const": "true"},
    },
}


def _request_body(schema: str, actions: Mapping[str, type[Command]]) -> dict[str, Any]:
    examples = {
        name: {"summary": action.title, "value": dict(action.example)}
        for name, action in actions.items()
    }
    content = {"schema": {"$ref": f"{SCHEMA_PATH}{schema}"}, "examples": examples}
    return {"required": True, "content": {"application/json": content}}


# Read by the endpoint itself: what FastAPI does for a declared parameter costs more than deciding.
_CLIENT = parameter("path", "client_id", "The client.", CLIENT_PATTERN, required=True)
_PAYEE = parameter("path", "payee_id", "The payee.", PAYEE_PATTERN, required=True)
_HEADER_PARAMETERS = [
    parameter(
        "header",
        "Idempotency-Key",
        "Chosen by the sender: the same key again is the same transaction.",
        KEY_PATTERN,
        required=True,
    ),
    parameter(
        "header",
        "Correlation-Id",
        "Kept with the events, to find them by the sender's own name for a task.",
        CORRELATION_PATTERN,
    ),
    parameter("header", "Producer-Id", FOR_PRODUCER),
]


@router.post(
    "/v1/clients/{client_id}/transactions",
    status_code=201,
    responses=answers(Receipt, *_PROBLEMS, "client_not_found", status=201, headers=_HEADERS),
    openapi_extra={
        "parameters": [_CLIENT, *_HEADER_PARAMETERS],
        "requestBody": _request_body("Transaction", COMMANDS),
    },
)
async def submit_transaction(request: Request) -> Response:
    """Submit one transaction.

    The answer comes when it is durable: its receipt, byte for byte the same for every repeat.
    """
    return await _submit(request, "client_id")


@router.post(
    "/v1/payees/{payee_id}/transactions",
    status_code=201,
    responses=answers(Receipt, *_PROBLEMS, "payee_not_found", status=201, headers=_HEADERS),
    openapi_extra={
        "parameters": [_PAYEE, *_HEADER_PARAMETERS],
        "requestBody": _request_body("PayeeTransaction", PAYEE_COMMANDS),
    },
)
async def submit_payee_transaction(request: Request) -> Response:
    """Submit one transaction of a payee: answered and repeated as a client's is.

    In its receipt, `client_id` is the payee's stream, `payee:` and the payee id.
    """
    return await _submit(request, "payee_id")


async def _submit(request: Request, name: str) -> Response:
    """Submit an action to the client or payee that the path names as ``name``."""
    services: Services = request.app.state.services
    headers = request.headers
    key = await authenticate(request, SENDERS)
    require_known_parameters(request)
    require_media_type(request, "application/json")
    sent = single(
        key,
        f"path:{name}",
        request.path_params[name],
        headers.get("idempotency-key"),
        headers.get("correlation-id"),
        headers.get("producer-id"),
    )
    body = await read_body(request, services.http.body_limit_bytes)
    future = services.commands.submit(sent.submission(body))
    return _response(await asyncio.wrap_future(future))


def _response(answer: Answer) -> Response:
    reply = reply_to(answer)
    headers = {"Idempotency-Replayed": "true"} if reply.repeated else {}
    if reply.status != ACCEPTED:
        return Response(reply.body, reply.status, headers, MEDIA_TYPE)
    headers["Location"] = f"/v1/transactions/{answer.receipt.transaction_id}"
    return Response(reply.body, reply.status, headers, "application/json")
