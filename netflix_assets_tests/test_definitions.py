"""What differs from target to target: the warehouse, the pools, the executor."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg
import pytest

from netflix_assets.catalog import RAW_FILES
from netflix_assets.definitions import EXECUTORS
from netflix_assets.errors import SettingsError
from netflix_assets.loading.duckdb_warehouse import DuckDBWarehouse
from netflix_assets.loading.raw_assets import loading_definitions
from netflix_assets.loading.snowflake_warehouse import SnowflakeWarehouse
from netflix_assets.pools import warehouse_pool
from netflix_assets.settings import Settings, Target
from netflix_assets.targets import REACH, WAREHOUSES, warehouse_from

SNOWFLAKE = Settings.from_environment(
    {"NETFLIX_TARGET": "snowflake", "NETFLIX_S3_BUCKET": "b", "NETFLIX_SNOWFLAKE_ACCOUNT": "o-a"}
)


def test_every_target_has_a_warehouse_and_nothing_is_opened(settings: Settings) -> None:
    for choices in (WAREHOUSES, REACH, EXECUTORS):
        assert set(choices) == set(Target)
    assert isinstance(warehouse_from(settings), DuckDBWarehouse)
    assert isinstance(warehouse_from(SNOWFLAKE), SnowflakeWarehouse)
    assert not settings.home.exists()


def test_a_snowflake_target_without_an_account_is_refused(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="no settings of a Snowflake account"):
        warehouse_from(replace(settings, target=Target.SNOWFLAKE))


def pools(target: Target) -> set[str | None]:
    assets = loading_definitions(target).assets or ()
    return {asset.op.pool for asset in assets if isinstance(asset, dg.AssetsDefinition) and asset.is_executable}


def test_loads_of_different_files_share_a_pool_on_duckdb_and_none_on_snowflake() -> None:
    assert pools(Target.LOCAL) == {"warehouse"}
    assert pools(Target.SNOWFLAKE) == {f"warehouse/{file.table}" for file in RAW_FILES}
    assert {warehouse_pool(target, "dbt") for target in Target} == {"warehouse", "warehouse/dbt"}


@pytest.mark.parametrize(("target", "kind"), [(Target.LOCAL, "duckdb"), (Target.SNOWFLAKE, "snowflake")])
def test_raw_tables_say_which_warehouse_they_are_in(target: Target, kind: str) -> None:
    assets = loading_definitions(target).assets or ()
    loaded = [spec for asset in assets if isinstance(asset, dg.AssetsDefinition) for spec in asset.specs]
    assert {frozenset(spec.kinds) for spec in loaded} == {frozenset({"s3", kind})}
