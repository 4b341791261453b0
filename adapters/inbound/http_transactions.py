"""The door for one transaction: ``POST /v1/clients/{client_id}/transactions``."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from adapters.inbound.authentication import FOR_PRODUCER, actor_for, authenticate
from adapters.inbound.describing import KEYED, SCHEMA_PATH, answers, parameter
from adapters.inbound.http_bodies import read_body, require_media_type
from adapters.inbound.http_edge import require_known_parameters
from adapters.inbound.incoming import (
    CLIENT_PATTERN,
    CORRELATION_PATTERN,
    KEY_PATTERN,
    Incoming,
    check_address,
    read_transaction,
)
from adapters.inbound.problems import MEDIA_TYPE, Problem, refusal_body, status_of_refusal
from adapters.outbound.api_keys import ApiKey
from adapters.services import Services
from domain.catalog import COMMANDS
from domain.types import Role
from processors.receipts import Answer, Receipt, Submission

router = APIRouter(tags=["transactions"])
SENDERS: tuple[Role, ...] = ("portal", "carrier")
"""Who submits transactions; auditors and operations only read."""

_PROBLEMS = (
    *KEYED,
    *("producer_not_permitted", "producer_required", "backfill_not_permitted", "client_not_found"),
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
REQUEST_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"$ref": f"{SCHEMA_PATH}Transaction"},
            "examples": {
                name: {"summary": action.title, "value": dict(action.example)}
                for name, action in COMMANDS.items()
            },
        }
    },
}


# Read by the endpoint itself: what FastAPI does for a declared parameter costs more than deciding.
_PARAMETERS = [
    parameter("path", "client_id", "The client.", CLIENT_PATTERN, required=True),
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
    responses=answers(Receipt, *_PROBLEMS, status=201, headers=_HEADERS),
    openapi_extra={"parameters": _PARAMETERS, "requestBody": REQUEST_BODY},
)
async def submit_transaction(request: Request) -> Response:
    """Submit one transaction.

    The answer comes when it is durable: its receipt, byte for byte the same for every repeat.
    """
    services: Services = request.app.state.services
    headers = request.headers
    key = await authenticate(request, SENDERS)
    require_known_parameters(request)
    require_media_type(request, "application/json")
    actor = actor_for(key, headers.get("producer-id"))
    client_id: str = request.path_params["client_id"]
    correlation_id = headers.get("correlation-id")
    chosen_key = check_address(client_id, headers.get("idempotency-key"), correlation_id)
    incoming = read_transaction(await read_body(request, services.http.body_limit_bytes))
    require_backfill(key, incoming)
    submission = Submission(
        actor=actor,
        client_id=client_id,
        key=chosen_key,
        command=incoming.command,
        received_at=incoming.received_at,
        correlation_id=correlation_id,
    )
    return _answer(await asyncio.wrap_future(services.commands.submit(submission)))


def require_backfill(key: ApiKey, incoming: Incoming) -> None:
    """Return if the key may state when a transaction was received, or none is stated."""
    if incoming.received_at is not None and "backfill" not in key.permissions:
        raise Problem("backfill_not_permitted")


def _answer(answer: Answer) -> Response:
    receipt = answer.receipt
    headers = {"Idempotency-Replayed": "true"} if answer.repeated else {}
    if receipt.status == "refused":
        code, sentence = receipt.code or "", receipt.sentence or ""
        body = refusal_body(code, sentence, answer.body)
        return Response(body, status_of_refusal(code), headers, MEDIA_TYPE)
    headers["Location"] = f"/v1/transactions/{receipt.transaction_id}"
    return Response(answer.body, 201, headers, "application/json")
