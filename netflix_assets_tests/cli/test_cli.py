"""The command line as a person types it: each command alone in a fresh process, with no server running."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from netflix_assets.cli import main
from netflix_assets.settings import Settings
from netflix_assets_tests.conftest import isolated_settings
from netflix_assets_tests.pipeline import LEFT_OUT, LINKS, MOVIES, RATINGS, TAGS, ratings_csv


def leaves(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, *path, name)
        else:
            yield (*path, name)


def run_in(settings: Settings, *arguments: str, python: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(python), "-m", "netflix_assets.cli", *arguments],
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


@pytest.fixture
def hostile(tmp_path: Path) -> dict[str, str]:
    """A shell in which somebody works on other projects; each of these has changed or stopped a run."""
    home = tmp_path / "user"
    files = {
        ".aws/config": "[profile broken\n",
        ".aws/credentials": "not a credentials file",
        ".dbt/profiles.yml": "netflix_assets: {target: theirs, outputs: {}}",
        "modules/dagster/__init__.py": "raise RuntimeError('the dagster of another project')",
        "profiles/profiles.yml": "theirs: {target: dev, outputs: {}}",
    }
    for name, text in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    elsewhere = str(home)
    return {
        **{"HOME": elsewhere, "PYTHONPATH": f"{elsewhere}/modules", "PYTHONWARNINGS": "error", "TZ": "Asia/Tokyo"},
        **{"LANG": "de_DE.ISO-8859-1", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        **{"AWS_PROFILE": "nowhere", "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_CONFIG_FILE": f"{elsewhere}/none"},
        **dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9"),
        **{"RCLONE_CONFIG": "/none", "RCLONE_S3_NO_HEAD": "x", "RCLONE_BIND": "192.0.2.1"},
        **{"DAGSTER_HOME": f"{elsewhere}/none", "DAGSTER_DBT_PARSE_PROJECT_ON_LOAD": "1", "DAGSTER_GRPC_PORT": "9"},
        **{"DBT_EMPTY": "true", "DBT_TARGET": "prod", "DBT_PROFILES_DIR": f"{elsewhere}/profiles", "DBT_PROFILE": "x"},
        **{"DBT_PROJECT_DIR": elsewhere, "DBT_THREADS": "x", "DBT_DEFER": "true", "DBT_STATE": f"{elsewhere}/none"},
        **{"DBT_FAVOR_STATE": "true", "DBT_SAMPLE": "1 day", "DBT_EXCLUDE_RESOURCE_TYPES": "model snapshot"},
        **{"DBT_VARS": "{min_ratings: 0}", "DBT_FAIL_FAST": "true", "DBT_WARN_ERROR": "true", "DBT_SELECT": "nothing"},
    }


def test_upload_materialize_and_status_work_each_alone_in_a_shell_set_up_for_other_projects(
    settings: Settings, release: Path, hostile: dict[str, str], python: Path
) -> None:
    def run(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_in(settings, *arguments, python=python, **hostile)

    uploaded = run(settings, "upload", str(release))
    assert (uploaded.returncode, uploaded.stderr) == (0, "")
    assert "6 objects" in uploaded.stdout

    made = run(settings, "materialize")
    assert made.returncode == 0, made.stdout + made.stderr
    assert f"not in the bucket: {', '.join(LEFT_OUT)}" in made.stdout
    again = run(settings, "materialize")
    assert again.stdout.strip() == "everything is up to date: nothing to run"

    status = json.loads(run(settings, "status", "--json").stdout)
    tables = {(table["layer"], table["table"]): table for table in status["tables"]}
    assert tables["fact", "fact_ratings"]["rows"] == 6
    assert tables["raw", "raw_movies"]["rejected"] == 0
    assert all(table["up_to_date"] and table["made_at"] for table in tables.values())
    assert status["missing_files"] == list(LEFT_OUT)


def test_a_wrong_setting_is_one_sentence_and_exit_code_1(settings: Settings, python: Path) -> None:
    refused = run_in(settings, "status", python=python, NETFLIX_TARGET="bigquery")
    assert refused.returncode == 1
    assert refused.stderr.strip() == (
        "error: NETFLIX_TARGET is 'bigquery'; known targets: local, snowflake (see .env.example)"
    )


def test_a_home_that_cannot_be_written_is_one_sentence(tmp_path: Path, python: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    refused = run_in(isolated_settings(tmp_path / "file" / "home"), "materialize", python=python)
    assert refused.returncode == 1
    assert "set NETFLIX_HOME to" in refused.stderr
    assert refused.stderr.count("\n") == 1, refused.stderr


def test_a_source_that_is_not_there_is_one_sentence(settings: Settings, python: Path) -> None:
    refused = run_in(settings, "upload", "no-such-folder", python=python)
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: there is no no-such-folder")
