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
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from netflix_assets.catalog import RAW_SCHEMA, RawFile, read_by_name
from netflix_assets.errors import LoadError, WarehouseError
from netflix_assets.formats.compression import decompressed
from netflix_assets.formats.header import check_header
from netflix_assets.formats.layout import Layout
from netflix_assets.formats.lines import LONGEST_LINE, first_line_of, line_too_long, whole_lines
from netflix_assets.formats.rows import CONFLICT, Reject
from netflix_assets.formats.rules import end_of_tomorrow
from netflix_assets.landing.bucket import LandingBucket, ObjectVersion
from netflix_assets.landing.origins import Origin, cut_from, uploaded_from
from netflix_assets.loading import snowflake_sql as sql
from netflix_assets.loading.reject_limit import exceeds, refusal
from netflix_assets.loading.shrink import Shrink, may_shrink, months_gone_at_once, shrink_sentence
from netflix_assets.loading.snowflake_connection import Answer, QueryTag, Session, session
from netflix_assets.loading.snowflake_errors import SnowflakeError
from netflix_assets.loading.warehouse import (
    Holdings,
    LoadReport,
    LoadState,
    ObjectsByPartition,
    PreparedObject,
    RefusedLoad,
    column_drift_of,
    limits_of,
    load_states_of,
    load_states_query,
    may_be_empty,
    newest_loads_query,
)
from netflix_assets.settings import DEFAULT_MAX_SHRINK, DEFAULT_REJECT_LIMIT, Duty, RejectLimit, SnowflakeSettings

_FIRST_REJECTS = 100
_HEADERS_AT_ONCE = 16
_HEADER_BYTES = 1 << 16
_BLANK_LINES_SKIPPED = (
    "no object is at fault, so they were copied again without their blank lines; the numbers of lines behind such a "
    "line may be too small in this load's rejected rows"
)


