"""Reads of transactions, on rows as the projection writes them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from adapters.outbound import transaction_reads, transaction_sql
from adapters.outbound.paging import BadCursor
from adapters.outbound.reading import NotFound, Reading, read_pool, reading
from adapters.outbound.row_store import PostgresRowStore
from adapters.outbound.transaction_reads import Progress, TransactionFilter, TransactionReads
from projections.kernel import Row
from projections.transactions import FulfilmentRow, TransactionMemberRow
from tests.adapters.plans import rows_read
from tests.adapters.rows_given import BOOK, TRANSACTIONS, a_transaction, an_agent, give

TODAY = date(2026, 3, 10)
NOW = datetime(2026, 3, 10, 17, tzinfo=UTC)
CAUGHT_UP = Progress(now=NOW, applied={"book_of_business": 99, "transactions": 99}, parked={})
H1 = "00000000001"


class Reads:
    """The reads, and the rows they are given."""

    def __init__(self, database_url: str) -> None:
        self.rows = PostgresRowStore(database_url)
        self.pool = read_pool(database_url, max_size=2)
        self._reads = TransactionReads(self.pool)

    def given(self, *rows: Row, book: tuple[Row, ...] = ()) -> TransactionReads:
        """The reads, with these rows of transactions (and of the book)."""
        give(self.rows, BOOK, 99, *book)
        give(self.rows, TRANSACTIONS, 99, *rows)
        return self._reads

    def close(self) -> None:
        """Give back every connection."""
        self.pool.close()
        self.rows.close()


@pytest.fixture
def reads(database_url: str) -> Iterator[Reads]:
    """Reads on a fresh database."""
    reads = Reads(database_url)
    yield reads
    reads.close()


def a_card(position: int, confirmed_at: datetime | None = None) -> FulfilmentRow:
    """An ID card to be mailed for the transaction at a position."""
    return FulfilmentRow(
        transaction_id=f"{position:032x}",
        client_id="C1",
        member_id=H1,
        kind="id_card",
        confirmed_at=confirmed_at,
    )


def positions(
    reads: TransactionReads, wanted: TransactionFilter, progress: Progress = CAUGHT_UP
) -> list[int]:
    """The positions of all transactions wanted, gathered page by page."""
    found: list[int] = []
    cursor = None
    while True:
        page = reads.page(wanted, progress, cursor, 2)
        found += [item.position for item in page.items]
        cursor = page.next
        if cursor is None:
            return found


def test_completed_means_applied_everywhere_and_mailed(reads: Reads) -> None:
    """Accepted is what a projection, a parked client or a card still holds up (§3)."""
    store = reads.given(
        a_transaction(1),
        a_transaction(2, needs_fulfilment=True),
        a_transaction(3, needs_fulfilment=True),
        a_transaction(4, client_id="C2"),
        a_transaction(5, client_id="C2"),
        a_transaction(6),
        a_transaction(7, outcome="refused", code="too_far_ahead", sentence="No."),
        a_card(2),
        a_card(3, NOW),
    )
    progress = Progress(
        now=NOW,
        applied={"book_of_business": 5, "transactions": 9},
        parked={("book_of_business", "C2"): 5},
    )
    statuses = {
        item.position: item.status
        for item in store.page(TransactionFilter(), progress, None, 50).items
    }
    assert statuses == {
        1: "completed",
        2: "accepted",
        3: "completed",
        4: "completed",
        5: "accepted",
        6: "accepted",
        7: "refused",
    }
    for status in ("accepted", "completed", "refused"):
        expected = [p for p in sorted(statuses, reverse=True) if statuses[p] == status]
        assert positions(store, TransactionFilter(status=status), progress) == expected


def test_overdue_is_accepted_for_more_than_24_hours(reads: Reads) -> None:
    """To the second; listed oldest first with what it waits for, and counted."""
    day_ago = NOW - timedelta(hours=24)
    store = reads.given(
        a_transaction(1, needs_fulfilment=True, received_at=day_ago),
        a_transaction(2, needs_fulfilment=True, received_at=day_ago - timedelta(seconds=1)),
        a_transaction(3, outcome="refused", code="x", sentence="No."),
        a_transaction(4),
        a_card(1),
        a_card(2),
    )
    progress = replace_applied(CAUGHT_UP, 3)
    assert positions(store, TransactionFilter(status="overdue"), progress) == [4, 2]
    listed = store.overdue(progress, None, 1)
    assert [(line.position, line.waits_for) for line in listed.items] == [(2, ["id_card"])]
    following = store.overdue(progress, listed.next, 1)
    assert [(line.position, line.waits_for) for line in following.items] == [
        (4, ["book_of_business"])
    ]
    assert following.next is None
    counts = store.counts(progress, NOW - timedelta(days=30))
    assert (counts.overdue, [(c.code, c.count) for c in counts.refused]) == (2, [("x", 1)])
    assert store.counts(progress, NOW).refused == []


def replace_applied(progress: Progress, position: int) -> Progress:
    """The same, with the book of business only so far."""
    applied = {**progress.applied, "book_of_business": position}
    return Progress(now=progress.now, applied=applied, parked=progress.parked)


def test_lists_are_filtered_by_type_sender_and_day_of_receipt(reads: Reads) -> None:
    """And by client, by member, by book; always newest first, however small the pages."""
    noon = datetime(2026, 3, 2, 17, tzinfo=UTC)
    store = reads.given(
        a_transaction(1, type="add_subscriber"),
        a_transaction(2, sender="portal-two", received_at=noon),
        a_transaction(3, client_id="C2"),
        a_transaction(4, client_id="C3"),
        a_transaction(5),
        TransactionMemberRow(client_id="C1", member_id=H1, position=2, transaction_id=f"{2:032x}"),
        book=(
            an_agent("C1", last_day=date(2026, 3, 9)),
            an_agent("C2"),
            an_agent("C3"),
        ),
    )
    everything = TransactionFilter()
    expectations = {
        everything: [5, 4, 3, 2, 1],
        replace(everything, client_id="C1"): [5, 2, 1],
        replace(everything, client_id="C1", member_id=H1): [2],
        replace(everything, client_id="C2", member_id=H1): [],
        replace(everything, type="add_subscriber"): [1],
        replace(everything, sender="portal-two"): [2],
        replace(everything, received_from=noon): [2],
        replace(everything, received_before=noon): [5, 4, 3, 1],
        replace(everything, book_of="P1", on=TODAY): [4, 3],
        replace(everything, book_of="P1", on=date(2026, 3, 9)): [5, 4, 3, 2, 1],
        replace(everything, book_of="P2", on=TODAY): [],
    }
    for wanted, expected in expectations.items():
        assert positions(store, wanted) == expected, wanted


def test_one_transaction_is_found_by_its_id(reads: Reads) -> None:
    """With what it asked to be mailed."""
    store = reads.given(a_transaction(2, needs_fulfilment=True), a_card(2), a_transaction(3))
    view = store.one(f"{2:032x}", CAUGHT_UP)
    assert (view.type, view.status, view.overdue) == ("change_address", "accepted", True)
    assert view.fulfilment is not None
    assert (view.fulfilment.kind, view.fulfilment.confirmed_at) == ("id_card", None)
    with pytest.raises(NotFound):
        store.one("f" * 32, CAUGHT_UP)


def test_pages_are_stable_while_transactions_arrive(reads: Reads) -> None:
    """What comes in after the first page never shows up on, or shifts, a later one."""
    store = reads.given(*(a_transaction(position) for position in (1, 2, 3, 4)))
    first = store.page(TransactionFilter(), CAUGHT_UP, None, 2)
    give(reads.rows, TRANSACTIONS, 100, a_transaction(5))
    second = store.page(TransactionFilter(), CAUGHT_UP, first.next, 2)
    assert [item.position for item in first.items + second.items] == [4, 3, 2, 1]


def test_a_made_up_cursor_is_refused(reads: Reads) -> None:
    """In every list."""
    store = reads.given()
    with pytest.raises(BadCursor):
        store.page(TransactionFilter(), CAUGHT_UP, "WyJhIl0", 2)
    with pytest.raises(BadCursor):
        store.overdue(CAUGHT_UP, "WyJhIl0", 2)


_MANY = """
ALTER TABLE book_of_business.agent SET (autovacuum_enabled = false);
ALTER TABLE transactions.transaction SET (autovacuum_enabled = false);
INSERT INTO book_of_business.agent
SELECT 'C' || n, '2026-01-01', NULL,
       CASE WHEN n % 10000 = 9999 THEN 'SMALL' WHEN n % 50 = 7 THEN 'MIDDLING' ELSE 'BIG' END,
       'A1', 'agency', 'small_group', 'Client' FROM generate_series(1, 100000) n;
