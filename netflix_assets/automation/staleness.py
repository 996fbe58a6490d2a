"""What is out of date: which raw files or months to load, which dbt assets to build.

Raw tables are compared with the bucket through the load history, so that a load that failed, was killed
or was rolled back is seen whatever Dagster recorded. Assets below them are compared with their parents
through Dagster's record of what was materialized when, from which code.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster import AssetCheckKey, AssetKey

from netflix_assets.catalog import FIRST_MONTH, RAW_FILES, RawFile
from netflix_assets.landing.bucket import Contents
from netflix_assets.landing.source_assets import GROUP as LANDING
from netflix_assets.loading.raw_assets import observed_objects
from netflix_assets.loading.warehouse import LoadState, out_of_date
from netflix_assets.partitions import load_name, longest_stretch
from netflix_assets.transform.dbt_assets import PROJECT_VERSION

CODE_VERSION_TAG = "dagster/code_version"
SECONDS_METADATA = ("seconds", "Execution Duration")
"""Under which our loads and dagster-dbt's events record how long they took."""


@dataclass(frozen=True)
class Work:
    """What a run should do.

    Attributes:
        tables: Raw tables to load.
        months: Of files that arrive by month, the first and last month of the longest stretch to load.
        other_months: Months to load outside that stretch.
        models: dbt assets to build, and the report.
        checks: Checks to run: those of the above, and the unit tests that are due.
        everything: Changed or not was not asked.
    """

    tables: frozenset[AssetKey]
    months: tuple[str, str] | None
    models: frozenset[AssetKey]
    checks: frozenset[AssetCheckKey]
    everything: bool = False
    other_months: frozenset[str] = frozenset()

    @property
    def assets(self) -> frozenset[AssetKey]:
        """Everything to materialize."""
        return self.tables | self.models


@dataclass(frozen=True)
class Records:
    """What Dagster recorded of assets and checks.

    Attributes:
        materialized: Storage id (grows with time) of each asset's newest materialization.
        made_at: When that was, in seconds since 1970.
        seconds: What it took.
        code_versions: The code version it was made from.
        outcomes: The newest evaluation of each check: "passed", "warned" or "failed".
        project_versions: Of unit tests, the version of the dbt project that was tested.
    """

    materialized: dict[AssetKey, int] = field(default_factory=dict)
    made_at: dict[AssetKey, float] = field(default_factory=dict)
    seconds: dict[AssetKey, float] = field(default_factory=dict)
    code_versions: dict[AssetKey, str] = field(default_factory=dict)
    outcomes: dict[AssetCheckKey, str] = field(default_factory=dict)
    project_versions: dict[AssetCheckKey, str] = field(default_factory=dict)

    @classmethod
    def read(cls, instance: dg.DagsterInstance, graph: dg.AssetGraph) -> Records:
        """Read them all in two queries."""
        records = cls()
        for record in instance.get_asset_records(list(graph.materializable_asset_keys)):
            records._add_materialization(record.asset_entry)
        executions = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(graph.asset_check_keys))
        for key, execution in executions.items():
            records._add_check(key, execution)
        return records

    def _add_materialization(self, entry: Any) -> None:
        newest = entry.last_materialization_record
        if newest is None:
            return
        materialization = newest.asset_materialization
        self.materialized[entry.asset_key] = newest.storage_id
        self.made_at[entry.asset_key] = newest.timestamp
        self.code_versions[entry.asset_key] = (materialization.tags or {}).get(CODE_VERSION_TAG, "")
        for name in SECONDS_METADATA:
            if name in materialization.metadata:
                self.seconds[entry.asset_key] = float(materialization.metadata[name].value)

    def _add_check(self, key: AssetCheckKey, execution: Any) -> None:
        event = execution.event.dagster_event if execution.event else None
        if event is None or event.event_type is not dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            return
        evaluation = event.asset_check_evaluation_data
        warned = evaluation.severity is dg.AssetCheckSeverity.WARN
        self.outcomes[key] = "passed" if evaluation.passed else "warned" if warned else "failed"
        if PROJECT_VERSION in evaluation.metadata:
            self.project_versions[key] = str(evaluation.metadata[PROJECT_VERSION].value)


