"""All that a plan is made from, read once: bucket, warehouse, Dagster's records, what failed before, the clock."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from netflix_assets.automation.records import PastRun, Records
from netflix_assets.catalog import RAW_FILES, RawFile
from netflix_assets.landing.failed_loads import (
    DID_NOT_SHRINK,
    FailedLoad,
    failed_loads_evaluation,
    recorded_failures,
)
from netflix_assets.landing.last_upload import Agreement
from netflix_assets.landing.overview import Overview
from netflix_assets.landing.source_assets import DATA_VERSION_TAG
from netflix_assets.landing.whole_export import nothing_to_split, split_check, split_key, still_refused
from netflix_assets.loading.raw_assets import failure_checks, still_failed
from netflix_assets.loading.warehouse import LoadState, Warehouse
from netflix_assets.partitions import load_name
from netflix_assets.reporting.store import ReportStore


@dataclass(frozen=True)
class Situation:
    """Everything that a plan is made from.

    Attributes:
        bucket: The bucket.
        loaded: What each raw file's table holds, by file name and partition key.
        relations: Schema and name of every table and view in the warehouse, and of the report if there is one.
        records: What Dagster recorded of assets and checks.
        failures: What each check says is not loaded, by name.
        split: Of each file whose whole export was split, the data version of that export.
        past: Runs that have ended, newest first.
        now: Seconds since 1970.
        limits: The limits by which loads are judged, see `Warehouse.limits`.
        agreement: What a person agreed to by `upload --replace`.
    """

    bucket: Overview
    loaded: Mapping[str, Mapping[str | None, LoadState]]
    relations: Collection[tuple[str, str]]
    records: Records
    failures: Mapping[dg.AssetCheckKey, Mapping[str, FailedLoad]] = field(default_factory=dict)
    split: Mapping[str, str] = field(default_factory=dict)
    past: Sequence[PastRun] = ()
    now: float = 0.0
    limits: str = ""
    agreement: Agreement = field(default_factory=Agreement)

    def is_agreed(self, file: RawFile, partition_key: str | None) -> bool:
        """Whether a load of the objects that are there is held back, and a person has agreed to it meanwhile."""
        name = load_name(file, partition_key)
        held_back = self.failures.get(dg.AssetCheckKey(dg.AssetKey(file.table_key), DID_NOT_SHRINK), {})
        state = self.loaded.get(file.name, {}).get(partition_key)
        version, loaded_at = self.bucket.of(file, partition_key).version, state.loaded_at if state else None
        return name in held_back and self.agreement.covers(name, version, loaded_at)

    @property
    def failed_loads(self) -> dict[str, FailedLoad]:
        """What is not loaded, by name, whichever check says so."""
        return {name: one for failed in self.failures.values() for name, one in failed.items()}

    @classmethod
    def read(
        cls,
        instance: dg.DagsterInstance,
        graph: dg.AssetGraph,
        bucket: Overview,
        warehouse: Warehouse,
        store: ReportStore,
        *,
        agreement: Agreement,
    ) -> Situation:
        """Read everything but the bucket.

        Args:
            instance: Where runs are recorded.
            graph: The assets.
            bucket: As it is now.
            warehouse: Asked what it holds.
            store: Asked whether there is a report.
            agreement: See the attribute.

        Raises:
            WarehouseError: It cannot be read now.
        """
        split = {}
        for file in RAW_FILES:
            if file.month_column is None:
                continue
            newest = instance.get_latest_materialization_event(split_key(file))
            made = newest.asset_materialization if newest else None
            if made is not None and made.tags:
                split[file.name] = made.tags.get(DATA_VERSION_TAG, "")
        holdings = warehouse.holdings(RAW_FILES)
        return cls(
            bucket=bucket,
            loaded=holdings.states,
            relations={*holdings.relations, *({("reporting", "report")} if store.exists() else ())},
            records=Records.read(instance, graph),
            failures={check: recorded_failures(instance, check) for check in _checks_of_failures()},
            split=split,
            past=PastRun.read(instance),
            now=time.time(),
            limits=warehouse.limits,
            agreement=agreement,
        )


def missing_records(situation: Situation) -> list[dg.AssetMaterialization | dg.AssetCheckEvaluation]:
    """Return what Dagster should be told of a situation before anything is run.

    New results for the checks that name failures which no longer hold, because their objects changed; and of files
    that never had a whole export, that there is nothing to split.
    """
    bucket, events = situation.bucket, list[dg.AssetMaterialization | dg.AssetCheckEvaluation]()
    for check, file in _checks_of_failures().items():
        known = situation.failures.get(check, {})
        if check == split_check(file):
            still = still_refused(known, bucket.whole_exports.get(file.name, ()), situation.limits)
        else:
            still = still_failed(file, known, bucket, situation.loaded[file.name], situation.limits)
        if known != still:
            events.append(failed_loads_evaluation(check, still))
    for file in RAW_FILES:
        if file.month_column and file.name not in situation.split and not bucket.whole_exports.get(file.name):
            events += nothing_to_split(file)
    return events


def _checks_of_failures() -> dict[dg.AssetCheckKey, RawFile]:
    of_tables = {check: file for file in RAW_FILES for check in failure_checks(file)}
    return of_tables | {split_check(file): file for file in RAW_FILES if file.month_column}
