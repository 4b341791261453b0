"""Commands that build a projection anew beside the one that serves, and put it in its place."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

import msgspec
import typer

from adapters.bootstrap import open_rebuild
from adapters.inbound.commands.opening import SAID_NO, AsJson, fail
from adapters.inbound.commands.printing import show
from adapters.inbound.commands.sending import Told
from adapters.inbound.commands.verifying import (
    BY_NAME,
    SHARED_FROM_EVENTS,
    SHARES,
    database_of,
    progress,
)
from adapters.inbound.documents.wording import counted
from adapters.inbound.shares import ShareDied, in_shares
from processors.applying import TakenOver
from processors.rebuild import Comparison, Rebuild, RebuildRefused, RebuildShare, RowDifference
from projections.catalog import PROJECTIONS

rebuild = typer.Typer(
    help="Build a projection anew beside the one that serves, compare, and switch.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="PROJECTION", help=f"One of {', '.join(BY_NAME)}.")]


class Rebuilt(msgspec.Struct):
    """What a rebuild came to."""

    projection: str
    position: int
    """The new tables stand here in the log."""
    events: int
    """Folded now."""
    seconds: float
    is_switched: bool
    not_comparable: Sequence[str]
    differences: Sequence[RowDifference]
    is_cut: bool


@rebuild.command("start")
def start(
    context: typer.Context,
    name: Name,
    switch: Annotated[
        bool, typer.Option("--switch", help="Switch at once if the new rows equal the old.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Build a projection's tables anew from the first event, and compare them with the old.

    The old ones serve, and events come, meanwhile. Broken off, the same command goes on.

    \b
    ofrecord rebuild start book_of_business
    ofrecord rebuild start invoices --switch

    Exit code: 0 built, and equal to the old; 1 there are differences (they are listed, nothing is
    switched), or it cannot be done now, 2 not understood, 3 the database was away.
    """
    with _rebuilding(context, name) as (work, url), Told() as told:
        began = time.monotonic()
        events = _build(work, url, name, told)
        told.line("Following the log, and comparing …")
        position, compared = work.catch_up(), work.compare()
        is_switched = switch and not compared.differences
        if is_switched:
            work.switch()
    seconds = round(time.monotonic() - began, 1)
    _tell_rebuilt(_rebuilt(name, position, events, seconds, compared, is_switched), as_json)


