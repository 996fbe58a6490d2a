"""Runs of the instance: which have not ended, and which nobody executes any more.

The process that executes a run writes into its tags which process it is, and renews a heartbeat there. On the same
machine the process itself is asked for; of another machine or container only the heartbeat can be seen. Dagster's own
run monitoring (https://docs.dagster.io/deployment/execution/run-monitoring) ends what never starts or takes too long;
it needs a daemon, and cannot see whether a run of the command line lives.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from netflix_assets.automation.processes import Process
from netflix_assets.errors import UserError

MAX_RUNTIME_TAG = "dagster/max_runtime"
"""Tag of after how many seconds Dagster's run monitoring ends a run."""

EXECUTED_TAG = "netflix/executed_run"
"""Tag of which run the process and the heartbeat in the tags are of: who repeats a run in the UI copies its tags."""

HEARTBEAT_TAG = "netflix/heartbeat"
"""Tag of when the process of a run last said that it works, in seconds since 1970."""

HEARTBEAT_SECONDS = 30
LOST_AFTER_SECONDS = 300

_CODE_SERVER_TAG = ".dagster/grpc_info"
_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
# Runs that this process executes: it alone knows that of a number of its own.
_EXECUTED_HERE: set[str] = set()
_LOG = logging.getLogger(__name__)


def run_tags(run_id: str, max_runtime_seconds: int) -> dict[str, str]:
    """Return the tags of a run that this process executes."""
    return {
        EXECUTED_TAG: run_id,
        **Process.current().to_tags(),
        HEARTBEAT_TAG: str(int(time.time())),
        MAX_RUNTIME_TAG: str(max_runtime_seconds),
    }


@contextmanager
def executing(instance: dg.DagsterInstance, run_id: str, max_runtime_seconds: int) -> Iterator[None]:
    """Renew the heartbeat of a run while the block executes it, and interrupt the block when the run is to end.

    Args:
        instance: Where the run is recorded; it may be recorded later than the block begins.
        run_id: The run.
        max_runtime_seconds: After these the block is interrupted.

    Raises:
        UserError: The run took too long, or somebody else ended it.
    """
    # Where a script starts us in the background, SIGINT is ignored from the start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
    heart = _Heart(instance, run_id, max_runtime_seconds)
    _EXECUTED_HERE.add(run_id)
    heart.start()
    try:
        yield
    except BaseException as error:
        if heart.reason is not None:
            raise UserError(heart.reason) from error
        raise
    finally:
        heart.stop()
        _EXECUTED_HERE.discard(run_id)


class _Heart(threading.Thread):
    """Beats for one run."""

    def __init__(self, instance: dg.DagsterInstance, run_id: str, max_runtime_seconds: int) -> None:
        super().__init__(name=f"heartbeat-{run_id[:8]}", daemon=True)
        self.reason: str | None = None
        self._instance = instance
        self._run_id = run_id
        self._max_runtime_seconds = max_runtime_seconds
        self._stopped = threading.Event()
        self._ended_before = False

    def run(self) -> None:
        started = time.monotonic()
        while not self._stopped.wait(HEARTBEAT_SECONDS):
            if time.monotonic() - started > self._max_runtime_seconds:
                self.reason = (
                    f"run {self._run_id[:8]} took longer than {self._max_runtime_seconds} s and was ended; if it may, "
                    "set NETFLIX_MAX_RUNTIME_SECONDS higher"
                )
            elif self._ended_by_others():
                self.reason = (
                    f"run {self._run_id[:8]} was ended by somebody else, in the Dagster UI or because it showed no "
                    "sign of life; start it again"
                )
            if self.reason is not None:
                os.kill(os.getpid(), signal.SIGINT)
                return

    def stop(self) -> None:
        self._stopped.set()
        self.join()

    def _ended_by_others(self) -> bool:
        """Beat; return whether the run is over although its process still works on it."""
        try:
            run = self._instance.get_run_by_id(self._run_id)
            if run is None:
                return False
            if run.is_finished:
                # The first time it may be the end of the run itself, just before the end of the block.
                before, self._ended_before = self._ended_before, True
                return before
            self._instance.add_run_tags(self._run_id, {HEARTBEAT_TAG: str(int(time.time()))})
        except (SQLAlchemyError, dg.DagsterRunNotFoundError) as error:
            # The next beat may succeed; ten must fail before the run counts as lost.
            _LOG.warning("the heartbeat of run %s cannot be written: %s", self._run_id, error)
        return False


