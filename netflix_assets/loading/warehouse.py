"""The load contract: what every warehouse must do with the objects of a raw file.

`Warehouse.replace` is atomic and idempotent. It checks headers, then in one transaction deletes what is replaced,
inserts the good rows, writes the bad ones to `raw.rejected_rows` and one row an object to `raw.load_history`. Rows in
the objects = rows loaded + rows rejected, exactly, or nothing changes. A partition (month) that is refused is left
out and told; it keeps none of the others out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from netflix_assets.catalog import RAW_SCHEMA, RawFile
from netflix_assets.errors import LoadError
from netflix_assets.formats.rows import Reject
from netflix_assets.landing.bucket import LandingBucket, ObjectVersion
from netflix_assets.landing.data_version import data_version, version_of
from netflix_assets.settings import RejectLimit

ObjectsByPartition = Mapping[str | None, Sequence[ObjectVersion]]
"""What a load replaces: the objects of each partition key (a month), or of None for a file without months.

An empty sequence empties that month (or the table)."""

COLUMN_DRIFT = "column_drift"
"""Column of the load history that says which columns of an object are unknown or missing."""

LOAD_HISTORY_COLUMNS: tuple[tuple[str, str], ...] = (
    ("load_id", "INTEGER"),
    ("table_name", "VARCHAR"),
    ("month", "VARCHAR"),
    ("object_key", "VARCHAR"),
    ("etag", "VARCHAR"),
    ("size_bytes", "BIGINT"),
    ("rows_loaded", "BIGINT"),
    ("rows_rejected", "BIGINT"),
    ("first_error", "VARCHAR"),
    ("run_id", "VARCHAR"),
    ("loaded_at", "TIMESTAMP"),
    (COLUMN_DRIFT, "VARCHAR"),
)
REJECTED_ROWS_COLUMNS: tuple[tuple[str, str], ...] = (
    ("load_id", "INTEGER"),
    ("table_name", "VARCHAR"),
    ("month", "VARCHAR"),
    ("object_key", "VARCHAR"),
    ("line_number", "BIGINT"),
    ("column_name", "VARCHAR"),
    ("reason", "VARCHAR"),
    ("raw_text", "VARCHAR"),
)


@dataclass(frozen=True)
class LoadReport:
    """What one load did.

    Attributes:
        load_id: Number of the load; grows with every load of the warehouse.
        objects: Objects loaded.
        size_bytes: Their size.
        rows_read: Rows in the objects, header and blank lines not counted.
        rows_loaded: Rows now in the table for these partitions.
        rows_rejected: Rows that are not: they are in `raw.rejected_rows`.
        rejects: The first of these.
        seconds: Wall time.
        refused: Partitions (months; None for a file without months) that were refused and so hold what they held
            before, each with the sentence that says why.
        held_back: Those of them that would have taken away too much, see `loading/shrink.py`.
        notes: What a person should know of it besides, a sentence each.
        statements: Where a warehouse keeps a record of its statements, the number of each step's there.
        pages: Addresses where the warehouse shows the load and the table, by what they show.
    """

    load_id: int
    objects: int
    size_bytes: int
    rows_read: int
    rows_loaded: int
    rows_rejected: int
    rejects: Sequence[Reject]
    seconds: float
    refused: Mapping[str | None, str] = field(default_factory=dict)
    held_back: Collection[str | None] = ()
    notes: Sequence[str] = ()
    statements: Mapping[str, str] = field(default_factory=dict)
    pages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LoadState:
    """What a raw table, or one month of it, holds: the outcome of its newest load that was committed.

    Attributes:
        load_id: The newest load.
        version: Data version of the objects in it, see `landing/data_version.py`.
        objects: How many they are.
        rows_loaded: Rows loaded by it.
        rows_rejected: Rows rejected by it.
        loaded_at: When, UTC.
    """

    load_id: int
    version: str
    objects: int
    rows_loaded: int
    rows_rejected: int
    loaded_at: dt.datetime

    def matches(self, versions: Iterable[ObjectVersion]) -> bool:
        """Whether exactly these object versions were loaded."""
        return self.version == data_version(versions)


@dataclass(frozen=True)
class Holdings:
    """What a warehouse holds.

    Attributes:
        relations: Schema and name of every table and view.
        states: What each raw file's table holds, by name of the file and by month (None for a file without months).
    """

    relations: Collection[tuple[str, str]]
    states: Mapping[str, Mapping[str | None, LoadState]]


@dataclass
class PreparedObject:
    """Row counts of one object on its way into the table.

    Attributes:
        version: The object.
        month: Its month, if the file has months.
        rows_read: Rows in it.
        rows_rejected: Rows not to be loaded.
        rejects: The first of these.
        conflict: The first that is a marker of a merge conflict.
        drift: Which of its columns are unknown or missing, in words.
    """

    version: ObjectVersion
    month: str | None
    rows_read: int = 0
    rows_rejected: int = 0
    rejects: Sequence[Reject] = ()
    conflict: Reject | None = None
    drift: str | None = None

    @property
    def rows_loaded(self) -> int:
        """Rows that are good."""
        return self.rows_read - self.rows_rejected


class RefusedLoad(LoadError):
    """Partitions of a raw table that were refused, with one line for each reason.

    Attributes:
        refused: Why, by partition key (None for a file without months).
        held_back: Those of them that would have taken away too much.
    """

    def __init__(self, refused: Mapping[str | None, str], held_back: Collection[str | None] = ()) -> None:
        super().__init__("\n".join(dict.fromkeys(refused.values())))
        self.refused = dict(refused)
        self.held_back = frozenset(held_back)


class Warehouse(Protocol):
    """A warehouse that raw files are loaded into."""

    @property
    def limits(self) -> str:
        """What loads are judged by, limits and whose columns are found by name, as a text that differs if these do."""
        ...

    def ensure_raw_tables(self, files: Sequence[RawFile]) -> None:
        """Create the raw tables, the load history and the rejects table where they are missing."""
        ...

    def replace(
        self,
        file: RawFile,
        objects: ObjectsByPartition,
        bucket: LandingBucket,
        *,
        run_id: str,
        accept_shrink: Collection[str | None] = (),
    ) -> LoadReport:
        """Make the table hold exactly the rows of these objects in these partitions.

        A partition with an object that is not the file, or of which too many rows are bad (`reject_limit`), is
        refused: it holds what it held, and `LoadReport.refused` says why. So is one that would take away too much of
        what is held (`loading/shrink.py`), unless it is in `accept_shrink`. The others are loaded.

        Raises:
            RefusedLoad: Every partition is refused; the table is unchanged. A LoadError.
            LoadError: The load failed as a whole; likewise.
            BucketError: An object cannot be read or is no longer the one observed; likewise.
            WarehouseError: The warehouse cannot be opened; likewise.
        """
        ...

    def reading(self) -> AbstractContextManager[None]:
        """Have what is asked in the block by this thread asked at once, if each question would open the warehouse."""
        ...

    def load_states(self, file: RawFile) -> dict[str | None, LoadState]:
        """What the table holds, by month (None for a file without months)."""
        ...

    def holdings(self, files: Sequence[RawFile]) -> Holdings:
        """What there is, and what the tables of these files hold; counts nothing, so that a sensor may ask."""
        ...

    def rejects(self, file: RawFile, *, limit: int) -> list[Reject]:
        """The first rows that the loads now held rejected, by object and line."""
        ...

    def row_count(self, file: RawFile) -> int:
        """Rows in the raw table."""
        ...

    def column_drift(self, file: RawFile) -> dict[str, str]:
        """Which columns of the objects now held are unknown or missing, in words, by object key; of the others none."""
        ...

    def row_counts(self, of: Collection[tuple[str, str]] | None = None) -> dict[tuple[str, str], int]:
        """Rows of every table and view, by schema and name; with `of`, only of those that it names."""
        ...

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query that only reads, in the order of its columns.

        Raises:
            WarehouseError: The warehouse cannot be opened, or something that the query reads does not exist.
        """
        ...

    def queries(self, statements: Sequence[str]) -> list[list[tuple[Any, ...]]]:
        """The rows of each of some queries, asked one after the other in one session; see `query`."""
        ...


