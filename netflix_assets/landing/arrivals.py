"""What arrived in the bucket since the last look: the sensor's listing, its cursor, and the events it records.

State is compared, never time, so that overwrites, deletions, objects of the same second and clocks that are
off cannot be missed. What to run for an arrival is decided by `automation.requests`; this module knows
nothing of warehouses and runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

import dagster as dg

from netflix_assets import catalog
from netflix_assets.catalog import RAW_FILES, RawFile
from netflix_assets.landing.bucket import Contents, ObjectVersion, data_version
from netflix_assets.landing.source_assets import Observed, observations, observed
from netflix_assets.partitions import load_name

_CURSOR_FORMAT = 1
_NAMED = 5


@dataclass(frozen=True)
class Glance:
    """A listing of `raw/`, reduced while it is read: memory does not grow with the bucket.

    Attributes:
        state: Changes whenever any object is put, replaced or deleted, also with the same bytes.
        objects: How many there are.
        unknown: How many of them match no entry of the catalogue.
        unknown_keys: The first of these.
    """

    state: str
    objects: int
    unknown: int
    unknown_keys: tuple[str, ...]

    @property
    def note(self) -> str:
        """What to say of objects that nothing loads; empty if there are none."""
        if not self.unknown:
            return ""
        more = f" and {self.unknown - len(self.unknown_keys):,} more" if self.unknown > len(self.unknown_keys) else ""
        return f"; nothing loads {', '.join(self.unknown_keys)}{more}: no raw file has such a key"


def look(versions: Iterable[ObjectVersion], files: Sequence[RawFile] = RAW_FILES) -> Glance:
    """Reduce a listing, in key order, to what a tick needs to know."""
    state = hashlib.sha256()
    objects = unknown = 0
    keys: list[str] = []
    for version in versions:
        objects += 1
        state.update(_line(version))
        if catalog.place_of(version.key, files) is None:
            unknown += 1
            if len(keys) < _NAMED:
                keys.append(version.key)
    return Glance(state.hexdigest()[:32], objects, unknown, tuple(keys))


def superseded_note(contents: Contents) -> str:
    """What to say of months that are in a whole export and beside it; empty if there are none."""
    if not contents.superseded:
        return ""
    return (
        f"; {len(contents.superseded):,} months cut from a whole export are left aside, because they have objects of "
        f"their own ({contents.superseded[0].key} first)"
    )


def arrival_fingerprint(versions: Iterable[ObjectVersion]) -> str:
    """Tells apart two arrivals of the same objects, as `data_version` does not: LastModified counts."""
    state = hashlib.sha256()
    for version in sorted(versions):
        state.update(_line(version))
    return state.hexdigest()[:16]


def _line(version: ObjectVersion) -> bytes:
    return f"{version.key}\t{version.etag}\t{version.size}\t{version.last_modified.isoformat()}\n".encode()


@dataclass(frozen=True)
class Seen:
    """The sensor's cursor: a few hundred short entries, however many objects there are.

    Attributes:
        observed: Data version last recorded of each file (`movies`) and month (`ratings/2015-03`).
        looked: State of the bucket (see `Glance`) that was last observed and checked, or None.
        settled: State of the bucket for which there is nothing left to run, or None.
        refused: Loads that ended without success, and the `arrival_fingerprint` of their objects: not tried again
            until those change.
    """

    observed: Mapping[str, str] = field(default_factory=dict)
    looked: str | None = None
    settled: str | None = None
    refused: Mapping[str, str] = field(default_factory=dict)

    def to_cursor(self) -> str:
        """As text for Dagster to keep."""
        return json.dumps(
            {
                "format": _CURSOR_FORMAT,
                "looked": self.looked,
                "settled": self.settled,
                "refused": dict(self.refused),
                "observed": dict(self.observed),
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_cursor(cls, cursor: str | None) -> Seen | None:
        """Read what `to_cursor` wrote; None for no cursor, one of another format, or a damaged one."""
        if cursor is None:
            return None
        try:
            kept = json.loads(cursor)
        except ValueError:
            return None
        if not isinstance(kept, dict) or kept.get("format") != _CURSOR_FORMAT:
            return None
        known, refused = kept.get("observed"), kept.get("refused")
        looked, settled = kept.get("looked"), kept.get("settled")
        if (
            _is_text_map(known)
            and _is_text_map(refused)
            and all(isinstance(one, str | None) for one in (looked, settled))
        ):
            return cls(observed=known, looked=looked, settled=settled, refused=refused)
        return None

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
    contents: Contents, seen: Seen, files: Sequence[RawFile] = RAW_FILES
) -> tuple[list[dg.AssetObservation], dict[str, str]]:
    """What to record of a listing, and the data versions to remember.

    Args:
        contents: The bucket now.
        seen: What was recorded before.
        files: The catalogue.
    """
    events: list[dg.AssetObservation] = []
    now: dict[str, str] = {}
    for file in files:
        known = seen.of(file)
        events += observations(file, contents, known)
        partition_keys: Iterable[str | None] = [None] if file.month_column is None else {*contents.months(file), *known}
        now.update({load_name(file, key): data_version(contents.of(file, key)) for key in partition_keys})
    return events, dict(sorted(now.items()))
