"""The API's document, OpenAPI 3.1, and a page that shows it without reaching for the network.

Transactions come from the catalog of actions, views from their declarations, codes from the
refusals declared beside the rules: what is added there appears here by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi

from adapters.inbound import http_operations, run_views
from adapters.inbound.describing import SCHEMA_PATH
from adapters.inbound.problems import PROBLEMS, Fault, Problem, all_codes, status_of_refusal
from adapters.inbound.proofs import ConsistencyProof
from adapters.outbound import access_reads, billing_views, change_views, explanation_views, views
from domain.catalog import COMMANDS, PAYEE_COMMANDS
from domain.kernel import REFUSALS, Command
from processors.receipts import Receipt

router = APIRouter(include_in_schema=False)

_PERMITTED_WITHOUT_KEY = ("/healthz", "/readyz", "/v1/refusals")
_RECEIVED_AT = {
    "type": "string",
    "format": "date-time",
    "description": "When the carrier received it; only with the permission `backfill`.",
}


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the whole application."""
    document = get_openapi(
        title="Of Record",
        version=app.version,
        summary="Transactions of brokers' clients: submitted, recorded, read back.",
        description=_introduction(),
        routes=app.routes,
    )
    components = document.setdefault("components", {})
    components["schemas"] = dict(sorted(_schemas().items()))
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "bearerFormat": "ofr_<id>_<secret>"}
    }
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path not in _PERMITTED_WITHOUT_KEY:
                operation["security"] = [{"key": []}]
    return document


def _introduction() -> str:
    refusals = "\n".join(
        f"| `{code}` | {status_of_refusal(code)} | {refusal.sentence} |"
        for code, refusal in sorted(REFUSALS.items())
    )
    problems = "\n".join(
        f"| `{code}` | {status} | {sentence} |" for code, (status, sentence) in PROBLEMS.items()
    )
    return f"""\
A **transaction** is one action of a broker, or of the carrier, on a client, or on a payee of
commission. It is decided against the history of that client or payee, and answered with a receipt
once that is durable. The same `Idempotency-Key` with the same content gets the same answer, byte
for byte, for ever; repeats carry `Idempotency-Replayed: true`.

Every receipt has a `position`. Pass it as `?after=` to any read, and the read waits until it has
that transaction.

A key of a portal speaks for one producer, and sees the clients whose agent of record that producer
is today. A revoked key is refused within a second.

Every error is an RFC 9457 problem with a stable `code`.

## Refusals: a rule of the business said no
| code | status | sentence |
|---|---|---|
{refusals}

## Problems: the request could not be taken
| code | status | sentence |
|---|---|---|
{problems}
"""


def _schemas() -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components(
        [*_views(), *http_operations.VIEWS, ConsistencyProof, *run_views.VIEWS, Fault, Receipt],
        ref_template=SCHEMA_PATH + "{name}",
    )
    transactions = transaction_schemas("Transaction", COMMANDS)
    transactions |= transaction_schemas("PayeeTransaction", PAYEE_COMMANDS)
    schemas |= run_views.body_schemas()
    return {**schemas, **transactions, "Problem": problem_schema(), "BatchAnswer": _batch_answer()}


def _views() -> list[type[msgspec.Struct]]:
    return [
        view
        for module in (views, billing_views, explanation_views, change_views, access_reads)
        for view in vars(module).values()
        if isinstance(view, type) and issubclass(view, views.View) and view is not views.View
    ]


def transaction_schemas(name: str, actions: Mapping[str, type[Command]]) -> dict[str, Any]:
    """The schema of each action, and ``name`` for any of them."""
    schemas: dict[str, Any] = {}
    mapping: dict[str, str] = {}
    for wire_type, action in actions.items():
        schema = action.model_json_schema(ref_template=SCHEMA_PATH + "{model}")
        schemas |= schema.pop("$defs", {})
        schemas[action.__name__] = _described(schema, action)
        mapping[wire_type] = SCHEMA_PATH + action.__name__
    schemas[name] = {
        "oneOf": [{"$ref": reference} for reference in mapping.values()],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    return schemas


def _described(schema: Mapping[str, Any], action: type[Command]) -> dict[str, Any]:
    sender = "Brokers and the carrier" if action.sent_by == "broker" else "The carrier"
    return {
        **schema,
        "title": action.title,
        "description": f"{schema.get('description', action.title)}\n\nSent by: {sender}.",
        "properties": {**schema["properties"], "received_at": _RECEIVED_AT},
        "required": sorted({*schema.get("required", ()), "type"}),
        "examples": [dict(action.example)],
    }


def problem_schema() -> dict[str, Any]:
    """The schema of every problem."""
    return {
        "type": "object",
        "description": "RFC 9457. A refused transaction's problem carries its receipt.",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": {"type": "string", "pattern": "^urn:ofrecord:problem:[a-z_]+$"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "code": {"type": "string", "enum": all_codes()},
            "errors": {"type": "array", "items": {"$ref": f"{SCHEMA_PATH}Fault"}},
            "receipt": {"$ref": f"{SCHEMA_PATH}Receipt"},
        },
        "additionalProperties": False,
    }


def _batch_answer() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "The answer to one line of a batch.",
        "required": ["line", "status"],
        "properties": {
            "line": {"type": "integer", "description": "Of the batch, counted from 1."},
            "client_id": {"type": ["string", "null"]},
            "key": {"type": ["string", "null"]},
            "replayed": {"type": "boolean"},
            "status": {"type": "integer", "description": "As a single transaction's would be."},
            "receipt": {"$ref": f"{SCHEMA_PATH}Receipt"},
            "problem": {"$ref": f"{SCHEMA_PATH}Problem"},
        },
    }


# ── The page ───────────────────────────────────────────────────────────────────────────────────

_ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Of Record: the API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="page"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({url: "openapi.json", dom_id: "#page", validatorUrl: null, deepLinking: true,
                 docExpansion: "list", defaultModelsExpandDepth: 0, persistAuthorization: false});
</script>
</body>
</html>
"""


@router.get("/docs")
async def docs_page() -> Response:
    """The page: Swagger UI, from this server alone."""
    return Response(_PAGE, media_type="text/html")


@router.get("/docs/{name}")
def docs_asset(name: str) -> Response:
    """Swagger UI's script and style, as a package of the lock file brings them."""
    if name not in _ASSETS:
        raise Problem("not_found")
    content = (resources.files("fastapi_swagger") / "resources" / name).read_bytes()
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(content, media_type=_ASSETS[name], headers=headers)


@router.get("/openapi.json")
async def openapi_document(request: Request) -> Response:
    """The document, made once."""
    return Response(request.app.state.document, media_type="application/json")
