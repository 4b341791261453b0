"""What changed between two knowings of a client: each row before and after, and who caused it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from adapters.inbound.as_of import NotAMoment, moment_of
from adapters.inbound.authentication import Reader
from adapters.inbound.changes import KnownBefore, changes_between
from adapters.inbound.describing import AS_OF, answers
from adapters.inbound.http_billing_reads import BILLED
from adapters.inbound.http_edge import only_known_parameters
from adapters.inbound.http_reads import Cursor, Limit, PathClient, json_answer
from adapters.inbound.problems import Fault, Problem
from adapters.outbound.change_views import ClientChanges
from adapters.services import Services
from processors.knowing import KnownAt

router = APIRouter(tags=["reads"], dependencies=[Depends(only_known_parameters)])

_MOMENT = "an instant such as `2026-03-03T12:00:00Z`, by when it was received, or a position."
TO_BEFORE_FROM = Fault("query:known_to", "This moment is before known_from")


def moment_in(name: str, text: str) -> KnownAt:
    """The moment that a query parameter gives. Raises ``Problem``."""
    try:
        return moment_of(text)
    except NotAMoment as wrong:
        fault = Fault(f"query:{name}", str(wrong))
        raise Problem("invalid_request", errors=[fault]) from None


@router.get(
    "/v1/clients/{client_id}/changes",
    dependencies=BILLED,
    responses=answers(ClientChanges, *AS_OF),
)
def read_changes(
    request: Request,
    client_id: PathClient,
    actor: Reader,
    known_from: Annotated[str, Query(max_length=40, description=f"First: {_MOMENT}")],
    known_to: Annotated[
        str | None, Query(max_length=40, description=f"Last: {_MOMENT} Now, if left out.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """What changed in the book and the bills between two knowings, and what made it so.

    Before the client's history nothing was known: then everything is added.
    """
    services: Services = request.app.state.services
    first = moment_in("known_from", known_from)
    last = None if known_to is None else moment_in("known_to", known_to)
    viewer = actor.producer_id
    try:
        page = changes_between(services, client_id, viewer, first, last, cursor, limit)
    except KnownBefore:
        raise Problem("invalid_request", errors=[TO_BEFORE_FROM]) from None
    return json_answer(page)
