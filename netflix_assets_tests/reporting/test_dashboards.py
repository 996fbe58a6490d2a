"""Dashboards outside: exposures in the lineage, the charts' fields in the dbt manifest, and links to Looker Studio."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import dagster as dg
import pytest
from click.testing import CliRunner

from netflix_assets.cli import main
from netflix_assets.definitions import build_defs
from netflix_assets.errors import SettingsError
from netflix_assets.reporting.exposures import REPORT_KEY, exposure_key, parents
from netflix_assets.reporting.looker_studio import charts, linking_url
from netflix_assets.settings import Settings
from netflix_assets.transform.project import prepared_project
from netflix_assets_tests.conftest import isolated_settings

GOLDEN = Path(__file__).with_name("golden")
CHARTS = charts()
NUMBERS = ("integer", "bigint", "decimal", "double")
SNOWFLAKE = {
    "NETFLIX_TARGET": "snowflake",
    "NETFLIX_S3_BUCKET": "acme-movielens",
    "NETFLIX_SNOWFLAKE_ACCOUNT": "acme-prod",
    "NETFLIX_LOOKER_REPORT_ID": "0f1e-template",
    "NETFLIX_LOOKER_CONNECTOR_ID": "AKfy-connector",
    "NETFLIX_LOOKER_PARAMETERS": "account=ACCOUNT_URL,role=ROLE,warehouse=WAREHOUSE,database=DATABASE,schema=SCHEMA,"
    "query=SQL_QUERY",
}


@pytest.fixture(scope="module")
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return isolated_settings(tmp_path_factory.mktemp("dashboards"))


@pytest.fixture(scope="module")
def manifest(own_settings: Settings) -> dict[str, Any]:
    project, _ = prepared_project(own_settings)
    found: dict[str, Any] = json.loads(project.manifest_path.read_bytes())
    return found


@pytest.fixture(scope="module")
def views(manifest: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The type of each column of each view that dashboards read."""
    return {
        node["name"]: {name: column["data_type"] for name, column in node["columns"].items()}
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["config"]["schema"] == "reporting"
    }


def test_every_exposure_has_owner_url_and_maturity_and_is_an_asset_below_what_it_shows(
    own_settings: Settings, manifest: dict[str, Any]
) -> None:
    graph = build_defs(own_settings).resolve_asset_graph()
    assert len(manifest["exposures"]) == len(CHARTS) + 1
    for exposure in manifest["exposures"].values():
        assert exposure["owner"]["email"] and exposure["url"].startswith("http") and exposure["maturity"]
        node = graph.get(exposure_key(exposure))
        assert node.parent_keys == set(parents(manifest, exposure))
        assert all(graph.get(parent).is_materializable for parent in node.parent_keys)
        assert node.group_name == "reporting"
        assert node.child_keys == set()
    assert graph.get(REPORT_KEY).is_materializable


def test_a_broken_column_leads_to_the_charts_it_hurts(own_settings: Settings) -> None:
    graph = build_defs(own_settings).resolve_asset_graph()
    below = dg.AssetSelection.assets(dg.AssetKey(["staging", "src_genome_scores"])).downstream().resolve(graph)
    assert {key.path[-1] for key in below if key.path[0] == "reporting"} == {
        "tag_relevance",
        "chart_tag_relevance",
        "report",
    }


@pytest.mark.parametrize("chart", CHARTS, ids=[chart.name for chart in CHARTS])
def test_every_field_of_a_chart_is_a_column_of_the_right_type(chart: Any, views: dict[str, dict[str, str]]) -> None:
    columns = views[chart.view]
    assert set(chart.fields()) <= set(columns)
    for metric in chart.metrics:
        assert metric.aggregation in {"sum", "count", "ratio"}
        for field in filter(None, (metric.field, metric.over)):
            assert metric.aggregation == "count" or columns[field].startswith(NUMBERS), field
            assert not field.startswith("average")
    assert chart.type != "time series" or columns[chart.dimension] == "date"
    assert chart.sort[0] in {*chart.fields(), *(metric.name for metric in chart.metrics)}
    assert chart.sort[1] in {"ascending", "descending"}


def test_every_chart_is_an_exposure_on_its_view(manifest: dict[str, Any]) -> None:
    shown = {
        exposure["name"]: [node.split(".")[-1] for node in exposure["depends_on"]["nodes"]]
        for exposure in manifest["exposures"].values()
        if exposure["name"] != "report"
    }
    assert shown == {chart.name: [chart.view] for chart in CHARTS}


def test_every_average_stands_beside_its_sum_and_count(views: dict[str, dict[str, str]]) -> None:
    assert set(views) >= {chart.view for chart in CHARTS}
    for view, columns in views.items():
        if "average_rating" in columns:
            assert {"stars_total", "ratings"} <= set(columns), view
        if "average_relevance" in columns:
            assert {"relevance_total", "movies"} <= set(columns), view
        for name, type_ in columns.items():
            assert (type_ == "date") == name.endswith(("_in", "_on")), (view, name)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("plain", {}),
        (
            "escaped",
            {
                "NETFLIX_LOOKER_REPORT_ID": "a b&c=d#é",
                "NETFLIX_LOOKER_CONNECTOR_ID": "x/y?z+%20",
                "NETFLIX_SCHEMA_PREFIX": "ada_",
                "NETFLIX_SNOWFLAKE_REPORTER_ROLE": "BI$READER",
                "NETFLIX_LOOKER_URL": "https://datastudio.example.com",
            },
        ),
    ],
)
def test_links_are_those_of_the_golden_files(name: str, changes: dict[str, str]) -> None:
    url = linking_url(Settings.from_environment({**SNOWFLAKE, **changes}))
    assert url == (GOLDEN / f"linking_url_{name}.txt").read_text().strip()
    values = dict(parse_qsl(urlsplit(url).query, strict_parsing=True))
    assert values["c.reportId"] == {**SNOWFLAKE, **changes}["NETFLIX_LOOKER_REPORT_ID"]
    assert values["ds.*.refreshFields"] == "false"
    assert {key.split(".")[1] for key in values if key.startswith("ds.")} == {"*", *(chart.view for chart in CHARTS)}
    assert values["ds.user_activity.SQL_QUERY"].endswith("REPORTING.USER_ACTIVITY")


def test_what_a_link_misses_is_named() -> None:
    with pytest.raises(SettingsError, match="Looker Studio reads Snowflake"):
        linking_url(Settings.from_environment({}))
    without = {name: value for name, value in SNOWFLAKE.items() if "LOOKER" not in name}
    with pytest.raises(SettingsError, match=r"REPORT_ID, NETFLIX_LOOKER_CONNECTOR_ID, NETFLIX_LOOKER_PARAMETERS are"):
        linking_url(Settings.from_environment(without))
    with pytest.raises(SettingsError, match="NETFLIX_LOOKER_PARAMETERS is 'role=ROLE'; it must give"):
        Settings.from_environment({**SNOWFLAKE, "NETFLIX_LOOKER_PARAMETERS": "role=ROLE"})


def test_the_command_prints_the_link() -> None:
    result = CliRunner().invoke(main, ["report", "looker-studio"], env=SNOWFLAKE)
    assert result.exit_code == 0, result.output
    assert result.output == (GOLDEN / "linking_url_plain.txt").read_text()
