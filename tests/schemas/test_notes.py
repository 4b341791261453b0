"""Signed notes and checkpoints: the examples of the specifications, and what must be refused."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.notes import (
    COSIGNATURE,
    BadNote,
    NotSigned,
    TlogProof,
    TreeHead,
    VerifierKey,
    checkpoint_text,
    parse_checkpoint,
    parse_note,
    parse_proof,
    parse_vkey,
    proof_text,
    sign_note,
    verify_checkpoint,
    verify_note,
    witness_request,
)
from tests.signers import SignerForTests

_EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
_EXAMPLE = """\
This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXm\
RKuwHjG1Yu72IneyaQM=
"""
_CHECKPOINT = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhc\
yv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX\
3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""
_POEM = """\
Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMou\
FSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
"""
_HEAD = TreeHead("example.com/log", 7, bytes(range(32)))


def test_the_specifications_example_verifies() -> None:
    """Its key, its note, and the key written as it was read."""
    key = parse_vkey(_EXAMPLE_KEY)
    assert key.text() == _EXAMPLE_KEY
    note = parse_note(_EXAMPLE)
    assert note.text == "This is an example message.\n"
    assert verify_note(note, [key]) == [key]
    with pytest.raises(NotSigned, match="wrong"):
        verify_note(parse_note(_EXAMPLE.replace("example message", "other message")), [key])


def test_a_text_may_have_empty_lines() -> None:
    """The last one ends it."""
    assert parse_note(_POEM).text.endswith("sole:\n\ned è subito sera.\n")


def test_the_specifications_checkpoint_is_read() -> None:
    """With a witness's line beside the log's own."""
    note = parse_note(_CHECKPOINT)
    head = parse_checkpoint(note.text)
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert base64.b64encode(head.root) == b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    assert [line.name for line in note.signatures] == [head.origin, "witness.example.com/w1"]
    assert checkpoint_text(head) == note.text


def test_a_checkpoint_is_signed_and_verified_by_any_of_two_keys() -> None:
    """As while one takes the other's place: whoever knows either accepts it."""
    old, new = SignerForTests("example.com/log"), SignerForTests("example.com/log")
    note = sign_note(checkpoint_text(_HEAD), [old, new])
    for known in ([old.verifier], [new.verifier], [old.verifier, new.verifier]):
        assert verify_checkpoint(note, "example.com/log", known) == (_HEAD, known)
    stranger = SignerForTests("example.com/log").verifier
    with pytest.raises(NotSigned, match="none of the keys"):
        verify_checkpoint(note, "example.com/log", [stranger])
    with pytest.raises(NotSigned, match="another log"):
        verify_checkpoint(note, "example.com/other", [old.verifier])


def test_a_wrong_signature_of_a_known_key_is_not_outweighed() -> None:
    """By a good one of another key."""
    one, two = SignerForTests("example.com/log"), SignerForTests("example.com/log")
    good = sign_note(checkpoint_text(_HEAD), [one, two])
    other = sign_note("another text\n", [two]).rpartition("\n\n")[2]
    lines = good.splitlines(keepends=True)
    mixed = "".join([*lines[:-1], other])
    assert verify_note(parse_note(mixed), [one.verifier]) == [one.verifier]
    with pytest.raises(NotSigned, match="wrong"):
        verify_note(parse_note(mixed), [one.verifier, two.verifier])


def test_a_witness_cosigns_beside_us() -> None:
    """Its line is verified if its key is known, with its time, and passed over if not."""
    ours, private = SignerForTests("example.com/log"), Ed25519PrivateKey.generate()
    witness = VerifierKey("witness.example/w", private.public_key().public_bytes_raw(), COSIGNATURE)
    text = checkpoint_text(_HEAD)
    said = f"cosignature/v1\ntime 1679315147\n{text}".encode()
    signed = (1_679_315_147).to_bytes(8, "big") + private.sign(said)
    line = base64.b64encode(witness.key_id + signed).decode()
    note = sign_note(text, [ours]) + f"— witness.example/w {line}\n"
    assert verify_checkpoint(note, _HEAD.origin, [ours.verifier]) == (_HEAD, [ours.verifier])
    assert parse_vkey(witness.text()) == witness
    both = [ours.verifier, witness]
    assert verify_checkpoint(note, _HEAD.origin, both) == (_HEAD, both)
    later = (1_679_315_148).to_bytes(8, "big") + signed[8:]
    forged = note.replace(line, base64.b64encode(witness.key_id + later).decode())
    with pytest.raises(NotSigned, match=r"witness\.example/w"):
        verify_checkpoint(forged, _HEAD.origin, both)


