"""Everything in one process: PostgreSQL, the command processor, the projectors, the HTTP API.

Ends on Ctrl-C or SIGTERM: requests at hand are answered, batches at hand are written, PostgreSQL
is stopped. Ended by ``kill -9`` it loses nothing that was acknowledged: the next start takes over
the PostgreSQL that went on, or starts it again and lets it recover.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import structlog
import typer
import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from adapters.bootstrap import (
    Application,
    Database,
    open_application,
    open_database,
    open_proving,
)
from adapters.inbound.demonstration import (
    DemonstrationKey,
    demonstration_keys,
    load_demonstration,
)
from adapters.inbound.http_api import create_app
from adapters.inbound.verified import verified
from adapters.inbound.watching import health_of, watched
from adapters.outbound.embedded_postgres import (
    EmbeddedPostgres,
    EmbeddedPostgresFailed,
    make_data_folder,
)
from adapters.outbound.logs import configure_logs
from adapters.outbound.metrics import watch_prover
from adapters.runtime import tune_interpreter
from adapters.settings import Settings
from processors.proof_ports import KeysUnusable
from processors.tallies import Pulse

_WATCH_SECONDS = 0.5
_LAST_REQUESTS_SECONDS = 5

_log = structlog.get_logger(__name__)


class CannotServe(Exception):
    """Something is in the way; the message says what, and what to do."""


def serve(settings: Settings) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Raises ``CannotServe``, and what ``open_database`` and ``open_application`` raise.
    """
    configure_logs(settings.log_format, settings.log_level)
    tune_interpreter()
    signal.signal(signal.SIGTERM, _end)
    try:
        with _only_one(settings), _listening(settings) as listener:
            url = f"http://{settings.host}:{listener.getsockname()[1]}"
            typer.echo("Starting …")
            with (
                open_database(settings) as database,
                _kept_running(database.embedded),
                open_application(
                    database.url, projects_here=settings.transport == "embedded"
                ) as application,
            ):
                _serve(settings, application, database, listener, url)
    except KeyboardInterrupt:
        pass
    typer.echo("Everything has ended.")


def _end(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _uvicorn_config(api: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        api,
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_LAST_REQUESTS_SECONDS,
    )


def _serve(
    settings: Settings,
    application: Application,
    database: Database,
    listener: socket.socket,
    url: str,
) -> None:
    application.projectors.start()
    keys = []
    if database.embedded is not None:
        configure_logs(settings.log_format, "warning")  # what is long past is no news
        if load_demonstration(
            application.services,
            settings.data_folder,
            settings.demonstration_clients,
            projects_here=application.projectors.projects_here,
        ):
            typer.echo("Loaded Harbor Bakery and a made-up book.")
        configure_logs(settings.log_format, settings.log_level)
        keys = demonstration_keys(application.services.keys, settings.data_folder / "keys.json")
    typer.echo(_welcome(url, keys, settings))
    api = create_app(application.services)
    server = _Server(_uvicorn_config(api))
    health = health_of(application.services, server.pulse)
    with (
        _proved(settings, database.url, api.state.registry),
        verified(settings, database.url, api.state.registry),
        watched(settings, api.state.registry, health),
    ):
        server.run(sockets=[listener])


@contextmanager
def _proved(settings: Settings, database_url: str, registry: CollectorRegistry) -> Iterator[None]:
    """Proves the log meanwhile, in a thread, unless another process is to."""
    if not settings.proves_when_serving:
        yield
        return
    stop = threading.Event()
    with ExitStack() as stack:
        try:
            proving = stack.enter_context(open_proving(settings, database_url))
        except KeysUnusable as error:
            raise CannotServe(str(error)) from None
        watch_prover(registry, lambda: proving.prover.refuses)
        prover = threading.Thread(
            target=proving.prover.run, args=(stop,), name="prover", daemon=True
        )
        prover.start()
        try:
            yield
        finally:
            stop.set()
            prover.join()


class _Server(uvicorn.Server):
    """A server that says whether it goes on."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.pulse = Pulse()

    async def on_tick(self, counter: int) -> bool:
        """Called by the library ten times a second."""
        self.pulse.worked()
        return await super().on_tick(counter)


@contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    """One server for a data folder; the lock goes with the process, however that ends."""
    if settings.database_url is not None:
        yield
        return
    folder = settings.data_folder.resolve()
    make_data_folder(folder)
    with (folder / "serve.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotServe(
                f"The data folder {folder} is served already, by process {lock.read().strip()}. "
                "Stop that one first, or choose another folder with --data-folder."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """The socket of the API, taken before anything is started."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
            listener.listen()
        except OSError as error:
            raise CannotServe(
                f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}. "
                "Stop what uses it, or choose another port with --port (0: any free one)."
            ) from None
        yield listener


@contextmanager
def _kept_running(embedded: EmbeddedPostgres | None) -> Iterator[None]:
    """Starts our own PostgreSQL again if it dies."""
    if embedded is None:
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_WATCH_SECONDS):
            try:
                embedded.ensure_running()
            except EmbeddedPostgresFailed:
                _log.exception("postgres_not_started")

    watcher = threading.Thread(target=watch, name="postgres-watcher", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


# ── What people see ────────────────────────────────────────────────────────────────────────────


def _welcome(url: str, keys: list[DemonstrationKey], settings: Settings) -> str:
    lines = ["", f"Of Record serves {url} — its API is described at {url}/docs"]
    if keys:
        lines += ["", f"Keys to try it with, kept in {settings.data_folder / 'keys.json'}:"]
        lines += [_told(key) for key in keys]
        portal = next(key.token for key in keys if key.role == "portal")
        operations = next(key.token for key in keys if key.role == "operations")
        lines += ["", *_to_try(url, portal, operations, settings.data_folder)]
    else:
        lines += ["", "Make a key with: ofrecord key create portal my-portal --producer P-100"]
    return "\n".join([*lines, "", "Ctrl-C ends everything.", ""])


def _told(key: DemonstrationKey) -> str:
    speaks_for = f"  (speaks for producer {key.producer_id})" if key.producer_id else ""
    return f"  {key.role:<10}  {key.token}{speaks_for}"


def _to_try(url: str, portal: str, operations: str, folder: Path) -> list[str]:
    where = "" if folder == Path("data") else f" --data-folder {folder}"
    return [
        "To try:",
        f"  PORTAL={portal}",
        f'  curl -s {url}/v1/clients/harbor-bakery -H "Authorization: Bearer $PORTAL"',
        f"  curl -s {url}/v1/clients/harbor-bakery/transactions \\",
        '       -H "Authorization: Bearer $PORTAL" -H "Idempotency-Key: my-first" \\',
        '       -H "Content-Type: application/json" \\',
        """       -d '{"type": "order_id_card", "member_id": "20260100001", "reason": "lost"}\'""",
        f'  curl -s {url}/v1/lag -H "Authorization: Bearer {operations}"',
        f"  .venv/bin/ofrecord{where} history harbor-bakery",
    ]
