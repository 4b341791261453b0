"""``ofrecord serve``: one command starts everything, and whatever ends it, nothing is lost."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

_STARTS_WITHIN_SECONDS = 60.0
_ENDS_WITHIN_SECONDS = 30.0
_OFRECORD = [sys.executable, "-c", "from adapters.inbound.cli import main; main()"]

_numbers = count(1)


class Served:
    """``ofrecord serve`` in a process of its own."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        self.folder = folder
        self._out = folder.parent / f"said-{next(_numbers)}"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("OFRECORD_")}
        self.process = subprocess.Popen(
            [*_OFRECORD, f"--data-folder={folder}", *options, "serve", "--port", "0"],
            stdout=self._out.open("wb"),
            stderr=subprocess.STDOUT,
            env={**inherited, "OFRECORD_DEMONSTRATION_CLIENTS": "3", **environment},
        )

    def said(self) -> str:
        """Everything it has printed so far."""
        return self._out.read_text()

    def wait_until_ready(self) -> Served:
        """Wait until it says that it serves."""
        _until(lambda: "Ctrl-C ends everything." in self.said(), self.process)
        return self

    @property
    def url(self) -> str:
        """The address it says it serves."""
        found = re.search(r"serves (http://\S+)", self.said())
        assert found is not None
        return found[1]

    def client(self, role: str) -> httpx.Client:
        """A client with the key of a role, from the file that only the owner may read."""
        token = json.loads((self.folder / "keys.json").read_text())[role]
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=20)

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(_ENDS_WITHIN_SECONDS)


def _until(condition: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None, "it ended"
        time.sleep(0.05)


@pytest.fixture
def folder(data_folder: Path) -> Path:
    """A data folder."""
    return data_folder


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., Served]]:
    """Starts servers on the folder; what still runs in the end is killed."""
    started: list[Served] = []

    def begin(*options: str, **environment: str) -> Served:
        started.append(Served(folder, *options, **environment))
        return started[-1]

    yield begin
    for served in started:
        served.process.kill()
        served.process.wait()


def _order_card(client: httpx.Client, key: str, member_id: str) -> httpx.Response:
    return client.post(
        "/v1/clients/harbor-bakery/transactions",
        headers={"Idempotency-Key": key},
        json={"type": "order_id_card", "member_id": member_id, "reason": "lost"},
    )


def _history(client: httpx.Client) -> list[dict[str, Any]]:
    answer = client.get("/v1/clients/harbor-bakery/history", params={"limit": 500})
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def _postmaster(folder: Path) -> Path:
    return folder / "postgres" / "postmaster.pid"


def test_a_first_start_shows_the_demonstration_and_ctrl_c_ends_everything(
    start: Callable[..., Served], folder: Path
) -> None:
    """The address, a key for each role, commands to try; then no process is left."""
    served = start().wait_until_ready()
    with served.client("portal") as portal:
        assert portal.get("/v1/clients/harbor-bakery").json()["name"] == "Harbor Bakery"
        assert _order_card(portal, "first", "20260100001").status_code == 201
    for role in ("portal", "carrier", "auditor", "operations"):
        assert re.search(rf"{role} +ofr_", served.said())
    assert (folder / "keys.json").stat().st_mode & 0o777 == 0o600
    assert served.end(signal.SIGINT) == 0
    assert served.said().endswith("Everything has ended.\n")
    assert not _postmaster(folder).exists()


def test_a_second_start_has_the_same_data_and_the_same_keys(start: Callable[..., Served]) -> None:
    """What was loaded is not loaded again; SIGTERM ends it as well as Ctrl-C."""
    first = start().wait_until_ready()
    with first.client("auditor") as auditor:
        before = _history(auditor)
    token = re.search(r"portal +(ofr_\S+)", first.said())
    assert first.end(signal.SIGTERM) == 0
    second = start().wait_until_ready()
    with second.client("auditor") as auditor:
        assert _history(auditor) == before
    assert token is not None
    assert token[1] in second.said()
    assert "Loaded" not in second.said()
    second.end(signal.SIGTERM)


