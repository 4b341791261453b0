"""Signed notes, and what is said in them of the tree: C2SP signed-note, tlog-checkpoint,
tlog-cosignature, tlog-proof, and the body that a witness is sent (tlog-witness).

Pure: texts in, texts out. Who signs is given; only verifying is done here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519 = 0x01
COSIGNATURE = 0x04
"""A witness's timestamped signature of a checkpoint."""
_KNOWN_TYPES = (ED25519, COSIGNATURE)
_NOTE_CHARACTERS_MAX = 1_000_000
_SIGNATURES_MAX = 100
_HASHES_MAX = 63
_HASH_BYTES = 32
_DASH = "— "
_PROOF_HEADER = "c2sp.org/tlog-proof@v1"


class BadNote(ValueError):
    """A text is not what it should be. Its text is a sentence that says how."""


class NotSigned(BadNote):
    """A note has no good signature of any key that is trusted, or a bad one of such a key."""


class Signer(Protocol):
    """Whoever has a private key."""

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        ...

    def sign(self, text: bytes) -> bytes:
        """The Ed25519 signature of a text."""
        ...


# ── Keys ───────────────────────────────────────────────────────────────────────────────────────


class VerifierKey(msgspec.Struct, frozen=True):
    """A public key and its name: what verifies a signature."""

    name: str
    public: bytes
    type: int = ED25519

    @property
    def key_id(self) -> bytes:
        """Four bytes that name the key in a signature, beside its name."""
        said = self.name.encode() + b"\n" + bytes([self.type]) + self.public
        return hashlib.sha256(said).digest()[:4]

    def text(self) -> str:
        """The key as a text (a ``vkey``)."""
        return f"{self.name}+{self.key_id.hex()}+{_base64(bytes([self.type]) + self.public)}"

    def verifies(self, text: str, signature: bytes) -> bool:
        """Whether this is a signature by this key of a note's text."""
        said = text.encode()
        if self.type == COSIGNATURE:
            at, signature = signature[:8], signature[8:]
            said = b"cosignature/v1\ntime %d\n%b" % (int.from_bytes(at, "big"), said)
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, said)
        except (InvalidSignature, ValueError):
            return False
        return True


def parse_vkey(text: str) -> VerifierKey:
    """The key that a vkey stands for. Raises ``BadNote``."""
    name, key_id, encoded = (*text.strip().split("+", 2), "", "")[:3]
    material = _decoded(encoded, "A verifier key")
    require_key_name(name)
    if len(material) != 1 + _HASH_BYTES or material[0] not in _KNOWN_TYPES:
        raise BadNote("A verifier key is not one of Ed25519.")
    key = VerifierKey(name, material[1:], material[0])
    if key.key_id.hex() != key_id:
        raise BadNote("A verifier key's id is not that of its name and key.")
    return key


def require_key_name(name: str) -> None:
    """Raise ``BadNote`` unless this can be the name of a key."""
    if not name or "+" in name or any(c.isspace() or unicodedata.category(c) == "Cc" for c in name):
        raise BadNote("The name of a key must not be empty, nor have spaces or a +.")


# ── Notes ──────────────────────────────────────────────────────────────────────────────────────


class Signature(msgspec.Struct, frozen=True):
    """A signature line of a note."""

    name: str
    key_id: bytes
    signature: bytes


class Note(msgspec.Struct, frozen=True):
    """A signed note, taken apart; nothing of it is verified."""

    text: str
    """With its last newline."""
    signatures: Sequence[Signature]


def sign_note(text: str, signers: Iterable[Signer]) -> str:
    """A note with a signature of each signer."""
    lines = [
        f"{_DASH}{signer.verifier.name} "
        f"{_base64(signer.verifier.key_id + signer.sign(text.encode()))}\n"
        for signer in signers
    ]
    assert lines, "a note is signed by someone"
    assert text.endswith("\n"), "a note's text is whole lines"
    return "".join([text, "\n", *lines])


def parse_note(note: str) -> Note:
    """A note's text and signatures. Raises ``BadNote``."""
    if len(note) > _NOTE_CHARACTERS_MAX or any(c < " " and c != "\n" for c in note):
        raise BadNote("A note is too long, or has control characters.")
    text, separator, below = note.rpartition("\n\n")
    if not separator or not text or not below.endswith("\n"):
        raise BadNote("A note must be a text, an empty line, and lines of signatures.")
    lines = below[:-1].split("\n")
    if len(lines) > _SIGNATURES_MAX:
        raise BadNote(f"A note has more than {_SIGNATURES_MAX} signatures.")
    return Note(text + "\n", [_parse_signature(line) for line in lines])


def _parse_signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH):
        raise BadNote("A line of a note's signatures does not begin with a dash and a space.")
    require_key_name(name)
    signature = _decoded(encoded, "A signature")
    if len(signature) <= 4:  # the id of the key
        raise BadNote("A signature of a note is too short.")
    return Signature(name, signature[:4], signature[4:])


