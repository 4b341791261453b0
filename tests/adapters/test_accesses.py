"""Records of who read what, on a real PostgreSQL: written behind the reads, and never changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from prometheus_client import CollectorRegistry
from psycopg_pool import ConnectionPool
from structlog.testing import capture_logs

from adapters.outbound import metrics
from adapters.outbound.accesses import REFUSED_A_MINUTE, Access, AccessLog
from tests.adapters.scraped import samples_in
from tests.conftest import PostgresForTests

_NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
_LATER = 3_600.0
"""No thread writes by itself within a test."""


class _Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.at = _NOON

    def now(self) -> datetime:
        """Where it was set to."""
        return self.at


def read(number: int = 1, **facts: Any) -> Access:
    """A read of a client."""
    who: dict[str, Any] = {"how": "http", "key_id": "k", "sender": "staff", "role": "carrier"}
    what = {"read": "client", "client_ids": (f"C-{number}",)}
    return Access(**who | {"at": _NOON} | what | facts)


@contextmanager
def recording(
    database_url: str, *, patience_seconds: float = 30.0, **options: Any
) -> Iterator[AccessLog]:
    """What takes records; it writes when it is told to, and at its end."""
    pool: ConnectionPool[Any] = ConnectionPool(
        database_url,
        min_size=0,
        max_size=2,
        timeout=patience_seconds,
        reconnect_timeout=0.1,
        open=True,
    )
    settings = {"clock": _Clock(), "flush_seconds": _LATER} | options
    with closing(pool), closing(AccessLog(pool, **settings)) as log:
        yield log


def stored(database_url: str, columns: str = "client_ids[1]") -> list[Any]:
    """The records in the order in which they were stored."""
    with psycopg.connect(database_url) as conn:
        rows = conn.execute(f"SELECT {columns} FROM accesses ORDER BY number".encode()).fetchall()
    return [row[0] if len(row) == 1 else row for row in rows]


# ── Written behind ─────────────────────────────────────────────────────────────────────────────


def test_everything_is_written_in_order_whatever_the_batches(database_url: str) -> None:
    """More than one batch holds, and some while others are written."""
    with recording(database_url) as log:
        for number in range(2_500):
            assert log.note(read(number))
        assert log.flush()
        assert log.note(read(2_500))
    assert stored(database_url) == [f"C-{number}" for number in range(2_501)]
    assert stored(database_url, "serial") == list(range(1, 2_502))
    assert (log.recorded, log.lost, log.waiting) == (2_501, 0, 0)


def test_a_thread_writes_by_itself(database_url: str) -> None:
    """Nobody has to ask for it."""
    written = threading.Event()
    with recording(database_url, flush_seconds=0.001) as log:
        assert log.is_running
        flush = log.flush
        vars(log)["flush"] = lambda: flush() and (log.recorded and written.set()) is None
        assert log.note(read())
        assert written.wait(30)
    assert stored(database_url) == ["C-1"]


def test_the_end_writes_what_waits(database_url: str) -> None:
    """Shutdown loses nothing; afterwards no thread goes on."""
    with recording(database_url) as log:
        assert log.note(read())
        assert stored(database_url) == []
    assert stored(database_url) == ["C-1"]
    assert not log.is_running


def test_a_record_keeps_all_it_was_given(database_url: str) -> None:
    """Each field in its column."""
    facts = {"member_id": "20260100001", "payee_id": "A-1", "producer_id": "P-1"}
    many = {"client_ids": ("C-1", "C-2"), "correlation_id": 'x"\\{y}', "read": "roster"}
    with recording(database_url) as log:
        assert log.note(read(**facts, **many))
    columns = "at, how, key_id, sender, role, read, outcome, client_ids, times"
    assert stored(database_url, columns) == [
        (_NOON, "http", "k", "staff", "carrier", "roster", "shown", ["C-1", "C-2"], 1)
    ]
    assert stored(database_url, "member_id, payee_id, producer_id, correlation_id") == [
        ("20260100001", "A-1", "P-1", 'x"\\{y}')
    ]


# ── When the database takes nothing ────────────────────────────────────────────────────────────


def test_while_the_database_is_away_records_wait(
    postgres: PostgresForTests, database_url: str
) -> None:
    """It is told once, and all are there when it has come back."""
    with recording(database_url, patience_seconds=0.1) as log:
        assert log.note(read(1))
        postgres.take_away(database_url)
        try:
            with capture_logs() as lines:
                assert not log.flush()
                assert not log.flush()
        finally:
            postgres.bring_back(database_url)
        [line] = lines
        assert (line["event"], line["log_level"], line["count"]) == ("accesses.waiting", "error", 1)
        assert log.note(read(2))
        assert any(log.flush() for _ in range(600))
        assert (log.recorded, log.lost) == (2, 0)
    assert stored(database_url) == ["C-1", "C-2"]


def test_a_batch_that_is_sent_again_is_there_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks after the commit: nobody knows, so all of it is sent again."""
    with recording(database_url) as log:
        committed = ConnectionPool.connection

        @contextmanager
        def breaking(pool: ConnectionPool[Any]) -> Iterator[Any]:
            with committed(pool) as conn:
                yield conn
            raise psycopg.OperationalError

        assert log.note(read(1))
        with monkeypatch.context() as patch:
            patch.setattr(ConnectionPool, "connection", breaking)
            assert not log.flush()
        assert log.note(read(2))
        assert log.flush()
    assert stored(database_url, "serial, client_ids[1]") == [(1, "C-1"), (2, "C-2")]


