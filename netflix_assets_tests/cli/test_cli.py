"""The command line as a person types it: each command alone in a fresh process, with no server running."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from netflix_assets.cli import main
from netflix_assets.settings import Settings
from netflix_assets_tests.conftest import isolated_settings
from netflix_assets_tests.pipeline import LINKS, MOVIES, RATINGS, TAGS, ratings_csv


def leaves(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, *path, name)
        else:
            yield (*path, name)


def run(settings: Settings, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "netflix_assets.cli", *arguments],
        env={
            **os.environ,
            "NETFLIX_HOME": str(settings.home),
            "NETFLIX_S3_ENDPOINT": settings.s3_endpoint,
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("command", list(leaves(main)), ids=" ".join)
def test_every_command_explains_itself_with_an_example(command: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(main, [*command, "--help"])
    assert shown.exit_code == 0
    assert f"Example: netflix-assets {' '.join(command)}" in shown.output


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A folder as MovieLens ships it, without the genome."""
    folder = tmp_path / "ml-tiny"
    folder.mkdir()
    lines = [line for month in RATINGS.values() for line in month]
    for name, text in {
        "movies.csv": MOVIES,
        "links.csv": LINKS,
        "tags.csv": TAGS,
        "ratings.csv": ratings_csv(lines),
    }.items():
        (folder / name).write_text(text)
    return folder


def test_upload_materialize_and_status_work_each_alone_and_a_second_materialize_runs_nothing(
    settings: Settings, release: Path
) -> None:
    uploaded = run(settings, "upload", str(release))
    assert (uploaded.returncode, uploaded.stderr) == (0, "")
    assert "6 objects" in uploaded.stdout

    made = run(settings, "materialize")
    assert made.returncode == 0, made.stdout + made.stderr
    assert "not in the bucket, so their tables are empty: raw/genome_scores.csv, raw/genome_tags.csv" in made.stdout
    again = run(settings, "materialize")
    assert again.stdout.strip() == "everything is up to date: nothing to run"

    status = json.loads(run(settings, "status", "--json").stdout)
    tables = {(table["layer"], table["table"]): table for table in status["tables"]}
    assert tables["fact", "fact_ratings"]["rows"] == 6
    assert tables["raw", "raw_movies"]["rejected"] == 0
    assert all(table["fresh"] and table["made_at"] for table in tables.values())
    assert status["missing_files"] == ["raw/genome_scores.csv", "raw/genome_tags.csv"]

    bucket = settings.s3_root / settings.bucket / "raw"
    (bucket / "movies.csv").write_text("movieId;title;genres\n1;Toy Story (1995);Comedy\n")
    failed = run(settings, "materialize")
    assert failed.returncode == 1
    assert "failed: raw/movies.csv, line 1" in failed.stdout
    assert "what Dagster and dbt said is in" in failed.stderr


def test_a_wrong_setting_is_one_sentence_and_exit_code_1(settings: Settings) -> None:
    refused = run(settings, "status", NETFLIX_TARGET="bigquery")
    assert refused.returncode == 1
    assert refused.stderr.strip() == (
        "error: NETFLIX_TARGET is 'bigquery'; known targets: local, snowflake (see .env.example)"
    )


def test_a_home_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    refused = run(isolated_settings(tmp_path / "file" / "home"), "materialize")
    assert refused.returncode == 1
    assert "set NETFLIX_HOME to" in refused.stderr
    assert refused.stderr.count("\n") == 1, refused.stderr


def test_a_source_that_is_not_there_is_one_sentence(settings: Settings) -> None:
    refused = run(settings, "upload", "no-such-folder")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: there is no no-such-folder")
