"""The load contract on DuckDB, for work without an account.

Objects are downloaded first and the database file is opened last: while one process has it open to write, no other
may even read it. `duckdb_load` is the load itself.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from netflix_assets.catalog import RAW_SCHEMA, RawFile, read_by_name
from netflix_assets.errors import WarehouseError
from netflix_assets.formats.rows import Reject
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.loading.duckdb_load import Load, create_raw_tables
from netflix_assets.loading.duckdb_sql import HALF_MD5
from netflix_assets.loading.warehouse import (
    Holdings,
    LoadReport,
    LoadState,
    ObjectsByPartition,
    column_drift_of,
    limits_of,
    load_states_of,
    load_states_query,
    newest_loads_query,
)
from netflix_assets.scratch import scratch_folder
from netflix_assets.settings import DEFAULT_MAX_SHRINK, DEFAULT_REJECT_LIMIT, RejectLimit

_RETRY_SECONDS = 0.25
# Where DuckDB's file header names the version that wrote it.
_VERSION_START, _VERSION_END = 52, 84
_LOCKED = re.compile(r"could not set lock|conflicting lock|used by another process", re.IGNORECASE)


class DuckDBWarehouse:
    """A DuckDB file."""

    def __init__(
        self,
        path: Path,
        *,
        limit: RejectLimit = DEFAULT_REJECT_LIMIT,
        max_shrink: float = DEFAULT_MAX_SHRINK,
        by_name: Collection[str] = read_by_name(),
        lock_wait_seconds: float = 60,
        memory_limit: str = "1400MB",
    ) -> None:
        """Name the file; it is opened only while something is done with it.

        Args:
            path: The database file; its folder is made if missing.
            limit: How many rows a load may reject.
            max_shrink: Share of rows or keys that a load may take away.
            by_name: The files whose columns are found by their names.
            lock_wait_seconds: How long to wait for another process to let go of the file.
            memory_limit: DuckDB's own limit; it spills to disk beyond.
        """
        self.path = path
        self._limit = limit
        self._max_shrink = max_shrink
        self._by_name = frozenset(by_name)
        self._lock_wait_seconds = lock_wait_seconds
        self._memory_limit = memory_limit
        self._held = threading.local()

    @property
    def limits(self) -> str:
        """See `Warehouse.limits`."""
        return limits_of(self._limit, self._max_shrink, self._by_name)

    @contextmanager
    def connection(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the file, waiting for other processes to let go of it.

        Raises:
            WarehouseError: It stays locked, or cannot be opened or created.
        """
        held: duckdb.DuckDBPyConnection | None = getattr(self._held, "connection", None)
        if read_only and held is not None:
            yield held
            return
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

    @contextmanager
    def reading(self) -> Iterator[None]:
        """See `Warehouse.reading`: DuckDB takes 20 ms of a processor to open any file."""
        if not self.path.exists():
            yield
            return
        with self.connection(read_only=True) as connection:
            self._held.connection = connection
            try:
                yield
            finally:
                del self._held.connection

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
            create_raw_tables(connection, files, self._by_name)

    def replace(
        self,
        file: RawFile,
        objects: ObjectsByPartition,
        bucket: LandingBucket,
        *,
        run_id: str,
        accept_shrink: Collection[str | None] = (),
    ) -> LoadReport:
        """See `Warehouse.replace`."""
        started = time.monotonic()
        with scratch_folder(self.path.parent / "tmp", "load-", error=WarehouseError) as folder:
            load = Load(
                file,
                objects,
                bucket,
                self._limit,
                max_shrink=self._max_shrink,
                accept_shrink=accept_shrink,
                by_name=file.name in self._by_name,
            )
            load.land(folder)
            with self.connection() as connection:
                create_raw_tables(connection, [file], self._by_name)
                load_id = load.commit(connection, run_id)
        items = [source.item for source in load.sources]
        return LoadReport(
            load_id=load_id,
            objects=len(items),
            size_bytes=sum(item.version.size for item in items),
            rows_read=sum(item.rows_read for item in items),
            rows_loaded=sum(item.rows_loaded for item in items),
            rows_rejected=sum(item.rows_rejected for item in items),
            rejects=[reject for item in items for reject in item.rejects],
            seconds=time.monotonic() - started,
            refused=load.refused,
            held_back=load.held_back,
        )

    def load_states(self, file: RawFile) -> dict[str | None, LoadState]:
        """See `Warehouse.load_states`."""
        return self._states([file])[file.name]

    def holdings(self, files: Sequence[RawFile]) -> Holdings:
        """See `Warehouse.holdings`."""
        if not self.path.exists():
            return Holdings(set(), load_states_of(files, ()))
        with self.connection(read_only=True) as connection:
            return Holdings(_relations(connection), self._states(files))

    def _states(self, files: Sequence[RawFile]) -> dict[str, dict[str | None, LoadState]]:
        return load_states_of(files, self._read_if_present("load_history", load_states_query(files, HALF_MD5), []))

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

    def column_drift(self, file: RawFile) -> dict[str, str]:
        """See `Warehouse.column_drift`."""
        return column_drift_of(self._records_if_present("load_history", newest_loads_query(file)))

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
        return self.queries([sql])[0]

    def queries(self, statements: Sequence[str]) -> list[list[tuple[Any, ...]]]:
        """See `Warehouse.queries`."""
        if not self.path.exists():
            raise WarehouseError(f"there is no warehouse {self.path} yet; run `netflix-assets materialize` first")
        with self.connection(read_only=True) as connection:
            try:
                return [connection.execute(sql).fetchall() for sql in statements]
            except (duckdb.CatalogException, duckdb.BinderException) as error:
                fault = str(error).splitlines()[0]
                raise WarehouseError(
                    f"the warehouse {self.path} does not hold what is asked of it ({fault}); "
                    "run `netflix-assets materialize` first"
                ) from error

    def _read_if_present(self, table: str, query: str, parameters: list[object]) -> list[Any]:
        """Rows of a query on a raw table; none if there is no such table yet."""
        return [tuple(record.values()) for record in self._records_if_present(table, query, parameters)]

    def _records_if_present(self, table: str, query: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
        """Rows of a query on a raw table by name of the column; none if there is no such table yet."""
        if not self.path.exists():
            return []
        with self.connection(read_only=True) as connection:
            found = connection.execute(
                "select 1 from information_schema.tables where table_schema = ? and table_name = ?",
                [RAW_SCHEMA, table],
            ).fetchone()
            if not found:
                return []
            answer = connection.execute(query, parameters)
            names = [name for name, *_ in answer.description or ()]
            return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def _relations(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    rows = connection.execute(
        "select table_schema, table_name from information_schema.tables where table_catalog = current_database()"
    ).fetchall()
    return {(schema, name) for schema, name in rows}


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
