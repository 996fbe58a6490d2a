"""The planner: from what bucket, warehouse and Dagster's records say to what to run next, or why nothing.

`plan_run` is pure, and the only one who decides: the sensor `arrivals` turns its answer into a run request, the
command line runs it and asks again, so that both end in the same state. Raw tables are compared with the bucket
through the load history, so that a load that failed, was killed or was rolled back is seen whatever Dagster
recorded; assets below them with their parents, through Dagster's records.

What did not work is of three kinds. Bad data waits for other objects (`landing.failed_loads`); what time may mend is
asked for again after a pause that grows; a model or test that fails waits for other data or code.

Dagster on the concept: https://docs.dagster.io/guides/automate/sensors
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster import AssetCheckKey, AssetKey

from netflix_assets.automation.records import Fault, PastRun
from netflix_assets.automation.situation import Situation
from netflix_assets.catalog import RAW_FILES, RawFile
from netflix_assets.landing.data_version import data_version
from netflix_assets.landing.failed_loads import FailedLoad, load_fingerprint
from netflix_assets.landing.overview import arrival_fingerprint
from netflix_assets.landing.source_assets import GROUP as LANDING
from netflix_assets.landing.whole_export import split_key
from netflix_assets.loading.warehouse import out_of_date
from netflix_assets.partitions import load_name, longest_stretch
from netflix_assets.transform.dbt_assets import PROJECT_VERSION

PLAN_TAG = "netflix/plan"
"""Tag of every run that follows a plan: the plan's key."""

LOAD_TAG = "netflix.load/"
"""Followed by the name of a file, tag of a run that loads it: the key of the load."""

SPLIT_TAG = "netflix.split/"
"""Followed by the name of a file, tag of a run that splits its whole export: the fingerprint of the export."""

MODELS = "the models"
"""What the assets below the raw tables are called among what waits."""

ALL_LOADS = "all"
"""Stands for every file among the names whose load may take away any share of the rows."""

LOST_AT_ONCE = 3
"""How often in a row a run that loses its process is tried without a pause."""

_NAMED_AT_MOST = 5
_FIRST_PAUSE = {Fault.OUTAGE: 30.0, Fault.LOST: 900.0}
_LONGEST_PAUSE = {Fault.OUTAGE: 1800.0, Fault.LOST: 21600.0}


@dataclass(frozen=True)
class Waiting:
    """Something that time may mend.

    Attributes:
        next_try: When it is asked for again, in seconds since 1970.
        why: What went wrong last, in a sentence.
    """

    next_try: float
    why: str


