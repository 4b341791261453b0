"""Reads of the book of business, on rows as the projection writes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from adapters.outbound import read_store
from adapters.outbound.paging import BadCursor, cursor_of
from adapters.outbound.read_store import ReadStore
from adapters.outbound.reading import (
    _SEEN_BY,
    NotFound,
    Reading,
    ReadsUnavailable,
    read_pool,
    reading,
)
from adapters.outbound.row_store import PostgresRowStore
from projections.book_rows import OfferRow, RateRow, SubgroupRow
from projections.kernel import Row
from tests.adapters.plans import rows_read
from tests.adapters.rows_given import (
    BOOK,
    a_client,
    a_member,
    a_premium,
    a_span,
    an_agent,
    give,
)
from tests.conftest import PostgresForTests

TODAY = date(2026, 3, 10)
H1, H2, H3 = "00000000001", "00000000002", "00000000003"


class Reads:
    """A read store, and the rows it is given."""

    def __init__(self, database_url: str) -> None:
        self._rows = PostgresRowStore(database_url)
        self.pool = read_pool(database_url, max_size=2)
        self.store = ReadStore(self.pool)

    def given(self, *rows: Row) -> ReadStore:
        """The store with these rows in the book of business."""
        give(self._rows, BOOK, 1, *rows)
        return self.store

    def close(self) -> None:
        """Give back every connection."""
        self.pool.close()
        self._rows.close()


@pytest.fixture
def reads(database_url: str) -> Iterator[Reads]:
    """A read store on a fresh database."""
    reads = Reads(database_url)
    yield reads
    reads.close()


def test_a_client_shows_agents_subgroups_plans_and_rates(reads: Reads) -> None:
    """One page says all that a broker asks about a client."""
    offer = {"client_id": "C1", "plan_id": "SILVER", "plan_name": "Silver 2026"}
    store = reads.given(
        a_client(),
        an_agent(last_day=date(2026, 2, 28)),
        an_agent(producer_id="P2", first_day=date(2026, 3, 1)),
        SubgroupRow(client_id="C1", subgroup_id="MAIN", name="Main", effective_on=TODAY),
        OfferRow(subgroup_id="MAIN", first_day=date(2026, 1, 1), last_day=None, **offer),
        RateRow(
            client_id="C1",
            plan_id="SILVER",
            first_day=date(2026, 1, 1),
            tier="",
            monthly_cents=48_000,
        ),
    )
    view = store.client("C1", "P2", TODAY)
    assert view.agent_of_record is not None
    assert view.agent_of_record.producer_id == "P2"
    assert [agent.producer_id for agent in view.agents] == ["P1", "P2"]
    assert [subgroup.name for subgroup in view.subgroups] == ["Main"]
    (plan,) = view.plans
    assert (plan.name, plan.offers[0].subgroup_id) == ("Silver 2026", "MAIN")
    assert (plan.rates[0].monthly, plan.rates[0].tier) == ("480.00", None)


@pytest.mark.parametrize(
    ("changes", "administrator", "contact"),
    [
        ({}, "here", "866-204-3132"),
        ({"effective_on": date(2020, 1, 1), "administered_here_from": None}, "CBIA", "CBIA"),
        (
            {"effective_on": date(2020, 1, 1), "administered_here_from": date(2026, 3, 10)},
            "here",
            "866-204-3132",
        ),
        (
            {"effective_on": date(2020, 1, 1), "administered_here_from": date(2026, 3, 11)},
            "CBIA",
            "CBIA",
        ),
        ({"segment": "medicare_advantage"}, "Evolve", "800-333-1733"),
        ({"segment": "large_group", "account_manager": "J. Reyes"}, "here", "J. Reyes"),
    ],
)
def test_a_client_says_who_administers_it_and_whom_to_call(
    reads: Reads, changes: dict[str, Any], administrator: str, contact: str
) -> None:
    """The words are the domain's own (handbook §2)."""
    view = reads.given(a_client(**changes)).client("C1", None, TODAY)
    assert view.administration.administered_by == administrator
    assert view.administration.billing_contact == contact
    assert view.administration.administered_here == (administrator == "here")


