"""Where the rows of an object stand in the file that somebody put, of which the object was cut."""

from __future__ import annotations

from array import array
from collections.abc import Collection
from dataclasses import dataclass
from typing import IO, cast

from netflix_assets.catalog import RawFile, place_of
from netflix_assets.errors import BucketError, UserError
from netflix_assets.formats.compression import decompressed
from netflix_assets.formats.split import lines_by_month
from netflix_assets.landing.bucket import LandingBucket, ObjectVersion
from netflix_assets.landing.sources import ChunkReader


@dataclass(frozen=True)
class Origin:
    """The whole export that an object was cut from.

    Attributes:
        object_key: The export.
        lines: Its line of each row of the object, in order.
    """

    object_key: str
    lines: array[int]

    def line(self, number: int) -> int:
        """Return the export's line of a line of the object; the header is line 1 in both."""
        return self.lines[number - 2] if number > 1 else 1


def origins_of(file: RawFile, versions: Collection[ObjectVersion], bucket: LandingBucket) -> dict[str, Origin]:
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
    exports = bucket.contents().whole_exports.get(file.name, ()) if cut else ()
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
        cut[month].key: Origin(export.key, lines.numbers)
        for month, lines in found.items()
        if lines.size == cut[month].size
    }
