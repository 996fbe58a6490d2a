"""Databases that are made with options, and dropped; fakesnow makes them only, and passes the rest on to DuckDB."""

from __future__ import annotations

import re
from typing import Any

import fakesnow.info_schema
import fakesnow.macros

_CREATE = re.compile(
    r"create\s+(?:transient\s+)?database\s+(if\s+not\s+exists\s+)?(\w+)(\s+\w+\s*=.*)",
    re.I | re.S,
)
_DROP = re.compile(r"drop\s+database\s+(?:if\s+exists\s+)?(\w+)", re.I)


def change(duck_conn: Any, sql: str) -> bool:
    """Obey CREATE DATABASE and DROP DATABASE; False if the statement is another."""
    if found := _DROP.fullmatch(sql):
        if _exists(duck_conn, found[1]):
            duck_conn.cursor().execute(f"detach {found[1]}")
        return True
    found = _CREATE.fullmatch(sql)
    if found is None:
        return False
    name = found[2].upper()
    if _exists(duck_conn, name) and found[1]:
        return True
    cursor = duck_conn.cursor()
    cursor.execute(f"attach ':memory:' as {name}")
    cursor.execute(fakesnow.info_schema.per_db_creation_sql(name))
    cursor.execute(fakesnow.macros.creation_sql(name))
    return True


def _exists(duck_conn: Any, name: str) -> bool:
    found = duck_conn.cursor().execute(
        "select 1 from duckdb_databases() where upper(database_name) = ?", [name.upper()]
    )
    return found.fetchone() is not None
