"""Reading is audited: each answer that shows a client's personal data leaves a record.

The edge records what every route answers, by the route's name and path; a route that shows nothing
of anybody is on the list below, with the reason. So a new route is recorded unless somebody says
why not. What only the route knows, the clients on a page of many, it says with ``shows``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import Request
from starlette.types import Scope

from adapters.inbound.incoming import CORRELATION_PATTERN
from adapters.outbound.accesses import Access, Outcome
from adapters.outbound.api_keys import ApiKey
from adapters.services import Services
from domain.payee.state import is_payee

_ANSWERED = "It answers what was sent, and codes: no personal data; the history has who sent it."
_RUNS = "Ids, codes and numbers of runs."
_IN_NUMBERS = "Ids, codes and numbers for operations; no personal data."
_HASHES = "Hashes and positions: they prove what was read elsewhere."
_PUBLIC = "Nothing of anybody; no key is asked for."
UNRECORDED: Mapping[str, str] = {
    **dict.fromkeys(("submit_transaction", "submit_payee_transaction", "submit_batch"), _ANSWERED),
    **dict.fromkeys(("begin_billing_run", "list_billing_runs", "read_billing_run"), _RUNS),
    **dict.fromkeys(("begin_commission_run", "list_commission_runs", "read_commission_run"), _RUNS),
    "preview_billing_run": _RUNS,
    "read_book_summary": "How many clients of each segment; it names none.",
    **dict.fromkeys(("read_lag", "read_parked", "read_overdue", "read_counts"), _IN_NUMBERS),
    "read_metrics": _IN_NUMBERS,
    **dict.fromkeys(("read_refusals", "healthz", "readyz"), _PUBLIC),
    **dict.fromkeys(("read_checkpoint", "read_inclusion", "read_consistency"), _HASHES),
    **dict.fromkeys(("docs_page", "docs_asset", "openapi_document"), _PUBLIC),
    **dict.fromkeys(("audit_proof", "audit_checkpoint"), _HASHES),
    **dict.fromkeys(("audit_index", "audit_slash"), "Where an auditor begins; it names nobody."),
    **dict.fromkeys(("audit_asset", "audit_nothing"), _PUBLIC),
}
"""Routes whose answers leave no record, by name, and why."""

_OUTCOMES: dict[int, Outcome] = {403: "not_permitted", 404: "not_found", 410: "not_found"}
_STREAM = re.compile(r"(payee:)?[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_MEMBER = re.compile(r"[0-9]{11}")
_CORRELATION = re.compile(CORRELATION_PATTERN)


def shows(request: Request, stream_ids: Iterable[str]) -> None:
    """Say whom an answer shows, where the path does not: clients, or streams of payees."""
    request.state.shown = tuple(stream_ids)


def operation_name(route_name: str) -> str:
    """What was read, as records name it."""
    return route_name.removeprefix("read_")


def noted(scope: Scope, status: int) -> bool:
    """Record an answer that is about to go out, if it is to be recorded.

    False if that is not possible now: then it must not go out.
    """
    route = getattr(scope.get("route"), "name", None)
    outcome: Outcome | None = "shown" if 200 <= status < 300 else _OUTCOMES.get(status)
    if route is None or route in UNRECORDED or outcome is None:
        return True
    state = scope.get("state", {})
    key: ApiKey | None = state.get("key")
    if key is None:
        assert outcome != "shown", f"{route} shows without a key; if it may, UNRECORDED says why"
        return True
    path: dict[str, str] = scope["path_params"]
    whom = whom_of(path.get("client_id"), path.get("member_id"), path.get("payee_id"))
    shown = state.get("shown", ())
    if outcome == "shown":
        whom |= showing(shown)
    elif not (whom["client_ids"] or whom["payee_id"]):
        return True  # an attempt on nobody
    services: Services = scope["app"].state.services
    return services.accesses.note(
        Access(
            at=services.clock.now(),
            how="http",
            key_id=key.key_id,
            sender=key.sender,
            role=key.role,
            producer_id=state.get("producer_id"),
            read=operation_name(route),
            outcome=outcome,
            correlation_id=_correlation_id(scope),
            **whom,
        )
    )


def whom_of(stream_id: str | None, member_id: str | None, payee_id: str | None) -> dict[str, Any]:
    """Whom a read asks for, in the fields of a record; what is no id was not looked up."""
    if stream_id is not None and not _STREAM.fullmatch(stream_id):
        stream_id = None
    if member_id is not None and not _MEMBER.fullmatch(member_id):
        member_id = None
    if payee_id is not None and not _STREAM.fullmatch(payee_id):
        payee_id = None
    asked: dict[str, Any] = {"client_ids": (), "member_id": member_id, "payee_id": payee_id}
    return asked | (showing([stream_id]) if stream_id is not None else {})


def showing(stream_ids: Iterable[str]) -> dict[str, Any]:
    """Clients and payees that an answer shows, in the fields of a record, where there are any.

    Where there are several payees, their streams stand among the clients.
    """
    streams = tuple(dict.fromkeys(stream_ids))
    payees = [stream.partition(":")[2] for stream in streams if is_payee(stream)]
    if len(payees) != 1:
        return {"client_ids": streams} if streams else {}
    clients = tuple(stream for stream in streams if not is_payee(stream))
    return {"payee_id": payees[0]} | ({"client_ids": clients} if clients else {})


def _correlation_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"correlation-id":
            text: str = value.decode("latin-1")
            return text if _CORRELATION.fullmatch(text) else None
    return None
