"""Running ``ofrecord`` in tests: in this process, on a database of the test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from adapters.inbound.cli import app
from adapters.outbound.logs import configure_logs


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """What it said on stdout, as JSON."""
        return json.loads(self.out)


class CommandLine:
    """``ofrecord`` on one database."""

    def __init__(self, database_url: str) -> None:
        self._options = ["--database-url", database_url]

    def __call__(self, *arguments: str, stdin: str | None = None) -> Ended:
        """Run a command. What nobody expected to be raised is raised."""
        result = CliRunner().invoke(app, [*self._options, *arguments], input=stdin)
        configure_logs("json", "info")  # as all other tests expect it
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)
