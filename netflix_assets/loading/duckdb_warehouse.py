"""The load contract on DuckDB, for work without an account.

Objects are downloaded first and the database file is opened last: while one process has it open to
write, no other may even read it. Clean objects load in one typed scan in which every value is checked;
an object with any trouble is read again by `quarantine`, and the load repeated without its bad rows.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from netflix_assets.catalog import RAW_SCHEMA, Column, ColumnType, RawFile
from netflix_assets.errors import LoadError, WarehouseError
from netflix_assets.formats.months import adjacent, time_window
from netflix_assets.formats.rows import Reject
from netflix_assets.formats.values import WHOLE_NUMBER_LIMITS
from netflix_assets.landing.bucket import LandingBucket, ObjectVersion
from netflix_assets.loading import quarantine
from netflix_assets.loading.csv_object import land
from netflix_assets.loading.warehouse import (
    LOAD_HISTORY_COLUMNS,
    REJECTED_ROWS_COLUMNS,
    LoadReport,
    LoadState,
    ObjectsByPartition,
    PreparedObject,
    load_states_of,
    load_states_query,
    refuse_if_too_many_rejects,
    refuse_too_many_repeats,
)
from netflix_assets.scratch import scratch_folder

_RETRY_SECONDS = 0.25
_BOUND_WIDTH = 12
_DOWNLOADS = 4
# Where DuckDB's file header names the version that wrote it.
_VERSION_START, _VERSION_END = 52, 84
_LOCKED = re.compile(r"could not set lock|conflicting lock|used by another process", re.IGNORECASE)


@dataclass
class _Source:
    """An object on disk, ready to be scanned."""

    item: PreparedObject
    landed: Path
    scanned: Path
    suspicious: bool

    @property
    def rejected(self) -> Path:
        """Where the rows set aside are described, once they are."""
        return self.landed.with_suffix(".rejected.csv")


class DuckDBWarehouse:
    """A DuckDB file."""

    def __init__(
        self,
        path: Path,
        *,
        max_rejected_fraction: float = 0.01,
        lock_wait_seconds: float = 60,
        memory_limit: str = "1500MB",
    ) -> None:
        """Name the file; it is opened only while something is done with it.

        Args:
            path: The database file; its folder is made if missing.
            max_rejected_fraction: Share of rows (0..1) that a load may reject.
            lock_wait_seconds: How long to wait for another process to let go of the file.
            memory_limit: DuckDB's own limit; it spills to disk beyond.
        """
        self.path = path
        self._max_rejected_fraction = max_rejected_fraction
        self._lock_wait_seconds = lock_wait_seconds
        self._memory_limit = memory_limit

    @contextmanager
    def connection(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the file, waiting for other processes to let go of it.

        Raises:
            WarehouseError: It stays locked, or cannot be opened or created.
        """
        deadline = time.monotonic() + self._lock_wait_seconds
        while True:
            try:
                connection = self._open(read_only)
                break
            except (duckdb.IOException, duckdb.ConnectionException) as error:
                if time.monotonic() >= deadline:
                    raise WarehouseError(
                        f"the warehouse {self.path} is still in use by another process after "
                        f"{self._lock_wait_seconds:g} s ({_lock_holder(error)}); "
                        "let that finish or close it, then try again"
                    ) from error
                time.sleep(_RETRY_SECONDS)
        with closing(connection):
            connection.execute("set TimeZone = 'UTC'")
            yield connection

    def _open(self, read_only: bool) -> duckdb.DuckDBPyConnection:
        """Open the file.

        Raises:
            WarehouseError: It cannot be opened or created, now or later.
            duckdb.IOException: Another process has it.
            duckdb.ConnectionException: This process has it, opened in another way.
        """
        if "?" in str(self.path):
            raise WarehouseError(
                f"DuckDB cannot keep a database at {self.path}, because of the question mark; "
                "set NETFLIX_HOME to a folder without one"
            )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return duckdb.connect(
                str(self.path),
                read_only=read_only,
                config={"memory_limit": self._memory_limit, "autoinstall_known_extensions": "false"},
            )
        except OSError as error:
            raise WarehouseError(
                f"the folder of the warehouse {self.path} cannot be made ({error.strerror}); "
                "make it writable or set NETFLIX_HOME to a folder that is"
            ) from error
        except duckdb.ConnectionException:
            raise
        except duckdb.Error as error:
            if isinstance(error, duckdb.IOException) and _LOCKED.search(str(error)):
                raise
            fault = str(error).splitlines()[0]
            if self.path.is_file() and not _has_duckdb_header(self.path):
                raise WarehouseError(
                    f"the warehouse {self.path} is not a DuckDB database; move the file away and load again"
                ) from error
            writer = _written_by(self.path)
            if writer is not None and _release(writer) > _release(duckdb.__version__):
                raise WarehouseError(
                    f"the warehouse {self.path} was written by DuckDB {writer}, and this is DuckDB "
                    f"{duckdb.__version__}, which cannot read it; the file is sound: use DuckDB {writer} or later "
                    "(`make setup`)"
                ) from error
            if self.path.exists() and not os.access(self.path, os.R_OK | os.W_OK):
                raise WarehouseError(
                    f"the warehouse {self.path} may not be opened by this user ({fault}); make it yours, or set "
                    "NETFLIX_HOME to a folder that is"
                ) from error
            raise WarehouseError(
                f"the warehouse {self.path} cannot be opened by DuckDB {duckdb.__version__} ({fault}); if the file is "
                "damaged, put back a copy of it, or else move it away and load again, which starts the history of "
                "the snapshots anew; otherwise make it writable or set NETFLIX_HOME to a folder that is"
            ) from error

    def ensure_raw_tables(self, files: Sequence[RawFile]) -> None:
        """Create the raw tables, the load history and the rejects table where they are missing."""
        with self.connection() as connection:
            _create_raw_tables(connection, files)

    def replace(self, file: RawFile, objects: ObjectsByPartition, bucket: LandingBucket, *, run_id: str) -> LoadReport:
        """See `Warehouse.replace`."""
        started = time.monotonic()
        with scratch_folder(self.path.parent / "tmp", "load-", error=WarehouseError) as folder:
            sources = _download(file, objects, bucket, folder)
            with self.connection() as connection:
                _create_raw_tables(connection, [file])
                load_id = self._replace_in_transaction(connection, file, objects, sources, run_id)
        items = [source.item for source in sources]
        return LoadReport(
            load_id=load_id,
            objects=len(items),
            size_bytes=sum(item.version.size for item in items),
            rows_read=sum(item.rows_read for item in items),
            rows_loaded=sum(item.rows_loaded for item in items),
            rows_rejected=sum(item.rows_rejected for item in items),
            rejects=[reject for item in items for reject in item.rejects],
            seconds=time.monotonic() - started,
        )

    def load_states(self, file: RawFile) -> dict[str | None, LoadState]:
        """See `Warehouse.load_states`."""
        return self.all_load_states([file])[file.name]

    def all_load_states(self, files: Sequence[RawFile]) -> dict[str, dict[str | None, LoadState]]:
        """See `Warehouse.all_load_states`."""
        return load_states_of(files, self._read_if_present("load_history", load_states_query(files), []))

    def rejects(self, file: RawFile, *, limit: int) -> list[Reject]:
        """See `Warehouse.rejects`."""
        rows = self._read_if_present(
            "rejected_rows",
            f"select object_key, line_number, column_name, reason, raw_text from {RAW_SCHEMA}.rejected_rows "
            "where table_name = ? order by object_key, line_number limit ?",
            [file.table, limit],
        )
        return [Reject(*row) for row in rows]

    def row_count(self, file: RawFile) -> int:
        """See `Warehouse.row_count`."""
        rows = self._read_if_present(file.table, f"select count(*) from {RAW_SCHEMA}.{file.table}", [])
        return int(rows[0][0]) if rows else 0

    def relations(self) -> set[tuple[str, str]]:
        """See `Warehouse.relations`."""
        if not self.path.exists():
            return set()
        with self.connection(read_only=True) as connection:
            return _relations(connection)

    def row_counts(self, of: Collection[tuple[str, str]] | None = None) -> dict[tuple[str, str], int]:
        """See `Warehouse.row_counts`."""
        if not self.path.exists():
            return {}
        with self.connection(read_only=True) as connection:
            counts = {}
            for schema, name in _relations(connection) if of is None else _relations(connection).intersection(of):
                row = connection.execute(f'select count(*) from "{schema}"."{name}"').fetchone()
                counts[(schema, name)] = row[0] if row else 0
        return counts

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """See `Warehouse.query`."""
        if not self.path.exists():
            raise WarehouseError(f"there is no warehouse {self.path} yet; run `netflix-assets materialize` first")
        with self.connection(read_only=True) as connection:
            try:
                return connection.execute(sql).fetchall()
            except (duckdb.CatalogException, duckdb.BinderException) as error:
                fault = str(error).splitlines()[0]
                raise WarehouseError(
                    f"the warehouse {self.path} does not hold what is asked of it ({fault}); "
                    "run `netflix-assets materialize` first"
                ) from error

    def _read_if_present(self, table: str, query: str, parameters: list[object]) -> list[Any]:
        """Rows of a query on a raw table; none if there is no such table yet."""
        if not self.path.exists():
            return []
        with self.connection(read_only=True) as connection:
            found = connection.execute(
                "select 1 from information_schema.tables where table_schema = ? and table_name = ?",
                [RAW_SCHEMA, table],
            ).fetchone()
            return connection.execute(query, parameters).fetchall() if found else []

    def _replace_in_transaction(
        self,
        connection: duckdb.DuckDBPyConnection,
        file: RawFile,
        objects: ObjectsByPartition,
        sources: list[_Source],
        run_id: str,
    ) -> int:
        """Replace the window, setting aside what a scan or the key refuses, and commit only balanced books."""
        load_id = _one(connection, f"select coalesce(max(load_id), 0) + 1 from {RAW_SCHEMA}.load_history")
        _set_aside(file, [source for source in sources if source.suspicious], {})
        # At most three times: as they are, without the rows of bad values, without the repeated rows.
        for _ in range(3):
            connection.execute("begin transaction")
            try:
                _delete_window(connection, file, objects)
                suspects = _insert(connection, file, sources, load_id)
                repeated = {} if suspects else self._repeated_keys(connection, file, sources, load_id)
                if not suspects and not repeated:
                    refuse_if_too_many_rejects(file, [source.item for source in sources], self._max_rejected_fraction)
                    _write_books(connection, file, objects, sources, load_id, run_id)
                    connection.execute("commit")
                    return load_id
            except BaseException:
                _rollback(connection)
                raise
            _rollback(connection)
            _set_aside(file, suspects or [s for s in sources if s.item.month in repeated], repeated)
        raise LoadError(
            f"the rows of {file.table} do not add up after their bad rows were set aside, so nothing was changed; "
            "this is a fault of the loader: please report it with the objects"
        )

    def _repeated_keys(
        self, connection: duckdb.DuckDBPyConnection, file: RawFile, sources: Sequence[_Source], load_id: int
    ) -> dict[str | None, set[quarantine.Key]]:
        """Keys that occur more than once in their window, by month.

        Raises:
            LoadError: They are so many that the load cannot be accepted.
        """
        key = ", ".join(f'"{name}"' for name in file.key)
        repeated: dict[str | None, set[quarantine.Key]] = {}
        for month in dict.fromkeys(source.item.month for source in sources):
            where = f"_load_id = {load_id}"
            if month is not None:
                start, end = time_window(month)
                where += f' and "{file.month_column}" >= {start} and "{file.month_column}" < {end}'
            table = f"{RAW_SCHEMA}.{file.table}"
            # Counting hashes is cheaper than grouping by the key, and no row is repeated if none of these is.
            if not _one(connection, f"select count(*) - count(distinct hash({key})) from {table} where {where}"):
                continue
            groups = f"from {table} where {where} group by {key} having count(*) > 1"
            extra = _one(connection, f"select coalesce(sum(n - 1), 0) from (select count(*) as n {groups})")
            if not extra:
                continue
            read = sum(source.item.rows_read for source in sources)
            objects = [source.item.version.key for source in sources if source.item.month == month]
            refuse_too_many_repeats(file, extra, read, self._max_rejected_fraction, objects)
            repeated[month] = set(connection.execute(f"select {key} {groups}").fetchall())
        return repeated


