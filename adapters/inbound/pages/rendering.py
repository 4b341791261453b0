"""Pages out of templates: escaped, sealed against everything from elsewhere, kept by nobody.

The style and the script are files beside the templates. Their address carries a digest of their
content, so a browser may keep them for ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from importlib import resources
from typing import Any

from fastapi import Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from adapters.inbound.documents import wording
from adapters.inbound.pages import words
from adapters.inbound.problems import Problem, title_of

_ASSETS = {"audit.css": "text/css", "audit.js": "text/javascript"}
_FOR_EVER = "public, max-age=31536000, immutable"
SEALED: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:;"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_NOT_KEPT = {"Cache-Control": "no-store"}


class Asset:
    """A file that pages need."""

    def __init__(self, name: str) -> None:
        self.media_type = _ASSETS[name]
        self.content = (resources.files(__package__ or "") / "assets" / name).read_bytes()
        digest = hashlib.sha256(self.content).hexdigest()[:16]
        self.path = f"/audit/assets/{digest}/{name}"

    def response(self) -> Response:
        """The file, to be kept for ever: another content has another address."""
        headers = {**SEALED, "Cache-Control": _FOR_EVER}
        return Response(self.content, media_type=self.media_type, headers=headers)


ASSETS = {asset.path: asset for asset in map(Asset, _ASSETS)}


def page(template: str, **facts: Any) -> Response:
    """A page of this template."""
    html = _environment.get_template(template).render(facts)
    return Response(html, media_type="text/html", headers={**SEALED, **_NOT_KEPT})


def problem_page(problem: Problem) -> Response:
    """The page that says what a problem says."""
    html = _environment.get_template("problem.html").render(
        title=title_of(problem.code), problem=problem
    )
    headers = {**SEALED, **_NOT_KEPT, **problem.headers}
    return Response(html, problem.status, headers, "text/html")


def attachment(text: str, name: str) -> Response:
    """A text to be kept as a file."""
    named = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/plain", headers={**SEALED, **_NOT_KEPT, **named})


# ── What templates say ─────────────────────────────────────────────────────────────────────────


def _instant(at: datetime) -> str:
    """An instant, such as ``2026-03-04 17:00:00 UTC``; to the microsecond if it is not whole."""
    text = at.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    return f"{text} UTC"


def _day(on: date | None) -> str:
    return "–" if on is None else on.isoformat()


def _usd(amount: str) -> str:
    return wording.usd(wording.cents_of(amount)).replace("-", "\N{MINUS SIGN}")


_environment = Environment(
    loader=PackageLoader("adapters.inbound.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {
    "instant": _instant,
    "day": _day,
    "month": wording.month,
    "usd": _usd,
    "words": wording.in_words,
    "counted": wording.counted,
    "value": words.value,
}
_environment.globals |= {
    "assets": {asset.path.rpartition("/")[2]: path for path, asset in ASSETS.items()}
}
