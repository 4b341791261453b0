"""Who may read the pages, what they are sealed against, and what they leave behind."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import httpx
import pytest

from adapters.inbound.pages.rendering import ASSETS
from adapters.outbound.access_reads import AccessFilter
from tests.adapters.pages.bakery import TRICKY, TRICKY_NAME
from tests.adapters.pages.conftest import Open
from tests.adapters.pages.paths import CLIENT, every_page, fetched, transaction_of
from tests.adapters.served import AGENT, HARBOR, Served

BOOK = f"/audit/book?producer_id={AGENT}"
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:;"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def test_auditors_and_the_carrier_read_every_page(api: Served) -> None:
    """Who read what is for auditors alone."""
    for name, path in every_page(api).items():
        assert fetched(api, path).status_code == 200, name
        status = 403 if name == "read_audit_accesses" else 200
        assert fetched(api, path, "carrier").status_code == status, name


def test_without_a_key_the_browser_is_asked_for_one(api: Served) -> None:
    """As a page, on every address; a wrong key is none."""
    for path in (*every_page(api).values(), "/audit/nothing"):
        answer = fetched(api, path, None)
        assert answer.status_code == 401, path
        assert (
            answer.headers["www-authenticate"] == 'Basic realm="Of Record audit", charset="UTF-8"'
        )
        assert "<h1>Unauthenticated</h1>" in answer.text
    wrong = ("auditor", api.tokens["auditor"][:-1] + "x")
    assert httpx.get(api.url + "/audit", auth=wrong, timeout=60).status_code == 401
    for header in ("Basic", "Basic %%%", "Basic /w==", "Basic " + "YQ==", "Bearer nothing"):
        answer = httpx.get(api.url + "/audit", headers={"Authorization": header}, timeout=60)
        assert answer.status_code == 401, header


@pytest.mark.parametrize("who", ["portal", "operations"])
def test_other_keys_are_told_that_they_may_not(api: Served, who: str) -> None:
    """On a page with the problem's sentence."""
    answer = fetched(api, CLIENT, who)
    assert answer.status_code == 403
    assert "A key of this role may not do this." in answer.text
    assert "Harbor Bakery" not in answer.text


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/audit/clients/nobody", 404, "There is nothing here that this key may see."),
        ("/audit/nothing", 404, "There is nothing here that this key may see."),
        (f"{CLIENT}?known_at=2020-01-01T00:00:00Z", 404, "Nothing was known of this client"),
        (f"{CLIENT}?known_at=2036-01-01T00:00:00Z", 422, "it has not come yet"),
        (f"{CLIENT}?version=1000", 422, "it has not come yet"),
        (f"{CLIENT}?known_at=yesterday", 422, "an instant with its offset from UTC"),
        (f"{CLIENT}?true_on=2026-02-30", 422, "query:true_on"),
        (f"{CLIENT}?foo=1", 422, "query:foo</code>: There is no such parameter"),
        (f"{CLIENT}/changes?from=1&known_to=5", 422, "query:known_to</code>: There is no such"),
        ("/audit?cursor=", 422, "There is no such parameter"),
        ("/audit/accesses?since=abc", 422, "There is no such parameter"),
        ("/audit/checkpoint?size=1", 422, "There is no such parameter"),
        ("/audit/explain/clients/x/balance?true_on=2026-01-01", 422, "There is no such parameter"),
        ("/audit/nothing?foo=1", 404, "There is nothing here that this key may see."),
        (f"{BOOK}&known_at=yesterday", 422, "an instant with its offset from UTC"),
        (f"{BOOK}&known_at=2036-01-01T00:00:00Z", 422, "it has not come yet"),
        (f"{BOOK}&true_on=2026-02-30", 422, "query:true_on"),
        (f"{BOOK}&cursor=x", 422, "This is no cursor of this list"),
        (f"{BOOK}&known_at=2000", 422, "it has not come yet"),
        (f"{BOOK}&known_at=1&cursor=x", 422, "This is no cursor of this list"),
        (f"{CLIENT}?cursor=x", 422, "This is no cursor of this list"),
        (f"{CLIENT}/transactions/{'0' * 32}", 404, "There is nothing here"),
        (f"{CLIENT}/invoices/2026-12", 404, "This client has no invoice for this month."),
        (f"{CLIENT}/changes?from=5&to=1", 422, "This moment is before known_from"),
        ("/audit/proofs/999", 404, "is not proven by the checkpoint"),
    ],
)
def test_what_cannot_be_shown_is_told_on_a_page(
    api: Served, path: str, status: int, sentence: str
) -> None:
    """With the status and the sentence of the problem."""
    answer = fetched(api, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert sentence in answer.text


def test_a_page_is_asked_for_by_its_own_fields_alone_after_signing_in(api: Served) -> None:
    """Who has not signed in is asked to, and not told what fields there are."""
    for path in every_page(api).values():
        wrong = f"{path}{'&' if '?' in path else '?'}since=x"
        assert fetched(api, wrong).status_code == 422, path
        assert fetched(api, wrong, None).status_code == 401, path


def test_a_slash_behind_the_first_pages_address_leads_there(api: Served) -> None:
    """With what was asked for."""
    for asked in ("", f"?client_id={HARBOR}"):
        answer = fetched(api, f"/audit/{asked}")
        assert (answer.status_code, answer.headers["location"]) == (308, f"/audit{asked}")


def test_fields_of_a_form_that_were_left_empty_ask_for_nothing(api: Served) -> None:
    """A browser sends them all the same."""
    for path in (
        f"{CLIENT}?version=3&true_on=&known_at=",
        f"{CLIENT}?version=&cursor=&people=",
        f"{CLIENT}/changes?from=5&to=",
        "/audit/accesses?client_id=&cursor=",
        "/audit?client_id=",
        f"{BOOK}&true_on=&known_at=&cursor=",
    ):
        assert fetched(api, path).status_code == 200, path
    assert fetched(api, f"{CLIENT}?version=0").status_code == 422
    assert fetched(api, f"{CLIENT}?known_at={'2' * 41}").status_code == 422


def test_a_transaction_is_found_under_its_own_client_alone(api: Served) -> None:
    """Under another's address there is none."""
    of_harbor = transaction_of(api, "add_dependent")
    answer = fetched(api, f"/audit/clients/{TRICKY}/transactions/{of_harbor}")
    assert answer.status_code == 404


def test_pages_are_sealed_and_kept_by_nobody(api: Served) -> None:
    """Nothing from elsewhere, in no frame, in no cache; pages of problems too."""
    for path in (*every_page(api).values(), "/audit/nothing"):
        headers = fetched(api, path).headers
        assert headers["content-security-policy"] == _POLICY
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"


def test_style_and_script_may_be_kept_for_ever(api: Served) -> None:
    """Their address has a digest of their content; under another there is nothing."""
    for path, asset in ASSETS.items():
        answer = fetched(api, path, None)
        assert answer.content == asset.content
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        elsewhere = path.replace(path.split("/")[3], "0" * 16)
        assert fetched(api, elsewhere, None).status_code == 404


def test_a_name_is_text_whatever_it_contains(with_script: Open) -> None:
    """A client's name made to be run is shown as it is written."""
    page = with_script(f"/audit/clients/{TRICKY}")
    assert page.locator("h1").inner_text() == TRICKY_NAME
    assert page.title() != "owned"
    assert page.locator("main script").count() == 0


def test_addresses_carry_ids_and_moments_only(api: Served) -> None:
    """No name, no birth date, no key in any link or form of any page."""
    for name, path in every_page(api).items():
        html = fetched(api, path).text
        assert api.tokens["auditor"] not in html, name
        for link in re.findall(r'(?:href|action|src)="([^"]*)"', html):
            assert urlsplit(link).netloc == "", "there is nothing from elsewhere"
            for personal in ("Belanor", "Pemwicket", "Crowquill", "Harbor Bakery", "1998-04-02"):
                assert personal not in link, name


def test_reading_a_page_leaves_a_record(api: Served) -> None:
    """Who read whom; also what was looked for in vain."""
    services = api.application.services
    assert services.accesses.flush()
    before = len(services.access_reads.page(AccessFilter(), None, 500).items)
    fetched(api, f"{CLIENT}/transactions/{transaction_of(api, 'add_dependent')}")
    fetched(api, BOOK, "carrier")
    fetched(api, "/audit/clients/nobody")
    assert services.accesses.flush()
    found = services.access_reads.page(AccessFilter(), None, 500).items
    told = [(each.sender, each.read, each.outcome, each.client_ids) for each in found]
    new = told[: len(found) - before]
    assert ("audit", "audit_transaction", "shown", [HARBOR]) in new
    assert any(read == "audit_book" and HARBOR in ids for _, read, _, ids in new)
    assert ("audit", "audit_client", "not_found", ["nobody"]) in new
