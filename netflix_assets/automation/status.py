"""The state of every table, read without running anything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass

import dagster as dg
from dagster import AssetKey

from netflix_assets.automation.run_plan import RunPlan, plan_run, relation_of
from netflix_assets.automation.situation import Situation
from netflix_assets.catalog import RAW_FILES
from netflix_assets.landing import last_upload
from netflix_assets.landing.bucket import Contents, LandingBucket
from netflix_assets.landing.overview import overview_of
from netflix_assets.loading.warehouse import Warehouse
from netflix_assets.reporting.store import ReportStore
from netflix_assets.transform.dbt_assets import PROJECT_VERSION

LAYERS = ("raw", "staging", "dim", "fact", "mart", "snapshots", "seeds", "reporting")


@dataclass(frozen=True)
class TableStatus:
    """One table or view.

    Attributes:
        layer: Asset group.
        table: Name.
        rows: Rows it holds, or None if it does not exist.
        rejected: Rows set aside when it was loaded; None below raw.
        seconds: What the newest load or build of it took.
        made_at: When that was, ISO 8601 UTC.
        up_to_date: It is what the bucket, its parents and its code would make it.
        checks_passed: Checks whose newest evaluation passed.
        checks_warned: Checks whose newest evaluation is a warning.
        checks_failed: Checks whose newest evaluation failed.
        checks_pending: Checks without a result for what was made last.
        warned: Names of the checks that warn.
        failed: Names of the checks that failed.
    """

    layer: str
    table: str
    rows: int | None
    rejected: int | None
    seconds: float | None
    made_at: str | None
    up_to_date: bool
    checks_passed: int
    checks_warned: int
    checks_failed: int
    checks_pending: int
    warned: tuple[str, ...]
    failed: tuple[str, ...]


@dataclass(frozen=True)
class Status:
    """The state of the pipeline.

    Attributes:
        tables: In the order of the layers.
        missing_files: Object keys of raw files that are not in the bucket; their tables are empty.
        unknown_objects: Keys under `raw/` that nothing loads.
        failed_loads: What is refused until its objects change, and why, by name (`movies`, `ratings/2015-03`).
        waiting: What failed and may pass with time, and why, by name.
        notes: What else a person should know.
        uploads: The sources of what the bucket holds, and when they were put; empty if no upload put it.
    """

    tables: tuple[TableStatus, ...]
    missing_files: tuple[str, ...]
    unknown_objects: tuple[str, ...]
    failed_loads: dict[str, str]
    waiting: dict[str, str]
    notes: tuple[str, ...]
    uploads: str = ""

    @property
    def failed(self) -> bool:
        """Whether any check failed."""
        return any(table.checks_failed for table in self.tables)

    def as_json(self) -> dict[str, object]:
        """The same as plain data."""
        return asdict(self)


def read_status(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    bucket: LandingBucket,
    warehouse: Warehouse,
    *,
    counted: Collection[AssetKey] | None = None,
) -> Status:
    """Look at bucket, warehouse and Dagster's records.

    Args:
        defs: The assets.
        instance: Where Dagster recorded what became of them.
        bucket: The raw files.
        warehouse: The tables.
        counted: Assets to count the rows of; without it, all. Views of big tables take seconds to count.
    """
    contents = bucket.contents()
    graph = defs.resolve_asset_graph()
    of = None if counted is None else {relation_of(graph.get(key)) for key in counted if graph.has(key)}
    rows = warehouse.row_counts(of)
    store: ReportStore = (defs.resources or {})["report_store"].outside_of_runs()
    agreement = last_upload.read_agreement(bucket)
    situation = Situation.read(instance, graph, overview_of(contents), warehouse, store, agreement=agreement)
    plan = plan_run(graph, situation)
    tables = [
        _table(graph, key, situation, plan, rows)
        for key in graph.toposorted_asset_keys
        if graph.get(key).is_materializable and graph.get(key).group_name in LAYERS
    ]
    return Status(
        tables=tuple(sorted(tables, key=lambda table: LAYERS.index(table.layer))),
        missing_files=missing_files(contents),
        unknown_objects=tuple(version.key for version in (*contents.unknown, *contents.superseded)),
        failed_loads={name: one.why for name, one in sorted(plan.failed_loads.items())},
        waiting={name: one.why for name, one in sorted(plan.waiting.items())},
        notes=plan.notes,
        uploads=last_upload.told(last_upload.read(bucket)),
    )


def missing_files(contents: Contents) -> tuple[str, ...]:
    """Raw files of which the bucket holds nothing, as the key one would upload."""
    return tuple(
        file.object_key(file.partition_by.pattern if file.month_column else None)
        for file in RAW_FILES
        if not contents.all_of(file)
    )


def _table(
    graph: dg.AssetGraph,
    key: AssetKey,
    situation: Situation,
    plan: RunPlan,
    rows: Mapping[tuple[str, str], int],
) -> TableStatus:
    node, records = graph.get(key), situation.records
    file = next((file for file in RAW_FILES if key == AssetKey(file.table_key)), None)
    # Unit tests are of the code, and hold for every build of it.
    of_builds = {check for check in node.check_keys if PROJECT_VERSION not in graph.get(check).metadata}
    pending = {check for check in of_builds if records.is_pending(check)}
    outcomes = {
        check: records.outcomes[check]
        for check in sorted(node.check_keys)
        if check in records.outcomes and check not in pending
    }
    warned = tuple(check.name for check, outcome in outcomes.items() if outcome == "warned")
    failed = tuple(check.name for check, outcome in outcomes.items() if outcome == "failed")
    made_at = records.made_at.get(key)
    return TableStatus(
        layer=node.group_name,
        table=key.path[-1],
        rows=rows.get(relation_of(node)),
        rejected=sum(load.rows_rejected for load in situation.loaded[file.name].values()) if file else None,
        seconds=records.seconds.get(key),
        made_at=dt.datetime.fromtimestamp(made_at, dt.timezone.utc).isoformat(timespec="seconds") if made_at else None,
        up_to_date=key not in plan.stale,
        checks_passed=len(outcomes) - len(warned) - len(failed),
        checks_warned=len(warned),
        checks_failed=len(failed),
        checks_pending=len(pending),
        warned=warned,
        failed=failed,
    )
