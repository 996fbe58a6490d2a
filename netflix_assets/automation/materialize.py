"""The main job on the command line: observe the bucket and run in this process, until nothing is left that can run."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import dagster as dg

from netflix_assets.automation.event_log import in_one_transaction
from netflix_assets.automation.executors import execute_supervised
from netflix_assets.automation.freshness import check_sources
from netflix_assets.automation.records import error_text
from netflix_assets.automation.run_plan import ALL_LOADS, RunPlan, plan_run
from netflix_assets.automation.run_requests import run_config, run_tags
from netflix_assets.automation.runs import describe_wait, end_runs_of_dead_processes, run_in_progress
from netflix_assets.automation.situation import Situation, missing_records
from netflix_assets.catalog import RAW_FILES
from netflix_assets.errors import UserError
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.last_upload import read_agreement
from netflix_assets.landing.overview import Overview, overview_of
from netflix_assets.landing.source_assets import observations, observed
from netflix_assets.loading.warehouse import Warehouse

# Dagster's log is in the run; on the console it would hide the progress.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_WAIT_SECONDS = 1
_HEARTBEAT_SECONDS = 90


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        run_id: The Dagster run.
        success: Every step succeeded and no check failed as an error.
        plan: What was asked for.
        made: Assets that were loaded or built.
        errors: The errors of failed steps and the names of failed checks, in the order they happened.
    """

    run_id: str
    success: bool
    plan: RunPlan
    made: frozenset[dg.AssetKey] = frozenset()
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Materialized:
    """What all runs came to that a command started.

    Attributes:
        outcomes: Of each run, in order; none if everything was up to date.
        left: The plan after them: nothing in it can run now, but something may wait or be refused.
    """

    outcomes: tuple[Outcome, ...]
    left: RunPlan

    @property
    def success(self) -> bool:
        """Whether everything in the bucket is loaded, all below it built, and no check failed in the last run."""
        return not (self.left.failed_loads or self.left.waiting or self.left.stale or self._last_errors)

    @property
    def run_id(self) -> str | None:
        """The last run, or None if there was none."""
        return self.outcomes[-1].run_id if self.outcomes else None

    @property
    def assets(self) -> frozenset[dg.AssetKey]:
        """Everything that was asked for."""
        return frozenset().union(*(outcome.plan.assets for outcome in self.outcomes))

    @property
    def made(self) -> frozenset[dg.AssetKey]:
        """Everything that was loaded or built."""
        return frozenset().union(*(outcome.made for outcome in self.outcomes))

    @property
    def errors(self) -> tuple[str, ...]:
        """One line for each thing that is not as it should be now: refused, waiting, or failed in the last run."""
        refused = [one.why for _, one in sorted(self.left.failed_loads.items())]
        waiting = [one.why for _, one in sorted(self.left.waiting.items())]
        return tuple(dict.fromkeys([*refused, *waiting, *self._last_errors]))

    @property
    def _last_errors(self) -> tuple[str, ...]:
        return self.outcomes[-1].errors if self.outcomes else ()


def observe(instance: dg.DagsterInstance, overview: Overview) -> int:
    """Record what changed in the bucket, and what the checks on it say then; returns how many changes there were."""
    events = [event for file in RAW_FILES for event in observations(file, overview, observed(instance, file))]
    with in_one_transaction(instance):
        for event in [*events, *(check_sources(overview) if events else ())]:
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
    while (run := run_in_progress(instance, graph, queued=_queue_is_served(instance))) is not None:
        tell(describe_wait(instance, run))
        time.sleep(_WAIT_SECONDS)
        end_runs_of_dead_processes(instance)


def _queue_is_served(instance: dg.DagsterInstance) -> bool:
    """Whether a daemon takes runs from the queue: it says so every half minute."""
    heartbeat = instance.get_daemon_heartbeats().get("QUEUED_RUN_COORDINATOR")
    return heartbeat is not None and time.time() - heartbeat.timestamp < _HEARTBEAT_SECONDS


