"""The whole system behind a real HTTP server, for tests; Harbor Bakery is its client."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from adapters.bootstrap import Application, open_application
from adapters.inbound.http_api import create_app

HARBOR = "harbor-bakery"
AGENT = "P-100"
EXAMPLE = Path(__file__).parents[2] / "examples" / "harbor_bakery.jsonl"
SUBSCRIBER = "20260100001"


class Served:
    """A server, and a key for each role."""

    def __init__(self, url: str, application: Application) -> None:
        self.url = url
        self.application = application
        keys = application.services.keys
        self.tokens = {
            "portal": keys.create("portal", "portal-one", AGENT).token,
            "stranger": keys.create("portal", "portal-two", "P-900").token,
            "many": keys.create("portal", "portal-many").token,
            "carrier": keys.create("carrier", "staff").token,
            "importer": keys.create("carrier", "importer", permissions=["backfill"]).token,
            "auditor": keys.create("auditor", "audit").token,
            "operations": keys.create("operations", "ops").token,
        }

    def authorization(self, who: str) -> dict[str, str]:
        """The header that makes a request one of ``who``."""
        return {"Authorization": f"Bearer {self.tokens[who]}"}

    def get(self, path: str, who: str = "auditor", **options: Any) -> httpx.Response:
        """GET as someone; further headers win."""
        headers = self.authorization(who) | options.pop("headers", {})
        return httpx.get(self.url + path, headers=headers, timeout=30, **options)

    def submit(
        self,
        body: dict[str, Any] | bytes,
        key: str,
        who: str = "portal",
        client_id: str = HARBOR,
        **headers: str,
    ) -> httpx.Response:
        """Submit one transaction as someone."""
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        sent = {"Content-Type": "application/json", "Idempotency-Key": key}
        sent |= self.authorization(who) | headers
        path = f"{self.url}/v1/clients/{client_id}/transactions"
        return httpx.post(path, headers=sent, timeout=30, **content)

    def batch(self, lines: bytes, who: str = "importer") -> httpx.Response:
        """Submit lines as someone."""
        headers = self.authorization(who) | {"Content-Type": "application/x-ndjson"}
        path = f"{self.url}/v1/transaction-batches"
        return httpx.post(path, content=lines, headers=headers, timeout=60)


@contextmanager
def served(database_url: str, *, projecting: bool = True) -> Iterator[Served]:
    """The system on a database, served on a free port; ``projecting`` or not."""
    with open_application(database_url) as application, _listening() as listener:
        if projecting:
            application.projectors.start()
        config = uvicorn.Config(
            create_app(application.services), lifespan="off", log_config=None, access_log=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", application)
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def _listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@contextmanager
def served_with_harbor(database_url: str) -> Iterator[Served]:
    """As ``served``, with Harbor Bakery's transactions submitted and applied."""
    with served(database_url) as api:
        lines = [json.loads(line) for line in api.batch(EXAMPLE.read_bytes()).text.splitlines()]
        assert {line["status"] for line in lines} == {201}, lines
        position = lines[-1]["receipt"]["position"]
        assert api.application.projectors.wait_until_applied(position, 30)
        yield api
