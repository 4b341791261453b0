"""Projections under other names, in schemas of their own: for trying out, and to be dropped."""

from __future__ import annotations

import psycopg
from psycopg.sql import SQL, Identifier

from adapters.outbound.positions_sql import FORGET
from projections.catalog import PROJECTIONS

_KEPT = {projection.name for projection in PROJECTIONS}
_IS_THERE = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s)"
_IS_OURS = "SELECT EXISTS (SELECT FROM projections WHERE projection = %s)"


class ScratchRefused(Exception):
    """No scratch projection can have this name, or none has it; the text says which."""


def require_free(database_url: str, name: str) -> None:
    """Raise ``ScratchRefused`` unless a scratch projection of this name can be made."""
    _require_scratch_name(name)
    with psycopg.connect(database_url) as conn:
        if conn.execute(_IS_THERE, (name,)).fetchone() == (True,):
            raise ScratchRefused(
                f"There is a schema {name} already: choose another name, or drop it with "
                f"`ofrecord replay --drop {name}` if it is a scratch projection."
            )


def drop_scratch(database_url: str, name: str) -> None:
    """Drop a scratch projection with all its rows. Raises ``ScratchRefused``."""
    _require_scratch_name(name)
    with psycopg.connect(database_url) as conn:
        if conn.execute(_IS_OURS, (name,)).fetchone() != (True,):
            raise ScratchRefused(f"There is no scratch projection {name}.")
        conn.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(name)))
        conn.execute(FORGET, (name,))


def _require_scratch_name(name: str) -> None:
    if name in _KEPT or "__" in name or name == "public" or name.startswith("pg_"):
        raise ScratchRefused(f"{name} is not a name for a scratch projection.")
    if not (name.isidentifier() and name.isascii() and name == name.lower()):
        raise ScratchRefused("A scratch projection's name has lower-case letters, digits and “_”.")