class SnowflakeWarehouse:
    """A Snowflake database."""

    def __init__(
        self,
        settings: SnowflakeSettings,
        *,
        limit: RejectLimit = DEFAULT_REJECT_LIMIT,
        max_shrink: float = DEFAULT_MAX_SHRINK,
        by_name: Collection[str] = read_by_name(),
        connect_seconds: int = 60,
    ) -> None:
        """Name the account; nothing is connected yet.

        Args:
            settings: The account and who signs in.
            limit: How many rows of an object or month may be bad.
            max_shrink: Share of rows or keys that a load may take away.
            by_name: The files whose columns are found by their names.
            connect_seconds: How long to try to reach the account.
        """
        self._settings = settings
        self._limit = limit
        self._max_shrink = max_shrink
        self._by_name = frozenset(by_name)
        self._connect_seconds = connect_seconds

    @property
    def limits(self) -> str:
        """See `Warehouse.limits`."""
        return limits_of(self._limit, self._max_shrink, self._by_name)

    def session(self, duty: Duty, tag: QueryTag) -> AbstractContextManager[Session]:
        """A session of the user of a duty; see `snowflake_connection.session`."""
        return session(self._settings, self._settings.users[duty], tag, connect_seconds=self._connect_seconds)

    def ensure_raw_tables(self, files: Sequence[RawFile]) -> None:
        """See `Warehouse.ensure_raw_tables`."""
        with self.session(Duty.LOADER, QueryTag(RAW_SCHEMA)) as opened:
            _create_missing_tables(opened, files)

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
        headers = _check_headers(file, objects, bucket, by_name=file.name in self._by_name)
        refused, layouts = headers.refused, headers.layouts
        tag = QueryTag("/".join(file.table_key), partition_of(objects), run_id)
        with self.session(Duty.LOADER, tag) as opened:
            _create_missing_tables(opened, [file])
            if any(layout.drift(file) for layout in layouts.values()):
                _add_missing_columns(opened, file)
            statements: dict[str, str] = {}
            items: list[PreparedObject] = []
            rejects: list[Reject] = []
            held_back: set[str | None] = set()
            landed: Sequence[sql.Numbered] = ()
            notes: list[str] = []
            accepted = _without(objects, refused)
            if any(accepted.values()):
                prefix = self._stage_prefix(opened, bucket)
                wanted = sql.numbered(file, accepted, prefix, layouts, headers.empty)
                landed, statements["copy"] = self._land(opened, wanted, bucket, refused, notes)
                parsing = sql.create_rows(file, end_of_tomorrow(), sql.layouts_of(file, layouts))
                statements["parse"] = opened.run(parsing).query_id
                items = self._judge(opened, file, landed, bucket, refused, extra=headers.has_unknown)
                accepted = _without(objects, refused)
                if any(item.rows_rejected for item in items):
                    found = opened.run(sql.first_rejects(_FIRST_REJECTS)).rows
                    rejects = [Reject(*row) for row in found]
            if refused and not accepted:
                raise RefusedLoad(refused)
            with _transaction(opened):
                judged = _without(accepted, accept_shrink)
                if judged:
                    held_back = self._hold_back(opened, file, judged, items, refused)
                    _leave_out(opened, landed, held_back)
                    items = [item for item in items if item.month not in held_back]
                    accepted = _without(accepted, refused)
                    if held_back and not accepted:
                        raise RefusedLoad(refused, held_back)
                load_id, inserted_by = _swap(opened, file, accepted, items, run_id, extra=headers.has_unknown)
            if inserted_by:
                statements["insert"] = inserted_by
        return LoadReport(
            load_id=load_id,
            objects=len(items),
            size_bytes=sum(item.version.size for item in items),
            rows_read=sum(item.rows_read for item in items),
            rows_loaded=sum(item.rows_loaded for item in items),
            rows_rejected=sum(item.rows_rejected for item in items),
            rejects=rejects,
            seconds=time.monotonic() - started,
            refused=refused,
            held_back=held_back,
            notes=notes,
            statements=statements,
            pages=pages(self._settings, file, statements),
        )

    def reading(self) -> AbstractContextManager[None]:
        """See `Warehouse.reading`; each question is asked in the session that the one before it has left."""
        return nullcontext()

    def load_states(self, file: RawFile) -> dict[str | None, LoadState]:
        """See `Warehouse.load_states`."""
        return load_states_of(
            [file], self._raw_rows("/".join(file.table_key), load_states_query([file], sql.HALF_MD5))
        )[file.name]

    def holdings(self, files: Sequence[RawFile]) -> Holdings:
        """See `Warehouse.holdings`.

        One session, of the transformer: asked after a run, its warehouse is the one still awake. Asked when something
        arrives, none is needed: SHOW needs none, and the query is the same until a load has committed, so that
        Snowflake answers with the result that it kept.
        """
        with self.session(Duty.TRANSFORMER, QueryTag("status")) as opened:
            shown = opened.run(f"{sql.SHOW_RELATIONS} {self._settings.database}").records()
            relations = {(str(row["schema_name"]).lower(), str(row["name"]).lower()) for row in shown}
            made = (RAW_SCHEMA, "load_history") in relations
            states = load_states_of(files, opened.run(load_states_query(files, sql.HALF_MD5)).rows if made else ())
        return Holdings({(schema, name) for schema, name in relations if schema != "information_schema"}, states)

    def rejects(self, file: RawFile, *, limit: int) -> list[Reject]:
        """See `Warehouse.rejects`."""
        return [Reject(*row) for row in self._raw_rows("/".join(file.table_key), sql.rejects(file, limit))]

    def row_count(self, file: RawFile) -> int:
        """See `Warehouse.row_count`."""
        rows = self._raw_rows("/".join(file.table_key), f"select count(*) from {RAW_SCHEMA}.{file.table}")
        return int(rows[0][0]) if rows else 0

    def column_drift(self, file: RawFile) -> dict[str, str]:
        """See `Warehouse.column_drift`."""
        records = self._raw_records("/".join(file.table_key), newest_loads_query(file))
        return column_drift_of({name.lower(): value for name, value in one.items()} for one in records)

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
        """See `Warehouse.query`."""
        return self.queries([sql])[0]

    def queries(self, statements: Sequence[str]) -> list[list[tuple[Any, ...]]]:
        """See `Warehouse.queries`; asks as the transformer, since the reporter may not read the marts."""
        with self.session(Duty.TRANSFORMER, QueryTag("query")) as opened:
            return [opened.run(sql).rows for sql in statements]

    def _raw_rows(self, asset: str, statement: str) -> list[tuple[Any, ...]]:
        """Rows of a query on a raw table for an asset; none if there is no such table yet."""
        answer = self._asked(asset, statement)
        return answer.rows if answer else []

    def _raw_records(self, asset: str, statement: str) -> list[dict[str, Any]]:
        """The same by name of the column."""
        answer = self._asked(asset, statement)
        return answer.records() if answer else []

    def _asked(self, asset: str, statement: str) -> Answer | None:
        with self.session(Duty.LOADER, QueryTag(asset)) as opened:
            try:
                return opened.run(statement)
            except SnowflakeError as error:
                if error.is_missing_object:
                    return None
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
        self,
        opened: Session,
        objects: Sequence[sql.Numbered],
        bucket: LandingBucket,
        refused: dict[str | None, str],
        notes: list[str],
    ) -> tuple[Sequence[sql.Numbered], str]:
        """Copy every line; returns the objects copied and the query id of the (last) COPY.

        A partition with an object that cannot be copied is refused, and the others are copied without it. Where
        Snowflake finds a fault with the data and no object has one, its reading of blank lines is what is left: they
        are skipped then, and a note says so.

        Raises:
            RefusedLoad: No partition is left.
            LoadError: Snowflake copied some objects in part only.
            BucketError: An object is no longer the one observed.
            WarehouseError: Snowflake refuses for another reason than the objects.
        """
        copied = [item for item in objects if not item.is_empty]
        for statement in sql.create_objects(objects):
            opened.run(statement)
        opened.run(sql.CREATE_LINES)
        loaded: list[dict[str, Any]] = []
        query_id = ""
        stage = f"{RAW_SCHEMA}.{self._settings.stage}"
        for statement in sql.copy_lines(stage, objects, skip_blank_lines=bool(notes)):
            try:
                answer = opened.run(statement)
            except SnowflakeError as error:
                if error.is_missing_file:
                    bucket.refuse_if_replaced([item.version for item in copied])
                if not error.is_of_the_data:
                    raise
                bad = _find_bad_objects(objects, bucket)
                if not bad and not notes:
                    notes.append(f"{error}; {_BLANK_LINES_SKIPPED}")
                    return self._land(opened, objects, bucket, refused, notes)
                if not bad:
                    raise LoadError(f"{error}; nothing was changed") from error
                refused.update(bad)
                left = [item for item in objects if item.month not in refused]
                if not left:
                    raise RefusedLoad(refused) from error
                return self._land(opened, left, bucket, refused, notes)
            loaded += answer.records()
            query_id = answer.query_id
        bucket.refuse_if_replaced([item.version for item in copied])
        # A COPY that processed no file answers with a status alone.
        loaded = [row for row in loaded if "file" in row]
        partly = [
            row["file"] for row in loaded if row["status"] != "LOADED" or row["rows_parsed"] != row["rows_loaded"]
        ]
        if partly or len(loaded) != len(copied):
            raise LoadError(
                f"Snowflake copied {len(loaded) - len(partly)} of {len(copied)} objects as a whole"
                f"{f', not {partly[0]}' if partly else ''}, so nothing was changed; load again, and if it stays so, "
                f"look at query {query_id}"
            )
        return objects, query_id

    def _judge(
        self,
        opened: Session,
        file: RawFile,
        objects: Sequence[sql.Numbered],
        bucket: LandingBucket,
        refused: dict[str | None, str],
        *,
        extra: bool,
    ) -> list[PreparedObject]:
        """What became of each object's rows, without the partitions that are refused for it.

        Raises:
            LoadError: An object was not read as a whole.
            BucketError: What says where rejected rows come from cannot be read.
        """
        counts = opened.run(sql.count_rows()).rows
        origins = self._tell_origins(opened, file, objects, counts, bucket)
        if any(row[6] for row in counts):
            opened.run(sql.describe_repeats(file, extra=extra))
            counts = opened.run(sql.count_rows()).rows
        by_month: dict[str | None, list[PreparedObject]] = defaultdict(list)
        for row, item in zip(counts, objects, strict=True):
            _, lines, longest, longest_start, read, rejected, _, line, column, reason, text, conflict_line = row
            key = item.version.key
            if not lines and not item.is_empty:
                raise LoadError(f"Snowflake found no line in {key}, so nothing was changed; load again")
            if longest > LONGEST_LINE:
                refused.setdefault(item.month, str(line_too_long(key, longest_start.encode())))
            origin = origins.get(key)
            first = [_reject(key, origin, line, column, reason, text)] if rejected else []
            conflict = _reject(key, origin, conflict_line, None, CONFLICT, "") if conflict_line else None
            by_month[item.month].append(
                PreparedObject(item.version, item.month, int(read), int(rejected), first, conflict, item.drift)
            )
        for month, items in by_month.items():
            if month not in refused and (sentence := refusal(file, month, items, self._limit)):
                refused[month] = sentence
        _leave_out(opened, objects, refused)
        return [item for month, items in by_month.items() if month not in refused for item in items]

    def _tell_origins(
        self,
        opened: Session,
        file: RawFile,
        objects: Sequence[sql.Numbered],
        counts: Sequence[tuple[Any, ...]],
        bucket: LandingBucket,
    ) -> dict[str, Origin]:
        """Give rejected rows their place in the file that their object was made of; returns the origins by its key.

        Of an object with too many, only of those that a sentence tells of.
        """
        whole: list[int] = []
        single: dict[int, list[int]] = {}
        for row, item in zip(counts, objects, strict=True):
            _, _, _, _, read, rejected, _, line, _, _, _, conflict_line = row
            if rejected:
                if exceeds(int(rejected), int(read), self._limit):
                    single[item.position] = [int(number) for number in (line, conflict_line) if number]
                else:
                    whole.append(item.position)
        versions = {item.position: item.version for item in objects if item.position in {*whole, *single}}
        origins = dict(cut_from(file, versions.values(), bucket))
        own = [version for version in versions.values() if not file.is_split_object(version.key)]
        noted = bucket.source_lines() if own else {}
        for version in own:
            if origin := uploaded_from(version, bucket, noted):
                origins[version.key] = origin
        if origins:
            told = [(int(number), int(line)) for number, line in opened.run(sql.rows_to_tell(file, whole, single)).rows]
            found = [(number, line, origins.get(versions[number].key)) for number, line in told if number in versions]
            lines = [(number, line, *one.place(line)) for number, line, one in found if one]
            for statement in sql.tell_origins(lines):
                opened.run(statement)
        return origins

    def _hold_back(
        self,
        opened: Session,
        file: RawFile,
        objects: ObjectsByPartition,
        items: Sequence[PreparedObject],
        refused: dict[str | None, str],
    ) -> set[str | None]:
        """Refuse what would take away too much of what the table holds; returns those partitions."""
        states = load_states_of([file], opened.run(load_states_query([file], sql.HALF_MD5)).rows)[file.name]
        gone = months_gone_at_once(file, objects, states, self._max_shrink)
        refused |= gone
        held_back = set(gone)
        candidates = [key for key, versions in objects.items() if may_shrink(key, versions, states.get(key))]
        if not candidates:
            return held_back
        kept = {month: int(count) for month, count in opened.run(sql.count_kept_keys(file)).rows} if items else {}
        for key in candidates:
            before = states[key].rows_loaded
            after = sum(item.rows_loaded for item in items if item.month == key)
            shrink = Shrink(before, after, before - kept.get(key, 0))
            if shrink.exceeds(self._max_shrink):
                refused[key] = shrink_sentence(file, key, shrink, self._max_shrink)
                held_back.add(key)
        return held_back


