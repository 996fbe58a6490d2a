"""The load contract on Snowflake.

Snowflake reads the objects itself, through the external stage; only their first bytes pass through this
process, for the header. What a load is made of is decided in temporary tables of its session; then one short
transaction swaps the rows in. The number of statements does not grow with months or objects, up to the 1,000
names that a statement may have. A load that is killed leaves nothing behind that another session can see, and
a transaction that Snowflake rolls back.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from typing import Any
from urllib.parse import urlsplit

from netflix_assets.catalog import RAW_SCHEMA, RawFile
from netflix_assets.errors import LoadError, WarehouseError
from netflix_assets.formats.compression import decompressed
from netflix_assets.formats.header import check_header
from netflix_assets.formats.lines import LONGEST_LINE, first_line_of, line_too_long, whole_lines
from netflix_assets.formats.rows import Reject
from netflix_assets.landing.bucket import LandingBucket, ObjectVersion
from netflix_assets.loading import snowflake_sql as sql
from netflix_assets.loading.snowflake_connection import QueryTag, Session, session
from netflix_assets.loading.snowflake_errors import SnowflakeError
from netflix_assets.loading.warehouse import (
    LoadReport,
    LoadState,
    ObjectsByPartition,
    PreparedObject,
    load_states_of,
    load_states_query,
    refuse_if_too_many_rejects,
    refuse_too_many_repeats,
)
from netflix_assets.settings import Duty, SnowflakeSettings

_FIRST_REJECTS = 100
_HEADERS_AT_ONCE = 16
_HEADER_BYTES = 1 << 16


class SnowflakeWarehouse:
    """A Snowflake database."""

    def __init__(
        self, settings: SnowflakeSettings, *, max_rejected_fraction: float = 0.01, connect_seconds: int = 60
    ) -> None:
        """Name the account; nothing is connected yet.

        Args:
            settings: The account and who signs in.
            max_rejected_fraction: Share of rows (0..1) that a load may reject.
            connect_seconds: How long to try to reach the account.
        """
        self._settings = settings
        self._max_rejected_fraction = max_rejected_fraction
        self._connect_seconds = connect_seconds

    def session(self, duty: Duty, tag: QueryTag) -> AbstractContextManager[Session]:
        """A session of the user of a duty; see `snowflake_connection.session`."""
        return session(self._settings, self._settings.users[duty], tag, connect_seconds=self._connect_seconds)

    def ensure_raw_tables(self, files: Sequence[RawFile]) -> None:
        """See `Warehouse.ensure_raw_tables`."""
        with self.session(Duty.LOADER, QueryTag(RAW_SCHEMA)) as opened:
            _create_missing_tables(opened, files)

    def replace(self, file: RawFile, objects: ObjectsByPartition, bucket: LandingBucket, *, run_id: str) -> LoadReport:
        """See `Warehouse.replace`."""
        started = time.monotonic()
        versions = [version for found in objects.values() for version in found]
        _check_headers(file, versions, bucket)
        tag = QueryTag("/".join(file.table_key), partition_of(objects), run_id)
        with self.session(Duty.LOADER, tag) as opened:
            _create_missing_tables(opened, [file])
            statements: dict[str, str] = {}
            items: list[PreparedObject] = []
            rejects: list[Reject] = []
            if versions:
                numbered = sql.numbered(objects, self._stage_prefix(opened, bucket))
                statements["copy"] = self._land(opened, numbered, versions, bucket)
                statements["parse"] = opened.run(sql.create_rows(file)).query_id
                items = self._judge(opened, file, numbered)
                if any(item.rows_rejected for item in items):
                    found = opened.run(sql.first_rejects(_FIRST_REJECTS)).rows
                    rejects = [Reject(*row) for row in found]
            load_id, inserted_by = _swap(opened, file, objects, items, run_id)
            if inserted_by:
                statements["insert"] = inserted_by
        return LoadReport(
            load_id=load_id,
            objects=len(versions),
            size_bytes=sum(version.size for version in versions),
            rows_read=sum(item.rows_read for item in items),
            rows_loaded=sum(item.rows_loaded for item in items),
            rows_rejected=sum(item.rows_rejected for item in items),
            rejects=rejects,
            seconds=time.monotonic() - started,
            statements=statements,
            pages=pages(self._settings, file, statements),
        )

    def load_states(self, file: RawFile) -> dict[str | None, LoadState]:
        """See `Warehouse.load_states`."""
        return self.all_load_states([file])[file.name]

    def all_load_states(self, files: Sequence[RawFile]) -> dict[str, dict[str | None, LoadState]]:
        """See `Warehouse.all_load_states`.

        One statement, the same until a load has committed: Snowflake then answers with the result that it kept, and
        wakes no warehouse.
        """
        asset = "/".join(files[0].table_key) if len(files) == 1 else RAW_SCHEMA
        return load_states_of(files, self._raw_rows(asset, load_states_query(files)))

    def rejects(self, file: RawFile, *, limit: int) -> list[Reject]:
        """See `Warehouse.rejects`."""
        return [Reject(*row) for row in self._raw_rows("/".join(file.table_key), sql.rejects(file, limit))]

    def row_count(self, file: RawFile) -> int:
        """See `Warehouse.row_count`."""
        rows = self._raw_rows("/".join(file.table_key), f"select count(*) from {RAW_SCHEMA}.{file.table}")
        return int(rows[0][0]) if rows else 0

    def relations(self) -> set[tuple[str, str]]:
        """See `Warehouse.relations`."""
        with self.session(Duty.TRANSFORMER, QueryTag("status")) as opened:
            shown = opened.run(f"{sql.SHOW_RELATIONS} {self._settings.database}").records()
        found = {(str(row["schema_name"]).lower(), str(row["name"]).lower()) for row in shown}
        return {(schema, name) for schema, name in found if schema != "information_schema"}

    def row_counts(self, of: Collection[tuple[str, str]] | None = None) -> dict[tuple[str, str], int]:
        """See `Warehouse.row_counts`."""
        with self.session(Duty.TRANSFORMER, QueryTag("status")) as opened:
            relations = [
                (schema, name)
                for schema, name in opened.run(sql.RELATIONS).rows
                if of is None or (schema.lower(), name.lower()) in of
            ]
            if not relations:
                return {}
            counts = opened.run(sql.count_relations(relations)).rows
        return {(schema.lower(), name.lower()): int(rows) for schema, name, rows in counts}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """See `Warehouse.query`; asks as the transformer, since the reporter may not read the marts."""
        with self.session(Duty.TRANSFORMER, QueryTag("query")) as opened:
            return opened.run(sql).rows

    def _raw_rows(self, asset: str, statement: str) -> list[tuple[Any, ...]]:
        """Rows of a query on a raw table for an asset; none if there is no such table yet."""
        with self.session(Duty.LOADER, QueryTag(asset)) as opened:
            try:
                return opened.run(statement).rows
            except SnowflakeError as error:
                if error.is_missing_object:
                    return []
                raise

    def _stage_prefix(self, opened: Session, bucket: LandingBucket) -> str:
        """Where in the bucket the stage begins, with a slash at its end unless it is the bucket itself.

        Raises:
            WarehouseError: The stage reads another bucket.
        """
        stage = f"{self._settings.database}.{RAW_SCHEMA.upper()}.{self._settings.stage}"
        # Of what tells the address, the one that Snowflake documents to need no more than USAGE.
        ((url,),) = opened.run(f"select get_stage_location(@{RAW_SCHEMA}.{self._settings.stage})").rows
        where = urlsplit(str(url))
        if where.netloc != bucket.name:
            raise WarehouseError(
                f"stage {stage} reads s3://{where.netloc}/, not the bucket {bucket.name!r} whose objects were "
                "observed; point the stage at that bucket (`netflix-assets infra apply`) or set NETFLIX_S3_BUCKET"
            )
        prefix = where.path.strip("/")
        return f"{prefix}/" if prefix else ""

    def _land(
        self, opened: Session, objects: Sequence[sql.Numbered], versions: Sequence[ObjectVersion], bucket: LandingBucket
    ) -> str:
        """Copy every line; returns the query id of the (last) COPY.

        Raises:
            LoadError: An object cannot be copied.
            BucketError: An object is no longer the one observed.
            WarehouseError: Snowflake refuses for another reason than the objects.
        """
        for statement in sql.create_objects(objects):
            opened.run(statement)
        opened.run(sql.CREATE_LINES)
        loaded: list[dict[str, Any]] = []
        query_id = ""
        for statement in sql.copy_lines(f"{RAW_SCHEMA}.{self._settings.stage}", objects):
            try:
                answer = opened.run(statement)
            except SnowflakeError as error:
                if error.is_missing_file:
                    bucket.refuse_if_replaced(versions)
                if not error.is_of_the_data:
                    raise
                _find_bad_object(versions, bucket)
                raise LoadError(f"{error}; nothing was changed") from error
            loaded += answer.records()
            query_id = answer.query_id
        bucket.refuse_if_replaced(versions)
        # A COPY that processed no file answers with a status alone.
        loaded = [row for row in loaded if "file" in row]
        partly = [
            row["file"] for row in loaded if row["status"] != "LOADED" or row["rows_parsed"] != row["rows_loaded"]
        ]
        if partly or len(loaded) != len(objects):
            raise LoadError(
                f"Snowflake copied {len(loaded) - len(partly)} of {len(objects)} objects as a whole"
                f"{f', not {partly[0]}' if partly else ''}, so nothing was changed; load again, and if it stays so, "
                f"look at query {query_id}"
            )
        return query_id

    def _judge(self, opened: Session, file: RawFile, objects: Sequence[sql.Numbered]) -> list[PreparedObject]:
        """What became of each object's rows.

        Raises:
            LoadError: An object was not read as a whole, is no CSV, or too many rows are bad.
        """
        items = []
        repeats: dict[str | None, int] = defaultdict(int)
        for row, item in zip(opened.run(sql.count_rows()).rows, objects, strict=True):
            _, lines, longest, longest_start, read, rejected, repeated, line, column, reason, text = row
            key = item.version.key
            if not lines:
                raise LoadError(f"Snowflake found no line in {key}, so nothing was changed; load again")
            if longest > LONGEST_LINE:
                raise line_too_long(key, longest_start.encode())
            first = [Reject(key, int(line), column, reason, text)] if rejected else []
            items.append(PreparedObject(item.version, item.month, int(read), int(rejected), first))
            repeats[item.month] += int(repeated)
        total = sum(item.rows_read for item in items)
        for month, count in repeats.items():
            keys = [item.version.key for item in items if item.month == month]
            refuse_too_many_repeats(file, count, total, self._max_rejected_fraction, keys)
        refuse_if_too_many_rejects(file, items, self._max_rejected_fraction)
        return items


def partition_of(objects: ObjectsByPartition) -> str | None:
    """The months of a load as a partition key, or as a range of them."""
    months = sorted(month for month in objects if month is not None)
    if not months:
        return None
    return months[0] if months[0] == months[-1] else f"{months[0]}...{months[-1]}"


def pages(settings: SnowflakeSettings, file: RawFile, statements: dict[str, str]) -> dict[str, str]:
    """Addresses in Snowsight of the load's statements and of the table."""
    organization, _, account = settings.account.partition("-")
    if "." in settings.account:  # The older form, locator.region.
        account, _, organization = settings.account.partition(".")
    home = f"https://app.snowflake.com/{organization}/{account}".lower() + "/#"
    table = f"{settings.database}/schemas/{RAW_SCHEMA.upper()}/table/{file.table.upper()}"
    history = f"{home}/compute/history/queries"
    queries = {f"{step} query": f"{history}/{number}/detail" for step, number in statements.items()}
    return queries | {"table": f"{home}/data/databases/{table}"}


