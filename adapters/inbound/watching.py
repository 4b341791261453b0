"""How a process tells what it does and how it is: ``/metrics``, ``/livez`` and ``/readyz``.

On a port of its own, where no key is asked for: whoever may reach the port may read it, and there
is nothing of anybody in it. The API gives the same metrics at ``GET /metrics``, to keys of staff.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import structlog
import typer
from prometheus_client import CollectorRegistry

from adapters.bootstrap import Proving, open_measuring, open_topics
from adapters.inbound.commands.opening import SAID_NO, fail
from adapters.inbound.problems import MEDIA_TYPE, Problem
from adapters.inbound.progress import progress_of, standing_of
from adapters.outbound.metrics import (
    exposed,
    new_registry,
    watch_accesses,
    watch_batches,
    watch_commands,
    watch_dead_letters,
    watch_foreign,
    watch_overdue,
    watch_proven,
    watch_prover,
    watch_relay,
)
from adapters.outbound.topics import EVENTS
from adapters.services import Services
from adapters.settings import Settings
from processors.applying import kind_of
from processors.proving import measure_proven
from processors.relay import Relay, TopicUnavailable
from processors.tallies import Pulse

if TYPE_CHECKING:
    from processors.faust_workers import Worker

_SILENT_SECONDS_MAX = 60.0
"""A loop that did not go on for so long never will: starting the process again may help."""
_IDLE_SECONDS_MAX = 15.0
"""A loop that could not work for so long is not ready."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Health:
    """What tells whether a process goes on, and whether it can do its work."""

    pulse: Pulse
    reach_database: Callable[[], object]
    """Raises whatever it likes if the database does not answer."""
    has_all_threads: Callable[[], bool] = lambda: True
    reach_kafka: Callable[[], object] = lambda: None
    """As ``reach_database``, for a process whose work comes from there: it may look idle when Kafka
    is away."""

    def unwell(self) -> str | None:
        """Why the process should be started again; None if it should not."""
        if not self.has_all_threads():
            return "A thread has died."
        if not self.pulse.goes_on(_SILENT_SECONDS_MAX):
            return f"Nothing went on for {_SILENT_SECONDS_MAX:.0f} seconds."
        return None

    def unready(self) -> str | None:
        """Why the process cannot do its work now; None if it can."""
        try:
            self.reach_database()
        except Exception as error:  # noqa: BLE001  # whatever it is, the database does not answer
            return f"The database does not answer ({kind_of(error)})."
        try:
            self.reach_kafka()
        except TopicUnavailable as error:
            return f"Kafka does not answer ({error})."
        if not self.pulse.works(_IDLE_SECONDS_MAX):
            return f"Nothing could be done for {_IDLE_SECONDS_MAX:.0f} seconds."
        return self.unwell()


def registry_of(services: Services) -> CollectorRegistry:
    """The metrics of a process that has all services."""
    registry = new_registry(lambda: standing_of(services))
    watch_commands(registry, services.commands.tally)
    watch_batches(registry, services.batches)
    watch_accesses(registry, services.accesses)
    watch_proven(registry, lambda: measure_proven(services.log, services.proofs, services.clock))
    watch_overdue(registry, lambda: services.transactions.overdue_count(progress_of(services)))
    return registry


def health_of(services: Services, pulse: Pulse) -> Health:
    """The health of a process that has all services."""
    return Health(
        pulse,
        services.reads.ready,
        lambda: services.commands.is_running and services.accesses.is_running,
    )


@contextmanager
def watched_intake(
    settings: Settings, services: Services, pulse: Pulse, dead_letters: Mapping[str, int]
) -> Iterator[None]:
    """Tell of an intake, if there is a port for it; with its dead letters by reason."""
    registry = registry_of(services)
    watch_dead_letters(registry, dead_letters)
    health = replace(health_of(services, pulse), reach_kafka=_reach_kafka(settings))
    with watched(settings, registry, health):
        yield


@contextmanager
def watched_relay(settings: Settings, database_url: str, relay: Relay) -> Iterator[None]:
    """Tell of a relay, if there is a port for it."""
    if settings.metrics_port is None:
        yield
        return
    with open_measuring(database_url) as standing:
        registry = new_registry(standing)
        watch_relay(registry, lambda: relay.leads)
        with watched(settings, registry, Health(relay.pulse, standing)):
            yield


@contextmanager
def watched_prover(settings: Settings, database_url: str, proving: Proving) -> Iterator[None]:
    """Tell of a prover, if there is a port for it."""
    if settings.metrics_port is None:
        yield
        return
    with open_measuring(database_url) as standing:
        registry = new_registry(standing)
        watch_proven(registry, lambda: measure_proven(proving.log, proving.store, proving.clock))
        watch_prover(registry, lambda: proving.prover.refuses)
        with watched(settings, registry, Health(proving.prover.pulse, standing)):
            yield


@contextmanager
def watched_worker(
    settings: Settings, database_url: str, projection: str, worker: Worker
) -> Iterator[None]:
    """Tell of a projection's worker, if there is a port for it."""
    if settings.metrics_port is None:
        yield
        return
    with open_measuring(database_url) as standing:
        registry = new_registry(standing)
        watch_batches(registry, {projection: worker.projector.batches})
        watch_foreign(registry, lambda: worker.projector.foreign_records)
        health = Health(worker.pulse, standing, reach_kafka=_reach_kafka(settings))
        with watched(settings, registry, health):
            yield


def _reach_kafka(settings: Settings) -> Callable[[], None]:
    """Asks the broker something; raises ``TopicUnavailable`` where it does not answer."""

    def reach() -> None:
        with open_topics(settings) as topics:
            topics.look(EVENTS)

    return reach


@contextmanager
def watched(settings: Settings, registry: CollectorRegistry, health: Health) -> Iterator[None]:
    """Answer on the metrics' port, if there is one. What is in the way is said in a sentence."""
    if settings.metrics_port is None:
        yield
        return
    try:
        server = _Server(settings.host, settings.metrics_port, registry, health)
    except OSError as error:
        raise fail(
            f"{settings.host}:{settings.metrics_port} cannot be listened on: {error.strerror}. "
            "Stop what uses it, or choose another port with OFRECORD_METRICS_PORT (0: any free"
            " one).",
            SAID_NO,
        ) from None
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    with server:
        thread.start()
        typer.echo(f"Tells its metrics at http://{settings.host}:{server.server_port}/metrics")
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, registry: CollectorRegistry, health: Health) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.registry = registry
        self.health = health
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """As the inherited one, which also asks DNS for the host's name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.socket.getsockname()[:2]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Someone who went away; the inherited one writes a traceback."""


class _Handler(BaseHTTPRequestHandler):
    """Answers GET."""

    server: _Server
    server_version = "ofrecord"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer one request."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            body, media_type = exposed(self.server.registry, self.headers.get("Accept", ""))
            self._answer(200, media_type, body)
        elif path in ("/livez", "/healthz"):  # the second is the API's name of it
            self._answer_health(self.server.health.unwell())
        elif path == "/readyz":
            self._answer_health(self.server.health.unready())
        else:
            self._answer(404, MEDIA_TYPE, Problem("not_found").body())

    def _answer_health(self, fault: str | None) -> None:
        if fault is not None:
            _log.warning("health.fault", route=self.path.partition("?")[0], fault=fault)
        text = fault or "ok"
        self._answer(503 if fault else 200, "text/plain; charset=utf-8", f"{text}\n".encode())

    def _answer(self, status: int, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """What is asked here every few seconds is no news."""
