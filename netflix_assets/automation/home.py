"""Dagster's own state: the folder, its configuration, and the instance that lives there."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from netflix_assets.errors import SettingsError
from netflix_assets.loading.raw_assets import WAREHOUSE_POOL
from netflix_assets.settings import PROJECT_ROOT, Settings

HOST_TAG = "netflix/host"
PID_TAG = "netflix/pid"
_CONFIGURATION = "dagster.yaml"


def make_dagster_home(settings: Settings) -> Path:
    """Make the folder that `DAGSTER_HOME` names, with the project's `dagster.yaml` in it.

    Raises:
        SettingsError: The folder cannot be written.
    """
    home = settings.dagster_home
    configuration = (PROJECT_ROOT / _CONFIGURATION).read_bytes()
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not (home / _CONFIGURATION).exists() or (home / _CONFIGURATION).read_bytes() != configuration:
            (home / _CONFIGURATION).write_bytes(configuration)
    except OSError as error:
        raise SettingsError(
            f"{error.filename} cannot be written ({error.strerror}); "
            "make it writable or set NETFLIX_HOME to a folder that is"
        ) from error
    return home


@contextmanager
def dagster_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance that `dagster dev` shows as well, with the warehouse's pool limited to one step."""
    home = make_dagster_home(settings)
    os.environ["DAGSTER_HOME"] = str(home)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        # On a fresh home the default limit is not yet in force for the first runs.
        storage = instance.event_log_storage
        if WAREHOUSE_POOL not in storage.get_concurrency_keys():
            storage.set_concurrency_slots(WAREHOUSE_POOL, 1)
        _end_runs_of_dead_processes(instance)
        yield instance


def process_tags() -> dict[str, str]:
    """Tags of a run that this process executes itself."""
    return {HOST_TAG: socket.gethostname(), PID_TAG: str(os.getpid())}


def _end_runs_of_dead_processes(instance: dg.DagsterInstance) -> None:
    """Mark runs as failed whose process was killed, so that they do not hold the warehouse's pool for ever."""
    unfinished = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING], tags={HOST_TAG: socket.gethostname()}
    )
    for run in instance.get_runs(filters=unfinished):
        if not _is_alive(int(run.tags[PID_TAG])):
            instance.report_run_failed(run, "The process that executed this run was killed.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