def test_a_client_is_seen_only_by_todays_agent_of_record(reads: Reads) -> None:
    """Former, future and other producers find nothing, exactly as for a client that is not."""
    store = reads.given(
        a_client(),
        an_agent(producer_id="FORMER", last_day=date(2026, 3, 9)),
        an_agent(producer_id="NOW", first_day=date(2026, 3, 10), last_day=date(2026, 3, 10)),
        an_agent(producer_id="NEXT", first_day=date(2026, 3, 11)),
    )
    assert store.client("C1", "NOW", TODAY).client_id == "C1"
    for viewer in ("FORMER", "NEXT", "OTHER"):
        for read in (store.client, store.census, store.roster, store.require_visible):
            with pytest.raises(NotFound):
                read("C1", viewer, TODAY)
        with pytest.raises(NotFound):
            store.member("C1", H1, viewer, TODAY)


def test_who_may_see_is_judged_today_whatever_day_is_read(reads: Reads) -> None:
    """A former agent of record does not see the past either (handbook §6)."""
    store = reads.given(
        a_client(),
        an_agent(producer_id="FORMER", last_day=date(2026, 3, 9)),
        an_agent(producer_id="NOW", first_day=date(2026, 3, 10)),
    )
    past = date(2026, 3, 1)
    for read in (store.roster, store.census):
        assert read("C1", "NOW", past, seen_on=TODAY).on == past
        with pytest.raises(NotFound):
            read("C1", "FORMER", past, seen_on=TODAY)


def test_what_is_not_there_is_not_found(reads: Reads) -> None:
    """Also for those who see everything."""
    store = reads.given(a_client())
    with pytest.raises(NotFound):
        store.client("C2", None, TODAY)
    with pytest.raises(NotFound):
        store.member("C1", H1, None, TODAY)


def test_a_member_shows_spans_premium_and_family(reads: Reads) -> None:
    """The premium is the one of this month."""
    store = reads.given(
        a_client(),
        a_member(H1),
        a_member(H2, H1),
        a_span(H1, last_day=date(2026, 2, 28), plan_id="BRONZE"),
        a_span(H1, first_day=date(2026, 3, 1)),
        a_premium(H1, monthly_cents=41_000, last_month=date(2026, 2, 1), plan_id="BRONZE"),
        a_premium(H1, first_month=date(2026, 3, 1)),
    )
    view = store.member("C1", H1, None, TODAY)
    assert [span.plan_id for span in view.coverage] == ["BRONZE", "SILVER"]
    assert view.premium is not None
    assert (view.premium.monthly, view.premium.plan_id) == ("480.00", "SILVER")
    assert [(r.member_id, r.relationship) for r in view.family] == [(H2, "spouse")]
    assert view.address is not None
    assert view.address.city == "Mystic"
    assert store.member("C1", H2, None, TODAY).premium is None


def test_a_roster_pages_through_those_covered_on_the_day(reads: Reads) -> None:
    """Families stay together, nobody comes twice, and who is not covered that day is not there."""
    store = reads.given(
        a_client(),
        *(a_member(member) for member in (H1, H3)),
        a_member(H2, H1),
        a_span(H1),
        a_span(H2, H1, last_day=date(2026, 3, 9)),
        a_span(H3),
        a_premium(H1),
    )
    first = store.roster("C1", None, TODAY, limit=1)
    assert [(line.member_id, line.monthly) for line in first.items] == [(H1, "480.00")]
    second = store.roster("C1", None, TODAY, limit=1, cursor=first.next)
    assert [(line.member_id, line.monthly) for line in second.items] == [(H3, None)]
    assert second.next is None
    before = store.roster("C1", None, date(2026, 3, 9))
    assert [line.member_id for line in before.items] == [H1, H2, H3]


