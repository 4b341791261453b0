"""Commands that run the carrier's month: billing, commission, and the list of runs."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from types import FrameType
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from adapters.bootstrap import Application
from adapters.inbound.commands.opening import (
    NOT_UNDERSTOOD,
    SAID_NO,
    AsJson,
    catch_up,
    fail,
    looking,
    opened,
)
from adapters.inbound.commands.printing import show, table
from adapters.inbound.commands.reading import Cursor, Limit
from adapters.inbound.commands.sending import Told
from adapters.inbound.http_runs import runs_page
from adapters.inbound.run_views import (
    BillingPreview,
    RunView,
    is_clean,
    read_month,
    run_view,
)
from adapters.outbound.api_keys import COMMAND_LINE_SENDER
from domain.types import ClientId
from processors.run_service import Runs
from processors.runs import Run, RunInProgress, RunKind, RunNotPossible, RunRequest, Tally

_LOOK_SECONDS = 0.2
_client_id = TypeAdapter[str](ClientId)

MonthArgument = Annotated[str, typer.Argument(metavar="MONTH", help="Such as 2026-04.")]
RunOn = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="The run's date; today if left out."),
]


def billing_run(
    context: typer.Context,
    month: MonthArgument,
    run_on: RunOn = None,
    client: Annotated[
        list[str] | None, typer.Option(help="Only this client; may be given several times.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would do.")] = False,
    as_json: AsJson = False,
) -> None:
    """Produce a month's invoice for every client whose turn it is, or for some.

    \b
    ofrecord billing-run 2026-04 --run-on 2026-03-15
    ofrecord billing-run 2026-04 --dry-run
    ofrecord billing-run 2026-04 --client harbor-bakery --json

    Nobody is invoiced twice: after Ctrl-C, or whatever else broke it off, the same command goes
    on. Clients who miss an earlier month's invoice are behind: run that month first.

    Exit code: 0 all invoiced, 1 some refused, failed or behind, or it was broken off, 2 not
    understood, 3 the database was away.
    """
    request = RunRequest(
        kind="billing",
        month=_month(month),
        started_by=COMMAND_LINE_SENDER,
        run_on=run_on.date() if run_on else None,
        clients=_clients(client),
    )
    with opened(context) as application:
        catch_up(application)
        if dry_run:
            _preview(application, request, as_json)
        else:
            _do(application, request, as_json)


def commission_run(
    context: typer.Context, month: MonthArgument, run_on: RunOn = None, as_json: AsJson = False
) -> None:
    """Settle what was posted before a month, and produce every payee's statement of it.

    \b
    ofrecord commission-run 2026-05

    Nothing is paid twice: after Ctrl-C, or whatever else broke it off, the same command goes on.

    Exit code: 0 all done, 1 some refused or failed, or it was broken off, 2 not understood, 3 the
    database was away.
    """
    request = RunRequest(
        kind="commission",
        month=_month(month),
        started_by=COMMAND_LINE_SENDER,
        run_on=run_on.date() if run_on else None,
    )
    with opened(context) as application:
        catch_up(application)
        _do(application, request, as_json)


def runs(
    context: typer.Context,
    kind: Annotated[RunKind | None, typer.Option(help="Only these.")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List billing and commission runs, newest first.

    \b
    ofrecord runs
    ofrecord runs --kind billing --json
    """
    with looking(context) as application:
        page = runs_page(application.services, kind, cursor, limit)
    if as_json:
        show(page, as_json)
        return
    for run in page.items:
        typer.echo(_line(run))
    if page.next:
        typer.echo(f"next  {page.next}")


# ── What is asked ──────────────────────────────────────────────────────────────────────────────


def _month(text: str) -> date:
    try:
        return read_month(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from None


def _clients(clients: list[str] | None) -> tuple[str, ...] | None:
    try:
        return tuple(sorted({_client_id.validate_python(each) for each in clients or ()})) or None
    except ValidationError:
        raise typer.BadParameter("A client id is 1–40 letters, digits, “.”, “-”, “_”.") from None


# ── A run in this process ──────────────────────────────────────────────────────────────────────


def _do(application: Application, request: RunRequest, as_json: bool) -> None:
    services = application.services
    try:
        run = services.runs.begin(request).run
    except RunNotPossible as impossible:
        raise fail(impossible.sentence, NOT_UNDERSTOOD) from None
    except RunInProgress as other:
        raise fail(
            f"Run {other.run.run_id} of this kind and month is in progress. "
            "If its process has died, the same command goes on in a few seconds.",
            SAID_NO,
        ) from None
    with Told() as told:
        if run.attempt > 1:
            told.line(f"Going on with run {run.run_id}, which was broken off.")
        _watch(services.runs, run, told)
    found = services.runs.find(run.run_id)
    assert found is not None, "it was begun"
    view = run_view(found)
    _tell(view, as_json)
    if not is_clean(view):
        raise typer.Exit(SAID_NO)


def _watch(runs: Runs, run: Run, told: Told) -> None:
    """Wait for the end; Ctrl-C or SIGTERM stops the run and waits for what is on its way."""
    with _terminated_as_interrupted():
        while True:
            try:
                while not runs.wait(run.run_id, _LOOK_SECONDS):
                    tally = runs.tally(run.run_id) or Tally()
                    of = "" if tally.total is None else f" of {tally.total:,}"
                    told.progress(f"{tally.done:,}{of} done", tally.done)
                return
            except KeyboardInterrupt:
                told.line("Stopping: what is on its way is still answered …")
                runs.stop(run.run_id)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM as if it were Ctrl-C."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


# ── What is told ───────────────────────────────────────────────────────────────────────────────


def _tell(view: RunView, as_json: bool) -> None:
    if as_json:
        show(view, as_json)
        return
    typer.echo(_line(view))
    for code, count in sorted(view.refused_by_code.items()):
        typer.echo(f"  refused, {code}: {count:,}")
    _list("refused or failed, the first", view.first_refused)
    _list("behind, the first, with the month to run before", view.behind)
    if view.state in ("interrupted", "failed"):
        typer.echo("The same command goes on from here; nothing is done twice.")


def _line(view: RunView) -> str:
    """A run in one line: zeros are left out."""
    counts = ", ".join(f"{count:,} {name}" for name, count in view.counts.items() if count)
    of = "" if view.total is None else f" of {view.total:,}"
    reason = f" ({view.reason})" if view.reason else ""
    return (
        f"{view.kind} {view.month:%Y-%m}  {view.run_id}  {view.state}{reason}  "
        f"{view.done:,}{of} done in {view.seconds:,.1f} s: {counts or 'nothing to do'}"
    )


def _list(title: str, rows: Sequence[object]) -> None:
    if rows:
        typer.echo(title)
        for line in table(rows, "  "):
            typer.echo(line)


def _preview(application: Application, request: RunRequest, as_json: bool) -> None:
    plan = application.services.billing.plan(request.month, request.clients)
    preview = BillingPreview(
        month=request.month, counts=plan.counts, behind=plan.behind, unknown=plan.unknown
    )
    show(preview, as_json)
