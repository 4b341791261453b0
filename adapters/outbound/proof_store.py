"""The tree over the log and its checkpoints: on PostgreSQL, and in memory."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from adapters.outbound.arrays import BigintArray, ByteaArray
from processors.merkle import HASH_BYTES, TILE_WIDTH, split
from processors.ports import RowsUnavailable
from processors.proof_ports import Checkpoint, ProofStore, Tile

_COLUMNS = "size, root, note, made_at"
_NEWEST = f"SELECT {_COLUMNS} FROM checkpoints ORDER BY size DESC LIMIT 1"
_AFTER = f"SELECT {_COLUMNS} FROM checkpoints WHERE size > %s ORDER BY size LIMIT %s"
_OF_SIZE = f"SELECT {_COLUMNS} FROM checkpoints WHERE size = %s"
_TILES = """
SELECT level, index, hashes FROM tree_tiles
WHERE level = %s AND index BETWEEN %s AND %s ORDER BY index
"""
_LOCK_ID = 7_302_114_908
"""Advisory lock: of several provers that extend the tree at once, one does."""
_LOCK = "SELECT pg_advisory_xact_lock(%s)"
_SIZE = "SELECT coalesce(max(size), 0) FROM checkpoints"
_KEEP_TILES = """
INSERT INTO tree_tiles (level, index, hashes)
SELECT * FROM unnest(%b::bigint[], %b::bigint[], %b::bytea[])
ON CONFLICT (level, index) DO UPDATE SET hashes = excluded.hashes
"""
_ADD = f"INSERT INTO checkpoints ({_COLUMNS}) VALUES (%s, %s, %s, %s)"
_THIN = """
DELETE FROM checkpoints WHERE size IN (
    SELECT size FROM checkpoints thinned
    WHERE made_at < least(%(before)s, now() - interval '1 day') AND EXISTS (
        SELECT FROM checkpoints
        WHERE size > thinned.size AND made_at >= thinned.made_at
          AND made_at < date_trunc('hour', thinned.made_at, 'UTC') + interval '1 hour')
    ORDER BY made_at LIMIT %(limit)s)
"""
_THINNED_MAX = 5_000
_A_DAY = timedelta(days=1)


class PostgresProofStore:
    """``ProofStore`` on PostgreSQL. ``pool`` gives read-write connections."""

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        self._pool = pool

    def newest(self) -> Checkpoint | None:
        return self._checkpoint(_NEWEST)

    def checkpoints(self, after_size: int = 0, limit: int = 1000) -> Sequence[Checkpoint]:
        with self._cursor() as cursor:
            rows = cursor.execute(_AFTER, (after_size, limit)).fetchall()
        return [_of(row) for row in rows]

    def checkpoint(self, size: int) -> Checkpoint | None:
        return self._checkpoint(_OF_SIZE, size)

    def leaves(self, first: int, last: int) -> Sequence[bytes]:
        return _leaves(self, first, last)

    def tiles(self, level: int, first_index: int, last_index: int) -> Sequence[Tile]:
        with self._cursor() as cursor:
            rows = cursor.execute(_TILES, (level, first_index, last_index)).fetchall()
        return [Tile(*row) for row in rows]

    def extend(self, expected_size: int, tiles: Sequence[Tile], checkpoint: Checkpoint) -> bool:
        assert checkpoint.size > expected_size, "a checkpoint is of a larger tree"
        with self._cursor() as cursor:
            cursor.execute(_LOCK, (_LOCK_ID,))
            if cursor.execute(_SIZE).fetchone() != (expected_size,):
                return False
            levels = BigintArray(tile.level for tile in tiles)
            indexes = BigintArray(tile.index for tile in tiles)
            hashes = ByteaArray(tile.hashes for tile in tiles)
            cursor.execute(_KEEP_TILES, (levels, indexes, hashes))
            facts = (checkpoint.size, checkpoint.root, checkpoint.note, checkpoint.made_at)
            cursor.execute(_ADD, facts)
        return True

    def thin(self, before: datetime) -> int:
        with self._cursor() as cursor:
            return cursor.execute(_THIN, {"before": before, "limit": _THINNED_MAX}).rowcount

    def _checkpoint(self, query: str, *values: int) -> Checkpoint | None:
        with self._cursor() as cursor:
            row = cursor.execute(query, values).fetchone()
        return _of(row) if row else None

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[psycopg.Cursor[TupleRow]]:
        """One transaction."""
        try:
            with self._pool.connection() as conn, conn.cursor(binary=True) as cursor:
                yield cursor
        except psycopg.OperationalError as error:
            raise RowsUnavailable(type(error).__name__) from None


def _of(row: TupleRow) -> Checkpoint:
    size, root, note, made_at = row
    return Checkpoint(size, root, note, made_at.astimezone(UTC))


def _leaves(store: ProofStore, first: int, last: int) -> Sequence[bytes]:
    """Leaf hashes out of the tiles of level 0, as far as there are."""
    if not 1 <= first <= last:
        return []
    tiles = store.tiles(0, (first - 1) // TILE_WIDTH, (last - 1) // TILE_WIDTH)
    start = (first - 1) % TILE_WIDTH * HASH_BYTES
    joined = b"".join(tile.hashes for tile in tiles)
    return split(joined[start : start + (last - first + 1) * HASH_BYTES])


class InMemoryProofStore:
    """``ProofStore`` without durability. Safe for several threads."""

    def __init__(self) -> None:
        self._checkpoints: dict[int, Checkpoint] = {}
        self._tiles: dict[tuple[int, int], Tile] = {}
        self._lock = threading.Lock()

    def newest(self) -> Checkpoint | None:
        with self._lock:
            return self._checkpoints.get(self._size())

    def checkpoints(self, after_size: int = 0, limit: int = 1000) -> Sequence[Checkpoint]:
        with self._lock:
            sizes = sorted(size for size in self._checkpoints if size > after_size)
            return [self._checkpoints[size] for size in sizes[:limit]]

    def checkpoint(self, size: int) -> Checkpoint | None:
        return self._checkpoints.get(size)

    def leaves(self, first: int, last: int) -> Sequence[bytes]:
        return _leaves(self, first, last)

    def tiles(self, level: int, first_index: int, last_index: int) -> Sequence[Tile]:
        places = ((level, index) for index in range(first_index, last_index + 1))
        with self._lock:
            return [self._tiles[place] for place in places if place in self._tiles]

    def extend(self, expected_size: int, tiles: Sequence[Tile], checkpoint: Checkpoint) -> bool:
        assert checkpoint.size > expected_size, "a checkpoint is of a larger tree"
        with self._lock:
            if self._size() != expected_size:
                return False
            self._tiles.update({(tile.level, tile.index): tile for tile in tiles})
            self._checkpoints[checkpoint.size] = checkpoint
            return True

    def thin(self, before: datetime) -> int:
        with self._lock:
            if not self._checkpoints:
                return 0
            newest = self._checkpoints[max(self._checkpoints)]  # made just now, as far as it knows
            before = min(before, newest.made_at - _A_DAY)
            kept = {
                _hour(each): each.size
                for each in (self._checkpoints[n] for n in sorted(self._checkpoints))
            }
            gone = [
                size
                for size, each in self._checkpoints.items()
                if each.made_at < before and kept[_hour(each)] != size
            ]
            for size in gone:
                del self._checkpoints[size]
            return len(gone)

    def _size(self) -> int:
        return max(self._checkpoints, default=0)


def _hour(checkpoint: Checkpoint) -> datetime:
    return checkpoint.made_at.replace(minute=0, second=0, microsecond=0)