def test_the_census_counts_who_is_covered_on_the_day(reads: Reads) -> None:
    """By subgroup, plan, relationship, tier and age; the 18th birthday changes the band."""
    store = reads.given(
        a_client(),
        a_member(H1),
        a_member(H2, H1, relationship="child", birth_date=date(2008, 3, 10)),
        a_member(H3),
        a_span(H1),
        a_span(H2, H1, relationship="child"),
        a_span(H3, plan_id="BRONZE"),
        a_premium(H1, tier="ECH"),
    )
    census = store.census("C1", None, TODAY)
    assert (census.subscribers, census.members) == (2, 3)
    counted = {
        name: {c.name: (c.subscribers, c.members) for c in getattr(census, name) if c.members}
        for name in ("by_subgroup", "by_plan", "by_relationship", "by_tier", "by_age")
    }
    assert counted == {
        "by_subgroup": {"MAIN": (2, 3)},
        "by_plan": {"SILVER": (1, 2), "BRONZE": (1, 1)},
        "by_relationship": {"subscriber": (2, 2), "child": (0, 1)},
        "by_tier": {"ECH": (1, 2)},
        "by_age": {"18–25": (0, 1), "35–44": (2, 2)},
    }
    day_before = store.census("C1", None, date(2026, 3, 9)).by_age
    assert [c.members for c in day_before if c.name == "0–17"] == [1]