def _create_missing_tables(opened: Session, files: Sequence[RawFile]) -> None:
    present = {name.lower() for (name,) in opened.run(sql.raw_tables_present()).rows}
    for name, statement in sql.create_raw_tables(files).items():
        if name not in present:
            opened.run(statement)


def _check_headers(file: RawFile, versions: Sequence[ObjectVersion], bucket: LandingBucket) -> None:
    """Look at the first bytes of every object.

    Raises:
        LoadError: An object is not this file.
        BucketError: An object cannot be read or is no longer the one observed.
    """

    def check(version: ObjectVersion) -> None:
        start = bucket.first_bytes(version, _HEADER_BYTES)
        line, _ = first_line_of(decompressed(version.key, iter((start,))))
        check_header(file, version.key, line)

    # The first one alone: it makes the bucket's client, which the threads then share.
    for version in versions[:1]:
        check(version)
    with ThreadPoolExecutor(_HEADERS_AT_ONCE) as pool:
        list(pool.map(check, versions[1:]))


def _find_bad_object(versions: Sequence[ObjectVersion], bucket: LandingBucket) -> None:
    """Read the objects of a COPY that failed, to say which is at fault and why in the words of the contract.

    Raises:
        LoadError: Of the first object that is no gzip or has a line that no CSV has.
        BucketError: Of the first object that is gone or is no longer the one observed.
    """
    for version in versions:
        for _ in whole_lines(version.key, decompressed(version.key, bucket.download(version))):
            pass


