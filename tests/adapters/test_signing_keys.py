"""The folder of signing keys: made once, read strictly, rotated with an overlap."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.outbound.published_checkpoints import CheckpointFolder
from adapters.outbound.signing_keys import KeyNotKnown, SigningKeyFolder
from processors.proof_ports import Checkpoint, KeysUnusable, Remembered
from schemas.notes import TreeHead, checkpoint_text, parse_vkey, sign_note, verify_checkpoint

_ORIGIN = "example.com/log"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of keys that is not made yet."""
    return tmp_path / "under" / "keys"


@pytest.fixture
def keys(folder: Path) -> SigningKeyFolder:
    """Keys, made at first use."""
    keys = SigningKeyFolder(folder, _ORIGIN)
    keys.prepare()
    return keys


def signed(keys: SigningKeyFolder, size: int) -> Checkpoint:
    """A checkpoint, signed with these keys."""
    head = TreeHead(_ORIGIN, size, bytes([size]) * 32)
    note = sign_note(checkpoint_text(head), keys.signers())
    return Checkpoint(size, head.root, note, datetime(2026, 3, 4, tzinfo=UTC))


def test_a_key_is_made_at_first_use_and_stays(keys: SigningKeyFolder, folder: Path) -> None:
    """Only its owner may read it, and the next use finds it."""
    [listed] = keys.listed()
    assert listed.state == "signs"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / f"{listed.key_id}.key").stat().st_mode) == 0o600
    keys.prepare()
    assert SigningKeyFolder(folder, _ORIGIN).listed() == [listed]
    assert "PRIVATE" not in listed.vkey


def test_a_folder_that_was_emptied_gets_no_new_key(folder: Path) -> None:
    """A key made unasked is one that nobody trusts."""
    folder.mkdir(parents=True)
    with pytest.raises(KeysUnusable, match="There is no key in"):
        SigningKeyFolder(folder, _ORIGIN).prepare()


def test_keys_are_rotated_with_an_overlap(keys: SigningKeyFolder) -> None:
    """Both sign until the old one is retired; what it signed is verified for ever."""
    [old] = keys.listed()
    by_old = signed(keys, 1)
    new = keys.new()
    by_both = signed(keys, 2)
    with pytest.raises(KeyNotKnown, match="No key 00000000 signs"):
        keys.retire("00000000")
    keys.retire(old.key_id)
    by_new = signed(keys, 3)
    assert [(key.key_id, key.state) for key in keys.listed()] == [
        (new.key_id, "signs"),
        (old.key_id, "retired"),
    ]
    with pytest.raises(KeyNotKnown, match="the only key"):
        keys.retire(new.key_id)
    for checkpoint, signers in ((by_old, [old]), (by_both, [old, new]), (by_new, [new])):
        for key in (old, new):
            trusted = [parse_vkey(key.vkey)]
            if key in signers:
                verify_checkpoint(checkpoint.note, _ORIGIN, trusted)
        _, found = verify_checkpoint(checkpoint.note, _ORIGIN, keys.verifiers())
        assert {key.text() for key in found} == {key.vkey for key in signers}


def test_the_newest_signed_checkpoint_is_remembered(keys: SigningKeyFolder, folder: Path) -> None:
    """By whichever process signed it; a late one does not take it back."""
    assert keys.remembered() is None
    keys.remember(signed(keys, 5))
    SigningKeyFolder(folder, _ORIGIN).remember(signed(keys, 4))
    assert keys.remembered() == Remembered(5, bytes([5]) * 32)


_DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "others may read it": (lambda key: key.chmod(0o640), "chmod 600"),
    "cut": (lambda key: key.write_text(key.read_text()[:-10]), "damaged"),
    "another's id": (
        lambda key: key.write_text(key.read_text().replace(key.stem, "00000000")),
        "damaged",
    ),
    "another's name": (
        lambda key: key.write_text(key.read_text().replace(_ORIGIN, "example.com/lag")),
        "damaged",
    ),
    "empty": (lambda key: key.write_text(""), "not a key"),
    "no text": (lambda key: key.write_bytes(b"\xff\xfe"), "not a text"),
    "a folder": (lambda key: (key.unlink(), key.mkdir(0o700)), "cannot be used"),
}


@pytest.mark.parametrize(("damage", "said"), _DAMAGES.values(), ids=_DAMAGES)
def test_a_key_file_that_is_not_right_is_told(
    keys: SigningKeyFolder, folder: Path, damage: Callable[[Path], object], said: str
) -> None:
    """In a sentence that names the file and never quotes it."""
    [path] = folder.glob("*.key")
    secret = path.read_text().strip().split("+", 4)[4]
    damage(path)
    with pytest.raises(KeysUnusable, match=said) as told:
        keys.signers()
    assert str(path) in str(told.value)
    assert secret[:20] not in str(told.value)


def test_keys_of_another_origin_are_told(keys: SigningKeyFolder, folder: Path) -> None:
    """They are another log's."""
    with pytest.raises(KeysUnusable, match="OFRECORD_PROOF_ORIGIN"):
        SigningKeyFolder(folder, "example.com/other").prepare()


def test_a_forged_memory_is_told(keys: SigningKeyFolder, folder: Path) -> None:
    """What was signed last is itself signed: nobody sets it back to nothing else."""
    keys.remember(signed(keys, 5))
    path = folder / "signed-last.txt"
    path.write_text(path.read_text().replace("\n5\n", "\n4\n"))
    with pytest.raises(KeysUnusable, match="not the checkpoint that was signed last"):
        keys.remembered()


def test_a_checkpoint_is_published_once(keys: SigningKeyFolder, tmp_path: Path) -> None:
    """Whole, under its size, and never over another one."""
    folder = CheckpointFolder(tmp_path / "bucket")
    checkpoint = signed(keys, 7)
    with pytest.raises(NotADirectoryError):
        folder.publish(checkpoint)  # as where a bucket is not mounted
    (tmp_path / "bucket").mkdir()
    folder.publish(checkpoint)
    folder.publish(checkpoint)
    [path] = (tmp_path / "bucket").iterdir()
    assert (path.name, path.read_text()) == ("checkpoint-000000000007.txt", checkpoint.note)
    path.write_text("another\n")
    with pytest.raises(FileExistsError):
        folder.publish(checkpoint)
    assert path.read_text() == "another\n"