@dataclass(frozen=True)
class RunPlan:
    """What to run next, and what is left out and why.

    Attributes:
        key: Tells this plan from every other one, also from the same work asked for again.
        split: File whose whole export is to be split, in a run of its own; then nothing else is planned.
        tables: Raw tables to load.
        months: Of files that arrive by month, the first and last month of the longest stretch to load.
        other_months: Months to load outside that stretch.
        models: dbt assets to build, and the report.
        checks: Checks to run: those of the above, those without a result, and the unit tests that are due.
        force: Changed or not was not asked.
        accept_shrink: Tables that may lose any share of their rows, because a person said so.
        load_keys: Of each file to load, a key of its objects and of what the table held before.
        failed_loads: What is not loaded until its objects change, by name (`movies`, `ratings/2015-03`).
        waiting: What is asked for again later, by name.
        stale: Assets that are not what their objects, parents and code would make them, planned or not.
        notes: What a person should know before the run.
    """

    key: str
    split: RawFile | None = None
    tables: frozenset[AssetKey] = frozenset()
    months: tuple[str, str] | None = None
    other_months: frozenset[str] = frozenset()
    models: frozenset[AssetKey] = frozenset()
    checks: frozenset[AssetCheckKey] = frozenset()
    force: bool = False
    accept_shrink: frozenset[AssetKey] = frozenset()
    load_keys: Mapping[str, str] = field(default_factory=dict)
    failed_loads: Mapping[str, FailedLoad] = field(default_factory=dict)
    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    stale: frozenset[AssetKey] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def assets(self) -> frozenset[AssetKey]:
        """Everything to materialize."""
        return frozenset({split_key(self.split)}) if self.split else self.tables | self.models

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to run now."""
        return not self.assets and not self.checks

    def repeats(self, other: RunPlan) -> bool:
        """Whether what was just run is asked for again in the same way, and so would come to the same."""
        is_same = not self.tables and (self.assets, self.checks) == (other.assets, other.checks)
        return self.key == other.key or is_same

    @property
    def retry_at(self) -> float | None:
        """When the first of what waits is asked for again, in seconds since 1970."""
        return min((one.next_try for one in self.waiting.values()), default=None)

    @property
    def reason(self) -> str:
        """What the plan does, or why it does nothing, in a sentence for the tick."""
        if self.split is not None:
            return f"splitting the whole export of {self.split.name} into months"
        if not self.is_empty:
            loads = ", ".join(sorted(key.path[-1] for key in self.tables)) or "no table"
            return f"loading {loads} and building {len(self.models)} models below"
        if not self.not_loaded:
            return "everything in the bucket is loaded"
        return f"everything in the bucket is loaded but {self.not_loaded}"

    @property
    def not_loaded(self) -> str:
        """What is refused and what waits, for a sentence; empty if nothing is or does."""
        parts = []
        if self.failed_loads:
            parts.append(
                f"{named(self.failed_loads)}, whose load failed (see the checks of its table); "
                "it is tried again when its objects change"
            )
        parts += [
            f"{name}, which waits, next try at {_clock(one.next_try)}: {one.why}"
            for name, one in sorted(self.waiting.items())
        ]
        return "; and ".join(parts)


def named(names: Collection[str]) -> str:
    """Return the first of some names in a list for a sentence, and how many there are beside them."""
    first = sorted(names)[:_NAMED_AT_MOST]
    return ", ".join(first) + (f" and {len(names) - len(first):,} more" if len(names) > len(first) else "")


def _clock(moment: float) -> str:
    return dt.datetime.fromtimestamp(moment, dt.timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def plan_run(
    graph: dg.AssetGraph,
    situation: Situation,
    *,
    asked_at: float | None = None,
    force: bool = False,
    accept: Collection[str] = (),
    files: Sequence[RawFile] = RAW_FILES,
) -> RunPlan:
    """Return what to run next.

    Args:
        graph: The assets.
        situation: See there.
        asked_at: When a person asked, in seconds since 1970: what failed before is tried at once, what failed since
            is not, and models are built whatever made them stale. None for the sensor: models that have nothing to
            do with an arrival are the business of the conditions.
        force: Load and build all, changed or not.
        accept: Files and months, by name, whose load may take away any share of the rows.
        files: The catalogue.
    """
    planner = _Planner(graph, situation, asked_at, force, frozenset(accept), files)
    return planner.plan()


@dataclass
class _Planner:
    graph: dg.AssetGraph
    situation: Situation
    asked_at: float | None
    force: bool
    accept: frozenset[str]
    files: Sequence[RawFile]
    failed: dict[str, FailedLoad] = field(default_factory=dict)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    load_keys: dict[str, str] = field(default_factory=dict)
    accepted: set[AssetKey] = field(default_factory=set)
    months: set[str] = field(default_factory=set)
    stale_tables: set[AssetKey] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)

    def plan(self) -> RunPlan:
        for file in self.files:
            if self._split_is_due(file):
                return RunPlan(
                    key=_hash(["split", file.name, self._export(file).objects, *self.tried]),
                    split=file,
                    load_keys={file.name: self._export(file).objects},
                    failed_loads=self.failed,
                    waiting=self.waiting,
                )
        tables = {AssetKey(file.table_key) for file in self.files if self._load_is_due(file)}
        stale = _stale_models(self.graph, self.situation, tables, force=self.force)
        checks = self._checks(tables | stale)
        models = stale
        if not tables and (stale or checks) and not self._models_are_due():
            models, checks = set(), set()
        stretch = longest_stretch(self.months)
        return RunPlan(
            key=_hash([*self.load_keys.values(), *self.tried] if tables else ["models", *self.tried]),
            tables=frozenset(tables),
            months=(stretch[0], stretch[-1]) if stretch else None,
            other_months=frozenset(self.months.difference(stretch)),
            models=frozenset(models),
            checks=frozenset(checks),
            force=self.force,
            accept_shrink=frozenset(self.accepted & tables),
            load_keys=self.load_keys,
            failed_loads=self.failed,
            waiting=self.waiting,
            stale=frozenset(self.stale_tables | tables | stale),
            notes=tuple(_notes(self.graph, self.situation, stale)),
        )

    # Whole exports.

    def _export(self, file: RawFile) -> FailedLoad:
        """Return the fingerprint of a file's whole export, as it is remembered when it cannot be split."""
        exports = self.situation.bucket.whole_exports.get(file.name, ())
        return FailedLoad(load_fingerprint(arrival_fingerprint(exports), self.situation.limits), "")

    def _split_is_due(self, file: RawFile) -> bool:
        exports = self.situation.bucket.whole_exports.get(file.name, ())
        done = self.situation.split.get(file.name)
        if done == data_version(exports):
            return False
        # An export that was split and is gone takes its months with it.
        if not exports and (done is None or file.name not in self.situation.bucket.cut):
            return False
        name = exports[0].key if exports else file.object_key()
        objects = self._export(file).objects
        known = self.situation.failed_loads.get(name)
        if known is not None and known.objects == objects and not self.force:
            self.failed[name] = known
            return False
        step = split_key(file).to_python_identifier()
        return self._is_to_be_tried(name, f"{SPLIT_TAG}{file.name}", objects, step)

    # Loads.

    def _load_is_due(self, file: RawFile) -> bool:
        """Note what of a file is to be loaded, what is refused and what waits; whether anything is to be loaded."""
        table = AssetKey(file.table_key)
        bucket, loaded = self.situation.bucket, self.situation.loaded.get(file.name, {})
        changed = out_of_date(file, bucket.versions(file), loaded)
        due: dict[str | None, str] = {
            key: load_name(file, key) for key, is_changed in changed.items() if is_changed or self.force
        }
        if due:
            self.stale_tables.add(table)
        due |= {key: load_name(file, key) for key in self._unrecorded(file)}
        limits = self.situation.limits
        objects = {name: load_fingerprint(bucket.of(file, key).fingerprint, limits) for key, name in due.items()}
        for key, name in list(due.items()):
            known = self.situation.failed_loads.get(name)
            if self.situation.is_agreed(file, key):
                # Another try of the same objects, so that the one that was held back does not count.
                objects[name] += " agreed"
                continue
            if known is None or known.objects != objects[name] or self.force or self._is_accepted(file, name):
                continue
            self.failed[name] = known
            del due[key]
        refused = len(objects) > len(due)
        # What a person lets through by the month is a load of its own: the others of the file are not let through.
        by_month: dict[str | None, str] = {
            key: name for key, name in due.items() if name in self.accept and key is not None
        }
        due = by_month or due
        if by_month or self.accept & {ALL_LOADS, file.name}:
            self.accepted.add(table)
        absent = ("raw", file.table) not in self.situation.relations
        if not due and (refused or not (absent or table not in self.situation.records.materialized)):
            return False
        parts = [f"{name} {objects[name]} {loaded[key].load_id if key in loaded else 0}" for key, name in due.items()]
        newest = str(self.situation.records.materialized.get(table, 0))
        load_key = _hash([file.name, newest, *parts])
        step = table.to_python_identifier()
        if not self._is_to_be_tried(file.name, f"{LOAD_TAG}{file.name}", load_key, step):
            return False
        self.load_keys[file.name] = load_key
        if file.month_column is not None:
            # Where there is no month at all, any will do: the load then only creates the table.
            self.months |= {key for key in due or changed if key is not None} or {file.partition_by.first}
        return True

    def _unrecorded(self, file: RawFile) -> Collection[str | None]:
        """Return what the table holds that Dagster does not know of: its run ended between commit and record.

        What is below is compared with Dagster's records, so it would never follow. The run that is planned for it
        loads nothing and records it.
        """
        recorded = self.situation.records.load_ids.get(AssetKey(file.table_key), 0)
        states = self.situation.loaded.get(file.name, {})
        # Numbers below the one recorded are of another warehouse than that which Dagster recorded.
        is_another = max((state.load_id for state in states.values()), default=recorded) < recorded
        return {key for key, state in states.items() if is_another or state.load_id > recorded}

    def _is_accepted(self, file: RawFile, name: str) -> bool:
        return bool(self.accept & {ALL_LOADS, file.name, name})

    def _is_to_be_tried(self, name: str, tag: str, key: str, step: str) -> bool:
        """Whether to ask for this work now, from how the runs went that were to do the same."""
        tries = [run for run in self.situation.past if run.tags.get(tag) == key]
        if not tries:
            return True
        newest = tries[0]
        fault = newest.faults.get(step) or newest.fault or Fault.LOST
        if self.asked_at is not None and newest.ended_at < self.asked_at:
            self.tried.add(newest.run_id)
            return True
        if fault in (Fault.BAD_DATA, Fault.BUILD, Fault.STOPPED):
            why = newest.texts.get(step) or "a person terminated its run"
            self.failed[name] = FailedLoad(key, why)
            return False
        return self._is_time(name, fault, len(tries), newest, newest.texts.get(step))

    def _is_time(self, name: str, fault: Fault, tries: int, newest: PastRun, text: str | None) -> bool:
        """Whether the pause after a fault that time may mend is over; notes what waits if it is not."""
        next_try = newest.ended_at + pause(fault, tries)
        if self.asked_at is None and next_try <= self.situation.now:
            self.tried.add(newest.run_id)
            return True
        why = text or f"the process of run {newest.run_id[:8]} was killed"
        self.waiting[name] = Waiting(next_try, why)
        return False

    # What is below.

    def _checks(self, assets: Collection[AssetKey]) -> set[AssetCheckKey]:
        """Return the checks of these assets, those whose asset is not built without a result, and unit tests due."""
        records, due = self.situation.records, set()
        for check in self.graph.asset_check_keys:
            node = self.graph.get(check)
            if PROJECT_VERSION in node.metadata:
                tested = records.project_versions.get(check) == node.metadata[PROJECT_VERSION]
                if self.force or not tested or records.outcomes.get(check) not in ("passed", "warned"):
                    due.add(check)
            elif check.asset_key in assets or (_is_below(self.graph, check.asset_key) and records.is_pending(check)):
                due.add(check)
        return due

    def _models_are_due(self) -> bool:
        """Whether to build models, or run checks, though there is nothing to load: when the last run could not."""
        newest = next((run for run in self.situation.past if self._builds(run)), None)
        if newest is not None:
            self.tried.add(newest.run_id)
        if newest is None:
            return self.asked_at is not None
        faults = {newest.fault, *newest.faults.values()} - {None}
        # What is stale after a run that succeeded, another has loaded meanwhile: a person wants it built as well.
        if self.asked_at is not None and (newest.ended_at < self.asked_at or not faults):
            return True
        if Fault.BAD_DATA in faults or self._only_loads_failed(newest):
            return True
        for fault in (Fault.LOST, Fault.OUTAGE):
            if fault in faults:
                text = next(iter(newest.texts.values()), None)
                return self._is_time(MODELS, fault, self._in_a_row(fault), newest, text)
        return False

    def _only_loads_failed(self, run: PastRun) -> bool:
        """Whether a run did not come to what is below because of loads, and that can be built from what tables hold."""
        loads = {AssetKey(file.table_key).to_python_identifier() for file in self.files}
        there = all(("raw", file.table) in self.situation.relations for file in self.files)
        return there and bool(run.faults) and run.faults.keys() <= loads

    def _builds(self, run: PastRun) -> bool:
        """Whether a run was to load or build something; runs that only split, observe or check the sources do not."""
        if any(tag.startswith(SPLIT_TAG) for tag in run.tags):
            return False
        return PLAN_TAG in run.tags or any(_is_below(self.graph, key) for key in run.selected)

    def _in_a_row(self, fault: Fault) -> int:
        count = 0
        for run in self.situation.past:
            if not self._builds(run):
                continue
            if fault not in {run.fault, *run.faults.values()}:
                break
            count += 1
        return count


