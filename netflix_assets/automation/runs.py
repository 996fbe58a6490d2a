"""Runs of the instance: which have not ended, and which nobody executes any more."""

from __future__ import annotations

import json
import os
import socket
import time

import dagster as dg

HOST_TAG = "netflix/host"
PID_TAG = "netflix/pid"
_CODE_SERVER_TAG = ".dagster/grpc_info"
_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_SUBMITTED_WITHIN_SECONDS = 300


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
