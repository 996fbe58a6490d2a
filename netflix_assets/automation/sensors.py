"""The sensors: what arrived in the bucket, and what the conditions of the assets ask for.

Both are on from the start, except in a branch deployment, whose data nobody waits for.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace

import dagster as dg

from netflix_assets.automation.freshness import check_sources
from netflix_assets.automation.run_plan import plan_run
from netflix_assets.automation.run_requests import run_request
from netflix_assets.automation.runs import end_runs_of_dead_processes, newest_failure, run_in_progress
from netflix_assets.automation.situation import Situation, missing_records
from netflix_assets.errors import BucketError, WarehouseError
from netflix_assets.landing.arrivals import ArrivalsCursor, observe, recorded, superseded_note
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.bucket_watch import BucketWatch
from netflix_assets.landing.last_upload import Agreement, read_agreement
from netflix_assets.landing.s3_events import EventQueue
from netflix_assets.loading.warehouse import Warehouse
from netflix_assets.reporting.store import ReportStore
from netflix_assets.settings import Settings, Target

# A local listing costs milliseconds. Amazon bills a listing of each 1,000 objects, and a warehouse there is not
# waited for by somebody who has just put a file.
_SECONDS_BETWEEN_LOOKS = {Target.LOCAL: 5, Target.SNOWFLAKE: 30}


_EMPTY = "the bucket is empty; `netflix-assets upload` fills it"


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
    queue = EventQueue(settings, settings.s3_events_queue) if settings.s3_events_queue else None
    watch = BucketWatch(settings, bucket, queue)

    @dg.sensor(
        name="arrivals",
        asset_selection=dg.AssetSelection.all(),
        minimum_interval_seconds=_SECONDS_BETWEEN_LOOKS[settings.target],
        default_status=default_status(settings),
        description="Looks at the bucket; records what changed of each raw file and month; starts one run that loads "
        "exactly that and builds what is below it.",
    )
    def _arrivals(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        return tick(context, watch, warehouse, store)

    return _arrivals


def tick(
    context: dg.SensorEvaluationContext, watch: BucketWatch, warehouse: Warehouse, store: ReportStore
) -> dg.SensorResult | dg.SkipReason:
    """Look at the bucket once. It never fails over S3 or the warehouse being away: the next tick makes up for it."""
    cursor = ArrivalsCursor.from_cursor(context.cursor)
    if cursor is None and context.cursor is not None:
        context.log.warning("The cursor cannot be read; what was observed is taken from Dagster's own record.")
    now = time.time()
    try:
        with watch.opened() as watching:
            look = watching.look(cursor.observed_fingerprint if cursor else None, now)
            if look.listing is None:
                return dg.SkipReason(f"the bucket is compared when it has been listed{look.note}")
            agreement = read_agreement(watch.bucket)
            end_runs_of_dead_processes(context.instance)
            # A load that was refused is tried again under another limit, and when a person has agreed to it; and what
            # was lost in a run of the conditions, or of a person, may be to be built again.
            decides = f"{warehouse.limits} {_digest(agreement)} {newest_failure(context.instance)}"
            processing = f"{look.listing.fingerprint} {decides}"
            if cursor is not None and cursor.is_processed(processing, now):
                more = f"; {cursor.note}" if cursor.note else ""
                return dg.SkipReason(
                    f"nothing changed among the {look.listing.objects:,} objects under "
                    f"raw/{look.listing.note}{look.note}{more}"
                )
            bucket = watching.overview()
    except BucketError as error:
        return dg.SkipReason(f"waits for S3, next try with the next tick: {error}")
    listing = look.listing
    note = listing.note + superseded_note(bucket)
    if note:
        context.log.warning(f"the bucket is not loaded as a whole{note}")
    note += look.note
    cursor = cursor or ArrivalsCursor(observed=recorded(context.instance))
    events: list[dg.AssetObservation | dg.AssetMaterialization | dg.AssetCheckEvaluation] = []
    versions = cursor.observed
    if listing.fingerprint != cursor.observed_fingerprint:
        observations, versions = observe(bucket, cursor)
        events = [*observations, *check_sources(bucket)]
    kept = ArrivalsCursor(observed=versions, observed_fingerprint=listing.fingerprint)

    def nothing_to_run(reason: str, kept: ArrivalsCursor) -> dg.SensorResult:
        return dg.SensorResult(asset_events=events, skip_reason=f"{reason}{note}", cursor=kept.to_cursor())

    repository = context.repository_def
    assert repository is not None, "a sensor is evaluated with its repository"
    graph = repository.asset_graph
    busy = run_in_progress(context.instance, graph)
    if busy is not None:
        return nothing_to_run(f"run {busy.run_id} is going on; the bucket is compared again after it", kept)
    try:
        situation = Situation.read(context.instance, graph, bucket, warehouse, store, agreement=agreement)
    except WarehouseError as error:
        return nothing_to_run(f"waits for the warehouse, next try with the next tick: {error}", kept)
    events += missing_records(situation)
    if not bucket.files and not bucket.whole_exports and not any(situation.loaded.values()):
        return nothing_to_run(_EMPTY, replace(kept, processed_fingerprint=processing))
    plan = plan_run(graph, situation)
    for sentence in plan.notes:
        context.log.warning(sentence)
    if plan.is_empty:
        processed = replace(kept, processed_fingerprint=processing, retry_at=plan.retry_at, note=plan.not_loaded)
        return nothing_to_run(plan.reason, processed)
    return dg.SensorResult(asset_events=events, run_requests=[run_request(plan)], cursor=kept.to_cursor())


def _digest(agreement: Agreement) -> str:
    if agreement.agreed_at is None:
        return ""
    return hashlib.sha256(repr((agreement.agreed_at, sorted(agreement.versions.items()))).encode()).hexdigest()[:8]