def _reject(key: str, origin: Origin | None, line: Any, column: str | None, reason: str, text: str) -> Reject:
    """Describe a rejected line of an object, by the file that it was cut from where that is known."""
    if origin is None:
        return Reject(key, int(line), column, reason, text)
    return Reject(*origin.place(int(line)), column, reason, text)


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


def _add_missing_columns(opened: Session, file: RawFile) -> None:
    """Add the columns that tell of drift to tables of before there was any.

    Raises:
        LoadError: The loader may not.
    """
    wanted = sql.columns_for_drift(file)
    if len(opened.run(sql.drift_columns_present(file)).rows) == len(wanted):
        return
    try:
        for statement in wanted:
            opened.run(statement)
    except SnowflakeError as error:
        raise LoadError(
            f"{RAW_SCHEMA}.{file.table} and {RAW_SCHEMA}.load_history have no columns yet for what the objects of "
            f"{file.name} hold beyond the catalogue, so nothing was changed; run `netflix-assets infra apply`"
        ) from error


def _without(objects: ObjectsByPartition, keys: Collection[str | None]) -> ObjectsByPartition:
    return {key: found for key, found in objects.items() if key not in keys}


@dataclass(frozen=True)
class _Headers:
    """What the first lines of a load's objects say.

    Attributes:
        refused: Why, by partition key, a partition is refused.
        empty: Keys of objects without a line.
        layouts: By key, the layouts of those whose columns are not as the catalogue has them.
    """

    refused: dict[str | None, str] = field(default_factory=dict)
    empty: set[str] = field(default_factory=set)
    layouts: dict[str, Layout] = field(default_factory=dict)

    @property
    def has_unknown(self) -> bool:
        """Whether some object has columns that the catalogue does not know."""
        return any(layout.unknown for layout in self.layouts.values())


