"""One asset per raw table: it makes the table hold exactly what the bucket holds, and two checks prove it.

How rows get into a table is the warehouse's business (`warehouse.py`); this module only says what to
load, and tells Dagster what came of it.
"""

import warnings
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext

import dagster as dg

from netflix_assets.catalog import EXTRA_COLUMN, RAW_FILES, RAW_SCHEMA, Column, RawFile
from netflix_assets.errors import BucketError, LoadError, WarehouseError
from netflix_assets.formats.rows import Reject
from netflix_assets.landing.bucket import Contents, LandingBucket
from netflix_assets.landing.data_version import data_version
from netflix_assets.landing.failed_loads import (
    DID_NOT_SHRINK,
    LOADS_ACCEPTED,
    FailedLoad,
    failed_loads_evaluation,
    failed_loads_result,
    load_fingerprint,
    recorded_failures,
)
from netflix_assets.landing.last_upload import Agreement, read_agreement
from netflix_assets.landing.overview import Overview, overview_of
from netflix_assets.loading import volume
from netflix_assets.loading.warehouse import (
    LoadReport,
    LoadState,
    ObjectsByPartition,
    RefusedLoad,
    Warehouse,
    out_of_date,
)
from netflix_assets.owners import OWNERS
from netflix_assets.partitions import load_name, months_between, partitions_of
from netflix_assets.pools import warehouse_pool
from netflix_assets.settings import Target

GROUP = RAW_SCHEMA
WAREHOUSE_KINDS = {Target.LOCAL: "duckdb", Target.SNOWFLAKE: "snowflake"}
LOAD_ID_METADATA = "load id"
"""Under which a materialization records the newest load that brought its table's rows."""

_REJECTS_SHOWN = 20
_DRIFTS_SHOWN = 20
_RETRIES = 3
_FIRST_RETRY_SECONDS = 2


class LoadConfig(dg.Config):
    """What to load of the selected months.

    Attributes:
        only_changed: Leave out months whose objects are those already loaded.
        other_months: Months to load besides those of the run's range of partitions.
        accept_shrink: Load also what takes away a large share of the rows or keys (see `loading/shrink.py`).
    """

    only_changed: bool = False
    other_months: list[str] = []  # noqa: RUF012 (Dagster's config reads the default from here)
    accept_shrink: bool = False


def objects_to_load(
    file: RawFile,
    contents: Contents,
    states: Mapping[str | None, LoadState],
    months: Sequence[str] | None,
    *,
    only_changed: bool,
) -> ObjectsByPartition:
    """What a run should replace.

    Args:
        file: The file.
        contents: The bucket as it is now.
        states: What the table holds.
        months: The months asked for, oldest first; None for a file without months.
        only_changed: Leave out what is already loaded as it is.
    """
    partition_keys: Iterable[str | None] = [None] if months is None else months
    objects = {key: contents.of(file, key) for key in partition_keys}
    if only_changed:
        stale = out_of_date(file, overview_of(contents).versions(file), states)
        objects = {partition_key: found for partition_key, found in objects.items() if stale.get(partition_key)}
    # A month that has no objects and never had any needs no emptying: 383 months, most of them so.
    return {
        partition_key: found
        for partition_key, found in objects.items()
        if found or partition_key is None or partition_key in states
    }


def empty_months(
    months: Sequence[str], with_objects: Collection[str], loaded: Collection[str], recorded: Collection[str]
) -> list[str]:
    """Return the months that a load records as empty, because there are and were no objects of them.

    The first load records every one, so that nothing is missing that nobody waits for. Later ones record the gaps
    before the newest month: one that began meanwhile is missing until its objects come.

    Args:
        months: All months, oldest first, up to the one that is running.
        with_objects: Those of which there are objects in the bucket.
        loaded: Those that the table was loaded with before.
        recorded: Those that Dagster has a record of, or is to have after this load.
    """
    known = {*with_objects, *loaded}
    last = max(known) if loaded else months[-1]
    return [month for month in months if month <= last and month not in known and month not in recorded]


def _all_months(file: RawFile) -> Sequence[str]:
    """All that there are, oldest first."""
    partitions = partitions_of(file)
    return partitions.get_partition_keys() if partitions is not None else ()


