"""Migrations: in order, once, and never into a database that knows more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from adapters.outbound import migrations
from adapters.outbound.migrations import DatabaseNewer, Migration, MigrationChanged, migrate


def _tables(url: str) -> set[str]:
    with psycopg.connect(url) as conn:
        rows = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {name for (name,) in rows}


def test_an_empty_database_gets_every_migration_once(empty_database_url: str) -> None:
    """The first run applies all of them in order, the second none."""
    names = migrate(empty_database_url)
    assert names == [m.name for m in migrations.known_migrations()]
    assert {"stored_events", "receipts", "snapshots"} <= _tables(empty_database_url)
    assert migrate(empty_database_url) == []


def test_several_processes_that_start_together_migrate_once(empty_database_url: str) -> None:
    """One migrates, the others wait and find it done."""
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(migrate, [empty_database_url] * 4))
    assert sorted(len(names) for names in done)[:3] == [0, 0, 0]


def test_a_newer_database_is_refused(database_url: str) -> None:
    """An older program says which version it lacks and changes nothing."""
    with psycopg.connect(database_url) as conn:
        conn.execute("INSERT INTO schema_migrations VALUES (9999, '9999_future.sql', 'x')")
    with pytest.raises(DatabaseNewer, match="9999"):
        migrate(database_url)


def test_a_changed_migration_is_refused(database_url: str) -> None:
    """What was applied is what the file says, or nothing goes on."""
    with psycopg.connect(database_url) as conn:
        conn.execute("UPDATE schema_migrations SET checksum = 'x' WHERE number = 1")
    with pytest.raises(MigrationChanged, match=r"0001_log\.sql"):
        migrate(database_url)


def test_a_migration_that_fails_leaves_nothing_behind(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a migration is rolled back, and the next try starts from the same place."""
    known = migrations.known_migrations()
    broken = Migration(len(known) + 1, "9999_broken.sql", "CREATE TABLE half (a int); SELECT 1/0")
    monkeypatch.setattr(migrations, "known_migrations", lambda: [*known, broken])
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(database_url)
    assert "half" not in _tables(database_url)
    monkeypatch.undo()
    assert migrate(database_url) == []
