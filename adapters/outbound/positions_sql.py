"""Where projections stand, as the database keeps it: SQL that the row store and rebuilds share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg.rows import TupleRow

from processors.ports import Bookmark, Mark, ParkedClient

PARK = """
INSERT INTO parked_clients SELECT * FROM json_populate_recordset(NULL::parked_clients, %s)
ON CONFLICT (projection, client_id) DO UPDATE SET
    position = excluded.position, version = excluded.version, error = excluded.error,
    attempts = excluded.attempts, retry_requested = excluded.retry_requested
"""
PARKED_OF = f"""
SELECT {", ".join(ParkedClient.__struct_fields__)} FROM parked_clients
WHERE projection = %s AND client_id = ANY(%s)
"""
MARKS = """
SELECT partition, position, writes FROM partition_positions WHERE projection = %s ORDER BY 1
"""
FORGET = "DELETE FROM projections WHERE projection = %s"
MADE = "INSERT INTO projections (projection, fingerprint) VALUES (%s, %s)"
MARK_ALL = """
INSERT INTO partition_positions (projection, partition, position, writes)
SELECT %s, generate_series(0, partitions - 1), %s, %s FROM partitioning
RETURNING partition, position, writes
"""

_encoder = msgspec.json.Encoder()


def bookmark(rows: Sequence[TupleRow]) -> Bookmark:
    """What ``MARKS`` finds."""
    return Bookmark({partition: Mark(position, writes) for partition, position, writes in rows})


def json_of(values: Any) -> str:
    """Values as one parameter."""
    return _encoder.encode(values).decode()
