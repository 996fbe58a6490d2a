"""A whole `raw/ratings.csv` in the bucket, cut into one object a month beside it, by an asset of its own.

From there on the months are loaded like any others. Where a month also holds objects that somebody put there,
those win: `bucket.sort_into_catalog` leaves ours aside. An export that is removed takes its months with it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import dagster as dg

from netflix_assets.catalog import PREFIX, RawFile
from netflix_assets.errors import BucketError, LoadError, UserError
from netflix_assets.formats.compression import decompressed
from netflix_assets.formats.split import split_by_month
from netflix_assets.landing.bucket import LandingBucket, ObjectVersion
from netflix_assets.landing.data_version import data_version
from netflix_assets.landing.failed_loads import (
    EXPORT_IS_SPLIT,
    FailedLoad,
    failed_loads_evaluation,
    failed_loads_result,
    load_fingerprint,
    recorded_failures,
)
from netflix_assets.landing.overview import arrival_fingerprint
from netflix_assets.landing.source_assets import BUCKET_KEY, DATA_VERSION_TAG, GROUP
from netflix_assets.landing.sources import ChunkReader
from netflix_assets.landing.upload import md5_of
from netflix_assets.owners import OWNERS
from netflix_assets.scratch import scratch_folder


@dataclass(frozen=True)
class Split:
    """What cutting an export did to the bucket.

    Attributes:
        rows: Rows of the export, without its header; none if it is gone.
        months: Months in it.
        written: Keys that were put, because their content changed.
        removed: Keys of months that the export no longer holds, or of all its months if it is gone.
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


def split(
    file: RawFile,
    exports: Sequence[ObjectVersion],
    bucket: LandingBucket,
    scratch: Path,
    *,
    by_name: bool = False,
) -> Split:
    """Make the bucket hold exactly the months of an export, writing only those whose content changed.

    What was put and removed before a kill or an outage stays; doing it again completes it.

    Args:
        file: A monthly file.
        exports: The undivided export: one object, or none if it was removed.
        bucket: Where it is, and where the months go.
        scratch: Folder for the download and the pieces.
        by_name: The columns of the export are found by their names.

    Raises:
        UserError: There are two exports, or the one there is cannot be cut; the bucket is as it was.
        BucketError: The bucket cannot be read or written; what was put so far is whole.
    """
    if len(exports) > 1:
        keys = " and ".join(version.key for version in exports)
        raise UserError(f"the bucket holds {file.name} whole more than once ({keys}); remove all but one")
    there = {version.key: version for version in bucket.versions(f"{PREFIX}{file.name}/")}
    rows: dict[str, int] = {}
    written: list[str] = []
    for export in exports:
        with scratch_folder(scratch, "split-") as pieces:
            content = cast(IO[bytes], ChunkReader(_plain(export, bucket)))
            rows = split_by_month(file, content, pieces, name=export.key, by_name=by_name)
            for month in rows:
                key, piece = file.split_object_key(month), pieces / f"{month}.csv"
                if key not in there or there[key].etag != md5_of(piece):
                    bucket.put_file(key, piece)
                    written.append(key)
    ours = {file.split_object_key(month) for month in rows}
    removed = [key for key in there if file.is_split_object(key) and key not in ours]
    for key in removed:
        bucket.delete(key)
    return Split(sum(rows.values()), len(rows), tuple(written), tuple(removed))


def _plain(export: ObjectVersion, bucket: LandingBucket) -> Iterator[bytes]:
    return decompressed(export.key, bucket.download(export))


def split_asset(file: RawFile, scratch: Path, *, by_name: bool, limits: str) -> dg.AssetsDefinition:
    """The asset that cuts the whole export of a monthly file.

    Args:
        file: The file.
        scratch: Folder for the download and the pieces.
        by_name: The columns of the export are found by their names.
        limits: By which an export that is refused is remembered: with others it is tried again.
    """

    @dg.asset(
        key=split_key(file),
        deps=[BUCKET_KEY],
        group_name=GROUP,
        owners=OWNERS,
        kinds={"s3", "csv"},
        description=f"A whole `{file.object_key()}` cut into one object a month, for those who upload a release "
        "as it is. Objects that somebody put into a month win over those cut here; when the export is removed, so are "
        "they.",
    )
    def _split(
        context: dg.AssetExecutionContext, bucket: dg.ResourceParam[LandingBucket]
    ) -> dg.MaterializeResult[None]:
        exports = bucket.contents(file).whole_exports.get(file.name, ())
        try:
            done = split(file, exports, bucket, scratch, by_name=by_name)
        except BucketError as error:
            raise dg.RetryRequested(max_retries=3, seconds_to_wait=5) from error
        except UserError as error:
            refused = {exports[0].key: FailedLoad(load_fingerprint(arrival_fingerprint(exports), limits), str(error))}
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


def nothing_to_split(file: RawFile) -> list[dg.AssetMaterialization | dg.AssetCheckEvaluation]:
    """Return what to record of a file of which there never was a whole export, so that nothing seems to be missing."""
    return [
        dg.AssetMaterialization(
            split_key(file), metadata={"rows": 0, "months": 0}, tags={DATA_VERSION_TAG: data_version(())}
        ),
        failed_loads_evaluation(split_check(file), {}),
    ]


def export_is_split(file: RawFile, *, limits: str) -> dg.AssetChecksDefinition:
    """The check that the whole export in the bucket, if there is one, is split; `limits` as for `split_asset`."""

    @dg.asset_check(
        asset=split_key(file),
        name=EXPORT_IS_SPLIT,
        description="A whole export in the bucket is split into months; one that cannot be is named with the reason, "
        "and everything else is loaded without it.",
    )
    def _is_split(
        context: dg.AssetCheckExecutionContext, bucket: dg.ResourceParam[LandingBucket]
    ) -> dg.AssetCheckResult:
        check, exports = split_check(file), bucket.contents(file).whole_exports.get(file.name, ())
        recorded = recorded_failures(context.instance, check)
        return failed_loads_result(check, still_refused(recorded, exports, limits))

    return _is_split


def still_refused(
    recorded: Mapping[str, FailedLoad], exports: Sequence[ObjectVersion], limits: str
) -> dict[str, FailedLoad]:
    """Return what of the recorded failures still holds: the same export is there, and the same limits hold."""
    now = {exports[0].key: load_fingerprint(arrival_fingerprint(exports), limits)} if exports else {}
    return {name: one for name, one in recorded.items() if now.get(name) == one.objects}
