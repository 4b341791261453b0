"""The pages without JavaScript: each reads, the slider's form works, and both axes are told apart.

The scenario is handbook §9: H2's spouse is covered from 9 February 2026, and was told on 4 March.
"""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.inbound.pages import rendering
from adapters.outbound.views import Book
from tests.adapters.commission_house import AGENCY
from tests.adapters.pages.conftest import Open
from tests.adapters.pages.paths import (
    AFTER,
    BEFORE,
    CLIENT,
    FEBRUARY,
    SPOUSE,
    every_page,
    transaction_of,
)
from tests.adapters.served import AGENT, HARBOR, SUBSCRIBER, Served


def test_every_page_reads_without_script(without_script: Open, api: Served) -> None:
    """Each has a heading and something below it, and the browser's console says nothing."""
    for name, path in every_page(api).items():
        page = without_script(path)
        said: list[str] = []
        page.on("console", lambda message, said=said: said.append(message.text))
        assert page.locator("h1").inner_text(), name
        assert len(page.locator("main").inner_text()) > 100, name
        assert said == [], name


@pytest.mark.parametrize(
    ("known_at", "members", "spouse"),
    [(BEFORE, "9 members", 0), (AFTER, "10 members", 1)],
)
def test_february_as_known_before_and_after_the_spouse_was_told(
    without_script: Open, known_at: str, members: str, spouse: int
) -> None:
    """The same day on the one axis, two moments on the other."""
    page = without_script(f"{CLIENT}?true_on={FEBRUARY}&known_at={known_at}")
    text = page.locator("main").inner_text()
    assert f"True on {FEBRUARY}" in text
    assert members in text
    people = page.locator("table", has=page.locator("#people")).locator("tbody tr")
    rows = people.filter(has_text=SPOUSE)
    assert rows.count() == spouse
    if spouse:
        assert "2026-02-09" in rows.inner_text()
        assert "$503.04" in rows.inner_text()


def test_a_book_is_read_on_both_axes(without_script: Open, api: Served) -> None:
    """It says which moment it shows, and hands it on; before its agent was told it is empty."""
    page = without_script(f"/audit/book?producer_id={AGENT}")
    assert "as known now" in page.locator(".lead").inner_text()
    page.fill("#true_on", FEBRUARY)
    page.fill("#known_at", BEFORE)
    page.get_by_role("button", name="Show").click()
    page.wait_for_url(re.compile("true_on=2026-02-20&known_at=2026"))
    assert f"True on {FEBRUARY}, as known at {BEFORE}" in page.locator(".lead").inner_text()
    assert (page.input_value("#true_on"), page.input_value("#known_at")) == (FEBRUARY, BEFORE)
    assert "9" in page.locator("tbody tr", has_text=HARBOR).inner_text().split()
    page.get_by_role("link", name="Harbor Bakery").click()
    page.wait_for_url(re.compile(CLIENT))
    assert f"True on {FEBRUARY}, as known at {BEFORE}" in page.locator(".lead").inner_text()
    page = without_script(f"/audit/book?producer_id={AGENT}&true_on={FEBRUARY}&known_at=1")
    assert "as known at 1" in page.locator(".lead").inner_text()
    assert "No client has P-100" in page.locator("main").inner_text()
    page.get_by_role("link", name="Today, as known now").click()
    page.wait_for_url(re.compile(f"producer_id={AGENT}$"))
    assert "8" in page.locator("tbody tr", has_text=HARBOR).inner_text().split()


def test_the_next_page_of_a_book_is_of_the_same_moment() -> None:
    """The link keeps the day and the moment, whatever characters it has."""
    book = Book(producer_id=AGENT, on=date(2026, 2, 20), items=[], next="abc")
    known_at = "2026-03-03T12:00:00+01:00"
    html = bytes(rendering.page("book.html", book=book, true_on=None, known_at=known_at).body)
    link = re.search(r'href="([^"]*)" rel="next"', html.decode())
    assert link
    assert parse_qs(urlsplit(unescape(link[1])).query) == {
        "producer_id": [AGENT],
        "true_on": ["2026-02-20"],
        "known_at": [known_at],
        "cursor": ["abc"],
    }


def test_the_slider_moves_without_script(without_script: Open) -> None:
    """One step back from the newest version, and the button; then an instant goes before it."""
    page = without_script(f"{CLIENT}?true_on={FEBRUARY}")
    newest = int(page.get_attribute("#version", "max") or 0)
    page.focus("#version")
    page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url(re.compile(f"version={newest - 1}&"))
    assert f"as known at version {newest - 1}" in page.locator(".lead").inner_text()
    page.fill("#known_at", BEFORE)
    page.get_by_role("button", name="Show").click()
    page.wait_for_url(re.compile("known_at=2026"))
    assert f"as known at {BEFORE}" in page.locator(".lead").inner_text()
    assert page.input_value("#known_at") == "", "the slider stands for it from here on"
    assert page.input_value("#true_on") == FEBRUARY