def _check_headers(file: RawFile, objects: ObjectsByPartition, bucket: LandingBucket, *, by_name: bool) -> _Headers:
    """Look at the first bytes of every object.

    Raises:
        BucketError: An object cannot be read or is no longer the one observed.
    """
    headers = _Headers()

    def check(month: str | None, version: ObjectVersion) -> str | None:
        start = bucket.first_bytes(version, _HEADER_BYTES)
        try:
            line, rest = first_line_of(decompressed(version.key, iter((start,))))
            if not line and not rest and may_be_empty(version, objects[month]):
                headers.empty.add(version.key)
                return None
            layout = check_header(file, version.key, line, by_name=by_name)
        except LoadError as error:
            return str(error)
        if not layout.is_plain:
            headers.layouts[version.key] = layout
        return None

    wanted = [(month, version) for month, found in objects.items() for version in found]
    # The first one alone: it makes the bucket's client, which the threads then share.
    faults = [check(*one) for one in wanted[:1]]
    with ThreadPoolExecutor(_HEADERS_AT_ONCE) as pool:
        faults += pool.map(lambda one: check(*one), wanted[1:])
    for (month, _), fault in zip(wanted, faults, strict=True):
        if fault:
            headers.refused.setdefault(month, fault)
    for month in headers.refused:
        for version in objects[month]:
            headers.layouts.pop(version.key, None)
    return headers


