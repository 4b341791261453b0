"""The log of a database and what appends to it, for as long as something is measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from adapters.bootstrap import SystemClock
from adapters.outbound.event_store import PostgresEventLog
from processors.command_processor import CommandProcessor
from processors.ports import EventLog


@contextmanager
def log_and_processor(database_url: str) -> Iterator[tuple[EventLog, CommandProcessor]]:
    """Both, closed in the right order."""
    with (
        closing(PostgresEventLog(database_url)) as log,
        closing(CommandProcessor(log, SystemClock())) as processor,
    ):
        yield log, processor
