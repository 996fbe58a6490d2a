"""What past runs came to, read back from the events that real runs of Dagster left."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

import dagster as dg
import pytest
from dagster_dbt.errors import DagsterDbtCliRuntimeError

from netflix_assets.automation.records import Fault, PastRun
from netflix_assets.errors import BucketError, LoadError, UserError, WarehouseError
from netflix_assets.landing.failed_loads import FailedLoad, failed_loads_evaluation, recorded_failures


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as one:
        yield one


def retried(error: Exception) -> Exception:
    """As our steps raise what time may mend, after the last retry."""
    request = dg.RetryRequested(max_retries=0)
    request.__cause__ = error
    return request


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


OF_DBT = "Errors parsed from dbt logs:\n\nDatabase Error in model dim_movies\n  "


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (LoadError("raw/movies.csv, line 1: bad"), Fault.BAD_DATA),
        (caused(LoadError("it cannot be split"), UserError("line 1")), Fault.BAD_DATA),
        (retried(BucketError("S3 cannot be reached")), Fault.OUTAGE),
        (retried(WarehouseError("the warehouse is in use")), Fault.OUTAGE),
        (caused(LoadError("COPY failed; nothing was changed"), WarehouseError("no connection")), Fault.OUTAGE),
        (OSError(28, "No space left on device"), Fault.OUTAGE),
        (sqlite3.OperationalError("database is locked"), Fault.OUTAGE),
        (DagsterDbtCliRuntimeError(f"{OF_DBT}Conversion Error: x"), Fault.BUILD),
        (DagsterDbtCliRuntimeError(f"{OF_DBT}IO Error: Could not set lock on file"), Fault.OUTAGE),
        (dg.Failure("dbt ended without a result of unit test x"), Fault.BUILD),
        (KeyError("unknown to us"), Fault.OUTAGE),
    ],
    ids=lambda value: value.value if isinstance(value, Fault) else type(value).__name__,
)
def test_a_failed_step_is_classified_by_the_errors_it_recorded(
    instance: dg.DagsterInstance, error: Exception, fault: Fault
) -> None:
    job = job_that(lambda: error)
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    newest = PastRun.read(instance)[0]
    assert newest.run_id == result.run_id
    assert newest.fault is None
    assert newest.faults == {"step": fault}
    assert newest.texts["step"]


def job_that(error: Callable[[], Exception]) -> dg.JobDefinition:
    @dg.op
    def step() -> None:
        raise error()

    @dg.job
    def one_step() -> None:
        step()

    return one_step


def test_a_run_without_a_failed_step_was_lost_and_one_that_was_terminated_is_known(
    instance: dg.DagsterInstance,
) -> None:
    for status, fault in (
        (dg.DagsterRunStatus.FAILURE, Fault.LOST),
        (dg.DagsterRunStatus.CANCELED, Fault.STOPPED),
        (dg.DagsterRunStatus.SUCCESS, None),
    ):
        instance.add_run(dg.DagsterRun(job_name="job", status=status))
        assert PastRun.read(instance)[0].fault is fault


def test_failures_are_read_from_the_newest_result_also_while_the_check_is_planned(
    instance: dg.DagsterInstance,
) -> None:
    check = dg.AssetCheckKey(dg.AssetKey(["raw", "raw_movies"]), "loads_accepted")
    assert recorded_failures(instance, check) == {}
    failed = {"movies": FailedLoad("fingerprint", "raw/movies [old].csv, line 1: bad")}
    evaluation = failed_loads_evaluation(check, failed)
    assert not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.ERROR
    instance.report_runless_asset_event(evaluation)
    assert recorded_failures(instance, check) == failed

    @dg.asset(key=check.asset_key)
    def table() -> None:
        raise LoadError("refused again")

    @dg.asset_check(asset=check.asset_key, name=check.name)
    def planned() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    job = dg.Definitions(assets=[table], asset_checks=[planned]).resolve_implicit_global_asset_job_def()
    assert not job.execute_in_process(instance=instance, raise_on_error=False).success
    assert recorded_failures(instance, check) == failed
    instance.report_runless_asset_event(failed_loads_evaluation(check, {}))
    assert recorded_failures(instance, check) == {}
