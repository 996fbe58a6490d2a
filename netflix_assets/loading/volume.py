"""When a file or month is so much larger or smaller than its history that a person should look: the rule, in one place.

A warning and nothing more: `loading/shrink.py` holds back what a load would take away.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from netflix_assets.catalog import RawFile
from netflix_assets.loading.warehouse import LoadState
from netflix_assets.partitions import load_name

WINDOW = 12
"""How many months before a month, or earlier loads of a file, it is compared with: their median."""

FACTOR = 5.0
"""How many times as large, or as small, it may be. Among the months of MovieLens a factor of 3 is common."""

FEWEST = 3
"""With fewer months or loads to compare with there is no history yet."""

ALWAYS_ALLOWED = 100
"""A difference of so many rows says nothing: small months differ by chance."""

NAME = "volume_is_as_usual"


@dataclass(frozen=True)
class Volume:
    """Rows of a file or month beside its history.

    Attributes:
        name: `movies`, `ratings/2015-03`.
        rows: Rows that it holds.
        usual: Median of the rows in its history.
    """

    name: str
    rows: int
    usual: float

    @property
    def is_unusual(self) -> bool:
        """Whether a person should look; of what is empty, others tell."""
        if not self.rows or abs(self.rows - self.usual) <= ALWAYS_ALLOWED:
            return False
        return not self.usual / FACTOR <= self.rows <= self.usual * FACTOR


def volumes_of_months(file: RawFile, states: Mapping[str | None, LoadState], running: str) -> list[Volume]:
    """Return the months of the newest load, each beside the months before it; of a first load, the newest month.

    Args:
        file: A monthly file.
        states: What its table holds, by month.
        running: The month that is not over yet; it is not judged.
    """
    rows = {month: state.rows_loaded for month, state in states.items() if month is not None and state.rows_loaded}
    months = sorted(rows)
    loads = {states[month].load_id for month in months}
    over = [month for month in months if month < running]
    judged = over[-1:] if len(loads) == 1 else [month for month in over if states[month].load_id == max(loads)]
    found = []
    for month in judged:
        at = months.index(month)
        found += _beside(load_name(file, month), rows[month], [rows[before] for before in months[:at][-WINDOW:]])
    return found


def volumes_of_loads(file: RawFile, rows: Sequence[int]) -> list[Volume]:
    """Return a file without months beside its earlier loads.

    Args:
        file: The file.
        rows: Of the table after each of its loads, newest first.
    """
    return _beside(file.name, rows[0], [count for count in rows[1 : WINDOW + 1] if count]) if rows else []


def _beside(name: str, rows: int, history: Sequence[int]) -> list[Volume]:
    return [Volume(name, rows, statistics.median(history))] if len(history) >= FEWEST else []


def recorded_row_counts(instance: dg.DagsterInstance, file: RawFile) -> list[int]:
    """Return the rows of a table after each of its last loads, newest first, as Dagster recorded them."""
    key = dg.AssetKey(file.table_key)
    counts = []
    for record in instance.fetch_materializations(key, limit=WINDOW + 1).records:
        made = record.asset_materialization
        count = made.metadata.get("dagster/row_count") if made else None
        if isinstance(count, dg.IntMetadataValue) and count.value is not None:
            counts.append(count.value)
    return counts


def volume_check(file: RawFile, volumes: Sequence[Volume]) -> dg.AssetCheckResult:
    """Return the result of the check: a warning that names what is unusual, with both numbers."""
    unusual = [one for one in volumes if one.is_unusual]
    lines = "\n".join(f"- `{one.name}`: {one.rows:,} rows, usual are {one.usual:,.0f}" for one in unusual)
    return dg.AssetCheckResult(
        check_name=NAME,
        asset_key=dg.AssetKey(file.table_key),
        passed=not unusual,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"compared": dg.MetadataValue.int(len(volumes)), "unusual": dg.MetadataValue.md(lines or "nothing")},
    )