def test_the_timeline_shows_what_was_known_then_on_both_axes(without_script: Open) -> None:
    """Newest first, nothing that came later, each with the day it is true from."""
    page = without_script(f"{CLIENT}?known_at={AFTER}")
    first = page.locator(".timeline tbody tr").first.inner_text()
    assert "Add a dependent" in first or "dependent" in first.lower()
    assert "2026-03-04 17:00:00 UTC" in first
    assert "2026-02-09" in first
    assert "told 23 days after" in first
    assert "after the day from which they hold" in (page.get_attribute("svg", "aria-label") or "")


def test_a_transaction_is_opened_to_its_effects_and_its_proof(
    without_script: Open, api: Served
) -> None:
    """The spouse: rows before and after, April's two lines, the commission on them, the proof."""
    page = without_script(f"{CLIENT}/transactions/{transaction_of(api, 'add_dependent')}")
    text = page.locator("main").inner_text()
    assert "1998-04-02" in text, "the event is shown with everything in it"
    changed = page.locator("table", has=page.locator("#changed")).inner_text()
    assert SPOUSE in changed
    assert "Added" in changed
    adjusted = page.locator("table", has=page.locator("#adjustments")).locator("tbody tr")
    assert adjusted.count() == 2
    assert [
        f"{month} 2026" in adjusted.nth(n).inner_text()
        for n, month in enumerate(["February", "March"])
    ] == [True, True]
    assert "$503.04" in adjusted.first.inner_text()
    commissions = page.locator("table", has=page.locator("#commissions")).locator("tbody tr")
    shares = [commissions.nth(n).inner_text() for n in range(commissions.count())]
    assert any(AGENCY in each and "$20.12" in each for each in shares), shares
    assert "The event as it is stored now is leaf" in text
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the proof").click()
    proof = download.value.path().read_text()
    position = re.search(r"position (\d+)", text)
    assert position
    assert proof == api.get(f"/v1/proof/inclusion/{position[1]}").text


def test_what_no_checkpoint_covers_yet_says_so(without_script: Open, api: Served) -> None:
    """A refused attempt: its sentence, that it changed nothing, and that it is not proven."""
    page = without_script(f"{CLIENT}/transactions/{transaction_of(api, 'change_plan')}")
    text = page.locator("main").inner_text()
    assert "Refused (plan_unknown)" in text
    assert f"portal-one (portal) for {AGENT}" in text
    assert "Nothing that is shown in the book or the bills." in text
    assert "is not proven by the checkpoint" in text


def test_changes_between_two_knowings_name_their_causes(without_script: Open) -> None:
    """Before and after the spouse: each row with the one transaction behind it."""
    page = without_script(f"{CLIENT}/changes?from={BEFORE}&to={AFTER}")
    rows = page.locator("table tbody tr")
    assert rows.count() > 1
    for n in range(rows.count()):
        assert "dependent" in rows.nth(n).inner_text().lower()
    rows.first.get_by_role("link").first.click()
    assert page.url.endswith(transaction_url_end(page.url))


def transaction_url_end(url: str) -> str:
    """The path of a transaction's page at the end of an address; fails where there is none."""
    found = re.search(rf"{CLIENT}/transactions/[0-9a-f]{{32}}$", url)
    assert found, url
    return found[0]


def test_a_premium_is_explained_as_known_then(without_script: Open) -> None:
    """From the table of a moment; each transaction behind a step leads to its own page."""
    page = without_script(f"{CLIENT}?true_on={FEBRUARY}&known_at={AFTER}")
    page.get_by_role("link", name="Why the premium of Belanor Pemwicket").click()
    text = page.locator("main").inner_text()
    assert "503.04" in text
    assert "480.00 × 1.048" in text
    assert "handbook §4" in text
    page.get_by_role("link", name="Add a dependent").first.click()
    assert transaction_url_end(page.url)


def test_clients_and_books_are_found(without_script: Open) -> None:
    """By the forms of the first page; the checkpoint is told beside them."""
    page = without_script("/audit")
    assert "Proves positions" in page.locator("main").inner_text()
    page.fill("#client_id", HARBOR)
    page.get_by_role("button", name="Open the client").click()
    page.wait_for_url(re.compile(f"{CLIENT}$"))
    page = without_script("/audit")
    page.fill("#producer_id", AGENT)
    page.get_by_role("button", name="Open the book").click()
    page.get_by_role("link", name="Harbor Bakery").click()
    page.wait_for_url(re.compile(f"{CLIENT}$"))


def test_a_members_premium_of_a_month_is_the_invoices_line(
    without_script: Open, api: Served
) -> None:
    """The invoice's own page leads to the reasons of each line."""
    page = without_script(f"{CLIENT}/invoices/2026-04")
    row = page.locator("tbody tr").filter(has_text=SUBSCRIBER).first
    assert "$598.08" in row.inner_text()
    row.get_by_role("link", name="Why").click()
    assert "598.08" in page.locator("main").inner_text()
