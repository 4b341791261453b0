"""Many transactions at once over HTTP: JSON lines in, JSON lines out, in order."""

from __future__ import annotations

import asyncio
import json
import socket
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from adapters.inbound.http_batch import _lines_of
from tests.adapters.served import EXAMPLE, HARBOR, SUBSCRIBER, Served, served_with_harbor


@pytest.fixture(scope="module")
def api(module_database_url: str) -> Iterator[Served]:
    """The system with Harbor Bakery in it."""
    with served_with_harbor(module_database_url) as api:
        yield api


def a_line(number: int, **changes: Any) -> bytes:
    """A change of address, with a key of its own."""
    line = {
        "client_id": HARBOR,
        "key": f"line-{number}",
        "type": "change_address",
        "member_id": SUBSCRIBER,
        "address": {"line1": f"{number} Pier", "city": "Mystic", "state": "CT", "zip": "06355"},
    }
    return json.dumps(line | changes).encode() + b"\n"


def answers_of(response: httpx.Response) -> list[dict[str, Any]]:
    """The answers, one for each line."""
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in response.text.splitlines()]


def test_every_line_is_answered_in_order_whatever_is_wrong_with_it(api: Served) -> None:
    """None stops the others; blank lines are no lines; the last needs no end."""
    lines = [
        a_line(1),
        b"{\n",
        b"\n",
        a_line(2, type="explode"),
        a_line(3, client_id="no-such-client"),
        a_line(1),
        a_line(1, address={"line1": "x", "city": "y", "state": "CT", "zip": "06355"}),
        a_line(4, key=""),
        a_line(5, effective="2026-01-01"),
        a_line(6, address={"line1": "x" * 1_000_001}),
        a_line(7).rstrip(b"\n"),
    ]
    answers = answers_of(api.batch(b"".join(lines), "carrier"))
    assert [
        (answer["line"], answer["status"], answer.get("problem", {}).get("code"))
        for answer in answers
    ] == [
        (1, 201, None),
        (2, 400, "malformed_json"),
        (4, 422, "invalid_request"),
        (5, 404, "client_not_found"),
        (6, 201, None),
        (7, 422, "idempotency_key_reused"),
        (8, 422, "invalid_request"),
        (9, 422, "invalid_request"),
        (10, 413, "body_too_large"),
        (11, 201, None),
    ]
    by_line = {answer["line"]: answer for answer in answers}
    assert by_line[1]["receipt"] == by_line[6]["receipt"]
    assert (by_line[1]["replayed"], by_line[6]["replayed"]) == (False, True)
    assert (by_line[11]["client_id"], by_line[11]["key"]) == (HARBOR, "line-7")


def test_a_batch_sent_again_gets_the_same_receipts(api: Served) -> None:
    """Byte for byte the same as a single transaction's, too."""
    again = answers_of(api.batch(EXAMPLE.read_bytes()))
    assert {answer["replayed"] for answer in again} == {True}
    sent = json.loads(EXAMPLE.read_bytes().splitlines()[0])
    client_id, key = sent.pop("client_id"), sent.pop("key")
    single = api.submit(sent, key, "importer", client_id)
    assert single.headers["idempotency-replayed"] == "true"
    assert json.loads(single.content) == again[0]["receipt"]


def test_a_portals_line_names_its_own_producer(api: Served) -> None:
    """A key bound to another producer is refused line by line."""
    lines = b"".join(
        [a_line(21, as_producer_id="P-100"), a_line(22, as_producer_id="P-900"), a_line(23)]
    )
    bound = answers_of(api.batch(lines, "portal"))
    assert [answer["status"] for answer in bound] == [201, 403, 201]
    lines = lines.replace(b'"line-', b'"many-')
    free = answers_of(api.batch(lines, "many"))
    assert [answer.get("problem", {}).get("code") for answer in free] == [
        None,
        "client_not_found",
        "producer_required",
    ]


@contextmanager
def a_wire(api: Served, framing: str) -> Iterator[socket.socket]:
    """A connection over which a batch has been begun, and only its head sent."""
    where = urlsplit(api.url)
    head = (
        "POST /v1/transaction-batches HTTP/1.1",
        "Host: here",
        "Content-Type: application/x-ndjson",
        f"Authorization: Bearer {api.tokens['carrier']}",
        framing,
    )
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=20) as wire:
        wire.sendall("\r\n".join(head).encode() + b"\r\n\r\n")
        yield wire


def test_answers_come_while_lines_are_still_being_sent(api: Served) -> None:
    """A sender who waits for each answer before the next line gets it."""
    received = b""
    with a_wire(api, "Transfer-Encoding: chunked") as wire:
        for number in range(31, 36):
            line = a_line(number)
            wire.sendall(b"%x\r\n%s\r\n" % (len(line), line))
            while f'"line-{number}"'.encode() not in received:
                received += wire.recv(65536)
        wire.sendall(b"0\r\n\r\n")
        while not received.endswith(b"0\r\n\r\n"):
            received += wire.recv(65536)


def test_a_sender_who_reads_only_at_the_end_is_not_left_waiting(api: Served) -> None:
    """Answers larger than every buffer on the way are kept until they are read."""
    lines = b"".join(a_line(40 + number % 2, type="explode") for number in range(40_000))
    answers = answers_of(api.batch(lines, "carrier"))
    assert [answer["line"] for answer in answers] == list(range(1, 40_001))


def test_a_connection_that_breaks_leaves_the_server_well(api: Served) -> None:
    """What was submitted is decided; sending the batch again tells."""
    line = a_line(51)
    with a_wire(api, "Content-Length: 1000000") as wire:
        wire.sendall(line)
        received = b""
        while b'"line-51"' not in received:
            received += wire.recv(65536)
    (again,) = answers_of(api.batch(line, "carrier"))
    assert (again["status"], again["replayed"]) == (201, True)


def test_a_line_that_never_ends_takes_no_memory() -> None:
    """It is answered as too large once, and what follows it is read."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(500):
            yield b"x" * 65_536
        yield b"\nnext\n"

    async def read() -> list[bytes | None]:
        return [line async for line in _lines_of(endless(), 100_000)]

    tracemalloc.start()
    lines = asyncio.run(read())
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert lines == [None, b"next"]
    assert peak_bytes < 5_000_000


def test_a_batch_of_another_media_type_is_a_problem(api: Served) -> None:
    """One JSON document is not JSON lines."""
    headers = api.authorization("carrier") | {"Content-Type": "application/json"}
    response = httpx.post(f"{api.url}/v1/transaction-batches", content=b"{}", headers=headers)
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")
