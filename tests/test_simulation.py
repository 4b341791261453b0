"""The made-up book: the same for the same seed, believable, and played through the real door."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from adapters.inbound.demonstration import HARBOR_BAKERY
from adapters.inbound.simulation.book import life_of, simulate
from adapters.inbound.submitting import submit_lines
from adapters.outbound.in_memory import InMemoryEventLog
from domain.catalog import COMMANDS
from domain.client.open_client import ClientOpened
from domain.client.state import Client, Segment
from domain.dates import carrier_date
from domain.kernel import REFUSALS, Actor
from processors.command_processor import CommandProcessor
from schemas.envelope import Recorded, encode

_CLIENTS = 40


class _Clock:
    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now


class _Played:
    """A book played into a log of its own."""

    def __init__(self, clients: int, seed: int, now: datetime) -> None:
        self.log = InMemoryEventLog()
        self.processor = CommandProcessor(self.log, _Clock(now))
        self.summary = simulate(self.processor, clients, seed)

    def events(self) -> Iterator[Recorded]:
        return iter(self.log.follow(0, 1_000_000))

    def content(self) -> list[tuple[int, str, int, bytes]]:
        """The log without its recorded instants."""
        return [
            (e.position, e.client_id, e.version, encode(e.cause, e.event)) for e in self.events()
        ]


@pytest.fixture(scope="module")
def played() -> Iterator[_Played]:
    """A small book, seed 1."""
    book = _Played(_CLIENTS, 1, datetime(2026, 8, 1, 12, tzinfo=UTC))
    yield book
    book.processor.close()


def test_the_same_seed_makes_the_same_log_except_recorded_instants(played: _Played) -> None:
    """Whenever it is played, by whatever process."""
    again = _Played(_CLIENTS, 1, datetime(2027, 1, 2, 3, tzinfo=UTC))
    again.processor.close()
    assert again.content() == played.content()


def test_another_seed_makes_another_book() -> None:
    """Another seed, other people."""
    first, second = (
        [{**line.fields, "key": "", "client_id": ""} for line in life_of(seed, 1)]
        for seed in (1, 2)
    )
    assert first != second


def test_a_longer_book_begins_with_the_shorter_one(played: _Played) -> None:
    """So a book can be made longer later, and a broken-off one completed."""
    shorter = _Played(10, 1, datetime(2026, 8, 1, 12, tzinfo=UTC))
    shorter.processor.close()
    content = shorter.content()
    assert content == played.content()[: len(content)]


def test_playing_it_again_changes_nothing() -> None:
    """Every key was answered before: the same answers, and no second effect."""
    book = _Played(12, 3, datetime(2026, 8, 1, 12, tzinfo=UTC))
    head = book.log.head()
    again = simulate(book.processor, 12, 3)
    book.processor.close()
    assert book.log.head() == head
    assert again.repeated == again.transactions == book.summary.transactions


def test_every_segment_and_every_transaction_occurs(played: _Played) -> None:
    """All seven segments, and whatever a broker or the carrier can do, accepted at least once."""
    opened = [e.event for e in played.events() if isinstance(e.event, ClientOpened)]
    assert {event.segment for event in opened} == set(get_args(Segment))
    accepted = {
        e.cause.transaction_type for e in played.events() if e.event.type != "transaction_refused"
    }
    assert set(COMMANDS) - accepted == set()


def test_mistakes_occur_but_are_rare(played: _Played) -> None:
    """Refusals of many kinds, each with a declared code, in a few of a hundred transactions."""
    refused = played.summary.refused
    assert set(refused) <= set(REFUSALS)
    assert len(refused) >= 8
    assert 0.01 < refused.total() / played.summary.transactions < 0.12
    assert "received_out_of_order" not in refused
    assert "received_in_future" not in refused


def test_brokers_send_what_brokers_send(played: _Played) -> None:
    """Through portals of the agent of record, not all by the carrier."""
    roles = Counter(e.cause.role for e in played.events())
    assert roles["portal"] > 0.2 * roles.total()
    assert all(e.cause.producer_id for e in played.events() if e.cause.role == "portal")


def test_every_life_can_be_replayed(played: _Played) -> None:
    """Versions are 1..n without gaps, and every event evolves a client."""
    clients: dict[str, Client] = {}
    for e in played.events():
        client = clients.setdefault(e.client_id, Client(e.client_id))
        assert e.version == client.version + 1
        e.evolve(client)
    assert len(clients) == _CLIENTS


# ── Harbor Bakery ──────────────────────────────────────────────────────────────────────────────


def _harbor_bakery(path: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def test_harbor_bakery_is_accepted_as_the_handbook_tells_it() -> None:
    """Handbook §9: every transaction is accepted, at the instants at which it was received."""
    log = InMemoryEventLog()
    processor = CommandProcessor(log, _Clock(datetime(2026, 8, 1, tzinfo=UTC)))
    importer = Actor("importer", "carrier", None, frozenset({"backfill"}))
    lines = HARBOR_BAKERY.read_bytes().splitlines()
    outcomes = list(submit_lines(processor, ((importer, line) for line in lines)))
    processor.close()
    receipts = [outcome.answer.receipt for outcome in outcomes if outcome.answer]
    assert [receipt.status for receipt in receipts] == ["accepted"] * len(lines)
    members = {"add_subscriber", "add_dependent", "remove_subscriber"}
    days = [
        carrier_date(receipt.received_at).isoformat()
        for receipt in receipts
        if receipt.type in members
    ]
    assert days == [*["2025-12-10"] * 3, "2026-03-04", "2026-05-10"]
    assert all(receipt.events for receipt in receipts)


def test_harbor_bakerys_people_are_the_handbooks() -> None:
    """Handbook §9: three households, born as it says, all in SILVER."""
    lines = _harbor_bakery(HARBOR_BAKERY)
    added = [line for line in lines if line["type"] == "add_subscriber"]
    families = [
        [a["birth_date"], *(d["birth_date"] for d in a.get("dependents", ()))] for a in added
    ]
    assert families == [
        ["1987-05-20", "1989-11-02", "2010-03-04", "2012-07-19", "2015-09-09", "2021-06-30"],
        ["1999-08-14"],
        ["1967-02-01", "1970-12-24"],
    ]
    assert {a["plan_id"] for a in added} == {"SILVER"}


def test_bills_are_paid_as_people_pay(played: _Played) -> None:
    """In time, late, in part, too much, with a check that bounces; and bills change in arrears."""
    by_type: dict[str, list[Any]] = {}
    for recorded in played.events():
        by_type.setdefault(recorded.event.type, []).append(recorded.event)
    invoices = by_type["invoice_produced"]
    assert len({invoice.month for invoice in invoices}) >= 30
    assert any(invoice.prior_balance_cents > 0 for invoice in invoices), "unpaid, or in part"
    assert any(invoice.prior_balance_cents < 0 for invoice in invoices), "paid too much"
    assert by_type.keys() >= {"payment_bounced", "credit_refunded"}
    assert {payment.kind for payment in by_type["payment_posted"]} == {"payment", "credit"}
    causes = {change.transaction_type for invoice in invoices for change in invoice.changes}
    assert {"add_subscriber", "add_dependent", "remove_subscriber", "change_plan"} <= causes
    settled = [line for event in by_type["commission_settled"] for line in event.lines]
    assert {line.terms_kind for line in settled} >= {"percent", "pmpm"}
    assert any(line.takes_back_from is not None for line in settled)
