"""One load into DuckDB: objects are landed, scanned, read line by line where there is any trouble, and booked.

Clean objects load in one typed scan in which every value is checked; an object with any trouble is read again by
`quarantine`, and the load repeated without its bad rows. A partition that is refused is left out of the load, and
keeps what the table held of it.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb

from netflix_assets.catalog import RAW_SCHEMA, RawFile
from netflix_assets.errors import LoadError
from netflix_assets.formats.layout import Layout
from netflix_assets.formats.months import adjacent, time_window
from netflix_assets.formats.rows import ReadRow
from netflix_assets.formats.rules import end_of_tomorrow
from netflix_assets.landing.bucket import LandingBucket, ObjectVersion
from netflix_assets.landing.origins import Origin, cut_from, uploaded_from
from netflix_assets.loading import duckdb_sql as sql
from netflix_assets.loading import quarantine
from netflix_assets.loading.csv_object import land
from netflix_assets.loading.reject_limit import refusal
from netflix_assets.loading.shrink import Shrink, may_shrink, months_gone_at_once, shrink_sentence
from netflix_assets.loading.warehouse import (
    LOAD_HISTORY_COLUMNS,
    ObjectsByPartition,
    PreparedObject,
    RefusedLoad,
    load_states_of,
    load_states_query,
    may_be_empty,
)
from netflix_assets.settings import RejectLimit

_DOWNLOADS = 4
# As they are; without the rows of bad values; without repeated rows; without the partitions these were too many of;
# without those that would take away too much.
_ATTEMPTS = 5


@dataclass
class _Source:
    """An object on disk, ready to be scanned."""

    item: PreparedObject
    landed: Path
    scanned: Path
    suspicious: bool
    layout: Layout

    @property
    def has_extra(self) -> bool:
        """Whether what is scanned has a column for what unknown columns hold."""
        return bool(self.layout.unknown)

    @property
    def rejected(self) -> Path:
        """Where the rows set aside are described, once they are."""
        return self.landed.with_suffix(".rejected.csv")


class Load:
    """The replacement of some partitions of a raw table.

    Attributes:
        refused: Why, by partition key, a partition is left out.
        held_back: Those of them that would have taken away too much.
        sources: The objects of the others.
    """

    def __init__(
        self,
        file: RawFile,
        objects: ObjectsByPartition,
        bucket: LandingBucket,
        limit: RejectLimit,
        *,
        max_shrink: float,
        by_name: bool,
        accept_shrink: Collection[str | None] = (),
    ) -> None:
        """Say what to load; see `Warehouse.replace`."""
        self._by_name = by_name
        self.refused: dict[str | None, str] = {}
        self.held_back: set[str | None] = set()
        self._max_shrink = max_shrink
        self._accept_shrink = accept_shrink
        self.sources: list[_Source] = []
        self._file = file
        self._objects = objects
        self._bucket = bucket
        self._limit = limit
        self._latest = end_of_tomorrow()

    @property
    def _accepted(self) -> ObjectsByPartition:
        return {key: found for key, found in self._objects.items() if key not in self.refused}

    def land(self, folder: Path) -> None:
        """Land every object, several at once, in month order, so that the table is ordered by month.

        Raises:
            BucketError: An object cannot be read or is no longer the one observed.
        """
        wanted = [
            (month, version)
            for month in sorted(self._objects, key=lambda name: name or "")
            for version in self._objects[month]
        ]

        def fetch(number: int, month: str | None, version: ObjectVersion) -> _Source | LoadError:
            path = folder / sql.landed_name(number, month)
            empty = may_be_empty(version, self._objects[month])
            try:
                landed = land(
                    self._file,
                    version.key,
                    self._bucket.download(version),
                    path,
                    may_be_empty=empty,
                    by_name=self._by_name,
                )
            except LoadError as error:
                return error
            drift = landed.layout.drift(self._file)
            item = PreparedObject(version, month, rows_read=landed.lines, drift=drift)
            return _Source(item, path, path, landed.suspicious is not None, landed.layout)

        # The first one alone: it makes the bucket's client, which the threads then share.
        fetched = [fetch(0, *wanted[0])] if wanted else []
        with ThreadPoolExecutor(_DOWNLOADS) as pool:
            fetched += pool.map(lambda number: fetch(number, *wanted[number]), range(1, len(wanted)))
        for (month, _), found in zip(wanted, fetched, strict=True):
            if isinstance(found, LoadError):
                self.refused.setdefault(month, str(found))
            else:
                self.sources.append(found)
        self._leave_out_refused()

    def commit(self, connection: duckdb.DuckDBPyConnection, run_id: str) -> int:
        """Replace what is not refused in one transaction, setting aside bad and repeated rows; returns the load id.

        Raises:
            LoadError: All of it is refused, or rows do not add up; nothing is changed.
            BucketError: What says where rows that are set aside come from cannot be read; likewise.
        """
        load_id = _one(connection, f"select coalesce(max(load_id), 0) + 1 from {RAW_SCHEMA}.load_history")
        self._set_aside([source for source in self.sources if source.suspicious], {})
        for _ in range(_ATTEMPTS):
            self._refuse_by_limit()
            if self.refused and not self._accepted:
                raise RefusedLoad(self.refused, self.held_back)
            connection.execute("begin transaction")
            try:
                suspects = self._insert(connection, load_id)
                refused = len(self.refused)
                repeated = {} if suspects else self._repeated_keys(connection, load_id)
                if not suspects and not repeated:
                    self._hold_back(connection, load_id)
                if not suspects and not repeated and len(self.refused) == refused:
                    self._delete(connection, load_id)
                    self._write_books(connection, load_id, run_id)
                    connection.execute("commit")
                    return load_id
            except BaseException:
                _rollback(connection)
                raise
            _rollback(connection)
            self._set_aside(suspects or [s for s in self.sources if s.item.month in repeated], repeated)
        raise LoadError(
            f"the rows of {self._file.table} do not add up after their bad rows were set aside, so nothing was "
            "changed; this is a fault of the loader: please report it with the objects"
        )

    def _leave_out_refused(self) -> None:
        self.sources = [source for source in self.sources if source.item.month not in self.refused]

    def _months(self) -> dict[str | None, list[PreparedObject]]:
        """The objects by month."""
        months: dict[str | None, list[PreparedObject]] = defaultdict(list)
        for source in self.sources:
            months[source.item.month].append(source.item)
        return months

    def _refuse_by_limit(self) -> None:
        for month, items in self._months().items():
            if sentence := refusal(self._file, month, items, self._limit):
                self.refused[month] = sentence
        self._leave_out_refused()

    def _set_aside(self, sources: Iterable[_Source], repeated: Mapping[str | None, set[quarantine.Key]]) -> None:
        """Read these objects line by line, so that only their good rows are scanned from here on."""
        seen: dict[str | None, dict[quarantine.Key, ReadRow]] = defaultdict(dict)
        for source in sources:
            item = source.item
            source.scanned = source.landed.with_name(f"good_{source.landed.name}")
            separated = quarantine.separate(
                self._file,
                item.version.key,
                item.month,
                source.landed,
                source.scanned,
                source.rejected,
                latest=self._latest,
                layout=source.layout,
                origin=self._origin(source),
                repeated=repeated.get(item.month, ()),
                seen=seen[item.month],
            )
            item.rows_read, item.rows_rejected = separated.rows_read, separated.rows_rejected
            item.rejects, item.conflict = separated.first, separated.conflict

    @cached_property
    def _exports(self) -> Mapping[str, Origin]:
        """Of all objects, so that one load reads a whole export once at most."""
        return cut_from(self._file, [source.item.version for source in self.sources], self._bucket)

    @cached_property
    def _noted(self) -> Collection[str]:
        return self._bucket.source_lines()

    @cached_property
    def _uploads(self) -> dict[str, Origin | None]:
        return {}

    def _origin(self, source: _Source) -> Origin | None:
        version = source.item.version
        if self._file.is_split_object(version.key):
            return self._exports.get(version.key)
        if version.key not in self._uploads:
            self._uploads[version.key] = uploaded_from(version, self._bucket, self._noted)
        return self._uploads[version.key]

    def _hold_back(self, connection: duckdb.DuckDBPyConnection, load_id: int) -> None:
        """Leave out what would take away too much, while the table still holds the rows before the load as well."""
        rows = connection.execute(load_states_query([self._file], sql.HALF_MD5)).fetchall()
        states = load_states_of([self._file], rows)[self._file.name]
        judged = {key: found for key, found in self._accepted.items() if key not in self._accept_shrink}
        gone = months_gone_at_once(self._file, judged, states, self._max_shrink)
        self.refused |= gone
        self.held_back |= set(gone)
        for month, versions in judged.items():
            before = states.get(month)
            if before is None or not may_shrink(month, versions, before):
                continue
            after = sum(source.item.rows_loaded for source in self.sources if source.item.month == month)
            lost = _one(connection, sql.count_lost_keys(self._file, month, load_id))
            shrink = Shrink(before.rows_loaded, after, lost)
            if shrink.exceeds(self._max_shrink):
                self.refused[month] = shrink_sentence(self._file, month, shrink, self._max_shrink)
                self.held_back.add(month)
        self._leave_out_refused()

    def _delete(self, connection: duckdb.DuckDBPyConnection, load_id: int) -> None:
        """Delete what the load replaces, its rows being in the table already."""
        table = f"{RAW_SCHEMA}.{self._file.table}"
        rejected = f"delete from {RAW_SCHEMA}.rejected_rows where table_name = ?"
        if None in self._accepted:
            connection.execute(f"delete from {table} where _load_id <> ?", [load_id])
            connection.execute(rejected, [self._file.table])
            return
        months = [month for month in self._accepted if month is not None]
        for start, end in adjacent(time_window(month) for month in sorted(months)):
            column = f'"{self._file.month_column}"'
            connection.execute(
                f"delete from {table} where {column} >= ? and {column} < ? and _load_id <> ?", [start, end, load_id]
            )
        connection.execute(f"{rejected} and list_contains(?, month)", [self._file.table, months])

    def _insert(self, connection: duckdb.DuckDBPyConnection, load_id: int) -> list[_Source]:
        """Insert the objects; return those that hold more or other rows than were counted, else none."""
        if not self.sources:
            return []
        expected = sum(source.item.rows_loaded for source in self.sources)
        inserted = 0
        try:
            for extra in (False, True):
                paths = [source.scanned for source in self.sources if source.has_extra is extra]
                if paths:
                    statement = sql.insert_rows(self._file, paths, load_id, self._latest, extra=extra)
                    inserted += _one(connection, statement)
        except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
            _rollback(connection)
            suspects = [source for source in self.sources if not self._scans_clean(connection, source)]
            if not suspects:
                raise LoadError(f"{self._file.table} could not be loaded: {str(error).splitlines()[0]}") from error
            return suspects
        if inserted == expected:
            return []
        return [source for source in self.sources if not self._scans_clean(connection, source)] or list(self.sources)

    def _scans_clean(self, connection: duckdb.DuckDBPyConnection, source: _Source) -> bool:
        """Whether a scan sees exactly the rows that were counted, all of them good."""
        try:
            query = sql.count_good(self._file, source.scanned, self._latest, extra=source.has_extra)
            return _one(connection, query) == source.item.rows_loaded
        except (duckdb.InvalidInputException, duckdb.ConversionException):
            return False

    def _repeated_keys(
        self, connection: duckdb.DuckDBPyConnection, load_id: int
    ) -> dict[str | None, set[quarantine.Key]]:
        """Keys that occur more than once in their month, by month; a month with too many of them is refused."""
        repeated: dict[str | None, set[quarantine.Key]] = {}
        for month, items in self._months().items():
            if not self._may_repeat(connection, month, load_id):
                continue
            extra = _one(connection, sql.count_repeats(self._file, month, load_id))
            if not extra:
                continue
            if sentence := refusal(self._file, month, items, self._limit, repeats=extra):
                example = connection.execute(sql.repeated_keys(self._file, month, load_id, limit=1)).fetchall()[0]
                self.refused[month] = sentence.replace(quarantine.EXAMPLE, self._example(month, example))
                continue
            repeated[month] = set(connection.execute(sql.repeated_keys(self._file, month, load_id)).fetchall())
        self._leave_out_refused()
        return repeated

    def _may_repeat(self, connection: duckdb.DuckDBPyConnection, month: str | None, load_id: int) -> bool:
        """Whether rows may repeat a key, cheaper than by grouping: by hashes, or bits where they are fewer."""
        if query := sql.member_spread(self._file, month, load_id):
            least, greatest, bits, bits_of_hashes = connection.execute(query).fetchall()[0]
            if bits is not None and bits < bits_of_hashes:
                repeated = sql.count_repeated_members(self._file, month, load_id, least, greatest)
                return _one(connection, repeated) > 0
        return _one(connection, sql.count_repeated_hashes(self._file, month, load_id)) > 0

    def _example(self, month: str | None, key: quarantine.Key) -> str:
        """Where a key that is repeated stands for the second time, and how the rows differ."""
        objects = [
            quarantine.Searched(source.item.version.key, source.landed, source.layout, self._origin(source))
            for source in self.sources
            if source.item.month == month
        ]
        return str(quarantine.first_repeat(self._file, month, objects, key, latest=self._latest))

    def _write_books(self, connection: duckdb.DuckDBPyConnection, load_id: int, run_id: str) -> None:
        """Write one history row an object, or one for a month (or table) that is now empty; one row a reject."""
        now = dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)
        table = self._file.table
        history: list[tuple[object, ...]] = [
            (
                load_id,
                table,
                item.month,
                item.version.key,
                item.version.etag,
                item.version.size,
                item.rows_loaded,
                item.rows_rejected,
                str(item.rejects[0]) if item.rejects else None,
                run_id,
                now,
                item.drift,
            )
            for item in (source.item for source in self.sources)
        ]
        history += [
            (load_id, table, month, None, None, 0, 0, 0, None, run_id, now, None)
            for month, versions in self._accepted.items()
            if not versions
        ]
        if history:
            marks = ", ".join("?" * len(LOAD_HISTORY_COLUMNS))
            connection.executemany(f"insert into {RAW_SCHEMA}.load_history values ({marks})", history)
        with_rejects = [source.rejected for source in self.sources if source.item.rows_rejected]
        if with_rejects:
            connection.execute(sql.insert_rejects(self._file, with_rejects, load_id))


def create_raw_tables(
    connection: duckdb.DuckDBPyConnection, files: Sequence[RawFile], by_name: Collection[str]
) -> None:
    """Create the raw tables, the load history and the rejects table where they are missing."""
    connection.execute("begin transaction")
    for statement in sql.create_raw_tables(files, by_name):
        connection.execute(statement)
    connection.execute("commit")


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _rollback(connection: duckdb.DuckDBPyConnection) -> None:
    """Undo the open transaction, if the failure has not already ended it."""
    with suppress(duckdb.TransactionException):
        connection.execute("rollback")
