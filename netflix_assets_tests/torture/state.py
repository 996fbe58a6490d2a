"""What a home has come to, and what it is to have come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import duckdb

from netflix_assets.automation.instance import dagster_instance
from netflix_assets.catalog import RAW_FILES, UPLOAD_RECORD
from netflix_assets.settings import Settings
from netflix_assets.targets import duckdb_from

UNFINISHED = [one for one in dg.DagsterRunStatus if one.value in {"NOT_STARTED", "QUEUED", "STARTING", "STARTED"}]
# What a second home may not repeat: times of runs, and the numbers of loads, which a repeated load counts on.
_LEFT_OUT = ("load_id", "_load_id", "loaded_at", "run_id", "made_at", "dbt_scd_id", "dbt_updated_at")
_LEFT_OUT_OF_SNAPSHOTS = ("dbt_valid_from", "dbt_valid_to")


@dataclass(frozen=True)
class State:
    """What a home has come to.

    Attributes:
        tables: Rows of every table and snapshot, and how often each is there.
        objects: Keys of the bucket.
        months: Months of the raw ratings that Dagster holds as materialized.
        unbalanced: Raw tables that do not hold what their newest loads report.
        unfinished: Runs that have not ended.
        slots: Places of Dagster's pools that are held.
        scratch: Files and folders that a task left.
    """

    tables: Mapping[str, Counter[Any]]
    objects: frozenset[str]
    months: frozenset[str]
    unbalanced: tuple[str, ...]
    unfinished: int
    slots: int
    scratch: tuple[str, ...]


@dataclass
class Counts:
    """What cycles came to; all but the first two are to be 0."""

    kills: int = 0
    outages: int = 0
    lost_rows: int = 0
    doubled_rows: int = 0
    stuck: int = 0
    differences: int = 0
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Add a difference."""
        self.differences += 1
        self.notes.append(text)

    def compare(self, state: State, undisturbed: State) -> None:
        """Add what a state has less, more, or otherwise than an undisturbed one."""
        for table in sorted({*state.tables, *undisturbed.tables}):
            here, there = state.tables.get(table, Counter()), undisturbed.tables.get(table, Counter())
            lost, more = sum((there - here).values()), sum((here - there).values())
            self.lost_rows += lost
            self.doubled_rows += more
            if lost or more:
                self.notes.append(f"{table} has {lost} rows less and {more} more")
        others: Mapping[str, tuple[object, object]] = {
            "objects": (state.objects, undisturbed.objects),
            "months": (state.months, undisturbed.months),
            "books": (state.unbalanced, ()),
            "scratch": (state.scratch, ()),
            "slots of pools": (state.slots, 0),
        }
        for name, (found, wanted) in others.items():
            if found != wanted:
                self.note(f"{name} {found}, not {wanted}")
        if state.unfinished:
            self.stuck += state.unfinished
            self.notes.append(f"{state.unfinished} runs are not finished")

    def add(self, other: Counts) -> None:
        """Add those of another cycle."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


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
    bucket = settings.s3_root / settings.bucket
    objects = {str(path.relative_to(bucket)) for path in (bucket / "raw").rglob("*") if path.is_file()}
    return State(
        tables,
        frozenset(objects - {UPLOAD_RECORD}),
        frozenset(months),
        tuple(unbalanced),
        unfinished,
        sum(info.active_slot_count for info in infos),
        scratch_of(settings),
    )


def scratch_of(settings: Settings) -> tuple[str, ...]:
    """Return the names of what tasks left in a home and in the system's folder for such files."""
    left = [*(settings.home / "tmp").glob("*"), *settings.dbt_target_path.glob("parse-*")]
    left += settings.home.glob(".*")
    left += (settings.s3_root / settings.bucket).rglob("*.partial")
    return tuple(sorted(path.name for path in left))


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
    left_out = (*_LEFT_OUT, *_LEFT_OUT_OF_SNAPSHOTS) if is_snapshot else _LEFT_OUT
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
