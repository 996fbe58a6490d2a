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
from dataclasses import dataclass
from typing import Any

from netflix_assets.catalog import UPLOAD_RECORD
from netflix_assets.landing.bucket import LandingBucket
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
    entries = [UploadRecord(name, now), *others][:_REMEMBERED]
    text = json.dumps(
        {
            "uploads": [{"source": one.source, "uploaded_at": one.uploaded_at.isoformat()} for one in entries],
            "agreed": dict(read_agreed(bucket) if agreed is None else agreed),
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


def read_agreed(bucket: LandingBucket) -> Mapping[str, str]:
    """The data version of each file and month that the last `upload --replace` put, by name.

    Who replaced the bucket has agreed that these objects take rows away, and no others; a file that was removed has
    the data version of no objects.

    Raises:
        BucketError: The bucket cannot be reached or refuses.
    """
    try:
        return {str(name): str(version) for name, version in _read(bucket)["agreed"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _read(bucket: LandingBucket) -> Any:
    body = bucket.read_if_there(UPLOAD_RECORD)
    return {} if body is None else json.loads(body)


def told(records: tuple[UploadRecord, ...]) -> str:
    """Name the sources of what the bucket holds in one phrase; empty if none is known."""
    return "; before it, and in part still there: ".join(
        part for part in ("; ".join(map(str, records[:1])), "; ".join(map(str, records[1:]))) if part
    )
