"""What is used of Dagster and dbt without being documented is where it was, and in one module."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import pytest
from dagster_dbt import DbtCliInvocation, DbtCliResource
from dbt.adapters.base.relation import BaseRelation

from netflix_assets import private_apis
from netflix_assets.settings import PROJECT_ROOT
from netflix_assets.transform.dbt_assets import InstalledDbt
from netflix_assets.transform.project import PROJECT_DIR, dbt_executable

# `dbt.cli` is documented: https://docs.getdbt.com/reference/programmatic-invocations.
PRIVATE = ("dagster._", "dagster_dbt.core", "dagster_aws._", "dagster_snowflake._", "dbt.adapters")


def test_dagster_lets_the_event_log_be_built_upon_and_named_in_its_configuration() -> None:
    storage = private_apis.SqliteEventLogStorage
    for name in ("run_connection", "index_connection", "has_table", "from_config_value", "store_event"):
        assert callable(getattr(storage, name))


def test_dagster_dbt_asks_the_resource_for_the_version_of_dbt() -> None:
    assert "_cli_version" in vars(DbtCliResource)
    resource = InstalledDbt(project_dir=str(PROJECT_DIR), dbt_executable=dbt_executable())
    assert str(resource._cli_version) == version("dbt-core")


def test_dagster_dbt_describes_events_that_were_collected_before() -> None:
    described = private_apis.dbt_events([], DbtCliInvocation.__new__(DbtCliInvocation))
    assert type(described).__name__ == "DbtEventIterator"
    assert callable(described.fetch_column_metadata)


def test_dagster_dbt_asks_the_adapter_for_the_columns_of_a_relation() -> None:
    def ask(relation: Any) -> list[str]:
        return [f"asked for {relation}"]

    adapter = SimpleNamespace(Relation=BaseRelation, get_columns_in_relation=ask)
    private_apis.answer_for_columns(adapter, {("dim", "dim_users"): ["known"]})
    invocation: Any = SimpleNamespace(_relation_column_metadata_cache={})
    answers: list[Any] = []
    for name in ("DIM_USERS", "dim_movies"):
        node = {"unique_id": f"model.{name}", "database": "MOVIELENS", "schema": "dim", "alias": name}
        of_node = DbtCliInvocation._get_columns_from_dbt_resource_props
        answers.append(of_node(invocation, adapter=cast(Any, adapter), dbt_resource_props=node).columns)
    assert answers == [["known"], ['asked for "MOVIELENS"."dim"."dim_movies"']]


def test_dbt_duckdb_keeps_its_file_open_in_a_place_that_can_be_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.duckdb.credentials import DuckDBCredentials
    from dbt.adapters.duckdb.environments import create

    credentials = DuckDBCredentials(path=str(tmp_path / "warehouse.duckdb"), database="warehouse", schema="main")
    environment: Any = create(credentials)
    monkeypatch.setattr(DuckDBConnectionManager, "_ENV", environment)
    environment.handle()
    private_apis.close_duckdb_of_dbt()
    assert environment.conn is None


def test_an_interrupted_step_and_an_evaluated_check_are_told_from_others() -> None:
    assert private_apis.ErrorSource.INTERRUPT
    status = private_apis.AssetCheckExecutionRecordStatus
    assert {status.SUCCEEDED, status.FAILED} < set(status)
    assert callable(dg.DagsterInstance.ephemeral().event_log_storage.get_asset_check_execution_history)


# What it imports for itself alone is looked at here too.
IMPORTED: Any = private_apis
JOB, PLAN, RUN, INSTANCE = object(), object(), object(), object()
RECORDED = dict.fromkeys(
    (
        *("job_name", "run_id", "run_config", "status", "tags", "root_run_id", "parent_run_id", "step_keys_to_execute"),
        *("execution_plan_snapshot", "job_snapshot", "parent_job_snapshot", "asset_selection", "op_selection"),
        *("asset_check_selection", "resolved_op_selection", "remote_job_origin", "job_code_origin", "asset_graph"),
    )
)


@pytest.mark.parametrize(
    ("function", "given", "named"),
    [
        (IMPORTED.InMemoryJob, [JOB], {}),
        (IMPORTED.create_execution_plan, [JOB], {"run_config": {}, "tags": {}}),
        (IMPORTED.snapshot_from_execution_plan, [PLAN, "snapshot"], {}),
        (IMPORTED.RegisteredCodeLocationOrigin, ["location"], {}),
        (IMPORTED.RemoteRepositoryOrigin, [None, "repository"], {}),
        (IMPORTED.RemoteRepositoryOrigin.get_job_origin, [None, "job"], {}),
        (IMPORTED.execute_run_iterator, [JOB, RUN, INSTANCE], {}),
        (dg.DagsterInstance.create_run, [INSTANCE], RECORDED),
        (dg.JobDefinition.as_ephemeral_job, [JOB], {"resource_defs": {}, "input_values": {}}),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_dagster_records_and_executes_a_run_by_what_it_is_given_here(
    function: Callable[..., object], given: list[object], named: dict[str, object]
) -> None:
    inspect.signature(function).bind(*given, **named)


def test_a_retried_run_says_so_in_a_tag() -> None:
    from dagster._core.storage.tags import WILL_RETRY_TAG

    assert WILL_RETRY_TAG == "dagster/will_retry"


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield f"{node.module}."
        elif isinstance(node, ast.Import):
            yield from (f"{name.name}." for name in node.names)


def test_nothing_else_imports_a_private_module() -> None:
    package = PROJECT_ROOT / "netflix_assets"
    found = {
        str(path.relative_to(package)): sorted(
            name for name in imports(ast.parse(path.read_text())) if name.startswith(PRIVATE)
        )
        for path in package.rglob("*.py")
    }
    assert [path for path, names in found.items() if names] == ["private_apis.py"]
