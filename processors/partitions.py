"""Which partition of the clients a client belongs to, when they are divided among workers.

The same as Kafka's own default for a record with the client id as its key (murmur2), so that
whoever else writes or reads by key agrees.
"""

from __future__ import annotations

from functools import lru_cache

_MASK = 0xFFFFFFFF
_SEED = 0x9747B28C
_M = 0x5BD1E995


@lru_cache(maxsize=100_000)
def partition_of(client_id: str, partitions: int) -> int:
    """The partition, from 0, of a client or of a payee's stream."""
    return 0 if partitions == 1 else (murmur2(client_id.encode()) & 0x7FFFFFFF) % partitions


def murmur2(key: bytes) -> int:
    """Kafka's hash of a key, as an unsigned 32-bit number."""
    length = len(key)
    hashed = _SEED ^ length
    whole = length - length % 4
    for start in range(0, whole, 4):
        k = int.from_bytes(key[start : start + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        hashed = hashed * _M & _MASK ^ k
    if whole < length:
        hashed = (hashed ^ int.from_bytes(key[whole:], "little")) * _M & _MASK
    hashed = (hashed ^ hashed >> 13) * _M & _MASK
    return hashed ^ hashed >> 15
