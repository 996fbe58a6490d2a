"""Every name of Dagster and dbt that this package uses although they do not document it.

Each says why, and the release in which it was read. A later one may move it: `test_private_apis.py` has a test of each,
and one that nothing else in the package reaches for a private name of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

# Dagster 1.13.27. What an executor is made of: `dg.Executor` is public, the types of its methods are not.
from dagster._core.execution.context.system import PlanOrchestrationContext

# Dagster 1.13.27. Why a step failed, as its event records it: an interruption is no fault of the step.
from dagster._core.execution.plan.objects import ErrorSource
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.execution.step_dependency_config import StepDependencyConfig

# Dagster 1.13.27. The newest result of a check, beside executions that are only planned.
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

# Dagster 1.13.27. The event log of a local instance: documented under this name for dagster.yaml, not to build upon.
from dagster._core.storage.event_log import SqliteEventLogStorage

# Dagster 1.13.27. Documented as the text `dagster/max_runtime`, without a name.
from dagster._core.storage.tags import MAX_RUNTIME_SECONDS_TAG
from packaging.version import Version

if TYPE_CHECKING:
    from dagster_dbt import DbtCliInvocation

__all__ = [
    "MAX_RUNTIME_SECONDS_TAG",
    "AssetCheckExecutionRecordStatus",
    "ErrorSource",
    "ExecutionPlan",
    "InstalledDbtVersion",
    "PlanOrchestrationContext",
    "RetryMode",
    "SqliteEventLogStorage",
    "StepDependencyConfig",
    "close_duckdb_of_dbt",
    "dbt_events",
]


class InstalledDbtVersion:
    """Mixed into a `DbtCliResource`: it knows dbt's version without asking (dagster-dbt 0.29.27).

    `dbt --version`, which the resource runs in every process, takes seconds and looks on the network for newer ones.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))


def dbt_events(events: Iterable[Any], invocation: DbtCliInvocation) -> Any:
    """Return events of a dbt command, collected before, as what `stream()` gives (dagster-dbt 0.29.27).

    Only that has `fetch_row_counts()` and `fetch_column_metadata()`, and dagster-dbt exports no name of it.
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