def create_raw_tables(files: Sequence[RawFile]) -> list[str]:
    """The statements that create what loading needs, where it is missing."""
    history = ", ".join(f"{name} {type_}" for name, type_ in LOAD_HISTORY_COLUMNS)
    rejected = ", ".join(f"{name} {type_}" for name, type_ in REJECTED_ROWS_COLUMNS)
    statements = [
        f"create schema if not exists {RAW_SCHEMA}",
        f"create table if not exists {RAW_SCHEMA}.load_history ({history})",
        f"create table if not exists {RAW_SCHEMA}.rejected_rows ({rejected})",
    ]
    for file in files:
        columns = ", ".join(f'"{column.name}" {column.type.value}' for column in file.columns)
        statements.append(f"create table if not exists {RAW_SCHEMA}.{file.table} ({columns}, _load_id INTEGER)")
    return statements


def _create_raw_tables(connection: duckdb.DuckDBPyConnection, files: Sequence[RawFile]) -> None:
    connection.execute("begin transaction")
    for statement in create_raw_tables(files):
        connection.execute(statement)
    connection.execute("commit")


def good_row(file: RawFile) -> str:
    """An SQL condition, never NULL, that holds for the rows of a scan that the catalogue accepts.

    Numbers are scanned as DOUBLE: an INTEGER column of DuckDB's CSV reader rounds 5.7 to 6 in silence.
    """
    conditions = []
    for column in file.columns:
        name = f'"{column.name}"'
        tests = [f"{name} is not null"]
        if column.type in WHOLE_NUMBER_LIMITS:
            tests.append(f"{name} = floor({name})")
            tests.append(f"abs({name}) <= {WHOLE_NUMBER_LIMITS[column.type]}")
        if column.type is ColumnType.STARS:
            tests.append(f"abs({name} * 10 - round({name} * 10)) <= 1e-9")
        if column.minimum is not None:
            tests.append(f"{name} >= {column.minimum!r}")
        if column.maximum is not None:
            tests.append(f"{name} <= {column.maximum!r}")
        if column.name == file.month_column:
            tests += [f"{name} >= {_window_bound(1)}", f"{name} < {_window_bound(2)}"]
        test = " and ".join(tests)
        conditions.append(f"({test})" if column.required else f"({name} is null or ({test}))")
    return " and ".join(conditions)


