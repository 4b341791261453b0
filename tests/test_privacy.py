"""I7: no personal data outside the log and its projections, whatever happens.

The program runs as a process of its own on a real PostgreSQL, once with logs for machines and once
with logs for people. Canaries are sent through every action, rightly and wrongly, past a poison
event and while the database is away. Then everything it wrote is searched for them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.outbound.event_store import PostgresEventLog
from domain.client.change_name import NameChanged
from domain.client.open_client import ClientOpened
from domain.client.state import PersonName
from domain.kernel import Cause, Event
from processors.ports import NewEvent
from tests import canaries
from tests.adapters.command_line import CommandLine
from tests.canaries import MARK, PEOPLE, TEXT, found_in
from tests.conftest import PostgresForTests
from tests.every_action import AGENCY, CLIENT, MIA, Body, address_of, every_action
from tests.serving_process import Evidence, Program, running

_MAY_HOLD_PERSONAL_DATA = {"public.stored_events", "public.snapshots"}
_MAY_TOO = "book_of_business."


# ── What happens ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module", params=["json", "people"])
def evidence(
    request: pytest.FixtureRequest, postgres: PostgresForTests, tmp_path_factory: Any
) -> Iterator[Evidence]:
    """Everything that the program wrote while all of this happened."""
    database_url = postgres.new_database()
    with running(database_url, request.param, tmp_path_factory.mktemp("written")) as program:
        _every_action_happens(program)
        _everything_is_sent_wrongly(program)
        _events_turn_out_to_be_poison(program)
        _the_database_goes_away_and_comes_back(program, postgres)
        _stored_bytes_turn_out_to_be_damaged(program)
        program.evidence.operations += program.operations_read()
        program.evidence.command_line = _the_command_line_is_used(database_url)
    program.evidence.tables = _tables(database_url)
    program.evidence.postgres = _postgres_log(database_url)
    yield program.evidence
    postgres.drop(database_url)


def _every_action_happens(program: Program) -> None:
    """The whole story, rightly; then each action again by everyone, mostly refused."""
    lines = [
        {"key": step.key or f"story-{number}", "received_at": step.received_at.isoformat()}
        | step.address
        | step.body
        for number, step in enumerate(every_action(PEOPLE))
    ]
    told = program.submit_lines(lines)
    expected = [
        403 if step.is_of_a_run else 422 if step.refused else 201 for step in every_action()
    ]
    assert [line["status"] for line in told] == expected, told
    for body in canaries.bodies():
        for who in ("portal", "importer", "stranger", "operations"):
            program.submit(json.dumps(body).encode(), who, **address_of(body))


def _everything_is_sent_wrongly(program: Program) -> None:
    """Wrong bodies at all doors, and canaries wherever else a request can hold them."""
    for address in ({"client_id": CLIENT}, {"payee_id": AGENCY}):
        wrong = list(canaries.wrong_bodies(address))
        for body in wrong:
            assert program.submit(body, **address).status_code in (400, 403, 422)
        start = json.dumps(address | {"key": "k"}).encode()[:-1] + b","
        program.submit_lines([start + body[1:] for body in wrong])
    body = json.dumps(canaries.bodies()[0]).encode()
    for header in ("Correlation-Id", "Producer-Id", "Content-Type", "Accept"):
        program.submit(body, **{header: TEXT})
    program.submit(body, **{"Idempotency-Key": TEXT * 20})
    program.submit(body, Authorization=f"Bearer {TEXT}")
    program.submit(body * 10_000)
    for path in (
        f"/v1/clients/{TEXT}",
        f"/v1/clients/{TEXT}/transactions",
        f"/v1/clients/{CLIENT}/members/{TEXT}",
        f"/v1/clients/{CLIENT}/transactions?sender={TEXT}&type={TEXT}&cursor={TEXT}",
        f"/v1/clients/{CLIENT}/roster?true_on={TEXT}&limit={TEXT}",
        f"/v1/clients/{CLIENT}?after={TEXT}",
        f"/v1/transactions/{TEXT}",
        f"/{TEXT}",
    ):
        for method in ("GET", "POST", "DELETE"):
            program.ask(method, path, "portal")
        program.ask("GET", path, "stranger")


def _events_turn_out_to_be_poison(program: Program) -> None:
    """Events that cannot be folded, or whose rows cannot be stored, park their clients."""
    name = PersonName(first=f"{MARK}poison", last=f"{MARK}poison")
    opened = ClientOpened(
        name=f"{MARK}\x00nul",
        segment="small_group",
        state="CT",
        rating_area=1,
        part_month_rule="wash",
        effective_on=date(2025, 1, 1),
    )
    unknown = NameChanged(member_id=MIA, name=name, effective_on=date(2025, 1, 1))
    with closing(PostgresEventLog(program.url)) as log:
        for client_id, event in (("POISON-1", unknown), ("POISON-2", opened)):
            log.append([_happened(client_id, event)], (), datetime.now(UTC), {})
    _wait_until_parked(program, "POISON-1", "POISON-2")


def _happened(client_id: str, event: Event) -> NewEvent:
    cause = Cause("t", "change_name", "importer", "carrier", client_id, datetime.now(UTC))
    return NewEvent(client_id, 1, cause, event)


def _wait_until_parked(program: Program, *clients: str) -> None:
    deadline = time.monotonic() + 20
    parked: set[str] = set()
    while not parked.issuperset(clients):
        assert time.monotonic() < deadline, f"{clients} were not parked"
        time.sleep(0.05)
        items = program.ask("GET", "/v1/parked", "operations").json()["items"]
        parked = {item["client_id"] for item in items}


def _the_database_goes_away_and_comes_back(program: Program, postgres: PostgresForTests) -> None:
    """Transactions are sent and read while nothing can be stored."""
    body = canaries.bodies()[0]

    def outage(others: Executor) -> Iterator[Body]:
        yield {"client_id": CLIENT, "key": "before"} | body
        postgres.take_away(program.url)
        others.submit(program.submit, json.dumps(body).encode())
        others.submit(program.ask, "GET", f"/v1/clients/{CLIENT}/members/{MIA}", "portal")
        yield {"client_id": CLIENT, "key": "meanwhile"} | body

    try:
        with ThreadPoolExecutor() as others:
            told = program.submit_lines(outage(others))
    finally:
        postgres.bring_back(program.url)
    assert [line["status"] for line in told] == [201, 503]
    deadline = time.monotonic() + 20
    while program.submit(json.dumps(body).encode()).status_code == 503:
        assert time.monotonic() < deadline, "the program did not come back"
        time.sleep(0.1)


def _stored_bytes_turn_out_to_be_damaged(program: Program) -> None:
    """What was a role in the history says something else, and the decoder's error quotes it."""
    damaged = (
        "INSERT INTO stored_events SELECT 'POISON-3', 1, topic,"
        " convert_to(replace(convert_from(state, 'UTF8'), '\"role\":\"', %s), 'UTF8'),"
        " (SELECT max(notification_id) + 1 FROM stored_events), now()"
        " FROM stored_events WHERE topic = 'name_changed.v1' LIMIT 1"
    )
    with psycopg.connect(program.url) as connection:
        connection.execute(damaged.encode(), ('"role":"' + TEXT,))
    _wait_until_parked(program, "POISON-3")
    program.ask("GET", "/v1/clients/POISON-3/history", "importer")
    answer = program.submit(json.dumps(canaries.bodies()[0]).encode(), "importer", "POISON-3")
    assert answer.status_code == 500


