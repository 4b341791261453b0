"""The doors of documents, over HTTP and on the command line: who gets them, and what else is said.

The clock stands at a day of the test, because billing detail is shown for 24 months.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.inbound.http_api import doors
from tests.adapters.command_line import CommandLine
from tests.adapters.commission_house import AGENCY, served_until_june
from tests.adapters.printed import figures, lines
from tests.adapters.served import HARBOR, Served

INVOICE = f"/v1/clients/{HARBOR}/invoices/2026-06"
STATEMENT = f"/v1/payees/{AGENCY}/statements/2026-06"
OF_INVOICE = ("Credit carried forward $1,269.60", "Current charges, June 2026 $3,317.28")
OF_STATEMENT = ("All clients $7,957.92 $318.31 $318.31", "Paid $318.31")
JUNE_10 = datetime(2026, 6, 10, 17, tzinfo=UTC)


class Clock:
    """A clock that stands where a test puts it."""

    at = JUNE_10

    def now(self) -> datetime:
        """Where it stands."""
        return self.at


@pytest.fixture(scope="module")
def api(module_database_url: str) -> Iterator[Served]:
    """The worked example to June 2026, served on 10 June."""
    with served_until_june(module_database_url, Clock) as api:
        yield api


# ── Over HTTP ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        (INVOICE, f"invoice-{HARBOR}-2026-06.pdf", OF_INVOICE),
        (STATEMENT, f"statement-{AGENCY}-2026-06.pdf", OF_STATEMENT),
    ],
)
def test_who_may_read_it_may_keep_it(
    api: Served, path: str, name: str, expected: tuple[str, ...]
) -> None:
    """The agent of record and principal, the carrier, auditors: the same file; no operator."""
    answers = [api.get(f"{path}/pdf", who) for who in ("portal", "carrier", "auditor")]
    for answer in answers:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert len({answer.content for answer in answers}) == 1
    assert set(expected) <= set(figures(answers[0].content))
    assert lines(answers[0].content)[-1].startswith("Names as of June 10, 2026 Page ")
    refused = api.get(f"{path}/pdf", "operations")
    assert (refused.status_code, refused.json()["code"]) == (403, "role_not_permitted")


@pytest.mark.parametrize(
    ("path", "who", "status", "code"),
    [
        (INVOICE, "stranger", 404, "not_found"),
        (INVOICE.replace(HARBOR, "no-such-client"), "stranger", 404, "not_found"),
        (INVOICE.replace("06", "07"), "portal", 404, "invoice_not_found"),
        (INVOICE.replace("06", "13"), "portal", 422, "invalid_request"),
        (INVOICE, "many", 422, "producer_required"),
        (STATEMENT, "stranger", 404, "payee_not_found"),
        (STATEMENT.replace(AGENCY, "A-99"), "stranger", 404, "payee_not_found"),
        (STATEMENT.replace("06", "07"), "portal", 404, "statement_not_found"),
        (STATEMENT.replace("06", "00"), "portal", 422, "invalid_request"),
        ("/v1/payees/A%2099/statements/2026-06", "portal", 422, "invalid_request"),
    ],
)
def test_who_may_not_read_it_gets_the_answer_of_the_read(
    api: Served, path: str, who: str, status: int, code: str
) -> None:
    """Byte for byte: a document tells nothing that the read does not."""
    answer = api.get(f"{path}/pdf", who)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.content == api.get(path, who).content


@pytest.mark.parametrize("path", [INVOICE, STATEMENT])
def test_a_document_has_no_pages_to_ask_for(api: Served, path: str) -> None:
    """It is whole; but it can be waited for, as far as the log goes."""
    paged = api.get(f"{path}/pdf?limit=1")
    assert [fault["pointer"] for fault in paged.json()["errors"]] == ["query:limit"]
    head = api.application.services.log.head()
    assert api.get(f"{path}/pdf", params={"after": head}).status_code == 200
    beyond = api.get(f"{path}/pdf", params={"after": head + 1})
    assert [fault["pointer"] for fault in beyond.json()["errors"]] == ["query:after"]


def test_a_document_shows_the_write_that_was_waited_for(api: Served) -> None:
    """A name that was changed, from the position of its receipt on."""
    name = {"first": "Renamed", "last": "Pemwicket"}
    body = {"type": "change_name", "member_id": "20260100007", "name": name}
    receipt = api.submit(body | {"effective_on": "2026-06-01"}, "rename").json()
    answer = api.get(f"{INVOICE}/pdf", "portal", params={"after": receipt["position"]})
    assert "Renamed Pemwicket 20260100007 Subscriber SILVER $491.52" in lines(answer.content)


def test_an_invoice_is_shown_for_24_months(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """June 2026 is still shown in June 2028, and not in July; a statement always is."""
    monkeypatch.setattr(Clock, "at", datetime(2028, 6, 30, 17, tzinfo=UTC))
    assert api.get(f"{INVOICE}/pdf").status_code == 200
    monkeypatch.setattr(Clock, "at", datetime(2028, 7, 1, 17, tzinfo=UTC))
    gone = api.get(f"{INVOICE}/pdf")
    assert (gone.status_code, gone.json()["code"]) == (410, "invoice_not_shown")
    assert api.get(f"{STATEMENT}/pdf").status_code == 200


def test_the_document_of_the_api_says_what_kind_of_file_it_is() -> None:
    """Both routes answer a PDF, and problems as JSON."""
    paths = json.loads(doors("1").state.document)["paths"]
    for path in (
        "/v1/clients/{client_id}/invoices/{month}/pdf",
        "/v1/payees/{payee_id}/statements/{month}/pdf",
    ):
        answers = paths[path]["get"]["responses"]
        assert list(answers["200"]["content"]) == ["application/pdf"]
        assert list(answers["404"]["content"]) == ["application/problem+json"]


# ── On the command line ────────────────────────────────────────────────────────────────────────


@pytest.fixture
def ofrecord(api: Served, module_database_url: str) -> CommandLine:
    """The command line on the same database, while it is served."""
    return CommandLine(module_database_url)


DOCUMENTS = [
    (("invoice", HARBOR, "2026-06"), INVOICE),
    (("statement", AGENCY, "2026-06"), STATEMENT),
]


@pytest.mark.parametrize(("command", "path"), DOCUMENTS)
def test_a_document_is_written_to_a_file(
    ofrecord: CommandLine, api: Served, tmp_path: Path, command: tuple[str, ...], path: str
) -> None:
    """The same bytes as over HTTP, and nothing else is said."""
    file = tmp_path / "document.pdf"
    ended = ofrecord(*command, "--pdf", str(file))
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert file.read_bytes() == api.get(f"{path}/pdf").content


@pytest.mark.parametrize(("command", "path"), DOCUMENTS)
def test_a_document_goes_to_stdout(
    ofrecord: CommandLine, api: Served, command: tuple[str, ...], path: str
) -> None:
    """For ``-``, and nothing beside it."""
    ended = ofrecord(*command, "--pdf", "-")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == api.get(f"{path}/pdf").content.decode(errors="replace")


@pytest.mark.parametrize(("command", "_path"), DOCUMENTS)
def test_a_file_that_cannot_be_written_is_told(
    ofrecord: CommandLine, tmp_path: Path, command: tuple[str, ...], _path: str
) -> None:
    """In a sentence, and with 2: there is no such folder, or it is one."""
    absent = tmp_path / "no-folder" / "document.pdf"
    ended = ofrecord(*command, "--pdf", str(absent))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"{absent} cannot be written: No such file or directory.\n"
    ended = ofrecord(*command, "--pdf", str(tmp_path))
    assert (ended.code, ended.err) == (2, f"{tmp_path} cannot be written: Is a directory.\n")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("invoice", HARBOR, "2026-07"), 1),
        (("invoice", "no-such-client", "2026-06"), 1),
        (("statement", AGENCY, "2026-07"), 1),
        (("statement", "A-99", "2026-06"), 1),
        (("invoice", HARBOR, "June"), 2),
        (("statement", AGENCY, "2026-6"), 2),
        (("invoice", HARBOR, "2026-06", "--json"), 2),
        (("statement", AGENCY, "2026-06", "--json"), 2),
        (("statement", AGENCY, "2026-06", "--csv"), 2),
    ],
)
def test_what_there_is_no_document_of_makes_no_file(
    ofrecord: CommandLine, tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    """1 if there is none, 2 if it was not asked for rightly."""
    file = tmp_path / "document.pdf"
    assert ofrecord(*arguments, "--pdf", str(file)).code == code
    assert not file.exists()
