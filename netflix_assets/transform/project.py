"""Where the dbt project is, the environment it runs in, and its manifest, parsed only when it changed.

`DbtProject.prepare_if_dev` parses in every process that imports the definitions (8 s under `dagster dev`).
Here a fingerprint of the project's files decides, so that a run worker finds the manifest made.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from dagster_dbt import DbtProject

from netflix_assets.catalog import raw_file
from netflix_assets.errors import SettingsError, UserError
from netflix_assets.scratch import scratch_folder
from netflix_assets.settings import PROJECT_ROOT, Settings, child_environment

PROJECT_DIR = PROJECT_ROOT / "dbt_project"
_RATINGS_BY = raw_file("ratings").partition_by.value
_FINGERPRINT = "manifest.fingerprint"
_NOT_SOURCE = {"target", "logs", "dbt_packages", "dbt_internal_packages", "__pycache__"}


def dbt_executable() -> str:
    """The `dbt` of the environment that this Python runs in, whatever PATH says."""
    return str(Path(sys.executable).with_name("dbt"))


@contextmanager
def dbt_environment(settings: Settings, run_id: str = "") -> Iterator[None]:
    """Replace this process's environment, which dagster-dbt gives to the dbt that it starts in the block.

    Of the user's shell only what `child_environment` lets through is left: DBT_EMPTY would empty the tables and close
    the history of every snapshot, DBT_TARGET and DBT_PROFILES_DIR are another project's.

    Args:
        settings: Where dbt builds.
        run_id: The Dagster run that dbt works for.
    """
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(
        {
            **child_environment(before),
            **settings.dbt_environment(),
            "NETFLIX_RUN_ID": run_id,
            "NETFLIX_RATINGS_BY": _RATINGS_BY,
            "DBT_PROFILES_DIR": str(PROJECT_DIR),
            "DBT_TARGET_PATH": str(settings.dbt_target_path),
            # Dagster has what dbt says. Writing it to dbt.log too takes a tenth of every build, whatever the level.
            "DBT_LOG_LEVEL_FILE": "none",
        }
    )
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def prepared_project(settings: Settings) -> tuple[DbtProject, str]:
    """The dbt project with a manifest that fits its files, and a digest of those files.

    Raises:
        UserError: dbt cannot parse the project; the text is dbt's.
    """
    target = settings.dbt_target_path
    fingerprint = _fingerprint(settings)
    recorded = target / _FINGERPRINT
    if not recorded.exists() or recorded.read_text() != fingerprint:
        _parse(settings)
        recorded.write_text(fingerprint)
    return DbtProject(project_dir=PROJECT_DIR, target_path=target), fingerprint


def _fingerprint(settings: Settings) -> str:
    """A digest over everything that a manifest depends on."""
    digest = hashlib.sha256()
    for path in sorted(PROJECT_DIR.rglob("*")):
        relative = path.relative_to(PROJECT_DIR)
        if path.is_file() and not _NOT_SOURCE & set(relative.parts):
            digest.update(f"{relative}\0".encode())
            digest.update(path.read_bytes())
    # Where relations are, who may read them, and where the dashboard is, is in the manifest.
    names = ("NETFLIX_TARGET", "NETFLIX_SCHEMA_PREFIX", "NETFLIX_SNOWFLAKE_DATABASE", "NETFLIX_SNOWFLAKE_REPORTER_ROLE")
    places = [settings.dbt_environment().get(name) for name in names]
    places += [settings.looker_studio.dashboard_url, _RATINGS_BY]
    digest.update(repr((version("dbt-core"), str(PROJECT_DIR), places)).encode())
    return digest.hexdigest()


def _parse(settings: Settings) -> None:
    """Parse into a folder of its own, then move the results in place, so that none is half-written.

    In this process, which has dbt imported for dagster-dbt anyway: a `dbt parse` of its own takes 3 seconds longer.
    """
    from dbt.cli.main import dbtRunner

    target = settings.dbt_target_path
    try:
        with scratch_folder(target, "parse-", error=SettingsError) as folder, dbt_environment(settings):
            where = ["--project-dir", str(PROJECT_DIR), "--target-path", str(folder), "--log-path", str(folder)]
            parsed = dbtRunner().invoke(["--log-level", "none", "parse", *where])
            if not parsed.success:
                raise UserError(f"dbt cannot parse {PROJECT_DIR}: {parsed.exception}")
            for name in ("manifest.json", "partial_parse.msgpack"):
                Path(folder, name).replace(target / name)
    except OSError as error:
        raise SettingsError(
            f"{error.filename} cannot be written ({error.strerror}); "
            "make it writable or set NETFLIX_HOME to a folder that is"
        ) from error
