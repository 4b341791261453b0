"""Reads of commissions: a payee, its statements, and what it was paid in each year.

Only the payee sees a statement by right, and whom it lets; the carrier and auditors see all. To
everyone else there is no such payee (handbook §6). A statement's PDF is a route of its own.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BeforeValidator, WithJsonSchema

from adapters.inbound.applied import applied_in
from adapters.inbound.auditing import shows
from adapters.inbound.authentication import Reader, key_for
from adapters.inbound.describing import KEYED, READS, answers
from adapters.inbound.http_billing_reads import month_in
from adapters.inbound.http_edge import only_known_parameters
from adapters.inbound.http_reads import Cursor, Limit, json_answer
from adapters.inbound.statement_csv import statement_csv
from adapters.outbound.billing_views import (
    Payees,
    PayeeView,
    Statements,
    StatementView,
    YearlyTotals,
)
from adapters.services import Services
from domain.types import Code

router = APIRouter(tags=["commissions"], dependencies=[Depends(only_known_parameters)])

APPLIED = [Depends(applied_in("commissions", "book_of_business"))]
"""Dependencies of these reads: ``after`` waits for statements, and for the names of clients."""
OF_PAYEE = (*(code for code in READS if code != "not_found"), "payee_not_found")
"""Problems of the reads of one payee."""
_CSV = {"text/csv": {"schema": {"type": "string"}}}

PathPayee = Annotated[Code, Path(description="An agency, or a producer who is paid directly.")]
PathMonth = Annotated[
    date,
    BeforeValidator(month_in),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{4}-(0[1-9]|1[0-2])(-01)?$"}),
    Path(description="The statement month, such as `2026-05`."),
]


@router.get(
    "/v1/payees",
    dependencies=[Depends(key_for("carrier", "auditor")), *APPLIED],
    responses=answers(Payees, *KEYED, "invalid_request", "not_yet_applied"),
)
def read_payees(request: Request, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """All payees: those that are registered, and those that earned something."""
    services: Services = request.app.state.services
    return json_answer(services.commissions.payees(cursor, limit))


@router.get("/v1/payees/{payee_id}", dependencies=APPLIED, responses=answers(PayeeView, *OF_PAYEE))
def read_payee(request: Request, payee_id: PathPayee, actor: Reader) -> Response:
    """A payee: how it is paid, who sees its statements, what is not on one yet."""
    services: Services = request.app.state.services
    return json_answer(services.commissions.payee(payee_id, actor.producer_id))


@router.get(
    "/v1/payees/{payee_id}/statements",
    dependencies=APPLIED,
    responses=answers(Statements, *OF_PAYEE),
)
def read_statements(
    request: Request, payee_id: PathPayee, actor: Reader, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """A payee's statements, newest first."""
    services: Services = request.app.state.services
    page = services.commissions.statements(payee_id, actor.producer_id, cursor, limit)
    return json_answer(page)


@router.get(
    "/v1/payees/{payee_id}/statements/{month}",
    dependencies=APPLIED,
    responses=answers(StatementView, *OF_PAYEE, "statement_not_found", also=_CSV),
)
def read_statement(
    request: Request,
    payee_id: PathPayee,
    month: PathMonth,
    actor: Reader,
    cursor: Cursor = None,
    limit: Limit = 100,
    format: Annotated[
        Literal["json", "csv"] | None, Query(description="`csv` (or `Accept: text/csv`): all.")
    ] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """The statement of a month and a page of its lines; as CSV, all of its lines at once."""
    services: Services = request.app.state.services
    as_csv = format == "csv" or (format is None and "text/csv" in accept)
    statement = services.commissions.statement(
        payee_id,
        month,
        actor.producer_id,
        cursor=None if as_csv else cursor,
        limit=None if as_csv else limit,
    )
    shows(request, (line.client_id for line in statement.lines))
    if not as_csv:
        return json_answer(statement)
    name = f'attachment; filename="statement-{payee_id}-{month:%Y-%m}.csv"'
    lines = statement_csv(statement.lines)
    return StreamingResponse(lines, media_type="text/csv", headers={"Content-Disposition": name})


@router.get(
    "/v1/payees/{payee_id}/yearly-totals",
    dependencies=APPLIED,
    responses=answers(YearlyTotals, *OF_PAYEE),
)
def read_yearly_totals(request: Request, payee_id: PathPayee, actor: Reader) -> Response:
    """What a payee was paid by the statements of each year."""
    services: Services = request.app.state.services
    return json_answer(services.commissions.yearly_totals(payee_id, actor.producer_id))