def materialize(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    bucket: LandingBucket,
    warehouse: Warehouse,
    *,
    force: bool = False,
    accept: Collection[str] = (),
    on_event: Callable[[dg.EventLogEntry], None] | None = None,
    on_plan: Callable[[RunPlan], None] | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Materialized:
    """Ask the planner and run what it says, until nothing is left that can run now.

    Args:
        defs: What to run it with.
        instance: Where runs are recorded.
        bucket: To observe.
        warehouse: Asked what it holds.
        force: Load and build all, changed or not.
        accept: See `plan_run`.
        on_event: Called with every event of the runs as it happens.
        on_plan: Called with each plan before it is run.
        tell: Told what is being waited for.

    Raises:
        UserError: A name to accept is that of no file.
        BucketError: The bucket cannot be listed.
        WarehouseError: The warehouse cannot be opened.
    """
    refuse_unknown_names(accept)
    outcomes: list[Outcome] = []
    asked_at: float | None = None
    while True:
        wait_for_other_runs(defs, instance, tell)
        asked_at = asked_at or time.time()
        plan = next_plan(
            defs, instance, bucket, warehouse, asked_at=asked_at, force=force and not outcomes, accept=accept
        )
        if plan.is_empty or (outcomes and plan.repeats(outcomes[-1].plan)):
            return Materialized(tuple(outcomes), plan)
        if on_plan is not None:
            on_plan(plan)
        outcomes.append(run(defs, instance, plan, on_event=on_event))


def refuse_unknown_names(accept: Collection[str]) -> None:
    """Refuse names of loads that are none.

    Raises:
        UserError: Names one that is neither a file nor a month of one that has months.
    """
    known = {file.name for file in RAW_FILES} | {ALL_LOADS}
    monthly = {file.name: file.partition_by for file in RAW_FILES if file.month_column}
    for name in accept:
        file_name, _, month = name.partition("/")
        if name not in known and not (file_name in monthly and monthly[file_name].is_key(month)):
            names = ", ".join(file.name for file in RAW_FILES)
            raise UserError(
                f"there is no load {name!r} to accept; give a file ({names}), a month (ratings/2015-03), or {ALL_LOADS}"
            )


def next_plan(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    bucket: LandingBucket,
    warehouse: Warehouse,
    *,
    asked_at: float | None,
    force: bool = False,
    accept: Collection[str] = (),
) -> RunPlan:
    """Observe the bucket, then return what to run next; see `plan_run`."""
    graph, overview = defs.resolve_asset_graph(), overview_of(bucket.contents())
    observe(instance, overview)
    store = (defs.resources or {})["report_store"].outside_of_runs()
    situation = Situation.read(instance, graph, overview, warehouse, store, agreement=read_agreement(bucket))
    for event in missing_records(situation):
        instance.report_runless_asset_event(event)
    return plan_run(graph, situation, asked_at=asked_at, force=force, accept=accept)


def run(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    plan: RunPlan,
    *,
    on_event: Callable[[dg.EventLogEntry], None] | None = None,
) -> Outcome:
    """Run a plan that is not empty.

    Args:
        defs: What to run it with.
        instance: Where the run is recorded.
        plan: See `plan_run`.
        on_event: Called with every event of the run as it happens.
    """
    run_id = str(uuid.uuid4())
    errors: list[str] = []
    made: set[dg.AssetKey] = set()

    def listen(entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is not None:
            errors.extend(_errors(event))
            if event.is_step_materialization and event.asset_key is not None:
                made.add(event.asset_key)
        if on_event is not None:
            on_event(entry)

    instance.add_event_listener(run_id, listen)
    success = execute_supervised(
        defs.resolve_implicit_global_asset_job_def(),
        instance,
        run_id,
        assets=plan.assets,
        checks=plan.checks,
        run_config={**run_config(plan), **_QUIET},
        tags=run_tags(plan),
    )
    return Outcome(run_id, success and not errors, plan, frozenset(made), tuple(errors))


def _errors(event: dg.DagsterEvent) -> Iterator[str]:
    if event.is_step_failure:
        yield error_text(event)
    elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        check = event.asset_check_evaluation_data
        if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR:
            yield f"check {check.check_name} of {check.asset_key.to_user_string()}"
