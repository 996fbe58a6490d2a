"""Months `YYYY-MM`, and days `YYYY-MM-DD`, and the seconds since 1970 (UTC) that they hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable


def time_window(month: str) -> tuple[int, int]:
    """Start (inclusive) and end (exclusive) of a month `YYYY-MM` or day `YYYY-MM-DD`, in seconds since 1970 UTC."""
    year, number = int(month[:4]), int(month[5:7])
    if day := month[8:]:
        start = dt.datetime(year, number, int(day), tzinfo=dt.timezone.utc)
        return int(start.timestamp()), int((start + dt.timedelta(days=1)).timestamp())
    start = dt.datetime(year, number, 1, tzinfo=dt.timezone.utc)
    end = dt.datetime(year + number // 12, number % 12 + 1, 1, tzinfo=dt.timezone.utc)
    return int(start.timestamp()), int(end.timestamp())


def adjacent(windows: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted windows, those that touch made into one."""
    merged: list[tuple[int, int]] = []
    for start, end in windows:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged
