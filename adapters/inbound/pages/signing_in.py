"""Who reads the pages: HTTP Basic, so that a browser can ask for the key without any script.

The password is the API key, the user name does not matter. Nothing is kept here between requests,
and the key is in no address. Pages are for auditors and the carrier; all of them only read.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from adapters.inbound.authentication import Authenticator
from adapters.inbound.http_edge import problem_for, refuse_others
from adapters.inbound.incoming import fault_of
from adapters.inbound.pages.rendering import problem_page
from adapters.inbound.problems import Problem
from adapters.outbound.api_keys import ApiKey
from domain.types import Role

_ASK = {"WWW-Authenticate": 'Basic realm="Of Record audit", charset="UTF-8"'}
_NEEDED = "Sign in with any user name, and the key of an auditor or of the carrier as the password."


class PageRoute(APIRoute):
    """A route that answers problems as pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler, with what it raises told in HTML."""
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                return problem_page(_invalid(error))
            except Exception as error:  # noqa: BLE001  # what has no meaning is raised again
                return problem_page(problem_for(error))

        return told


def _invalid(error: RequestValidationError) -> Problem:
    faults = [
        fault_of({**detail, "loc": detail["loc"][1:]}, f"{detail['loc'][0]}:")
        for detail in error.errors()
    ]
    return Problem("invalid_request", errors=faults)


def key_of_page(*roles: Role) -> Callable[..., Coroutine[Any, Any, ApiKey]]:
    """The dependency that answers with the request's key, if its role is one of these."""

    async def key_of_request(request: Request) -> ApiKey:
        authenticator: Authenticator = request.app.state.authenticator
        try:
            key = await authenticator.key_of(_bearer(request.headers.get("authorization", "")))
        except Problem:
            raise Problem("unauthenticated", _NEEDED, headers=_ASK) from None
        request.state.key = key
        if key.role not in roles:
            raise Problem("role_not_permitted")
        return key

    return key_of_request


def _bearer(authorization: str) -> str:
    """The header as programs send it; a browser's has the key as the password."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return authorization
    try:
        signed_in = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return f"Bearer {signed_in.partition(':')[2]}"


async def only_known_fields(request: Request) -> None:
    """The dependency that refuses query parameters that the page does not have."""
    page: APIRoute = request.scope["route"]
    refuse_others(request, {field.alias for field in page.dependant.query_params})


_signed_in = Depends(key_of_page("auditor", "carrier"))
PageReader = Annotated[ApiKey, _signed_in]
PageAuditor = Annotated[ApiKey, Depends(key_of_page("auditor"))]
SIGNED_IN = [_signed_in]
OF_PAGES = [_signed_in, Depends(only_known_fields)]
"""Dependencies of every page: first who asks, then whether it may be asked."""