def test_a_witness_is_sent_the_specifications_request() -> None:
    """The old size, the consistency proof, an empty line, the checkpoint."""
    sent = witness_request(20_852_014, [b"\x00" * 32, b"\x01" * 32], _CHECKPOINT)
    zeroes, ones = (base64.b64encode(bytes([n]) * 32).decode() for n in (0, 1))
    assert sent == f"old 20852014\n{zeroes}\n{ones}\n\n{_CHECKPOINT}"
    assert witness_request(0, [], _CHECKPOINT) == f"old 0\n\n{_CHECKPOINT}"


@given(
    index=st.integers(0, 2**62),
    hashes=st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    extra=st.none() | st.binary(min_size=1, max_size=100),
)
@settings(deadline=None)
def test_a_proof_is_read_as_it_was_written(
    index: int, hashes: list[bytes], extra: bytes | None
) -> None:
    """Whatever is in it."""
    proof = TlogProof(index, hashes, _CHECKPOINT, extra)
    assert parse_proof(proof_text(proof)) == proof


_KEY_DAMAGES: dict[str, Callable[[str], str]] = {
    "another name": lambda key: key.replace("foo", "bar"),
    "another id": lambda key: key.replace("530d903a", "530d903b"),
    "cut": lambda key: key[:-4],
    "no parts": lambda _: "example.com/foo",
    "another kind": lambda key: key.replace("+AeK", "+BeK").replace("+Aek", "+Bek"),
    "empty name": lambda key: key.replace("example.com/foo", ""),
    "a space": lambda key: key.replace("example.com/foo", "example.com/ foo"),
    "nothing": lambda _: "",
}


@pytest.mark.parametrize("damage", _KEY_DAMAGES.values(), ids=_KEY_DAMAGES)
def test_a_damaged_key_is_refused(damage: Callable[[str], str]) -> None:
    """With a sentence, never used for what it may be."""
    with pytest.raises(BadNote, match=r"^[A-Z].*\.$"):
        parse_vkey(damage(_EXAMPLE_KEY))


_NOTE_DAMAGES: dict[str, Callable[[str], str]] = {
    "no signature": lambda note: note.partition("—")[0],
    "no empty line": lambda note: note.replace("\n\n", "\n"),
    "cut": lambda note: note[:-1],
    "another dash": lambda note: note.replace("—", "-"),
    "not base64": lambda note: note.replace("Uw2Q", "Uw2!"),
    "short signature": lambda note: note.partition("Uw2Q")[0] + "Uw2Q\n",
    "control character": lambda note: note.replace("example message", "example\r message"),
    "endless": lambda note: "x" * 2_000_000 + note,
    "too many": lambda note: note + note.splitlines(keepends=True)[-1] * 200,
    "nothing": lambda _: "",
}


@pytest.mark.parametrize("damage", _NOTE_DAMAGES.values(), ids=_NOTE_DAMAGES)
def test_a_damaged_note_is_refused(damage: Callable[[str], str]) -> None:
    """With a sentence."""
    with pytest.raises(BadNote, match=r"^[A-Z].*\.$"):
        parse_note(damage(_EXAMPLE))


@pytest.mark.parametrize(
    "text",
    [
        "example.com/log\n07\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "example.com/log\n-7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "example.com/log\n٧\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        f"example.com/log\n{'9' * 5_000}\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "example.com/log\n7\nCsUYapGGPo4dkMgI\n",
        "\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "example.com/log\n7\n",
        "example.com/log\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    """A number or a root in any other form is none."""
    with pytest.raises(BadNote, match=r"^A checkpoint.*\.$"):
        parse_checkpoint(text)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("@v1", "@v2"),
        lambda text: text.replace("index 3", "index 03"),
        lambda text: text.replace("index 3\n", ""),
        lambda text: text.replace("\n\n", "\n"),
        lambda text: text.replace("AAA=", "AAA"),
        lambda text: text.replace("index 3\n", "index 3\nAAAA\n"),
    ],
)
def test_what_is_no_proof_is_refused(damage: Callable[[str], str]) -> None:
    """With a sentence."""
    text = proof_text(TlogProof(3, [b"\x00" * 32], _CHECKPOINT))
    with pytest.raises(BadNote, match=r"^(A proof|A hash of a proof).*\.$"):
        parse_proof(damage(text))