@rebuild.command("compare")
def compare(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Compare the new tables with those that serve, as both are now.

    \b
    ofrecord rebuild compare book_of_business --json

    Exit code: 0 equal, 1 there are differences, or there is nothing to compare.
    """
    with _rebuilding(context, name) as (work, _):
        _require_built(work, name)
        began = time.monotonic()
        position, compared = work.catch_up(), work.compare()
    seconds = round(time.monotonic() - began, 1)
    _tell_rebuilt(_rebuilt(name, position, 0, seconds, compared, False), as_json)


@rebuild.command("switch")
def switch(context: typer.Context, name: Name) -> None:
    """Let the new tables serve, also where they differ; the old ones are kept until dropped.

    One transaction: readers go on without noticing, and who follows the log goes on with the new.

    \b
    ofrecord rebuild switch book_of_business
    """
    with _rebuilding(context, name) as (work, _):
        _require_built(work, name)
        work.switch()
    typer.echo(f"{name} is switched. `ofrecord rebuild drop {name}` drops the old tables.")


@rebuild.command("drop")
def drop(context: typer.Context, name: Name) -> None:
    """Drop the old tables after a switch; before it the new ones, and so give the rebuild up.

    \b
    ofrecord rebuild drop book_of_business
    """
    with _rebuilding(context, name) as (work, _):
        state = work.state
        if state is None:
            raise fail(f"There is no rebuild of {name}.", SAID_NO)
        work.drop()
    which = "old" if state.state == "switched" else "new"
    typer.echo(f"The {which} tables of {name} are dropped.")


class _Status(msgspec.Struct):
    projection: str
    state: str
    started_at: datetime
    events: int
    of_events: int
    for_another_version: bool


@rebuild.command("status")
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show what is being rebuilt, what waits to be switched, and which old tables are kept.

    \b
    ofrecord rebuild status --json
    """
    found = []
    with database_of(context) as url:
        for projection in PROJECTIONS:
            with open_rebuild(url, projection) as work:
                if state := work.state:
                    ours = state.is_of_this_program
                    found.append(
                        _Status(
                            projection.name, state.state, state.started_at, state.events,
                            state.head, not ours,
                        )
                    )  # fmt: skip
    show(found, as_json)


# ── The work ───────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _rebuilding(context: typer.Context, name: str) -> Iterator[tuple[Rebuild, str]]:
    """A rebuild on which nobody else works; what stands in the way ends it with a sentence."""
    if name not in BY_NAME:
        raise typer.BadParameter(f"There is no projection {name}: {', '.join(BY_NAME)}.")
    with database_of(context) as url, open_rebuild(url, BY_NAME[name]) as work:
        try:
            with work.alone() as is_alone:
                if not is_alone:
                    raise fail(f"Another process works on the rebuild of {name}.", SAID_NO)
                yield work, url
        except RebuildRefused as refused:
            raise fail(str(refused), SAID_NO) from None
        except (ShareDied, TakenOver):
            raise fail(
                "A process of this rebuild was ended. The same command goes on from there.", SAID_NO
            ) from None


def _require_built(work: Rebuild, name: str) -> None:
    state = work.state
    if state is None or state.state != "built" or not state.is_of_this_program:
        raise fail(
            f"No rebuild of {name} is ready: `ofrecord rebuild start {name}` makes one.", SAID_NO
        )


def _build(work: Rebuild, url: str, name: str, told: Told) -> int:
    """Fill and complete the tables, unless that is done; returns how many events were folded."""
    state = work.begin(SHARES)
    if state.state == "built":
        return 0
    done_before, began = state.events, time.monotonic()
    events = {share.number: share.events for share in state.shares}
    shares = len(state.shares)
    if state.head < SHARED_FROM_EVENTS:
        said: Iterator[RebuildShare] = (
            each for number in range(shares) for each in _fill(number, url, name)
        )
    else:
        said = in_shares(_fill, shares, url, name)
    for share in said:
        events[share.number] = share.events
        now = sum(events.values()) - done_before
        told.progress(progress(now, state.head - done_before, began), now)
    told.line("Making keys and indexes …")
    work.complete()
    return sum(events.values()) - done_before


def _fill(number: int, url: str, name: str) -> Iterator[RebuildShare]:
    """In a process of its own, perhaps."""
    with open_rebuild(url, BY_NAME[name]) as work:
        yield from work.fill(number)


# ── What is told ───────────────────────────────────────────────────────────────────────────────


def _rebuilt(
    name: str, position: int, events: int, seconds: float, compared: Comparison, is_switched: bool
) -> Rebuilt:
    return Rebuilt(
        name, position, events, seconds, is_switched, compared.not_comparable,
        compared.differences, compared.is_cut,
    )  # fmt: skip


def _tell_rebuilt(rebuilt: Rebuilt, as_json: bool) -> None:
    if as_json:
        show(rebuilt, as_json)
    else:
        for difference in rebuilt.differences:
            typer.echo(_sentence(difference))
        if rebuilt.is_cut:
            typer.echo("… and more.")
        if rebuilt.not_comparable:
            typer.echo(f"Not comparable: {', '.join(rebuilt.not_comparable)}.")
        found = counted(len(rebuilt.differences), "difference") if rebuilt.differences else "equal"
        what = "switched" if rebuilt.is_switched else "beside the old tables"
        typer.echo(
            f"{rebuilt.projection} at position {rebuilt.position:,}, {what}: {found} "
            f"({counted(rebuilt.events, 'event')}, {rebuilt.seconds:,.1f} s)."
        )
    if rebuilt.differences:
        raise typer.Exit(SAID_NO)


def _sentence(difference: RowDifference) -> str:
    key = " ".join(f"{column}={value}" for column, value in difference.key.items())
    said = {
        "only_old": "only the old tables have it",
        "only_new": "only the new tables have it",
        "differs": f"differs in {', '.join(difference.columns)}",
    }[difference.kind]
    return f"{difference.table}, {difference.client_id}: the row {key}: {said}."
