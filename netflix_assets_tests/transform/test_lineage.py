"""The dbt project on Dagster's graph: nothing of it is missing, everything is described."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from netflix_assets.catalog import RAW_FILES
from netflix_assets.definitions import build_defs
from netflix_assets.settings import Settings
from netflix_assets.transform.dbt_assets import READ_BY_PEOPLE
from netflix_assets_tests.conftest import isolated_settings

LAYERS = {"landing", "raw", "staging", "dim", "fact", "mart", "snapshots", "seeds", "reporting"}


@pytest.fixture(scope="module")
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return isolated_settings(tmp_path_factory.mktemp("lineage"))


@pytest.fixture(scope="module")
def graph(own_settings: Settings) -> dg.AssetGraph:
    return build_defs(own_settings).resolve_asset_graph()


@pytest.fixture(scope="module")
def manifest(graph: dg.AssetGraph, own_settings: Settings) -> Iterator[dict[str, Any]]:
    yield json.loads((own_settings.dbt_target_path / "manifest.json").read_bytes())


def nodes(manifest: dict[str, Any], *kinds: str) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] in kinds]


def test_every_model_seed_and_snapshot_is_an_asset_in_the_group_of_its_layer(
    graph: dg.AssetGraph, manifest: dict[str, Any]
) -> None:
    for node in nodes(manifest, "model", "seed", "snapshot"):
        asset = graph.get(dg.AssetKey([node["config"]["schema"], node["name"]]))
        assert asset.group_name == node["config"]["schema"]


def test_every_data_test_is_an_asset_check(graph: dg.AssetGraph, manifest: dict[str, Any]) -> None:
    tests = {node["name"] for node in nodes(manifest, "test")}
    checks = {key.name for key in graph.asset_check_keys}
    assert len(tests) == len(nodes(manifest, "test")) >= 60
    assert tests <= checks


def test_every_unit_test_is_an_asset_check_of_the_model_it_tests(
    graph: dg.AssetGraph, manifest: dict[str, Any]
) -> None:
    keys = {(key.asset_key.path[-1], key.name) for key in graph.asset_check_keys}
    unit_tests = {(node["model"], node["name"]) for node in manifest["unit_tests"].values()}
    assert len(unit_tests) >= 8
    assert unit_tests <= keys


def test_there_are_no_checks_but_dbts_and_those_of_the_raw_files_their_tables_the_bucket_and_the_report(
    graph: dg.AssetGraph, manifest: dict[str, Any]
) -> None:
    of_columns = [node for node in nodes(manifest, "model") if node["config"]["schema"] in READ_BY_PEOPLE]
    of_a_raw_file, of_exports, of_the_bucket, of_the_report = 7, 1, 1, 3
    ours = of_a_raw_file * len(RAW_FILES) + of_exports + of_the_bucket + of_the_report + len(of_columns)
    assert len(graph.asset_check_keys) == len(nodes(manifest, "test")) + len(manifest["unit_tests"]) + ours


def test_lineage_leads_from_s3_to_the_marts(graph: dg.AssetGraph) -> None:
    path = ["s3/ratings", "raw/raw_ratings", "staging/src_ratings", "fact/fact_ratings"]
    for parent, child in itertools.pairwise(path):
        assert dg.AssetKey.from_user_string(parent) in graph.get(dg.AssetKey.from_user_string(child)).parent_keys


def test_every_asset_has_a_group_a_description_kinds_and_an_owner(graph: dg.AssetGraph) -> None:
    for asset in graph.asset_nodes:
        assert asset.group_name in LAYERS, asset.key
        assert asset.description, asset.key
        assert asset.kinds, asset.key
        assert asset.owners, asset.key


def test_every_asset_of_dbt_shows_its_columns_and_leads_to_its_code(graph: dg.AssetGraph) -> None:
    for asset in graph.asset_nodes:
        if "dbt" in asset.kinds and asset.is_materializable:
            columns = asset.metadata["dagster/column_schema"].columns
            assert columns and all(column.description for column in columns), asset.key
            assert "dagster/code_references" in asset.metadata, asset.key


def test_every_check_has_a_description(graph: dg.AssetGraph) -> None:
    undescribed = [key.name for key in graph.asset_check_keys if not graph.get(key).description]
    assert undescribed == []


def test_everything_in_the_dbt_project_is_described_and_every_test_has_a_name_of_its_own(
    manifest: dict[str, Any],
) -> None:
    described = [*nodes(manifest, "model", "seed", "snapshot"), *manifest["sources"].values()]
    for node in described:
        assert node["description"], node["name"]
        for column in node["columns"].values():
            assert column["description"], (node["name"], column["name"])


def test_only_staging_reads_sources(manifest: dict[str, Any]) -> None:
    for node in nodes(manifest, "model", "snapshot"):
        if node["config"]["schema"] != "staging":
            assert node["sources"] == [], node["name"]


def test_contracts_are_enforced_where_others_read(manifest: dict[str, Any]) -> None:
    for node in nodes(manifest, "model"):
        if node["config"]["schema"] in {"dim", "fact", "mart", "reporting"}:
            assert node["config"]["contract"]["enforced"], node["name"]


def test_the_manifest_is_parsed_again_only_when_the_project_changed(
    own_settings: Settings, graph: dg.AssetGraph
) -> None:
    manifest = own_settings.dbt_target_path / "manifest.json"
    before = manifest.stat().st_mtime_ns
    build_defs(own_settings)
    assert manifest.stat().st_mtime_ns == before


def test_what_exposures_read_is_public_and_every_macro_is_described(manifest: dict[str, Any]) -> None:
    for exposure in manifest["exposures"].values():
        for parent in exposure["depends_on"]["nodes"]:
            assert manifest["nodes"][parent]["access"] == "public", parent
    for macro in manifest["macros"].values():
        if macro["package_name"] == "netflix" and "__" not in macro["name"] and not macro["name"].startswith("test_"):
            assert macro["description"], macro["name"]


def test_each_table_has_its_own_yml_beside_it(manifest: dict[str, Any]) -> None:
    for node in nodes(manifest, "model", "seed"):
        assert node["patch_path"] == f"netflix://{node['original_file_path'].rpartition('.')[0]}.yml"
    for node in nodes(manifest, "snapshot"):
        assert node["original_file_path"] == f"snapshots/{node['name']}.yml"
    for node in manifest["sources"].values():
        assert node["original_file_path"] == f"models/raw/{node['name']}.yml"
