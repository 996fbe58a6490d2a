"""What time alone starts, besides the checks of the sources: once a week every month of the big tables is tested.

See https://docs.dagster.io/guides/automate/schedules.
"""

from __future__ import annotations

import dagster as dg

from netflix_assets.owners import OWNERS
from netflix_assets.settings import Settings

TABLES_OF_RATINGS = (["staging", "src_ratings"], ["fact", "fact_ratings"], ["fact", "fact_user_rating_days"])
"""The tables of which an ordinary build tests the months of the newest loads alone."""


def weekly_test_of_every_month(settings: Settings) -> dg.ScheduleDefinition:
    """Test all months of the tables of ratings: a change by hand in an old month is found by nothing else."""
    status = dg.DefaultScheduleStatus
    job = dg.define_asset_job(
        "test_every_month",
        selection=dg.AssetSelection.checks_for_assets(*(dg.AssetKey(key) for key in TABLES_OF_RATINGS)),
        config={"ops": {"dbt_build": {"config": {"every_month": True}}}},
        description="Runs the tests of the tables of ratings over every month.",
        owners=OWNERS,
    )
    return dg.ScheduleDefinition(
        name="test_every_month_weekly",
        job=job,
        cron_schedule="0 4 * * 0",
        default_status=status.STOPPED if settings.branch_deployment else status.RUNNING,
        description="Once a week, Sunday 04:00 UTC.",
    )
