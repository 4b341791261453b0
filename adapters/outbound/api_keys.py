"""API keys: who may use the HTTP door, as which role, for which producer (handbook §7, issue 3).

A key reads ``ofr_<id>_<secret>``. The secret is shown once, when the key is made; stored is only
its SHA-256 (it is 256 random bits, so a slow password hash would add nothing).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, get_args

import msgspec
import psycopg
from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from domain.payee.access import COMMISSION_RUN
from domain.types import Role
from processors.billing_run import BILLING_SENDER
from processors.ports import Clock, LogUnavailable

PERMISSIONS = {
    "backfill": "state an earlier instant of receipt",
    "exchange_feed": "send what arrives from the exchange's own feed",
}
"""What a carrier key may be allowed beside its role."""

COMMAND_LINE_SENDER = "cli"
_OUR_OWN_SENDERS = frozenset({COMMAND_LINE_SENDER, BILLING_SENDER, COMMISSION_RUN})
"""The sender of what the command line submits: no key has its name."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_TOKEN = re.compile(r"ofr_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")
_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_COLUMNS = "key_id, secret_hash, role, sender, producer_id, permissions, created_at, revoked_at"


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is stored."""

    key_id: str
    secret_hash: bytes
    role: Role
    sender: str
    """The name under which it sends; idempotency keys belong to the sender."""
    producer_id: str | None
    """The one producer a portal key speaks for; None lets it name one in each request."""
    permissions: list[str]
    created_at: datetime
    revoked_at: datetime | None

    def opened_by(self, secret: str) -> bool:
        """Whether this is the key's secret and the key is not revoked; in constant time."""
        same = hmac.compare_digest(_hash(secret), self.secret_hash)
        return same and self.revoked_at is None

    def signed(self, message: bytes, signature: str) -> bool:
        """Whether the key's holder signed this: HMAC-SHA256 in hex, keyed with the secret's hash.

        So a signature shows that its maker has the secret, which itself goes nowhere. Says nothing
        of revocation; in constant time.
        """
        right = hmac.new(self.secret_hash, message, hashlib.sha256).hexdigest()
        return hmac.compare_digest(right.encode(), signature.encode())


class NewKey(msgspec.Struct, frozen=True):
    """A key just made: the only time its token can be read."""

    key_id: str
    token: str


class InvalidKeyRequest(ValueError):
    """A key was asked for that makes no sense; the message says why."""


def split_token(token: str) -> tuple[str, str] | None:
    """The id and the secret in a token; None if it does not look like one."""
    match = _TOKEN.fullmatch(token)
    return (match[1], match[2]) if match else None


class ApiKeys:
    """The keys' table. ``pool`` gives read-write connections."""

    def __init__(self, pool: ConnectionPool[Any], clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    def create(
        self,
        role: Role,
        sender: str,
        producer_id: str | None = None,
        permissions: Collection[str] = (),
    ) -> NewKey:
        """Make a key and return its token, which cannot be read again.

        Raises ``InvalidKeyRequest``.
        """
        _check(role, sender, producer_id, permissions)
        key_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(12))
        secret = secrets.token_urlsafe(32)
        with self._connection() as conn:
            # Idempotency keys are the sender's: another role must not find them taken.
            taken = conn.execute(
                "SELECT role FROM api_keys WHERE sender = %s AND role <> %s LIMIT 1", (sender, role)
            ).fetchone()
            if taken is not None:
                raise InvalidKeyRequest(f"The sender {sender} has keys of the role {taken[0]}.")
            conn.execute(
                "INSERT INTO api_keys (key_id, secret_hash, role, sender, producer_id,"
                " permissions, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (
                    key_id,
                    _hash(secret),
                    role,
                    sender,
                    producer_id,
                    sorted(permissions),
                    self._clock.now(),
                ),
            )
        return NewKey(key_id, f"ofr_{key_id}_{secret}")

    def revoke(self, key_id: str) -> bool:
        """Revoke a key; False if there is none. Revoking again keeps the first instant."""
        with self._connection() as conn:
            changed = conn.execute(
                "UPDATE api_keys SET revoked_at = coalesce(revoked_at, %s) WHERE key_id = %s",
                (self._clock.now(), key_id),
            )
            return changed.rowcount == 1

    def list(self) -> list[ApiKey]:
        """All keys, oldest first, also the revoked ones."""
        with self._connection() as conn, conn.cursor(row_factory=class_row(ApiKey)) as cursor:
            return cursor.execute(
                f"SELECT {_COLUMNS} FROM api_keys ORDER BY created_at, key_id"
            ).fetchall()

    def find(self, key_id: str) -> ApiKey | None:
        """A key by its id. Raises ``LogUnavailable`` while the database is away."""
        with self._connection() as conn, conn.cursor(row_factory=class_row(ApiKey)) as cursor:
            return cursor.execute(
                f"SELECT {_COLUMNS} FROM api_keys WHERE key_id = %s", (key_id,)
            ).fetchone()

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            with self._pool.connection() as conn:
                yield conn
        except psycopg.OperationalError as error:
            raise LogUnavailable("the keys cannot be read now") from error


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _check(role: str, sender: str, producer_id: str | None, permissions: Collection[str]) -> None:
    if role not in get_args(Role):
        raise InvalidKeyRequest(f"A role is one of {', '.join(get_args(Role))}.")
    if not _NAME.fullmatch(sender):
        raise InvalidKeyRequest("A sender is 1–40 letters, digits, dots, dashes or underscores.")
    if sender in _OUR_OWN_SENDERS:
        raise InvalidKeyRequest(f"{sender} is a name under which this program itself sends.")
    if producer_id is not None and role != "portal":
        raise InvalidKeyRequest("Only a portal key speaks for a producer.")
    if producer_id is not None and not _NAME.fullmatch(producer_id):
        raise InvalidKeyRequest("This is not a producer's id.")
    if unknown := set(permissions) - set(PERMISSIONS):
        raise InvalidKeyRequest(f"There is no permission {', '.join(sorted(unknown))}.")
    if permissions and role != "carrier":
        raise InvalidKeyRequest("Only a carrier key can be given permissions.")
