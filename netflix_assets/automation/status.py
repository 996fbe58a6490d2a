"""The state of every table, read without running anything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import dagster as dg
from dagster import AssetKey

from netflix_assets.automation.materialize import relations
from netflix_assets.automation.staleness import Records, Work, find_work, relation_of
from netflix_assets.catalog import RAW_FILES
from netflix_assets.landing.bucket import Contents, LandingBucket
from netflix_assets.loading.warehouse import LoadState, Warehouse
from netflix_assets.reporting.store import ReportStore

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
        fresh: It is what the bucket, its parents and its code would make it.
        checks_passed: Checks whose newest evaluation passed.
        checks_warned: Checks whose newest evaluation is a warning.
        checks_failed: Checks whose newest evaluation failed.
    """

    layer: str
    table: str
    rows: int | None
    rejected: int | None
    seconds: float | None
    made_at: str | None
    fresh: bool
    checks_passed: int
    checks_warned: int
    checks_failed: int


@dataclass(frozen=True)
class Status:
    """The state of the pipeline.

    Attributes:
        tables: In the order of the layers.
        missing_files: Object keys of raw files that are not in the bucket; their tables are empty.
        unknown_objects: Keys under `raw/` that nothing loads.
    """

    tables: tuple[TableStatus, ...]
    missing_files: tuple[str, ...]
    unknown_objects: tuple[str, ...]

    @property
    def failed(self) -> bool:
        """Whether any check failed."""
        return any(table.checks_failed for table in self.tables)

    def as_json(self) -> dict[str, object]:
        """The same as plain data."""
        return asdict(self)


def read_status(
    defs: dg.Definitions, instance: dg.DagsterInstance, bucket: LandingBucket, warehouse: Warehouse
) -> Status:
    """Look at bucket, warehouse and Dagster's records."""
    contents = bucket.contents()
    graph = defs.resolve_asset_graph()
    states = {file.name: warehouse.load_states(file) for file in RAW_FILES}
    rows = warehouse.row_counts()
    records = Records.read(instance, graph)
    store: ReportStore = (defs.resources or {})["report_store"]
    work = find_work(graph, records, contents, states, relations(rows, store))
    tables = [
        _table(graph, key, records, work, states, rows)
        for key in graph.toposorted_asset_keys
        if graph.get(key).is_materializable and graph.get(key).group_name in LAYERS
    ]
    return Status(
        tables=tuple(sorted(tables, key=lambda table: LAYERS.index(table.layer))),
        missing_files=missing_files(contents),
        unknown_objects=tuple(version.key for version in (*contents.unknown, *contents.superseded)),
    )


def missing_files(contents: Contents) -> tuple[str, ...]:
    """Raw files of which the bucket holds nothing, as the key one would upload."""
    return tuple(
        file.object_key("YYYY-MM" if file.month_column else None) for file in RAW_FILES if not contents.all_of(file)
    )


def _table(
    graph: dg.AssetGraph,
    key: AssetKey,
    records: Records,
    work: Work,
    states: Mapping[str, Mapping[str | None, LoadState]],
    rows: Mapping[tuple[str, str], int],
) -> TableStatus:
    node = graph.get(key)
    file = next((file for file in RAW_FILES if key == AssetKey(file.table_key)), None)
    outcomes = [records.outcomes[check] for check in node.check_keys if check in records.outcomes]
    made_at = records.made_at.get(key)
    return TableStatus(
        layer=node.group_name,
        table=key.path[-1],
        rows=rows.get(relation_of(node)),
        rejected=sum(load.rows_rejected for load in states[file.name].values()) if file else None,
        seconds=records.seconds.get(key),
        made_at=dt.datetime.fromtimestamp(made_at, dt.timezone.utc).isoformat(timespec="seconds") if made_at else None,
        fresh=key not in work.assets,
        checks_passed=outcomes.count("passed"),
        checks_warned=outcomes.count("warned"),
        checks_failed=outcomes.count("failed"),
    )
