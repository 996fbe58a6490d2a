"""The sensors: what arrived in the bucket, and what the conditions of the assets ask for.

Both are on from the start, except in a branch deployment, whose data nobody waits for.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import dagster as dg

from netflix_assets.automation.freshness import arrived_lately
from netflix_assets.automation.requests import decide
from netflix_assets.catalog import RAW_FILES
from netflix_assets.errors import BucketError, WarehouseError
from netflix_assets.landing.arrivals import Seen, look, observe, recorded, superseded_note
from netflix_assets.landing.bucket import Contents, LandingBucket
from netflix_assets.landing.source_assets import objects_are_known
from netflix_assets.loading.warehouse import Warehouse
from netflix_assets.reporting.store import ReportStore
from netflix_assets.settings import Settings, Target

# A local listing costs milliseconds. Amazon bills a listing of each 1,000 objects, and a warehouse there is not
# waited for by somebody who has just put a file.
_SECONDS_BETWEEN_LOOKS = {Target.LOCAL: 5, Target.SNOWFLAKE: 30}


def default_status(settings: Settings) -> dg.DefaultSensorStatus:
    """Whether sensors run without being switched on."""
    return dg.DefaultSensorStatus.STOPPED if settings.branch_deployment else dg.DefaultSensorStatus.RUNNING


def arrivals_sensor(
    settings: Settings, bucket: LandingBucket, warehouse: Warehouse, store: ReportStore
) -> dg.SensorDefinition:
    """The sensor on the bucket.

    Args:
        settings: Where it runs.
        bucket: To list.
        warehouse: Asked what it holds when the bucket has changed; must not wait long for it.
        store: Asked whether there is a report.
    """

    @dg.sensor(
        name="arrivals",
        asset_selection=dg.AssetSelection.all(),
        minimum_interval_seconds=_SECONDS_BETWEEN_LOOKS[settings.target],
        default_status=default_status(settings),
        description="Lists the bucket; records what changed of each raw file and month; starts one run that loads "
        "exactly that and builds what is below it.",
    )
    def _arrivals(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        return tick(context, bucket, warehouse, store)

    return _arrivals


def tick(
    context: dg.SensorEvaluationContext, bucket: LandingBucket, warehouse: Warehouse, store: ReportStore
) -> dg.SensorResult | dg.SkipReason:
    """One look at the bucket. It never fails over S3 or the warehouse being away: the next look makes up for it."""
    seen = Seen.from_cursor(context.cursor)
    if seen is None and context.cursor is not None:
        context.log.warning("The cursor cannot be read; what was observed is taken from Dagster's own record.")
    try:
        glance = look(bucket.versions())
        if seen is not None and glance.state == seen.settled:
            return dg.SkipReason(f"nothing changed among the {glance.objects:,} objects under raw/{glance.note}")
        contents = bucket.contents()
    except BucketError as error:
        return dg.SkipReason(str(error))
    note = glance.note + superseded_note(contents)
    if note:
        context.log.warning(f"the bucket is not loaded as a whole{note}")
    seen = seen or Seen(observed=recorded(context.instance))
    events: list[dg.AssetObservation | dg.AssetCheckEvaluation] = []
    versions = seen.observed
    if glance.state != seen.looked:
        observations, versions = observe(contents, seen)
        events = [*observations, *check_sources(contents)]
    kept = replace(seen, observed=versions, looked=glance.state, settled=None)
    repository = context.repository_def
    assert repository is not None, "a sensor is evaluated with its repository"
    try:
        decision = decide(context.instance, repository.asset_graph, contents, seen, glance.state, warehouse, store)
    except WarehouseError as error:
        return dg.SensorResult(asset_events=events, skip_reason=str(error), cursor=kept.to_cursor())
    kept = replace(kept, settled=glance.state if decision.settled else None, refused=decision.refused)
    return dg.SensorResult(
        asset_events=events,
        run_requests=[decision.run] if decision.run else [],
        skip_reason=None if decision.run else f"{decision.reason}{note}",
        cursor=kept.to_cursor(),
    )


def check_sources(contents: Contents) -> list[dg.AssetCheckEvaluation]:
    """The checks on the bucket, evaluated from a listing that is at hand, without a run."""
    now = dt.datetime.now(dt.timezone.utc)
    results = [objects_are_known(contents), *(arrived_lately(file, contents, now) for file in RAW_FILES)]
    return [
        dg.AssetCheckEvaluation(
            asset_key=result.asset_key,
            check_name=result.check_name,
            passed=result.passed,
            severity=result.severity,
            metadata=result.metadata,
        )
        for result in results
        if result.asset_key is not None and result.check_name is not None
    ]
