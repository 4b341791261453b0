"""Two schemas with a projection's tables, compared row by row in the database itself.

Only in the columns that both have: the declaration may have changed between the two. Which columns
those are is asked of the database, for the old declaration is not part of this program any more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier, Literal

from processors.rebuild import Comparison, RowDifference

_LISTED_MAX = 10_000
_TABLES = """
SELECT c.relname,
       array_agg(a.attname ORDER BY a.attnum),
       array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum),
       (SELECT array_agg(k.attname ORDER BY place) FROM pg_index i
        CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS key (number, place)
        JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = key.number
        WHERE i.indrelid = c.oid AND i.indisprimary)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'r'
GROUP BY c.oid, c.relname ORDER BY c.relname
"""

_DIFFERING = """
SELECT CASE WHEN o.{first} IS NULL THEN 'only_new' WHEN n.{first} IS NULL THEN 'only_old'
            ELSE 'differs' END,
       coalesce(o.client_id, n.client_id),
       CASE WHEN o.{first} IS NULL OR n.{first} IS NULL THEN '{{}}'::text[]
            ELSE array_remove(ARRAY[{differing}]::text[], NULL) END,
       {keys}
FROM (SELECT * FROM {old} {of_clients}) o
FULL JOIN (SELECT * FROM {new} {of_clients}) n ON {same_key}
WHERE o.{first} IS NULL OR n.{first} IS NULL OR {differs}
ORDER BY 2, {keys} LIMIT %(limit)s
"""
"""Which rows one side has and the other has not, or has with other values."""


class _Table(NamedTuple):
    columns: dict[str, str]
    """Their types, by name."""
    key: list[str]


def compare(
    conn: psycopg.Connection[TupleRow], old: str, new: str, clients: Collection[str] | None
) -> Comparison:
    """Compare the rows of two schemas, all of them or those of some clients."""
    before, after = _tables(conn, old), _tables(conn, new)
    result = Comparison()
    for name in sorted(before.keys() | after.keys()):
        a, b = before.get(name), after.get(name)
        if a is None or b is None or a.key != b.key:
            where = "only old" if b is None else "only new" if a is None else "another key"
            result.not_comparable.append(f"{name} ({where})")
            continue
        common = [column for column in a.columns if b.columns.get(column) == a.columns[column]]
        result.not_comparable += [
            f"{name}.{column}" for column in {**a.columns, **b.columns} if column not in common
        ]
        room = _LISTED_MAX - len(result.differences)
        query = _query(old, new, name, a.key, common, clients)
        found = conn.execute(query, {"clients": list(clients or ()), "limit": room + 1}).fetchall()
        result.is_cut = result.is_cut or len(found) > room
        result.differences += [_difference(name, a.key, row) for row in found[:room]]
    return result


def _tables(conn: psycopg.Connection[TupleRow], schema: str) -> dict[str, _Table]:
    rows = conn.execute(_TABLES, (schema,)).fetchall()
    return {
        name: _Table(dict(zip(columns, types, strict=True)), key)
        for name, columns, types, key in rows
    }


def _difference(table: str, key: Sequence[str], row: TupleRow) -> RowDifference:
    kind, client_id, columns, *values = row
    return RowDifference(kind, table, client_id, dict(zip(key, values, strict=True)), columns)


def _query(
    old: str,
    new: str,
    table: str,
    key: Sequence[str],
    common: Sequence[str],
    clients: Collection[str] | None,
) -> Composed:
    first = Identifier(key[0])
    of_clients = SQL("" if clients is None else "WHERE client_id = ANY(%(clients)s)")
    values = [column for column in common if column not in key]
    parts: dict[str, Any] = {
        "old": Identifier(old, table),
        "new": Identifier(new, table),
        "of_clients": of_clients,
        "first": first,
        "keys": SQL(", ").join(
            SQL("coalesce(o.{0}, n.{0})").format(Identifier(column)) for column in key
        ),
        "same_key": SQL(" AND ").join(
            SQL("o.{0} = n.{0}").format(Identifier(column)) for column in key
        ),
        "differing": SQL(", ").join(
            SQL("CASE WHEN o.{0} IS DISTINCT FROM n.{0} THEN {1} END").format(
                Identifier(column), Literal(column)
            )
            for column in values
        ),
        "differs": SQL(" OR ").join(
            SQL("o.{0} IS DISTINCT FROM n.{0}").format(Identifier(column)) for column in values
        )
        if values
        else SQL("false"),
    }
    return SQL(_DIFFERING).format(**parts)
