"""How a node of the dbt project looks in Dagster."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject


class NetflixDbtTranslator(DagsterDbtTranslator):
    """dbt-dagster's names; groups are the layers; descriptions are those of the YAML files."""

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True, enable_code_references=True))

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """The asset of a model, seed, snapshot or source."""
        node = self.get_resource_props(manifest, unique_id)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)  # code references
            spec = super().get_asset_spec(manifest, unique_id, project)
        return spec.replace_attributes(group_name=layer_of(node), description=node["description"])

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetCheckSpec | None:
        """The check of a data test, described as in its YAML."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        return spec and spec._replace(description=_test_description(self.get_resource_props(manifest, unique_id)))


def _test_description(node: Mapping[str, Any]) -> str:
    if node.get("description"):
        return str(node["description"])
    test = node.get("test_metadata", {}).get("name", "singular")
    column = f" of column `{node['column_name']}`" if node.get("column_name") else ""
    return f"dbt test `{test}`{column}; its SQL is in `{node['original_file_path']}`."


def layer_of(node: Mapping[str, Any]) -> str:
    """The layer of a dbt node: the folder of a model, or what else it is."""
    folders = {"seed": "seeds", "snapshot": "snapshots", "source": "raw"}
    return folders.get(node["resource_type"]) or str(node["fqn"][1])
