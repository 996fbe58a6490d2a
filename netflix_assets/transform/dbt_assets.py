"""Every model, seed and snapshot of the dbt project as an asset, every test as an asset check."""

import json
import shutil
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtCliRuntimeError, DbtCliInvocation, DbtCliResource, DbtProject, dbt_assets

from netflix_assets.pools import warehouse_pool
from netflix_assets.private_apis import InstalledDbtVersion, close_duckdb_of_dbt, dbt_events
from netflix_assets.settings import Settings
from netflix_assets.transform.description import describe
from netflix_assets.transform.project import dbt_environment, dbt_executable, prepared_project
from netflix_assets.transform.translator import NetflixDbtTranslator

_OUTPUTS_KEPT = 20

DbtManifest = Mapping[str, Any]

READ_BY_PEOPLE = ("mart", "reporting")
"""The layers that people and their tools read."""

PROJECT_VERSION = "dbt project version"
"""Metadata of unit tests: the version of the dbt project that the test is of, or was run on."""


class InstalledDbt(InstalledDbtVersion, DbtCliResource):
    """The dbt of this environment, which knows its version without asking."""


class BuildConfig(dg.Config):
    """What one `dbt build` does besides what changed; the launchpad of the UI offers it.

    Attributes:
        every_month: Test every month of the big tables, not only those of the newest loads.
        full_refresh: Build incremental models and seeds from nothing.
    """

    every_month: bool = False
    full_refresh: bool = False

    def flags(self) -> list[str]:
        """Return what dbt is told of it."""
        every_month = ["--vars", json.dumps({"every_month": True})] if self.every_month else []
        return every_month + (["--full-refresh"] if self.full_refresh else [])


def dbt_build(
    settings: Settings,
    project: DbtProject,
    translator: NetflixDbtTranslator,
    unit_test_specs: Mapping[str, dg.AssetCheckSpec],
) -> dg.AssetsDefinition:
    """The assets of the dbt project; one `dbt build` makes any selection of them.

    Unit tests that the run selects as checks are run in the same `dbt build`, before their models, so that dbt need
    not start again. dagster-dbt says nothing of their results: they are left for `unit_tests` to tell.
    """

    @dbt_assets(
        manifest=project.manifest_path,
        project=project,
        dagster_dbt_translator=translator,
        name="dbt_build",
        pool=warehouse_pool(settings.target, "dbt"),
    )
    def _build(context: dg.AssetExecutionContext, dbt: DbtCliResource, config: BuildConfig) -> Iterator[Any]:
        selected = context.job_def.asset_check_selection
        due = {
            unique_id: spec for unique_id, spec in unit_test_specs.items() if selected is None or spec.key in selected
        }
        arguments = ["build", *config.flags(), *([] if due else ["--exclude-resource-type", "unit_test"])]
        with dbt_environment(settings, context.run.run_id):
            target = output_folder(settings, "build", context.run.run_id)
            invocation = dbt.cli(arguments, context=context, target_path=target)
        try:
            yield from _described(invocation, context.run.run_id)
        except DagsterDbtCliRuntimeError:
            # The step of `unit_tests` is skipped after this one failed.
            for result in by_unit_test(_results(target), due).values():
                context.instance.report_runless_asset_event(evaluation(result))
            raise
        finally:
            close_duckdb_of_dbt()

    return _build