def scan(file: RawFile, paths: Sequence[Path]) -> str:
    """A table function that reads landed objects; fields that are not of their type are an error."""
    listed = ", ".join(_literal(str(path)) for path in paths)
    columns = ", ".join(f"{_literal(column.name)}: '{_scan_type(column)}'" for column in file.columns)
    quotes = "quote = '\"', escape = '\"'" if file.has_text else "quote = '', escape = ''"
    return (
        f"read_csv([{listed}], header = true, auto_detect = false, delim = ',', {quotes}, "
        f"new_line = '\\n', columns = {{{columns}}}, filename = true, hive_partitioning = false)"
    )


def insert_rows(file: RawFile, paths: Sequence[Path], load_id: int) -> str:
    """The statement that loads landed objects; a row that the catalogue refuses is an error."""
    names = ", ".join(f'"{column.name}"' for column in file.columns)
    values = ", ".join(f'"{column.name}"::{column.type.value}' for column in file.columns)
    return (
        f"insert into {RAW_SCHEMA}.{file.table} ({names}, _load_id) select {values}, {load_id} "
        f"from {scan(file, paths)} where case when {good_row(file)} then true else error('bad row') end"
    )


def insert_rejects(file: RawFile, paths: Sequence[Path], load_id: int) -> str:
    """The statement that loads the files of rejects that `quarantine.separate` writes."""
    names = [name for name, _ in REJECTED_ROWS_COLUMNS]
    given = {"load_id": str(load_id), "table_name": _literal(file.table)}
    values = (given.get(name, f"nullif({name}, '')" if name in ("month", "column_name") else name) for name in names)
    listed = ", ".join(_literal(str(path)) for path in paths)
    columns = ", ".join(f"{name}: '{type_}'" for name, type_ in quarantine.REJECT_COLUMNS)
    return (
        f"insert into {RAW_SCHEMA}.rejected_rows ({', '.join(names)}) select {', '.join(values)} "
        f"from read_csv([{listed}], header = false, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
        f"new_line = '\\n', columns = {{{columns}}}, parallel = false, hive_partitioning = false)"
    )


