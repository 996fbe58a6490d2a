"""Every name of Dagster and dbt that this package uses although they do not document it.

Each says why, and the release in which it was read. A later one may move it: `test_private_apis.py` has a test of each,
and one that nothing else in the package reaches for a private name of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import dagster as dg

# Dagster 1.13.27. How to execute a run that is recorded already, as its own run workers do, in this process.
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import create_execution_plan, execute_run_iterator

# Dagster 1.13.27. Why a step failed, as its event records it: an interruption is no fault of the step.
from dagster._core.execution.plan.objects import ErrorSource

# Dagster 1.13.27. Where a run comes from: without it the UI neither shows a run on the timeline nor repeats it.
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.snap import snapshot_from_execution_plan

# Dagster 1.13.27. The newest result of a check, beside executions that are only planned.
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

# Dagster 1.13.27. The event log of a local instance: documented under this name for dagster.yaml, not to build upon.
from dagster._core.storage.event_log import SqliteEventLogStorage
from packaging.version import Version

if TYPE_CHECKING:
    from dagster_dbt import DbtCliInvocation

__all__ = [
    "AssetCheckExecutionRecordStatus",
    "ErrorSource",
    "InstalledDbtVersion",
    "SqliteEventLogStorage",
    "answer_for_columns",
    "close_duckdb_of_dbt",
    "dbt_events",
    "execute_run",
    "record_run",
]

_REPOSITORY = "__repository__"
"""What Dagster calls the only repository of a code location."""


class InstalledDbtVersion:
    """Mixed into a `DbtCliResource`: it knows dbt's version without asking (dagster-dbt 0.29.27).

    `dbt --version`, which the resource runs in every process, takes seconds and looks on the network for newer ones.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))


def record_run(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    run_id: str,
    *,
    location: str,
    run_config: Mapping[str, object],
    tags: Mapping[str, str],
) -> dg.DagsterRun:
    """Record a run that is to be executed, with all that the UI records of one (Dagster 1.13.27).

    What is public, `execute_in_process` and `execute_job`, records neither the checks nor where the run comes from.

    Args:
        job: The job, of the selected assets and checks alone.
        instance: Where to record it.
        run_id: Its id.
        location: Name of the code location that knows the job.
        run_config: Of the run.
        tags: Of the run.
    """
    plan = create_execution_plan(InMemoryJob(job), run_config=run_config, tags=tags)
    return instance.create_run(
        job_name=job.name,
        run_id=run_id,
        run_config=run_config,
        status=dg.DagsterRunStatus.NOT_STARTED,
        tags={**job.run_tags, **tags},
        root_run_id=None,
        parent_run_id=None,
        step_keys_to_execute=plan.step_keys_to_execute,
        execution_plan_snapshot=snapshot_from_execution_plan(plan, job.get_job_snapshot_id()),
        job_snapshot=job.get_job_snapshot(),
        parent_job_snapshot=job.get_parent_job_snapshot(),
        asset_selection=job.asset_selection,
        asset_check_selection=job.asset_check_selection,
        op_selection=None,
        resolved_op_selection=None,
        remote_job_origin=RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), _REPOSITORY).get_job_origin(
            job.name
        ),
        job_code_origin=None,
        asset_graph=job.asset_layer.asset_graph,
    )


def execute_run(job: dg.JobDefinition, run: dg.DagsterRun, instance: dg.DagsterInstance) -> list[dg.DagsterEvent]:
    """Execute a recorded run in this process, its steps one after the other (Dagster 1.13.27).

    Args:
        job: The job, of all its assets and checks: what the run selects of it is in the run.
        run: The run.
        instance: Where it is recorded.

    Returns:
        Its events.
    """
    in_this_process = job.as_ephemeral_job(resource_defs={}, input_values={})
    return list(execute_run_iterator(InMemoryJob(in_this_process), run, instance))


def dbt_events(events: Iterable[Any], invocation: DbtCliInvocation) -> Any:
    """Return events of a dbt command, collected before, as what `stream()` gives (dagster-dbt 0.29.27).

    Only that has `fetch_column_metadata()`, and dagster-dbt exports no name of it.
    """
    from dagster_dbt.core.dbt_event_iterator import DbtEventIterator

    return DbtEventIterator(iter(events), invocation)


def close_duckdb_of_dbt() -> None:
    """Close DuckDB where dagster-dbt read row counts and columns in this process (dbt-duckdb 1.11.1).

    The adapter keeps it open, and its public `close_all_connections` forgets the file without closing it.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    if DuckDBConnectionManager._ENV is not None:
        DuckDBConnectionManager._ENV.close()


def answer_for_columns(adapter: Any, columns: Mapping[tuple[str, str], list[Any]]) -> None:
    """Let dagster-dbt have the columns of relations from here (dagster-dbt 0.29.27).

    It asks the adapter's `get_columns_in_relation`, one relation after another; that it asks nothing else, and asks
    anew for each invocation, is documented nowhere.

    Args:
        adapter: The adapter of an invocation of dbt.
        columns: The adapter's columns by schema and name of a relation in lower case; it is asked for all others.
    """
    ask = adapter.get_columns_in_relation

    def answer(relation: Any) -> Any:
        known = columns.get((str(relation.schema).lower(), str(relation.identifier).lower()))
        return ask(relation) if known is None else known

    adapter.get_columns_in_relation = answer
