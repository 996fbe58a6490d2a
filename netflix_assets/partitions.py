"""The months that ratings are partitioned by, and how files and months are named where loads are listed.

Dagster on the concept: https://docs.dagster.io/guides/build/partitions-and-backfills
"""

from __future__ import annotations

from collections.abc import Collection

import dagster as dg

from netflix_assets.catalog import FIRST_MONTH, RawFile

MONTHS = dg.TimeWindowPartitionsDefinition(start=FIRST_MONTH, fmt="%Y-%m", cron_schedule="0 0 1 * *", end_offset=1)
"""Every month (UTC) from the first rating of MovieLens to the one that is running."""


def partitions_of(file: RawFile) -> dg.PartitionsDefinition[str] | None:
    """Return the months for a file that arrives by month, else None."""
    return MONTHS if file.month_column else None


def load_name(file: RawFile, partition_key: str | None) -> str:
    """Return what a file, or one month of it, is called where loads are listed: `movies`, `ratings/2015-03`."""
    return file.name if partition_key is None else f"{file.name}/{partition_key}"


def months_between(first: str, last: str) -> list[str]:
    """Return every month from first to last, both inclusive."""
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
