"""The months (or days) that ratings are partitioned by, and how files and months are named where loads are listed.

Dagster on the concept: https://docs.dagster.io/guides/build/partitions-and-backfills
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import dagster as dg

from netflix_assets.catalog import FIRST_MONTH, Grain, RawFile

MONTHS = dg.TimeWindowPartitionsDefinition(start=FIRST_MONTH, fmt="%Y-%m", cron_schedule="0 0 1 * *", end_offset=1)
"""Every month (UTC) from the first rating of MovieLens to the one that is running."""

DAYS = dg.DailyPartitionsDefinition(start_date=Grain.DAY.first, end_offset=1)
"""The same, day by day."""


def partitions_of(file: RawFile) -> dg.TimeWindowPartitionsDefinition | None:
    """Return the months (or days) for a file that arrives by them, else None."""
    if file.month_column is None:
        return None
    return MONTHS if file.partition_by is Grain.MONTH else DAYS


def load_name(file: RawFile, partition_key: str | None) -> str:
    """Return what a file, or one month of it, is called where loads are listed: `movies`, `ratings/2015-03`."""
    return file.name if partition_key is None else f"{file.name}/{partition_key}"


def months_between(first: str, last: str) -> list[str]:
    """Return every month (or day) from first to last, both inclusive."""
    if len(first) == len(Grain.DAY.pattern):
        start, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
        return [(start + dt.timedelta(days=days)).isoformat() for days in range((end - start).days + 1)]
    months = []
    year, number = int(first[:4]), int(first[5:7])
    while f"{year:04d}-{number:02d}" <= last:
        months.append(f"{year:04d}-{number:02d}")
        year, number = year + number // 12, number % 12 + 1
    return months


def longest_stretch(months: Collection[str]) -> list[str]:
    """Return the longest run of months without a gap, the newest of several; empty if there are none.

    A run of Dagster covers one range of partitions and records something for each of them, so that a range from
    the first to the last month would cost seconds for nothing.
    """
    stretches: list[list[str]] = []
    for month in sorted(months):
        if stretches and months_between(stretches[-1][-1], month)[1:] == [month]:
            stretches[-1].append(month)
        else:
            stretches.append([month])
    return max(reversed(stretches), key=len, default=[])
