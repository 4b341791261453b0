"""What the offline verifier says where nothing can be verified: one sentence, and exit code 2."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

import ofrecord_verify
from processors.archive_format import Scope
from tests.archives.house import Verdict, verify
from tests.archives.made import Key, MadeLog, archive_of, made_log, receipt, tampered, written

KEY = Key()
EVENTS, RECEIPTS = "events/000001.jsonl", "receipts/000001.jsonl"
OTHERS = "receipts/without-events.jsonl"


@pytest.fixture
def log() -> MadeLog:
    """A log of ten events that is signed."""
    log = made_log()
    log.sign(KEY)
    return log


def _verdict(members: dict[str, bytes], folder: Path, *options: str, key: Key = KEY) -> Verdict:
    return verify(written(members, folder / "a.zip"), "--key", key.vkey, *options)


def _reason(members: dict[str, bytes], folder: Path, *options: str, key: Key = KEY) -> str:
    verdict = _verdict(members, folder, *options, key=key)
    assert verdict.code == 2, verdict.said
    return str(verdict.said["reason"])


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    """A file that is no zip, and one that is not there."""
    (tmp_path / "a.zip").write_bytes(b"nothing")
    verdict = verify(tmp_path / "a.zip", "--key", KEY.vkey)
    assert (verdict.code, "is not an archive" in verdict.said["reason"]) == (2, True)
    assert verify(tmp_path / "b.zip", "--key", KEY.vkey).code == 2


def test_an_archive_that_was_cut_short_is_told(log: MadeLog, tmp_path: Path) -> None:
    """A zip without its end."""
    file = written(archive_of(log), tmp_path / "a.zip")
    file.write_bytes(file.read_bytes()[:-100])
    verdict = verify(file, "--key", KEY.vkey)
    assert (verdict.code, "cut short" in verdict.said["reason"]) == (2, True)


def test_damaged_bytes_are_told(log: MadeLog, tmp_path: Path) -> None:
    """A zip whose members do not unpack."""
    file = written(archive_of(log), tmp_path / "a.zip")
    content = bytearray(file.read_bytes())
    content[60:400] = bytes(340)
    file.write_bytes(content)
    assert verify(file, "--key", KEY.vkey).code == 2


def test_another_program_s_zip_and_a_newer_format_are_told(log: MadeLog, tmp_path: Path) -> None:
    """The manifest says what an archive is."""
    members = archive_of(log)
    manifest = json.loads(members["manifest.json"]) | {"format_version": 2}
    newer = {**members, "manifest.json": json.dumps(manifest).encode()}
    assert "newer format" in _reason(newer, tmp_path)
    for odd in (b"[]", b"{}", b"7", b'{"members": 7}'):
        file = written({**members, "manifest.json": odd}, tmp_path / "odd.zip", listed=False)
        assert verify(file, "--key", KEY.vkey).code == 2


@pytest.mark.parametrize("name", ["manifest.json", "checkpoint.txt", RECEIPTS, OTHERS])
def test_a_missing_member_is_told(name: str, log: MadeLog, tmp_path: Path) -> None:
    """It is an alteration of the archive, and says which."""
    members = archive_of(log)
    del members[name]
    verdict = verify(written(members, tmp_path / "a.zip", listed=False), "--key", KEY.vkey)
    assert verdict.code == 2
    assert f"altered after it was made: {name}" in verdict.said["reason"]


@pytest.mark.parametrize("name", [EVENTS, "schemas/address_changed.v1.json", "README.txt"])
def test_a_member_that_is_not_the_listed_one_is_told(
    name: str, log: MadeLog, tmp_path: Path
) -> None:
    """Its digest is another; a member that the manifest does not list is told, too."""
    members = archive_of(log)
    changed = members[name].replace(b"note", b"nota")
    members[name] = changed if changed != members[name] else changed + b" "
    verdict = verify(written(members, tmp_path / "a.zip", listed=False), "--key", KEY.vkey)
    assert verdict.said["reason"] == f"The archive was altered after it was made: {name}."
    more = {**archive_of(log), "more.txt": b""}
    verdict = verify(written(more, tmp_path / "b.zip", listed=False), "--key", KEY.vkey)
    assert verdict.said["reason"] == "The archive was altered after it was made: more.txt."


def test_a_signature_by_another_key_is_told(log: MadeLog, tmp_path: Path) -> None:
    """With the name of the log and of the key that signed."""
    reason = _reason(archive_of(log), tmp_path, key=Key(seed=2))
    assert "is signed by no key you gave" in reason
    assert KEY.verifier.key_id.hex() in reason


def test_a_checkpoint_of_another_log_is_told(log: MadeLog, tmp_path: Path) -> None:
    """With the name of that log."""
    assert "is of another log: it is of ofrecord.test/log" in _reason(
        archive_of(log), tmp_path, key=Key("another.test/log")
    )
    (tmp_path / "other.txt").write_text(made_log(3).sign(Key("another.test/log")))
    assert "other.txt is of another log" in _reason(
        archive_of(log), tmp_path, "--checkpoint", str(tmp_path / "other.txt")
    )


def test_another_log_s_key_cannot_sign_for_this_one(tmp_path: Path) -> None:
    """Who believes the keys of two logs believes each for its own log only."""
    other, log = Key("another.test/log", seed=3), made_log()
    log.sign(other, origin=KEY.verifier.name)
    reason = _reason(archive_of(log), tmp_path, "--key", other.vkey)
    assert "is signed by no key you gave" in reason


def test_a_false_signature_is_told(log: MadeLog, tmp_path: Path) -> None:
    """A checkpoint whose text was changed after it was signed."""
    members = archive_of(log)
    members["checkpoint.txt"] = members["checkpoint.txt"].replace(b"\n10\n", b"\n11\n")
    assert "the signature of ofrecord.test/log is false" in _reason(members, tmp_path)


def test_what_is_no_checkpoint_is_told(log: MadeLog, tmp_path: Path) -> None:
    """Where nothing was signed yet, the archive has an empty one."""
    assert "is not a checkpoint" in _reason(archive_of(made_log()), tmp_path)
    (tmp_path / "odd.txt").write_text("odd")
    options = "--checkpoint", str(tmp_path / "odd.txt")
    assert "odd.txt is not a checkpoint" in _reason(archive_of(log), tmp_path, *options)


@pytest.mark.parametrize("vkey", ["x", "a+b+c", KEY.vkey[:-1], Key(kind=4).vkey])
def test_what_is_no_key_is_told(vkey: str, log: MadeLog, tmp_path: Path) -> None:
    """Also a witness's key in a log's place, or none at all."""
    file = written(archive_of(log), tmp_path / "a.zip")
    verdict = verify(file, "--key", vkey)
    assert (verdict.code, "key" in verdict.said["reason"]) == (2, True)


def test_without_a_key_nothing_is_verified(log: MadeLog, tmp_path: Path) -> None:
    """Whose signature is believed must be said."""
    file = written(archive_of(log), tmp_path / "a.zip")
    with pytest.raises(SystemExit) as ended:
        ofrecord_verify.main([str(file)])
    assert ended.value.code == 2


def test_a_part_is_not_compared_with_other_checkpoints(log: MadeLog, tmp_path: Path) -> None:
    """It has not the events for it; its own checkpoint may be given."""
    part = archive_of(log, Scope(kind="period"))
    for size, code in ((4, 2), (10, 0)):
        (tmp_path / "early.txt").write_text(made_log(size).sign(KEY))
        assert _verdict(part, tmp_path, "--checkpoint", str(tmp_path / "early.txt")).code == code


HOSTILE = [
    b"[]", b"7", b"null", b"{}", b"\xff", b'{"position":' + b"9" * 5_000 + b"}", b"[" * 100_000,
    b'{"position":1e400}', b'{"position":true}', b'{"position":1,"client_id":"\\ud800"}', b"",
]  # fmt: skip


@pytest.mark.parametrize("line", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("name", [EVENTS, RECEIPTS, OTHERS, "proofs/000001.jsonl"])
def test_lines_that_are_no_events_are_told(
    line: bytes, name: str, log: MadeLog, tmp_path: Path
) -> None:
    """Whatever they are, nothing of the program falls over."""
    members = archive_of(log, Scope(kind="period"))
    tampered(members, name, 0, lambda _: line + b"\n") if members[name] else None
    members[name] = members[name] or line + b"\n"
    assert _verdict(members, tmp_path).code == 2


@pytest.mark.parametrize(
    "change",
    [
        {"position": 10**400},
        {"position": 1.0},
        {"client_id": 7},
        {"state": None},
        {"state": {"base64": 7}},
        {"sender": "\ud800"},
        {"more": 1},
    ],
    ids=str,
)
def test_fields_that_are_no_event_s_are_told(
    change: dict[str, object], log: MadeLog, tmp_path: Path
) -> None:
    """Or, where it might be one, the event is found to be another."""
    members = archive_of(log)
    tampered(
        members, EVENTS, 4, lambda line: json.dumps(json.loads(line) | change).encode() + b"\n"
    )
    assert _verdict(members, tmp_path).code in (1, 2)
    assert _verdict(members, tmp_path).code == 2 or "position" in change


@pytest.mark.parametrize(
    "body", [b"[]", b'{"transaction_id":[],"position":[],"events":7,"client_version":{}}', b"\xff"]
)
def test_answers_of_any_form_are_an_alteration(body: bytes, log: MadeLog, tmp_path: Path) -> None:
    """What an answer says is never taken for more than it is."""
    log.answers[3] = receipt(log.rows[3])
    members = archive_of(log)
    line = json.loads(members[RECEIPTS].splitlines()[3]) | {
        "body": {"base64": ofrecord_verify.base64.b64encode(body).decode()}
    }
    tampered(members, RECEIPTS, 3, lambda _: json.dumps(line).encode() + b"\n")
    assert _verdict(members, tmp_path).kinds == {"receipt changed"}


def test_a_zip_with_dangerous_names_is_told(log: MadeLog, tmp_path: Path) -> None:
    """Names that lead out of a folder, and one name twice."""
    members = archive_of(log)
    assert "no archive has" in _reason({**members, "../../etc/passwd": b""}, tmp_path)
    file = written(members, tmp_path / "twice.zip")
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("README.txt", b"another")
    verdict = verify(file, "--key", KEY.vkey)
    assert (verdict.code, "two of one name" in verdict.said["reason"]) == (2, True)


def test_a_bomb_is_not_unpacked(
    log: MadeLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that is longer than any event ends it before it is in memory."""
    monkeypatch.setattr(ofrecord_verify, "LINE_BYTES_MAX", 100_000)
    members = archive_of(log)
    members[EVENTS] = b"0" * 50_000_000
    assert "events/000001.jsonl: line 1 is not as it should be" in _reason(members, tmp_path)
    assert "no archive has" in _reason({**members, "README.txt": bytes(1 << 26)}, tmp_path)
