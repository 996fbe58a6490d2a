"""How old data may get: policies of raw tables and marts, and checks on the newest object of each raw file.

A policy looks at when a table was last loaded or built, so it tells that the pipeline stands still; a check on
the source looks at when somebody last put an object, so it tells that nothing arrives. A policy on a source would
stay unknown for ever: Dagster counts materializations, and a source is only observed. Both read one field of the
catalogue, `RawFile.expected_every`.

Dagster on the concept: https://docs.dagster.io/guides/observe/asset-freshness-policies
"""

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from netflix_assets.catalog import RAW_FILES, RawFile, raw_file
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.overview import Overview, overview_of
from netflix_assets.landing.source_assets import objects_are_known
from netflix_assets.owners import OWNERS
from netflix_assets.settings import Settings

GROUPS_WITH_POLICY = {"raw", "mart"}

CHECK_NAME = "arrived_lately"


# Marts that only files of a whole release feed; the others follow the files that come every month.
_FED_BY = {"tag_relevance_analysis": raw_file("genome_scores")}


def policy_of(key: dg.AssetKey) -> dg.FreshnessPolicy:
    """Return the policy of a raw table or mart: late when its file is, overdue after twice the time."""
    fed_by = {file.table: file for file in RAW_FILES} | _FED_BY
    expected_every = fed_by.get(key.path[-1], raw_file("ratings")).expected_every
    return dg.FreshnessPolicy.time_window(warn_window=expected_every, fail_window=2 * expected_every)


def with_policy(spec: dg.AssetSpec) -> dg.AssetSpec:
    """Return the same spec, that of a raw table or mart with its policy."""
    if spec.group_name not in GROUPS_WITH_POLICY:
        return spec
    return spec.replace_attributes(freshness_policy=policy_of(spec.key))


def arrived_lately(file: RawFile, overview: Overview, now: dt.datetime) -> dg.AssetCheckResult:
    """Compare the newest LastModified of a file's objects with the time that new ones are expected in.

    A store whose clock is ahead makes an object look newer, never older than it is.
    """
    newest = overview.all_of(file).newest
    passed = newest is not None and now - newest <= file.expected_every
    return dg.AssetCheckResult(
        check_name=CHECK_NAME,
        asset_key=dg.AssetKey(file.source_key),
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "expected within days": file.expected_every.days,
            **({"newest LastModified": dg.MetadataValue.timestamp(newest)} if newest else {"objects": 0}),
        },
    )


def check_sources(overview: Overview) -> list[dg.AssetCheckEvaluation]:
    """The checks on the bucket, evaluated from a listing that is at hand, without a run."""
    now = dt.datetime.now(dt.timezone.utc)
    results = [objects_are_known(overview), *(arrived_lately(file, overview, now) for file in RAW_FILES)]
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


def source_checks() -> dg.AssetChecksDefinition:
    """The checks on the newest object of every raw file, from one listing."""

    @dg.multi_asset_check(
        name="sources_arrived_lately",
        specs=[
            dg.AssetCheckSpec(
                CHECK_NAME,
                asset=dg.AssetKey(file.source_key),
                description="The newest object was put as lately as new data is expected.",
            )
            for file in RAW_FILES
        ],
        can_subset=True,
    )
    def _checks(
        context: dg.AssetCheckExecutionContext, bucket: dg.ResourceParam[LandingBucket]
    ) -> Iterator[dg.AssetCheckResult]:
        overview = overview_of(bucket.contents())
        selected = {key.asset_key for key in context.selected_asset_check_keys}
        for file in RAW_FILES:
            if dg.AssetKey(file.source_key) in selected:
                yield arrived_lately(file, overview, dt.datetime.now(dt.timezone.utc))

    return _checks


def daily_source_checks(settings: Settings) -> dg.ScheduleDefinition:
    """Return the daily schedule of the checks on the sources: that nothing arrives causes no event to react to."""
    status = dg.DefaultScheduleStatus
    job = dg.define_asset_job(
        "check_sources",
        selection=dg.AssetSelection.checks_for_assets(*(dg.AssetKey(file.source_key) for file in RAW_FILES)),
        description="Checks that objects arrived lately.",
        owners=OWNERS,
    )
    return dg.ScheduleDefinition(
        name="check_sources_daily",
        job=job,
        cron_schedule="0 6 * * *",
        default_status=status.STOPPED if settings.branch_deployment else status.RUNNING,
        description="Once a day, 06:00 UTC.",
    )
