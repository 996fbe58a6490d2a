"""Where the rows of an object stand in the file that somebody had, of which the object was made."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import IO, Protocol, cast

from netflix_assets.catalog import RawFile, place_of, source_lines_key
from netflix_assets.errors import BucketError, UserError
from netflix_assets.formats.compression import decompressed
from netflix_assets.formats.source_lines import SourceLines
from netflix_assets.formats.split import lines_by_month
from netflix_assets.landing.bucket import LandingBucket, ObjectVersion
from netflix_assets.landing.sources import ChunkReader


class Origin(Protocol):
    """Where the lines of an object are from."""

    def place(self, number: int) -> tuple[str, int]:
        """Return the file of a line of the object, and its line there; the header is line 1 in both."""
        ...


@dataclass(frozen=True)
class ExportLines:
    """The whole export that an object was cut from.

    Attributes:
        object_key: The export.
        lines: Its line of each row of the object, in order.
    """

    object_key: str
    lines: array[int]

    def place(self, number: int) -> tuple[str, int]:
        """Return the export and its line of a line of the object; the header is line 1 in both."""
        return self.object_key, self.lines[number - 2] if number > 1 else 1


def uploaded_from(version: ObjectVersion, bucket: LandingBucket, noted: Collection[str]) -> Origin | None:
    """Find the rows of an object in the files that an upload read them from; None if it was put as it is.

    Args:
        version: The object.
        bucket: Where it is.
        noted: See `LandingBucket.source_lines`.

    Raises:
        BucketError: The store cannot be reached or refuses.
    """
    key = source_lines_key(version.key)
    body = bucket.read_if_there(key) if key in noted else None
    return SourceLines.from_bytes(body, version.etag) if body else None


def cut_from(file: RawFile, versions: Collection[ObjectVersion], bucket: LandingBucket) -> Mapping[str, Origin]:
    """Find the rows of objects in the whole export that they were cut from.

    The export is read and cut once more, which costs a load nothing as long as it rejects no row. An object that the
    export in the bucket does not give is left out: it was replaced, and not cut since.

    Args:
        file: What the objects hold.
        versions: Objects; those that were not cut from an export are left out.
        bucket: Where they are.

    Returns:
        By key of the object.

    Raises:
        BucketError: The export cannot be read.
    """
    cut = {
        place.month: version
        for version in versions
        if file.is_split_object(version.key) and (place := place_of(version.key)) is not None and place.month
    }
    exports = bucket.contents(file).whole_exports.get(file.name, ()) if cut else ()
    if len(exports) != 1:
        return {}
    (export,) = exports
    plain = cast(IO[bytes], ChunkReader(decompressed(export.key, bucket.download(export))))
    try:
        found = lines_by_month(file, plain, cut, name=export.key)
    except BucketError:
        raise
    except UserError:  # It is another export, which the next cut of it refuses in these words.
        return {}
    return {
        cut[month].key: ExportLines(export.key, lines.numbers)
        for month, lines in found.items()
        if lines.size == cut[month].size
    }
