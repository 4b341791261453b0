"""What the program says about itself: to people or as JSON lines, on stderr, never personal data.

Nothing reaches the log that is not known to be harmless (architecture, I7): a field must be on the
list below, and an exception is told by its class and its place in the code, because messages of
exceptions quote the data that broke. Other libraries' lines go the same way: their message's
template is kept, what they would fill in is not.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, Literal

import structlog
from structlog.typing import Processor

LOGGABLE = frozenset(
    {
        *("event", "level", "timestamp", "error", "where"),
        *("client_id", "member_id", "plan_id", "producer_id", "transaction_id", "correlation_id"),
        *("run_id", "month"),
        *("topic", "partition"),
        *("sender", "key_id", "role", "type", "status", "code", "outcome"),
        *("projection", "position", "version", "head", "attempts", "count", "events", "clients"),
        *("seconds", "milliseconds", "waiting", "fault", "method", "route"),
        *("url", "folder", "port", "pid"),
    }
)
"""The fields a log line may have. Ids and counts; no names, birth dates, addresses or contacts."""

_VALUE_CHARACTERS_MAX = 200
_CLASS_NAME = re.compile(r"[A-Za-z_][\w.]*")

_Line = MutableMapping[str, Any]


class _ToStderr(logging.Handler):
    """Writes to whatever is stderr when a line is written, as the logger above does."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(self.format(record) + "\n")


def configure_logs(
    log_format: Literal["people", "json"], level: Literal["debug", "info", "warning", "error"]
) -> None:
    """Send this process's log, other libraries' included, to stderr in the asked form."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _told_by_place,
        only_loggable,
    ]
    renderer = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    handler = _ToStderr()
    handler.addFilter(_keep_template)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def only_loggable(_logger: object, _method: str, line: _Line) -> _Line:
    """Withhold every field that is not known to be harmless, and cut what is very long."""
    for name, value in line.items():
        if name.startswith("_"):
            continue  # structlog's own, removed before the line is written
        if name not in LOGGABLE or not isinstance(value, str | int | float | bool | None):
            line[name] = "(withheld)"
        elif name == "error" and not _CLASS_NAME.fullmatch(str(value)):
            line[name] = "(withheld)"  # a message, where the class was wanted
        elif isinstance(value, str):
            line[name] = value[:_VALUE_CHARACTERS_MAX]
    return line


def place_of(error: BaseException) -> str:
    """Where in the code an exception came from, innermost first, without any data."""
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{_short(f.filename)}:{f.lineno} {f.name}" for f in reversed(frames))


def _short(filename: str) -> str:
    """The last two parts of a path: enough to find the file."""
    return "/".join(filename.split("/")[-2:])


def _told_by_place(_logger: object, _method: str, line: _Line) -> _Line:
    """Replace an exception by its class and its place."""
    error = line.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        line["error"] = f"{type(error).__module__}.{type(error).__qualname__}"
        line["where"] = place_of(error)
    return line


def _keep_template(record: logging.LogRecord) -> bool:
    """Keep a library's message, but not the values it would fill in."""
    record.args = ()
    record.msg = str(record.msg)
    return True


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger().error("program_failed", exc_info=error.with_traceback(trace))


def _uncaught_in_thread(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is not None and not issubclass(failure.exc_type, SystemExit):
        structlog.get_logger().error("thread_failed", exc_info=failure.exc_value)
