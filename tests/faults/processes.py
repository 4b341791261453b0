"""Processes of the system that a campaign ill-treats, as a process manager would keep them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_STOPS_WITHIN_SECONDS = 30.0
_MAIN = "from adapters.inbound.cli import main; main()"


class Process:
    """One ``ofrecord`` command, started again whenever it ended."""

    def __init__(
        self,
        database_url: str,
        folder: Path,
        *command: str,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._command: Sequence[str] = ("--database-url", database_url, *command)
        self._folder = folder
        self._settings = settings or {}
        self.start()

    def start(self) -> None:
        """Start it."""
        self._said = tempfile.NamedTemporaryFile(dir=self._folder, delete=False)  # noqa: SIM115 - closed in end()
        here = {"PYTHONPATH": str(Path.cwd()), "OFRECORD_DEMONSTRATION_CLIENTS": "0"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _MAIN, *self._command],
            stdout=self._said,
            stderr=subprocess.STDOUT,
            cwd=self._folder.parent,
            env=os.environ | here | self._settings,
        )

    @property
    def said(self) -> str:
        """How it is, and the end of what it wrote."""
        lines = [line for line in self.written().splitlines() if "route=/v1/lag" not in line]
        written = "\n".join(lines)[-2000:]
        return f"{self._command[2:]}: exit code {self.process.poll()}; it wrote:\n{written}"

    @property
    def url(self) -> str | None:
        """The address of an API, once it serves."""
        for line in self.written().splitlines():
            if "serves http://" in line:
                return line.split("serves ")[1].split()[0]
        return None

    def is_command(self, *command: str) -> bool:
        """Whether this is what it runs."""
        return tuple(self._command[2:]) == command

    def kill_and_start(self) -> None:
        """``kill -9``, and a new one."""
        self.end()
        self.start()

    def start_again_if_ended(self) -> None:
        """What a process manager does: who starts while the database is away says so and ends."""
        if self.process.poll() is not None:
            self.kill_and_start()

    def freeze(self) -> None:
        """It stops where it is, as on a machine that swaps or a laptop that sleeps."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on as if nothing had been."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """Ask it to end; returns its exit code."""
        self.process.terminate()
        return self.process.wait(_STOPS_WITHIN_SECONDS)

    def end(self) -> None:
        """End it, however it is."""
        self.process.kill()
        self.process.wait()
        self._said.close()

    def written(self) -> str:
        """Everything it wrote since it was started."""
        return Path(self._said.name).read_text(errors="replace")
