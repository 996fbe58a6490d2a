"""What to run for an arrival: one run with the loads that changed and everything below them, or nothing, and why.

The bucket is compared with the load history, as `netflix-assets materialize` does, not with Dagster's events:
what arrived while a run was going on, or was lost with a run that was killed, is still seen afterwards. Three
rules keep it from running anything twice:

- nothing is requested while another run may be writing to the warehouse; the change waits for the next look;
- a request carries a key made of the state of the bucket, and a key is requested once;
- a load that failed is left out until its objects change, and the rest goes on without it.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import dagster as dg

from netflix_assets.automation.materialize import error_text, range_tags, run_config
from netflix_assets.automation.staleness import Records, Work, find_work, load_name
from netflix_assets.catalog import RAW_FILES, RawFile
from netflix_assets.landing.arrivals import Seen, moment
from netflix_assets.landing.bucket import Contents
from netflix_assets.landing.whole_export import split_is_due, split_key
from netflix_assets.loading.raw_assets import observed_parts
from netflix_assets.loading.warehouse import Held, Warehouse, out_of_date

ARRIVAL_TAG = "netflix/arrival"
"""Tag of the runs that arrivals started: the key of the request."""

_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_SUBMITTED_WITHIN_SECONDS = 300
_NAMED_AT_MOST = 5
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
) -> Decision:
    """Compare bucket and warehouse, and say what to run.

    Args:
        instance: Where runs are recorded.
        graph: The assets.
        contents: The bucket now.
        seen: The cursor.
        state: Of the bucket, see `Glance`.
        warehouse: Asked what it holds, unless a run is going on.

    Raises:
        WarehouseError: It cannot be read now.
    """
    busy = run_in_progress(instance, graph)
    if busy is not None:
        return Decision(f"run {busy.run_id} is going on; the bucket is compared again after it", seen.refused)
    for file in RAW_FILES:
        cut = _split_request(file, contents) if split_is_due(instance, file, contents) else None
        if cut is not None and _run_of(instance, cut.tags[ARRIVAL_TAG]) is None:
            return Decision(f"cutting the whole export of {file.name} into months", seen.refused, run=cut)
    held = {file.name: warehouse.held(file) for file in RAW_FILES}
    if not contents.files and not any(held.values()):
        return Decision("the bucket is empty; `netflix-assets upload` fills it", {}, settled=True)
    relations = set(warehouse.row_counts())
    records = Records.read(instance, graph)
    refused = _still_refused(seen.refused, contents)
    # Each turn but the last adds to what is refused.
    while True:
        work = find_work(graph, records, contents, held, relations, leave_out=refused)
        # Models without a load are due only where a refused load kept a run from building them: the others
        # are the conditions' business.
        if not work.tables and not (refused and work.models):
            return Decision(_settled_reason(refused), refused, settled=True)
        key = _key(state, refused, work)
        earlier = _run_of(instance, key)
        if earlier is None:
            return Decision(_reason(work), refused, run=_request(key, work))
        added = _refusals(instance, earlier, work, contents, held, refused)
        if added.keys() <= refused.keys():
            return Decision(_settled_reason(refused), refused, settled=True)
        refused |= added


def run_in_progress(instance: dg.DagsterInstance, graph: dg.AssetGraph) -> dg.DagsterRun | None:
    """A run that may write to the warehouse or the bucket and has not ended; runs that only observe do not count."""
    for record in instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED)):
        run = record.dagster_run
        selected = run.asset_selection
        # Runs of the command line record no selection.
        if selected and not any(graph.has(key) and graph.get(key).is_materializable for key in selected):
            continue
        # Whoever made it may have died before submitting it.
        age = time.time() - record.create_timestamp.timestamp()
        if run.status is dg.DagsterRunStatus.NOT_STARTED and age > _SUBMITTED_WITHIN_SECONDS:
            continue
        return run
    return None


def _still_refused(refused: Mapping[str, str], contents: Contents) -> dict[str, str]:
    """Drop refusals of loads whose objects have changed since."""
    now = dict(_moments(contents, refused))
    return {name: known for name, known in refused.items() if now.get(name) == known}


def _moments(contents: Contents, names: Collection[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        file_name, _, month = name.partition("/")
        for file in RAW_FILES:
            if file.name == file_name:
                yield name, moment(contents.of(file, month) if month else contents.all_of(file))


def _key(state: str, refused: Mapping[str, str], work: Work) -> str:
    parts = [state, *sorted(refused), "|", *sorted(key.to_user_string() for key in work.tables)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]


def _run_of(instance: dg.DagsterInstance, key: str) -> dg.DagsterRun | None:
    return next(iter(instance.get_runs(dg.RunsFilter(tags={ARRIVAL_TAG: key}), limit=1)), None)


def _refusals(
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    work: Work,
    contents: Contents,
    held: Mapping[str, Mapping[str | None, Held]],
    refused: Mapping[str, str],
) -> dict[str, str]:
    """The loads that a finished run was to do and did not: those its errors name, else all of the file."""
    errors = {
        event.dagster_event.step_key: error_text(event.dagster_event)
        for event in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        if event.dagster_event is not None
    }
    names: list[str] = []
    for file in RAW_FILES:
        if dg.AssetKey(file.table_key) not in work.tables:
            continue
        text = errors.get(dg.AssetKey(file.table_key).to_python_identifier(), "")
        named = {load_name(file, month) for month in _MONTH_IN_KEY.findall(text)} & _stale_names(file, contents, held)
        known = [name for name in refused if name.startswith(f"{file.name}/")]
        names += sorted(named) if named and len(known) < _NAMED_AT_MOST else [file.name]
    return dict(_moments(contents, names))


def _stale_names(file: RawFile, contents: Contents, held: Mapping[str, Mapping[str | None, Held]]) -> set[str]:
    stale = out_of_date(file, observed_parts(file, contents), held[file.name])
    return {load_name(file, window) for window, changed in stale.items() if changed}


def _request(key: str, work: Work) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=key,
        asset_selection=sorted(work.assets),
        asset_check_keys=sorted(work.checks),
        run_config=run_config(work),
        tags={ARRIVAL_TAG: key, **range_tags(work)},
    )


def _split_request(file: RawFile, contents: Contents) -> dg.RunRequest:
    key = f"split-{file.name}-{moment(contents.whole_exports[file.name])}"
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