def limits_of(limit: RejectLimit, max_shrink: float, by_name: Collection[str]) -> str:
    """Return what `Warehouse.limits` is for these settings."""
    return " ".join([f"{limit.fraction:g} {limit.rows} {max_shrink:g}", *sorted(by_name)])


def load_states_query(files: Sequence[RawFile], half_md5: str) -> str:
    """Return the query for what tables hold: one row for the newest load of each month, or of the table.

    Args:
        files: Whose tables.
        half_md5: The lower half of the MD5 of a text as a number, in the warehouse's SQL; the text is `{}`.
    """
    tables = ", ".join(f"'{file.table}'" for file in files)
    digest = half_md5.format("object_key || chr(9) || etag || chr(9) || cast(size_bytes as varchar)")
    return (
        f"select table_name, month, load_id, sum({digest}), count(object_key), sum(rows_loaded), sum(rows_rejected), "
        "max(loaded_at) from (select * "
        f"from {RAW_SCHEMA}.load_history where table_name in ({tables}) "
        "qualify load_id = max(load_id) over (partition by table_name, month)) as newest "
        "group by table_name, month, load_id"
    )


def load_states_of(files: Sequence[RawFile], rows: Iterable[Sequence[Any]]) -> dict[str, dict[str | None, LoadState]]:
    """Sort the rows of `load_states_query` by name of the file and by month (None for a file without months)."""
    states: dict[str, dict[str | None, LoadState]] = {file.name: {} for file in files}
    names = {file.table: file.name for file in files}
    for table, month, load_id, digest, objects, loaded, rejected, loaded_at in rows:
        states[names[table]][month] = LoadState(
            load_id=int(load_id),
            version=version_of(int(digest or 0)),
            objects=int(objects),
            rows_loaded=int(loaded),
            rows_rejected=int(rejected),
            loaded_at=loaded_at.replace(tzinfo=dt.timezone.utc),
        )
    return states