def output_folder(settings: Settings, command: str, run_id: str) -> Path:
    """Return the folder for what a dbt command of a run writes; those of the newest runs are kept, others removed."""
    target = settings.dbt_target_path
    folders = [path for path in target.glob("dbt_*") if path.is_dir()]
    for old in sorted(folders, key=lambda path: path.stat().st_mtime)[:-_OUTPUTS_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return target / f"dbt_{command}-{run_id}"


def evaluation(result: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    """Return a result as an event that can be recorded beside the steps of a run."""
    assert result.asset_key is not None and result.check_name is not None
    return dg.AssetCheckEvaluation(
        asset_key=result.asset_key,
        check_name=result.check_name,
        passed=result.passed,
        metadata=dict(result.metadata),
    )


def _described(invocation: DbtCliInvocation, run_id: str) -> Iterator[Any]:
    """Wait until dbt has finished, then give its events, those of tables with rows and columns, a failure last.

    DuckDB can be asked for rows and columns only then. The last step is given a list, because while dagster-dbt
    waits for the next event it keeps a whole processor busy.
    """
    events: list[Any] = []
    failure: DagsterDbtCliRuntimeError | None = None
    try:
        for event in invocation.stream():
            events.append(event)
    except DagsterDbtCliRuntimeError as error:
        failure = error
    made = {str(event.metadata["unique_id"].value): event for event in events if isinstance(event, dg.Output)}
    row_counts = describe(invocation, list(made), run_id)
    counted = [event.with_metadata({**event.metadata, **row_counts.get(key, {})}) for key, event in made.items()]
    described = dbt_events(counted, invocation).fetch_column_metadata()
    for event in events:
        yield next(described) if isinstance(event, dg.Output) else event
    if failure is not None:
        raise failure


def unit_test_specs(
    manifest: DbtManifest, project: DbtProject, translator: NetflixDbtTranslator, project_version: str
) -> dict[str, dg.AssetCheckSpec]:
    """The unit tests of the dbt project by their unique id, each a check of the model whose logic it tests."""
    return {
        unique_id: _unit_test_spec(manifest, unique_id, project, translator, project_version)
        for unique_id in manifest["unit_tests"]
    }


def unit_tests(
    settings: Settings, manifest: DbtManifest, specs: Mapping[str, dg.AssetCheckSpec]
) -> dg.AssetChecksDefinition:
    """Tell the results of unit tests that the `dbt build` of the same run has; run the others."""

    @dg.multi_asset_check(
        name="dbt_unit_tests",
        specs=list(specs.values()),
        can_subset=True,
        pool=warehouse_pool(settings.target, "dbt"),
        description="Tells what `dbt build` found, or runs `dbt test --select test_type:unit`.",
    )
    def _test(context: dg.AssetCheckExecutionContext, dbt: DbtCliResource) -> Iterator[dg.AssetCheckResult]:
        selected = {
            unique_id: spec for unique_id, spec in specs.items() if spec.key in context.selected_asset_check_keys
        }
        run_id = context.run.run_id
        results = by_unit_test(_results(output_folder(settings, "build", run_id)), selected)
        error: Exception | None = None
        names = [f"test_type:unit,{spec.name}" for unique_id, spec in selected.items() if unique_id not in results]
        if names:
            target = output_folder(settings, "test", run_id)
            arguments = ["test", "--select", " ".join(names)]
            with dbt_environment(settings, run_id):
                invocation = dbt.cli(arguments, manifest=manifest, raise_on_error=False, target_path=target)
            invocation.wait()
            results |= by_unit_test(_results(target), selected)
            error = invocation.get_error()
        for unique_id, spec in selected.items():
            if unique_id not in results:
                raise dg.Failure(f"dbt ended without a result of unit test {spec.name}: {error}")
            yield results[unique_id]

    return _test


def by_unit_test(
    results: Iterable[Mapping[str, Any]], specs: Mapping[str, dg.AssetCheckSpec]
) -> dict[str, dg.AssetCheckResult]:
    """The results of unit tests that ran, by unique id; those that dbt skipped are no results."""
    return {
        result["unique_id"]: _unit_test_result(specs[result["unique_id"]], result)
        for result in results
        if result["unique_id"] in specs and result["status"] != "skipped"
    }


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


def _results(folder: Path) -> list[dict[str, Any]]:
    """What dbt wrote of each node it ran; nothing if it did not come that far."""
    written = folder / "run_results.json"
    return list(json.loads(written.read_bytes())["results"]) if written.exists() else []


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


def columns_are_the_same(built: dg.AssetsDefinition) -> Sequence[dg.AssetChecksDefinition]:
    """Return Dagster's own checks `column_schema_change` of what people read: columns that came, went or changed."""
    read = [spec.key for spec in built.specs if spec.group_name in READ_BY_PEOPLE]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.build_column_schema_change_checks(assets=read)


def transform_definitions(settings: Settings) -> dg.Definitions:
    """The dbt project's assets and checks, and the resource that runs dbt."""
    project, project_version = prepared_project(settings)
    manifest = json.loads(project.manifest_path.read_bytes())
    translator = NetflixDbtTranslator()
    specs = unit_test_specs(manifest, project, translator, project_version)
    built = dbt_build(settings, project, translator, specs)
    return dg.Definitions(
        assets=[built],
        asset_checks=[unit_tests(settings, manifest, specs), *columns_are_the_same(built)],
        resources={"dbt": InstalledDbt(project_dir=str(project.project_dir), dbt_executable=dbt_executable())},
    )
