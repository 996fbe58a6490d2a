"""The homes that are tortured: copies of a built one, or first loads."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from netflix_assets.settings import Settings
from netflix_assets_tests.conftest import isolated_settings
from netflix_assets_tests.pipeline import MOVIES, RATINGS, SMALL, TAGS, ratings_csv
from netflix_assets_tests.torture.commands import Forked, command

GIVEN_SECONDS = 900

CHANGED: Mapping[str, str | None] = {
    "raw/movies.csv": MOVIES.replace("Heat (1995)", "Heat: recut (1996)") + "5,Speed (1994),Action\n",
    "raw/tags.csv": TAGS + "3,3,station,1425168300\n",
    "raw/ratings/month=1996-03/ratings.csv": ratings_csv([*RATINGS["1996-03"], "9,3,1.0,825638402"]),
    "raw/ratings/month=2015-04/ratings.csv": ratings_csv(["4,4,5.0,1427846400"]),
    "raw/ratings/month=2015-05/ratings.csv": None,
}
"""What has changed in the bucket when a command is disturbed: text by key, None for what was removed."""


def put(settings: Settings, objects: Mapping[str, str | None]) -> None:
    """Write and remove files of the bucket's folder, as no server runs."""
    for key, text in objects.items():
        path = settings.s3_root / settings.bucket / key
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def source_of_the_same(folder: Path) -> Path:
    """Write a folder to upload, after which the bucket holds what it would after `CHANGED`."""
    for key, text in {**SMALL, **CHANGED}.items():
        if text is not None:
            path = folder / key.removeprefix("raw/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return folder


def base(folder: Path, built: Path | None) -> Settings:
    """Load the small data into a home, or copy one that holds it; each cycle takes a copy."""
    settings = isolated_settings(folder / "home")
    put(settings, SMALL)
    if built is not None:
        shutil.copytree(built, settings.home, dirs_exist_ok=True)
        return settings
    failed = finish(settings)
    assert failed is None, failed
    return settings


def prepared(settings: Settings, folder: Path, *, fresh: bool) -> Settings:
    """Return a copy of a home, at an address of its own; without any table if it is to be a first load."""
    home = folder / "home"
    home.mkdir(parents=True)
    for name in ("s3",) if fresh else ("s3", "dagster", "dbt", "warehouse.duckdb", "warehouse.duckdb.wal"):
        source = settings.home / name
        if source.is_dir():
            shutil.copytree(source, home / name)
        elif source.exists():
            shutil.copy(source, home / name)
    if fresh:
        # Parsing the project is not what is tortured.
        (home / "dbt").mkdir()
        for name in ("manifest.json", "manifest.fingerprint", "partial_parse.msgpack"):
            shutil.copy(settings.home / "dbt" / name, home / "dbt" / name)
    return replace(settings, home=home).with_s3_endpoint(isolated_settings(home).s3_endpoint)


def finish(settings: Settings, *arguments: str) -> str | None:
    """Run a command to its end, `materialize` by default; return what it said if it failed, or that it is stuck."""
    process = command(settings, *(arguments or ("materialize",)))
    if not process.wait(GIVEN_SECONDS):
        return f"stuck: {process.said()[-1000:]}"
    return None if process.returncode == 0 else f"ended with {process.returncode}: {process.said()[-2000:]}"


def told_as_ended(process: Forked) -> str | None:
    """Return what is wrong with how a command ended that was asked to, or None."""
    if process.returncode == 0:
        return None
    said = process.said()
    wanted = {130, 143, -signal.SIGINT, -signal.SIGTERM}
    if process.returncode not in wanted:
        return f"asked to end, it ended with {process.returncode}: {said[-1500:]}"
    return None
