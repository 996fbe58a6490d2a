"""A small run of the fuzz: every reader gives one verdict, and what is accepted stops no build."""

from __future__ import annotations

from netflix_assets.catalog import RAW_FILES
from netflix_assets.loading.duckdb_warehouse import DuckDBWarehouse
from netflix_assets.loading.snowflake_warehouse import SnowflakeWarehouse
from netflix_assets.settings import Settings
from netflix_assets_tests.fuzz import ANYTHING, run

LINES = 250


def test_every_reader_gives_one_verdict_and_what_is_accepted_stops_no_build(s3: Settings, snowflake: Settings) -> None:
    assert snowflake.snowflake is not None
    here, there = (
        DuckDBWarehouse(s3.warehouse_path, limit=ANYTHING),
        SnowflakeWarehouse(snowflake.snowflake, limit=ANYTHING),
    )
    here.ensure_raw_tables(RAW_FILES)
    outcome = run(LINES, s3, [here, there])
    assert outcome.disagreements == []
    assert (outcome.unbalanced, outcome.stopped_builds) == (0, 0)
    assert outcome.cases > LINES / 2
