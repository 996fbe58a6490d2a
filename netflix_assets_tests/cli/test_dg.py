"""Dagster's own command, `dg`, knows the project."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from netflix_assets.automation.instance import make_dagster_home
from netflix_assets.catalog import RAW_FILES
from netflix_assets.settings import PROJECT_ROOT
from netflix_assets_tests.browser.running import environment
from netflix_assets_tests.pipeline import Pipeline


def test_dg_lists_the_definitions_without_a_warning(built_small: Pipeline) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("dg")), "list", "defs", "--json"],
        cwd=PROJECT_ROOT,
        env={
            **environment(built_small.settings),
            "DAGSTER_HOME": str(make_dagster_home(built_small.settings)),
            # As in a shell in which the environment is active.
            "VIRTUAL_ENV": sys.prefix,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    listed = {asset["asset_key"] for asset in json.loads(done.stdout)["assets"]}
    assert {"/".join(file.table_key) for file in RAW_FILES} <= listed