def _scan_type(column: Column) -> str:
    return "VARCHAR" if column.type is ColumnType.TEXT else "DOUBLE"


def _window_bound(position: int) -> str:
    """Start (1) or end (2) of the month that a landed file holds, from its name; constant within a file."""
    end = len(".csv") + (2 - position) * (_BOUND_WIDTH + 1)
    return f"filename[-{end + _BOUND_WIDTH}:-{end + 1}]::BIGINT"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _relations(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    rows = connection.execute(
        "select table_schema, table_name from information_schema.tables where table_catalog = current_database()"
    ).fetchall()
    return {(schema, name) for schema, name in rows}


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _rollback(connection: duckdb.DuckDBPyConnection) -> None:
    """Undo the open transaction, if the failure has not already ended it."""
    with suppress(duckdb.TransactionException):
        connection.execute("rollback")


def _lock_holder(error: duckdb.Error) -> str:
    match = re.search(r"PID (\d+)", str(error))
    return f"process {match[1]}" if match else "DuckDB reports a lock"


def _written_by(path: Path) -> str | None:
    """Return the version of DuckDB that wrote a file, such as 2.0.1, as its header says; None if it says none."""
    try:
        with path.open("rb") as start:
            version = start.read(_VERSION_END)[_VERSION_START:].rstrip(b"\0").decode("ascii", errors="replace")
    except OSError:
        return None
    found = re.fullmatch(r"v(\d+\.\d+\.\d+).*", version)
    return found[1] if found else None


def _release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version that decide whether it reads a file: 2 and 0 of 2.0.1."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def _has_duckdb_header(path: Path) -> bool:
    with path.open("rb") as start:
        return start.read(12)[8:] == b"DUCK"


def _download(file: RawFile, objects: ObjectsByPartition, bucket: LandingBucket, folder: Path) -> list[_Source]:
    """Land every object of the load, several at once, in month order, so that the table is ordered by month."""
    versions = [
        (month, version) for month in sorted(objects, key=lambda name: name or "") for version in objects[month]
    ]

    def fetch(number: int, month: str | None, version: ObjectVersion) -> _Source:
        start, end = time_window(month) if month else (0, 0)
        path = folder / f"{number}_{start:0{_BOUND_WIDTH}}_{end:0{_BOUND_WIDTH}}.csv"
        landed = land(file, version.key, bucket.download(version), path)
        item = PreparedObject(version, month, rows_read=landed.lines)
        return _Source(item, landed=path, scanned=path, suspicious=landed.suspicious is not None)

    # The first one alone: it makes the bucket's client, which the threads then share.
    sources = [fetch(0, *versions[0])] if versions else []
    with ThreadPoolExecutor(_DOWNLOADS) as pool:
        sources += pool.map(lambda number: fetch(number, *versions[number]), range(1, len(versions)))
    return sources


def _set_aside(file: RawFile, sources: Sequence[_Source], repeated: Mapping[str | None, set[quarantine.Key]]) -> None:
    """Read these objects line by line, so that only their good rows are scanned from here on."""
    seen: dict[str | None, set[quarantine.Key]] = defaultdict(set)
    for source in sources:
        item = source.item
        source.scanned = source.landed.with_name(f"good_{source.landed.name}")
        separated = quarantine.separate(
            file,
            item.version.key,
            item.month,
            source.landed,
            source.scanned,
            source.rejected,
            repeated=repeated.get(item.month, ()),
            seen=seen[item.month],
        )
        item.rows_read, item.rows_rejected, item.rejects = separated.rows_read, separated.rows_rejected, separated.first


def _delete_window(connection: duckdb.DuckDBPyConnection, file: RawFile, objects: ObjectsByPartition) -> None:
    table = f"{RAW_SCHEMA}.{file.table}"
    rejected = f"delete from {RAW_SCHEMA}.rejected_rows where table_name = ?"
    if None in objects:
        connection.execute(f"delete from {table}")
        connection.execute(rejected, [file.table])
        return
    months = [month for month in objects if month is not None]
    for start, end in adjacent(time_window(month) for month in sorted(months)):
        time_column = f'"{file.month_column}"'
        connection.execute(f"delete from {table} where {time_column} >= ? and {time_column} < ?", [start, end])
    connection.execute(f"{rejected} and list_contains(?, month)", [file.table, months])


def _insert(
    connection: duckdb.DuckDBPyConnection, file: RawFile, sources: Sequence[_Source], load_id: int
) -> list[_Source]:
    """Insert the objects; return those that hold more or other rows than were counted, else none."""
    if not sources:
        return []
    expected = sum(source.item.rows_loaded for source in sources)
    try:
        inserted = _one(connection, insert_rows(file, [source.scanned for source in sources], load_id))
    except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
        _rollback(connection)
        suspects = [source for source in sources if not _scans_clean(connection, file, source)]
        if not suspects:
            raise LoadError(f"{file.table} could not be loaded: {str(error).splitlines()[0]}") from error
        return suspects
    if inserted == expected:
        return []
    return [source for source in sources if not _scans_clean(connection, file, source)] or list(sources)


def _scans_clean(connection: duckdb.DuckDBPyConnection, file: RawFile, source: _Source) -> bool:
    """Whether a scan sees exactly the rows that were counted, all of them good."""
    query = f"select count(*) filter (where {good_row(file)}) from {scan(file, [source.scanned])}"
    try:
        return _one(connection, query) == source.item.rows_loaded
    except (duckdb.InvalidInputException, duckdb.ConversionException):
        return False


def _write_books(
    connection: duckdb.DuckDBPyConnection,
    file: RawFile,
    objects: ObjectsByPartition,
    sources: Sequence[_Source],
    load_id: int,
    run_id: str,
) -> None:
    """One history row an object, or one for a month (or table) that is now empty; one row a reject."""
    now = dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)
    history: list[tuple[object, ...]] = [
        (
            load_id,
            file.table,
            item.month,
            item.version.key,
            item.version.etag,
            item.version.size,
            item.rows_loaded,
            item.rows_rejected,
            str(item.rejects[0]) if item.rejects else None,
            run_id,
            now,
        )
        for item in (source.item for source in sources)
    ]
    history += [
        (load_id, file.table, month, None, None, 0, 0, 0, None, run_id, now)
        for month, versions in objects.items()
        if not versions
    ]
    if history:
        marks = ", ".join("?" * len(LOAD_HISTORY_COLUMNS))
        connection.executemany(f"insert into {RAW_SCHEMA}.load_history values ({marks})", history)
    with_rejects = [source.rejected for source in sources if source.item.rows_rejected]
    if with_rejects:
        connection.execute(insert_rejects(file, with_rejects, load_id))
