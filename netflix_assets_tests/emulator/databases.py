"""Databases that are made, cloned and dropped; fakesnow makes them only, and passes the rest on to DuckDB."""

from __future__ import annotations

import re
from typing import Any

import fakesnow.info_schema
import fakesnow.macros

_CREATE = re.compile(
    r"create\s+(?:transient\s+)?database\s+(if\s+not\s+exists\s+)?(\w+)(?:\s+clone\s+(\w+))?(\s+\w+\s*=.*)?",
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
    if found is None or not (found[3] or found[4]):
        return False
    name, origin = found[2].upper(), found[3]
    if _exists(duck_conn, name) and found[1]:
        return True
    cursor = duck_conn.cursor()
    cursor.execute(f"attach ':memory:' as {name}")
    cursor.execute(fakesnow.info_schema.per_db_creation_sql(name))
    cursor.execute(fakesnow.macros.creation_sql(name))
    if origin:
        _copy(cursor, origin.upper(), name)
    return True


def _exists(duck_conn: Any, name: str) -> bool:
    found = duck_conn.cursor().execute(
        "select 1 from duckdb_databases() where upper(database_name) = ?", [name.upper()]
    )
    return found.fetchone() is not None


def _copy(cursor: Any, origin: str, clone: str) -> None:
    """Tables with their rows, and views with their text as it is: what it names, it goes on naming."""
    tables = cursor.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = ? and not internal "
        "and not starts_with(schema_name, '_fs') and schema_name <> 'main'",
        [origin],
    ).fetchall()
    views = cursor.execute(
        "select schema_name, view_name, sql from duckdb_views() where database_name = ? and not internal "
        "and not starts_with(lower(schema_name), '_fs') and schema_name <> 'main'",
        [origin],
    ).fetchall()
    for schema in {schema for schema, *_ in [*tables, *views]}:
        cursor.execute(f'create schema if not exists {clone}."{schema}"')
    for schema, table in tables:
        cursor.execute(f'create table {clone}."{schema}"."{table}" as from {origin}."{schema}"."{table}"')
    for schema, view, sql in views:
        _, _, text = sql.partition(" AS ")
        cursor.execute(f'create view {clone}."{schema}"."{view}" as {text}')
