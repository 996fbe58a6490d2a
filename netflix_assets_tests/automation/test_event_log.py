"""Our event log beside Dagster's own: the same rows and answers, whoever else reads, writes or dies meanwhile."""

import contextlib
import hashlib
import inspect
import shutil
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import DagsterEventType
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from sqlalchemy.exc import OperationalError

from netflix_assets.automation import event_log
from netflix_assets.automation.event_log import PooledSqliteEventLogStorage

pytestmark = pytest.mark.processes

MONTHS = dg.StaticPartitionsDefinition(["2015-03", "2015-04", "2015-05"])
OURS = {
    "event_log_storage": {
        "module": "netflix_assets.automation.event_log",
        "class": "PooledSqliteEventLogStorage",
        "config": {"base_dir": {"env": "DAGSTER_HOME"}},
    }
}


@dg.asset(
    partitions_def=MONTHS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    check_specs=[dg.AssetCheckSpec("rows", asset="ratings")],
)
def ratings(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
    context.log_event(dg.AssetObservation("ratings", partition="2015-03", metadata={"seen": 1}))
    return dg.MaterializeResult(
        metadata={"rows": 3}, check_results=[dg.AssetCheckResult(passed=True, metadata={"rows": 3})]
    )


@dg.asset(deps=[ratings])
def mart(context: dg.AssetExecutionContext) -> None:
    if context.run.tags.get("fails"):
        raise dg.Failure("as asked")


def run_a_job(instance: dg.DagsterInstance) -> None:
    """A run that succeeds and one that fails, with partitions, checks, observations and data versions."""
    for number, tags in enumerate(({}, {"fails": "yes"})):
        instance.report_runless_asset_event(
            dg.AssetObservation("s3", partition="2015-03", tags={"dagster/data_version": str(number)})
        )
        dg.materialize(
            [ratings, mart],
            instance=instance,
            raise_on_error=False,
            tags={
                **tags,
                "dagster/asset_partition_range_start": "2015-03",
                "dagster/asset_partition_range_end": "2015-05",
            },
        )


@contextlib.contextmanager
def instance_in(home: Path, monkeypatch: pytest.MonkeyPatch, *, ours: bool) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    home.mkdir(exist_ok=True)
    with dg.DagsterInstance.local_temp(str(home), overrides=OURS if ours else {}) as instance:
        assert isinstance(instance.event_log_storage, PooledSqliteEventLogStorage) is ours
        yield instance


@dataclass
class Recorded:
    """What Dagster itself stored of the job."""

    home: Path
    events: Sequence[dg.EventLogEntry]
    runs: list[str]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    home = tmp_path_factory.mktemp("stock") / "home"
    with pytest.MonkeyPatch.context() as monkeypatch, instance_in(home, monkeypatch, ours=False) as instance:
        run_a_job(instance)
        runs = [run.run_id for run in reversed(instance.get_runs())]
        events = [entry for run in ["", *runs] for entry in instance.all_logs(run)]
    assert len(events) > 40
    return Recorded(home, events, runs)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[PooledSqliteEventLogStorage]:
    storage = PooledSqliteEventLogStorage(str(tmp_path / "log"))
    yield storage
    storage.dispose()


def rows(folder: Path) -> dict[str, dict[str, list[tuple[object, ...]]]]:
    """Every row of every table of every file; when it was put there, aside."""
    files = {}
    for path in sorted(folder.glob("*.db")):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
            files[path.name] = {
                table: connection.execute(f"select {columns(connection, table)} from {table} order by 1").fetchall()
                for table in sorted(tables)
            }
    return files


def columns(connection: sqlite3.Connection, table: str) -> str:
    names = [str(name) for _, name, *_ in connection.execute(f"pragma table_info({table})")]
    return ", ".join(f'"{name}"' for name in names if name not in {"create_timestamp", "migration_completed"}) or "1"


def answers(storage: SqlEventLogStorage, runs: Sequence[str]) -> dict[str, object]:
    """What the storage says to every question about events and assets that Dagster asks."""
    keys = [dg.AssetKey("ratings"), dg.AssetKey("mart"), dg.AssetKey("s3")]
    checks = [dg.AssetCheckKey(dg.AssetKey("ratings"), "rows")]
    filters = [dg.EventRecordsFilter(kind, asset_key=key) for kind in KINDS for key in keys]
    return {
        "logs": [storage.get_logs_for_run(run) for run in runs],
        "stats": [storage.get_stats_for_run(run) for run in runs],
        "step stats": [storage.get_step_stats_for_run(run) for run in runs],
        "records": [storage.get_event_records(filter_, limit=100) for filter_ in filters],
        "failures": storage.fetch_run_status_changes(DagsterEventType.RUN_FAILURE, limit=10),
        "keys": sorted(storage.all_asset_keys()),  # type: ignore[no-untyped-call]
        "asset records": [
            (record.asset_entry.asset_key, record.asset_entry.last_materialization, record.asset_entry.last_observation)
            for record in storage.get_asset_records(keys)
        ],
        "latest": storage.get_latest_materialization_events(keys),
        "partitions": [storage.get_materialized_partitions(key) for key in keys],
        "latest by partition": [
            storage.get_latest_storage_id_by_partition(key, DagsterEventType.ASSET_MATERIALIZATION) for key in keys
        ],
        "tags": [
            storage.get_latest_tags_by_partition(key, DagsterEventType.ASSET_OBSERVATION, ["dagster/data_version"])
            for key in keys
        ],
        "planned": [storage.get_latest_planned_materialization_info(key, "2015-03") for key in keys],
        "event tags": [storage.get_event_tags_for_asset(key) for key in keys],
        "checks": [
            (execution.status, execution.run_id, execution.event)
            for execution in storage.get_asset_check_execution_history(checks[0], limit=10)
        ],
        "latest checks": [
            execution.id for execution in storage.get_latest_asset_check_execution_by_key(checks).values()
        ],
        "failed or unfinished": [
            storage.get_latest_asset_partition_materialization_attempts_without_materializations(key) for key in keys
        ],
    }


KINDS = (
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_OBSERVATION,
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
)


@pytest.fixture(scope="module")
def stored_one_by_one(recorded: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteEventLogStorage]:
    """The job's events in a log of Dagster's own."""
    stock = SqliteEventLogStorage(str(tmp_path_factory.mktemp("one-by-one")))
    for event in recorded.events:
        stock.store_event(event)
    yield stock
    stock.dispose()


@pytest.mark.parametrize("size", [7, 1000])
def test_every_row_and_every_answer_is_that_of_dagsters_own_log(
    recorded: Recorded, stored_one_by_one: SqliteEventLogStorage, tmp_path: Path, size: int
) -> None:
    ours = PooledSqliteEventLogStorage(str(tmp_path))
    for start in range(0, len(recorded.events), size):
        ours.store_event_batch(recorded.events[start : start + size])
    assert answers(ours, recorded.runs) == answers(stored_one_by_one, recorded.runs)
    ours.dispose()
    assert rows(tmp_path) == rows(Path(stored_one_by_one.path_for_shard("any")).parent)


def test_a_run_on_it_records_the_events_that_it_records_on_dagsters_own(
    recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "1000")
    with instance_in(tmp_path / "home", monkeypatch, ours=True) as instance:
        run_a_job(instance)
        runs = [run.run_id for run in reversed(instance.get_runs())]
        events = [entry for run in ["", *runs] for entry in instance.all_logs(run)]
        ours = [instance.event_log_storage.get_materialized_partitions(dg.AssetKey("ratings"))]

    def told(entries: Sequence[dg.EventLogEntry]) -> list[tuple[object, ...]]:
        of_dagster = [entry.dagster_event for entry in entries if entry.dagster_event]
        return [(event.event_type, event.step_key, event.asset_key, event.partition) for event in of_dagster]

    assert told(events) == told(recorded.events)
    assert ours == [{"2015-03", "2015-04", "2015-05"}]


def test_a_home_of_dagsters_own_log_is_taken_over_and_can_be_given_back(
    recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = shutil.copytree(recorded.home, tmp_path / "home")
    with instance_in(home, monkeypatch, ours=False) as instance:
        before = answers(instance.event_log_storage, recorded.runs)  # type: ignore[arg-type]
    with instance_in(home, monkeypatch, ours=True) as instance:
        assert answers(instance.event_log_storage, recorded.runs) == before  # type: ignore[arg-type]
        run_a_job(instance)
        runs = [run.run_id for run in instance.get_runs()]
        after = answers(instance.event_log_storage, runs)  # type: ignore[arg-type]
    with instance_in(home, monkeypatch, ours=False) as instance:
        assert answers(instance.event_log_storage, runs) == after  # type: ignore[arg-type]


def test_what_raises_in_a_transaction_stores_nothing_of_it(
    log: PooledSqliteEventLogStorage, recorded: Recorded
) -> None:
    run = recorded.runs[0]
    events = [event for event in recorded.events if event.run_id == run]
    log.store_event(events[0])
    with pytest.raises(ValueError, match="after two"), log.transaction():
        log.store_event(events[1])
        log.store_event_batch(events[2:])
        raise ValueError("after two")
    assert log.get_logs_for_run(run) == events[:1]
    log.store_event_batch(events[1:])
    assert log.get_logs_for_run(run) == events


def test_whoever_watches_a_run_sees_every_event_at_once(recorded: Recorded, tmp_path: Path) -> None:
    run = recorded.runs[0]
    events = [event for event in recorded.events if event.run_id == run]
    ours, stock = (storage(str(tmp_path)) for storage in (PooledSqliteEventLogStorage, SqliteEventLogStorage))
    ours.store_event(events[0])
    seen: list[dg.EventLogEntry] = []
    arrived = threading.Condition()

    def see(event: dg.EventLogEntry, _cursor: str) -> None:
        with arrived:
            seen.append(event)
            arrived.notify()

    stock.watch(run, None, see)
    for start, end in ((1, 2), (2, 9), (9, len(events))):
        ours.store_event_batch(events[start:end])
        with arrived:
            assert arrived.wait_for(lambda end=end: len(seen) == end, timeout=60)  # type: ignore[misc]
    assert seen == events
    stock.dispose()
    ours.dispose()


def test_a_file_that_somebody_removed_is_made_again(log: PooledSqliteEventLogStorage, recorded: Recorded) -> None:
    for event in recorded.events[:2]:
        log.store_event(event)
        for path in Path(log.path_for_shard("x")).parent.glob(f"{event.run_id}.db*"):
            path.unlink()
    assert log.get_logs_for_run(recorded.events[0].run_id) == []
    log.store_event(recorded.events[2])
    log.wipe()
    log.store_event(recorded.events[3])
    assert list(log.get_logs_for_run(recorded.events[3].run_id)) == [recorded.events[3]]


def test_more_runs_than_are_kept_open_can_be_read_and_written(
    log: PooledSqliteEventLogStorage, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = next(event for event in recorded.events if event.run_id)
    monkeypatch.setattr(event_log, "_KEPT_OPEN", 3)
    runs = [f"run-{number}" for number in range(4)]
    for run in [*runs, *runs]:
        log.store_event(event._replace(run_id=run))
    assert [len(log.get_logs_for_run(run)) for run in runs] == [2] * 4


def test_threads_store_transactions_of_their_own(log: PooledSqliteEventLogStorage, recorded: Recorded) -> None:
    runs = ["one", "two", "three"]
    materialized = [event for event in recorded.events if event.dagster_event and event.dagster_event.asset_key]

    def store(run: str) -> None:
        for event in materialized:
            log.store_event_batch([event._replace(run_id=run)] * 3)

    threads = [threading.Thread(target=store, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(log.get_logs_for_run(run)) for run in runs] == [3 * len(materialized)] * 3


_OTHER_PROCESS = """
import sys, time
from dagster._serdes import deserialize_value
from netflix_assets.automation import event_log
from netflix_assets.automation.event_log import PooledSqliteEventLogStorage

log = PooledSqliteEventLogStorage(sys.argv[1])
events = [deserialize_value(line) for line in sys.stdin]
if sys.argv[2] == "alone":
    for event in events:
        log.store_event(event)
    log.dispose()
else:
    log.store_event(events[0])
    with log.transaction():
        log.store_event_batch(events[1:])
        print("stored", flush=True)
        time.sleep(600)
"""


def other_process(python: Path, folder: Path, how: str, events: Sequence[dg.EventLogEntry]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [str(python), "-c", _OTHER_PROCESS, str(folder), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write("".join(f"{dg.serialize_value(event)}\n" for event in events))
    process.stdin.close()
    return process


def test_two_processes_store_at_once_and_one_that_is_killed_in_a_batch_loses_that_batch_alone(
    recorded: Recorded, tmp_path: Path, python: Path
) -> None:
    first, second = recorded.runs
    mine = [event for event in recorded.events if event.run_id == first]
    processes = [
        other_process(python, tmp_path, "alone", [event._replace(run_id=run) for event in mine])
        for run in ("one", "two")
    ]
    killed = other_process(python, tmp_path, "dies", [event._replace(run_id=second) for event in mine])
    assert killed.stdout is not None
    assert killed.stdout.readline() == "stored\n"
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    log = PooledSqliteEventLogStorage(str(tmp_path))
    assert [len(log.get_logs_for_run(run)) for run in ("one", "two")] == [len(mine)] * 2
    assert len(log.get_logs_for_run(second)) == 1
    materialized = dg.EventRecordsFilter(DagsterEventType.ASSET_MATERIALIZATION, asset_key=dg.AssetKey("ratings"))
    assert len(log.get_event_records(materialized)) == 2 * 3
    log.store_event_batch([event._replace(run_id=second) for event in mine[1:]])
    assert len(log.get_logs_for_run(second)) == len(mine)
    log.dispose()


def test_a_full_disk_is_named_and_loses_nothing_that_was_stored(recorded: Recorded, tmp_path: Path) -> None:
    log = PooledSqliteEventLogStorage(str(tmp_path))
    events = [event for event in recorded.events if event.run_id == recorded.runs[0]]
    log.store_event(events[0])
    with log.run_connection(recorded.runs[0]) as connection:
        pages = connection.exec_driver_sql("pragma page_count").scalar()
        connection.exec_driver_sql(f"pragma max_page_count = {pages}")
    with pytest.raises(OperationalError, match="disk is full"):
        log.store_event_batch(events[1:] * 20)
    assert log.get_logs_for_run(recorded.runs[0]) == events[:1]
    log.dispose()
    again = PooledSqliteEventLogStorage(str(tmp_path))
    again.store_event_batch(events[1:])
    assert again.get_logs_for_run(recorded.runs[0]) == events
    again.dispose()


def test_it_was_written_for_the_base_class_that_is_installed() -> None:
    """After an upgrade of Dagster: read what changed in the base class, adapt ours, then renew the digest."""
    inherited: list[Callable[..., object] | type] = [
        SqliteEventLogStorage,
        SqlEventLogStorage.store_event_batch,
        SqlEventLogStorage.index_transaction,
        SqlEventLogStorage.delete_events,
        SqlEventLogStorage._store_asset_event,
        SqlEventLogStorage._store_asset_event_tags,
        SqlEventLogStorage.store_asset_check_event,
    ]
    source = "".join(inspect.getsource(one) for one in inherited)
    assert hashlib.sha256(source.encode()).hexdigest()[:16] == "d8c36c7c06f18a44", version("dagster")
