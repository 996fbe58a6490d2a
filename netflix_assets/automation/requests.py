"""What to run for an arrival: one run with the loads that changed and everything below them, or nothing, and why.

The bucket is compared with the load history, as `netflix-assets materialize` does, not with Dagster's events:
what arrived while a run was going on, or was lost with a run that was killed, is still seen afterwards. Three
rules keep it from running anything twice:

- nothing is requested while another run may be writing to the warehouse; the change waits for the next look;
- each load carries a key made of its objects and of what the table held before, and a key is requested once;
- a load that failed is left out until its objects change, and the rest goes on without it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from netflix_assets.automation.materialize import error_text, range_tags, relations, run_config
from netflix_assets.automation.runs import end_runs_of_dead_processes, run_in_progress
from netflix_assets.automation.staleness import Records, Work, find_work
from netflix_assets.catalog import RAW_FILES, RawFile
from netflix_assets.landing.arrivals import Seen, arrival_fingerprint
from netflix_assets.landing.bucket import Contents
from netflix_assets.landing.whole_export import split_is_due, split_key
from netflix_assets.loading.raw_assets import observed_objects
from netflix_assets.loading.warehouse import LoadState, Warehouse, out_of_date
from netflix_assets.partitions import load_name
from netflix_assets.reporting.store import ReportStore

ARRIVAL_TAG = "netflix/arrival"
"""Tag of the runs that arrivals started: the key of the request."""

LOAD_TAG = "netflix/load/"
"""Followed by the name of a file, tag of such a run: the key of the load."""

_NAMED_AT_MOST = 5
_ATTEMPTS = 3
_MONTH_IN_KEY = re.compile(r"month=(\d{4}-\d{2})")


@dataclass(frozen=True)
class Decision:
    """What a look at bucket and warehouse led to.

    Attributes:
        reason: In a sentence, for the tick.
        run: The run to start, or None.
        settled: There is nothing more to do for this state of the bucket.
        refused: See `Seen.refused`.
    """

    reason: str
    refused: Mapping[str, str]
    run: dg.RunRequest | None = None
    settled: bool = False


def decide(
    instance: dg.DagsterInstance,
    graph: dg.AssetGraph,
    contents: Contents,
    seen: Seen,
    state: str,
    warehouse: Warehouse,
    store: ReportStore,
) -> Decision:
    """Compare bucket and warehouse, and say what to run.

    Args:
        instance: Where runs are recorded.
        graph: The assets.
        contents: The bucket now.
        seen: The cursor.
        state: Of the bucket, see `Glance`.
        warehouse: Asked what it holds, unless a run is going on.
        store: Asked whether there is a report.

    Raises:
        WarehouseError: It cannot be read now.
    """
    end_runs_of_dead_processes(instance)
    busy = run_in_progress(instance, graph)
    if busy is not None:
        return Decision(f"run {busy.run_id} is going on; the bucket is compared again after it", seen.refused)
    for file in RAW_FILES:
        cut = _split_request(file, contents) if split_is_due(instance, file, contents) else None
        if cut is not None and not _runs_of(instance, ARRIVAL_TAG, cut.tags[ARRIVAL_TAG]):
            return Decision(f"cutting the whole export of {file.name} into months", seen.refused, run=cut)
    states = {file.name: warehouse.load_states(file) for file in RAW_FILES}
    if not contents.files and not any(states.values()):
        return Decision("the bucket is empty; `netflix-assets upload` fills it", {}, settled=True)
    made = relations(warehouse.relations(), store)
    records = Records.read(instance, graph)
    refused = _still_refused(seen.refused, contents)
    # Each turn but the last adds to what is refused.
    while True:
        work = find_work(graph, records, contents, states, made, leave_out=refused)
        # Models without a load are due only where a refused load kept a run from building them: the others
        # are the conditions' business.
        if not work.tables and not (refused and work.models):
            return Decision(_settled_reason(refused), refused, settled=True)
        keys = _load_keys(work, contents, states, refused)
        earlier = {name: _runs_of(instance, f"{LOAD_TAG}{name}", key) for name, key in keys.items()}
        failed = {name: runs[0] for name, runs in earlier.items() if runs and not _is_worth_a_repeat(instance, runs)}
        if failed:
            refused |= _refusals(instance, failed, contents, states, refused)
            continue
        attempts = max((len(runs) for runs in earlier.values()), default=0)
        key = _digest([*keys.values(), str(attempts)] if keys else ["models", state, *sorted(refused)])
        if _runs_of(instance, ARRIVAL_TAG, key):
            return Decision(_settled_reason(refused), refused, settled=True)
        return Decision(_reason(work), refused, run=_request(key, keys, work))


def _still_refused(refused: Mapping[str, str], contents: Contents) -> dict[str, str]:
    """Drop refusals of loads whose objects have changed since."""
    now = dict(_moments(contents, refused))
    return {name: known for name, known in refused.items() if now.get(name) == known}


def _moments(contents: Contents, names: Collection[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        file_name, _, month = name.partition("/")
        for file in RAW_FILES:
            if file.name == file_name:
                yield name, arrival_fingerprint(contents.of(file, month) if month else contents.all_of(file))


def _load_keys(
    work: Work,
    contents: Contents,
    states: Mapping[str, Mapping[str | None, LoadState]],
    refused: Mapping[str, str],
) -> dict[str, str]:
    """Of each file to load, a key that no other load has: not even one of the same objects, if another came between."""
    keys = {}
    for file in RAW_FILES:
        if dg.AssetKey(file.table_key) not in work.tables:
            continue
        parts = []
        for partition_key, name in _stale(file, contents, states):
            before = states[file.name].get(partition_key)
            if name not in refused:
                parts.append(
                    f"{name} {arrival_fingerprint(contents.of(file, partition_key))} {before.load_id if before else 0}"
                )
        keys[file.name] = _digest([file.name, *parts])
    return keys


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()[:20]


def _runs_of(instance: dg.DagsterInstance, tag: str, key: str) -> Sequence[dg.DagsterRun]:
    return instance.get_runs(dg.RunsFilter(tags={tag: key}), limit=_ATTEMPTS)


def _is_worth_a_repeat(instance: dg.DagsterInstance, runs: Sequence[dg.DagsterRun]) -> bool:
    """Whether the newest of these runs was lost (its process died) rather than failed, and not for the last time."""
    newest = runs[0]
    if newest.status is not dg.DagsterRunStatus.FAILURE or len(runs) >= _ATTEMPTS:
        return False
    return not instance.all_logs(newest.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)


def _refusals(
    instance: dg.DagsterInstance,
    failed: Mapping[str, dg.DagsterRun],
    contents: Contents,
    states: Mapping[str, Mapping[str | None, LoadState]],
    refused: Mapping[str, str],
) -> dict[str, str]:
    """The loads that finished runs were to do and did not: the months that the error names, else all of the file."""
    names: list[str] = []
    for file in RAW_FILES:
        if file.name not in failed:
            continue
        step = dg.AssetKey(file.table_key).to_python_identifier()
        errors = [
            error_text(entry.dagster_event)
            for entry in instance.all_logs(failed[file.name].run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
            if entry.dagster_event is not None and entry.dagster_event.step_key == step
        ]
        named = {load_name(file, month) for error in errors for month in _MONTH_IN_KEY.findall(error)}
        named = {name for _, name in _stale(file, contents, states) if name in named and name not in refused}
        known = [name for name in refused if name.startswith(f"{file.name}/")]
        names += sorted(named) if named and len(known) < _NAMED_AT_MOST else [file.name]
    return dict(_moments(contents, names))


def _stale(
    file: RawFile, contents: Contents, states: Mapping[str, Mapping[str | None, LoadState]]
) -> list[tuple[str | None, str]]:
    """Months (None for a file without) that are to be loaded, and what their loads are called."""
    stale = out_of_date(file, observed_objects(file, contents), states[file.name])
    return [(partition_key, load_name(file, partition_key)) for partition_key, changed in stale.items() if changed]


def _request(key: str, keys: Mapping[str, str], work: Work) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=key,
        asset_selection=sorted(work.assets),
        asset_check_keys=sorted(work.checks),
        run_config=run_config(work),
        tags={ARRIVAL_TAG: key, **{f"{LOAD_TAG}{name}": load for name, load in keys.items()}, **range_tags(work)},
    )


def _split_request(file: RawFile, contents: Contents) -> dg.RunRequest:
    key = f"split-{file.name}-{arrival_fingerprint(contents.whole_exports[file.name])}"
    return dg.RunRequest(run_key=key, asset_selection=[split_key(file)], tags={ARRIVAL_TAG: key})


def _reason(work: Work) -> str:
    loads = ", ".join(sorted(key.path[-1] for key in work.tables)) or "no table"
    return f"loading {loads} and building {len(work.models)} models below"


def _settled_reason(refused: Mapping[str, str]) -> str:
    if not refused:
        return "everything in the bucket is loaded"
    return (
        f"everything in the bucket is loaded but {', '.join(sorted(refused))}, whose load failed (see its run); "
        "it is tried again when its objects change"
    )
