"""The command that proves that the projections are what the log says."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated

import msgspec
import typer

from adapters.bootstrap import open_database, open_verification
from adapters.inbound.commands.opening import (
    SAID_NO,
    AsJson,
    fail,
    require_data,
    settings_of,
    told_plainly,
)
from adapters.inbound.commands.printing import show
from adapters.inbound.commands.sending import Told
from adapters.inbound.documents.wording import counted
from adapters.inbound.shares import in_shares
from adapters.outbound.logs import configure_logs
from processors.money_identities import StatementsLedger
from processors.replay_ports import Share
from processors.verification import Checked, Finding, Kind
from processors.verifying import verify_rest, verify_share
from projections.catalog import PROJECTIONS
from projections.kernel import Projection

BY_NAME = {projection.name: projection for projection in PROJECTIONS}
SHARES = 2
SHARED_FROM_EVENTS = 20_000
"""Starting further processes takes a second, in which one alone folds so many."""


class Verified(msgspec.Struct):
    """What a verification came to."""

    projections: Sequence[str]
    streams: int
    """Clients and payees."""
    events: int
    rows: int
    seconds: float
    findings: Sequence[Finding]
    digests: dict[str, str | None] | None = None
    """Where one client was asked for: by projection, of its rows as they are shown."""


def verify(
    context: typer.Context,
    projection: Annotated[
        list[str] | None, typer.Option(help="Only this one; again for more [all].")
    ] = None,
    client: Annotated[str | None, typer.Option(help="Only this client or payee's stream.")] = None,
    as_json: AsJson = False,
) -> None:
    """Prove that the projections are what the log says, client by client, while all goes on.

    Every history is folded again and compared with the rows that are shown; versions must be 1..n,
    positions without gaps, and the money must add up to the cent.

    \b
    ofrecord verify
    ofrecord verify --projection invoices --json
    ofrecord verify --client harbor-bakery

    Exit code: 0 all is as it must be, 1 something is not (it is listed), 2 not understood, 3 the
    database was away.
    """
    names = projection or list(BY_NAME)
    if unknown := [name for name in names if name not in BY_NAME]:
        raise typer.BadParameter(f"There is no projection {unknown[0]}: {', '.join(BY_NAME)}.")
    began = time.monotonic()
    with database_of(context) as url, Told() as told:
        verified = _one(url, names, client) if client else _all(url, names, told)
    verified.seconds = round(time.monotonic() - began, 1)
    if as_json:
        show(verified, as_json)
    else:
        _tell(verified)
    if verified.findings:
        raise typer.Exit(SAID_NO)


@contextmanager
def database_of(context: typer.Context) -> Iterator[str]:
    """The database of the settings, for who compares and rebuilds; not made if it is not there."""
    settings = settings_of(context)
    require_data(settings)
    configure_logs(settings.log_format, "warning")
    with told_plainly(), open_database(settings) as database:
        yield database.url


# ── What is compared ───────────────────────────────────────────────────────────────────────────


def _one(url: str, names: Sequence[str], stream_id: str) -> Verified:
    with open_verification(url) as (log, verification):
        if not log.known([stream_id]):
            raise fail(f"There is no {stream_id} in the log.", SAID_NO)
        checked = verification.check(_projections(names), [stream_id])
    digests = {name: checked.digests[name].get(stream_id) for name in names}
    return Verified(names, 1, checked.events, checked.rows, 0, checked.findings, digests)


def _all(url: str, names: Sequence[str], told: Told) -> Verified:
    verified, findings = Verified(names, 0, 0, 0, 0, ()), list[Finding]()
    ledger = StatementsLedger()
    with open_verification(url) as (log, verification):
        head, through = log.head(), verification.applied("commissions")
        shares = SHARES if head >= SHARED_FROM_EVENTS else 1
        began = time.monotonic()
        for said in in_shares(_verify_share, shares, shares, url, tuple(names)):
            if isinstance(said, StatementsLedger):
                ledger.add(said)
                continue
            verified.streams += said.streams
            verified.events += said.events
            verified.rows += said.rows
            findings += said.findings
            told.progress(progress(verified.events, head, began), verified.events)
        findings += verify_rest(verification, _projections(names), ledger, through)
    verified.findings = findings
    return verified


def _verify_share(
    number: int, shares: int, url: str, names: Sequence[str]
) -> Iterator[Checked | StatementsLedger]:
    """In a process of its own, perhaps."""
    with open_verification(url) as (_, verification):
        yield from verify_share(verification, _projections(names), Share(number, shares))


def _projections(names: Sequence[str]) -> list[Projection]:
    return [BY_NAME[name] for name in names]


# ── What is told ───────────────────────────────────────────────────────────────────────────────


def progress(done: int, of: int, began: float) -> str:
    """How far it is, and how long it will take."""
    passed = time.monotonic() - began
    left = passed / done * max(0, of - done) if done else 0.0
    return f"{done:,} of {counted(of, 'event')}, {left:,.0f} s left"


_KINDS: Mapping[Kind, tuple[str, str]] = {
    "row_missing": ("row is missing", "rows are missing"),
    "row_unfounded": ("row is unfounded", "rows are unfounded"),
    "row_differs": ("row differs", "rows differ"),
    "history": ("break in a history", "breaks in histories"),
    "money": ("sum is wrong", "sums are wrong"),
    "not_replayable": ("replay fails", "replays fail"),
}
"""What findings say, of one and of several."""


def _tell(verified: Verified) -> None:
    for finding in verified.findings:
        typer.echo(finding.sentence)
    for name, digest in (verified.digests or {}).items():
        typer.echo(f"{name}  {digest or 'no rows'}")
    counts: Counter[Kind] = Counter(finding.kind for finding in verified.findings)
    found = ", ".join(_counted(kind, count) for kind, count in counts.items())
    streams = f"{verified.streams:,} clients and payees"
    if verified.streams == 1:
        streams = "1 client or payee"
    typer.echo(
        f"{', '.join(verified.projections)}: {streams}, {counted(verified.events, 'event')}, "
        f"{counted(verified.rows, 'row')} in {verified.seconds:,.1f} s: "
        + (f"{found}." if found else "all is what the log says.")
    )


def _counted(kind: Kind, count: int) -> str:
    """Findings of a kind, such as ``1 row differs`` and ``2 rows differ``."""
    one, many = _KINDS[kind]
    return f"{count:,} {one if count == 1 else many}"
