"""What gets into the log, and what never does (I7)."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

_BEGIN = """
import logging, threading, structlog
from adapters.outbound.logs import configure_logs
configure_logs("json", "info")
log = structlog.get_logger()
"""


def _logged(code: str) -> list[dict[str, Any]]:
    """The log lines that a process of its own writes."""
    ended = subprocess.run(
        [sys.executable, "-c", _BEGIN + code], capture_output=True, text=True, check=False
    )
    assert ended.stdout == ""
    return [json.loads(line) for line in ended.stderr.splitlines()]


def test_a_line_keeps_its_ids_and_counts() -> None:
    """Harmless fields pass as they are, with level and instant."""
    [line] = _logged("log.info('client_parked', client_id='hb-1', position=7)")
    assert line.pop("timestamp")
    assert line == {"event": "client_parked", "level": "info", "client_id": "hb-1", "position": 7}


@pytest.mark.parametrize(
    "code",
    [
        "log.info('x', first_name='Canary')",
        "log.info('x', client_id={'name': 'Canary'})",
        "log.warning('x', error='no such member: Canary Jones')",
        "logging.getLogger('library').warning('cannot greet %s', 'Canary')",
        "raise ValueError('Canary')",
        "threading.Thread(target=lambda: int('Canary')).start()",
        "try:\n    int('Canary')\nexcept ValueError:\n    log.exception('x')",
        "try:\n    int('Canary')\nexcept ValueError:\n    logging.getLogger('a').exception('x')",
    ],
)
def test_personal_data_is_withheld_however_it_comes(code: str) -> None:
    """By an unknown field, a value with parts, a message, a library, or an exception's text."""
    lines = _logged(code)
    assert lines
    assert "Canary" not in json.dumps(lines)


def test_an_exception_is_told_by_its_class_and_place() -> None:
    """Enough to find the mistake: the class, and the files and lines on the way to it."""
    [line] = _logged("import msgspec.json\nfrom domain.dates import add_months\nadd_months(1, 2)")
    assert line["event"] == "program_failed"
    assert line["error"] == "builtins.AttributeError"
    assert line["where"].startswith("domain/dates.py:")


def test_a_line_goes_to_what_is_stderr_when_it_is_written() -> None:
    """Not to what it was when the log was configured, and may be closed by now."""
    lines = _logged(
        "import contextlib, io\n"
        "with contextlib.redirect_stderr(io.StringIO()):\n"
        "    log.info('elsewhere')\n"
        "    logging.getLogger('library').warning('elsewhere')\n"
        "log.info('here')\n"
        "logging.getLogger('library').warning('here')\n"
    )
    assert [line["event"] for line in lines] == ["here", "here"]
