"""The command that exports the log, or a part of it, as an archive to be verified offline."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from adapters.bootstrap import signing_keys
from adapters.inbound.commands.opening import (
    NOT_UNDERSTOOD,
    SAID_NO,
    AsJson,
    fail,
    looking,
    settings_of,
    told_to_end,
)
from adapters.inbound.commands.printing import show
from adapters.inbound.commands.recording import recorded, shows
from adapters.inbound.commands.sending import Told
from adapters.outbound.files import open_private
from adapters.services import Services
from adapters.settings import Settings
from processors.archive_format import Manifest, Scope
from processors.archiving import Archiver, LogMoment, NothingToArchive
from processors.merkle import TreeDamaged
from processors.proof_ports import KeysUnusable

_CHECKPOINT_SECONDS = 5.0
"""So long the export waits until everything is proven; a prover needs one."""
_LOOK_SECONDS = 0.1


def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="The archive to write.")],
    client: Annotated[str | None, typer.Option(help="Only this client's history.")] = None,
    producer: Annotated[
        str | None, typer.Option(help="Only histories of clients it ever was agent of record of.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only what was recorded from then on: 2026-03-04T15:00:00Z.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="… and before then.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Export the log, or a part of it, as an archive that an auditor can verify offline.

    \b
    ofrecord export log.zip
    ofrecord export harbor-bakery.zip --client harbor-bakery
    ofrecord export p100.zip --producer P-100
    ofrecord export march.zip --since 2026-03-01T00:00:00Z --until 2026-04-01T00:00:00Z
    python ofrecord_verify.py log.zip --key KEY      (as `ofrecord proof-key list` shows it)

    The archive holds personal data. With --producer also the statements go along that the producer
    is paid by directly. Exit code: 0 it is written, 1 there is nothing to export.
    """
    asked = _scope(client, producer, since, until)
    if file.exists() and not file.is_file():
        raise fail(f"{file} is not a file.", NOT_UNDERSTOOD)
    if file.exists() and not force:
        raise fail(f"{file} is there already: --force writes over it.", NOT_UNDERSTOOD)
    with looking(context) as application, recorded(context, application.services):
        manifest = _write(context, application.services, asked, file)
    if manifest.unproven_events:
        typer.echo(
            f"Of these events {manifest.unproven_events:,} are in no checkpoint: no prover runs, or"
            " it refuses. `ofrecord prove --once` signs one, or says why not. The archive says so.",
            err=True,
        )
    if as_json:
        show(manifest, as_json)
    else:
        typer.echo(f"{file}: {manifest.events:,} events, {manifest.receipts:,} receipts.")


def _write(context: typer.Context, services: Services, asked: Scope, file: Path) -> Manifest:
    settings = settings_of(context)
    with told_to_end() as stop, _proven_moment(services, stop) as (log, head):
        scope = _with_streams(asked, log)
        shows(context, scope.streams)
        about = Manifest(
            made_at=services.clock.now(),
            program=version("ofrecord"),
            origin=settings.proof_origin,
            scope=scope,
        )
        with _new_file(file) as opened, Told() as told:
            archiver = Archiver(log, about, _Progress(told, stop).tell)
            try:
                return archiver.write(opened, _keys(settings), head)
            except NothingToArchive:
                raise fail("There is nothing to export.", SAID_NO) from None
            except TreeDamaged as error:
                raise fail(
                    f"The stored tree is damaged or was altered: {error}. It proves no part of"
                    " the log; an archive of the whole log shows whether events were altered.",
                    SAID_NO,
                ) from None


def _scope(client: str | None, producer: str | None, since: str | None, until: str | None) -> Scope:
    if sum([client is not None, producer is not None, (since or until) is not None]) > 1:
        raise fail("Name one client, or one producer, or a time.", NOT_UNDERSTOOD)
    if client is not None:
        return Scope(kind="client", client_id=client, streams=(client,))
    if producer is not None:
        return Scope(kind="producer", producer_id=producer)
    if since or until:
        return Scope(kind="period", since=_instant(since), until=_instant(until))
    return Scope(kind="all")


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise fail(f"{text} is no instant such as 2026-03-04T15:00:00Z.", NOT_UNDERSTOOD)
    return instant.astimezone(UTC)


def _with_streams(scope: Scope, log: LogMoment) -> Scope:
    if scope.producer_id is None:
        return scope
    streams = tuple(log.streams_of_producer(scope.producer_id))
    return Scope(kind="producer", producer_id=scope.producer_id, streams=streams)


@contextmanager
def _proven_moment(services: Services, stop: threading.Event) -> Iterator[tuple[LogMoment, int]]:
    """The log at a moment at which all that is in it now is proven; or, after a while, as it is.

    With its head as it was first.
    """
    head: int | None = None
    patience = time.monotonic() + _CHECKPOINT_SECONDS
    while True:
        with services.moment() as log:
            head = log.head() if head is None else head
            newest = log.proofs.newest()
            proven = newest is not None and newest.size >= head
            if proven or time.monotonic() > patience or stop.is_set():
                yield log, head
                return
        stop.wait(_LOOK_SECONDS)


def _keys(settings: Settings) -> list[str]:
    """The log's keys, where they are on this machine."""
    try:
        return [key.text() for key in signing_keys(settings).verifiers()]
    except KeysUnusable:
        return []


@contextmanager
def _new_file(file: Path) -> Iterator[BinaryIO]:
    """A file that has its name only when it is complete; however the work ends."""
    unfinished = file.with_name(f".{file.name}.unfinished")
    try:
        with open_private(unfinished, "wb") as opened:
            yield opened
        unfinished.replace(file)
    except OSError as error:
        raise fail(f"{file} cannot be written: {error.strerror}.", NOT_UNDERSTOOD) from None
    finally:
        unfinished.unlink(missing_ok=True)


class _Progress:
    """Tells how far the export is, and how long it will take; ends it when it is told to."""

    def __init__(self, told: Told, stop: threading.Event) -> None:
        self._told = told
        self._stop = stop
        self._began = time.monotonic()

    def tell(self, done: int, total: int) -> None:
        """So many events are written, of so many."""
        if self._stop.is_set():
            raise fail("Ended before it was complete: nothing was written.", SAID_NO)
        left = (time.monotonic() - self._began) / done * (total - done)
        self._told.progress(f"{done:,} of {total:,} events, {left:.0f} s left", done)
