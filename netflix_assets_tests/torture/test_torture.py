"""A short form of `make torture`: a cycle that is always the same, on the home that tests share."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from netflix_assets.settings import PROJECT_ROOT
from netflix_assets_tests.pipeline import Pipeline


def test_a_command_that_is_killed_and_whose_dbt_is_killed_then_comes_to_what_an_undisturbed_one_does(
    built_small: Pipeline, python: Path
) -> None:
    # One after the other on one home: what the second command has to mend is what the first has left.
    arguments = ["1", "--kinds", "killed+dbt_killed", "--seed", "1", "--at-once", "1"]
    arguments += ["--built", str(built_small.settings.home)]
    done = subprocess.run(
        [str(python), "-m", "netflix_assets_tests.torture", *arguments],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    totals = json.loads(done.stdout.splitlines()[-1])
    assert {name for name, count in totals.items() if count} <= {"cycles", "kills"}
