"""The offline verifier: what it says of whatever it is given, in one sentence each."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import ofrecord_verify
from processors import archiving
from processors.archive_format import Scope
from tests.archives.house import Verdict, verify
from tests.archives.made import (
    Key,
    MadeLog,
    archive_of,
    event,
    made_log,
    receipt,
    tampered,
    written,
)

KEY = Key()
_ROOT = Path(ofrecord_verify.__file__)


@pytest.fixture
def log() -> MadeLog:
    """A log of ten events that is signed."""
    log = made_log()
    log.sign(KEY)
    return log


def _verdict(members: dict[str, bytes], folder: Path, *options: str, key: Key = KEY) -> Verdict:
    return verify(written(members, folder / "a.zip"), "--key", key.vkey, *options)


# ── What an auditor reads ──────────────────────────────────────────────────────────────────────


def test_the_verifier_is_one_short_file_that_needs_nothing_of_the_program() -> None:
    """It imports the standard library and ``cryptography`` only, and has 450 lines at most."""
    text = _ROOT.read_text(encoding="utf-8")
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else _names(node))
    }
    assert imported - sys.stdlib_module_names == {"cryptography"}
    assert len(text.splitlines()) <= 450


def _names(node: ast.Import) -> list[str]:
    return [alias.name for alias in node.names]


# ── Intact ─────────────────────────────────────────────────────────────────────────────────────


def test_a_log_as_it_was_signed_is_intact(
    log: MadeLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says so with the numbers, in words and in JSON."""
    file = written(archive_of(log), tmp_path / "a.zip")
    assert ofrecord_verify.main([str(file), "--key", KEY.vkey]) == 0
    assert capsys.readouterr().out == (
        "Intact: 10 events and 10 receipts of ofrecord.test/log (all), signed at 10.\n"
    )
    verdict = verify(file, "--key", KEY.vkey)
    assert verdict.said["verdict"] == "intact"
    assert (verdict.said["events"], verdict.said["size"], verdict.said["findings"]) == (10, 10, [])
    assert verdict.said["receipts_not_proven"] == 0


