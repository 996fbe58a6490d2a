"""A whole `raw/ratings.csv` in the bucket, cut into one object a month beside it, by an asset of its own.

From there on the months are loaded like any others. Where a month also holds objects that somebody put there,
those win: `bucket.sort_into_catalog` leaves ours aside.
"""

import gzip
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import dagster as dg

from netflix_assets.catalog import RawFile
from netflix_assets.errors import BucketError, LoadError, UserError
from netflix_assets.formats.split import split_by_month
from netflix_assets.landing.arrivals import arrival_fingerprint
from netflix_assets.landing.bucket import LandingBucket, ObjectVersion, data_version
from netflix_assets.landing.failed_loads import (
    EXPORT_IS_SPLIT,
    FailedLoad,
    failed_loads_evaluation,
    failed_loads_result,
    recorded_failures,
)
from netflix_assets.landing.source_assets import BUCKET_KEY, GROUP
from netflix_assets.landing.upload import md5_of
from netflix_assets.owners import OWNERS


@dataclass(frozen=True)
class Split:
    """What cutting an export did to the bucket.

    Attributes:
        rows: Rows of the export, without its header.
        months: Months in it.
        written: Keys that were put, because their content changed.
        removed: Keys of months that the export no longer holds.
    """

    rows: int
    months: int
    written: tuple[str, ...]
    removed: tuple[str, ...]


def split_key(file: RawFile) -> dg.AssetKey:
    """Key of the asset that cuts the whole export of a monthly file."""
    return dg.AssetKey([*file.source_key[:-1], f"{file.name}_split"])


def split_check(file: RawFile) -> dg.AssetCheckKey:
    """Return the check that holds why the whole export in the bucket is not split, see `landing.failed_loads`."""
    return dg.AssetCheckKey(split_key(file), EXPORT_IS_SPLIT)


def split(file: RawFile, exports: Sequence[ObjectVersion], bucket: LandingBucket, scratch: Path) -> Split:
    """Make the bucket hold exactly the months of an export, writing only those whose content changed.

    Args:
        file: A monthly file.
        exports: The undivided export; one object.
        bucket: Where it is, and where the months go.
        scratch: Folder for the download and the pieces.

    Raises:
        UserError: There are two exports, or the one there is cannot be cut; the bucket is as it was.
        BucketError: The bucket cannot be read or written; what was put so far is whole.
    """
    if len(exports) > 1:
        keys = " and ".join(version.key for version in exports)
        raise UserError(f"the bucket holds {file.name} whole more than once ({keys}); remove all but one")
    (export,) = exports
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="split-") as work:
        whole, pieces = Path(work, "whole"), Path(work, "months")
        pieces.mkdir()
        with whole.open("wb") as target:
            for chunk in bucket.download(export):
                target.write(chunk)
        rows = _cut(file, export.key, whole, pieces)
        there = {version.key: version for version in bucket.versions(f"{export.key.rpartition('/')[0]}/{file.name}/")}
        ours = {file.split_object_key(month): pieces / f"{month}.csv" for month in rows}
        written = [key for key, piece in ours.items() if key not in there or there[key].etag != md5_of(piece)]
        for key in written:
            bucket.put_file(key, ours[key])
    removed = [key for key in there if file.is_split_object(key) and key not in ours]
    for key in removed:
        bucket.delete(key)
    return Split(sum(rows.values()), len(rows), tuple(written), tuple(removed))


def _cut(file: RawFile, key: str, whole: Path, pieces: Path) -> dict[str, int]:
    try:
        with whole.open("rb") as content, gzip.open(content) if key.endswith(".gz") else nullcontext(content) as plain:
            return split_by_month(file, cast(IO[bytes], plain), pieces, name=key)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UserError(f"{key} cannot be unpacked ({error}); upload it again") from error


def split_asset(file: RawFile, scratch: Path) -> dg.AssetsDefinition:
    """The asset that cuts the whole export of a monthly file."""

    @dg.asset(
        key=split_key(file),
        deps=[BUCKET_KEY],
        group_name=GROUP,
        owners=OWNERS,
        kinds={"s3", "csv"},
        description=f"A whole `{file.object_key()}` cut into one object a month, for those who upload a release "
        "as it is. Objects that somebody put into a month win over those cut here.",
    )
    def _split(
        context: dg.AssetExecutionContext, bucket: dg.ResourceParam[LandingBucket]
    ) -> dg.MaterializeResult[None]:
        exports = bucket.contents().whole_exports.get(file.name, ())
        if not exports:
            return dg.MaterializeResult(metadata={"objects": 0}, data_version=dg.DataVersion(data_version(exports)))
        try:
            done = split(file, exports, bucket, scratch)
        except BucketError as error:
            raise dg.RetryRequested(max_retries=3, seconds_to_wait=5) from error
        except UserError as error:
            refused = {exports[0].key: FailedLoad(arrival_fingerprint(exports), str(error))}
            context.instance.report_runless_asset_event(failed_loads_evaluation(split_check(file), refused))
            raise LoadError(str(error)) from error
        context.log.info(f"{len(done.written)} of {done.months} months written, {len(done.removed)} removed")
        return dg.MaterializeResult(
            metadata={
                "rows": done.rows,
                "months": done.months,
                "months written": len(done.written),
                "months removed": len(done.removed),
            },
            data_version=dg.DataVersion(data_version(exports)),
        )

    return _split


def export_is_split(file: RawFile) -> dg.AssetChecksDefinition:
    """The check that the whole export in the bucket, if there is one, is split."""

    @dg.asset_check(
        asset=split_key(file),
        name=EXPORT_IS_SPLIT,
        description="A whole export in the bucket is split into months; one that cannot be is named with the reason, "
        "and everything else is loaded without it.",
    )
    def _is_split(
        context: dg.AssetCheckExecutionContext, bucket: dg.ResourceParam[LandingBucket]
    ) -> dg.AssetCheckResult:
        check, exports = split_check(file), bucket.contents().whole_exports.get(file.name, ())
        recorded = recorded_failures(context.instance, check)
        return failed_loads_result(check, still_refused(recorded, exports))

    return _is_split


def still_refused(recorded: Mapping[str, FailedLoad], exports: Sequence[ObjectVersion]) -> dict[str, FailedLoad]:
    """Return what of the recorded failures still holds: the same export is there."""
    now = {exports[0].key: arrival_fingerprint(exports)} if exports else {}
    return {name: one for name, one in recorded.items() if now.get(name) == one.objects}
