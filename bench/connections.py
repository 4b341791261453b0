"""A small HTTP/1.1 client of many connections, so that the client is not what is measured."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from typing import cast

import uvloop

from bench.measuring import Speed, speed_of

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"
_LAST_ANSWER_SECONDS_MAX = 30.0


def request(method: str, target: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A request as it goes over the wire."""
    if body:
        headers = headers | {"Content-Length": str(len(body))}
    lines = [f"{method} {target} HTTP/1.1", "Host: bench"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + _END + body


def hammer(
    port: int, requests: Iterator[bytes], connections: int, seconds: float, expected: int
) -> Speed:
    """Send requests over so many connections, each one when the one before it is answered."""
    return uvloop.run(_hammer(port, requests, connections, seconds, expected))


async def _hammer(
    port: int, requests: Iterator[bytes], connections: int, seconds: float, expected: int
) -> Speed:
    loop = asyncio.get_running_loop()
    took: list[float] = []
    began = time.perf_counter()
    until = began + seconds
    open_ = [
        (
            await loop.create_connection(
                lambda: _Connection(requests, until, took, expected), "127.0.0.1", port
            )
        )[1]
        for _ in range(connections)
    ]
    async with asyncio.timeout(seconds + _LAST_ANSWER_SECONDS_MAX):
        await asyncio.gather(*(connection.ended for connection in open_))
    return speed_of(took, time.perf_counter() - began)


class _Connection(asyncio.Protocol):
    """One connection that is kept alive."""

    def __init__(
        self, requests: Iterator[bytes], until: float, took: list[float], expected: int
    ) -> None:
        self._requests = requests
        self._until = until
        self._took = took
        self._expected = b"HTTP/1.1 %d " % expected
        self._answer = bytearray()
        self._since = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods only
        self._send()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        end = self._answer.find(_END)
        found = _LENGTH.search(self._answer, 0, end + 2) if end >= 0 else None
        if found is None or len(self._answer) < end + len(_END) + int(found[1]):
            return
        self._took.append(time.perf_counter() - self._since)
        if not self._answer.startswith(self._expected):
            self._fail(self._answer.decode())
        elif time.perf_counter() < self._until:
            self._answer.clear()
            self._send()
        else:
            self.ended.set_result(None)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("the server closed the connection")

    def _fail(self, why: str) -> None:
        if not self.ended.done():
            self.ended.set_exception(AssertionError(why))
            self._transport.close()

    def _send(self) -> None:
        self._since = time.perf_counter()
        self._transport.write(next(self._requests))


def stream(port: int, head: bytes, body: bytes) -> tuple[bytes, float]:
    """Send a long request, read its chunked answer meanwhile; returns that, and the seconds."""
    return uvloop.run(_stream(port, head, body))


async def _stream(port: int, head: bytes, body: bytes) -> tuple[bytes, float]:
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head + body)
    await reader.readuntil(_END)
    answer = b"".join([chunk async for chunk in _chunks(reader)])
    writer.close()
    return answer, time.perf_counter() - began


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int(await reader.readline(), 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
