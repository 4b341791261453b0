"""Migrations of the database: numbered SQL files, applied in order, each in its transaction.

A file that was applied never changes (its checksum is kept), and a database that knows more
migrations than this program is refused: an older program must not write into a newer schema.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import NamedTuple

import psycopg

_LOCK_ID = 7_302_114_905
"""Advisory lock: of several processes that start at once, one migrates and the others wait."""

_BOOKKEEPING = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number     int         PRIMARY KEY,
    name       text        NOT NULL,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class Migration(NamedTuple):
    """One numbered SQL file."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file's text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


class DatabaseNewer(Exception):
    """The database was migrated by a newer version of this program."""


class MigrationChanged(Exception):
    """A migration that was applied to this database reads differently now."""


def known_migrations() -> list[Migration]:
    """The program's migrations, in order; numbers are 1..n without gaps."""
    folder = resources.files("adapters.outbound") / "sql"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    found = [
        Migration(int(name[:4]), name, (folder / name).read_text(encoding="utf-8"))
        for name in names
    ]
    assert [m.number for m in found] == list(range(1, len(found) + 1)), names
    return found


def migrate(database_url: str) -> list[str]:
    """Apply what is missing; returns the names of the migrations applied now.

    Raises ``DatabaseNewer`` or ``MigrationChanged`` and then leaves the database as it was.
    """
    migrations = known_migrations()
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (_LOCK_ID,))
        try:
            conn.execute(_BOOKKEEPING)
            done: dict[int, str] = dict(
                conn.execute("SELECT number, checksum FROM schema_migrations").fetchall()
            )
            _check(migrations, done)
            missing = [m for m in migrations if m.number not in done]
            for migration in missing:
                _apply(conn, migration)
        finally:
            conn.execute("SELECT pg_advisory_unlock(%s)", (_LOCK_ID,))
    return [m.name for m in missing]


def _check(migrations: list[Migration], done: dict[int, str]) -> None:
    newest = max(done, default=0)
    if newest > len(migrations):
        raise DatabaseNewer(
            f"The database has migration {newest}; this program knows only {len(migrations)}. "
            "Use the newer version of the program."
        )
    for migration in migrations:
        if done.get(migration.number, migration.checksum) != migration.checksum:
            raise MigrationChanged(
                f"Migration {migration.name} was applied with other content than it has now."
            )


def _apply(conn: psycopg.Connection, migration: Migration) -> None:
    with conn.transaction():
        conn.execute(migration.sql.encode())
        conn.execute(
            "INSERT INTO schema_migrations (number, name, checksum) VALUES (%s, %s, %s)",
            (migration.number, migration.name, migration.checksum),
        )
