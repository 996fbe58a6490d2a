"""One cycle of torture: a command is disturbed at some moment, repeated, and compared with an undisturbed one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from netflix_assets.automation.instance import dagster_instance
from netflix_assets.catalog import RAW_FILES
from netflix_assets.settings import PROJECT_ROOT, Settings
from netflix_assets.targets import duckdb_from
from netflix_assets_tests.pipeline import MOVIES, RATINGS, SMALL, TAGS, ratings_csv

GIVEN_SECONDS = 600
UNFINISHED = [one for one in dg.DagsterRunStatus if one.value in {"NOT_STARTED", "QUEUED", "STARTING", "STARTED"}]
# What a second home may not repeat: times of runs, and the numbers of loads, which a repeated load counts on.
_LEFT_OUT = "('load_id', '_load_id', 'loaded_at', 'run_id', 'made_at', 'dbt_scd_id', 'dbt_updated_at')"

CHANGED: Mapping[str, str | None] = {
    "raw/movies.csv": MOVIES.replace("Heat (1995)", "Heat: recut (1996)") + "5,Speed (1994),Action\n",
    "raw/tags.csv": TAGS + "3,3,station,1425168300\n",
    "raw/ratings/month=1996-03/ratings.csv": ratings_csv([*RATINGS["1996-03"], "9,3,1.0,825638402"]),
    "raw/ratings/month=2015-04/ratings.csv": ratings_csv(["4,4,5.0,1427846400"]),
    "raw/ratings/month=2015-05/ratings.csv": None,
}
"""What has changed in the bucket when a command is disturbed: text by key, None for what was removed."""


@dataclass(frozen=True)
class State:
    """What a home has come to.

    Attributes:
        tables: Rows of every table and snapshot, and how often each is there.
        months: Months of the raw ratings that Dagster holds as materialized.
        unbalanced: Raw tables that do not hold what their newest loads report.
        unfinished: Runs that have not ended.
        slots: Places of Dagster's pools that are held.
        scratch: Folders that a task left.
    """

    tables: Mapping[str, Counter[Any]]
    months: frozenset[str]
    unbalanced: tuple[str, ...]
    unfinished: int
    slots: int
    scratch: tuple[str, ...]


@dataclass
class Counts:
    """What all cycles came to; all but the first two are to be 0."""

    kills: int = 0
    outages: int = 0
    lost_rows: int = 0
    doubled_rows: int = 0
    stuck: int = 0
    differences: int = 0
    notes: list[str] = field(default_factory=list)

    def compare(self, what: str, state: State, undisturbed: State) -> None:
        """Add what a state has less, more, or otherwise than an undisturbed one."""
        for table in sorted({*state.tables, *undisturbed.tables}):
            here, there = state.tables.get(table, Counter()), undisturbed.tables.get(table, Counter())
            lost, more = (there - here).total(), (here - there).total()
            self.lost_rows += lost
            self.doubled_rows += more
            if lost or more:
                self.notes.append(f"{what}: {table} has {lost} rows less and {more} more")
        others = {
            "months": (state.months, undisturbed.months),
            "books": (state.unbalanced, ()),
            "scratch": (state.scratch, ()),
            "slots of pools": (state.slots, 0),
        }
        for name, (found, wanted) in others.items():
            if found != wanted:
                self.differences += 1
                self.notes.append(f"{what}: {name} {found}, not {wanted}")
        if state.unfinished:
            self.stuck += state.unfinished
            self.notes.append(f"{what}: {state.unfinished} runs are not finished")


def put(settings: Settings, objects: Mapping[str, str | None]) -> None:
    """Write and remove files of the bucket's folder, as no server runs."""
    for key, text in objects.items():
        path = settings.s3_root / settings.bucket / key
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def start(settings: Settings, *arguments: str) -> subprocess.Popen[str]:
    """Start `netflix-assets`."""
    environment = {
        **os.environ,
        "NETFLIX_HOME": str(settings.home),
        "NETFLIX_S3_ENDPOINT": settings.s3_endpoint,
        "NETFLIX_S3_BUCKET": settings.bucket,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "netflix_assets.cli", *arguments],
        cwd=PROJECT_ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def prepared(settings: Settings, folder: Path, *, fresh: bool) -> Settings:
    """Return a copy of a home with the changes in its bucket; without any table if it is to be a first load."""
    home = folder / "home"
    home.mkdir(parents=True)
    for name in ("s3",) if fresh else ("s3", "dagster", "dbt", "warehouse.duckdb"):
        source = settings.home / name
        if source.is_dir():
            shutil.copytree(source, home / name)
        elif source.exists():
            shutil.copy(source, home / name)
    if fresh and (settings.home / "dbt" / "manifest.fingerprint").exists():
        # Parsing the project is not what is tortured.
        (home / "dbt").mkdir()
        for name in ("manifest.json", "manifest.fingerprint", "partial_parse.msgpack"):
            shutil.copy(settings.home / "dbt" / name, home / "dbt" / name)
    copy = replace(settings, home=home)
    put(copy, CHANGED)
    return copy


