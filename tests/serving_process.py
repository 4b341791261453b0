"""``ofrecord serve`` as a process of its own, and a record of everything it says."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.adapters.command_line import CommandLine
from tests.every_action import CLIENT, PRODUCER, Body

_OFRECORD = Path(sys.executable).with_name("ofrecord")
_STARTED = re.compile(r"serves (http://\S+)")


@dataclass
class Evidence:
    """What was said, and where."""

    answers: list[str] = field(default_factory=list)
    """To senders: receipts and problems, with their headers."""
    statuses: list[int] = field(default_factory=list)
    operations: str = ""
    """To operations: lag, parked and overdue work."""
    command_line: str = ""
    written: str = ""
    """By the process, on stdout and stderr."""
    tables: dict[str, str] = field(default_factory=dict)
    """Everything that is in the database, by table."""
    postgres: str = ""
    """PostgreSQL's own log."""


class Program:
    """``ofrecord serve`` as a process of its own, and someone who talks to it."""

    def __init__(self, database_url: str, out: Path) -> None:
        self.url = database_url
        self.evidence = Evidence()
        self._out = out
        self._http = httpx.Client(base_url=self._address(), timeout=30)
        self._keys = {
            "portal": _key(database_url, "portal", "portal-one", "--producer", PRODUCER),
            "stranger": _key(database_url, "portal", "portal-two", "--producer", "P-9"),
            "importer": _key(database_url, "carrier", "importer", "--permission", "backfill"),
            "operations": _key(database_url, "operations", "ops"),
        }
        self._sent = 0

    def written(self) -> str:
        """What the process wrote so far, on stdout and stderr."""
        return self._out.read_text(encoding="utf-8")

    def _address(self) -> str:
        deadline = time.monotonic() + 60
        while not (found := _STARTED.search(self.written())):
            assert time.monotonic() < deadline, self.written()
            time.sleep(0.05)
        return found[1]

    def ask(self, method: str, path: str, who: str, **options: Any) -> httpx.Response:
        """One request; what is answered is kept as evidence unless it is a reader's right."""
        headers = {"Authorization": f"Bearer {self._keys[who]}"} | options.pop("headers", {})
        response = self._http.request(method, path, headers=headers, **options)
        if method == "POST" or response.is_error:
            said = {**response.headers, "body": response.text}
            self.evidence.answers.append(json.dumps(said, ensure_ascii=False))
            self.evidence.statuses.append(response.status_code)
        return response

    def submit(
        self,
        body: bytes,
        who: str = "portal",
        client_id: str = CLIENT,
        payee_id: str | None = None,
        **headers: str,
    ) -> httpx.Response:
        """Submit a transaction, of a client or a payee, under a key of its own."""
        self._sent += 1
        sent = {"Content-Type": "application/json", "Idempotency-Key": f"sent-{self._sent}"}
        addressed = f"clients/{client_id}" if payee_id is None else f"payees/{payee_id}"
        path = f"/v1/{addressed}/transactions"
        return self.ask("POST", path, who, content=body, headers=sent | headers)

    def submit_lines(self, lines: Iterable[Body | bytes]) -> list[Any]:
        """Submit a batch as the importer, sent as fast as its lines come; returns the answers."""
        content = (
            (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n"
            for line in lines
        )
        headers = {"Content-Type": "application/x-ndjson"}
        path = "/v1/transaction-batches"
        answer = self.ask("POST", path, "importer", content=content, headers=headers)
        return [json.loads(line) for line in answer.text.splitlines()]

    def operations_read(self) -> str:
        """All that operations can read."""
        paths = ("/v1/lag", "/v1/parked", "/v1/overdue", "/v1/counts", "/v1/refusals", "/metrics")
        return "\n".join(self.ask("GET", path, "operations").text for path in paths)


def _key(database_url: str, *arguments: str) -> str:
    made = CommandLine(database_url)("key", "create", *arguments, "--json")
    return str(made.json()["token"])


@contextmanager
def running(database_url: str, log_format: str, folder: Path) -> Iterator[Program]:
    """The program, serving; what it writes is in the evidence when it has ended."""
    out = folder / "written"
    settings = {"OFRECORD_LOG_FORMAT": log_format, "OFRECORD_LOG_LEVEL": "debug"}
    with out.open("wb") as file:
        process = subprocess.Popen(
            [_OFRECORD, "--database-url", database_url, "serve", "--port", "0"],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **settings, "PYTHONUNBUFFERED": "1"},
        )
    try:
        program = Program(database_url, out)
        yield program
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            process.kill()
    program.evidence.written = program.written()
