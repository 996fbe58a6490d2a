"""Dagster's own command, `dg`, knows the project."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from dotenv import dotenv_values

from netflix_assets.automation.instance import make_dagster_home
from netflix_assets.catalog import RAW_FILES
from netflix_assets.settings import PROJECT_ROOT, Settings
from netflix_assets_tests.browser.running import environment
from netflix_assets_tests.pipeline import Pipeline


def test_dg_lists_the_definitions_without_a_warning(built_small: Pipeline, python: Path) -> None:
    done = subprocess.run(
        [str(python.with_name("dg")), "list", "defs", "--json"],
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


def test_what_make_writes_gives_dg_the_state_and_limits_of_the_product(tmp_path: Path) -> None:
    checkout = tmp_path / "a checkout"
    checkout.mkdir()
    for name in ("Makefile", "netflix_assets"):
        (checkout / name).symlink_to(PROJECT_ROOT / name)
    for _ in range(2):
        subprocess.run(["make", ".env"], cwd=checkout, check=True, capture_output=True)
        assert dotenv_values(checkout / ".env") == {"DAGSTER_HOME": str(checkout / ".netflix" / "dagster")}
    shown = subprocess.run(["sh", "-c", '. ./.env; printf %s "$DAGSTER_HOME"'], cwd=checkout, capture_output=True)
    assert Path(shown.stdout.decode()) == checkout / ".netflix" / "dagster"
    own = Settings.from_environment({"NETFLIX_HOME": str(tmp_path / "own")})
    (configuration,) = make_dagster_home(own).iterdir()
    assert (checkout / ".netflix" / "dagster" / configuration.name).read_bytes() == configuration.read_bytes()