def test_what_the_end_cannot_write_is_counted_and_told(
    postgres: PostgresForTests, database_url: str
) -> None:
    """Without a word of whose it was."""
    with capture_logs() as lines:
        try:
            with recording(database_url, patience_seconds=0.1) as log:
                assert log.note(read(1))
                postgres.take_away(database_url)
        finally:
            postgres.bring_back(database_url)
    assert [line["event"] for line in lines] == ["accesses.waiting", "accesses.lost"]
    assert log.lost == lines[-1]["count"] == 1
    assert "C-1" not in str(lines)


def test_a_record_that_can_never_be_stored_stops_no_other(database_url: str) -> None:
    """It is counted and told, and its number is missing in the table."""
    with recording(database_url) as log, capture_logs() as lines:
        for number in range(9):
            name = "C-5\x00" if number == 5 else f"C-{number}"
            assert log.note(read(client_ids=(name,)))
        assert log.flush()
        assert (log.recorded, log.lost, log.waiting) == (8, 1, 0)
    assert stored(database_url) == [f"C-{number}" for number in range(9) if number != 5]
    assert stored(database_url, "serial") == [1, 2, 3, 4, 5, 7, 8, 9]
    assert [line["event"] for line in lines] == ["accesses.lost"]


def test_there_is_room_for_so_many(database_url: str) -> None:
    """What is not taken is said and counted; written ones make room."""
    with recording(database_url, room=2) as log:
        assert [log.note(read(number)) for number in range(3)] == [True, True, False]
        assert log.turned_away == 1
        assert log.flush()
        assert log.note(read(3))
    assert stored(database_url) == ["C-0", "C-1", "C-3"]


# ── Refused attempts ───────────────────────────────────────────────────────────────────────────


def test_attempts_beyond_so_many_a_minute_become_one_record(database_url: str) -> None:
    """By key; when the minute is over or the process ends, whichever is first."""
    clock = _Clock()
    with recording(database_url, clock=clock) as log:
        for number in range(REFUSED_A_MINUTE + 7):
            assert log.note(read(number, outcome="not_found"))
        assert log.note(read(1, outcome="not_found", key_id="other"))
        assert log.note(read(1))
        assert log.flush()
        assert len(stored(database_url)) == REFUSED_A_MINUTE + 2
        clock.at += timedelta(minutes=1)
        assert log.flush()
        assert stored(database_url, "times, client_ids, key_id")[-1] == (7, [], "k")
        for number in range(REFUSED_A_MINUTE + 1):
            assert log.note(read(number, outcome="not_permitted", at=clock.at))
    assert stored(database_url, "times, client_ids, outcome")[-1] == (1, [], "not_permitted")
    assert len(stored(database_url)) == 2 * REFUSED_A_MINUTE + 4


# ── Append-only ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accesses SET sender = 'nobody'",
        "UPDATE accesses SET sender = 'nobody' WHERE false",
        "DELETE FROM accesses",
        "TRUNCATE accesses",
        "SET session_replication_role = replica; DELETE FROM accesses",
    ],
)
def test_a_record_is_never_changed(database_url: str, statement: str) -> None:
    """Not even by the table's owner, unless they say so first."""
    with recording(database_url) as log:
        assert log.note(read())
    with psycopg.connect(database_url) as conn, pytest.raises(psycopg.errors.RestrictViolation):
        conn.execute(statement.encode())
    assert stored(database_url, "sender") == ["staff"]


def test_the_owner_can_delete_what_is_older_than_must_be_kept(database_url: str) -> None:
    """As the migration says: six years, in one transaction."""
    with recording(database_url) as log:
        assert log.note(read(1, at=datetime(2001, 1, 1, tzinfo=UTC)))
        assert log.note(read(2, at=datetime.now(UTC)))
    with psycopg.connect(database_url) as conn:
        conn.execute("ALTER TABLE accesses DISABLE TRIGGER accesses_append_only")
        conn.execute("DELETE FROM accesses WHERE at < now() - interval '6 years'")
        conn.execute("ALTER TABLE accesses ENABLE ALWAYS TRIGGER accesses_append_only")
    assert stored(database_url) == ["C-2"]


# ── What is told ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("outcome", "happens"),
    [
        ("recorded", lambda log: log.note(read(1)) and log.flush()),
        ("lost", lambda log: log.note(read(client_ids=("\x00",))) and log.flush()),
        ("turned_away", lambda log: log.note(read(1)) and log.note(read(2))),
    ],
)
def test_what_becomes_of_records_is_told(
    database_url: str, outcome: str, happens: Callable[[AccessLog], Any]
) -> None:
    """Each outcome by its name, and how many wait."""
    registry = CollectorRegistry()
    with recording(database_url, room=1) as log:
        metrics.watch_accesses(registry, log)
        happens(log)
        samples = samples_in(metrics.exposed(registry, "")[0].decode())
    assert samples[f'ofrecord_accesses_total{{outcome="{outcome}"}}'] == 1
    assert samples["ofrecord_accesses_waiting"] == (1 if outcome == "turned_away" else 0)
