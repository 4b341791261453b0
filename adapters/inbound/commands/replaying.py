"""The command that applies any part of the history again: to the screen, a file, or a scratch."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import TextIOWrapper
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Annotated, TextIO

import msgspec
import typer

from adapters.bootstrap import open_scratch
from adapters.inbound.commands.opening import (
    NOT_UNDERSTOOD,
    SAID_NO,
    fail,
    reading,
    told_to_end,
)
from adapters.inbound.commands.recording import shows
from adapters.inbound.commands.sending import Told
from adapters.inbound.commands.verifying import BY_NAME, database_of, progress
from adapters.inbound.histories import history_event
from adapters.inbound.replay_words import step_lines, told
from adapters.outbound.files import open_private
from adapters.outbound.reading import NotFound
from adapters.outbound.scratch_projections import ScratchRefused, drop_scratch, require_free
from adapters.services import Services
from domain.catalog import COMMANDS
from domain.dates import carrier_date
from processors.rebuild import Beside
from processors.replay import Part, part_of, rows_of_part, steps
from processors.replay_ports import Share, WholeLog
from processors.stream_chunks import stream_chunks
from projections.catalog import PROJECTIONS
from projections.kernel import Changes
from schemas.envelope import Recorded

_BOOK_AT_ONCE = 500
_INSTANT = "INSTANT"

Clients = Annotated[
    list[str] | None,
    typer.Option("--client", help="Of this client or payee's stream; again for more."),
]
Producer = Annotated[str | None, typer.Option(help="Of the clients in this book today.")]
Types = Annotated[
    list[str] | None, typer.Option(help="Of such transactions: change_address; again for more.")
]
Since = Annotated[str | None, typer.Option(metavar=_INSTANT, help="Recorded then or later.")]
Until = Annotated[str | None, typer.Option(metavar=_INSTANT, help="Recorded before then.")]
From = Annotated[int, typer.Option("--from", min=1, help="From this position of the log.")]
To = Annotated[int | None, typer.Option("--to", min=1, help="Up to this position, and with it.")]
Speed = Annotated[
    float | None, typer.Option(min=0.1, help="Events a second; as fast as it goes if left out.")
]
Jsonl = Annotated[
    str | None, typer.Option(metavar="FILE", help="Write JSON lines to a file; - is stdout.")
]
Into = Annotated[
    str | None, typer.Option(metavar="NAME", help="Into a scratch projection of this name.")
]
OfProjection = Annotated[str, typer.Option(help="Whose rows a scratch projection, or a step, has.")]
Stepwise = Annotated[
    bool, typer.Option("--step", help="Of one client: each transaction, and what it changed.")
]
Drop = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only drop this scratch projection.")
]


def replay(
    context: typer.Context,
    clients: Clients = None,
    producer: Producer = None,
    type: Types = None,
    since: Since = None,
    until: Until = None,
    from_position: From = 1,
    to_position: To = None,
    speed: Speed = None,
    jsonl: Jsonl = None,
    into: Into = None,
    projection: OfProjection = "book_of_business",
    step: Stepwise = False,
    drop: Drop = None,
) -> None:
    """Apply any part of the history again: to the screen, as JSON lines, or to scratch tables.

    \b
    ofrecord replay --client harbor-bakery --step
    ofrecord replay --producer P-100 --type change_address --speed 10
    ofrecord replay --since 2026-03-01T00:00:00Z --until 2026-04-01T00:00:00Z --jsonl march.jsonl
    ofrecord replay --to 5000 --into book_then          (tables in a schema of that name)
    ofrecord replay --drop book_then

    Nothing that the system shows is changed. Ctrl-C ends it.

    Exit code: 0 all went well, 1 there is no such client, or the name is taken, 2 not understood,
    3 the database was away.
    """
    _require_sense(jsonl, into, step, drop, projection, type or ())
    if drop is not None:
        _drop(context, drop)
        return
    part = Part(
        streams=clients or None, types=type or None, after=from_position - 1, up_to=to_position,
        since=_instant(since), until=_instant(until),
    )  # fmt: skip
    pace = _Pace(speed)
    if into is not None:
        _into(context, into, projection, producer, part, pace)
        return
    with reading(context) as services, told_to_end() as stop:
        part = _whose(services, part, producer)
        if step:
            _step(context, services, part, pace, stop.is_set)
        else:
            _pass_on(context, services, part, pace, jsonl, stop.is_set)


def _require_sense(
    jsonl: str | None,
    into: str | None,
    step: bool,
    drop: str | None,
    projection: str,
    types: Sequence[str],
) -> None:
    """Raise ``typer.BadParameter`` for what makes no sense together, or is not there."""
    if sum((jsonl is not None, into is not None, step, drop is not None)) > 1:
        raise typer.BadParameter("Choose one of --jsonl, --into, --step and --drop.")
    if projection not in BY_NAME:
        raise typer.BadParameter(f"There is no projection {projection}: {', '.join(BY_NAME)}.")
    if unknown := [each for each in types if each not in COMMANDS]:
        raise typer.BadParameter(f"There is no transaction {unknown[0]}.")


@dataclass(slots=True)
class _Pace:
    """Lets so many events pass a second."""

    speed: float | None
    began: float = 0.0
    passed: int = 0

    def wait(self, events: int) -> None:
        """Wait until these may pass."""
        self.began = self.began or time.monotonic()
        self.passed += events
        if self.speed:
            time.sleep(max(0.0, self.began + self.passed / self.speed - time.monotonic()))


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise typer.BadParameter(f"{text} is not an instant such as 2026-03-05T12:00:00Z.")
    return instant.astimezone(UTC)


def _whose(services: Services, part: Part, producer: str | None) -> Part:
    """The part with its clients: those asked for, who must be there, or those of a book."""
    if part.streams is not None and producer is not None:
        raise typer.BadParameter("Choose --client or --producer.")
    for stream_id in part.streams or ():
        if not services.log.history(stream_id, 0, 1):
            raise NotFound
    if producer is None:
        return part
    today, found, cursor = carrier_date(services.clock.now()), list[str](), None
    while True:
        page = services.reads.book(producer, today, cursor=cursor, limit=_BOOK_AT_ONCE)
        found += [line.client_id for line in page.items]
        if (cursor := page.next) is None:
            return msgspec.structs.replace(part, streams=frozenset(found))


# ── To the screen, or as JSON lines ────────────────────────────────────────────────────────────


def _pass_on(
    context: typer.Context,
    services: Services,
    part: Part,
    pace: _Pace,
    jsonl: str | None,
    is_to_end: Callable[[], bool],
) -> None:
    shown, count = set[str](), 0
    head, began = services.log.head(), time.monotonic()
    with _opened(jsonl) as file, Told() as progress_line:
        for looked in part_of(services.log, part):
            for _, of_transaction in groupby(looked.events, attrgetter("cause.transaction_id")):
                events = list(of_transaction)
                if is_to_end():
                    break
                pace.wait(len(events))
                shown.add(events[0].client_id)
                count += len(events)
                for line in _json_lines(events) if jsonl is not None else [told(events)]:
                    file.write(line + "\n")
            if is_to_end():
                break
            if jsonl not in (None, "-"):
                done, of = looked.position - part.after, (part.up_to or head) - part.after
                progress_line.progress(progress(done, of, began), done)
    shows(context, shown)
    typer.echo(f"{count:,} events of {len(shown):,} clients and payees.", err=True)


@contextmanager
def _opened(jsonl: str | None) -> Iterator[TextIO]:
    if jsonl in (None, "-"):
        yield sys.stdout
        return
    try:
        with open_private(Path(str(jsonl)), "xb") as opened, TextIOWrapper(opened, "utf-8") as file:
            yield file
    except FileExistsError:
        raise fail(f"{jsonl} is there already: name another file.", NOT_UNDERSTOOD) from None
    except OSError as error:
        raise fail(f"{jsonl} cannot be written: {error.strerror}.", NOT_UNDERSTOOD) from None


def _json_lines(events: Iterable[Recorded]) -> Iterator[str]:
    for recorded in events:
        event = {"client_id": recorded.client_id, **msgspec.structs.asdict(history_event(recorded))}
        yield msgspec.json.encode(event).decode()


def _step(
    context: typer.Context,
    services: Services,
    part: Part,
    pace: _Pace,
    is_to_end: Callable[[], bool],
) -> None:
    """Each transaction of one client with what it changed; what comes before is only folded."""
    if part.streams is None or len(part.streams) != 1:
        raise typer.BadParameter("A replay step by step is of one client: --client says which.")
    stream_id = next(iter(part.streams))
    shows(context, [stream_id])
    whole = Part(streams=part.streams, up_to=part.up_to)
    history = (each for looked in part_of(services.log, whole) for each in looked.events)
    for step in steps(PROJECTIONS, stream_id, history):
        wanted = [each for each in step.events if each.position > part.after and part.has(each)]
        if is_to_end():
            return
        if wanted:
            pace.wait(len(step.events))
            for line in step_lines(step):
                typer.echo(line)


# ── Into scratch tables ────────────────────────────────────────────────────────────────────────


def _into(
    context: typer.Context,
    name: str,
    projection: str,
    producer: str | None,
    part: Part,
    pace: _Pace,
) -> None:
    if producer is not None:
        with reading(context) as services:
            part = _whose(services, part, producer)
    scratch = Beside(BY_NAME[projection], name)
    with database_of(context) as url, open_scratch(url) as (log, rows), told_to_end() as stop:
        with _refused_plainly():
            require_free(url, name)
        head = min(part.up_to or log.head(), log.head())
        stands, began, events, done = rows.prepare(scratch), time.monotonic(), 0, 0
        with Told() as line:
            for sizes in _chunks(log, part):
                if stop.is_set():
                    break
                changes = Changes({})
                up_to = dict.fromkeys(sizes, head)
                for stream_id, history in groupby(log.histories(up_to), attrgetter("client_id")):
                    count, touched = rows_of_part(scratch, stream_id, history, part)
                    changes.scopes.update(touched.scopes)
                    events += count
                    pace.wait(count)
                written = rows.write(scratch, changes, stands, stands)
                assert written is not None, "nobody else writes it"
                stands = written
                done += sum(sizes.values())
                line.progress(progress(done, head, began), done)
    typer.echo(f"{events:,} events are in the tables of the schema {name}.")


def _chunks(log: WholeLog, part: Part) -> Iterator[dict[str, int]]:
    """Streams to fold, with how many events they have."""
    if part.streams is not None:
        yield dict.fromkeys(sorted(part.streams), 0)
        return
    for chunk in stream_chunks(log, Share()):
        yield dict(chunk)


def _drop(context: typer.Context, name: str) -> None:
    with database_of(context) as url, _refused_plainly():
        drop_scratch(url, name)
    typer.echo(f"The scratch projection {name} is dropped.")


@contextmanager
def _refused_plainly() -> Iterator[None]:
    try:
        yield
    except ScratchRefused as refused:
        raise fail(str(refused), SAID_NO) from None