def verify_note(note: Note, keys: Collection[VerifierKey]) -> Sequence[VerifierKey]:
    """The keys of these that have signed; signatures of others are passed over.

    Raises ``NotSigned`` if none has, or if a signature that names one of them is not its own.
    """
    by_name = {(key.name, key.key_id): key for key in keys}
    verified: dict[VerifierKey, None] = {}
    for line in note.signatures:
        key = by_name.get((line.name, line.key_id))
        if key is None:
            continue
        if not key.verifies(note.text, line.signature):
            raise NotSigned(f"The signature of {key.name}+{key.key_id.hex()} is wrong.")
        verified[key] = None
    if not verified:
        raise NotSigned("It is signed by none of the keys that are trusted.")
    return list(verified)


# ── Checkpoints ────────────────────────────────────────────────────────────────────────────────


class TreeHead(msgspec.Struct, frozen=True):
    """What a checkpoint says."""

    origin: str
    size: int
    root: bytes


def checkpoint_text(head: TreeHead) -> str:
    """The text to sign."""
    return f"{head.origin}\n{head.size}\n{_base64(head.root)}\n"


def parse_checkpoint(text: str) -> TreeHead:
    """What the text of a note says of a tree. Raises ``BadNote``."""
    origin, size, root = (*text.split("\n", 3), "", "", "")[:3]
    if not origin or not text.endswith("\n") or "\n\n" in text:
        raise BadNote("A checkpoint must begin with its origin, and have no empty line.")
    hashed = _decoded(root, "A checkpoint's root")
    if len(hashed) != _HASH_BYTES:
        raise BadNote("A checkpoint's root is not a hash of 32 bytes.")
    return TreeHead(origin, _number(size, "A checkpoint's size"), hashed)


def verify_checkpoint(
    note: str, origin: str, keys: Collection[VerifierKey]
) -> tuple[TreeHead, Sequence[VerifierKey]]:
    """What a signed checkpoint of this origin says, and who has signed it.

    Raises ``BadNote``; ``NotSigned`` if it is another's.
    """
    parsed = parse_note(note)
    signed = verify_note(parsed, keys)
    head = parse_checkpoint(parsed.text)
    if head.origin != origin:
        raise NotSigned("It is a checkpoint of another log.")
    return head, signed


# ── Proofs, and what a witness is sent ─────────────────────────────────────────────────────────


class TlogProof(msgspec.Struct, frozen=True):
    """A proof that an entry is in the tree of a checkpoint, as a file has it."""

    index: int
    """Of the leaf: its position less one."""
    hashes: Sequence[bytes]
    checkpoint: str
    extra: bytes | None = None


def proof_text(proof: TlogProof) -> str:
    """The file."""
    extra = [] if proof.extra is None else [f"extra {_base64(proof.extra)}"]
    lines = [_PROOF_HEADER, *extra, f"index {proof.index}", *map(_base64, proof.hashes)]
    return "\n".join([*lines, "", proof.checkpoint])


def parse_proof(text: str) -> TlogProof:
    """What a file of a proof says; nothing of it is verified. Raises ``BadNote``."""
    head, separator, checkpoint = text.partition("\n\n")
    if not separator:
        raise BadNote("A proof must be lines, an empty line, and a checkpoint.")
    header, *lines = head.split("\n")
    if header != _PROOF_HEADER:
        raise BadNote(f"A proof must begin with {_PROOF_HEADER}.")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = _decoded(lines.pop(0).removeprefix("extra "), "A proof's extra data")
    if not lines or not lines[0].startswith("index "):
        raise BadNote("A proof must say the index of its entry.")
    index = _number(lines.pop(0).removeprefix("index "), "A proof's index")
    return TlogProof(index, _hashes(lines), checkpoint, extra)


def witness_request(old_size: int, hashes: Sequence[bytes], checkpoint: str) -> str:
    """The body of a witness's ``add-checkpoint``: the proof goes from the size that it has."""
    return "\n".join([f"old {old_size}", *map(_base64, hashes), "", checkpoint])


def _hashes(lines: Sequence[str]) -> list[bytes]:
    hashes = [_decoded(line, "A hash of a proof") for line in lines]
    if len(hashes) > _HASHES_MAX or any(len(each) != _HASH_BYTES for each in hashes):
        raise BadNote(f"A proof must be at most {_HASHES_MAX} hashes of 32 bytes each.")
    return hashes


def _number(text: str, what: str) -> int:
    """A decimal in its only form."""
    if not text.isascii() or not text.isdigit() or text != text.lstrip("0").rjust(1, "0"):
        raise BadNote(f"{what} is not a number without leading zeroes.")
    if len(text) > len(str(2**63)):
        raise BadNote(f"{what} is larger than any log.")
    return int(text)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(text: str, what: str) -> bytes:
    """Base64 in its only form."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or _base64(data) != text:
        raise BadNote(f"{what} is not in base64.")
    return data
