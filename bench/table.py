"""The one table that a run prints, line by line as it goes."""

from __future__ import annotations

import sys


class Table:
    """Lines of: what, figure, comparison."""

    def head(self, title: str) -> None:
        """Start a part of the table."""
        self._write(f"\n{title}\n{'─' * len(title)}")

    def add(self, what: str, figure: str, comparison: str = "") -> None:
        """A line."""
        self._write(f"{what:<46} {figure}   {comparison}".rstrip())

    def note(self, said: str) -> None:
        """A line about the lines above."""
        self._write(f"({said})")

    def _write(self, line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