def pause(fault: Fault, tries: int) -> float:
    """Return how long to wait after a number of tries that ended with a fault, in seconds; it doubles up to a limit."""
    if fault is Fault.LOST:
        tries -= LOST_AT_ONCE - 1
    return min(_FIRST_PAUSE[fault] * 2.0 ** (tries - 1), _LONGEST_PAUSE[fault]) if tries > 0 else 0.0


def _is_below(graph: dg.AssetGraph, key: AssetKey) -> bool:
    """Whether an asset is one that we make in the warehouse, or from it."""
    if not graph.has(key):
        return False
    node = graph.get(key)
    return bool(node.is_materializable) and node.group_name != LANDING


def _stale_models(
    graph: dg.AssetGraph, situation: Situation, tables: Collection[AssetKey], *, force: bool
) -> set[AssetKey]:
    """Return the assets below the raw tables that are missing, failed, made from other code, or older than a parent."""
    records = situation.records
    raw = {AssetKey(file.table_key) for file in RAW_FILES}
    failed = {key.asset_key for key, outcome in records.outcomes.items() if outcome == "failed"}
    stale: set[AssetKey] = set()
    for key in graph.toposorted_asset_keys:
        node = graph.get(key)
        if key in raw or not _is_below(graph, key):
            continue
        own = records.materialized.get(key)
        if (
            force
            or own is None
            or key in failed
            or records.code_versions.get(key) != (node.code_version or "")
            or relation_of(node) not in situation.relations
            or any(
                parent in stale or parent in tables or records.materialized.get(parent, 0) > own
                for parent in node.parent_keys
            )
        ):
            stale.add(key)
    return stale


def _notes(graph: dg.AssetGraph, situation: Situation, stale: Collection[AssetKey]) -> Iterator[str]:
    lost = [
        key.path[-1]
        for key in sorted(stale)
        if graph.get(key).group_name == "snapshots"
        and key in situation.records.materialized
        and relation_of(graph.get(key)) not in situation.relations
    ]
    if lost:
        yield (
            f"the warehouse no longer holds {' and '.join(lost)}, which were built before: everything is built again "
            "from the bucket, but the history in the snapshots starts anew"
        )


def relation_of(node: Any) -> tuple[str, str]:
    """Return schema and name of the table or view that an asset is; of one that is neither, its key."""
    schema, name = str(node.metadata.get("dagster/table_name", ".".join(node.key.path))).split(".")[-2:]
    return schema, name


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()[:20]