def end_runs_of_dead_processes(instance: dg.DagsterInstance) -> None:
    """End the runs that nobody executes, so that they do not hold the warehouse's pool for ever."""
    for record in instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED)):
        run = record.dagster_run
        why = _lost(record)
        if why is None:
            continue
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, why)
        else:
            instance.report_run_failed(run, why)
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def free_slots_of_ended_runs(instance: dg.DagsterInstance) -> None:
    """Free what runs hold of the pools that were ended by a process which itself died before it could free it."""
    storage = instance.event_log_storage
    infos = storage.get_concurrency_infos(sorted(storage.get_concurrency_keys())).values()
    holding = {run for info in infos for run in info.active_run_ids | info.pending_run_ids | info.assigned_run_ids}
    if not holding:
        return
    unfinished = {run.run_id for run in instance.get_runs(dg.RunsFilter(run_ids=sorted(holding), statuses=_UNFINISHED))}
    for run_id in sorted(holding - unfinished):
        storage.free_concurrency_slots_for_run(run_id)


def _lost(record: dg.RunRecord) -> str | None:
    """Return why nobody can be executing a run, or None if somebody may be."""
    run = record.dagster_run
    if run.run_id in _EXECUTED_HERE or run.status is dg.DagsterRunStatus.QUEUED:
        return None
    process = _process_of(run)
    if process is not None:
        alive = process.is_alive()
        if alive is False or (process.is_here() and process.pid == os.getpid()):
            return f"The process that executed this run ({process.pid} on {process.host}) was killed."
        if alive:
            return None
    elif run.status is not dg.DagsterRunStatus.NOT_STARTED and _CODE_SERVER_TAG in run.tags:
        # Its process has not said yet which one it is. Dagster's code server sees to it, as long as there is one.
        listens = _code_server_listens(run.tags)
        if listens is not None:
            return None if listens else "The code server that was to execute this run was killed."
    silent = time.time() - _last_sign(record)
    if silent < LOST_AFTER_SECONDS:
        return None
    where = f"process {process.pid} on {process.host}" if process else "whoever was to execute it"
    return f"Nothing was heard for {silent:.0f} s from {where}."


def _process_of(run: dg.DagsterRun) -> Process | None:
    """Return the process that executes a run, or None if none said so yet."""
    return Process.from_tags(run.tags) if run.tags.get(EXECUTED_TAG) == run.run_id else None


def _last_sign(record: dg.RunRecord) -> float:
    """Return when a run was last known to be executed, in seconds since 1970."""
    tags = record.dagster_run.tags
    heartbeat = tags.get(HEARTBEAT_TAG, "") if tags.get(EXECUTED_TAG) == record.dagster_run.run_id else ""
    started = record.start_time or record.create_timestamp.replace(tzinfo=dt.timezone.utc).timestamp()
    return max(float(heartbeat) if heartbeat.isdigit() else 0.0, started)


def _code_server_listens(tags: Mapping[str, str]) -> bool | None:
    """Return whether the code server of a run is there, or None if that cannot be told from here."""
    server = json.loads(tags[_CODE_SERVER_TAG])
    if not server.get("socket"):
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(server["socket"])
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True


def newest_failure(instance: dg.DagsterInstance) -> str:
    """Return the id of the run that failed or was lost or terminated last, whoever started it; empty without one."""
    ended = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED])
    records = instance.get_run_records(ended, limit=1, order_by="update_timestamp")
    return records[0].dagster_run.run_id if records else ""


def run_in_progress(instance: dg.DagsterInstance, graph: dg.AssetGraph, *, queued: bool = True) -> dg.DagsterRun | None:
    """Return a run that may write to the warehouse or the bucket and has not ended; observations do not count.

    Args:
        instance: Where runs are recorded.
        graph: The assets.
        queued: Runs that wait in the queue count.
    """
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)):
        if run.status is dg.DagsterRunStatus.QUEUED and not queued:
            continue
        selected = run.asset_selection
        if selected and not any(graph.has(key) and graph.get(key).is_materializable for key in selected):
            continue
        return run
    return None


def describe_wait(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """Return a sentence for whoever waits for a run: which, since when, who executes it, and how to end it."""
    record = instance.get_run_record_by_id(run.run_id)
    assert record is not None, "a run that is in progress is recorded"
    began = record.start_time or record.create_timestamp.replace(tzinfo=dt.timezone.utc).timestamp()
    since = dt.datetime.fromtimestamp(began, dt.timezone.utc)
    process = _process_of(run)
    where = f", in process {process.pid} on {process.host}" if process else ""
    end = f"`kill {process.pid}` there, or " if process else ""
    limit = run.tags.get(MAX_RUNTIME_TAG)
    return (
        f"waiting for run {run.run_id[:8]} ({run.status.value.lower().replace('_', ' ')} since {since:%Y-%m-%d %H:%M} "
        f"UTC{where}); it ends by itself{f' after at most {limit} s' if limit else ''}, or end it: {end}"
        "Terminate it in the Dagster UI"
    )
