"""Keys of the HTTP door: made once, stored as a hash, revocable."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from adapters.outbound.api_keys import ApiKeys, InvalidKeyRequest, split_token
from processors.ports import LogUnavailable
from tests.conftest import PostgresForTests


class Ticking:
    """A clock that moves on by a second each time it is read."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 1, tzinfo=UTC)

    def now(self) -> datetime:
        """One second later than before."""
        self._now += timedelta(seconds=1)
        return self._now


@pytest.fixture
def pool(database_url: str) -> Iterator[ConnectionPool[Any]]:
    """A pool on a fresh database."""
    check = ConnectionPool.check_connection
    with ConnectionPool(database_url, min_size=1, max_size=2, timeout=2, check=check) as pool:
        yield pool


@pytest.fixture
def keys(pool: ConnectionPool[Any]) -> ApiKeys:
    """The keys of a fresh database."""
    return ApiKeys(pool, Ticking())


def test_a_key_opens_with_its_secret_alone(keys: ApiKeys) -> None:
    """The token says which key it is and proves it; any other secret does not."""
    made = keys.create("portal", "portal-one", producer_id="P1")
    key_id, secret = split_token(made.token) or ("", "")
    assert key_id == made.key_id
    key = keys.find(key_id)
    assert key is not None
    assert (key.role, key.sender, key.producer_id, key.permissions) == (
        "portal",
        "portal-one",
        "P1",
        [],
    )
    assert key.opened_by(secret)
    other = split_token(keys.create("auditor", "audit").token)
    assert other is not None
    assert not key.opened_by(other[1])
    assert not key.opened_by("")


def test_no_secret_is_stored(keys: ApiKeys, database_url: str) -> None:
    """Whoever reads the whole database cannot use a key."""
    made = keys.create("carrier", "importer", permissions=["backfill"])
    secret = made.token.split("_", 2)[2]
    with psycopg.connect(database_url) as conn:
        rows = conn.execute("SELECT k::text, encode(secret_hash, 'escape') FROM api_keys k")
        assert secret not in str(rows.fetchall())


def test_a_revoked_key_no_longer_opens(keys: ApiKeys) -> None:
    """Revoking again changes nothing, and a key that is not cannot be revoked."""
    made = keys.create("operations", "ops")
    assert keys.revoke(made.key_id)
    first = keys.find(made.key_id)
    assert first is not None
    assert not first.opened_by(made.token.split("_", 2)[2])
    assert keys.revoke(made.key_id)
    assert keys.find(made.key_id) == first
    assert not keys.revoke("000000000000")


def test_keys_are_listed_oldest_first_also_revoked_ones(keys: ApiKeys) -> None:
    """Nothing is forgotten about who could send."""
    made = [keys.create("auditor", f"audit-{number}").key_id for number in range(3)]
    keys.revoke(made[1])
    assert [key.key_id for key in keys.list()] == made
    assert [key.revoked_at is None for key in keys.list()] == [True, False, True]


@pytest.mark.parametrize(
    "asked",
    [
        {"role": "broker", "sender": "x"},
        {"role": "portal", "sender": ""},
        {"role": "portal", "sender": "two words"},
        {"role": "carrier", "sender": "x", "producer_id": "P1"},
        {"role": "portal", "sender": "x", "producer_id": "no/slash"},
        {"role": "portal", "sender": "x", "permissions": ["backfill"]},
        {"role": "carrier", "sender": "x", "permissions": ["everything"]},
        {"role": "carrier", "sender": "cli"},
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(keys: ApiKeys, asked: dict[str, Any]) -> None:
    """Unknown roles and permissions, odd names, producers for those who speak for none."""
    with pytest.raises(InvalidKeyRequest):
        keys.create(**asked)
    assert keys.list() == []


def test_a_sender_has_one_role(keys: ApiKeys) -> None:
    """Else one role could take the idempotency keys of another."""
    keys.create("carrier", "staff")
    keys.create("carrier", "staff", permissions=["backfill"])
    with pytest.raises(InvalidKeyRequest, match="role carrier"):
        keys.create("portal", "staff", "P-100")
    assert len(keys.list()) == 2


@pytest.mark.parametrize(
    "token", ["", "ofr_", "ofr_abc_def", "ofr_" + "a" * 12 + "_" + "b" * 42, "x" * 5000]
)
def test_what_does_not_look_like_a_token_is_not_looked_up(token: str) -> None:
    """It has no id to look for."""
    assert split_token(token) is None


def test_keys_are_unavailable_while_the_database_is_away(
    keys: ApiKeys, database_url: str, postgres: PostgresForTests
) -> None:
    """An operating error with a name, over when the database is back."""
    made = keys.create("auditor", "audit")
    postgres.take_away(database_url)
    with pytest.raises(LogUnavailable):
        keys.find(made.key_id)
    postgres.bring_back(database_url)
    assert keys.find(made.key_id) is not None