def _record_empty(instance: dg.DagsterInstance, table: dg.AssetKey, months: Iterable[str]) -> None:
    """Record months as empty, beside the run, which materializes none of them; at once where the event log can."""
    with getattr(instance.event_log_storage, "transaction", nullcontext)():
        for month in months:
            instance.report_runless_asset_event(dg.AssetMaterialization(table, partition=month, metadata=_EMPTY_MONTH))


@contextmanager
def retrying(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Have Dagster repeat the step for what time may mend: S3 or warehouse out of reach, an object just replaced.

    Bad data is not such a thing.
    """
    try:
        yield
    except (BucketError, WarehouseError) as error:
        wait = _FIRST_RETRY_SECONDS * 2**context.retry_number
        raise dg.RetryRequested(max_retries=_RETRIES, seconds_to_wait=wait) from error


def raw_table_asset(file: RawFile, target: Target) -> dg.AssetsDefinition:
    """The loading asset of one raw file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # backfill_policy
        return _raw_table_asset(file, target)


def _raw_table_asset(file: RawFile, target: Target) -> dg.AssetsDefinition:
    @dg.asset(
        key=dg.AssetKey(file.table_key),
        deps=[dg.AssetKey(file.source_key)],
        partitions_def=partitions_of(file),
        backfill_policy=dg.BackfillPolicy.single_run() if file.month_column else None,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"s3", WAREHOUSE_KINDS[target]},
        pool=warehouse_pool(target, file.table),
        description=f"{file.description} One row a good line of the objects in S3; the others are in "
        "`raw.rejected_rows`, and `raw.load_history` says which load each row came with.",
        metadata={
            "dagster/table_name": f"{RAW_SCHEMA}.{file.table}",
            "dagster/column_schema": dg.TableSchema([*map(_table_column, file.columns), _EXTRA, _LOAD_ID]),
        },
    )
    def _load(
        context: dg.AssetExecutionContext,
        config: LoadConfig,
        bucket: dg.ResourceParam[LandingBucket],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> dg.MaterializeResult[None]:
        months = None
        if file.month_column is not None:
            first, last = context.partition_key_range
            months = sorted({*months_between(first, last), *config.other_months})
        with retrying(context):
            contents = bucket.contents(file)
            states = warehouse.load_states(file)
            objects = objects_to_load(file, contents, states, months, only_changed=config.only_changed)
            try:
                report = warehouse.replace(
                    file,
                    objects,
                    bucket,
                    run_id=context.run.run_id,
                    accept_shrink=objects
                    if config.accept_shrink
                    else agreed_partitions(file, objects, states, read_agreement(bucket)),
                )
            except LoadError as error:
                _remember(context.instance, file, contents, warehouse, _refused_by(error, objects))
                raise
        context.log.info(
            f"{file.table}: {report.rows_loaded} rows loaded and {report.rows_rejected} rejected "
            f"from {report.objects} objects in {report.seconds:.2f} s"
        )
        for note in report.notes:
            context.log.warning(f"{file.table}: {note}")
        load_id = report.load_id if objects else max((state.load_id for state in states.values()), default=0)
        metadata = _metadata(report, load_id, warehouse.row_count(file))
        if months is not None:
            recorded = context.instance.get_materialized_partitions(context.asset_key)
            loaded = [month for month in states if month is not None]
            empty = empty_months(_all_months(file), contents.months(file), loaded, {*recorded, *months})
            _record_empty(context.instance, context.asset_key, empty)
        # Of a range in which something is refused, the others; else Dagster itself records the range.
        for month in (months or []) if report.refused else config.other_months:
            if month not in report.refused:
                context.log_event(dg.AssetMaterialization(context.asset_key, partition=month, metadata=metadata))
        if report.refused:
            refused = RefusedLoad(report.refused, report.held_back)
            _remember(context.instance, file, contents, warehouse, refused)
            raise refused
        return dg.MaterializeResult(metadata=metadata)

    return _load


def _refused_by(error: LoadError, objects: ObjectsByPartition) -> RefusedLoad:
    """Return what a load refused: where it failed as a whole, all of it."""
    return error if isinstance(error, RefusedLoad) else RefusedLoad(dict.fromkeys(objects, str(error)))


def _remember(
    instance: dg.DagsterInstance, file: RawFile, contents: Contents, warehouse: Warehouse, refused: RefusedLoad
) -> None:
    """Record what is refused until its objects change, and see to it that what is below has a table to read."""
    warehouse.ensure_raw_tables([file])
    states, overview = warehouse.load_states(file), overview_of(contents)
    for check in failure_checks(file):
        known = still_failed(file, recorded_failures(instance, check), overview, states, warehouse.limits)
        now = {
            load_name(file, month): FailedLoad(
                load_fingerprint(overview.of(file, month).fingerprint, warehouse.limits), why
            )
            for month, why in refused.refused.items()
        }
        own = {
            load_name(file, month)
            for month in refused.refused
            if (month in refused.held_back) == (check.name == DID_NOT_SHRINK)
        }
        failed = {name: one for name, one in known.items() if name not in now}
        failed |= {name: one for name, one in now.items() if name in own}
        instance.report_runless_asset_event(failed_loads_evaluation(check, failed))


def agreed_partitions(
    file: RawFile, objects: ObjectsByPartition, states: Mapping[str | None, LoadState], agreement: Agreement
) -> Collection[str | None]:
    """Return the partitions that may lose any share of their rows, because a person replaced the bucket."""
    loaded_at = {key: state.loaded_at for key, state in states.items()}
    return {
        key
        for key, found in objects.items()
        if agreement.covers(load_name(file, key), data_version(found), loaded_at.get(key))
    }


def failure_checks(file: RawFile) -> list[dg.AssetCheckKey]:
    """Return the checks of a raw table whose results hold what is not loaded, see `landing.failed_loads`."""
    return [dg.AssetCheckKey(dg.AssetKey(file.table_key), name) for name in (LOADS_ACCEPTED, DID_NOT_SHRINK)]


def still_failed(
    file: RawFile,
    recorded: Mapping[str, FailedLoad],
    overview: Overview,
    states: Mapping[str | None, LoadState],
    limits: str,
) -> dict[str, FailedLoad]:
    """Return what of the recorded failures of a file still holds: the same objects and limits, and not loaded."""
    if not recorded:
        return {}
    changed = out_of_date(file, overview.versions(file), states)
    now = {
        load_name(file, month): load_fingerprint(overview.of(file, month).fingerprint, limits)
        for month, is_changed in changed.items()
        if is_changed
    }
    return {name: one for name, one in recorded.items() if now.get(name) == one.objects}


def _table_column(column: Column) -> dg.TableColumn:
    limits = [
        *([f"at least {column.minimum:g}"] if column.minimum is not None else []),
        *([f"at most {column.maximum:g}"] if column.maximum is not None else []),
    ]
    return dg.TableColumn(
        column.name,
        column.type.value,
        description=", ".join(limits) or None,
        constraints=dg.TableColumnConstraints(nullable=not column.required),
    )


_EXTRA = dg.TableColumn(
    EXTRA_COLUMN, "VARCHAR", description="What columns hold that the catalogue does not know, as a JSON object by name."
)
_EMPTY_MONTH = {"objects": dg.MetadataValue.int(0), "rows loaded": dg.MetadataValue.int(0)}
_LOAD_ID = dg.TableColumn("_load_id", "INTEGER", description="The load in raw.load_history that brought the row.")


def _metadata(report: LoadReport, load_id: int, rows_in_table: int) -> dict[str, dg.MetadataValue]:
    return {
        "dagster/row_count": dg.MetadataValue.int(rows_in_table),
        "rows loaded": dg.MetadataValue.int(report.rows_loaded),
        "rows rejected": dg.MetadataValue.int(report.rows_rejected),
        "objects": dg.MetadataValue.int(report.objects),
        "bytes": dg.MetadataValue.int(report.size_bytes),
        "seconds": dg.MetadataValue.float(round(report.seconds, 3)),
        LOAD_ID_METADATA: dg.MetadataValue.int(load_id),
        "first rejects": _rejects_table(report.rejects[:_REJECTS_SHOWN]),
        **({"notes": dg.MetadataValue.text("\n".join(report.notes))} if report.notes else {}),
        **{f"{step} query id": dg.MetadataValue.text(number) for step, number in report.statements.items()},
        **{f"{name} page": dg.MetadataValue.url(address) for name, address in report.pages.items()},
    }


def _rejects_table(rejects: Sequence[Reject]) -> dg.MetadataValue:
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord(
                {
                    "object": reject.object_key,
                    "line": reject.line,
                    "column": reject.column or "",
                    "reason": reject.reason,
                    "text": reject.text,
                }
            )
            for reject in rejects
        ],
        schema=dg.TableSchema(
            [
                dg.TableColumn("object"),
                dg.TableColumn("line", "int"),
                dg.TableColumn("column"),
                dg.TableColumn("reason"),
                dg.TableColumn("text"),
            ]
        ),
    )


