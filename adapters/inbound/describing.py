"""How a route says in the API's document what it answers: a view, and problems by their code."""

from __future__ import annotations

from typing import Any

from adapters.inbound.problems import MEDIA_TYPE, PROBLEMS

SCHEMA_PATH = "#/components/schemas/"
ALWAYS = ("internal_error", "log_unavailable")
"""Problems that anything which needs the database can end in."""
KEYED = ("unauthenticated", "role_not_permitted", *ALWAYS)
"""Problems of every route that needs a key."""
READS = (
    *KEYED,
    *("producer_not_permitted", "producer_required", "not_found", "invalid_request"),
    "not_yet_applied",
)
"""Problems of the reads of clients."""
AS_OF = (*READS, "not_known_then", "known_in_future")
"""Problems of those that can be read as of another moment."""
BOOK_AS_OF = (*READS, "known_in_future")
"""Likewise of books: whose clients were not known yet is empty."""

_PROBLEM: dict[str, Any] = {"schema": {"$ref": f"{SCHEMA_PATH}Problem"}}


def answers(
    view: type, *codes: str, status: int = 200, also: Any = None, headers: Any = None
) -> dict[Any, Any]:
    """The ``responses`` of a route: a view as JSON (``also``: in other media), and problems."""
    content = {"application/json": {"schema": {"$ref": SCHEMA_PATH + view.__name__}}}
    answer = {"description": _sentence(view), "content": content | (also or {})}
    return {status: answer | {"headers": headers or {}}} | problems(*codes)


_HEADERS = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    405: {"Allow": {"schema": {"type": "string"}}},
    409: {"Location": {"description": "What is in the way.", "schema": {"type": "string"}}},
    503: {"Retry-After": {"description": "Seconds.", "schema": {"type": "string"}}},
}


def problems(*codes: str) -> dict[Any, Any]:
    """The problems a route can answer, by status."""
    by_status: dict[int, list[str]] = {}
    for code in codes:
        status, sentence = PROBLEMS[code]
        by_status.setdefault(status, []).append(f"`{code}`: {sentence}")
    return {
        status: {
            "description": "\n\n".join(sentences),
            "headers": _HEADERS.get(status, {}),
            "content": {MEDIA_TYPE: _PROBLEM},
        }
        for status, sentences in sorted(by_status.items())
    }


def parameter(
    where: str, name: str, description: str, pattern: str | None = None, *, required: bool = False
) -> dict[str, Any]:
    """A parameter of a route that reads it by itself."""
    schema = {"type": "string"} if pattern is None else {"type": "string", "pattern": pattern}
    text = {"name": name, "in": where, "description": description}
    return {**text, "required": required, "schema": schema}


def _sentence(view: type) -> str:
    return (view.__doc__ or view.__name__).strip().splitlines()[0]