def newest_loads_query(file: RawFile) -> str:
    """Return the query for all that the history says of what a table holds; see `column_drift_of`."""
    return (
        f"select * from {RAW_SCHEMA}.load_history where table_name = '{file.table}' "
        "qualify load_id = max(load_id) over (partition by table_name, month)"
    )


def column_drift_of(records: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Which columns of each object are unknown or missing; a history of before this was kept says it of none."""
    return {str(one["object_key"]): str(one[COLUMN_DRIFT]) for one in records if one.get(COLUMN_DRIFT)}


def out_of_date(
    file: RawFile, observed: Mapping[str | None, str], states: Mapping[str | None, LoadState]
) -> dict[str | None, bool]:
    """Say of every month (or None) that is observed or loaded whether the table needs loading.

    What is observed is given by its data versions. A month that is neither observed nor holds a row is up to date:
    there is nothing to load or to empty.
    """
    partition_keys = set(observed) | set(states)
    if file.month_column is None:
        partition_keys.add(None)
    changed, nothing = {}, data_version(())
    for partition_key in partition_keys:
        state = states.get(partition_key)
        changed[partition_key] = state.version != observed.get(partition_key, nothing) if state else True
    return changed


def may_be_empty(version: ObjectVersion, others: Sequence[ObjectVersion]) -> bool:
    """Say whether an object without a byte is no rows: beside others that hold some it is, alone it is a fault."""
    return any(other.size for other in others if other != version)
