"""The HTTP door: all routes, around one set of services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.routing import APIRoute

from adapters.inbound import (
    http_accesses,
    http_batch,
    http_billing_reads,
    http_changes,
    http_commission_reads,
    http_docs,
    http_documents,
    http_explain,
    http_operations,
    http_proofs,
    http_reads,
    http_runs,
    http_transaction_reads,
    http_transactions,
)
from adapters.inbound.applied import AppliedWatch
from adapters.inbound.authentication import Authenticator
from adapters.inbound.http_edge import Edge, add_handlers
from adapters.inbound.pages import explained as audit_explained
from adapters.inbound.pages import routes as audit_pages
from adapters.inbound.watching import registry_of
from adapters.services import Services


def create_app(services: Services) -> FastAPI:
    """The application that serves these services. It owns none of them."""
    app = doors(services.http.version)
    app.state.services = services
    app.state.authenticator = Authenticator(services.keys)
    app.state.registry = registry_of(services)
    app.state.applied = AppliedWatch(services.rows, services.projections)
    return app


def doors(version: str) -> FastAPI:
    """All routes and their document, with nothing behind them."""
    app = FastAPI(
        # Its spans and log records carry URLs and messages of exceptions, so personal data.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        title="Of Record",
        version=version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.add_middleware(Edge)
    add_handlers(app)
    for router in (
        http_transactions.router,
        http_batch.router,
        http_reads.router,
        http_transaction_reads.router,
        http_billing_reads.router,
        http_commission_reads.router,
        http_documents.router,
        http_explain.router,
        http_changes.router,
        http_runs.router,
        http_accesses.router,
        http_proofs.router,
        http_operations.router,
        http_operations.public,
        http_docs.router,
        audit_explained.router,
        audit_pages.router,
        audit_pages.beside,  # the last: it answers all that is left below its address
    ):
        app.include_router(router)
    document = http_docs.describe(app)
    app.state.document = msgspec.json.encode(document)
    app.state.offered = {path: _offered(methods) for path, methods in document["paths"].items()}
    return app


def _offered(operations: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """By method of a path: the names of its query parameters."""
    return {
        method.upper(): frozenset(
            parameter["name"]
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query"
        )
        for method, operation in operations.items()
    }


def _operation_id(route: APIRoute) -> str:
    return route.name