def test_a_book_pages_by_segment_and_client(reads: Reads) -> None:
    """Every client of the producer once, in order, whatever the size of the page."""
    clients = [f"C{number}" for number in range(7)]
    segments = ["large_group" if number % 2 else "small_group" for number in range(7)]
    rows: list[Row] = []
    for client_id, segment in zip(clients, segments, strict=True):
        rows += [a_client(client_id, segment=segment), an_agent(client_id, segment=segment)]
    store = reads.given(*rows, a_client("X"), an_agent("X", "P2"), a_member(H1), a_span(H1))
    seen: list[tuple[str, str]] = []
    cursor = None
    while True:
        page = store.book("P1", TODAY, cursor=cursor, limit=2)
        assert len(page.items) <= 2
        seen += [(line.segment, line.client_id) for line in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert seen == sorted(zip(segments, clients, strict=True))
    only = store.book("P1", TODAY, segment="large_group")
    assert [line.client_id for line in only.items] == ["C1", "C3", "C5"]
    assert [(line.subscribers, line.members) for line in only.items] == [(1, 1), (0, 0), (0, 0)]
    summary = store.book_summary("P1", TODAY)
    assert (summary.clients, [s.clients for s in summary.by_segment]) == (7, [3, 4])


@pytest.mark.parametrize("cursor", ["x", "é", "WyJhIl0", "WzEsMl0", "W10", "WyJcdTAwMDAiLCJhIl0"])
def test_a_made_up_cursor_is_refused(reads: Reads, cursor: str) -> None:
    """Not base64, not JSON, of the wrong kind, or with a character that cannot be stored."""
    with pytest.raises(BadCursor):
        reads.given().book("P1", TODAY, cursor=cursor)


def test_reads_are_unavailable_while_the_database_is_away(
    reads: Reads, database_url: str, postgres: PostgresForTests
) -> None:
    """They say so, and work again once it is back."""
    store = reads.given(a_client())
    postgres.take_away(database_url)
    with pytest.raises(ReadsUnavailable):
        store.ready()
    postgres.bring_back(database_url)
    assert store.client("C1", None, TODAY).client_id == "C1"


def test_reads_are_unavailable_until_the_tables_are_made(reads: Reads) -> None:
    """A projection that was never prepared is not a fault of the program."""
    with pytest.raises(ReadsUnavailable):
        reads.store.client("C1", None, TODAY)


_MANY = """
INSERT INTO book_of_business.client
SELECT 'C' || n, 'Client', 'small_group', 'CT', 1, 'wash', true, '2026-01-01', '2026-01-01',
       '2026-01-01', NULL, NULL FROM generate_series(1, 100000) n;
INSERT INTO book_of_business.agent
SELECT 'C' || n, '2026-01-01', NULL, CASE WHEN n % 10000 = 9999 THEN 'SMALL' ELSE 'BIG' END,
       'A1', 'agency', 'small_group', 'Client' FROM generate_series(1, 100000) n;
ANALYZE book_of_business.client, book_of_business.agent;
"""


@pytest.mark.parametrize("analyzed", [True, False])
@pytest.mark.parametrize(("producer_id", "rows"), [("BIG", 51), ("SMALL", 10)])
def test_a_page_of_a_book_of_100_000_clients_reads_what_it_shows(
    reads: Reads, database_url: str, analyzed: bool, producer_id: str, rows: int
) -> None:
    """A book of 100,000 clients is read as one of ten is, whatever the planner knows."""
    reads.given()
    facts = {"producer": producer_id, "on": TODAY, "segment": "small_group", "limit": 51}
    facts |= {"after_segment": "small_group", "after_client": "C1"}
    facts |= {"client": "C9999", "viewer": producer_id}
    with psycopg.connect(database_url, autocommit=True) as conn:
        for statement in _MANY.split(";")[: 3 if analyzed else 2]:
            conn.execute(statement)
    with reading(reads.pool) as reader:
        for query in (read_store._BOOK, read_store._BOOK_OF_SEGMENT, _SEEN_BY):
            assert rows_read(reader, query, facts, "agent") <= rows
            assert rows_read(reader, query, facts, "client") <= rows


_PEOPLE = """
INSERT INTO book_of_business.member
SELECT 'C1', 'M' || lpad(n::text, 5, '0'), 'S' || lpad((n / 2 * 7919 % 10000)::text, 4, '0'),
       'spouse', 'Ada', NULL, 'Moor', '1990-05-20', NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       '2026-01-01', NULL, NULL, NULL FROM generate_series(0, 19999) n ON CONFLICT DO NOTHING;
INSERT INTO book_of_business.coverage
SELECT client_id, member_id, '2026-01-01', NULL, 'SILVER', 'MAIN', subscriber_id, relationship, NULL
FROM book_of_business.member ON CONFLICT DO NOTHING;
INSERT INTO book_of_business.premium
SELECT client_id, subscriber_id, member_id, '2026-01-01', NULL, 48000, 'SILVER', 'MAIN', NULL
FROM book_of_business.member ON CONFLICT DO NOTHING;
"""
"""Couples; those whose members have neighbouring ids are far from each other in the roster."""
_ROSTER = sorted((f"S{n // 2 * 7919 % 10_000:04}", f"M{n:05}") for n in range(20_000))
_ALL_BUT_ONE_GO = """
DELETE FROM book_of_business.member WHERE member_id <> 'M19999';
DELETE FROM book_of_business.coverage WHERE member_id <> 'M19999';
DELETE FROM book_of_business.premium WHERE member_id <> 'M19999';
"""
_GROWTH = {
    "never analyzed": (_PEOPLE,),
    "analyzed when small": (_PEOPLE, _ALL_BUT_ONE_GO, "VACUUM (ANALYZE)", _PEOPLE),
    "analyzed": (_PEOPLE, "ANALYZE"),
}


@pytest.mark.parametrize("growth", _GROWTH)
def test_a_page_of_a_roster_of_20_000_members_reads_what_it_shows(
    reads: Reads, database_url: str, monkeypatch: pytest.MonkeyPatch, growth: str
) -> None:
    """Wherever the page begins, whatever the planner knows of a client that has just grown."""
    store = reads.given(a_client())
    with psycopg.connect(database_url, autocommit=True) as conn:
        for table in ("member", "coverage", "premium"):
            conn.execute(f"ALTER TABLE book_of_business.{table} SET (autovacuum_enabled = false)")
        for statements in _GROWTH[growth]:
            conn.execute(statements)
    read = _watch_rows_read(monkeypatch)
    for start in (0, 1, 10_001, 19_990):
        cursor = cursor_of(*_ROSTER[start - 1]) if start else None
        page = store.roster("C1", None, TODAY, cursor=cursor, limit=100)
        shown = [(line.subscriber_id, line.member_id) for line in page.items]
        assert shown == _ROSTER[start : start + 100]
        assert max(read.pop().values()) <= 101


_READ = """
SELECT relname, seq_tup_read + idx_tup_fetch AS rows FROM pg_stat_xact_user_tables
WHERE schemaname = 'book_of_business'
"""


def _watch_rows_read(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, int]]:
    """A list to which each read of the store adds how many rows it read of which table."""
    read: list[dict[str, int]] = []

    def counts(conn: Reading) -> Counter[str]:
        return Counter({row["relname"]: row["rows"] or 0 for row in conn.execute(_READ)})

    @contextmanager
    def counting(pool: ConnectionPool[Reading]) -> Iterator[Reading]:
        with reading(pool) as conn:
            before = counts(conn)
            yield conn
            read.append(counts(conn) - before)

    monkeypatch.setattr(read_store, "reading", counting)
    return read
