"""What a plan needs to know of the bucket: a few numbers of each file and month, however many objects there are.

Digests are sums over objects, so that an object can be taken out of a sum again, and a warehouse can add them up.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from netflix_assets.catalog import RawFile
from netflix_assets.landing.bucket import Contents, ObjectVersion
from netflix_assets.landing.data_version import data_digest, version_of

_MODULUS = 1 << 128
NAMED = 20
"""So many objects that nothing loads are named."""


def arrival_digest(version: ObjectVersion) -> int:
    """One object's share of a fingerprint that tells apart two arrivals of the same bytes: LastModified counts."""
    text = f"{version.key}\t{version.etag}\t{version.size}\t{version.last_modified.isoformat()}"
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest(), "big")


def arrival_fingerprint(versions: Iterable[ObjectVersion]) -> str:
    """Tell apart two arrivals of the same objects, as a data version does not: LastModified counts."""
    return summary_of(versions).fingerprint


@dataclass(frozen=True)
class Summary:
    """Some objects, added up.

    Attributes:
        data: Sum of their `data_digest`.
        arrival: Sum of their `arrival_digest`.
        objects: How many they are.
        size_bytes: Their size.
        newest: The newest LastModified; None without objects.
    """

    data: int = 0
    arrival: int = 0
    objects: int = 0
    size_bytes: int = 0
    newest: dt.datetime | None = None

    @property
    def version(self) -> str:
        """Their data version, see `landing/data_version.py`."""
        return version_of(self.data)

    @property
    def fingerprint(self) -> str:
        """Their `arrival_fingerprint`."""
        return f"{self.arrival % _MODULUS:032x}"

    def __sub__(self, other: Summary) -> Summary:
        """Take out a part; which LastModified is then the newest is not known, so that it stays."""
        return Summary(
            self.data - other.data,
            (self.arrival - other.arrival) % _MODULUS,
            self.objects - other.objects,
            self.size_bytes - other.size_bytes,
            self.newest,
        )

    def __add__(self, other: Summary) -> Summary:
        """Add up two sets that have no object in common."""
        times = [time for time in (self.newest, other.newest) if time is not None]
        return Summary(
            self.data + other.data,
            (self.arrival + other.arrival) % _MODULUS,
            self.objects + other.objects,
            self.size_bytes + other.size_bytes,
            max(times, default=None),
        )


def summary_of(versions: Iterable[ObjectVersion]) -> Summary:
    """Add objects up."""
    data = arrival = objects = size = 0
    newest: dt.datetime | None = None
    for version in versions:
        data += data_digest(version.key, version.etag, version.size)
        arrival += arrival_digest(version)
        objects += 1
        size += version.size
        newest = version.last_modified if newest is None else max(newest, version.last_modified)
    return Summary(data, arrival % _MODULUS, objects, size, newest)


@dataclass(frozen=True)
class Overview:
    """The bucket, as `bucket.Contents` sorts it, without its objects.

    Attributes:
        files: By raw file and month (None for files that have no months). What has no objects is not in it.
        whole_exports: Undivided exports of monthly files, by raw file name.
        cut: Names of the files of which months were cut from a whole export, used or left aside.
        unknown: How many objects under `raw/` match no entry of the catalogue.
        unknown_keys: The first of these.
        superseded_keys: Months cut from a whole export that are left aside, because the month has objects of its own.
    """

    files: Mapping[str, Mapping[str | None, Summary]] = field(default_factory=dict)
    whole_exports: Mapping[str, tuple[ObjectVersion, ...]] = field(default_factory=dict)
    cut: frozenset[str] = frozenset()
    unknown: int = 0
    unknown_keys: tuple[str, ...] = ()
    superseded_keys: tuple[str, ...] = ()

    def of(self, file: RawFile, month: str | None = None) -> Summary:
        """A file, or one month of it."""
        return self.files.get(file.name, {}).get(month, Summary())

    def months(self, file: RawFile) -> list[str]:
        """The months of which there are objects, oldest first."""
        return sorted(month for month in self.files.get(file.name, {}) if month is not None)

    def all_of(self, file: RawFile) -> Summary:
        """A file over all its months."""
        return sum(self.files.get(file.name, {}).values(), Summary())

    def versions(self, file: RawFile) -> dict[str | None, str]:
        """The data versions of a file by month, or under None for a file without months."""
        months: list[str | None] = [None] if file.month_column is None else [*self.months(file)]
        return {month: self.of(file, month).version for month in months}


def overview_of(contents: Contents) -> Overview:
    """Leave the objects out."""
    ours = {
        name
        for name, by_month in contents.files.items()
        for found in by_month.values()
        for version in found
        if RawFile.is_split_object(version.key)
    }
    superseded = tuple(version.key for version in contents.superseded)
    return Overview(
        files={
            name: {month: summary_of(found) for month, found in by_month.items()}
            for name, by_month in contents.files.items()
        },
        whole_exports=contents.whole_exports,
        cut=frozenset(ours) | {key.split("/")[1] for key in superseded},
        unknown=len(contents.unknown),
        unknown_keys=tuple(version.key for version in contents.unknown[:NAMED]),
        superseded_keys=superseded,
    )
