"""The composition: opened from settings, closed in order, and no more than one of everything."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from adapters.bootstrap import Application, SystemClock, open_application, open_database
from adapters.inbound import demonstration
from adapters.inbound.commands.opening import catch_up
from adapters.inbound.demonstration import (
    HARBOR_BAKERY,
    demonstration_keys,
    load_demonstration,
)
from adapters.inbound.submitting import submit_lines
from adapters.services import Services
from adapters.settings import Settings
from domain.kernel import Actor
from processors.ports import LogUnavailable

_IMPORTER = Actor("importer", "carrier", None, frozenset({"backfill"}))


@pytest.fixture
def lines() -> Iterator[tuple[Actor, bytes]]:
    """Harbor Bakery's transactions."""
    return ((_IMPORTER, line) for line in HARBOR_BAKERY.read_bytes().splitlines())


def test_an_existing_database_is_used_as_it_is(tmp_path: Path) -> None:
    """No server is started, and no folder made."""
    folder = tmp_path / "data"
    with open_database(Settings(database_url="postgresql:///x", data_folder=folder)) as database:
        assert (database.url, database.embedded) == ("postgresql:///x", None)
    assert not folder.exists()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every setting has a name that begins with OFRECORD_."""
    monkeypatch.setenv("OFRECORD_PORT", "9000")
    monkeypatch.setenv("OFRECORD_DATA_FOLDER", "/somewhere")
    assert (Settings().port, Settings().data_folder) == (9000, Path("/somewhere"))


def test_an_empty_setting_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty data folder would be the current one, and an empty database URL any database."""
    monkeypatch.setenv("OFRECORD_DATA_FOLDER", "")
    monkeypatch.setenv("OFRECORD_DATABASE_URL", "")
    assert (Settings().data_folder, Settings().database_url) == (Path("data"), None)


def test_what_is_submitted_is_read_back(
    database_url: str, lines: Iterator[tuple[Actor, bytes]]
) -> None:
    """The whole life of transactions through one composition."""
    with open_application(database_url) as application:
        services = application.services
        list(submit_lines(services.commands, lines))
        catch_up(application)
        today = datetime(2026, 2, 1, tzinfo=UTC).date()
        book = services.reads.book("P-100", today)
        assert [line.client_id for line in book.items] == ["harbor-bakery"]


def test_closing_leaves_no_thread_and_no_connection(
    database_url: str, lines: Iterator[tuple[Actor, bytes]]
) -> None:
    """Whatever was opened is closed, also when the work in it fails."""
    before = set(threading.enumerate())
    kept = []  # so that closing is not left to the garbage collector

    def work() -> None:
        with open_application(database_url) as application:
            kept.append(application)
            application.projectors.start()
            list(submit_lines(application.services.commands, lines))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert set(threading.enumerate()) - before == set()
    with psycopg.connect(database_url) as conn:
        others = conn.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    assert others == (0,)


def test_a_database_that_cannot_be_reached_is_told_at_once(tmp_path: Path) -> None:
    """By psycopg's own error, before anything is started."""
    before = set(threading.enumerate())
    with (
        pytest.raises((psycopg.OperationalError, LogUnavailable)),
        open_application(f"postgresql://x@/x?host={tmp_path}"),
    ):
        pass
    assert set(threading.enumerate()) - before == set()


def test_the_clock_tells_utc() -> None:
    """Aware, and now."""
    now = SystemClock().now()
    assert now.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - now) < timedelta(seconds=5)


# ── The demonstration ──────────────────────────────────────────────────────────────────────────


def test_the_demonstration_is_loaded_into_an_empty_log_only(
    database_url: str, tmp_path: Path, lines: Iterator[tuple[Actor, bytes]]
) -> None:
    """Nobody's own data gets company."""
    with open_application(database_url) as application:
        list(submit_lines(application.services.commands, lines))
        head = application.services.log.head()
        assert not load_demonstration(application.services, tmp_path, 3)
        assert application.services.log.head() == head


def test_a_demonstration_that_was_broken_off_is_completed(
    database_url: str, tmp_path: Path
) -> None:
    """A start that was killed meanwhile: the next one goes on, and does nothing twice."""
    with open_application(database_url) as application:
        services = application.services
        assert load_demonstration(services, tmp_path, 2)
        head = services.log.head()
        (tmp_path / "demonstration.done").rename(tmp_path / "demonstration.begun")
        assert load_demonstration(services, tmp_path, 3)
        longer = services.log.head()
        assert longer > head
        assert not load_demonstration(services, tmp_path, 3)
        assert services.log.head() == longer


def _statements(application: Application, payee_id: str) -> list[tuple[str, str]]:
    """Month and amount of a payee's statements, oldest first."""
    catch_up(application)
    items = application.services.commissions.statements(payee_id, None).items
    return [(f"{item.month:%Y-%m}", item.paid) for item in reversed(items)]


def test_the_demonstration_pays_commission_month_by_month(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As its past went; also if the start was killed in the middle of it."""
    pay, paid = demonstration._pay, []

    def killed(services: Services, month: date) -> None:
        paid.append(month)
        if len(paid) == 32:
            raise KeyboardInterrupt
        pay(services, month)

    monkeypatch.setattr(demonstration, "_pay", killed)
    with open_application(database_url) as application:
        with pytest.raises(KeyboardInterrupt):
            load_demonstration(application.services, tmp_path, 2)
        assert _statements(application, "A-10")[-1] == ("2026-03", "204.31")
        monkeypatch.undo()
        assert load_demonstration(application.services, tmp_path, 2)
        assert _statements(application, "A-10") == [
            ("2026-02", "204.31"),
            ("2026-03", "204.31"),
            ("2026-04", "204.31"),
            ("2026-05", "120.00"),
            ("2026-06", "318.31"),
        ]
        runs = application.services.runs.page("commission", None, 100)
        assert {(run.state, run.attempt) for run in runs} == {("finished", 1)}
        assert len({run.month for run in runs}) == len(runs) >= 34
        payees = application.services.commissions.payees(limit=100).items
        assert {payee.kind for payee in payees} == {"agency", "producer"}


def test_where_others_project_the_demonstration_does_not_wait_for_them(
    database_url: str, tmp_path: Path
) -> None:
    """They may be started later; then a commission run pays what was settled."""
    with open_application(database_url, projects_here=False) as application:
        assert load_demonstration(application.services, tmp_path, 1, projects_here=False)
        assert not application.services.runs.page(None, None, 1)


def test_keys_stay_until_they_open_nothing(database_url: str, tmp_path: Path) -> None:
    """The file's keys are shown again; a revoked one is replaced."""
    path = tmp_path / "keys.json"
    with open_application(database_url) as application:
        keys = application.services.keys
        first = demonstration_keys(keys, path)
        assert demonstration_keys(keys, path) == first
        keys.revoke(first[0].token.split("_")[1])
        second = demonstration_keys(keys, path)
    assert second[0] != first[0]
    assert second[1:] == first[1:]
    assert path.stat().st_mode & 0o777 == 0o600
