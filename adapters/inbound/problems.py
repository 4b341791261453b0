"""RFC 9457 problems: every answer of the HTTP door that is not what was asked for.

A problem's code is stable and its ``type`` is ``urn:ofrecord:problem:<code>``. Problems of the
door are declared here; refusals of the domain become problems with their own code. No problem
carries a value that the sender put in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from domain.kernel import REFUSALS

MEDIA_TYPE = "application/problem+json"
_STATUS_OF_REFUSAL = {
    "client_not_found": 404,
    "not_agent_of_record": 404,  # told as client_not_found; under its own name in the history
    "payee_not_found": 404,
    "not_the_payee": 404,  # likewise: told as payee_not_found
    "carrier_only": 403,
    "by_commission_run": 403,
    "may_not_send": 403,
}


class Problem(Exception):
    """A request that the door cannot answer; raised anywhere below, answered in one place."""

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        errors: list[Fault] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.status, sentence = PROBLEMS[code]
        self.detail = detail or sentence
        self.errors = errors
        self.headers = dict(headers or {})

    def body(self) -> bytes:
        """The problem's JSON."""
        return _encode(self.code, self.status, self.detail, self.errors)

    def response(self) -> Response:
        """The problem as an answer."""
        return Response(self.body(), self.status, self.headers, MEDIA_TYPE)


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong in a request."""

    pointer: str
    """Where: a JSON pointer into the body (``#/…``), or ``header:…``, ``query:…``, ``path:…``."""
    detail: str
    """What is wrong, without the value."""


PROBLEMS: dict[str, tuple[int, str]] = {
    "malformed_json": (400, "The body is not one JSON object in UTF-8."),
    "unauthenticated": (401, "A valid key is needed: Authorization: Bearer ofr_…"),
    "role_not_permitted": (403, "A key of this role may not do this."),
    "producer_not_permitted": (403, "This key speaks for another producer."),
    "backfill_not_permitted": (
        403,
        "Only a carrier key with the backfill permission may state when it was received.",
    ),
    "not_found": (404, "There is nothing here that this key may see."),
    "client_not_found": (404, "There is no such client."),
    "payee_not_found": (404, "There is no such payee."),
    "statement_not_found": (404, "This payee has no statement for this month."),
    "invoice_not_found": (404, "This client has no invoice for this month."),
    "line_not_found": (404, "This invoice or statement has no such line."),
    "posting_not_found": (404, "This client has no such posting."),
    "not_proven": (404, "No checkpoint that is kept covers this."),
    "not_known_then": (404, "Nothing was known of this client at that moment."),
    "known_in_future": (422, "That instant or position is in the future: it has not come yet."),
    "invoice_not_shown": (410, "Billing detail is shown for 24 months: this invoice is older."),
    "method_not_allowed": (405, "This method is not offered here."),
    "run_in_progress": (409, "A run of this kind and month is in progress."),
    "body_too_large": (413, "The body, or a line of it, is larger than allowed."),
    "unsupported_media_type": (415, "The body's media type is not the one asked for here."),
    "invalid_request": (422, "The request does not have the form described in the API's document."),
    "idempotency_key_reused": (
        422,
        "This Idempotency-Key was used before by this sender, for something else.",
    ),
    "producer_required": (422, "This key speaks for several producers: name one in Producer-Id."),
    "internal_error": (
        500,
        "Something went wrong here. Sending it again with the same key is safe.",
    ),
    "log_unavailable": (
        503,
        "The database cannot be reached now. Sending it again with the same key is safe.",
    ),
    "not_yet_applied": (504, "What was asked to be waited for is not in this view yet."),
}
"""The door's own problems: status, and the sentence when there is nothing more to say."""


def title_of(code: str) -> str:
    """A problem's title: its code in words, so that it never changes."""
    return code.replace("_", " ").capitalize()


def status_of_refusal(code: str) -> int:
    """The HTTP status of a refusal."""
    return _STATUS_OF_REFUSAL.get(code, 422)


def refusal_body(code: str, sentence: str, receipt: bytes) -> bytes:
    """A refused transaction's problem: made of its receipt alone, so that it never changes."""
    head = _encode(code, status_of_refusal(code), sentence, None)
    return head[:-1] + b',"receipt":' + receipt + b"}"


def all_codes() -> list[str]:
    """Every code that a problem can have."""
    return sorted({*PROBLEMS, *REFUSALS})


def _encode(code: str, status: int, detail: str, errors: list[Fault] | None) -> bytes:
    problem: dict[str, Any] = {
        "type": f"urn:ofrecord:problem:{code}",
        "title": title_of(code),
        "status": status,
        "detail": detail,
        "code": code,
    }
    if errors:
        problem["errors"] = errors
    return msgspec.json.encode(problem)
