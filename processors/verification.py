"""Is a projection what its history says? Fingerprints of rows that can be compared."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from projections.kernel import Row

_encoder = msgspec.json.Encoder()
_MODULUS = 1 << 256


def digest_of(rows: Iterable[Row]) -> Mapping[str, str]:
    """A fingerprint of each client's rows, whatever the order they come in.

    Each row is hashed with its table's name, and the hashes of a client's rows are added up: so
    rows can stream by, from any store, without being sorted or held.
    """
    sums: dict[str, int] = defaultdict(int)
    for row in rows:
        content = _encoder.encode((row.table, msgspec.structs.astuple(row)))
        client_id: str = row.client_id  # type: ignore[attr-defined]  # every row has one
        sums[client_id] += int.from_bytes(hashlib.sha256(content).digest())
    return {client_id: f"{total % _MODULUS:064x}" for client_id, total in sums.items()}
