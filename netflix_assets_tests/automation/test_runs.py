"""Which runs are over although nobody said so, and what a process does for the runs that it executes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from netflix_assets.automation import runs
from netflix_assets.automation.executors import SupervisedExecutor, execute_supervised
from netflix_assets.automation.instance import dagster_instance
from netflix_assets.automation.processes import Process
from netflix_assets.automation.runs import (
    EXECUTED_TAG,
    HEARTBEAT_TAG,
    LOST_AFTER_SECONDS,
    MAX_RUNTIME_TAG,
    describe_wait,
    end_runs_of_dead_processes,
    free_slots_of_ended_runs,
)
from netflix_assets.errors import UserError
from netflix_assets.pools import WAREHOUSE_POOL
from netflix_assets_tests.conftest import isolated_settings

pytestmark = pytest.mark.processes

STARTED, NOT_STARTED = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.NOT_STARTED
FAILURE = dg.DagsterRunStatus.FAILURE
HERE = Process.current()
LONG_AGO = str(int(time.time()) - LOST_AFTER_SECONDS - 60)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dagster_instance(isolated_settings(tmp_path_factory.mktemp("runs") / "home")) as opened:
        yield opened


@pytest.fixture(scope="module")
def living() -> Iterator[int]:
    """The number of a process of ours that lives."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process.pid
        process.kill()


@pytest.fixture(scope="module")
def ended() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def of(pid: int) -> Process:
    """A process of this machine, with the start time of the one that has the number now."""
    from netflix_assets.automation.processes import _started

    return replace(HERE, pid=pid, started=_started(pid))