def find_work(
    graph: dg.AssetGraph,
    records: Records,
    contents: Contents,
    states: Mapping[str, Mapping[str | None, LoadState]],
    relations: Collection[tuple[str, str]],
    *,
    everything: bool = False,
    leave_out: Collection[str] = (),
    files: Sequence[RawFile] = RAW_FILES,
) -> Work:
    """Compare bucket, warehouse and records.

    Args:
        graph: The assets.
        records: What Dagster recorded.
        contents: The bucket now.
        states: What each raw file's table holds, by file name.
        relations: Schema and name of every table and view in the warehouse, and of the report if there is one.
        everything: Load and build all, changed or not.
        leave_out: Files (`movies`) and months (`ratings/2015-03`) not to load, see `load_name`.
        files: The catalogue.
    """
    tables: set[AssetKey] = set()
    months: set[str] = set()
    for file in files:
        if file.name in leave_out:
            continue
        parts = observed_objects(file, contents)
        stale = out_of_date(file, parts, states.get(file.name, {}))
        partition_keys = {partition_key for partition_key, changed in stale.items() if changed or everything}
        refused = {partition_key for partition_key in partition_keys if load_name(file, partition_key) in leave_out}
        partition_keys -= refused
        if refused and not partition_keys:
            continue
        missing = ("raw", file.table) not in relations
        never = AssetKey(file.table_key) not in records.materialized
        if not (partition_keys or missing or never):
            continue
        if file.month_column is not None:
            # Where there is no month at all, any will do: the load then only creates the table.
            months |= {partition_key for partition_key in partition_keys or stale if partition_key is not None} or {
                FIRST_MONTH
            }
        tables.add(AssetKey(file.table_key))
    stretch = longest_stretch(months)
    models = _models_to_build(graph, records, tables, relations, everything=everything)
    tests = {key for key in graph.asset_check_keys if PROJECT_VERSION in graph.get(key).metadata}
    checks = {key for key in graph.asset_check_keys - tests if key.asset_key in tables | models}
    checks |= {
        key
        for key in tests
        if everything
        or records.outcomes.get(key) not in ("passed", "warned")
        or records.project_versions.get(key) != graph.get(key).metadata[PROJECT_VERSION]
    }
    return Work(
        tables=frozenset(tables),
        months=(stretch[0], stretch[-1]) if stretch else None,
        models=frozenset(models),
        checks=frozenset(checks),
        everything=everything,
        other_months=frozenset(months.difference(stretch)),
    )


def _models_to_build(
    graph: dg.AssetGraph,
    records: Records,
    tables: Collection[AssetKey],
    relations: Collection[tuple[str, str]],
    *,
    everything: bool,
) -> set[AssetKey]:
    """The assets below the raw tables that are missing, failed, made from other code, or older than a parent."""
    raw = {AssetKey(file.table_key) for file in RAW_FILES}
    failed = {key.asset_key for key, outcome in records.outcomes.items() if outcome == "failed"}
    stale: set[AssetKey] = set()
    for key in graph.toposorted_asset_keys:
        node = graph.get(key)
        if key in raw or node.group_name == LANDING or not node.is_materializable:
            continue
        own = records.materialized.get(key)
        if (
            everything
            or own is None
            or key in failed
            or records.code_versions.get(key) != (node.code_version or "")
            or relation_of(node) not in relations
            or any(
                parent in stale or parent in tables or records.materialized.get(parent, 0) > own
                for parent in node.parent_keys
            )
        ):
            stale.add(key)
    return stale


def relation_of(node: Any) -> tuple[str, str]:
    """Schema and name of the table or view that an asset is; of one that is neither, its key."""
    schema, name = str(node.metadata.get("dagster/table_name", ".".join(node.key.path))).split(".")[-2:]
    return schema, name
