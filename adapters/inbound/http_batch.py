"""The door for many transactions: JSON lines in, JSON lines out, in the order they came.

Lines are decided while they arrive, a bounded number at a time. Answers are sent as fast as the
sender reads them; one who reads only after sending everything (most HTTP clients do) is not made to
wait for ever, because answers are kept meanwhile, beyond a megabyte in a file.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator

import msgspec
from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adapters.inbound.authentication import ForProducer, actor_for, authenticate
from adapters.inbound.describing import KEYED, problems
from adapters.inbound.door import ACCEPTED, SENDERS, problem_of, reply_to, submission_of
from adapters.inbound.http_bodies import require_media_type
from adapters.inbound.http_edge import require_known_parameters
from adapters.inbound.incoming import read_line
from adapters.inbound.problems import Problem
from adapters.inbound.submitting import InOrder
from adapters.outbound.api_keys import ApiKey
from adapters.services import Services
from domain.catalog import COMMANDS
from processors.receipts import Answer

LINES = "application/x-ndjson"
_IN_MEMORY_BYTES = 1_000_000
_KEPT_BYTES_MAX = 1_000_000_000
"""Answers kept for a sender who does not read them; then the batch waits."""
_CHUNK_BYTES = 64 * 1024

router = APIRouter(tags=["transactions"])


_PROBLEMS = (*KEYED, "unsupported_media_type", "invalid_request")
_EXAMPLE = b"".join(
    msgspec.json.encode({"client_id": "harbor-bakery", "key": f"batch-7-{number}", **example})
    + b"\n"
    for number, example in enumerate(
        (action.example for action in COMMANDS.values() if action.sent_by == "broker"), start=1
    )
).decode()
_DESCRIPTION = (
    "A line is a transaction with its `client_id` (or `payee_id`) and `key`, and if need be"
    " `as_producer_id` (for whom a portal sends it), `correlation_id` and `received_at`. Each"
    " answer is a `BatchAnswer`."
)


@router.post(
    "/v1/transaction-batches",
    responses={
        200: {
            "description": "An answer for each line, in order: see the schema `BatchAnswer`.",
            "content": {LINES: {"schema": {"type": "string"}}},
        },
        **problems(*_PROBLEMS),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": _DESCRIPTION,
            "content": {LINES: {"schema": {"type": "string"}, "example": _EXAMPLE}},
        }
    },
)
async def submit_batch(
    request: Request,
    producer_id: ForProducer = None,
) -> Response:
    """Submit many transactions, one JSON object a line: ``{"client_id", "key", "type", …}``.

    Every line is answered by a line, in order, also a malformed one; none stops the others. Only
    ``log_unavailable`` is answered to the later lines of its client too, so that their order
    stays. A line may name its own ``as_producer_id`` and ``correlation_id``. After that, or if the
    connection breaks, send the batch again: what was decided is answered with the same receipts.
    """
    key = await authenticate(request, SENDERS)
    require_known_parameters(request)
    require_media_type(request, LINES, "application/jsonl")
    return _BatchResponse(_Batch(request.app.state.services, key, producer_id), request)


class _BatchResponse(Response):
    """An answer that begins before the request's body has ended: it reads and sends by itself."""

    media_type = LINES

    def __init__(self, batch: _Batch, request: Request) -> None:
        self._batch = batch
        self._request = request
        self.status_code = 200
        self.background = None
        self.init_headers({})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
            answers = _Answers(file)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._batch.answer(self._request.stream(), answers))
                    async for chunk in answers.chunks():
                        message = {"type": "http.response.body", "body": chunk, "more_body": True}
                        await send(message)
                await send({"type": "http.response.body", "body": b""})
            except* ClientDisconnect:
                pass  # what was submitted is decided all the same


