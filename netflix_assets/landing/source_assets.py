"""The raw files in S3 as observable source assets: what Dagster shows of the bucket.

What is observed, and how it is told, is the same for the Observe button, the command line and the
sensor: `observations`. Loading belongs elsewhere.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping

import dagster as dg

from netflix_assets.catalog import RawFile
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.overview import NAMED, Overview, Summary, overview_of
from netflix_assets.owners import OWNERS
from netflix_assets.partitions import partitions_of

GROUP = "landing"
DATA_VERSION_TAG = "dagster/data_version"
BUCKET_KEY = dg.AssetKey(["s3", "bucket"])

Observed = Mapping[str | None, str]
"""Data versions last observed, by month (None for a file without months)."""


def observed(instance: dg.DagsterInstance, file: RawFile) -> dict[str | None, str]:
    """The data versions that Dagster last recorded for a file, by month (None for a file without months)."""
    key = dg.AssetKey(file.source_key)
    if file.month_column is None:
        records = instance.fetch_observations(key, limit=1).records
        event = records[0].event_log_entry if records else None
        tags = event.asset_observation.tags if event and event.asset_observation else {}
        return {None: tags[DATA_VERSION_TAG]} if DATA_VERSION_TAG in tags else {}
    by_month = instance.event_log_storage.get_latest_tags_by_partition(
        key, dg.DagsterEventType.ASSET_OBSERVATION, [DATA_VERSION_TAG]
    )
    return {month: tags[DATA_VERSION_TAG] for month, tags in by_month.items()}


def observations(file: RawFile, overview: Overview, known: Observed) -> list[dg.AssetObservation]:
    """What to record of a file, given what was recorded before: nothing if nothing changed.

    A month that was there and is gone is a change too; its data version is that of no objects.

    Args:
        file: The file.
        overview: The bucket as it is now.
        known: See `observed`.
    """
    partition_keys: Iterable[str | None] = [None]
    if file.month_column is not None:
        partition_keys = sorted({*overview.months(file), *(month for month in known if month is not None)})
    changed = {partition_key: overview.of(file, partition_key) for partition_key in partition_keys}
    changed = {key: found for key, found in changed.items() if known.get(key) != found.version}
    if not changed:
        return []
    events = [
        dg.AssetObservation(
            asset_key=dg.AssetKey(file.source_key),
            partition=partition_key,
            tags={DATA_VERSION_TAG: found.version},
            metadata=_summary(found),
        )
        for partition_key, found in changed.items()
    ]
    if file.month_column is not None:
        events.append(dg.AssetObservation(asset_key=dg.AssetKey(file.source_key), metadata=_whole_file(file, overview)))
    return events


def _whole_file(file: RawFile, overview: Overview) -> dict[str, dg.MetadataValue]:
    if file.month_column is None:
        return _summary(overview.of(file))
    return {**_summary(overview.all_of(file)), "months": _months_table(file, overview)}


def _summary(found: Summary) -> dict[str, dg.MetadataValue]:
    return {
        "objects": dg.MetadataValue.int(found.objects),
        "bytes": dg.MetadataValue.int(found.size_bytes),
        **({"newest LastModified": dg.MetadataValue.timestamp(found.newest)} if found.newest else {}),
    }


def _months_table(file: RawFile, overview: Overview) -> dg.MetadataValue:
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord(
                {
                    "month": month,
                    "objects": overview.of(file, month).objects,
                    "bytes": overview.of(file, month).size_bytes,
                }
            )
            for month in reversed(overview.months(file))
        ],
        schema=dg.TableSchema(
            [dg.TableColumn("month", "string"), dg.TableColumn("objects", "int"), dg.TableColumn("bytes", "int")]
        ),
    )


def source_asset(file: RawFile) -> dg.AssetsDefinition:
    """The observable source asset of one raw file."""
    spec = dg.AssetSpec(
        file.source_key,
        partitions_def=partitions_of(file),
        group_name=GROUP,
        owners=OWNERS,
        kinds={"s3", "csv"},
        description=f"{file.description} As CSV in S3, header `{','.join(file.header)}`.",
        metadata={"object key": file.object_key(file.partition_by.pattern if file.month_column else None)},
    )

    def _observe(context: dg.OpExecutionContext, bucket: dg.ResourceParam[LandingBucket]) -> Iterator[dg.ObserveResult]:
        overview = overview_of(bucket.contents())
        for event in observations(file, overview, observed(context.instance, file)):
            if event.partition is not None:
                context.log_event(event)
        whole = None if file.month_column else dg.DataVersion(overview.of(file).version)
        yield dg.ObserveResult(data_version=whole, metadata=_whole_file(file, overview))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        # The decorator of one source asset knows no owners.
        observable = dg.multi_observable_source_asset(name="__".join(file.source_key), specs=[spec])
    asset: dg.AssetsDefinition = observable(_observe)
    return asset


def bucket_asset() -> dg.AssetSpec:
    """The bucket as a whole: where objects that no raw file accounts for are reported."""
    return dg.AssetSpec(
        BUCKET_KEY,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"s3"},
        description="Everything under `raw/` of the bucket, whether the catalogue of raw files knows it or not.",
    )


@dg.asset_check(
    asset=BUCKET_KEY,
    name="every_object_is_known",
    description="Every object under `raw/` is one that the catalogue of raw files knows, and none is left aside "
    "because a month has objects beside those cut from a whole export.",
)
def every_object_is_known(bucket: dg.ResourceParam[LandingBucket]) -> dg.AssetCheckResult:
    """Name the objects that nothing loads, so that a misspelt upload is seen."""
    return objects_are_known(overview_of(bucket.contents()))


def objects_are_known(overview: Overview) -> dg.AssetCheckResult:
    """The outcome of `every_object_is_known` for a listing."""
    ignored = overview.unknown + len(overview.superseded_keys)
    first = [*overview.unknown_keys, *overview.superseded_keys][:NAMED]
    return dg.AssetCheckResult(
        asset_key=BUCKET_KEY,
        check_name="every_object_is_known",
        passed=not ignored,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "objects not loaded": dg.MetadataValue.int(ignored),
            "first": dg.MetadataValue.md("\n".join(f"- `{key}`" for key in first) or "none"),
        },
    )
