"""A database of its own for each part."""

from __future__ import annotations

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier


def fresh_database(server_url: str, name: str) -> str:
    """An empty database on the server; returns its URL."""
    with psycopg.connect(server_url, autocommit=True) as conn:
        conn.execute(SQL("CREATE DATABASE {}").format(Identifier(f"bench_{name}")))
    return make_conninfo(server_url, dbname=f"bench_{name}")