def raw_table_checks(file: RawFile, target: Target) -> dg.AssetChecksDefinition:
    """The checks of one raw table: all is loaded, its books balance, nothing is in quarantine, its size is as usual."""
    key = dg.AssetKey(file.table_key)

    @dg.multi_asset_check(
        name=f"{file.table}_checks",
        specs=[
            dg.AssetCheckSpec(
                "books_balance",
                asset=key,
                blocking=True,
                description="Every object in the bucket is loaded, and every row read was loaded or rejected; "
                "the table holds exactly the rows that its loads report.",
            ),
            dg.AssetCheckSpec(
                "no_rejected_rows",
                asset=key,
                description="No row of the loads now in the table was set aside in `raw.rejected_rows`.",
            ),
            dg.AssetCheckSpec(
                "columns_as_expected",
                asset=key,
                description="No object in the table has columns that the catalogue does not know, which are kept in "
                f"`{EXTRA_COLUMN}`, or lacks one; only where columns are found by name (NETFLIX_HEADER_DRIFT).",
            ),
            dg.AssetCheckSpec(
                LOADS_ACCEPTED,
                asset=key,
                description="No file or month in the bucket is refused: what is waits until its objects change, and "
                "the table keeps the rows that it held.",
            ),
            dg.AssetCheckSpec(
                DID_NOT_SHRINK,
                asset=key,
                description="No load is held back because it would take away too large a share of the rows or keys: "
                "what is waits for a person (`accept_shrink` in the run's config) or for other objects.",
            ),
            dg.AssetCheckSpec(
                volume.NAME,
                asset=key,
                description=f"No month loaded last, and no load of a file, has over {volume.FACTOR:g} times or less "
                f"than 1/{volume.FACTOR:g} of the rows of the {volume.WINDOW} before it.",
            ),
        ],
        pool=warehouse_pool(target, file.table),
        # Before dbt's build where both could begin, so that the loader's warehouse need not wake again after it.
        op_tags={"dagster/priority": "1"},
        can_subset=True,
    )
    def _checks(
        context: dg.AssetCheckExecutionContext,
        bucket: dg.ResourceParam[LandingBucket],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> Iterable[dg.AssetCheckResult]:
        with warehouse.reading():
            states, rows = warehouse.load_states(file), warehouse.row_count(file)
            first, drift = warehouse.rejects(file, limit=_REJECTS_SHOWN), warehouse.column_drift(file)
        overview = overview_of(bucket.contents(file))
        selected = {check.name for check in context.selected_asset_check_keys}
        if "books_balance" in selected:
            yield books_balance(file, overview, states, rows)
        if "no_rejected_rows" in selected:
            yield no_rejected_rows(file, states, first)
        if "columns_as_expected" in selected:
            yield columns_as_expected(file, drift)
        if volume.NAME in selected:
            if file.month_column is None:
                volumes = volume.volumes_of_loads(file, volume.recorded_row_counts(context.instance, file))
            else:
                volumes = volume.volumes_of_months(file, states, _all_months(file)[-1])
            yield volume.volume_check(file, volumes)
        for check in failure_checks(file):
            if check.name in selected:
                recorded = recorded_failures(context.instance, check)
                yield failed_loads_result(check, still_failed(file, recorded, overview, states, warehouse.limits))

    return _checks


def books_balance(
    file: RawFile, overview: Overview, states: Mapping[str | None, LoadState], rows_in_table: int
) -> dg.AssetCheckResult:
    """Compare bucket, load history and table.

    Rows that do not add up are an error and stop what is downstream. Objects that arrived after the load
    are a warning: the next load brings them.
    """
    rows_reported = sum(load.rows_loaded for load in states.values())
    stale = out_of_date(file, overview.versions(file), states)
    unloaded = sorted(partition_key or "the file" for partition_key, changed in stale.items() if changed)
    adds_up = rows_in_table == rows_reported
    return dg.AssetCheckResult(
        check_name="books_balance",
        asset_key=dg.AssetKey(file.table_key),
        passed=adds_up and not unloaded,
        severity=dg.AssetCheckSeverity.WARN if adds_up else dg.AssetCheckSeverity.ERROR,
        metadata={
            "objects in the bucket": dg.MetadataValue.int(overview.all_of(file).objects),
            "objects loaded": dg.MetadataValue.int(sum(load.objects for load in states.values())),
            "changed since they were loaded": dg.MetadataValue.text(", ".join(unloaded[:50]) or "nothing"),
            "rows read": dg.MetadataValue.int(rows_reported + sum(load.rows_rejected for load in states.values())),
            "rows loaded": dg.MetadataValue.int(rows_reported),
            "rows rejected": dg.MetadataValue.int(sum(load.rows_rejected for load in states.values())),
            "rows in the table": dg.MetadataValue.int(rows_in_table),
        },
    )


def no_rejected_rows(
    file: RawFile, states: Mapping[str | None, LoadState], first: Sequence[Reject]
) -> dg.AssetCheckResult:
    """Show what is in quarantine."""
    rejected = sum(load.rows_rejected for load in states.values())
    return dg.AssetCheckResult(
        check_name="no_rejected_rows",
        asset_key=dg.AssetKey(file.table_key),
        passed=rejected == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"rows rejected": dg.MetadataValue.int(rejected), "first rejects": _rejects_table(first)},
    )


