"""Bodies of requests: of the right media type, and never larger than allowed."""

from __future__ import annotations

from starlette.requests import Request

from adapters.inbound.problems import Problem


def require_media_type(request: Request, *allowed: str) -> None:
    """Return if the body is declared as one of these media types; else raise ``Problem``."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared not in allowed:
        raise Problem("unsupported_media_type", f"Send it as {' or '.join(allowed)}.")


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """The whole body, given up as soon as it is larger than the limit. Raises ``Problem``."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit_bytes:
        raise Problem("body_too_large")
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit_bytes:
            raise Problem("body_too_large")
        chunks.append(chunk)
    return b"".join(chunks)
