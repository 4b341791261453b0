"""A small proven log, archives of it, and what the offline verifier says of them."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

import ofrecord_verify
from adapters.bootstrap import SystemClock
from adapters.outbound.archive_reads import PostgresLogMoment
from adapters.outbound.event_store import PostgresEventLog
from adapters.outbound.proof_store import PostgresProofStore
from adapters.outbound.signing_keys import SigningKeyFolder
from domain.catalog import COMMANDS, PAYEE_COMMANDS
from domain.kernel import Actor
from domain.payee.state import stream_id
from processors.archive_format import Manifest, Scope
from processors.archiving import Archiver
from processors.command_processor import CommandProcessor
from processors.proving import Prover
from processors.receipts import Submission

ORIGIN = "ofrecord.test/log"
WHOLE = Scope(kind="all")
CARRIER = Actor("carrier-test", "carrier")
_PORTAL = Actor("portal-test", "portal", producer_id="P-200")


@dataclass(frozen=True)
class House:
    """A log on a database, and who signs it."""

    url: str
    keys: SigningKeyFolder

    @property
    def vkey(self) -> str:
        """The verifier key of the log."""
        return self.keys.verifiers()[0].text()

    def prove(self) -> str:
        """Sign all that is there; returns the newest checkpoint."""
        with (
            closing(PostgresEventLog(self.url, pool_size=1)) as log,
            closing(ConnectionPool(self.url, min_size=0, max_size=2, open=True)) as pool,
        ):
            store = PostgresProofStore(pool)
            prover = Prover(log, store, self.keys, SystemClock())
            prover.start()
            while prover.step():
                pass
            newest = store.newest()
        assert newest is not None
        return newest.note

    def send(self, clients: range) -> None:
        """Open clients and let things happen to them: accepted, refused, hidden, without events."""
        with (
            closing(PostgresEventLog(self.url)) as log,
            closing(CommandProcessor(log, SystemClock())) as processor,
        ):
            for number in clients:
                for actor, client_id, key, command in _life(number):
                    kind = (COMMANDS | PAYEE_COMMANDS)[command["type"]]
                    one = Submission(actor, client_id, key, kind.model_validate(command))
                    processor.submit(one).result(60)

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection[Any]]:
        """A transaction that may alter anything, and is taken back."""
        with psycopg.connect(self.url) as conn:
            conn.execute("SET session_replication_role = replica")  # no trigger keeps anything
            conn.commit()
            conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            yield conn
            conn.rollback()


def _life(number: int) -> Iterator[tuple[Actor, str, str, Mapping[str, Any]]]:
    """What is sent of one client, and now and then of a payee."""
    client_id = f"client-{number}"
    agent = {
        "type": "assign_agent_of_record", "agency_id": "A-1", "licence_number": "2345678",
        "licensed_states": ["CT"], "appointed": True, "letter_received_on": "2026-01-02",
    }  # fmt: skip
    commands: list[tuple[Actor, Mapping[str, Any]]] = [
        (CARRIER, {
            "type": "open_client", "name": f"Café \"{number}\"", "state": "CT",
            "county": "New London", "segment": "small_group", "part_month_rule": "full_month",
            "effective_on": "2026-11-01", "full_time_employees": "2", "part_time_hours": "0",
        }),
        (CARRIER, {**agent, "producer_id": f"P-{number}", "payee": "producer"}),
        (CARRIER, {
            "type": "add_subgroup", "subgroup_id": "MAIN", "name": "Main",
            "effective_on": "2026-11-01",
        }),
        (CARRIER, {
            "type": "offer_plan", "plan_id": "SILVER", "name": "Silver", "subgroup_id": "MAIN",
            "effective_on": "2026-11-01", "rate": {"base": "480.00"},
        }),
        (CARRIER, {
            "type": "add_subscriber", "member_id": "20260100001", "subgroup_id": "MAIN",
            "name": {"first": "Zoë", "last": "Rivera"}, "birth_date": "1987-05-20",
            "address": _address(1), "plan_id": "SILVER", "effective_on": "2026-11-01",
        }),
        (CARRIER, {
            "type": "change_address", "member_id": "20260100001", "address": _address(2),
        }),
        (CARRIER, {
            "type": "change_address", "member_id": "20260100001", "address": _address(2),
        }),
        (CARRIER, {"type": "order_id_card", "member_id": "20260100009", "reason": "lost"}),
        (_PORTAL, {"type": "order_id_card", "member_id": "20260100001", "reason": "lost"}),
    ]  # fmt: skip
    for at, (actor, command) in enumerate(commands):
        yield actor, client_id, f"{client_id}-{at}", command
    if number % 2:
        payee = {"type": "register_payee", "kind": "producer", "pay_by": "check"}
        yield CARRIER, stream_id(f"P-{number}"), f"payee-{number}", payee


def _address(house: int) -> dict[str, str]:
    return {"line1": f"{house} Water Street", "city": "Mystic", "state": "CT", "zip": "06355"}


def write_archive(
    conn: psycopg.Connection[Any], file: Path, scope: Scope = WHOLE, head: int = 0
) -> Manifest:
    """An archive of the log as the connection's transaction sees it."""
    moment = PostgresLogMoment(conn)
    about = Manifest(made_at=datetime.now(UTC), program="test", origin=ORIGIN, scope=scope)
    with file.open("wb") as opened:
        return Archiver(moment, about).write(opened, [], head or moment.head())


@dataclass(frozen=True)
class Verdict:
    """What the verifier said."""

    code: int
    said: dict[str, Any]

    @property
    def kinds(self) -> set[str]:
        """The kinds of what it found."""
        return {finding["kind"] for finding in self.said.get("findings", ())}


def verify(file: Path, *options: str) -> Verdict:
    """Run the verifier on an archive; it answers in JSON."""
    answer = io.StringIO()
    with contextlib.redirect_stdout(answer):
        code = ofrecord_verify.main([str(file), "--json", *options])
    return Verdict(code, json.loads(answer.getvalue()))


def new_house(url: str, folder: Path) -> House:
    """A log without events."""
    keys = SigningKeyFolder(folder, ORIGIN)
    keys.prepare()
    return House(url, keys)
