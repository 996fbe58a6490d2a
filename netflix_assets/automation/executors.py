"""Executors whose process renews the heartbeat of its run; https://docs.dagster.io/guides/operate/run-executors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from netflix_assets.automation.runs import COMMAND_LINE_TAG, executing, run_tags
from netflix_assets.private_apis import (
    MAX_RUNTIME_SECONDS_TAG,
    ErrorSource,
    ExecutionPlan,
    PlanOrchestrationContext,
    RetryMode,
    StepDependencyConfig,
)
from netflix_assets.signals import INTERRUPTS


class _Supervised(dg.Executor):
    """An executor that says for its run that it lives."""

    def __init__(self, executor: dg.Executor, max_runtime_seconds: int) -> None:
        self._executor = executor
        self._max_runtime_seconds = max_runtime_seconds

    @property
    def retries(self) -> RetryMode:
        return self._executor.retries

    @property
    def step_dependency_config(self) -> StepDependencyConfig:
        return self._executor.step_dependency_config

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        instance, run = plan_context.instance, plan_context.dagster_run
        # A limit that somebody gave this run alone counts.
        given = run.tags.get(MAX_RUNTIME_SECONDS_TAG, "")
        seconds = int(given) if given.isdigit() else self._max_runtime_seconds
        instance.add_run_tags(run.run_id, run_tags(seconds))
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
    run_config: Mapping[str, object],
    tags: Mapping[str, str],
) -> dg.ExecuteInProcessResult:
    """Execute a job in this process, which Dagster does without the job's executor, with the same supervision.

    Raises:
        UserError: The run took too long, or somebody else ended it.
        KeyboardInterrupt: The process was asked to end, which Dagster records and else keeps to itself.
    """
    executor = job.executor_def
    assert isinstance(executor, SupervisedExecutor), "all definitions have it"
    with executing(instance, run_id, executor.max_runtime_seconds):
        result = job.execute_in_process(
            instance=instance,
            run_id=run_id,
            run_config=run_config,
            tags={COMMAND_LINE_TAG: "true", **run_tags(executor.max_runtime_seconds), **tags},
            raise_on_error=False,
        )
        if any(_is_interrupt(event) for event in result.all_events):
            raise KeyboardInterrupt
        return result


def _is_interrupt(event: dg.DagsterEvent) -> bool:
    if event.is_step_failure:
        return event.step_failure_data.error_source is ErrorSource.INTERRUPT
    if event.event_type is not dg.DagsterEventType.RUN_FAILURE:
        return event.event_type is dg.DagsterEventType.RUN_CANCELED
    error = event.job_failure_data.error
    return error is not None and error.cls_name in INTERRUPTS