def test_a_second_instance_on_the_folder_says_so_and_ends(start: Callable[..., Served]) -> None:
    """Exit code 1, and the first one goes on."""
    first = start().wait_until_ready()
    second = start()
    assert second.process.wait(_ENDS_WITHIN_SECONDS) == 1
    assert f"is served already, by process {first.process.pid}" in second.said()
    assert httpx.get(f"{first.url}/healthz").status_code == 200
    first.end(signal.SIGTERM)


def test_a_busy_port_is_told(folder: Path) -> None:
    """Exit code 1, before anything is started."""
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = str(busy.getsockname()[1])
        ended = subprocess.run(
            [*_OFRECORD, f"--data-folder={folder}", "serve", "--port", port],
            capture_output=True,
            text=True,
            timeout=_STARTS_WITHIN_SECONDS,
            check=False,
        )
    assert ended.returncode == 1
    assert f"127.0.0.1:{port} cannot be listened on" in ended.stderr
    assert not _postmaster(folder).exists()


def test_kill_9_loses_nothing_that_was_answered(start: Callable[..., Served]) -> None:
    """I1, I6: the next start recovers by itself, and the same keys get the same receipts."""
    first = start().wait_until_ready()
    answered: dict[str, bytes] = {}
    with first.client("portal") as portal:
        for number in range(1, 8):
            member_id = f"2026010{number:04}"
            answered[member_id] = _order_card(portal, f"card-{number}", member_id).content
    first.end(signal.SIGKILL)
    second = start().wait_until_ready()
    with second.client("portal") as portal:
        for number, (member_id, body) in enumerate(answered.items(), start=1):
            assert _order_card(portal, f"card-{number}", member_id).content == body
        position = json.loads(list(answered.values())[-1])["position"]
        page = portal.get("/v1/clients/harbor-bakery/transactions", params={"after": position})
    cards = [t for t in page.json()["items"] if t["type"] == "order_id_card"]
    assert len(cards) == len(answered)
    second.end(signal.SIGTERM)
    assert not _postmaster(second.folder).exists()


def test_a_killed_postgresql_is_started_again_and_everything_goes_on(
    start: Callable[..., Served], folder: Path
) -> None:
    """I6: the API, the log and the projections catch up with no one's help."""
    served = start().wait_until_ready()
    with served.client("portal") as portal:
        assert _order_card(portal, "before", "20260100001").status_code == 201
        os.kill(int(_postmaster(folder).read_text().split("\n")[0]), signal.SIGKILL)
        _until(lambda: _order_card(portal, "after", "20260100002").status_code == 201)
        answer = _order_card(portal, "after", "20260100002")
        asked = {"after": answer.json()["position"], "type": "order_id_card"}
        path = "/v1/clients/harbor-bakery/transactions"
        # Reads and projections have connections of their own, which come back when they do.
        _until(lambda: portal.get(path, params=asked).status_code == 200)
        assert len(portal.get(path, params=asked).json()["items"]) == 2
    assert served.end(signal.SIGTERM) == 0


def test_commands_join_the_server_that_serves(start: Callable[..., Served], folder: Path) -> None:
    """The command line works beside ``serve``, and leaves it as it was."""
    served = start().wait_until_ready()
    ended = subprocess.run(
        [*_OFRECORD, f"--data-folder={folder}", "client", "harbor-bakery", "--json"],
        capture_output=True,
        text=True,
        timeout=_STARTS_WITHIN_SECONDS,
        check=True,
    )
    assert json.loads(ended.stdout)["name"] == "Harbor Bakery"
    assert ended.stderr == ""
    assert httpx.get(f"{served.url}/readyz").status_code == 200
    served.end(signal.SIGTERM)


def test_an_existing_postgresql_is_used_instead(
    start: Callable[..., Served], folder: Path, database_url: str
) -> None:
    """No embedded server, no demonstration in somebody's database, and a way to make keys."""
    served = start(f"--database-url={database_url}").wait_until_ready()
    assert httpx.get(f"{served.url}/readyz").status_code == 200
    assert "ofrecord key create" in served.said()
    assert "Loaded" not in served.said()
    assert served.end(signal.SIGTERM) == 0
    assert not folder.exists()