def recorded(
    instance: dg.DagsterInstance,
    process: Process | None,
    status: dg.DagsterRunStatus = STARTED,
    heartbeat: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """A run that the instance holds as unfinished; returns its id."""
    run_id = str(uuid.uuid4())
    all_tags = {EXECUTED_TAG: run_id, **(process.to_tags() if process else {}), **(tags or {})}
    if heartbeat is not None:
        all_tags[HEARTBEAT_TAG] = heartbeat
    create_run_for_test(instance, job_name="some_job", run_id=run_id, status=status, tags=all_tags)
    return run_id


def status_after(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    end_runs_of_dead_processes(instance)
    run = instance.get_run_by_id(run_id)
    assert run is not None
    instance.delete_run(run_id)
    return run.status


@pytest.mark.parametrize("status", [NOT_STARTED, dg.DagsterRunStatus.STARTING, STARTED])
def test_a_run_of_a_dead_process_ends_whether_it_had_started_or_not(
    instance: dg.DagsterInstance, ended: int, status: dg.DagsterRunStatus
) -> None:
    assert status_after(instance, recorded(instance, of(ended), status)) is FAILURE


def test_a_repeated_run_that_starts_is_not_taken_for_the_dead_one_whose_tags_it_was_given(
    instance: dg.DagsterInstance, ended: int
) -> None:
    inherited = recorded(instance, of(ended), dg.DagsterRunStatus.STARTING, LONG_AGO, {EXECUTED_TAG: "another run"})
    assert status_after(instance, inherited) is dg.DagsterRunStatus.STARTING


def test_a_run_of_a_dead_process_that_was_being_canceled_is_canceled(instance: dg.DagsterInstance, ended: int) -> None:
    run_id = recorded(instance, of(ended), dg.DagsterRunStatus.CANCELING)
    assert status_after(instance, run_id) is dg.DagsterRunStatus.CANCELED


def test_a_run_ends_whose_process_number_another_process_has_now(instance: dg.DagsterInstance, living: int) -> None:
    assert status_after(instance, recorded(instance, replace(of(living), started="1"))) is FAILURE
    assert status_after(instance, recorded(instance, replace(of(living), boot="another boot"))) is FAILURE


def test_a_run_with_our_own_number_that_we_do_not_execute_ends(instance: dg.DagsterInstance) -> None:
    assert status_after(instance, recorded(instance, HERE)) is FAILURE
    without_start = replace(HERE, started="", boot="", namespace="")
    assert status_after(instance, recorded(instance, without_start)) is FAILURE


def test_a_process_that_ended_and_that_nobody_asked_after_is_dead(instance: dg.DagsterInstance) -> None:
    with subprocess.Popen(["sleep", "600"]) as process:
        run_id = recorded(instance, of(process.pid))
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert status_after(instance, run_id) is FAILURE


def test_a_run_of_a_living_process_goes_on_however_old_its_heartbeat_is(
    instance: dg.DagsterInstance, living: int
) -> None:
    """A laptop may have slept."""
    assert status_after(instance, recorded(instance, of(living), heartbeat=LONG_AGO)) is STARTED


@pytest.mark.parametrize(
    "elsewhere",
    [replace(HERE, host="another-container"), replace(HERE, namespace="pid:[1]")],
    ids=["another host", "a container with our host's name"],
)
def test_a_run_of_elsewhere_goes_on_as_long_as_it_shows_a_sign_of_life(
    instance: dg.DagsterInstance, elsewhere: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = str(int(time.time()))
    assert status_after(instance, recorded(instance, elsewhere, heartbeat=now)) is STARTED
    assert status_after(instance, recorded(instance, elsewhere)) is STARTED, "it has only just started"
    later = time.time() + LOST_AFTER_SECONDS + 1
    run_id = recorded(instance, elsewhere, heartbeat=now)
    monkeypatch.setattr(time, "time", lambda: later)
    assert status_after(instance, run_id) is FAILURE


def test_a_run_without_a_word_of_its_process_ends_in_time(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = recorded(instance, None)
    end_runs_of_dead_processes(instance)
    later = time.time() + LOST_AFTER_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert status_after(instance, run_id) is FAILURE


def test_what_an_ended_run_held_of_the_pool_is_freed(instance: dg.DagsterInstance, ended: int) -> None:
    storage = instance.event_log_storage
    for end in (end_runs_of_dead_processes, free_slots_of_ended_runs):
        run_id = recorded(instance, of(ended))
        storage.claim_concurrency_slot(WAREHOUSE_POOL, run_id, "step")
        if end is free_slots_of_ended_runs:
            run = instance.get_run_by_id(run_id)
            assert run is not None
            instance.report_run_failed(run)
        assert storage.get_concurrency_info(WAREHOUSE_POOL).active_slot_count == 1
        end(instance)
        assert storage.get_concurrency_info(WAREHOUSE_POOL).active_slot_count == 0


def test_whoever_waits_is_told_for_what_since_when_and_how_to_end_it(instance: dg.DagsterInstance, living: int) -> None:
    process = of(living)
    run_id = recorded(instance, process, tags={MAX_RUNTIME_TAG: "7200"})
    run = instance.get_run_by_id(run_id)
    assert run is not None
    sentence = describe_wait(instance, run)
    for part in (run_id[:8], "started since 20", " UTC", f"`kill {living}`", process.host, "7200 s", "Dagster UI"):
        assert part in sentence
    instance.delete_run(run_id)


@dg.asset
def work() -> None:
    time.sleep(1.1)


def some_job() -> dg.JobDefinition:
    job, executor = dg.define_asset_job("some_job"), SupervisedExecutor(dg.in_process_executor, 7200)
    return dg.Definitions(assets=[work], jobs=[job], executor=executor).resolve_job_def("some_job")


@pytest.mark.parametrize("by_dagster", [True, False])
def test_a_run_of_ours_names_its_process_and_limit_and_renews_its_heartbeat(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, by_dagster: bool
) -> None:
    monkeypatch.setattr(runs, "HEARTBEAT_SECONDS", 0.2)
    first = str(int(time.time()))
    if by_dagster:
        run_id = dg.execute_job(dg.reconstructable(some_job), instance).run_id
    else:
        run_id = "00000000-0000-4000-8000-000000000001"
        assert execute_supervised(some_job(), instance, run_id, assets={work.key}, checks=set(), run_config={}, tags={})
    run = instance.get_run_by_id(run_id)
    assert run is not None and run.is_success
    assert run.tags[HEARTBEAT_TAG] > first
    assert Process.from_tags(run.tags) == HERE
    assert run.tags[MAX_RUNTIME_TAG] == "7200"


def test_a_run_that_takes_too_long_or_that_somebody_ended_is_interrupted(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "HEARTBEAT_SECONDS", 0.2)
    # As in a background job of a script.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with (
        pytest.raises(UserError, match="longer than 0 s and was ended"),
        runs.executing(instance, "no such run", max_runtime_seconds=0),
    ):
        time.sleep(60)
    run_id = recorded(instance, HERE, dg.DagsterRunStatus.CANCELED)
    with (
        pytest.raises(UserError, match="was ended by somebody else"),
        runs.executing(instance, run_id, max_runtime_seconds=7200),
    ):
        time.sleep(60)
