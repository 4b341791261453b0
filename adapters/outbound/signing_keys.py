"""The keys that sign checkpoints, in a folder: outside the database that they vouch for.

A key is a file that only its owner may read, in the form of Go's note package. A retired key leaves
its public half. Beside them is the newest checkpoint that was signed with any of them.
"""

from __future__ import annotations

import base64
import fcntl
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.outbound.files import write_whole
from processors.proof_ports import Checkpoint, KeysUnusable, Remembered
from schemas.notes import ED25519, BadNote, VerifierKey, parse_vkey, verify_checkpoint

_KEY, _RETIRED = ".key", ".retired"
_HEAD = "PRIVATE+KEY+"
_NEWEST = "signed-last.txt"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_FILE_BYTES_MAX = 100_000


class KeyNotKnown(Exception):
    """There is no such key here, or it must stay. Its text is a sentence."""


class ListedSigningKey(msgspec.Struct, frozen=True):
    """A key, without what signs."""

    key_id: str
    state: Literal["signs", "retired"]
    vkey: str


class _KeyFile(msgspec.Struct, frozen=True):
    """A key that signs."""

    verifier: VerifierKey
    seed: bytes

    def sign(self, text: bytes) -> bytes:
        """An Ed25519 signature."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(text)

    def text(self) -> str:
        """What is in the file."""
        key_id = self.verifier.key_id.hex()
        encoded = base64.b64encode(bytes([ED25519]) + self.seed).decode()
        return f"{_HEAD}{self.verifier.name}+{key_id}+{encoded}\n"


class SigningKeyFolder:
    """``SigningKeys`` in a folder; every method raises ``KeysUnusable``.

    Files are read each time: a key that is made or retired counts from the next checkpoint on.
    """

    def __init__(self, folder: Path, origin: str) -> None:
        self._folder = folder
        self._origin = origin

    @property
    def origin(self) -> str:
        return self._origin

    def prepare(self, *, is_first: bool = True) -> None:
        """Require a key that signs; where none has signed yet, make the folder with a key."""
        if self._folder.exists():
            self.signers()
        elif not is_first:
            raise KeysUnusable(
                f"{self._folder} is missing, and its keys have signed this log: put them back. If"
                " they are lost, begin a new log with `ofrecord proof-key adopt`."
            )
        else:
            self.new()

    def signers(self) -> Sequence[_KeyFile]:
        keys = [self._read_key(path) for path in self._files(_KEY)]
        if not keys:
            raise KeysUnusable(
                f"There is no key in {self._folder}: `ofrecord proof-key new` makes one."
            )
        return keys

    def verifiers(self) -> Sequence[VerifierKey]:
        retired = [self._read_retired(path) for path in self._files(_RETIRED)]
        return [*(key.verifier for key in self.signers()), *retired]

    def remembered(self) -> Remembered | None:
        path = self._folder / _NEWEST
        with _told(path):
            if not path.exists():
                return None
            note = _text_of(path)
        try:
            head, _ = verify_checkpoint(note, self._origin, self.verifiers())
        except BadNote as error:
            raise KeysUnusable(
                f"{path} is not the checkpoint that was signed last: {error}"
            ) from None
        return Remembered(head.size, head.root)

    def remember(self, checkpoint: Checkpoint) -> None:
        with self._locked():
            remembered = self.remembered()
            if remembered is None or remembered.size < checkpoint.size:
                path = self._folder / _NEWEST
                with _told(path):
                    write_whole(path, checkpoint.note.encode())

    def listed(self) -> Sequence[ListedSigningKey]:
        """All keys: those that sign first."""
        signing = [key.verifier for key in map(self._read_key, self._files(_KEY))]
        retired = map(self._read_retired, self._files(_RETIRED))
        return [
            *(ListedSigningKey(key.key_id.hex(), "signs", key.text()) for key in signing),
            *(ListedSigningKey(key.key_id.hex(), "retired", key.text()) for key in retired),
        ]

    def new(self) -> ListedSigningKey:
        """Make a key, and the folder if there is none; it signs from now on, beside others."""
        seed = Ed25519PrivateKey.generate().private_bytes_raw()
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        key = _KeyFile(VerifierKey(self._origin, public), seed)
        key_id = key.verifier.key_id.hex()
        with _told(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self._folder / f"{key_id}{_KEY}", key.text().encode())
        return ListedSigningKey(key_id, "signs", key.verifier.text())

    def retire(self, key_id: str) -> None:
        """Destroy a private key; its public half stays. Raises ``KeyNotKnown``."""
        with self._locked():
            keys = {key.verifier.key_id.hex(): key.verifier for key in self.signers()}
            if key_id not in keys:
                raise KeyNotKnown(f"No key {key_id} signs in {self._folder}.")
            if len(keys) == 1:
                raise KeyNotKnown(
                    "It is the only key that signs: `ofrecord proof-key new` makes another first."
                )
            with _told(self._folder):
                public = self._folder / f"{key_id}{_RETIRED}"
                write_whole(public, keys[key_id].text().encode() + b"\n")
                (self._folder / f"{key_id}{_KEY}").unlink()

    def _files(self, suffix: str) -> list[Path]:
        with _told(self._folder):
            if self._folder.exists() and not self._folder.is_dir():
                raise KeysUnusable(f"{self._folder} is no folder.")
            return sorted(p for p in self._folder.glob(f"*{suffix}") if p.name[0] != ".")

    def _read_key(self, path: Path) -> _KeyFile:
        with _told(path):
            if path.stat().st_mode & _OTHERS:
                raise KeysUnusable(
                    f"Others than its owner may read the key {path}: chmod 600 {path}"
                )
            text = _text_of(path).strip()
        name, _, rest = text.removeprefix(_HEAD).partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            material = base64.b64decode(encoded, validate=True)
            private = Ed25519PrivateKey.from_private_bytes(material[1:])
        except ValueError:
            material = b""
        if not text.startswith(_HEAD) or material[:1] != bytes([ED25519]):
            raise KeysUnusable(f"{path} is not a key, or is damaged.")
        verifier = VerifierKey(name, private.public_key().public_bytes_raw())
        if verifier.key_id.hex() != key_id:
            raise KeysUnusable(f"{path} is damaged: the key's id is not that of the key.")
        self._require_own(verifier, path)
        return _KeyFile(verifier, material[1:])

    def _read_retired(self, path: Path) -> VerifierKey:
        with _told(path):
            text = _text_of(path)
        try:
            verifier = parse_vkey(text)
        except BadNote as error:
            raise KeysUnusable(f"{path} is not a retired key: {error}") from None
        self._require_own(verifier, path)
        return verifier

    def _require_own(self, verifier: VerifierKey, path: Path) -> None:
        if verifier.name != self._origin:
            raise KeysUnusable(
                f"{path} is a key of {verifier.name}, and OFRECORD_PROOF_ORIGIN says "
                f"{self._origin}. Another origin is another log: give it a folder of its own."
            )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time."""
        path = self._folder / "lock"
        with _told(path), path.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What goes wrong with a file, as a sentence."""
    try:
        yield
    except OSError as error:
        raise KeysUnusable(
            f"{error.filename or path} cannot be used: {error.strerror or 'an error'}."
        ) from None


def _text_of(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_FILE_BYTES_MAX)
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise KeysUnusable(f"{path} is damaged: it is not a text.") from None
