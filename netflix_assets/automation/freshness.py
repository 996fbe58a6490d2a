"""How old data may get: the windows of raw tables and marts, and checks on the newest object of each raw file.

A policy looks at when a table was last loaded or built, so it tells that the pipeline stands still; a check on
the source looks at when somebody last put an object, so it tells that nothing arrives. A policy on a source would
stay unknown for ever: Dagster counts materializations, and a source is only observed.
"""

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from netflix_assets.automation.specs import with_changed_specs
from netflix_assets.catalog import RAW_FILES, RawFile
from netflix_assets.landing.bucket import Contents, LandingBucket
from netflix_assets.settings import Settings

# Ratings, tags and movies are expected once a month; the rest comes with a new release of MovieLens.
MONTHLY = dg.FreshnessPolicy.time_window(warn_window=dt.timedelta(days=35), fail_window=dt.timedelta(days=62))
YEARLY = dg.FreshnessPolicy.time_window(warn_window=dt.timedelta(days=400), fail_window=dt.timedelta(days=730))
EXPECTED_EVERY_YEAR = {"raw_links", "raw_genome_scores", "raw_genome_tags", "tag_relevance_analysis"}
GROUPS_WITH_POLICY = {"raw", "mart"}

CHECK_NAME = "arrived_lately"


def policy_of(key: dg.AssetKey) -> dg.FreshnessPolicy:
    """The policy of a raw table or mart."""
    return YEARLY if key.path[-1] in EXPECTED_EVERY_YEAR else MONTHLY


def with_freshness(definitions: dg.Definitions) -> dg.Definitions:
    """The same assets, raw tables and marts with their policy."""

    def fresh(spec: dg.AssetSpec) -> dg.AssetSpec:
        if spec.group_name not in GROUPS_WITH_POLICY:
            return spec
        return spec.replace_attributes(freshness_policy=policy_of(spec.key))

    return with_changed_specs(definitions, fresh)


def arrived_lately(file: RawFile, contents: Contents, now: dt.datetime) -> dg.AssetCheckResult:
    """Compare the newest LastModified of a file's objects with the window of its table.

    A store whose clock is ahead makes an object look newer, never older than it is.
    """
    window = dt.timedelta(days=400) if file.table in EXPECTED_EVERY_YEAR else dt.timedelta(days=35)
    newest = max((version.last_modified for version in contents.all_of(file)), default=None)
    passed = newest is not None and now - newest <= window
    return dg.AssetCheckResult(
        check_name=CHECK_NAME,
        asset_key=dg.AssetKey(file.source_key),
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "expected within days": window.days,
            **({"newest LastModified": dg.MetadataValue.timestamp(newest)} if newest else {"objects": 0}),
        },
    )


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
        contents = bucket.contents()
        selected = {key.asset_key for key in context.selected_asset_check_keys}
        for file in RAW_FILES:
            if dg.AssetKey(file.source_key) in selected:
                yield arrived_lately(file, contents, dt.datetime.now(dt.timezone.utc))

    return _checks


def daily_look(settings: Settings) -> dg.ScheduleDefinition:
    """What time alone must drive: that nothing arrives is noticed by nobody's putting an object."""
    status = dg.DefaultScheduleStatus
    job = dg.define_asset_job(
        "check_sources",
        selection=dg.AssetSelection.checks_for_assets(*(dg.AssetKey(file.source_key) for file in RAW_FILES)),
        description="Checks that objects arrived lately.",
    )
    return dg.ScheduleDefinition(
        name="check_sources_daily",
        job=job,
        cron_schedule="0 6 * * *",
        default_status=status.STOPPED if settings.branch_deployment else status.RUNNING,
        description="Once a day, 06:00 UTC.",
    )