def _swap(
    opened: Session,
    file: RawFile,
    objects: ObjectsByPartition,
    items: Sequence[PreparedObject],
    run_id: str,
) -> tuple[int, str]:
    """Replace the window in one transaction; returns the load id and the query id of the insertion.

    Raises:
        LoadError: Other rows were inserted than were counted, so everything stays as it was.
        WarehouseError: Snowflake refuses a statement; likewise.
    """
    expected = sum(item.rows_loaded for item in items)
    emptied = [month for month, versions in objects.items() if not versions]
    opened.run(sql.BEGIN)
    try:
        opened.run(sql.TAKE_LOCK)
        load_id = int(opened.run(sql.READ_LOAD_ID).rows[0][0])
        now = dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)
        opened.run(sql.delete_window(file, objects))
        opened.run(sql.delete_rejects(file, objects))
        query_id = ""
        if items:
            inserted = opened.run(sql.insert_rows(file, load_id))
            query_id = inserted.query_id
            if inserted.affected != expected:
                raise LoadError(
                    f"{inserted.affected} rows were inserted into {file.table} where {expected} were counted, so "
                    f"nothing was changed; load again, and if it stays so, look at query {query_id}"
                )
            if any(item.rows_rejected for item in items):
                opened.run(sql.insert_rejects(file, load_id))
            opened.run(sql.insert_history(file, load_id, run_id, now))
        if emptied:
            opened.run(sql.insert_emptied(file, emptied, load_id, run_id, now))
        opened.run(sql.COMMIT)
    except BaseException:
        with suppress(WarehouseError):  # The failure itself is what matters; closing the session rolls back as well.
            opened.run(sql.ROLLBACK)
        raise
    return load_id, query_id
