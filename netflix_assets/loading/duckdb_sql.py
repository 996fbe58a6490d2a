"""The statements of a load into DuckDB, as pure functions; `duckdb_warehouse` runs them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from netflix_assets.catalog import EXTRA_COLUMN, RAW_SCHEMA, Column, ColumnType, RawFile
from netflix_assets.formats.months import time_window
from netflix_assets.formats.rules import WHOLE_NUMBERS, characters, rules_of, value_of
from netflix_assets.formats.values import SPACES
from netflix_assets.loading.quarantine import REJECT_COLUMNS
from netflix_assets.loading.warehouse import COLUMN_DRIFT, LOAD_HISTORY_COLUMNS, REJECTED_ROWS_COLUMNS

HALF_MD5 = "('0x' || md5({})[17:])::ubigint"
"""See `warehouse.load_states_query`."""

_BOUND_WIDTH = 12


def create_raw_tables(files: Sequence[RawFile], by_name: Collection[str] = ()) -> list[str]:
    """The statements that create what loading needs, where it is missing.

    Args:
        files: Those to be loaded.
        by_name: The files whose columns are found by their names. Only their tables have an `EXTRA_COLUMN`: in one that
            is always NULL it would cost a load 6% of its time.
    """
    history = ", ".join(f"{name} {type_}" for name, type_ in LOAD_HISTORY_COLUMNS)
    rejected = ", ".join(f"{name} {type_}" for name, type_ in REJECTED_ROWS_COLUMNS)
    statements = [
        f"create schema if not exists {RAW_SCHEMA}",
        f"create table if not exists {RAW_SCHEMA}.load_history ({history})",
        f"create table if not exists {RAW_SCHEMA}.rejected_rows ({rejected})",
    ]
    added = [("load_history", COLUMN_DRIFT), *((file.table, EXTRA_COLUMN) for file in files if file.name in by_name)]
    for file in files:
        columns = ", ".join(f'"{column.name}" {column.type.value}' for column in file.columns)
        statements.append(f"create table if not exists {RAW_SCHEMA}.{file.table} ({columns}, _load_id INTEGER)")
    return statements + [
        f"alter table {RAW_SCHEMA}.{table} add column if not exists {column} VARCHAR" for table, column in added
    ]


def landed_name(number: int, month: str | None) -> str:
    """The name of a landed object, which carries the bounds of its month: a scan reads them from there."""
    start, end = time_window(month) if month else (0, 0)
    return f"{number}_{start:0{_BOUND_WIDTH}}_{end:0{_BOUND_WIDTH}}.csv"


def good_row(file: RawFile, latest: int) -> str:
    """An SQL condition, never NULL, that holds for the rows of a scan that the catalogue accepts.

    What it cannot see is how a number was spelt: `csv_object.land` looks at that.

    Args:
        file: What is scanned.
        latest: The first second that is no plausible time.
    """
    conditions = []
    for column in file.columns:
        name, number = f'"{column.name}"', _number(file, column)
        rules = [rule for rule in rules_of(column, latest) if not (rule.spelling or rule.explains)]
        broken = [rule.condition(name, number) for rule in rules]
        if _is_scanned_as_text(file, column):
            broken.append(f"contains({name}, 'e') or contains({name}, 'E')")
        given = _given(file, column)
        tests = [f"{given} is not null", *(f"not ({condition})" for condition in broken)]
        if column.name == file.month_column:
            tests += [f"{number} >= {_window_bound(1)}", f"{number} < {_window_bound(2)}"]
        test = " and ".join(tests)
        conditions.append(f"({test})" if column.required else f"({given} is null or ({test}))")
    return " and ".join(conditions)


def scan(file: RawFile, paths: Sequence[Path], *, extra: bool = False) -> str:
    """A table function that reads landed objects; fields that are not of their type are an error.

    Numbers are scanned as DOUBLE: an INTEGER column of DuckDB's CSV reader rounds 5.7 to 6 in silence. Where text
    stands beside them, whole ones are scanned as text, since there only the scan can look for an exponent.

    Args:
        file: What they hold.
        paths: Where they are.
        extra: `EXTRA_COLUMN` is the last column of each.
    """
    listed = ", ".join(_literal(str(path)) for path in paths)
    types = [(column.name, _scan_type(file, column)) for column in file.columns]
    types += [(EXTRA_COLUMN, "VARCHAR")] if extra else []
    columns = ", ".join(f"{_literal(name)}: '{type_}'" for name, type_ in types)
    quotes = "quote = '\"', escape = '\"'" if file.has_text or extra else "quote = '', escape = ''"
    return (
        f"read_csv([{listed}], header = true, auto_detect = false, delim = ',', {quotes}, "
        f"new_line = '\\n', columns = {{{columns}}}, filename = true, hive_partitioning = false)"
    )


def insert_rows(file: RawFile, paths: Sequence[Path], load_id: int, latest: int, *, extra: bool = False) -> str:
    """The statement that loads landed objects (see `scan`); a row that the catalogue refuses is an error."""
    more = f", {EXTRA_COLUMN}" if extra else ""
    names = ", ".join(f'"{column.name}"' for column in file.columns)
    values = ", ".join(_value(file, column) for column in file.columns)
    return (
        f"insert into {RAW_SCHEMA}.{file.table} ({names}{more}, _load_id) select {values}{more}, {load_id} "
        f"from {scan(file, paths, extra=extra)} "
        f"where case when {good_row(file, latest)} then true else error('bad row') end"
    )


def insert_rejects(file: RawFile, paths: Sequence[Path], load_id: int) -> str:
    """The statement that loads the files of rejects that `quarantine.separate` writes."""
    names = [name for name, _ in REJECTED_ROWS_COLUMNS]
    given = {"load_id": str(load_id), "table_name": _literal(file.table)}
    values = (given.get(name, f"nullif({name}, '')" if name in ("month", "column_name") else name) for name in names)
    listed = ", ".join(_literal(str(path)) for path in paths)
    columns = ", ".join(f"{name}: '{type_}'" for name, type_ in REJECT_COLUMNS)
    return (
        f"insert into {RAW_SCHEMA}.rejected_rows ({', '.join(names)}) select {', '.join(values)} "
        f"from read_csv([{listed}], header = false, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
        f"new_line = '\\n', columns = {{{columns}}}, parallel = false, hive_partitioning = false)"
    )


def count_good(file: RawFile, path: Path, latest: int, *, extra: bool = False) -> str:
    """The query for the number of rows of a landed object (see `scan`) that the catalogue accepts."""
    return f"select count(*) filter (where {good_row(file, latest)}) from {scan(file, [path], extra=extra)}"


def select_good(file: RawFile, paths: Sequence[Path], latest: int) -> str:
    """The query for the values of the rows of landed objects that the catalogue accepts."""
    values = ", ".join(_value(file, column) for column in file.columns)
    return f"select {values} from {scan(file, paths)} where {good_row(file, latest)}"


def count_repeated_hashes(file: RawFile, month: str | None, load_id: int) -> str:
    """The query for a number that is 0 only if no row of a load repeats the key of another."""
    return f"select count(*) - count(distinct hash({_key(file)})) {_loaded(file, month, load_id)}"


def member_spread(file: RawFile, month: str | None, load_id: int) -> str | None:
    """The query for what bits in place of hashes would take, or None where a key is not two whole numbers.

    Returns:
        The least and the greatest of the second; the bits, if each value of the first had one for each between these,
        about; the bits of a hash of each row.
    """
    whole_numbers = {column.name for column in file.columns if column.type in WHOLE_NUMBERS}
    if len(file.key) != 2 or not whole_numbers.issuperset(file.key):
        return None
    owner, member = (f'"{name}"' for name in file.key)
    bits = f"approx_count_distinct({owner}) * (max({member}) - min({member}) + 1)"
    return f"select min({member}), max({member}), {bits}, 64 * count(*) {_loaded(file, month, load_id)}"


def count_repeated_members(file: RawFile, month: str | None, load_id: int, least: int, greatest: int) -> str:
    """The query for the number of rows of a load that repeat the key of another, by a bit for each.

    Where that is fewer bits (see `member_spread`): 16 million rows in 0.2 seconds of processor, 2.5 with hashes.
    """
    owner, member = (f'"{name}"' for name in file.key)
    different = f"bit_count(bitstring_agg({member}, {least}, {greatest}))"
    groups = f"{_loaded(file, month, load_id)} group by {owner}"
    return f"select coalesce(sum(n - different), 0) from (select count(*) as n, {different} as different {groups})"


def count_repeats(file: RawFile, month: str | None, load_id: int) -> str:
    """The query for the number of rows of a load that repeat the key of another."""
    groups = f"{_loaded(file, month, load_id)} group by {_key(file)} having count(*) > 1"
    return f"select coalesce(sum(n - 1), 0) from (select count(*) as n {groups})"


def repeated_keys(file: RawFile, month: str | None, load_id: int, *, limit: int | None = None) -> str:
    """The query for the keys that more than one row of a load has."""
    groups = f"{_loaded(file, month, load_id)} group by {_key(file)} having count(*) > 1"
    return f"select {_key(file)} {groups}" + (f" order by all limit {limit}" if limit else "")


def count_lost_keys(file: RawFile, month: str | None, load_id: int) -> str:
    """Return the query for the number of rows held before a load whose key none of its rows has."""
    table = f"{RAW_SCHEMA}.{file.table}"
    window = ""
    if month is not None:
        start, end = time_window(month)
        window = f' and held."{file.month_column}" >= {start} and held."{file.month_column}" < {end}'
    same = " and ".join(f'loaded."{name}" = held."{name}"' for name in file.key)
    return (
        f"select count(*) from {table} as held where held._load_id <> {load_id}{window} "
        f"and not exists (select 1 from {table} as loaded where loaded._load_id = {load_id} and {same})"
    )


def _key(file: RawFile) -> str:
    return ", ".join(f'"{name}"' for name in file.key)


def _loaded(file: RawFile, month: str | None, load_id: int) -> str:
    where = f"where _load_id = {load_id}"
    if month is not None:
        start, end = time_window(month)
        where += f' and "{file.month_column}" >= {start} and "{file.month_column}" < {end}'
    return f"from {RAW_SCHEMA}.{file.table} {where}"


def _is_scanned_as_text(file: RawFile, column: Column) -> bool:
    return file.has_text and column.type in WHOLE_NUMBERS


def _given(file: RawFile, column: Column) -> str:
    """A field as it is scanned, NULL if nothing is given: spaces are not, where a number may be missing."""
    name = f'"{column.name}"'
    if column.required or not _is_scanned_as_text(file, column):
        return name
    # A text that begins with what is no space need not be trimmed to be known, which would cost as much as six scans.
    return f"case when {name} >= '!' then {name} else nullif(trim({name}, {characters(SPACES)}), '') end"


def _number(file: RawFile, column: Column) -> str:
    given = _given(file, column)
    return f"{given}::DOUBLE" if _is_scanned_as_text(file, column) else given


def _value(file: RawFile, column: Column) -> str:
    number = _number(file, column)
    return number if column.type is ColumnType.TEXT else value_of(column, number)


def _scan_type(file: RawFile, column: Column) -> str:
    return "VARCHAR" if column.type is ColumnType.TEXT or _is_scanned_as_text(file, column) else "DOUBLE"


def _window_bound(position: int) -> str:
    """Start (1) or end (2) of the month that a landed file holds, from its name; constant within a file."""
    end = len(".csv") + (2 - position) * (_BOUND_WIDTH + 1)
    return f"filename[-{end + _BOUND_WIDTH}:-{end + 1}]::BIGINT"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