def _find_bad_objects(objects: Sequence[sql.Numbered], bucket: LandingBucket) -> dict[str | None, str]:
    """Read the objects of a COPY that failed, to say which are at fault and why in the words of the contract.

    Returns:
        By partition, its first object that is no gzip or has a line that no CSV has.

    Raises:
        BucketError: Of the first object that is gone or is no longer the one observed.
    """
    bad: dict[str | None, str] = {}
    for item in objects:
        key = item.version.key
        try:
            for _ in whole_lines(key, decompressed(key, bucket.download(item.version))):
                pass
        except LoadError as error:
            bad.setdefault(item.month, str(error))
    return bad


@contextmanager
def _transaction(opened: Session) -> Iterator[None]:
    """Do what is in the block, alone among loads, in one transaction."""
    opened.run(sql.BEGIN)
    try:
        opened.run(sql.TAKE_LOCK)
        yield
        opened.run(sql.COMMIT)
    except BaseException:
        with suppress(WarehouseError):  # The failure itself is what matters; closing the session rolls back as well.
            opened.run(sql.ROLLBACK)
        raise


def _leave_out(opened: Session, objects: Sequence[sql.Numbered], partitions: Collection[str | None]) -> None:
    if left_out := [item for item in objects if item.month in partitions]:
        for statement in sql.leave_out(left_out):
            opened.run(statement)


def _swap(
    opened: Session,
    file: RawFile,
    objects: ObjectsByPartition,
    items: Sequence[PreparedObject],
    run_id: str,
    *,
    extra: bool,
) -> tuple[int, str]:
    """Replace the partitions, in the open transaction; returns the load id and the query id of the insertion.

    Raises:
        LoadError: Other rows were inserted than were counted, so everything stays as it was.
        WarehouseError: Snowflake refuses a statement; likewise.
    """
    expected = sum(item.rows_loaded for item in items)
    emptied = [month for month, versions in objects.items() if not versions]
    load_id = int(opened.run(sql.READ_LOAD_ID).rows[0][0])
    now = dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)
    opened.run(sql.delete_partitions(file, objects))
    opened.run(sql.delete_rejects(file, objects))
    query_id = ""
    if items:
        inserted = opened.run(sql.insert_rows(file, load_id, extra=extra))
        query_id = inserted.query_id
        if inserted.affected != expected:
            raise LoadError(
                f"{inserted.affected} rows were inserted into {file.table} where {expected} were counted, so "
                f"nothing was changed; load again, and if it stays so, look at query {query_id}"
            )
        if any(item.rows_rejected for item in items):
            opened.run(sql.insert_rejects(file, load_id))
        drift = any(item.drift for item in items)
        opened.run(sql.insert_history(file, load_id, run_id, now, drift=drift))
    if emptied:
        opened.run(sql.insert_emptied(file, emptied, load_id, run_id, now))
    return load_id, query_id
