"""How many rows a query reads, as PostgreSQL itself counts them while running it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adapters.outbound.reading import Reading

_REMOVED = (
    "Rows Removed by Filter",
    "Rows Removed by Join Filter",
    "Rows Removed by Index Recheck",
)


def rows_read(conn: Reading, query: str, facts: Mapping[str, Any], table: str) -> float:
    """The rows of a table that the query looked at, kept or thrown away."""
    row = conn.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", facts).fetchone()
    assert row is not None
    (plan,) = row["QUERY PLAN"]
    return float(
        sum(
            scan["Actual Loops"]
            * (scan["Actual Rows"] + sum(scan.get(name, 0) for name in _REMOVED))
            for scan in _nodes(plan["Plan"])
            if scan.get("Relation Name") == table
        )
    )


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)
