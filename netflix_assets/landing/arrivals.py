"""What arrived in the bucket since the last look: the sensor's cursor, and the events it records.

State is compared, never time, so that overwrites, deletions, objects of the same second and clocks that are
off cannot be missed. What to run for an arrival is decided by `automation.run_plan`; this module knows
nothing of warehouses and runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TypeGuard

import dagster as dg

from netflix_assets.catalog import RAW_FILES, RawFile
from netflix_assets.landing.overview import Overview
from netflix_assets.landing.source_assets import Observed, observations, observed
from netflix_assets.partitions import load_name

_CURSOR_FORMAT = 2


def superseded_note(overview: Overview) -> str:
    """What to say of months that are in a whole export and beside it; empty if there are none."""
    if not overview.superseded_keys:
        return ""
    return (
        f"; {len(overview.superseded_keys):,} months cut from a whole export are left aside, because they have objects "
        f"of their own ({overview.superseded_keys[0]} first)"
    )


@dataclass(frozen=True)
class ArrivalsCursor:
    """The sensor's cursor: a few hundred short entries, however many objects there are.

    Attributes:
        observed: Data version last recorded of each file (`movies`) and month (`ratings/2015-03`).
        observed_fingerprint: Of the bucket (`kept_listing.BucketFingerprint`) as last observed and checked, or None.
        processed_fingerprint: Of the bucket, and of what else decides, for which nothing is to run now, or None.
        retry_at: When something is to be asked for again although the bucket is the same, in seconds since 1970.
        note: What ticks say meanwhile of what is not loaded; empty if everything is.
    """

    observed: Mapping[str, str] = field(default_factory=dict)
    observed_fingerprint: str | None = None
    processed_fingerprint: str | None = None
    retry_at: float | None = None
    note: str = ""

    def is_processed(self, fingerprint: str, now: float) -> bool:
        """Whether there is nothing to decide for a bucket with this fingerprint at this time."""
        return self.processed_fingerprint == fingerprint and (self.retry_at is None or now < self.retry_at)

    def to_cursor(self) -> str:
        """Return the text that Dagster keeps."""
        return json.dumps({"format": _CURSOR_FORMAT, **asdict(self)}, separators=(",", ":"))

    @classmethod
    def from_cursor(cls, cursor: str | None) -> ArrivalsCursor | None:
        """Read what `to_cursor` wrote; None for no cursor, one of another format, or a damaged one."""
        if cursor is None:
            return None
        try:
            kept = json.loads(cursor)
        except ValueError:
            return None
        if not isinstance(kept, dict) or kept.pop("format", None) != _CURSOR_FORMAT:
            return None
        try:
            read = cls(**kept)
        except TypeError:
            return None
        fingerprints = (read.observed_fingerprint, read.processed_fingerprint)
        sound = (
            _is_text_map(read.observed)
            and all(isinstance(one, str | None) for one in fingerprints)
            and isinstance(read.retry_at, float | None)
            and isinstance(read.note, str)
        )
        return read if sound else None

    def of(self, file: RawFile) -> Observed:
        """What was recorded of a file, by month (None for a file without months)."""
        if file.month_column is None:
            return {None: self.observed[file.name]} if file.name in self.observed else {}
        prefix = f"{file.name}/"
        return {name[len(prefix) :]: found for name, found in self.observed.items() if name.startswith(prefix)}


def _is_text_map(value: object) -> TypeGuard[dict[str, str]]:
    return isinstance(value, dict) and all(isinstance(one, str) for pair in value.items() for one in pair)


def recorded(instance: dg.DagsterInstance, files: Sequence[RawFile] = RAW_FILES) -> dict[str, str]:
    """What Dagster's own record says was observed: stands in for a cursor that is not there or not readable."""
    return {load_name(file, key): version for file in files for key, version in observed(instance, file).items()}


def observe(
    overview: Overview, seen: ArrivalsCursor, files: Sequence[RawFile] = RAW_FILES
) -> tuple[list[dg.AssetObservation], dict[str, str]]:
    """What to record of a listing, and the data versions to remember.

    Args:
        overview: The bucket now.
        seen: The cursor, which knows what was recorded before.
        files: The catalogue.
    """
    events: list[dg.AssetObservation] = []
    now: dict[str, str] = {}
    for file in files:
        known = seen.of(file)
        events += observations(file, overview, known)
        partition_keys: Iterable[str | None] = [None] if file.month_column is None else {*overview.months(file), *known}
        now.update({load_name(file, key): overview.of(file, key).version for key in partition_keys})
    return events, dict(sorted(now.items()))
