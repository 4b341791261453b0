"""``ofrecord export``: archives of the log and its parts, whole or not at all."""

from __future__ import annotations

import json
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from adapters.inbound.commands import exporting
from processors.archiving import Archiver
from tests.adapters.command_line import CommandLine
from tests.archives.house import ORIGIN, House, new_house, verify


@pytest.fixture(scope="module")
def house(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A proven log of four clients, and of the payees P-1 and P-3; its keys are in the settings."""
    folder = tmp_path_factory.mktemp("export")
    house = new_house(module_database_url, folder / "keys")
    house.send(range(1, 5))
    house.prove()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OFRECORD_PROOF_KEYS", str(folder / "keys"))
        patch.setenv("OFRECORD_PROOF_ORIGIN", ORIGIN)
        yield house


@pytest.fixture
def ofrecord(house: House) -> CommandLine:
    """The command line on that log."""
    return CommandLine(house.url)


def _streams(file: Path) -> set[str]:
    """Whose events an archive has."""
    with zipfile.ZipFile(file) as archive:
        lines = archive.read("events/000001.jsonl").splitlines()
    return {json.loads(line)["client_id"] for line in lines}


def test_an_archive_of_the_log_is_verified_with_the_key(
    ofrecord: CommandLine, house: House, tmp_path: Path
) -> None:
    """It says what it wrote; its manifest says so to programs; the log's keys go along."""
    file = tmp_path / "log.zip"
    ended = ofrecord("export", str(file), "--json")
    assert (ended.code, ended.err) == (0, "")
    assert ended.json()["scope"] == {"kind": "all"}
    assert ended.json()["events"] == ended.json()["tree_size"]
    verdict = verify(file, "--key", house.vkey)
    assert (verdict.code, verdict.said["events"]) == (0, ended.json()["events"])
    with zipfile.ZipFile(file) as archive:
        assert archive.read("keys.txt").decode() == house.vkey + "\n"
        assert b"ofrecord_verify.py" in archive.read("README.txt")
        assert "schemas/address_changed.v1.json" in archive.namelist()


@pytest.mark.parametrize(
    ("options", "streams"),
    [
        (["--client", "client-2"], {"client-2"}),
        (["--producer", "P-2"], {"client-2"}),
        (["--producer", "P-3"], {"client-3", "payee:P-3"}),
    ],
)
def test_an_archive_of_a_part_has_all_of_it_and_nothing_else(
    options: list[str], streams: set[str], ofrecord: CommandLine, house: House, tmp_path: Path
) -> None:
    """A producer's: each client it ever served, and its own statements if it is paid directly."""
    file = tmp_path / "part.zip"
    assert ofrecord("export", str(file), *options).code == 0
    assert _streams(file) == streams
    assert verify(file, "--key", house.vkey).code == 0


def test_an_archive_of_a_time_has_every_position_of_it(
    ofrecord: CommandLine, house: House, tmp_path: Path
) -> None:
    """From the first event that was recorded then to the last."""
    with psycopg.connect(house.url) as conn:
        [(since,), (until,)] = conn.execute(
            "SELECT recorded_at FROM stored_events WHERE notification_id IN (5, 9)"
            " ORDER BY notification_id"
        ).fetchall()
    file = tmp_path / "time.zip"
    ended = ofrecord(
        *("export", str(file), "--json"),
        *("--since", since.isoformat(), "--until", until.isoformat()),
    )
    assert ended.json()["events"] == 4
    assert verify(file, "--key", house.vkey).code == 0


def test_where_nobody_proves_it_says_so_and_counts(
    ofrecord: CommandLine, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive is written all the same."""
    monkeypatch.setattr(exporting, "_CHECKPOINT_SECONDS", 0.0)
    with psycopg.connect(house.url) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute("CREATE TABLE kept AS SELECT * FROM checkpoints")
        conn.execute("DELETE FROM checkpoints")
    try:
        ended = ofrecord("export", str(tmp_path / "log.zip"), "--json")
    finally:
        with psycopg.connect(house.url) as conn:
            conn.execute("INSERT INTO checkpoints SELECT * FROM kept")
            conn.execute("DROP TABLE kept")
    assert ended.code == 0
    assert ended.json()["unproven_events"] == ended.json()["events"]
    assert "no prover runs" in ended.err


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--client", "nobody"], 1, "There is nothing to export."),
        (["--producer", "P-99"], 1, "There is nothing to export."),
        (["--since", "2099-01-01T00:00:00Z"], 1, "There is nothing to export."),
        (["--client", "a", "--producer", "b"], 2, "Name one client, or one producer, or a time."),
        (["--since", "yesterday"], 2, "yesterday is no instant such as 2026-03-04T15:00:00Z."),
        (["--until", "2026-03-04"], 2, "2026-03-04 is no instant such as 2026-03-04T15:00:00Z."),
    ],
)
def test_what_cannot_be_exported_is_told_and_leaves_nothing(
    options: list[str], code: int, said: str, ofrecord: CommandLine, tmp_path: Path
) -> None:
    """With a sentence and an exit code."""
    ended = ofrecord("export", str(tmp_path / "log.zip"), *options)
    assert (ended.code, ended.err) == (code, said + "\n")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_written_over_only_if_asked_to(
    ofrecord: CommandLine, tmp_path: Path
) -> None:
    """And a place that cannot be written to is told."""
    file = tmp_path / "log.zip"
    file.write_bytes(b"mine")
    ended = ofrecord("export", str(file))
    assert (ended.code, file.read_bytes()) == (2, b"mine")
    assert ofrecord("export", str(file), "--force").code == 0
    assert zipfile.is_zipfile(file)
    assert file.stat().st_mode & 0o777 == 0o600, "it holds personal data"
    ended = ofrecord("export", str(tmp_path), "--force")
    assert (ended.code, ended.err) == (2, f"{tmp_path} is not a file.\n")
    ended = ofrecord("export", str(tmp_path / "nowhere" / "log.zip"))
    assert (ended.code, "cannot be written: No such file" in ended.err) == (2, True)


def test_an_export_that_is_ended_leaves_nothing_half(
    ofrecord: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a file of that name nor an unfinished one."""
    write = Archiver._write_events

    def ended_meanwhile(*arguments: object) -> None:
        signal.raise_signal(signal.SIGTERM)
        write(*arguments)  # type: ignore[arg-type]  # what it was called with

    monkeypatch.setattr(Archiver, "_write_events", ended_meanwhile)
    ended = ofrecord("export", str(tmp_path / "log.zip"))
    assert (ended.code, "nothing was written" in ended.err) == (1, True)
    assert list(tmp_path.iterdir()) == []
