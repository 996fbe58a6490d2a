"""Every model, seed and snapshot of the dbt project as an asset, every test as an asset check."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtCliRuntimeError, DbtCliInvocation, DbtCliResource, DbtProject, dbt_assets

from netflix_assets.pools import warehouse_pool
from netflix_assets.private_apis import InstalledDbtVersion, close_duckdb_of_dbt, dbt_events
from netflix_assets.settings import Settings
from netflix_assets.transform.project import dbt_environment, dbt_executable, prepared_project
from netflix_assets.transform.translator import NetflixDbtTranslator

DbtManifest = Mapping[str, Any]

PROJECT_VERSION = "dbt project version"
"""Metadata of unit tests: the version of the dbt project that the test is of, or was run on."""


class InstalledDbt(InstalledDbtVersion, DbtCliResource):
    """The dbt of this environment, which knows its version without asking."""


def dbt_build(settings: Settings, project: DbtProject, translator: NetflixDbtTranslator) -> dg.AssetsDefinition:
    """The assets of the dbt project; one `dbt build` makes any selection of them."""

    @dbt_assets(
        manifest=project.manifest_path,
        project=project,
        dagster_dbt_translator=translator,
        name="dbt_build",
        pool=warehouse_pool(settings.target, "dbt"),
    )
    def _build(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
        with dbt_environment(settings, context.run.run_id):
            # dagster-dbt knows no unit tests: they are `unit_tests` below.
            invocation = dbt.cli(["build", "--exclude-resource-type", "unit_test"], context=context)
        try:
            yield from _described(invocation)
        finally:
            close_duckdb_of_dbt()

    return _build


def _described(invocation: DbtCliInvocation) -> Iterator[Any]:
    """Wait until dbt has finished, then give its events, those of tables with rows and columns, a failure last.

    DuckDB can be asked for rows and columns only then. Each step of dagster-dbt is given a list, because while one
    waits for the next it keeps a whole processor busy.
    """
    events: list[Any] = []
    failure: DagsterDbtCliRuntimeError | None = None
    try:
        for event in invocation.stream():
            events.append(event)
    except DagsterDbtCliRuntimeError as error:
        failure = error
    made = [event for event in events if isinstance(event, dg.Output)]
    counted = list(dbt_events(made, invocation).fetch_row_counts())
    described = dbt_events(counted, invocation).fetch_column_metadata()
    for event in events:
        yield next(described) if isinstance(event, dg.Output) else event
    if failure is not None:
        raise failure


def unit_tests(
    settings: Settings,
    manifest: DbtManifest,
    project: DbtProject,
    translator: NetflixDbtTranslator,
    project_version: str,
) -> dg.AssetChecksDefinition:
    """The unit tests of the dbt project, each a check of the model whose logic it tests."""
    specs = {
        unique_id: _unit_test_spec(manifest, unique_id, project, translator, project_version)
        for unique_id in manifest["unit_tests"]
    }

    @dg.multi_asset_check(
        name="dbt_unit_tests",
        specs=list(specs.values()),
        can_subset=True,
        pool=warehouse_pool(settings.target, "dbt"),
        description="Runs `dbt test --select test_type:unit`.",
    )
    def _test(context: dg.AssetCheckExecutionContext, dbt: DbtCliResource) -> Iterator[dg.AssetCheckResult]:
        selected = {
            unique_id: spec for unique_id, spec in specs.items() if spec.key in context.selected_asset_check_keys
        }
        names = [f"test_type:unit,{spec.name}" for spec in selected.values()]
        with dbt_environment(settings, context.run.run_id):
            invocation = dbt.cli(["test", "--select", " ".join(names)], manifest=manifest, raise_on_error=False)
        results = {result["unique_id"]: result for result in _results(invocation.wait())}
        for unique_id, spec in selected.items():
            if unique_id not in results:
                raise dg.Failure(f"dbt ended without a result of unit test {spec.name}: {invocation.get_error()}")
            yield _unit_test_result(spec, results[unique_id])

    return _test


def _unit_test_spec(
    manifest: DbtManifest, unique_id: str, project: DbtProject, translator: NetflixDbtTranslator, project_version: str
) -> dg.AssetCheckSpec:
    node = manifest["unit_tests"][unique_id]
    model = next(parent for parent in node["depends_on"]["nodes"] if parent.endswith(f".{node['model']}"))
    return dg.AssetCheckSpec(
        name=node["name"],
        asset=translator.get_asset_spec(manifest, model, project).key,
        description=node["description"] or f"dbt unit test of {node['model']}.",
        metadata={PROJECT_VERSION: project_version},
    )


def _results(invocation: DbtCliInvocation) -> list[dict[str, Any]]:
    """What dbt wrote of each node it ran; nothing if it did not come that far."""
    if not (invocation.target_path / "run_results.json").exists():
        return []
    return list(invocation.get_artifact("run_results.json")["results"])


def _unit_test_result(spec: dg.AssetCheckSpec, result: Mapping[str, Any]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=spec.name,
        asset_key=spec.asset_key,
        passed=result["status"] == "pass",
        metadata={
            **spec.metadata,
            "seconds": dg.MetadataValue.float(result["execution_time"]),
            **({"message": dg.MetadataValue.md(f"```\n{result['message']}\n```")} if result.get("message") else {}),
        },
    )


def transform_definitions(settings: Settings) -> dg.Definitions:
    """The dbt project's assets and checks, and the resource that runs dbt."""
    project, project_version = prepared_project(settings)
    manifest = json.loads(project.manifest_path.read_bytes())
    translator = NetflixDbtTranslator()
    return dg.Definitions(
        assets=[dbt_build(settings, project, translator)],
        asset_checks=[unit_tests(settings, manifest, project, translator, project_version)],
        resources={"dbt": InstalledDbt(project_dir=str(project.project_dir), dbt_executable=dbt_executable())},
    )
