"""A browser, and the bakery that it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from playwright.sync_api import Browser, Page

from tests.adapters.pages.bakery import opened_bakery
from tests.adapters.served import Served
from tests.browser import NoBrowser, a_browser

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def api(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Harbor Bakery to June 2026, served on the 10th."""
    with opened_bakery(module_database_url, tmp_path_factory.mktemp("bakery")) as api:
        yield api


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless browser. Not for the session: with it, an event loop runs in this thread."""
    with ExitStack() as stack:
        try:
            browser = stack.enter_context(a_browser())
        except NoBrowser as none:
            pytest.skip(str(none))
        yield browser


@contextmanager
def signed_in(browser: Browser, api: Served, *, script: bool, width: int = 1200) -> Iterator[Open]:
    """Opens addresses as an auditor, in one context of the browser."""
    context = browser.new_context(
        http_credentials={"username": "auditor", "password": api.tokens["auditor"]},
        java_script_enabled=script,
        viewport={"width": width, "height": 900},
    )
    context.set_default_timeout(60_000)
    page = context.new_page()

    def opened(path: str) -> Page:
        page.goto(api.url + path)
        return page

    try:
        yield opened
    finally:
        context.close()


@pytest.fixture
def with_script(browser: Browser, api: Served) -> Iterator[Open]:
    """A browser as it comes."""
    with signed_in(browser, api, script=True) as opened:
        yield opened


@pytest.fixture
def without_script(browser: Browser, api: Served) -> Iterator[Open]:
    """A browser whose JavaScript is switched off."""
    with signed_in(browser, api, script=False) as opened:
        yield opened
