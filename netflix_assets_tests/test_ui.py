"""What Dagster's UI is told, by the schema of its web server in this process: no server, no browser."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_origin import CodeLocationOrigin, InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceLoadTarget
from dagster._daemon.backfill import execute_backfill_iteration
from dagster_graphql.test.utils import execute_dagster_graphql

from netflix_assets.automation.executors import CODE_LOCATION
from netflix_assets.automation.instance import dagster_instance
from netflix_assets.definitions import build_defs
from netflix_assets.partitions import MONTHS
from netflix_assets.settings import PROJECT_ROOT
from netflix_assets_tests.pipeline import LEFT_OUT, Pipeline


class Workspace(WorkspaceLoadTarget):
    """The definitions, as workspace.yaml names them."""

    def create_origins(self) -> Sequence[CodeLocationOrigin]:
        target = LoadableTargetOrigin(module_name="netflix_assets.definitions", attribute="defs")
        return [InProcessCodeLocationOrigin(loadable_target_origin=target, location_name=CODE_LOCATION)]


class WebServer:
    """Answers as the web server does."""

    def __init__(self, instance: dg.DagsterInstance, process: WorkspaceProcessContext) -> None:
        self.instance = instance
        self.process = process
        self._context = process.create_request_context()

    def ask(self, query: str, **variables: object) -> Any:
        answer = execute_dagster_graphql(self._context, query, variables=variables)
        assert not answer.errors, answer.errors
        return answer.data


@contextmanager
def web_server(pipeline: Pipeline) -> Iterator[WebServer]:
    with dagster_instance(pipeline.settings) as instance, WorkspaceProcessContext(instance, Workspace()) as process:
        yield WebServer(instance, process)


@pytest.fixture(scope="module")
def server(built_small: Pipeline) -> Iterator[WebServer]:
    """Of the small pipeline; to be read only."""
    with web_server(built_small) as one:
        yield one


NODES = """{ assetNodes {
    assetKey { path } isMaterializable isPartitioned isObservable
    assetMaterializations(limit: 1) { runId }
    assetObservations(limit: 1) { runId }
    partitionStats { numMaterialized numFailed }
    assetChecksOrError { ... on AssetChecks { checks { name executionForLatestMaterialization { status } } } }
} }"""


def test_the_lineage_of_a_pipeline_just_built_is_green(server: WebServer) -> None:
    (run,) = server.instance.get_run_records()
    months = MONTHS.get_partition_keys(current_time=run.create_timestamp)
    for node in server.ask(NODES)["assetNodes"]:
        name = "/".join(node["assetKey"]["path"])
        assert not node["isMaterializable"] or node["assetMaterializations"], name
        observed = node["assetObservations"] or f"{name.replace('s3/', 'raw/')}.csv" in LEFT_OUT
        assert not node["isObservable"] or observed, name
        if node["isMaterializable"] and node["isPartitioned"]:
            assert node["partitionStats"] == {"numMaterialized": len(months), "numFailed": 0}, name
        if node["isMaterializable"]:
            results = {check["name"]: check["executionForLatestMaterialization"] for check in checks_of(node)}
            assert [check for check, result in results.items() if not result or result["status"] != "SUCCEEDED"] == []


def checks_of(node: Any) -> list[Any]:
    """The checks of an asset; the page answers otherwise where it has none."""
    found: list[Any] = node["assetChecksOrError"].get("checks", [])
    return found


OWNERS = """{
    assetNodes { assetKey { path } owners { __typename } }
    repositoriesOrError { ... on RepositoryConnection { nodes { jobs { name owners { __typename } } } } }
}"""


def test_every_asset_and_every_job_has_an_owner(server: WebServer) -> None:
    answer = server.ask(OWNERS)
    assert [node for node in answer["assetNodes"] if not node["owners"]] == []
    (repository,) = answer["repositoriesOrError"]["nodes"]
    jobs = [job for job in repository["jobs"] if not job["name"].startswith("__")]
    assert {"check_sources", "test_every_month"} <= {job["name"] for job in jobs}
    assert [job["name"] for job in jobs if not job["owners"]] == []


RUNS = """{ runsOrError { ... on Runs { results {
    runId status pipelineName
    repositoryOrigin { repositoryName repositoryLocationName }
    assetSelection { path }
    assetCheckSelection { name }
} } } }"""
REPEAT = """mutation($of: ReexecutionParams!) { launchRunReexecution(reexecutionParams: $of) {
    __typename
    ... on PythonError { message }
    ... on LaunchRunSuccess { run { assetSelection { path } status } }
} }"""


def test_a_run_of_the_command_line_is_on_the_timeline_with_its_assets_and_can_be_repeated(small: Pipeline) -> None:
    with web_server(small) as server:
        (run,) = server.ask(RUNS)["runsOrError"]["results"]
        assert run["repositoryOrigin"] == {
            "repositoryName": "__repository__",
            "repositoryLocationName": CODE_LOCATION,
        }
        assert (run["pipelineName"], run["status"]) == ("__ASSET_JOB", "SUCCESS")
        assert ["raw", "raw_ratings"] in [key["path"] for key in run["assetSelection"]]
        assert len(run["assetCheckSelection"]) > 100
        repeated = server.ask(REPEAT, of={"parentRunId": run["runId"], "strategy": "ALL_STEPS"})["launchRunReexecution"]
        assert repeated["__typename"] == "LaunchRunSuccess", repeated
        assert repeated["run"] == {"assetSelection": run["assetSelection"], "status": "QUEUED"}


BACKFILL = """mutation($of: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $of) {
    __typename
    ... on PythonError { message }
} }"""


def test_everything_can_be_materialized_for_some_months_and_what_is_on_top_is_queued_at_once(small: Pipeline) -> None:
    graph = build_defs(small.settings).resolve_asset_graph()
    everything = [{"path": list(key.path)} for key in graph.materializable_asset_keys]
    with web_server(small) as server:
        (first,) = server.instance.get_run_records()
        months = ["2015-03", "2015-04", "2015-05"]
        answer = server.ask(BACKFILL, of={"assetSelection": everything, "partitionNames": months})
        assert answer["launchPartitionBackfill"]["__typename"] == "LaunchBackfillSuccess", answer
        list(execute_backfill_iteration(server.process, logging.getLogger(__name__)))
        runs = [run for run in server.instance.get_runs() if run.run_id != first.dagster_run.run_id]
        assert {run.status for run in runs} == {dg.DagsterRunStatus.QUEUED}
        by_months = {bool(run.tags.get("dagster/asset_partition_range_start")): run.asset_selection for run in runs}
        assert len(runs) == 2
        assert by_months[True] == {dg.AssetKey(["raw", "raw_ratings"])}
        assert {dg.AssetKey(["raw", "raw_movies"]), dg.AssetKey(["dim", "dim_movies"])} <= (by_months[False] or set())


RESOURCES = """query($of: RepositorySelector!) { allTopLevelResourceDetailsOrError(repositorySelector: $of) {
    ... on ResourceDetailsList { results {
        name resourceType description configuredValues { key value type } assetKeysUsing { path }
} } } }"""


def test_the_resources_page_shows_bucket_warehouse_report_store_and_dbt_and_who_uses_them(server: WebServer) -> None:
    selector = {"repositoryName": "__repository__", "repositoryLocationName": CODE_LOCATION}
    answer = server.ask(RESOURCES, of=selector)["allTopLevelResourceDetailsOrError"]
    found = {one["name"]: one for one in answer["results"]}
    assert set(found) == {"bucket", "warehouse", "report_store", "dbt"}
    for name, one in found.items():
        assert one["configuredValues"] and one["assetKeysUsing"] and one["description"], name
    users = {name: {key["path"][-1] for key in one["assetKeysUsing"]} for name, one in found.items()}
    assert {"raw_ratings", "report"} <= users["warehouse"]
    assert users["report_store"] == {"report"}
    assert "fact_ratings" in users["dbt"]
    values = {one["key"]: one["value"] for one in found["bucket"]["configuredValues"]}
    assert {"bucket", "endpoint_url", "region_name"} <= values.keys()
    assert "netflix-local-secret" not in str(answer)


def test_every_file_calls_the_code_location_the_same() -> None:
    named = {
        "workspace.yaml": f"location_name: {CODE_LOCATION}\n",
        "deploy/workspace.yaml": f"location_name: {CODE_LOCATION}\n",
        "deploy/helm-values.yaml": f"- name: {CODE_LOCATION}\n",
        "pyproject.toml": f'code_location_name = "{CODE_LOCATION}"\n',
    }
    for path, line in named.items():
        assert line in (PROJECT_ROOT / path).read_text(), path
    # One for `dagster`, one for `dg`.
    assert (PROJECT_ROOT / "pyproject.toml").read_text().count(named["pyproject.toml"]) == 2
