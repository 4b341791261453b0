"""A campaign of faults: a made-up book is sent to two processes while both are ill-treated.

Two ``ofrecord serve`` share one database: both append, one of them projects while the other stands
by. Senders play each client's life in order, try again until they are answered, and send some
transactions twice. Meanwhile, as a seed decides, a process is killed, stopped and woken, or the
database goes away. Afterwards everything must be as if nothing had happened (architecture, I1–I4,
I6).
"""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from psycopg_pool import ConnectionPool

from adapters.bootstrap import SystemClock
from adapters.inbound.simulation.book import life_of
from adapters.outbound.api_keys import ApiKeys
from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.in_memory_rows import InMemoryRowStore
from adapters.outbound.row_store import PostgresRowStore
from processors.projector import Projector
from projections.catalog import PROJECTIONS
from projections.kernel import Projection
from schemas.envelope import Recorded
from tests.conftest import PostgresForTests
from tests.faults.processes import Process

_SERVE = ("serve", "--port", "0")
_SENDERS = 6
_HEALS_WITHIN_SECONDS = 90.0
_FAULTS_AT_LEAST = 3
"""On a fast machine more clients are played than were asked for, until so many faults are done."""


@dataclass
class Outcome:
    """What the senders were answered, and what was done to the processes."""

    bodies: dict[tuple[str, str], set[bytes]] = field(default_factory=dict)
    """By client and key: every different answer."""
    faults: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class Campaign:
    """Run it once: ``run`` returns what happened; ``check`` says what is wrong afterwards."""

    def __init__(
        self, postgres: PostgresForTests, database_url: str, folder: Path, seed: int, clients: int
    ) -> None:
        self._postgres = postgres
        self._database_url = database_url
        self._seed = seed
        self._clients = clients
        with ConnectionPool(database_url, min_size=1, open=True) as pool:
            keys = ApiKeys(pool, SystemClock())
            created = keys.create("carrier", "importer", permissions=["backfill", "exchange_feed"])
            self._token = created.token
            self._headers = {"Authorization": f"Bearer {created.token}"}
        self._folder = folder
        self._apis = self._start_apis()
        self._outcome = Outcome()
        self._lock = threading.Lock()
        self._next_client = itertools.count(1)

    def run(self) -> Outcome:
        """Send everything while the faults go on; ends when everything is answered."""
        senders = [threading.Thread(target=self._send_clients, args=(n,)) for n in range(_SENDERS)]
        senders += [threading.Thread(target=send) for send in self._more_senders()]
        try:
            self._until(self._started, "start")
            for sender in senders:
                sender.start()
            chosen = random.Random(self._seed)
            while any(sender.is_alive() for sender in senders):
                time.sleep(chosen.uniform(0.3, 1.2))
                self._fault(chosen)
                self._manage()
            for sender in senders:
                sender.join()
            self._until(self._caught_up, "catch up")
        finally:
            for process in self._processes():
                process.end()
        return self._outcome

    def _start_apis(self) -> list[Process]:
        """Processes to which transactions are sent."""
        return [Process(self._database_url, self._folder, *_SERVE) for _ in range(2)]

    def _more_senders(self) -> list[Callable[[], None]]:
        """Who sends other than over HTTP."""
        return []

    def _processes(self) -> list[Process]:
        """All that may be ill-treated."""
        return self._apis

    # ── Faults ─────────────────────────────────────────────────────────────────────────────────

    def _fault(self, chosen: random.Random) -> None:
        kind = chosen.choice(self._kinds())
        self._outcome.faults.append(kind)
        self._do(kind, chosen)

    def _kinds(self) -> tuple[str, ...]:
        """What may be done, the more often the more often it is named."""
        return ("kill", "kill", "freeze", "cut", "away")

    def _do(self, kind: str, chosen: random.Random) -> None:
        process = chosen.choice(self._processes())
        if kind == "kill":
            process.kill_and_start()
        elif kind == "freeze":
            process.freeze()
            time.sleep(chosen.uniform(0.2, 2.0))
            process.thaw()
        elif kind == "cut":
            self._postgres.cut(self._database_url)
        else:
            self._postgres.take_away(self._database_url)
            time.sleep(chosen.uniform(0.1, 1.0))
            self._postgres.bring_back(self._database_url)

    # ── Senders ────────────────────────────────────────────────────────────────────────────────

    def _send_clients(self, number: int) -> None:
        chosen = random.Random(f"{self._seed}-{number}")
        with httpx.Client(headers=self._headers, timeout=10) as http:
            while True:
                with self._lock:
                    index = next(self._next_client)
                if index > self._clients and len(self._outcome.faults) >= _FAULTS_AT_LEAST:
                    return
                for line in life_of(self._seed, index):
                    self._send(http, chosen, line.fields)
                    if chosen.random() < 0.1:
                        self._send(http, chosen, line.fields)

    def _send(self, http: httpx.Client, chosen: random.Random, fields: dict[str, Any]) -> None:
        """Send until answered, to whichever process is there; all of it as carrier staff."""
        client_id, key = fields["client_id"], fields["key"]
        body = body_of(fields)
        headers = {"Idempotency-Key": key}
        deadline = time.monotonic() + _HEALS_WITHIN_SECONDS
        while time.monotonic() < deadline:
            url = chosen.choice(self._apis).url
            try:
                answer = http.post(
                    f"{url}/v1/clients/{client_id}/transactions", json=body, headers=headers
                )
            except (httpx.TransportError, httpx.UnsupportedProtocol):
                time.sleep(0.05)
                continue
            if answer.status_code == 503:
                time.sleep(0.05)
                continue
            with self._lock:
                self._outcome.bodies.setdefault((client_id, key), set()).add(answer.content)
                if answer.status_code not in (201, 404, 422):
                    self._outcome.failures.append(f"{answer.status_code} {answer.text[:200]}")
            return
        self._outcome.failures.append(f"never answered: {client_id} {key}")

    def _manage(self) -> None:
        for process in self._processes():
            process.start_again_if_ended()

    def _started(self) -> list[str]:
        return ["an API does not serve" for api in self._apis if api.url is None]

    def _caught_up(self) -> list[str]:
        """Why it is not so, API by API; nothing, if all are."""
        behind = []
        for api in self._apis:
            try:
                answer = httpx.get(f"{api.url}/v1/lag", headers=self._headers, timeout=5)
            except (httpx.HTTPError, httpx.UnsupportedProtocol) as error:
                behind.append(repr(error))
                continue
            is_well = answer.status_code == 200  # 503 while the database is still coming back
            items = answer.json()["items"] if is_well else []
            if not is_well or any(i["events_behind"] or i["parked_clients"] for i in items):
                behind.append(answer.text)
        return behind

    def _until(self, waits_for: Callable[[], list[str]], what: str) -> None:
        deadline = time.monotonic() + _HEALS_WITHIN_SECONDS
        while reasons := waits_for():
            if time.monotonic() > deadline:
                said = [process.said for process in self._processes()]
                raise AssertionError(
                    "\n".join([f"the processes did not {what} by themselves", *reasons, *said])
                )
            self._manage()
            time.sleep(0.1)


