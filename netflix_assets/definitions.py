"""Everything Dagster serves: `build_defs(settings)`, and `defs` for Dagster to find."""

from __future__ import annotations

import dagster as dg

from netflix_assets.automation.alerts import alerts_sensor
from netflix_assets.automation.conditions import automation_sensor, with_conditions
from netflix_assets.automation.freshness import daily_look, source_checks, with_freshness
from netflix_assets.automation.sensors import arrivals_sensor
from netflix_assets.infra.production import infra_definitions
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.landing_assets import landing_definitions
from netflix_assets.landing.local_s3 import reach
from netflix_assets.loading.duckdb_warehouse import DuckDBWarehouse
from netflix_assets.loading.raw_assets import loading_definitions
from netflix_assets.reporting.report_assets import reporting_definitions
from netflix_assets.reporting.store import report_store
from netflix_assets.settings import Settings
from netflix_assets.transform.dbt_assets import transform_definitions

# A sensor's look must be short: if the file is in use it looks again a little later.
_SENSOR_WAITS_SECONDS = 1


def duckdb_from(settings: Settings, *, lock_wait_seconds: float = 60) -> DuckDBWarehouse:
    """The local warehouse."""
    return DuckDBWarehouse(
        settings.warehouse_path,
        max_rejected_fraction=settings.max_rejected_fraction,
        lock_wait_seconds=lock_wait_seconds,
    )


def build_defs(settings: Settings) -> dg.Definitions:
    """Everything Dagster serves, for one environment.

    Opens nothing: the bucket and the warehouse are reached when a step first uses them.
    """
    bucket = LandingBucket(settings, reach=reach)
    store = report_store(settings, bucket)
    return dg.Definitions.merge(
        landing_definitions(settings.home / "tmp"),
        with_freshness(loading_definitions()),
        with_conditions(with_freshness(transform_definitions(settings))),
        with_conditions(reporting_definitions(settings)),
        infra_definitions(settings),
        dg.Definitions(
            sensors=[
                arrivals_sensor(
                    settings, bucket, duckdb_from(settings, lock_wait_seconds=_SENSOR_WAITS_SECONDS), store
                ),
                automation_sensor(settings),
                alerts_sensor(settings),
            ],
            schedules=[daily_look(settings)],
            asset_checks=[source_checks()],
            resources={"bucket": bucket, "warehouse": duckdb_from(settings), "report_store": store},
            # Ten steps took 6.8 s in one process and 64.7 s in ten; and DuckDB has one writer anyway.
            executor=dg.in_process_executor,
        ),
    )


defs = build_defs(Settings.from_environment())
