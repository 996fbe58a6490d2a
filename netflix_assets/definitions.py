"""Everything Dagster serves: `build_defs(settings)`, and `defs` for Dagster to find."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import dagster as dg

from netflix_assets.errors import SettingsError
from netflix_assets.infra.branch_jobs import branch_jobs
from netflix_assets.infra.cost_check import cost_definitions
from netflix_assets.infra.names import Names
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.local_s3 import reach
from netflix_assets.landing.source_assets import landing_definitions
from netflix_assets.loading.duckdb_warehouse import DuckDBWarehouse
from netflix_assets.loading.raw_assets import loading_definitions
from netflix_assets.loading.snowflake_warehouse import SnowflakeWarehouse
from netflix_assets.loading.warehouse import Warehouse
from netflix_assets.settings import Settings, Target
from netflix_assets.transform.dbt_assets import transform_definitions


def duckdb_from(settings: Settings) -> DuckDBWarehouse:
    """The local warehouse."""
    return DuckDBWarehouse(settings.warehouse_path, max_rejected_fraction=settings.max_rejected_fraction)


def snowflake_definitions(settings: Settings) -> dg.Definitions:
    """What production on Snowflake has besides: clones for pull requests, and what the assets cost."""
    if settings.snowflake is None or Names.of(settings.snowflake).is_copy:
        return dg.Definitions()
    return dg.Definitions.merge(
        dg.Definitions(jobs=branch_jobs(settings.snowflake)), cost_definitions(settings.snowflake)
    )


def snowflake_from(settings: Settings) -> SnowflakeWarehouse:
    """The Snowflake database."""
    if settings.snowflake is None:
        raise SettingsError("NETFLIX_TARGET is snowflake, but there are no settings of a Snowflake account")
    return SnowflakeWarehouse(settings.snowflake, max_rejected_fraction=settings.max_rejected_fraction)


# Exhaustive: a default would let a new target inherit another one's warehouse.
WAREHOUSES: Mapping[Target, Callable[[Settings], Warehouse]] = {
    Target.LOCAL: duckdb_from,
    Target.SNOWFLAKE: snowflake_from,
}
REACH: Mapping[Target, Callable[[Settings], Settings] | None] = {Target.LOCAL: reach, Target.SNOWFLAKE: None}
EXECUTORS: Mapping[Target, dg.ExecutorDefinition] = {
    # Ten steps took 6.8 s in one process and 64.7 s in ten; and DuckDB has one writer anyway.
    Target.LOCAL: dg.in_process_executor,
    # Steps wait for Snowflake, which takes any number of loads at once.
    Target.SNOWFLAKE: dg.multiprocess_executor.configured({"max_concurrent": 4}),
}


def warehouse_from(settings: Settings) -> Warehouse:
    """The warehouse of the target; nothing is opened."""
    return WAREHOUSES[settings.target](settings)


def build_defs(settings: Settings) -> dg.Definitions:
    """Everything Dagster serves, for one environment.

    Opens nothing: the bucket and the warehouse are reached when a step first uses them.
    """
    return dg.Definitions.merge(
        landing_definitions(),
        loading_definitions(settings.target),
        transform_definitions(settings),
        snowflake_definitions(settings),
        dg.Definitions(
            resources={
                "bucket": LandingBucket(settings, reach=REACH[settings.target]),
                "warehouse": warehouse_from(settings),
            },
            executor=EXECUTORS[settings.target],
        ),
    )


defs = build_defs(Settings.from_environment())
