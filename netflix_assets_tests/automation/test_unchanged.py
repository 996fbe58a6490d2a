"""Whether nothing changed, told without Dagster and dbt: quick if so, and never if anything is not as it was."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from netflix_assets.automation import unchanged
from netflix_assets.automation.instance import dagster_instance
from netflix_assets.cli import main
from netflix_assets.errors import UserError
from netflix_assets.settings import PROJECT_ROOT, Settings, Target
from netflix_assets.targets import duckdb_from
from netflix_assets_tests.pipeline import MOVIES, Pipeline

NOTHING = "everything is up to date: nothing to run"


def environment(pipeline: Pipeline) -> dict[str, str]:
    settings = pipeline.settings
    return {
        "NETFLIX_HOME": str(settings.home),
        "NETFLIX_S3_ENDPOINT": settings.s3_endpoint,
        "NETFLIX_S3_BUCKET": settings.bucket,
    }


def materialize(pipeline: Pipeline, *arguments: str) -> str:
    return CliRunner().invoke(main, ["materialize", *arguments], env=environment(pipeline)).output.strip()


@pytest.fixture
def known(small: Pipeline) -> Pipeline:
    """A pipeline of which is kept that there is nothing to run."""
    assert materialize(small) == NOTHING
    settings = small.settings
    assert unchanged.holds(settings, unchanged.fingerprint(settings))
    return small


def know_nothing_to_run(pipeline: Pipeline) -> None:
    """Keep of the pipeline as it is that there is nothing to run."""
    found = unchanged.fingerprint(pipeline.settings)
    assert found is not None
    unchanged.keep(pipeline.settings, found)
    assert unchanged.holds(pipeline.settings, unchanged.fingerprint(pipeline.settings))


def test_it_is_told_without_importing_dagster_dbt_or_duckdb(known: Pipeline) -> None:
    program = (
        "import json, sys; from netflix_assets.cli import main; main(['materialize'], standalone_mode=False);"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment(known)},
        capture_output=True,
        text=True,
        check=True,
    )
    said, modules = done.stdout.strip().splitlines()
    assert said == NOTHING
    assert not {"dagster", "dagster_dbt", "dbt", "duckdb", "sqlalchemy"} & set(json.loads(modules))


def touch_the_warehouse(pipeline: Pipeline) -> None:
    os.utime(pipeline.settings.warehouse_path)


def write_to_the_warehouse(pipeline: Pipeline) -> None:
    with duckdb_from(pipeline.settings).connection() as connection:
        connection.execute("delete from raw.raw_ratings where rating = 4.5")


def record_an_event(pipeline: Pipeline) -> None:
    with dagster_instance(pipeline.settings) as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization(["raw", "raw_links"]))


def record_a_run(pipeline: Pipeline) -> None:
    with dagster_instance(pipeline.settings) as instance:
        instance.add_run(dg.DagsterRun("__ASSET_JOB", status=dg.DagsterRunStatus.SUCCESS))


def cut_off_what_is_kept(pipeline: Pipeline) -> None:
    kept = pipeline.settings.home / "nothing-to-run"
    kept.write_bytes(kept.read_bytes()[:-5])


def keep_another_format(pipeline: Pipeline) -> None:
    kept = pipeline.settings.home / "nothing-to-run"
    kept.write_bytes(kept.read_bytes().replace(b"run 1 ", b"run 0 "))


CHANGES: list[Callable[[Pipeline], object]] = [
    lambda pipeline: pipeline.put("raw/movies.csv", MOVIES.replace("Heat (1995)", "Heat II (1995)")),
    lambda pipeline: pipeline.put("raw/tags-2.txt", "of no file"),
    lambda pipeline: pipeline.delete("raw/links.csv"),
    lambda pipeline: pipeline.settings.report_path.unlink(),
    lambda pipeline: (pipeline.settings.home / "nothing-to-run").unlink(),
    lambda pipeline: (pipeline.settings.home / "nothing-to-run").write_bytes(b"\xff" * 90),
    touch_the_warehouse,
    write_to_the_warehouse,
    record_an_event,
    record_a_run,
    cut_off_what_is_kept,
    keep_another_format,
    # The last: what else is changed is in it.
    lambda pipeline: pipeline.settings.warehouse_path.unlink(),
]


def test_whatever_changed_asks_the_planner(known: Pipeline) -> None:
    for number, change in enumerate(CHANGES):
        know_nothing_to_run(known)
        change(known)
        assert not unchanged.holds(known.settings, unchanged.fingerprint(known.settings)), number


def test_other_settings_or_a_store_that_is_away_ask_the_planner(known: Pipeline) -> None:
    settings = known.settings
    for other in (
        replace(settings, max_runtime_seconds=1),
        replace(settings, schema_prefix="dev_"),
        replace(settings, s3_secret_key="another"),
        replace(settings, target=Target.SNOWFLAKE),
        replace(settings, bucket="no-such-bucket"),
    ):
        assert not unchanged.holds(other, unchanged.fingerprint(other))


def edit(path: Path) -> None:
    path.write_text(f"{path.read_text()}\n")


EDITS: list[Callable[[Path], object]] = [
    lambda copy: edit(copy / "netflix_assets" / "catalog.py"),
    lambda copy: edit(copy / "netflix_assets" / "reporting" / "page" / "report.css"),
    lambda copy: edit(copy / "dbt_project" / "models" / "mart" / "movie_scores.sql"),
    lambda copy: (copy / "dbt_project" / "seeds" / "new.csv").write_text("id\n1\n"),
    lambda copy: (copy / "dbt_project" / "macros" / "text.sql").unlink(),
    lambda copy: edit(copy / "netflix_assets" / "automation" / "dagster.yaml"),
]


def test_edited_code_or_models_ask_the_planner(
    known: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "checkout"
    ignore = shutil.ignore_patterns("__pycache__", "target", "logs")
    for name in ("netflix_assets", "dbt_project"):
        shutil.copytree(PROJECT_ROOT / name, copy / name, ignore=ignore)
    monkeypatch.setattr(unchanged, "PROJECT_ROOT", copy)
    assert unchanged.holds(known.settings, unchanged.fingerprint(known.settings))
    for number, change in enumerate(EDITS):
        know_nothing_to_run(known)
        change(copy)
        assert not unchanged.holds(known.settings, unchanged.fingerprint(known.settings)), number


def test_what_happens_while_the_planner_looks_is_not_taken_for_seen(
    small: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from netflix_assets.cli import pipeline as command

    run = command._run_what_changed

    def run_and_be_overtaken(settings: Settings, **options: object) -> object:
        done = run(settings, **options)  # type: ignore[arg-type]
        small.put("raw/movies.csv", MOVIES.replace("Heat (1995)", "Heat II (1995)"))
        return done

    monkeypatch.setattr(command, "_run_what_changed", run_and_be_overtaken)
    assert materialize(small) == NOTHING
    assert not unchanged.holds(small.settings, unchanged.fingerprint(small.settings))


def test_a_home_that_keeps_nothing_asks_each_time(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    unchanged.keep(replace(settings, home=tmp_path / "file"), "digest")
    assert not unchanged.holds(replace(settings, home=tmp_path / "file"), "digest")


def test_all_is_run_although_nothing_changed(known: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    # That it is known after a run, is seen where the main job is.
    from netflix_assets.cli import pipeline as command

    def run(_settings: Settings, **options: object) -> object:
        raise UserError(f"asked to: {options['force']}")

    monkeypatch.setattr(command, "_run_what_changed", run)
    assert "asked to: True" in materialize(known, "--all")
