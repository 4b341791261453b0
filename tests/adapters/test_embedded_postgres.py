"""The embedded PostgreSQL: shared, durable, and stopped by whoever leaves last."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from adapters.outbound.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresFailed

_OPEN_AND_WAIT = """
import sys
from pathlib import Path
from adapters.outbound.embedded_postgres import EmbeddedPostgres
from adapters.outbound.logs import configure_logs
configure_logs("json", "warning")
server = EmbeddedPostgres(Path(sys.argv[1]))
server.open()
print("open", flush=True)
sys.stdin.readline()
server.close()
"""


@pytest.fixture
def folder(data_folder: Path) -> Path:
    """A data folder."""
    return data_folder


def _other_process(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _OPEN_AND_WAIT, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def _do(url: str, statement: LiteralString) -> None:
    with psycopg.connect(url) as conn:
        conn.execute(statement)


def _one(url: str, query: LiteralString) -> object:
    with psycopg.connect(url) as conn:
        row = conn.execute(query).fetchone()
    return row and row[0]


def _postmaster(folder: Path) -> int:
    return int((folder / "postgres" / "postmaster.pid").read_text().split("\n")[0])


def _gone(folder: Path) -> bool:
    return not (folder / "postgres" / "postmaster.pid").exists()


def test_what_was_committed_is_there_after_a_restart_and_durability_is_on(folder: Path) -> None:
    """A data folder survives restarts; commits wait for the disk."""
    with EmbeddedPostgres(folder) as url:
        _do(url, "CREATE TABLE t AS SELECT 42 AS a")
        assert _one(url, "SELECT current_setting('fsync')") == "on"
        assert _one(url, "SELECT current_setting('synchronous_commit')") == "on"
        assert _one(url, "SELECT current_setting('full_page_writes')") == "on"
    assert _gone(folder)
    with EmbeddedPostgres(folder) as url:
        assert _one(url, "SELECT a FROM t") == 42


def test_a_second_process_joins_the_server_and_the_last_to_leave_stops_it(folder: Path) -> None:
    """Whoever started it may leave first; the other goes on, and stops it in the end."""
    other = _other_process(folder)
    server = EmbeddedPostgres(folder)
    url = server.open()
    other.communicate("\n", timeout=20)
    assert _one(url, "SELECT 1") == 1
    server.close()
    assert _gone(folder)


def test_a_server_whose_owner_was_killed_is_taken_over_and_then_stopped(folder: Path) -> None:
    """After kill -9 of the program the same server goes on serving the next one."""
    other = _other_process(folder)
    pid = _postmaster(folder)
    other.kill()
    other.communicate()
    server = EmbeddedPostgres(folder)
    url = server.open()
    assert _postmaster(folder) == pid
    assert _one(url, "SELECT 1") == 1
    server.close()
    assert _gone(folder)


def test_a_server_that_was_killed_recovers_and_nothing_committed_is_lost(folder: Path) -> None:
    """kill -9 of PostgreSQL itself: started again by whoever watches it."""
    server = EmbeddedPostgres(folder)
    url = server.open()
    _do(url, "CREATE TABLE t AS SELECT 42 AS a")
    assert not server.ensure_running()
    os.kill(_postmaster(folder), signal.SIGKILL)
    deadline = time.monotonic() + 20
    while not server.ensure_running():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert _one(url, "SELECT a FROM t") == 42
    server.close()


def test_a_stale_pid_file_whose_number_another_process_got_is_no_obstacle(folder: Path) -> None:
    """As after a crash of a container, where numbers come round again."""
    with EmbeddedPostgres(folder):
        left_behind = (folder / "postgres" / "postmaster.pid").read_text().split("\n")
    with EmbeddedPostgres(folder / "elsewhere"):
        left_behind[0] = str(_postmaster(folder / "elsewhere"))
        (folder / "postgres" / "postmaster.pid").write_text("\n".join(left_behind))
        with EmbeddedPostgres(folder) as url:
            assert _one(url, "SELECT 1") == 1


def test_half_a_cluster_is_made_anew(folder: Path) -> None:
    """Killed while making its files, the next start begins again."""
    (folder / "postgres.new").mkdir(parents=True)
    (folder / "postgres.new" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(folder) as url:
        assert _one(url, "SELECT 1") == 1


def test_a_folder_made_by_another_postgresql_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """Files of another major version are left alone, and the sentence says what to do."""
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedPostgresFailed, match="made by PostgreSQL 17"):
        EmbeddedPostgres(tmp_path).open()


def test_a_folder_with_a_very_long_path_works_too(folder: Path) -> None:
    """A socket's path may have about a hundred bytes; a data folder's may have more."""
    deep = folder / ("a" * 60) / ("b" * 60)
    with EmbeddedPostgres(deep) as url:
        assert _one(url, "SELECT 1") == 1
        sockets = Path(str(conninfo_to_dict(url)["host"]))
        assert sockets.stat().st_mode & 0o777 == 0o700
    assert not sockets.exists()


def test_no_statement_and_no_row_gets_into_the_servers_log(folder: Path) -> None:
    """I7: what fails in the database leaves no personal data in the database's log."""
    with EmbeddedPostgres(folder) as url, psycopg.connect(url, autocommit=True) as conn:
        conn.execute("CREATE TABLE t (name text PRIMARY KEY, CHECK (name <> 'Canary-Check'))")
        conn.execute("INSERT INTO t VALUES ('Canary-Twice')")
        for name in ("Canary-Twice", "Canary-Check"):
            with pytest.raises(psycopg.IntegrityError):
                conn.execute("INSERT INTO t VALUES (%s)", (name,))
        with pytest.raises(psycopg.Error):
            conn.execute("SELECT 'Canary-Text'::int")
    log = (folder / "postgres.log").read_text()
    assert "ready to accept connections" in log
    assert "Canary" not in log
