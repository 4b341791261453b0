"""Reading on the command line is audited as it is over HTTP: by the command and its arguments."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import typer

from adapters.inbound.auditing import showing, whom_of
from adapters.inbound.submitting import CLI
from adapters.outbound.accesses import Access, Outcome
from adapters.outbound.reading import NotFound
from adapters.services import Services

_SHOWN = "ofrecord.shown"


def shows(context: typer.Context, stream_ids: Iterable[str]) -> None:
    """Say whom a command shows, where its arguments do not: clients, or streams of payees."""
    context.meta[_SHOWN] = tuple(stream_ids)


@contextmanager
def recorded(context: typer.Context, services: Services) -> Iterator[None]:
    """Record what the command reads in here, or that it looked for somebody who is not there.

    Who reads is the user of the operating system: what a shell says of its user can be changed.
    """
    try:
        yield
    except (NotFound, typer.Exit):
        _note(context, services, "not_found")
        raise
    _note(context, services, "shown")


def _note(context: typer.Context, services: Services, outcome: Outcome) -> None:
    asked = context.params
    whom = whom_of(
        asked.get("client_id") or asked.get("client"),
        asked.get("member_id") or asked.get("member"),
        asked.get("payee"),
    )
    if outcome == "shown":
        whom |= showing(context.meta.get(_SHOWN, ()))
    elif not (whom["client_ids"] or whom["payee_id"]):
        return
    services.accesses.note(
        Access(
            at=services.clock.now(),
            how="cli",
            key_id=None,
            sender=_user(),
            role=CLI.role,
            read=_operation(context),
            outcome=outcome,
            **whom,
        )
    )


def _operation(context: typer.Context) -> str:
    """The command's name, after its group's: ``explain_invoice``."""
    names = []
    at: typer.Context | None = context
    while at is not None and at.parent is not None:
        names.append((at.info_name or "").replace("-", "_"))
        at = at.parent  # type: ignore[assignment]  # a typer context's parent is one
    return "_".join(reversed(names))


def _user() -> str:
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
