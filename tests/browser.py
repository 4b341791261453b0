"""A real browser for tests, wherever one can be had.

Looked for in this order: Chromium or Chrome on the PATH, then what `playwright install chromium`
brings.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

HOW_TO_GET_ONE = (
    "No browser is here: install Chromium (such as `apt-get install chromium`), or run "
    "`playwright install chromium`"
)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = [
    "--no-sandbox",  # it refuses to start as root with one; what it shows is ours
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class NoBrowser(Exception):
    """None can be had here; its text says how to get one."""


@contextmanager
def a_browser() -> Iterator[Browser]:
    """A headless browser. Raises ``NoBrowser``."""
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, _NAMES)), playwright.chromium.executable_path)
        if not Path(found).exists():
            raise NoBrowser(HOW_TO_GET_ONE)
        browser = playwright.chromium.launch(executable_path=found, args=_FLAGS, timeout=120_000)
        try:
            yield browser
        finally:
            browser.close()