def _the_command_line_is_used(database_url: str) -> str:
    """By an operator who makes mistakes."""
    lines = "\n".join(
        json.dumps(address_of(body) | {"key": f"cli-{number}"} | body)
        for number, body in enumerate(canaries.bodies())
    )
    wrong = b"\n".join(canaries.wrong_bodies({"client_id": CLIENT})).decode("utf-8", "replace")
    ofrecord = CommandLine(database_url)
    one = ("submit", "--client", CLIENT, "change_name")
    ended = [
        ofrecord("submit", "-", stdin=lines),
        ofrecord("submit", "-", stdin=wrong),
        *(ofrecord(*one, field) for field in (TEXT, f"name={TEXT}", f"name:={TEXT}")),
        ofrecord("member", CLIENT, TEXT),
        ofrecord("lag"),
        ofrecord("parked"),
    ]
    return "\n".join(run.out + run.err for run in ended)


def _tables(database_url: str) -> dict[str, str]:
    listed = (
        "SELECT schemaname || '.' || tablename FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    with psycopg.connect(database_url) as connection:
        connection.execute("SET bytea_output = 'escape'")
        return {
            name: "\n".join(row[0] for row in connection.execute(f"SELECT t::text FROM {name} t"))
            for (name,) in connection.execute(listed).fetchall()
        }


def _postgres_log(database_url: str) -> str:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    return (Path(row[0]).parent / "postgres.log").read_text(encoding="utf-8", errors="replace")


# ── What must not be found ─────────────────────────────────────────────────────────────────────


def test_i7_no_receipt_and_no_problem_holds_personal_data(evidence: Evidence) -> None:
    """Whoever sends something is not told again what it was."""
    assert {201, 400, 401, 403, 404, 405, 413, 415, 422, 500, 503} <= set(evidence.statuses)
    assert not [found for answer in evidence.answers for found in found_in(answer)]


def test_i7_no_line_that_the_process_wrote_holds_personal_data(evidence: Evidence) -> None:
    """Neither its log in either form, nor anything else on stdout or stderr."""
    for line in (
        "request",
        "command.failed",
        "projector.parked",
        "projector.interrupted",
        "log.unavail",
    ):
        assert line in evidence.written
    assert not found_in(evidence.written)


def test_i7_operations_see_no_personal_data(evidence: Evidence) -> None:
    """Lag, parked and overdue work are told in ids and numbers."""
    assert "POISON-1" in evidence.operations
    assert not found_in(evidence.operations)


def test_i7_the_command_line_repeats_no_personal_data(evidence: Evidence) -> None:
    """What is wrong with a line or an argument is said without what stood there."""
    for expected in ("malformed_json", "invalid_request", "refused", "POISON-2"):
        assert expected in evidence.command_line
    assert not found_in(evidence.command_line)


def test_i7_only_the_log_and_the_book_of_business_hold_personal_data(evidence: Evidence) -> None:
    """Of all tables only the events, their snapshots, and the rows that show people."""
    holding = {name for name, content in evidence.tables.items() if found_in(content)}
    elsewhere = {name for name in holding if not name.startswith(_MAY_TOO)}
    assert elsewhere <= _MAY_HOLD_PERSONAL_DATA
    assert {"public.stored_events", "book_of_business.member", "book_of_business.client"} <= holding
    assert {"public.receipts", "public.parked_clients", "transactions.transaction"} <= set(
        evidence.tables
    )


def test_i7_postgres_own_log_holds_no_personal_data(evidence: Evidence) -> None:
    """A statement that fails is not quoted, with its values, where operators read."""
    assert evidence.postgres
    assert not found_in(evidence.postgres)


# ── The search finds what is there ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [f"x {MARK.upper()}silva", "born 1937-11-19.", "datetime.date(1938, 3, 31)", "977-731-9416"],
)
def test_a_canary_is_found_in_any_form(text: str) -> None:
    """In capitals, within a word, as Python shows a date."""
    assert found_in(f"something {text} something")


def test_every_value_that_names_a_person_is_a_canary() -> None:
    """Nothing personal is sent that the search would not find."""
    parts = (PEOPLE.mia, PEOPLE.mia_renamed, PEOPLE.leo, PEOPLE.zoe)
    places = (PEOPLE.address, PEOPLE.moved_to, PEOPLE.contact, PEOPLE.reached_at)
    values = [value for part in (*parts, *places) for value in (part or {}).values()]
    assert not [value for value in values if value != "CT" and not found_in(value)]
    assert found_in(PEOPLE.group)
    assert found_in(PEOPLE.reason)
