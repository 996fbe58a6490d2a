"""Dagster's own state: the folder, its configuration, and the instance that lives there."""

from __future__ import annotations

import json
import os
import socket
import time
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
_CODE_SERVER_TAG = ".dagster/grpc_info"
_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_SUBMITTED_WITHIN_SECONDS = 300


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
        end_runs_of_dead_processes(instance)
        yield instance


def process_tags() -> dict[str, str]:
    """Tags of a run that this process executes itself."""
    return {HOST_TAG: socket.gethostname(), PID_TAG: str(os.getpid())}


def end_runs_of_dead_processes(instance: dg.DagsterInstance) -> None:
    """Mark runs as failed whose process was killed, so that they do not hold the warehouse's pool for ever."""
    unfinished = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING]
    )
    for run in instance.get_runs(filters=unfinished):
        if _lost_its_process(run):
            instance.report_run_failed(run, "The process that executed this run was killed.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _lost_its_process(run: dg.DagsterRun) -> bool:
    """Whether nobody can be executing the run; False for one of another machine."""
    if run.tags.get(HOST_TAG) == socket.gethostname():
        return not _is_alive(int(run.tags[PID_TAG]))
    # Runs that a code server executes: the server's address, a socket of this machine, is in a tag of Dagster's.
    server = json.loads(run.tags.get(_CODE_SERVER_TAG, "{}"))
    if not server.get("socket"):
        return False
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(server["socket"])
        except (FileNotFoundError, ConnectionRefusedError):
            return True
    return False


def run_in_progress(instance: dg.DagsterInstance, graph: dg.AssetGraph) -> dg.DagsterRun | None:
    """A run that may write to the warehouse or the bucket and has not ended; runs that only observe do not count."""
    for record in instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED)):
        run = record.dagster_run
        selected = run.asset_selection
        # Runs of the command line record no selection.
        if selected and not any(graph.has(key) and graph.get(key).is_materializable for key in selected):
            continue
        # Whoever made it may have died before submitting it.
        age = time.time() - record.create_timestamp.timestamp()
        if run.status is dg.DagsterRunStatus.NOT_STARTED and age > _SUBMITTED_WITHIN_SECONDS:
            continue
        return run
    return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
