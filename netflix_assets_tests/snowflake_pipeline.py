"""The same tables in DuckDB and in the emulated Snowflake, row for row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netflix_assets.definitions import duckdb_from
from netflix_assets.settings import Settings

if TYPE_CHECKING:
    from netflix_assets_tests.emulator.account import Account

Rows = list[tuple[Any, ...]]

# Numbers of loads and of snapshots' versions are each warehouse's own.
_COLUMNS = """
    select table_schema || '.' || table_name, string_agg(column_name, ', ' order by ordinal_position)
    from information_schema.columns
    where table_schema in ('staging', 'dim', 'fact', 'mart', 'reporting', 'snapshots', 'seeds')
        and table_name <> 'src_load_history' and column_name not in ('load_id', '_load_id')
        and column_name not like 'dbt_%'
    group by all
    order by all
"""


def in_both(account: Account, duckdb: Settings, snowflake: Settings) -> dict[str, tuple[Rows, Rows]]:
    """Every row of every table that dbt builds: DuckDB's and Snowflake's, each in a fixed order."""
    assert snowflake.snowflake is not None
    with duckdb_from(duckdb).connection(read_only=True) as connection:
        columns = dict(connection.execute(_COLUMNS).fetchall())
        queries = {table: f"select {names}{_open(table)} from {table}" for table, names in columns.items()}
        ours = [connection.execute(query).fetchall() for query in queries.values()]
    theirs = account.emulator.rows(snowflake.snowflake.database, list(queries.values()))
    return {table: (_settled(one), _settled(other)) for table, one, other in zip(queries, ours, theirs, strict=True)}


def _open(table: str) -> str:
    return ", dbt_valid_to is null as is_current" if table.startswith("snapshots.") else ""


def _settled(rows: Rows) -> Rows:
    """Sorted, with doubles to twelve digits: a sum of doubles depends on the order of its terms."""
    return sorted(
        (tuple(float(f"{value:.12g}") if isinstance(value, float) else value for value in row) for row in rows),
        key=repr,
    )
