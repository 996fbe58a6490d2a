"""A person who runs dbt alone where no warehouse was made is told so in a sentence."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError

from netflix_assets.transform.project import PROJECT_DIR


def test_dbt_names_the_missing_folder_of_the_warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local = yaml.safe_load((PROJECT_DIR / "profiles.yml").read_text())["netflix"]["outputs"]["local"]
    (folder,) = local["module_paths"]
    assert folder == "{{ flags.PROFILES_DIR }}/plugins"
    monkeypatch.syspath_prepend(str(PROJECT_DIR / "plugins"))
    plugin: Any = BasePlugin.create(local["plugins"][0]["module"])
    plugin.update_connection_config(SimpleNamespace(path=str(tmp_path / "warehouse.duckdb")), {})
    with pytest.raises(DbtRuntimeError, match=r"folder of the warehouse, .*/none, is not there: .* NETFLIX_HOME"):
        plugin.update_connection_config(SimpleNamespace(path=str(tmp_path / "none" / "warehouse.duckdb")), {})
