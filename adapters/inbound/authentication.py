"""Who is asking: the key in ``Authorization``, and for which producer a portal speaks.

A key that was looked up is remembered for a second, so a revoked key is refused everywhere at the
latest one second after its revocation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from pydantic import TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool

from adapters.inbound.incoming import fault_of
from adapters.inbound.problems import Problem
from adapters.outbound.api_keys import ApiKey, ApiKeys, split_token
from domain.kernel import Actor
from domain.types import Code, Role

REMEMBERED_SECONDS = 1.0
_REMEMBERED_KEYS = 10_000
_producer_id = TypeAdapter[str](Code)


class Authenticator:
    """Looks keys up, and remembers them for a second."""

    def __init__(self, keys: ApiKeys) -> None:
        self._keys = keys
        self._remembered: dict[str, tuple[float, ApiKey | None]] = {}

    async def key_of(self, authorization: str | None) -> ApiKey:
        """The key that an ``Authorization`` header carries. Raises ``Problem``."""
        scheme, _, token = (authorization or "").partition(" ")
        parts = split_token(token.strip()) if scheme.lower() == "bearer" else None
        if parts is not None:
            known = self._remembers(parts[0]) or (await run_in_threadpool(self._look_up, parts[0]),)
            key = known[0]
            if key is not None and key.opened_by(parts[1]):
                return key
        raise Problem("unauthenticated", headers={"WWW-Authenticate": 'Bearer realm="ofrecord"'})

    def find(self, key_id: str) -> ApiKey | None:
        """A key by its id, also a revoked one, for a door with a proof of its own; may block."""
        known = self._remembers(key_id) or (self._look_up(key_id),)
        return known[0]

    def _remembers(self, key_id: str) -> tuple[ApiKey | None] | None:
        remembered = self._remembered.get(key_id)
        if remembered is None or time.monotonic() >= remembered[0]:
            return None
        return (remembered[1],)

    def _look_up(self, key_id: str) -> ApiKey | None:
        forget_at = time.monotonic() + REMEMBERED_SECONDS
        key = self._keys.find(key_id)
        if len(self._remembered) >= _REMEMBERED_KEYS:
            self._remembered.clear()
        self._remembered[key_id] = (forget_at, key)
        return key


def actor_for(key: ApiKey, producer_id: str | None) -> Actor:
    """Who acts with this key; ``producer_id`` is the one named in the request. Raises ``Problem``.

    Only portals speak for producers; what others name is of no consequence.
    """
    return Actor(key.sender, key.role, _producer_for(key, producer_id), frozenset(key.permissions))


def _producer_for(key: ApiKey, named: str | None) -> str | None:
    if key.role != "portal":
        return None
    if named is not None:
        try:
            _producer_id.validate_python(named)
        except ValidationError as error:
            fault = fault_of(error.errors(include_url=False)[0], "header:Producer-Id")
            raise Problem("invalid_request", errors=[fault]) from None
    if key.producer_id is not None and named not in (None, key.producer_id):
        raise Problem("producer_not_permitted")
    producer_id = key.producer_id or named
    if producer_id is None:
        raise Problem("producer_required")
    return producer_id


def key_for(*roles: Role) -> Callable[..., Coroutine[Any, Any, ApiKey]]:
    """The dependency that answers with the request's key, if its role is one of these."""

    async def key_of_request(request: Request) -> ApiKey:
        return await authenticate(request, roles)

    return key_of_request


async def authenticate(request: Request, roles: Collection[Role]) -> ApiKey:
    """The request's key, if its role is one of these; kept beside the request for the log."""
    authenticator: Authenticator = request.app.state.authenticator
    key = await authenticator.key_of(request.headers.get("authorization"))
    request.state.key = key
    if key.role not in roles:
        raise Problem("role_not_permitted")
    return key


FOR_PRODUCER = (
    "For portals: the producer it speaks for. May be left out by a key that is bound to one."
)
ForProducer = Annotated[str | None, Header(alias="Producer-Id", description=FOR_PRODUCER)]
_reader_key = key_for("portal", "carrier", "auditor")


async def reader(
    request: Request,
    key: Annotated[ApiKey, Depends(_reader_key)],
    for_producer: Annotated[
        str | None, Header(alias="Producer-Id", description=FOR_PRODUCER)
    ] = None,
) -> Actor:
    """The dependency for reads of clients: who reads, and as which producer.

    The producer is kept beside the request, for the record of who read.
    """
    actor = actor_for(key, for_producer)
    request.state.producer_id = actor.producer_id
    return actor


Reader = Annotated[Actor, Depends(reader)]
