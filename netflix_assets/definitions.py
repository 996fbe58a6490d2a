"""Everything Dagster serves: `build_defs(settings)`, and `defs` for Dagster to find."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import dagster as dg

from netflix_assets.automation.alerts import alerts_sensor
from netflix_assets.automation.conditions import automation_sensor, with_conditions
from netflix_assets.automation.executors import SupervisedExecutor
from netflix_assets.automation.freshness import daily_look, source_checks, with_freshness
from netflix_assets.automation.sensors import arrivals_sensor
from netflix_assets.infra.production import infra_definitions
from netflix_assets.landing.landing_assets import landing_definitions
from netflix_assets.loading.raw_assets import loading_definitions
from netflix_assets.reporting.report_assets import reporting_definitions
from netflix_assets.reporting.store import report_store
from netflix_assets.settings import Settings, Target
from netflix_assets.targets import SENSOR_WAIT_SECONDS, bucket_from, warehouse_from
from netflix_assets.transform.dbt_assets import transform_definitions

EXECUTORS: Mapping[Target, dg.ExecutorDefinition] = {
    # Ten steps took 6.8 s in one process and 64.7 s in ten; and DuckDB has one writer anyway.
    Target.LOCAL: dg.in_process_executor,
    # Steps wait for Snowflake, which takes any number of loads at once.
    Target.SNOWFLAKE: dg.multiprocess_executor.configured({"max_concurrent": 4}),
}


@lru_cache(maxsize=2)
def build_defs(settings: Settings) -> dg.Definitions:
    """Everything Dagster serves, for one environment; asked again for the same one, the same.

    Opens nothing: the bucket and the warehouse are reached when a step first uses them.
    """
    bucket = bucket_from(settings)
    asked_by_sensor = warehouse_from(settings, wait_seconds=SENSOR_WAIT_SECONDS[settings.target])
    store = report_store(settings, bucket)
    return dg.Definitions.merge(
        landing_definitions(settings.home / "tmp"),
        with_freshness(loading_definitions(settings.target)),
        with_conditions(with_freshness(transform_definitions(settings))),
        with_conditions(reporting_definitions(settings)),
        infra_definitions(settings),
        dg.Definitions(
            sensors=[
                arrivals_sensor(settings, bucket, asked_by_sensor, store),
                automation_sensor(settings),
                alerts_sensor(settings),
            ],
            schedules=[daily_look(settings)],
            asset_checks=[source_checks()],
            resources={"bucket": bucket, "warehouse": warehouse_from(settings), "report_store": store},
            executor=SupervisedExecutor(EXECUTORS[settings.target], settings.max_runtime_seconds),
        ),
    )


defs = build_defs(Settings.from_environment())
