"""Executors whose process renews the heartbeat of its run; https://docs.dagster.io/guides/operate/run-executors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import dagster as dg

from netflix_assets.automation.runs import MAX_RUNTIME_TAG, executing, run_tags
from netflix_assets.private_apis import ErrorSource, execute_run, record_run
from netflix_assets.signals import INTERRUPTS

CODE_LOCATION = "netflix-assets"
"""What workspace.yaml, pyproject.toml and deploy/ call the definitions; runs of the command line say they are of it."""


class _Supervised(dg.Executor):
    """An executor that says for its run that it lives. Dagster exports no name of the types that its methods take."""

    def __init__(self, executor: dg.Executor, max_runtime_seconds: int) -> None:
        self._executor = executor
        self._max_runtime_seconds = max_runtime_seconds

    @property
    def retries(self) -> Any:
        return self._executor.retries

    @property
    def step_dependency_config(self) -> Any:
        return self._executor.step_dependency_config

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[dg.DagsterEvent]:
        instance, run = plan_context.instance, plan_context.dagster_run
        # A limit that somebody gave this run alone counts.
        given = run.tags.get(MAX_RUNTIME_TAG, "")
        seconds = int(given) if given.isdigit() else self._max_runtime_seconds
        instance.add_run_tags(run.run_id, run_tags(run.run_id, seconds))
        with executing(instance, run.run_id, seconds):
            yield from self._executor.execute(plan_context, execution_plan)


class SupervisedExecutor(dg.ExecutorDefinition):
    """One of Dagster's executors, in whose runs the process says which one it is and renews their heartbeat."""

    def __init__(self, executor: dg.ExecutorDefinition, max_runtime_seconds: int) -> None:
        """Wrap an executor; a run that takes longer than the seconds is ended."""
        self.max_runtime_seconds = max_runtime_seconds

        def create(context: dg.InitExecutorContext) -> dg.Executor:
            assert executor.executor_creation_fn is not None, "Dagster's own executors have one"
            return _Supervised(executor.executor_creation_fn(context), max_runtime_seconds)

        # Dagster takes a schema that another definition has made as well.
        schema: Any = executor.config_schema
        super().__init__(
            name=executor.name,
            config_schema=schema,
            requirements=executor.get_requirements,
            executor_creation_fn=create,
            description=executor.description,
        )


def execute_supervised(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    run_id: str,
    *,
    assets: AbstractSet[dg.AssetKey],
    checks: AbstractSet[dg.AssetCheckKey],
    run_config: Mapping[str, object],
    tags: Mapping[str, str],
) -> bool:
    """Execute assets and checks in this process, without the job's executor, but recorded and supervised like any run.

    Args:
        job: The job of all assets.
        instance: Where the run is recorded.
        run_id: The run.
        assets: To materialize.
        checks: To run.
        run_config: Of the run.
        tags: Of the run, besides those of every run.

    Returns:
        Whether every step succeeded.

    Raises:
        UserError: The run took too long, or somebody else ended it.
        KeyboardInterrupt: The process was asked to end, which Dagster records and else keeps to itself.
    """
    executor = job.executor_def
    assert isinstance(executor, SupervisedExecutor), "all definitions have it"
    seconds = executor.max_runtime_seconds
    with executing(instance, run_id, seconds):
        run = record_run(
            job.get_subset(asset_selection=assets, asset_check_selection=checks),
            instance,
            run_id,
            location=CODE_LOCATION,
            run_config=run_config,
            tags={**run_tags(run_id, seconds), **tags},
        )
        if any(_is_interrupt(event) for event in execute_run(job, run, instance)):
            raise KeyboardInterrupt
    ended = instance.get_run_by_id(run_id)
    return ended is not None and ended.is_success


def _is_interrupt(event: dg.DagsterEvent) -> bool:
    if event.is_step_failure:
        return event.step_failure_data.error_source is ErrorSource.INTERRUPT
    if event.event_type is not dg.DagsterEventType.RUN_FAILURE:
        return event.event_type is dg.DagsterEventType.RUN_CANCELED
    error = event.job_failure_data.error
    return error is not None and error.cls_name in INTERRUPTS
