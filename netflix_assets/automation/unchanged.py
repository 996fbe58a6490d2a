"""Whether anything changed since `materialize` last found nothing to run, asked without importing Dagster or dbt.

A digest is kept of everything that its answer depends on: the bucket's listing, the dbt project, the package and what
is installed beside it, the settings, and what the files of the warehouse, of Dagster and of the report are like. If it
holds, there is nothing to run. Whatever is unknown makes another digest, and then the planner is asked.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from netflix_assets.errors import UserError
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.local_s3 import reach
from netflix_assets.settings import PROJECT_ROOT, Settings, Target

_FORMAT = "nothing to run 1"
_CODE = ("netflix_assets", "dbt_project")
_NOT_CODE = {"__pycache__", "target", "logs"}
# Two changes within one tick of a file system's clock cannot be told apart by time.
_TICK_NS = 50_000_000


def fingerprint(settings: Settings) -> str | None:
    """Return a digest of everything that decides whether there is something to run.

    None if that cannot be told here: the state of Snowflake is not in files, and a bucket or folder that cannot be
    read has to be reported by those who report it well.
    """
    if settings.target is not Target.LOCAL:
        return None
    digest = hashlib.sha256()
    try:
        for part in _parts(settings):
            digest.update(f"{part}\n".encode())
    except (UserError, OSError):
        return None
    return digest.hexdigest()


def holds(settings: Settings, found: str | None) -> bool:
    """Return whether the digest that is kept is this one."""
    with contextlib.suppress(OSError):
        return found is not None and _kept(settings).read_bytes() == _text(found)
    return False


def keep(settings: Settings, found: str) -> None:
    """Keep a digest with which there was nothing to run."""
    path = _kept(settings)
    # Where it cannot be written, the planner is asked each time.
    with contextlib.suppress(OSError):
        making = path.with_name(f".{path.name}-{os.getpid()}")
        try:
            making.write_bytes(_text(found))
            making.replace(path)
        finally:
            making.unlink(missing_ok=True)


def _kept(settings: Settings) -> Path:
    return settings.home / "nothing-to-run"


def _text(found: str) -> bytes:
    return f"{_FORMAT} {found}\n".encode()


def _parts(settings: Settings) -> Iterator[object]:
    yield sys.version, sorted(path.name for path in Path(sysconfig.get_path("purelib")).glob("*.dist-info"))
    # Of the user's shell only the settings decide anything, wherever each is from.
    yield asdict(replace(settings, given=()))
    for path in _code():
        yield path, hashlib.sha256((PROJECT_ROOT / path).read_bytes()).hexdigest()
    for version in LandingBucket(settings, reach=reach).versions():
        yield version.key, version.etag, version.size, version.last_modified
    for path in _state(settings):
        yield path, _looks_of(path)


def _code() -> Iterator[Path]:
    for name in _CODE:
        for path in sorted((PROJECT_ROOT / name).rglob("*")):
            relative = path.relative_to(PROJECT_ROOT)
            if path.is_file() and not _NOT_CODE & set(relative.parts):
                yield relative


def _state(settings: Settings) -> Iterator[Path]:
    """Files that change with every load, build, run and recorded event; those that are not there count too."""
    yield settings.report_path
    history = settings.dagster_home / "history"
    schedules = settings.dagster_home / "schedules"
    databases = [
        settings.warehouse_path,
        history / "runs.db",
        history / "runs" / "index.db",
        schedules / "schedules.db",
        settings.dagster_home / "dagster.yaml",
    ]
    for database in databases:
        yield database
        yield database.with_name(f"{database.name}-wal")
        yield database.with_name(f"{database.name}.wal")


def _looks_of(path: Path) -> tuple[int, int, int] | None:
    while True:
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        age = time.time_ns() - found.st_mtime_ns
        if not 0 <= age < _TICK_NS:
            return found.st_ino, found.st_size, found.st_mtime_ns
        time.sleep(_TICK_NS / 1e9)