def columns_as_expected(file: RawFile, drift: Mapping[str, str]) -> dg.AssetCheckResult:
    """Name the columns that objects have beyond the catalogue's, or lack.

    Args:
        file: The file.
        drift: See `Warehouse.column_drift`.
    """
    objects: dict[str, list[str]] = defaultdict(list)
    for object_key, said in sorted(drift.items()):
        objects[said].append(object_key)
    lines = [
        f"- {said}: `{keys[0]}`" + (f" and {len(keys) - 1:,} more" if len(keys) > 1 else "")
        for said, keys in objects.items()
    ]
    return dg.AssetCheckResult(
        check_name="columns_as_expected",
        asset_key=dg.AssetKey(file.table_key),
        passed=not drift,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "objects with other columns": dg.MetadataValue.int(len(drift)),
            "columns": dg.MetadataValue.md("\n".join(lines[:_DRIFTS_SHOWN]) or "as expected"),
        },
    )


def books_assets(files: Sequence[RawFile], target: Target) -> list[dg.AssetSpec]:
    """The two tables that every load writes beside its own."""
    written_by = [dg.AssetKey(file.table_key) for file in files]
    descriptions = {
        "load_history": "One row for each object of each load: what was loaded, rejected, when, and by which run.",
        "rejected_rows": "The rows that the loads now in the raw tables set aside: object, line, column, reason, text.",
    }
    return [
        dg.AssetSpec(
            dg.AssetKey([RAW_SCHEMA, name]),
            deps=written_by,
            group_name=GROUP,
            owners=OWNERS,
            kinds={WAREHOUSE_KINDS[target]},
            description=description,
        )
        for name, description in descriptions.items()
    ]


def loading_definitions(target: Target, files: Sequence[RawFile] = RAW_FILES) -> dg.Definitions:
    """Raw tables, their checks, and their books."""
    return dg.Definitions(
        assets=[*(raw_table_asset(file, target) for file in files), *books_assets(files, target)],
        asset_checks=[raw_table_checks(file, target) for file in files],
    )
