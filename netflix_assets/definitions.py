"""Everything Dagster serves: `build_defs(settings)`, and `defs` for Dagster to find."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import dagster as dg

from netflix_assets.automation.alerts import alerts_sensor
from netflix_assets.automation.conditions import automation_sensor, with_condition
from netflix_assets.automation.executors import SupervisedExecutor
from netflix_assets.automation.freshness import daily_source_checks, source_checks, with_policy
from netflix_assets.automation.schedules import weekly_test_of_every_month
from netflix_assets.automation.sensors import arrivals_sensor
from netflix_assets.infra.production import infra_definitions
from netflix_assets.landing.landing_assets import landing_definitions
from netflix_assets.loading.raw_assets import loading_definitions
from netflix_assets.reporting.report_assets import reporting_definitions
from netflix_assets.reporting.store import report_store
from netflix_assets.resources import resources_from
from netflix_assets.settings import Settings, Target
from netflix_assets.targets import SENSOR_WAIT_SECONDS, bucket_from, warehouse_from
from netflix_assets.transform.dbt_assets import transform_definitions

EXECUTORS: Mapping[Target, dg.ExecutorDefinition] = {
    # Ten steps took 6.8 s in one process and 64.7 s in ten; and DuckDB has one writer anyway.
    Target.LOCAL: dg.in_process_executor,
    # Steps wait for Snowflake, which takes any number of loads at once.
    Target.SNOWFLAKE: dg.multiprocess_executor.configured({"max_concurrent": 4}),
}


def _with_specs(definitions: dg.Definitions, *changes: Callable[[dg.AssetSpec], dg.AssetSpec]) -> dg.Definitions:
    """Return the same assets, checks and resources, the spec of each asset that we make changed."""
    assets = list(definitions.assets or ())
    for change in changes:
        assets = [one.map_asset_specs(change) if isinstance(one, dg.AssetsDefinition) else one for one in assets]
    return dg.Definitions(assets=assets, asset_checks=definitions.asset_checks, resources=definitions.resources)


@lru_cache(maxsize=2)
def build_defs(settings: Settings) -> dg.Definitions:
    """Everything Dagster serves, for one environment; asked again for the same one, the same.

    Opens nothing: the bucket and the warehouse are reached when a step first uses them.
    """
    bucket = bucket_from(settings)
    asked_by_sensor = warehouse_from(settings, wait_seconds=SENSOR_WAIT_SECONDS[settings.target])
    store = report_store(settings, bucket)
    return dg.Definitions.merge(
        landing_definitions(settings.home / "tmp", by_name=settings.by_name, limits=asked_by_sensor.limits),
        _with_specs(loading_definitions(settings.target), with_policy),
        _with_specs(transform_definitions(settings), with_policy, with_condition),
        _with_specs(reporting_definitions(settings), with_condition),
        infra_definitions(settings),
        dg.Definitions(
            sensors=[
                arrivals_sensor(settings, bucket, asked_by_sensor, store),
                automation_sensor(settings),
                alerts_sensor(settings),
            ],
            schedules=[daily_source_checks(settings), weekly_test_of_every_month(settings)],
            asset_checks=[source_checks()],
            resources=resources_from(settings),
            executor=SupervisedExecutor(EXECUTORS[settings.target], settings.max_runtime_seconds),
        ),
    )


defs = build_defs(Settings.from_environment())
