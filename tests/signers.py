"""A key that signs, for tests."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.notes import VerifierKey


class SignerForTests:
    """A fresh private key under a name."""

    def __init__(self, name: str) -> None:
        self._private = Ed25519PrivateKey.generate()
        self.verifier = VerifierKey(name, self._private.public_key().public_bytes_raw())

    def sign(self, text: bytes) -> bytes:
        """An Ed25519 signature."""
        return self._private.sign(text)
