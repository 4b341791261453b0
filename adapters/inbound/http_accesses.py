"""For auditors: who read whose personal data, when, and for which producer.

For auditors alone: carrier staff are among those whose reading is recorded, and who is looked into
is not for them to see.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BeforeValidator, WithJsonSchema

from adapters.inbound.auditing import shows
from adapters.inbound.authentication import key_for
from adapters.inbound.describing import KEYED, answers
from adapters.inbound.http_edge import only_known_parameters
from adapters.inbound.http_reads import Cursor, Limit, json_answer
from adapters.outbound.access_reads import Accesses, AccessFilter
from adapters.services import Services
from domain.types import ClientId, Code

router = APIRouter(tags=["audit"], dependencies=[Depends(only_known_parameters)])

_Aware = Annotated[datetime, msgspec.Meta(tz=True)]


def instant_in(text: object) -> datetime:
    """An instant written ``2026-03-01T00:00:00Z``; ``ValueError`` for all else."""
    try:
        return msgspec.convert(text, type=_Aware)
    except msgspec.ValidationError:
        raise ValueError("an instant is written 2026-03-01T00:00:00Z") from None


QueryInstant = Annotated[
    datetime,
    BeforeValidator(instant_in),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


@router.get(
    "/v1/audit/accesses",
    dependencies=[Depends(key_for("auditor"))],
    responses=answers(Accesses, *KEYED, "invalid_request"),
)
def read_accesses(
    request: Request,
    client_id: Annotated[ClientId | None, Query(description="It was shown, or asked for.")] = None,
    sender: Annotated[
        str | None, Query(max_length=100, pattern=r"^[^\x00]*$", description="Who read.")
    ] = None,
    producer_id: Annotated[Code | None, Query(description="Read for this producer.")] = None,
    since: Annotated[
        QueryInstant | None, Query(description="Such as 2026-03-01T00:00:00Z.")
    ] = None,
    until: Annotated[QueryInstant | None, Query(description="Before this instant.")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """Who read whose personal data, or was refused it, newest first; a moment behind the reads.

    Reading this leaves a record too, which names the client that was asked for alone: with all that
    are listed, each record would grow by those before it.
    """
    services: Services = request.app.state.services
    wanted = AccessFilter(
        client_id=client_id, sender=sender, producer_id=producer_id, since=since, until=until
    )
    if client_id is not None:
        shows(request, [client_id])
    return json_answer(services.access_reads.page(wanted, cursor, limit))