def base(settings: Settings) -> Settings:
    """Load the small data into a home; each cycle takes a copy of it."""
    put(settings, SMALL)
    failed = finish(settings)
    assert failed is None, failed
    return settings


def finish(settings: Settings) -> str | None:
    """Run the command to its end; return what it said if it failed, or that it is stuck."""
    process = start(settings, "materialize")
    try:
        said, _ = process.communicate(timeout=GIVEN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
        return f"stuck: {said[-1000:]}"
    return None if process.returncode == 0 else said[-2000:]


def state_of(settings: Settings) -> State:
    """Read what a home has come to."""
    with duckdb_from(settings).connection(read_only=True) as connection:
        tables = {name: rows_of(connection, name) for name in table_names(connection)}
        unbalanced = [file.table for file in RAW_FILES if not balances(connection, file.table)]
    with dagster_instance(settings) as instance:
        ratings = next(file for file in RAW_FILES if file.month_column)
        months = instance.get_materialized_partitions(dg.AssetKey(ratings.table_key))
        unfinished = instance.get_runs_count(dg.RunsFilter(statuses=UNFINISHED))
        storage = instance.event_log_storage
        infos = storage.get_concurrency_infos(sorted(storage.get_concurrency_keys())).values()
    scratch = [path.name for path in (settings.home / "tmp").glob("*-*")]
    scratch += [path.name for path in settings.dbt_target_path.glob("parse-*")]
    return State(
        tables,
        frozenset(months),
        tuple(unbalanced),
        unfinished,
        sum(info.active_slot_count for info in infos),
        tuple(sorted(scratch)),
    )


def table_names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return schema and name of every table and snapshot."""
    rows = connection.execute(
        "select table_schema || '.' || table_name from information_schema.tables where table_name not in "
        "('load_history', 'src_load_history') order by all"
    ).fetchall()
    return [name for (name,) in rows]


def rows_of(connection: duckdb.DuckDBPyConnection, table: str) -> Counter[Any]:
    """Return the rows of a table; of a snapshot whether each row is still open, not since when."""
    is_snapshot = table.startswith("snapshots.")
    left_out = _LEFT_OUT[:-1] + (", 'dbt_valid_from', 'dbt_valid_to')" if is_snapshot else ")")
    state = ", dbt_valid_to is null" if is_snapshot else ""
    query = f"select columns(lambda c: c not in {left_out}){state} from {table}"
    return Counter(connection.execute(query).fetchall())


def balances(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Return whether a raw table holds what its newest loads report."""
    row = connection.execute(
        f"select (select count(*) from raw.{table}) = (select coalesce(sum(rows_loaded), 0) from "
        "(select * from raw.load_history where table_name = ? "
        "qualify load_id = max(load_id) over (partition by month)))",
        [table],
    ).fetchone()
    return bool(row and row[0])


def descendants(pid: int) -> dict[int, str]:
    """Return the command lines of the processes that a process started, and those that these started."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    processes = [line.split(None, 2) for line in listing.splitlines()]
    found: dict[int, str] = {}
    parents = {pid}
    while parents:
        children = {int(one[0]): one[-1] for one in processes if int(one[1]) in parents}
        parents = {*children} - {*found}
        found |= children
    return found


def kill(process: subprocess.Popen[str], victim: str) -> bool:
    """Kill a program that the command runs, or the command itself; False if there is no such program now."""
    if victim == "command":
        process.kill()
        return True
    hit = [pid for pid, line in descendants(process.pid).items() if f"/{victim} " in line and "/bin/sh" not in line]
    for pid in hit:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return bool(hit)


def kill_at_random(process: subprocess.Popen[str], victim: str, moment: float) -> None:
    """Kill after some seconds, or as soon as the victim is there; a command that is done by then was not disturbed."""
    deadline = time.monotonic() + moment
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    while process.poll() is None and not kill(process, victim):
        time.sleep(0.05)