class _Answers:
    """Answers written and not sent yet, in order."""

    def __init__(self, file: tempfile.SpooledTemporaryFile[bytes]) -> None:
        self._file = file
        self._written = 0
        self._sent = 0
        self._ended = False
        self._changed = asyncio.Condition()

    async def write(self, line: bytes) -> None:
        """Keep a line; waits while too much is kept."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._written - self._sent < _KEPT_BYTES_MAX)
            self._file.seek(self._written)
            self._written += self._file.write(line + b"\n")
            self._changed.notify_all()

    async def end(self) -> None:
        """Say that no line follows."""
        async with self._changed:
            self._ended = True
            self._changed.notify_all()

    async def chunks(self) -> AsyncIterator[bytes]:
        """What was written, as it is written, until the end."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._ended or self._sent < self._written)
                self._file.seek(self._sent)
                chunk = self._file.read(_CHUNK_BYTES)
                self._sent += len(chunk)
                self._changed.notify_all()
            if not chunk:
                return
            yield chunk


class _Batch:
    """Decides the lines of one batch; many are in flight, answers stay in order."""

    def __init__(self, services: Services, key: ApiKey, producer_id: str | None) -> None:
        self._services = services
        self._key = key
        self._producer_id = producer_id
        self._in_order = InOrder(services.commands)

    async def answer(self, body: AsyncIterator[bytes], answers: _Answers) -> None:
        """Read lines to the end of the body, write an answer for each."""
        in_flight: asyncio.Queue[_Line | None] = asyncio.Queue(self._services.http.batch_in_flight)

        async def submit_all() -> None:
            number = 0
            async for text in _lines_of(body, self._services.http.body_limit_bytes):
                number += 1
                if text is None or text.strip():
                    await in_flight.put(self._submit(number, text))
            await in_flight.put(None)

        async with asyncio.TaskGroup() as group:
            group.create_task(submit_all())
            while (line := await in_flight.get()) is not None:
                await answers.write(await line.answer())
        await answers.end()

    def _submit(self, number: int, text: bytes | None) -> _Line:
        try:
            if text is None:
                raise Problem("body_too_large")
            line = read_line(text)
            actor = actor_for(self._key, line.producer_id or self._producer_id)
            submission = submission_of(
                *(self._key, actor, line.client_id, line.key),
                *(line.transaction, line.correlation_id),
            )
        except Problem as problem:
            return _Line(number, problem)
        future = asyncio.wrap_future(self._in_order.submit(submission))
        return _Line(number, future, submission.client_id, submission.key)


class _Line:
    """A line on its way to its answer."""

    def __init__(
        self,
        number: int,
        outcome: asyncio.Future[Answer] | Problem,
        client_id: str | None = None,
        key: str | None = None,
    ) -> None:
        self._outcome = outcome
        self._head = {"line": number, "client_id": client_id, "key": key}

    async def answer(self) -> bytes:
        """The line's answer, when it is durable."""
        if isinstance(self._outcome, Problem):
            return self._problem(self._outcome)
        try:
            answer = await self._outcome
        except Exception as error:  # noqa: BLE001 - one line's fault is told in its own answer
            return self._problem(problem_of(error, "/v1/transaction-batches"))
        return self._receipt(answer)

    def _receipt(self, answer: Answer) -> bytes:
        reply = reply_to(answer)
        self._head["replayed"] = reply.repeated
        name = b"receipt" if reply.status == ACCEPTED else b"problem"
        return self._line(reply.status, name, reply.body)

    def _problem(self, problem: Problem) -> bytes:
        return self._line(problem.status, b"problem", problem.body())

    def _line(self, status: int, name: bytes, body: bytes) -> bytes:
        self._head["status"] = status
        return msgspec.json.encode(self._head)[:-1] + b',"' + name + b'":' + body + b"}"


async def _lines_of(body: AsyncIterator[bytes], limit_bytes: int) -> AsyncIterator[bytes | None]:
    """The lines of a body, without their ends; None for one that is longer than the limit."""
    rest = b""
    too_long = False
    async for chunk in body:
        *ended, rest = (rest + chunk).split(b"\n")
        for text in ended:
            yield None if too_long or len(text) > limit_bytes else text
            too_long = False
        if len(rest) > limit_bytes:
            rest, too_long = b"", True
    if rest or too_long:
        yield None if too_long else rest
