"""Proof that nothing was altered: the signed checkpoints of the log, and proofs to go with them.

There is no personal data in them: hashes, sizes and signatures. What they are checked with offline
is the archive (`ofrecord export`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from adapters.inbound.applied import POSITION_MAX
from adapters.inbound.authentication import key_for
from adapters.inbound.describing import KEYED, answers, problems
from adapters.inbound.http_edge import only_known_parameters
from adapters.inbound.http_reads import json_answer
from adapters.inbound.problems import Problem
from adapters.inbound.proofs import (
    ConsistencyProof,
    NotProven,
    checkpoint_of,
    consistency_of,
    proof_of_event,
)
from adapters.services import Services
from processors.merkle import TreeDamaged

router = APIRouter(
    tags=["proofs"],
    dependencies=[
        Depends(only_known_parameters),
        Depends(key_for("auditor", "carrier", "operations")),
    ],
)

_CODES = (*KEYED, "not_proven", "invalid_request")
_Size = Annotated[
    int | None,
    Query(ge=1, le=POSITION_MAX, description="Of a kept checkpoint's tree; the newest's if none."),
]


@contextmanager
def not_proven_told() -> Iterator[None]:
    """What is not proven, or not by the tree that is stored, as a problem."""
    try:
        yield
    except NotProven as none:
        raise Problem("not_proven", str(none)) from None
    except TreeDamaged as error:
        sentence = f"The stored tree is damaged or was altered: {error}."
        raise Problem("not_proven", sentence) from None


def _text(told: str) -> dict[Any, Any]:
    content = {"text/plain": {"schema": {"type": "string"}}}
    return {200: {"description": told, "content": content}, **problems(*_CODES)}


@router.get(
    "/v1/proof/checkpoint",
    response_class=Response,
    responses=_text("A C2SP tlog-checkpoint: origin, size and root, signed."),
)
def read_checkpoint(request: Request, size: _Size = None) -> Response:
    """The newest signed checkpoint of the log, or the one of a size."""
    services: Services = request.app.state.services
    with not_proven_told():
        return _text_answer(checkpoint_of(services.proofs, size).note)


@router.get(
    "/v1/proof/inclusion/{position}",
    response_class=Response,
    responses=_text("A C2SP tlog-proof: index, hashes, and the checkpoint they lead to."),
)
def read_inclusion(
    request: Request,
    position: Annotated[int, Path(ge=1, le=POSITION_MAX, description="Of an event in the log.")],
    size: _Size = None,
) -> Response:
    """Proves that the event at a position, as it is stored, is in the tree of a checkpoint."""
    services: Services = request.app.state.services
    with not_proven_told():
        return _text_answer(proof_of_event(services.log, services.proofs, position, size))


@router.get("/v1/proof/consistency", responses=answers(ConsistencyProof, *_CODES))
def read_consistency(
    request: Request,
    from_size: Annotated[
        int, Query(alias="from", ge=0, le=POSITION_MAX, description="The smaller tree's size.")
    ],
    to_size: Annotated[
        int | None,
        Query(alias="to", ge=0, le=POSITION_MAX, description="The larger's; the newest's if none."),
    ] = None,
) -> Response:
    """Proves that between two sizes the log was only added to; hashes are in base64."""
    services: Services = request.app.state.services
    with not_proven_told():
        return json_answer(consistency_of(services.proofs, from_size, to_size))


def _text_answer(text: str) -> Response:
    return Response(text, media_type="text/plain", headers={"Cache-Control": "no-store"})