INSERT INTO transactions.transaction
SELECT lpad(to_hex(n), 32, '0'), 'C' || n, n, n, 'change_address', 'accepted', NULL, NULL,
       's' || n % 50, 'portal', 'P1', 'k', NULL, NULL, NULL, '2026-03-01', '2026-03-01', 1, false
FROM generate_series(1, 100000) n;
"""
_ROWS_OF = {
    TransactionFilter(): 51,
    TransactionFilter(client_id="C7"): 1,
    TransactionFilter(sender="s7"): 51,
    TransactionFilter(status="overdue"): 60,
    TransactionFilter(status="accepted"): 60,
    TransactionFilter(book_of="SMALL", on=TODAY): 20,
    TransactionFilter(book_of="MIDDLING", on=TODAY): 51 * 50,
    TransactionFilter(book_of="BIG", on=TODAY): 60,
    TransactionFilter(book_of="SMALL", on=TODAY, status="overdue"): 60,
    TransactionFilter(book_of="BIG", on=TODAY, status="accepted"): 60,
}
"""How many transactions may be read for a page of 50 among 100,000."""


def test_a_page_among_100_000_transactions_reads_no_more_than_it_must(
    reads: Reads, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the planner knows: nothing of a table that has just grown, or everything."""
    store = reads.given()
    progress = Progress(now=NOW, applied={"a": 99_990}, parked={("a", "C7"): 7})
    read: list[float] = []

    def counting(conn: Reading, query: str, facts: dict[str, Any]) -> None:
        read.append(rows_read(conn, query, facts, "transaction"))

    with psycopg.connect(database_url, autocommit=True) as conn:
        for statement in _MANY.strip().split(";")[:-1]:
            conn.execute(statement)
        for preparation in ("SELECT 1", "ANALYZE"):
            conn.execute(preparation)
            for wanted, rows in _ROWS_OF.items():
                with watching_pages(monkeypatch, counting):
                    store.page(wanted, progress, None, 50)
                assert read.pop() <= rows, (preparation, wanted)
            with reading(reads.pool) as reader:
                facts = progress.facts() | {"after": 0, "limit": 51}
                for query in (transaction_sql.OVERDUE_PAGE, transaction_sql.OVERDUE_COUNT):
                    assert rows_read(reader, query, facts, "transaction") <= 60, preparation


@contextlib.contextmanager
def watching_pages(
    monkeypatch: pytest.MonkeyPatch, watch: Callable[[Reading, str, dict[str, Any]], None]
) -> Iterator[None]:
    """Show ``watch`` each page's query before it is run."""
    build = transaction_reads._query

    def watched(
        conn: Reading, wanted: TransactionFilter, facts: dict[str, Any], conditions: list[str]
    ) -> str:
        query = build(conn, wanted, facts, conditions)
        watch(conn, query, facts)
        return query

    with monkeypatch.context() as patched:
        patched.setattr(transaction_reads, "_query", watched)
        yield
