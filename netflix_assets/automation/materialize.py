"""The main job: observe the bucket, run what is out of date in one run, in this process."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import dagster as dg

from netflix_assets.automation.event_log import in_one_transaction
from netflix_assets.automation.executors import execute_supervised
from netflix_assets.automation.runs import describe_wait, end_runs_of_dead_processes, run_in_progress
from netflix_assets.automation.staleness import Records, Work, find_work
from netflix_assets.catalog import RAW_FILES, RawFile
from netflix_assets.errors import UserError
from netflix_assets.landing.bucket import Contents, LandingBucket
from netflix_assets.landing.source_assets import observations, observed
from netflix_assets.landing.whole_export import split_is_due, split_key
from netflix_assets.loading.warehouse import Warehouse
from netflix_assets.reporting.store import ReportStore

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
# Dagster's log is in the run; on the console it would hide the progress.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_WAIT_SECONDS = 1
_HEARTBEAT_SECONDS = 90
_OUR_ERRORS = {one.__name__ for one in UserError.__subclasses__()}
_TERMINAL_COLOUR = re.compile(r"\x1b\[\d*m")


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        run_id: The Dagster run, or None if nothing was out of date.
        success: Every step succeeded and no check failed as an error.
        work: What was asked for.
        errors: The errors of failed steps and the names of failed checks, in the order they happened.
    """

    run_id: str | None
    success: bool
    work: Work
    errors: tuple[str, ...] = ()


def observe(instance: dg.DagsterInstance, contents: Contents) -> int:
    """Record what changed in the bucket; returns how many observations that took."""
    events = [event for file in RAW_FILES for event in observations(file, contents, observed(instance, file))]
    with in_one_transaction(instance):
        for event in events:
            instance.report_runless_asset_event(event)
    return len(events)


def wait_for_other_runs(defs: dg.Definitions, instance: dg.DagsterInstance, tell: Callable[[str], None]) -> None:
    """Wait until no other run may be writing to the warehouse: what it does need not be done twice.

    Args:
        defs: What the runs are of.
        instance: Where they are recorded.
        tell: Told, while waiting, what is being waited for.
    """
    graph = defs.resolve_asset_graph()
    while (run := run_in_progress(instance, graph)) is not None:
        if run.status is dg.DagsterRunStatus.QUEUED and not _queue_is_served(instance):
            return
        tell(describe_wait(instance, run))
        time.sleep(_WAIT_SECONDS)
        end_runs_of_dead_processes(instance)


def _queue_is_served(instance: dg.DagsterInstance) -> bool:
    """Whether a daemon takes runs from the queue: it says so every half minute."""
    heartbeat = instance.get_daemon_heartbeats().get("QUEUED_RUN_COORDINATOR")
    return heartbeat is not None and time.time() - heartbeat.timestamp < _HEARTBEAT_SECONDS


def plan(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    bucket: LandingBucket,
    warehouse: Warehouse,
    *,
    everything: bool = False,
) -> Work:
    """Cut a whole export that is new, observe the bucket, then say what is out of date.

    Raises:
        UserError: The export cannot be cut.
    """
    contents = bucket.contents()
    for file in RAW_FILES:
        if split_is_due(instance, file, contents):
            split(defs, instance, file)
            contents = bucket.contents()
    observe(instance, contents)
    graph = defs.resolve_asset_graph()
    return find_work(
        graph,
        Records.read(instance, graph),
        contents,
        {file.name: warehouse.load_states(file) for file in RAW_FILES},
        relations(warehouse.relations(), (defs.resources or {})["report_store"]),
        everything=everything,
    )


def relations(tables: Iterable[tuple[str, str]], store: ReportStore) -> set[tuple[str, str]]:
    """Schema and name of every table and view, the report being one more unless somebody removed it."""
    return {*tables, *({("reporting", "report")} if store.exists() else ())}


def split(defs: dg.Definitions, instance: dg.DagsterInstance, file: RawFile) -> None:
    """Cut the whole export of a monthly file, in a run of its own."""
    only_this = Work(frozenset(), None, frozenset({split_key(file)}), frozenset())
    outcome = run(defs, instance, only_this)
    if not outcome.success:
        raise UserError("; ".join(outcome.errors))


def run(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    work: Work,
    *,
    on_event: Callable[[dg.EventLogEntry], None] | None = None,
) -> Outcome:
    """Do the work in one run.

    Args:
        defs: What to run it with.
        instance: Where the run is recorded.
        work: See `plan`.
        on_event: Called with every event of the run as it happens.
    """
    if not work.assets and not work.checks:
        return Outcome(None, True, work)
    run_id = str(uuid.uuid4())
    errors: list[str] = []

    def listen(entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is not None and event.is_step_failure:
            errors.append(error_text(event))
        elif event is not None and event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR:
                errors.append(f"check {check.check_name} of {check.asset_key.to_user_string()}")
        if on_event is not None:
            on_event(entry)

    instance.add_event_listener(run_id, listen)
    job = defs.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection=work.assets, asset_check_selection=work.checks
    )
    result = execute_supervised(job, instance, run_id, run_config={**run_config(work), **_QUIET}, tags=range_tags(work))
    return Outcome(run_id, result.success and not errors, work, tuple(errors))


def range_tags(work: Work) -> dict[str, str]:
    """One run for a range of months, as a backfill of it would be."""
    return {RANGE_START_TAG: work.months[0], RANGE_END_TAG: work.months[1]} if work.months else {}


def run_config(work: Work) -> dict[str, object]:
    """Return the config of each load: only what changed; to tables with months, those beside the range as well."""
    by_month = {dg.AssetKey(file.table_key) for file in RAW_FILES if file.month_column is not None}
    config: dict[str, object] = {"only_changed": not work.everything}
    months: dict[str, object] = {"other_months": sorted(work.other_months)}
    return {
        "ops": {
            key.to_python_identifier(): {"config": {**config, **(months if key in by_month else {})}}
            for key in work.tables
        }
    }


def error_text(event: dg.DagsterEvent) -> str:
    """What a failed step said: our own sentence if there is one, else its first cause, without class and traceback."""
    error = event.step_failure_data.error
    if error is None:
        return event.message or "failed without a message"
    while error.cause is not None and error.cls_name not in _OUR_ERRORS:
        error = error.cause
    _, _, text = error.message.strip().partition(": ")
    _, _, from_dbt = text.partition("Errors parsed from dbt logs:")
    return _TERMINAL_COLOUR.sub("", from_dbt or text or error.message).strip()
