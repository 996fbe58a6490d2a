"""The record of what was put last, and when: one small object, which names the sources of what the bucket holds.

It also holds what a person agreed to by `upload --replace`: that these objects take the place of what was there.

It is under `raw/`, where whoever uploads may write and whoever loads may read, and known as a file of ours that is
no data.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netflix_assets.catalog import UPLOAD_RECORD
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.data_version import data_version
from netflix_assets.landing.sources import without_secrets

_REMEMBERED = 10


@dataclass(frozen=True)
class UploadRecord:
    """One upload.

    Attributes:
        source: What was put: the name of a folder or file, or an address without its secrets.
        uploaded_at: When it was done, UTC.
    """

    source: str
    uploaded_at: dt.datetime

    def __str__(self) -> str:
        """Name source and time in one phrase."""
        return f"{self.source}, put on {self.uploaded_at:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True)
class Agreement:
    """What a person agreed to by the last `upload --replace`: that the bucket as it was then takes the place of before.

    Attributes:
        versions: Data version of each file and month, by name; what is not named had no objects.
        agreed_at: When, UTC; None if nobody agreed to anything.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    agreed_at: dt.datetime | None = None

    def covers(self, name: str, version: str, loaded_at: dt.datetime | None) -> bool:
        """Whether a load may take away any share of the rows.

        Args:
            name: Of the file or month.
            version: Data version of what is to be loaded: only what was there when the person agreed is covered.
            loaded_at: When what is held was loaded, UTC: of what came later, nobody agreed to lose anything.
        """
        if self.agreed_at is None or (loaded_at is not None and loaded_at > self.agreed_at):
            return False
        return self.versions.get(name, data_version(())) == version


def record(bucket: LandingBucket, source: str, *, alone: bool, agreed: Mapping[str, str] | None = None) -> None:
    """Write down that a source was put.

    Args:
        bucket: Where it was put.
        source: As it was given.
        alone: The bucket holds nothing else; otherwise the sources before it are named as well.
        agreed: Data version of each file and month that a person wants in place of what was there, by name; by
            default those of the upload before.
    """
    name = without_secrets(source)
    now = dt.datetime.now(dt.timezone.utc)
    others = [] if alone else [one for one in read(bucket) if one.source != name]
    agreement = read_agreement(bucket) if agreed is None else Agreement(agreed, now)
    entries = [UploadRecord(name, now), *others][:_REMEMBERED]
    text = json.dumps(
        {
            "uploads": [{"source": one.source, "uploaded_at": one.uploaded_at.isoformat()} for one in entries],
            "agreed_at": agreement.agreed_at and agreement.agreed_at.isoformat(),
            "agreed": dict(agreement.versions),
        },
        indent=2,
    )
    bucket.put(UPLOAD_RECORD, io.BytesIO(text.encode()), content_type="application/json")


def read(bucket: LandingBucket) -> tuple[UploadRecord, ...]:
    """The sources of what the bucket holds, the newest first; none where nothing was put by an upload.

    Raises:
        BucketError: The bucket cannot be reached or refuses.
    """
    try:
        return tuple(
            UploadRecord(str(entry["source"]), dt.datetime.fromisoformat(entry["uploaded_at"]))
            for entry in _read(bucket)["uploads"]
        )
    # Somebody wrote something else there: then it is not known what was put.
    except (ValueError, KeyError, TypeError):
        return ()


def read_agreement(bucket: LandingBucket) -> Agreement:
    """What a person agreed to by the last `upload --replace`.

    Raises:
        BucketError: The bucket cannot be reached or refuses.
    """
    try:
        found = _read(bucket)
        versions = {str(name): str(version) for name, version in found["agreed"].items()}
        return Agreement(versions, dt.datetime.fromisoformat(found["agreed_at"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Agreement()


def _read(bucket: LandingBucket) -> Any:
    body = bucket.read_if_there(UPLOAD_RECORD)
    return {} if body is None else json.loads(body)


def told(records: tuple[UploadRecord, ...]) -> str:
    """Name the sources of what the bucket holds in one phrase; empty if none is known."""
    return "; before it, and in part still there: ".join(
        part for part in ("; ".join(map(str, records[:1])), "; ".join(map(str, records[1:]))) if part
    )
