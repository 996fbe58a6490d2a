"""The same tables in DuckDB and in the emulated Snowflake, row for row."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, Any

from netflix_assets.catalog import RAW_FILES
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.overview import overview_of
from netflix_assets.loading.warehouse import out_of_date
from netflix_assets.settings import Settings
from netflix_assets.targets import duckdb_from, warehouse_from
from netflix_assets.transform.project import PROJECT_DIR, dbt_environment, dbt_executable, prepared_project

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


def load_and_build(settings: Settings) -> None:
    """Load what is out of date, then have dbt build everything; without Dagster, and without dbt's tests."""
    load_raw_tables(settings)
    done = dbt(settings, "--quiet", "build", "--exclude-resource-type", "test", "unit_test")
    assert done.returncode == 0, done.stdout + done.stderr


def load_raw_tables(settings: Settings) -> None:
    """Load what is out of date, however much a load takes away."""
    contents = LandingBucket(settings).contents()
    warehouse = warehouse_from(settings)
    for file in RAW_FILES:
        held = warehouse.load_states(file)
        stale = out_of_date(file, overview_of(contents).versions(file), held)
        parts = {window: contents.of(file, window) for window, changed in stale.items() if changed}
        if parts:
            report = warehouse.replace(file, parts, LandingBucket(settings), run_id="test", accept_shrink=parts)
            assert not report.refused, report.refused


def dbt(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run dbt on the project, which is parsed already."""
    prepared_project(settings)
    with dbt_environment(settings, run_id="a-run"):
        command = [dbt_executable(), *arguments, "--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
        return subprocess.run(
            command,
            env={**os.environ, "DBT_LOG_PATH": str(settings.home / "logs")},
            capture_output=True,
            text=True,
            check=False,
        )


def in_both(
    account: Account, duckdb: Settings, snowflake: Settings
) -> dict[str, tuple[Counter[tuple[Any, ...]], Counter[tuple[Any, ...]]]]:
    """Every row of every table that dbt builds and how often it is there, in DuckDB and in Snowflake."""
    assert snowflake.snowflake is not None
    with duckdb_from(duckdb).connection(read_only=True) as connection:
        columns = dict(connection.execute(_COLUMNS).fetchall())
        queries = {table: f"select {names}{_open(table)} from {table}" for table, names in columns.items()}
        ours = [connection.execute(query).fetchall() for query in queries.values()]
    theirs = account.emulator.rows(snowflake.snowflake.database, list(queries.values()))
    return {table: (_settled(one), _settled(other)) for table, one, other in zip(queries, ours, theirs, strict=True)}


def _open(table: str) -> str:
    return ", dbt_valid_to is null as is_current" if table.startswith("snapshots.") else ""


def _settled(rows: Rows) -> Counter[tuple[Any, ...]]:
    """The rows, with doubles to twelve digits: a sum of doubles depends on the order of its terms."""
    columns = list(zip(*rows, strict=True))
    return Counter(zip(*map(_rounded, columns), strict=True)) if columns else Counter()


def _rounded(column: tuple[Any, ...]) -> tuple[Any, ...]:
    if float not in set(map(type, column)):
        return column
    return tuple(float(f"{value:.12g}") if isinstance(value, float) else value for value in column)