def body_of(fields: dict[str, Any]) -> dict[str, Any]:
    """A line of a life, as its transaction is sent alone."""
    apart = ("client_id", "key", "as_producer_id")
    return {name: value for name, value in fields.items() if name not in apart}


def wrong_with(database_url: str, outcome: Outcome) -> list[str]:
    """What is not as it must be, in sentences; nothing, if all is well."""
    wrong = list(outcome.failures)
    wrong += [f"I2: {key} has {len(b)} answers" for key, b in outcome.bodies.items() if len(b) > 1]
    log, rows = PostgresEventLog(database_url), PostgresRowStore(database_url)
    with closing(log), closing(rows):
        events: list[Recorded] = []
        while more := log.follow(events[-1].position if events else 0, 100_000):
            events += more
        if [e.position for e in events] != list(range(1, len(events) + 1)):
            wrong.append("I3: positions have gaps")
        versions: dict[str, int] = {}
        seen: dict[str, int] = {}
        for event in events:
            if event.version != versions.get(event.client_id, 0) + 1:
                wrong.append(f"I3: {event.client_id} jumps to version {event.version}")
            versions[event.client_id] = event.version
            transaction_id = event.cause.transaction_id
            seen[transaction_id] = seen.get(transaction_id, 0) + 1
            if seen[transaction_id] > event.cause.count:
                wrong.append(f"I1: {transaction_id} took effect twice")
        for (client_id, key), bodies in outcome.bodies.items():
            wrong += _not_in_the_log(log, seen, client_id, key, next(iter(bodies)))
        wrong += rows_differ(log, rows)
    return wrong


def _not_in_the_log(
    log: PostgresEventLog, seen: dict[str, int], client_id: str, key: str, body: bytes
) -> list[str]:
    answer = json.loads(body)
    receipt = answer.get("receipt", answer)
    stored = log.receipt(receipt["transaction_id"])
    if stored is None:
        return [f"I1: {client_id} {key} was answered and is not stored"]
    if seen.get(receipt["transaction_id"], 0) != len(receipt["events"]):
        return [f"I1: {client_id} {key} was answered and its events are not in the log"]
    return []


def rows_differ(
    log: PostgresEventLog, rows: PostgresRowStore, projections: Iterable[Projection] = PROJECTIONS
) -> list[str]:
    """Where the rows are not what the embedded projector makes of the log from its first event."""
    wrong = []
    for projection in projections:
        fresh = InMemoryRowStore()
        projector = Projector(projection, log, fresh, SystemClock())
        projector.start()
        while projector.step():
            pass
        if rows.digest(projection) != fresh.digest(projection):
            wrong.append(f"I4: {projection.name} differs from a fresh replay")
    return wrong
