"""The pages in a browser as it comes: by keyboard, for a screen reader, narrow, and on paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pypdfium2
import pytest
from playwright.sync_api import Browser, Page

from tests.adapters.pages.conftest import Open, signed_in
from tests.adapters.pages.html_rules import faults_of
from tests.adapters.pages.paths import AFTER, CLIENT, FEBRUARY, every_page, fetched, transaction_of
from tests.adapters.served import Served

_INTERACTIVE = {"link", "button", "textbox", "slider", "Date", "DisclosureTriangle", "checkbox"}
_REACHED = """() => {
  const reached = document.activeElement;
  if (reached.dataset.reached === undefined) {
    reached.dataset.reached = String(document.querySelectorAll("[data-reached]").length);
  }
}"""
_NOT_REACHED = """() => Array.from(
    document.querySelectorAll("a[href], button, input:not([type=hidden]), summary, [tabindex='0']")
  ).filter((each) => each.dataset.reached === undefined).map((each) => each.outerHTML)"""
_PALE = """() => {
  const channels = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  return Array.from(document.querySelectorAll("body *")).filter((each) =>
    Array.from(each.childNodes).some((node) => node.nodeType === 3 && node.data.trim())
    && !each.closest("svg, datalist") && each.getClientRects().length)
    .map((each) => {
      const [one, two] = [light(channels(getComputedStyle(each).color)), light(behind(each))];
      return [(Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05), each.outerHTML];
    }).filter(([contrast]) => contrast < 4.5);
}"""


def test_arrow_keys_change_what_is_known(with_script: Open) -> None:
    """The spouse's version and the one before it; the slider keeps the focus, and tells."""
    page = with_script(f"{CLIENT}?true_on={FEBRUARY}&known_at={AFTER}")
    version = int(page.input_value("#version"))
    assert "10 members" in page.locator(".facts").first.inner_text()
    page.focus("#version")
    page.keyboard.press("ArrowLeft")
    told = page.locator("#version-told").inner_text()
    assert told.startswith(f"{version - 1} of ")
    assert "2026-03-01 17:00 UTC" in told
    assert page.get_attribute("#version", "aria-valuetext") == f"Version {told}"
    page.wait_for_url(re.compile(f"version={version - 1}&"))
    page.wait_for_load_state()
    assert "9 members" in page.locator(".facts").first.inner_text()
    assert page.evaluate("document.activeElement.id") == "version"


def test_every_page_keeps_the_rules_of_html(api: Served) -> None:
    """Labels, captions, scopes, headings in order, ids once, nothing inline."""
    for name, path in every_page(api).items():
        assert faults_of(fetched(api, path).text) == [], name


def test_everything_that_can_be_done_has_a_name_and_a_place_in_the_tab_order(
    with_script: Open, api: Served
) -> None:
    """On every page: what assistive technology is told, and what Tab comes to."""
    for name, path in every_page(api).items():
        page = with_script(path)
        nameless = [node for node in _interactive(page) if not node["name"]["value"]]
        assert nameless == [], name
        count = page.locator("a[href], button, input, summary, [tabindex='0']").count()
        for _ in range(count + 10):  # a date has several stops
            page.keyboard.press("Tab")
            page.evaluate(_REACHED)
        assert page.evaluate(_NOT_REACHED) == [], name


def _interactive(page: Page) -> Iterator[dict[str, Any]]:
    session = page.context.new_cdp_session(page)
    for node in session.send("Accessibility.getFullAXTree")["nodes"]:
        if not node["ignored"] and node["role"]["value"] in _INTERACTIVE:
            yield node


def test_the_first_tab_skips_to_the_content(with_script: Open) -> None:
    """And what has the focus is seen to have it."""
    page = with_script(CLIENT)
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    assert skip.evaluate("each => each === document.activeElement")
    page.wait_for_function("document.querySelector('.skip').getBoundingClientRect().top >= 0")
    assert skip.evaluate("each => getComputedStyle(each).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_all_text_is_dark_enough(with_script: Open, api: Served) -> None:
    """A contrast of 4.5 to 1 with what is behind it (WCAG 2.2, 1.4.3)."""
    for name, path in every_page(api).items():
        assert with_script(path).evaluate(_PALE) == [], name


@pytest.mark.parametrize("width", [320, 600])
def test_no_page_is_wider_than_a_narrow_screen(browser: Browser, api: Served, width: int) -> None:
    """320 px: a phone, or 400 % zoom of 1,280 px; 600 is 200 %. Tables scroll by themselves."""
    with signed_in(browser, api, script=True, width=width) as opened:
        for name, path in every_page(api).items():
            page = opened(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name


def test_a_transaction_is_printed_whole(with_script: Open, api: Served) -> None:
    """What was closed is open, controls are gone, the title says what it is of."""
    page = with_script(f"{CLIENT}/transactions/{transaction_of(api, 'add_dependent')}")
    assert re.search(r"^harbor-bakery: .+, 2026-03-04 17:00:00 UTC, checkpoint \d+ ", page.title())
    hash_of_path = page.locator(".hashes li").first
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert hash_of_path.is_visible()
    page.emulate_media(media="print")
    text = _printed(page)
    assert "Its proof" in text
    assert hash_of_path.inner_text()[:24] in text
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert not hash_of_path.is_visible()


def test_a_client_is_printed_without_its_controls(with_script: Open) -> None:
    """The text of the page, black on white."""
    page = with_script(f"{CLIENT}?true_on={FEBRUARY}&known_at={AFTER}")
    assert re.search(
        r"^harbor-bakery, true on 2026-02-20, as known at version \d+ of \d+, checkpoint \d+ ",
        page.title(),
    )
    text = _printed(page)
    assert "Harbor Bakery" in text
    assert "Belanor Pemwicket" in text
    assert "As known at version" not in text
    assert "Compare" not in text
    assert page.locator("body").evaluate("each => getComputedStyle(each).color") == "rgb(0, 0, 0)"


def _printed(page: Page) -> str:
    """The text of the page's PDF."""
    page.emulate_media(media="print")
    document = pypdfium2.PdfDocument(page.pdf(format="Letter"))
    return "\n".join(sheet.get_textpage().get_text_range() for sheet in document)