@pytest.mark.parametrize("events", [1, 2, 3, 4, 5, 8, 11])
def test_members_are_read_by_several_processes(
    events: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However events are divided among members: the tree is one."""
    monkeypatch.setattr(archiving, "MEMBER_EVENTS", 4)
    log = made_log(events)
    log.sign(KEY)
    assert _verdict(archive_of(log), tmp_path).code == 0


@pytest.mark.parametrize("events", range(1, 10))
def test_each_event_of_a_part_has_its_proof(events: int, tmp_path: Path) -> None:
    """The inclusion proofs of logs of any size hold."""
    log = made_log(events)
    log.sign(KEY)
    part = archive_of(log, Scope(kind="client", client_id="b", streams=("b",)))
    assert _verdict(part, tmp_path).code == 0


def test_keys_and_checkpoints_come_from_files_too(log: MadeLog, tmp_path: Path) -> None:
    """A file may have several keys, one a line: those before and after a rotation."""
    (tmp_path / "keys").write_text(f"{Key(seed=9).vkey}\n{KEY.vkey}\n")
    (tmp_path / "early").write_text(made_log(4).sign(KEY))
    file = written(archive_of(log), tmp_path / "a.zip")
    options = "--key", str(tmp_path / "keys"), "--checkpoint", str(tmp_path / "early")
    assert verify(file, *options).code == 0


def test_a_witness_that_cosigned_is_believed_and_one_that_did_not_is_missed(tmp_path: Path) -> None:
    """A witness that is named must have signed one of the checkpoints."""
    witness, other = Key("witness.test", 7, 4), Key("other.test", 8, 4)
    log = made_log()
    log.sign(KEY, witness)
    assert _verdict(archive_of(log), tmp_path, "--witness", witness.vkey).code == 0
    verdict = _verdict(archive_of(log), tmp_path, "--witness", other.vkey)
    assert (verdict.code, verdict.said["reason"]) == (2, "No checkpoint is cosigned by other.test.")


def test_events_after_the_checkpoint_are_told(log: MadeLog, tmp_path: Path) -> None:
    """They are not proven, which is a reason of its own."""
    log.rows.append(event(11, "b", 6))
    log.answers.append(receipt(log.rows[-1]))
    verdict = _verdict(archive_of(log), tmp_path)
    assert (verdict.code, verdict.said["verdict"], verdict.kinds) == (1, "not proven", {"unproven"})


def test_what_is_appended_while_the_export_waits_is_left_out(log: MadeLog, tmp_path: Path) -> None:
    """An archive ends where its checkpoint does, if that covers what was there when it began."""
    log.rows.append(event(11, "b", 6))
    log.answers.append(receipt(log.rows[-1]))
    assert _verdict(archive_of(log, head=10), tmp_path).code == 0


# ── Rewritten and signed again ─────────────────────────────────────────────────────────────────


def test_a_forked_history_is_found_between_two_checkpoints(tmp_path: Path) -> None:
    """Of several earlier checkpoints, those that fit and the first that does not are named."""
    for size in (3, 6, 8):
        (tmp_path / f"{size}.txt").write_text(made_log(size).sign(KEY))
    forked = made_log()
    forked.rows[4] = event(5, "z", 1)
    forked.answers[4] = receipt(forked.rows[4])
    forked.sign(KEY)
    earlier = [part for n in (8, 3, 6) for part in ("--checkpoint", str(tmp_path / f"{n}.txt"))]
    verdict = _verdict(archive_of(forked), tmp_path, *earlier)
    [finding] = [each for each in verdict.said["findings"] if each["kind"] == "forked"]
    assert "after position 3, at or before 6" in finding["sentence"]


def test_a_log_that_was_cut_off_and_signed_again_is_found(log: MadeLog, tmp_path: Path) -> None:
    """An earlier checkpoint of more events than there are now tells."""
    (tmp_path / "early.txt").write_text(made_log(12).sign(KEY))
    verdict = _verdict(archive_of(log), tmp_path, "--checkpoint", str(tmp_path / "early.txt"))
    assert (verdict.code, verdict.kinds) == (1, {"truncated"})


# ── The archive itself, tampered with ──────────────────────────────────────────────────────────


def _again(line: bytes, **fields: object) -> bytes:
    """An event more, the first of its client, so that no version is missing."""
    return json.dumps(json.loads(line) | {"version": 1} | fields).encode() + b"\n"


EVENTS, RECEIPTS = "events/000001.jsonl", "receipts/000001.jsonl"
OTHERS = "receipts/without-events.jsonl"
TAMPERED: list[tuple[str, int, Callable[[bytes], bytes], str]] = [
    (EVENTS, 3, lambda line: line.replace(b"note", b"nota"), "changed"),
    (EVENTS, 3, lambda line: line.replace(b'"portal"', b'"x"'), "receipt changed"),
    (EVENTS, 3, lambda line: b"", "deleted"),
    (EVENTS, 9, lambda line: b"", "truncated"),
    (EVENTS, 9, lambda line: line + line.replace(b'"position":10', b'"position":0'), "inserted"),
    (EVENTS, 9, lambda line: line + _again(line, position=0, client_id="c"), "inserted"),
    (EVENTS, 9, lambda line: line + _again(line, position=5, client_id="c"), "inserted"),
    (EVENTS, 3, lambda line: line.replace(b'"version":2', b'"version":7'), "renumbered"),
    (RECEIPTS, 3, lambda line: b"", "receipt deleted"),
    (RECEIPTS, 3, lambda line: line.replace(b'"key":"k4"', b'"key":"k5"'), "changed"),
    (RECEIPTS, 3, lambda line: line.replace(b'"portal"', b'"x"'), "receipt changed"),
    (RECEIPTS, 3, lambda line: line + line, "receipt inserted"),
    (RECEIPTS, 3, lambda line: line + line.replace(b'_id":"', b'_id":"0', 1), "receipt inserted"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "number", "change", "kind"), TAMPERED)
def test_whoever_changes_the_archive_and_its_manifest_is_found(
    name: str,
    number: int,
    change: Callable[[bytes], bytes],
    kind: str,
    log: MadeLog,
    tmp_path: Path,
) -> None:
    """Nobody believes the digests of the manifest: events and receipts are what is proven."""
    members = archive_of(log)
    tampered(members, name, number, change)
    verdict = _verdict(members, tmp_path)
    assert verdict.code == 1
    assert kind in verdict.kinds, verdict.said


def test_a_changed_event_of_a_part_is_found(log: MadeLog, tmp_path: Path) -> None:
    """Its own proof does not hold any more; client, version and position are named."""
    members = archive_of(log, Scope(kind="client", client_id="b", streams=("b",)))
    tampered(members, EVENTS, 1, lambda line: line.replace(b"note", b"nota"))
    verdict = _verdict(members, tmp_path)
    [finding] = verdict.said["findings"]
    assert (finding["kind"], finding["position"], finding["version"]) == ("changed", 3, 2)
    assert (finding["client_id"], verdict.code) == ("b", 1)


def test_a_proof_that_is_too_long_proves_nothing(log: MadeLog, tmp_path: Path) -> None:
    """Nor one that is too short: the path has exactly the hashes that the tree's size asks for."""
    members = archive_of(log, Scope(kind="client", client_id="b", streams=("b",)))
    for change in (lambda h: [*h, h[0]], lambda h: h[:-1]):
        odd = json.loads(members["proofs/000001.jsonl"].splitlines()[1])
        odd["hashes"] = change(odd["hashes"])
        altered = dict(members)
        line = json.dumps(odd).encode() + b"\n"
        tampered(altered, "proofs/000001.jsonl", 1, lambda _, line=line: line)
        assert _verdict(altered, tmp_path).kinds == {"changed"}


@pytest.mark.parametrize(
    ("scope", "kind"),
    [
        (Scope(kind="client", client_id="b", streams=("b",)), "deleted"),
        (Scope(kind="period"), "deleted"),
    ],
)
def test_a_gap_in_a_part_is_found(scope: Scope, kind: str, log: MadeLog, tmp_path: Path) -> None:
    """A client's versions go on by one, and the positions of a period, too."""
    members = archive_of(log, scope)
    tampered(members, EVENTS, 2, lambda line: b"")
    assert kind in _verdict(members, tmp_path).kinds


def test_what_is_not_of_the_part_is_found(log: MadeLog, tmp_path: Path) -> None:
    """A client's archive has that client's events only."""
    members = archive_of(log, Scope(kind="client", client_id="b", streams=("a", "b")))
    manifest = json.loads(members["manifest.json"])
    manifest["scope"]["streams"] = ["b"]
    members["manifest.json"] = json.dumps(manifest).encode()
    assert _verdict(members, tmp_path).kinds == {"inserted"}


def test_the_stored_leaves_decide_nothing(log: MadeLog, tmp_path: Path) -> None:
    """Where only they were altered, events and receipts are as they were signed."""
    members = archive_of(log)
    members["leaves/000001.bin"] = bytes(320)
    assert _verdict(members, tmp_path).code == 0


def test_where_the_stored_tree_was_altered_too_the_earlier_checkpoints_narrow_it_down(
    log: MadeLog, tmp_path: Path
) -> None:
    """It is said that the tree was computed anew, and after which position."""
    (tmp_path / "early.txt").write_text(made_log(4).sign(KEY))
    members = archive_of(log)
    tampered(members, EVENTS, 6, lambda line: line.replace(b"note", b"nota"))
    members["leaves/000001.bin"] = bytes(320)
    verdict = _verdict(members, tmp_path, "--checkpoint", str(tmp_path / "early.txt"))
    [finding] = verdict.said["findings"]
    assert finding["kind"] == "altered"
    assert re.search("after position 4, up to 10.*computed anew", finding["sentence"])


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"transaction_id": "0" * 32}, "receipt changed"),
        ({"key": "k3"}, "receipt changed"),
        ({}, "receipt inserted"),
    ],
)
def test_receipts_of_no_event_are_looked_at(
    change: dict[str, str], kind: str, log: MadeLog, tmp_path: Path
) -> None:
    """One that is not of its key, or tells of events that are not there, was not given so."""
    members = archive_of(log)
    line = json.loads(members[RECEIPTS].splitlines()[0])
    lone = json.loads(line["body"])
    name = ofrecord_verify.hashlib.blake2b(b"portal\0new", digest_size=16).hexdigest()
    line |= {
        "key": "new",
        "transaction_id": name,
        "body": json.dumps({**lone, "transaction_id": name}),
    }
    members[OTHERS] = json.dumps(line | change).encode() + b"\n"
    assert _verdict(members, tmp_path).kinds == {kind}
